"""U-Nets: encoder and decoder with shortcuts between them, for outlines.

Paper: Ronneberger, Fischer, Brox: U-Net: convolutional networks for biomedical image segmentation (MICCAI 2015,
arXiv:1505.04597). The large one is MONAI's (Apache-2.0), with residual units after Kerfoot et al. 2018
(Left-ventricle quantification using residual U-Net). The small one works at half the resolution and is spread
out by its head (Shi et al. 2016, arXiv:1609.05158); licence: this project's (AGPL-3.0-or-later).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.networks.registry import Backbone, register

WIDTHS = (16, 24, 40, 64)
"""Channels of the small U-Net at 1/2, 1/4, 1/8 and 1/16 of the resolution."""
LARGE = (64, 128, 256, 512, 1024)
"""Channels of the large one, from the full resolution to 1/16."""


def _double(channels: int, width: int) -> nn.Sequential:
    """Two 3 x 3 convolutions with normalisation and ReLU."""
    layers: list[nn.Module] = []
    for given in (channels, width):
        layers += [nn.Conv2d(given, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class SmallUNet(nn.Module):
    """Four resolutions, of which the finest is half that of the picture; any even size comes in."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.fold = nn.Conv2d(in_channels, WIDTHS[0], 4, 2, 1, bias=False)
        below = (WIDTHS[0], *WIDTHS)
        self.down = nn.ModuleList(_double(given, width) for given, width in zip(below, WIDTHS, strict=False))
        self.up = nn.ModuleList(
            _double(WIDTHS[i + 1] + WIDTHS[i], WIDTHS[i]) for i in reversed(range(len(WIDTHS) - 1))
        )

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 16, H / 2, W / 2)."""
        current, kept = self.fold(images), []
        for index, block in enumerate(self.down):
            if index:
                current = nn.functional.max_pool2d(current, 2, ceil_mode=True)
            current = block(current)
            kept.append(current)
        for block, beside in zip(self.up, reversed(kept[:-1]), strict=True):
            larger = nn.functional.interpolate(current, beside.shape[2:], mode="nearest")
            current = block(torch.cat([larger, beside], dim=1))
        result: Tensor = current
        return result


@register("small_unet", paper="Ronneberger et al. 2015, arXiv:1505.04597", licence="AGPL-3.0-or-later")
def small_unet(in_channels: int) -> Backbone:
    """A U-Net for two processor cores: 0.2 M parameters; 160 x 160 pixels become 80 x 80."""
    return Backbone(SmallUNet(in_channels), WIDTHS[0], stem="fold.weight")


@register(
    "unet", paper="Ronneberger et al. 2015, arXiv:1505.04597; Kerfoot et al. 2018", licence="Apache-2.0 (MONAI)"
)
def unet(in_channels: int) -> Backbone:
    """MONAI's U-Net with two residual units a resolution; the size stays, and must divide by 16."""
    from monai.networks.nets.unet import UNet  # noqa: PLC0415 - slow to load

    network = UNet(
        spatial_dims=2,
        in_channels=in_channels,
        out_channels=LARGE[0],
        channels=LARGE,
        strides=(2, 2, 2, 2),
        num_res_units=2,
        norm="batch",
    )
    return Backbone(network, LARGE[0], stem="model.0.conv.unit0.conv.weight")
