"""ViViT, a transformer over tubelets of a clip: the factorised encoder, model 2 of the paper.

Paper: Arnab et al.: ViViT: a video vision transformer (ICCV 2021, arXiv:2103.15691). Licence: this project's
(AGPL-3.0-or-later). The places of tubelets are given by sines and cosines (Vaswani et al. 2017, arXiv:1706.03762),
so that clips of any size fit.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from models.networks.registry import Backbone, register

TUBELET = (2, 16, 16)
"""Frames, rows and columns of a tubelet."""
WIDTH, HEADS, SPATIAL, TEMPORAL = 384, 6, 8, 4
"""Width and heads of ViT-S (Touvron et al. 2021, arXiv:2012.12877); layers over space, and over time."""


class ViViT(nn.Module):
    """Tubelets attend to each other within a time step first, then time steps to each other.

    The output keeps the places of tubelets: what the temporal encoder says of a time step is added to its
    tubelets, so that the mean over places is a token of the whole clip and Grad-CAM has a map.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.embed = nn.Conv3d(in_channels, WIDTH, TUBELET, TUBELET)
        self.space = _encoder(SPATIAL)
        self.time = _encoder(TEMPORAL)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, clips: Tensor) -> Tensor:
        """(B, C, F, H, W) -> (B, 384, F / 2, H / 16, W / 16); what is left of a tubelet is cut off."""
        tokens = self.embed(clips)
        count, width, frames, rows, columns = tokens.shape
        steps = tokens.permute(0, 2, 3, 4, 1).reshape(count * frames, rows * columns, width)
        steps = self.space(steps + places(rows * columns, width, tokens.device))
        pooled = steps.mean(dim=1).view(count, frames, width)
        over_time = self.time(pooled + places(frames, width, tokens.device))
        joined = steps.view(count, frames, rows * columns, width) + over_time[:, :, None]
        joined = self.norm(joined).permute(0, 3, 1, 2)
        placed: Tensor = joined.reshape(count, width, frames, rows, columns)
        return placed


def _encoder(layers: int) -> nn.Module:
    layer = nn.TransformerEncoderLayer(
        WIDTH, HEADS, 4 * WIDTH, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    return nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)


def places(count: int, width: int, device: torch.device) -> Tensor:
    """(count, width) sines and cosines of the places 0, 1, 2 ..."""
    at = torch.arange(count, device=device, dtype=torch.float32)[:, None]
    rates = torch.exp(torch.arange(0, width, 2, device=device, dtype=torch.float32) * (-math.log(10000.0) / width))
    return torch.cat([torch.sin(at * rates), torch.cos(at * rates)], dim=1)


@register("vivit", paper="Arnab et al. 2021, arXiv:2103.15691", licence="AGPL-3.0-or-later")
def vivit(in_channels: int) -> Backbone:
    """The factorised encoder with 8 layers over space and 4 over time, 21.7 M parameters."""
    return Backbone(ViViT(in_channels), WIDTH, stem="embed.weight")
