"""A small residual network for clips, for two processor cores.

Paper: He, Zhang, Ren, Sun: Deep residual learning for image recognition (CVPR 2016, arXiv:1512.03385), in three
dimensions and with far fewer blocks and channels. Licence: this project's (AGPL-3.0-or-later).
"""

from __future__ import annotations

from torch import Tensor, nn

from models.networks.registry import Backbone, register

WIDTHS = (16, 32, 64)
"""Channels of the three blocks; frames, rows and columns are halved between them."""


class Block3d(nn.Module):
    """Two 3 x 3 x 3 convolutions beside a shortcut, which is a 1 x 1 x 1 convolution where the width changes."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv3d(channels, width, 3, 1, 1, bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(inplace=True),
            nn.Conv3d(width, width, 3, 1, 1, bias=False),
            nn.BatchNorm3d(width),
        )
        self.shortcut: nn.Module = nn.Identity()
        if channels != width:
            self.shortcut = nn.Sequential(nn.Conv3d(channels, width, 1, bias=False), nn.BatchNorm3d(width))

    def forward(self, clips: Tensor) -> Tensor:
        """(B, channels, F, H, W) -> (B, width, F, H, W)."""
        total: Tensor = self.body(clips) + self.shortcut(clips)
        return nn.functional.relu(total)


@register("small_resnet3d", paper="He et al. 2016, arXiv:1512.03385", licence="AGPL-3.0-or-later")
def small_resnet3d(in_channels: int) -> Backbone:
    """A stem and three residual blocks: 0.23 M parameters; 22 x 44 x 44 becomes 2 x 5 x 5.

    The mean over space keeps how large a lesion is, since what is not lesion is empty.
    """
    layers: list[nn.Module] = [
        nn.Conv3d(in_channels, WIDTHS[0], (3, 5, 5), 2, (1, 2, 2), bias=False),
        nn.BatchNorm3d(WIDTHS[0]),
        nn.ReLU(inplace=True),
    ]
    channels = WIDTHS[0]
    for width in WIDTHS:
        if len(layers) > 3:
            layers.append(nn.MaxPool3d(2))
        layers.append(Block3d(channels, width))
        channels = width
    return Backbone(nn.Sequential(*layers), channels, stem="0.weight", pooling="mean")
