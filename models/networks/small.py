"""A small residual network for two processor cores.

Paper: He, Zhang, Ren, Sun: Deep residual learning for image recognition (CVPR 2016, arXiv:1512.03385), with far
fewer blocks and channels. Licence: this project's (AGPL-3.0-or-later).
"""

from __future__ import annotations

from torch import Tensor, nn

from models.networks.registry import Backbone, register

WIDTHS = (16, 32, 64, 96)
"""Channels of the four blocks; rows and columns are halved between them."""


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut, which is a 1 x 1 convolution where the width changes."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.shortcut: nn.Module = nn.Identity()
        if channels != width:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, images: Tensor) -> Tensor:
        """(B, channels, H, W) -> (B, width, H, W)."""
        total: Tensor = self.body(images) + self.shortcut(images)
        return nn.functional.relu(total)


@register("small_resnet", paper="He et al. 2016, arXiv:1512.03385", licence="AGPL-3.0-or-later")
def small_resnet(in_channels: int) -> Backbone:
    """A stem and four residual blocks: 0.2 M parameters; 128 x 128 pixels become 8 x 8.

    Blocks keep the resolution and are pooled by their maximum, as is the last one: what is asked (a cut border,
    say) is a few pixels wide at one place of the picture, and strides or a mean over the others would drown it
    where the images are few.
    """
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, WIDTHS[0], 5, 2, 2, bias=False),
        nn.BatchNorm2d(WIDTHS[0]),
        nn.ReLU(inplace=True),
    ]
    channels = WIDTHS[0]
    for width in WIDTHS:
        if len(layers) > 3:
            layers.append(nn.MaxPool2d(2))
        layers.append(Block(channels, width))
        channels = width
    return Backbone(nn.Sequential(*layers), channels, stem="0.weight", pooling="max")
