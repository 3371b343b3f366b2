"""ResNets in three dimensions.

Papers: He et al.: Deep residual learning for image recognition (CVPR 2016, arXiv:1512.03385); Hara, Kataoka,
Satoh: Can spatiotemporal 3D CNNs retrace the history of 2D CNNs and ImageNet? (CVPR 2018, arXiv:1711.09577).
Built by MONAI (Apache-2.0), with one channel and without its weights.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from models.networks.registry import Backbone, register

PAPER = "Hara et al. 2018, arXiv:1711.09577"
LICENCE = "Apache-2.0 (MONAI)"
SIZES = {18: 512, 34: 512, 50: 2048, 101: 2048}
"""Channels of the last stage, by number of layers."""


class Convolutions(nn.Module):
    """A ResNet of MONAI up to its last stage, without pooling and dense layer."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        for name in ("conv1", "bn1", "act", "maxpool", "layer1", "layer2", "layer3", "layer4"):
            setattr(self, name, getattr(network, name))

    def forward(self, clips: Tensor) -> Tensor:
        """(B, C, F, H, W) -> (B, width, F / 16, H / 16, W / 16), rounded up."""
        found = clips
        for part in self.children():
            found = part(found)
        return found


def _builder(layers: int) -> Callable[[int], Backbone]:
    def build(in_channels: int) -> Backbone:
        from monai.networks import nets  # noqa: PLC0415 - slow to load

        network = getattr(nets, f"resnet{layers}")(spatial_dims=3, n_input_channels=in_channels, num_classes=2)
        return Backbone(Convolutions(network), SIZES[layers], stem="conv1.weight")

    return build


for _layers in SIZES:
    register(f"resnet{_layers}_3d", paper=PAPER, licence=LICENCE)(_builder(_layers))
