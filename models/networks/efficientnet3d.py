"""EfficientNets in three dimensions.

Paper: Tan, Le: EfficientNet: rethinking model scaling for convolutional neural networks (ICML 2019,
arXiv:1905.11946). Built by MONAI (Apache-2.0) with convolutions over space and frames, and without weights.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from models.networks.registry import Backbone, register

PAPER = "Tan and Le 2019, arXiv:1905.11946"
LICENCE = "Apache-2.0 (MONAI)"
WIDTHS = {"b0": 1280, "b3": 1536, "b4": 1792}
"""Channels of the last convolution, by size."""
PARTS = (
    "_conv_stem_padding", "_conv_stem", "_bn0", "_swish", "_blocks", "_conv_head_padding", "_conv_head", "_bn1"
)  # fmt: skip
"""In the order of the computation."""


class Convolutions(nn.Module):
    """An EfficientNet of MONAI up to its last convolution, without pooling and dense layer."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        for name in PARTS:
            setattr(self, name.removeprefix("_"), getattr(network, name))

    def forward(self, clips: Tensor) -> Tensor:
        """(B, C, F, H, W) -> (B, width, F / 32, H / 32, W / 32), rounded up."""
        found = clips
        for part in self.children():
            found = part(found)
        return nn.functional.silu(found)


def _builder(size: str) -> Callable[[int], Backbone]:
    def build(in_channels: int) -> Backbone:
        from monai.networks.nets.efficientnet import EfficientNetBN  # noqa: PLC0415 - slow to load

        network = EfficientNetBN(
            f"efficientnet-{size}", pretrained=False, spatial_dims=3, in_channels=in_channels, num_classes=2
        )
        return Backbone(Convolutions(network), WIDTHS[size], stem="conv_stem.weight")

    return build


for _size in WIDTHS:
    register(f"efficientnet_{_size}_3d", paper=PAPER, licence=LICENCE)(_builder(_size))
