"""Networks with squeeze and excitation: SENet-154, SE-ResNet-50 and SE-ResNeXt-101 32x4d.

Paper: Hu, Shen, Albanie, Sun, Wu: Squeeze-and-excitation networks (CVPR 2018, arXiv:1709.01507). Built by timm
(Apache-2.0) in the form of the authors' Caffe models; the weights are those models', converted by R. Cadene
(pretrained-models.pytorch, BSD-3-Clause).
"""

from __future__ import annotations

from models.networks.registry import Backbone, Pretrained, register

PAPER = "Hu et al. 2018, arXiv:1709.01507"
LICENCE = "Apache-2.0 (timm)"


def _senet(name: str, in_channels: int) -> Backbone:
    import timm  # noqa: PLC0415

    network = timm.create_model(name, pretrained=False, num_classes=0, global_pool="", in_chans=in_channels)
    return Backbone(network, 2048, stem="layer0.conv1.weight")


def _files(name: str, published: str) -> Pretrained:
    return Pretrained(
        files=(f"{name}.in1k.safetensors", f"{name}.safetensors", published), source=f"timm/{name}.in1k"
    )


@register(
    "senet154",
    paper=PAPER,
    licence=LICENCE,
    pretrained=_files("legacy_senet154", "legacy_senet154-e9eb9fe6.pth"),
)
def senet154(in_channels: int) -> Backbone:
    """SENet-154 without its classifier (113.0 M parameters); 224 x 224 pixels become 7 x 7."""
    return _senet("legacy_senet154", in_channels)


@register(
    "se_resnet50",
    paper=PAPER,
    licence=LICENCE,
    pretrained=_files("legacy_seresnet50", "se_resnet50-ce0d4300.pth"),
)
def se_resnet50(in_channels: int) -> Backbone:
    """SE-ResNet-50 without its classifier (26.0 M parameters); 224 x 224 pixels become 7 x 7."""
    return _senet("legacy_seresnet50", in_channels)


@register(
    "se_resnext101_32x4d",
    paper=PAPER,
    licence=LICENCE,
    pretrained=_files("legacy_seresnext101_32x4d", "legacy_se_resnext101_32x4d-37725eac.pth"),
)
def se_resnext101_32x4d(in_channels: int) -> Backbone:
    """SE-ResNeXt-101 32x4d without its classifier (46.9 M parameters); 224 x 224 pixels become 7 x 7."""
    return _senet("legacy_seresnext101_32x4d", in_channels)
