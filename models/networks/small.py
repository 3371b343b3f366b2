"""A small residual network for two processor cores.

Paper: He, Zhang, Ren, Sun: Deep residual learning for image recognition (CVPR 2016, arXiv:1512.03385), with far
fewer blocks and channels. Licence: this project's (AGPL-3.0-or-later).
"""

from __future__ import annotations

from torch import Tensor, nn

from models.networks.registry import Backbone, register

WIDTHS = (16, 32, 64, 128)
"""Channels of the four stages; each halves rows and columns."""


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut, which is a 1 x 1 convolution where the shape changes."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels != width:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, images: Tensor) -> Tensor:
        """(B, channels, H, W) -> (B, width, H / stride, W / stride)."""
        total: Tensor = self.body(images) + self.shortcut(images)
        return nn.functional.relu(total)


@register("small_resnet", paper="He et al. 2016, arXiv:1512.03385", licence="AGPL-3.0-or-later")
def small_resnet(in_channels: int) -> Backbone:
    """A stem and four residual blocks: 0.3 M parameters; 128 x 128 pixels become 8 x 8.

    Pooled by the maximum: what it is asked (a cut border, say) shows at one place of the picture, and a mean over
    the others would drown it where the images are few.
    """
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, WIDTHS[0], 3, 2, 1, bias=False),
        nn.BatchNorm2d(WIDTHS[0]),
        nn.ReLU(inplace=True),
    ]
    channels = WIDTHS[0]
    for width, stride in zip(WIDTHS, (2, 2, 2, 1), strict=True):
        layers.append(Block(channels, width, stride))
        channels = width
    return Backbone(nn.Sequential(*layers), channels, stem="0.weight", pooling="max")
