"""Residual networks with 18 and 50 layers.

Paper: He, Zhang, Ren, Sun: Deep residual learning for image recognition (CVPR 2016, arXiv:1512.03385). Built by
timm (Apache-2.0); torchvision's ImageNet weights are BSD-3-Clause.
"""

from __future__ import annotations

from models.networks.registry import Backbone, Pretrained, register

PAPER = "He et al. 2016, arXiv:1512.03385"
LICENCE = "Apache-2.0 (timm)"


@register(
    "resnet18",
    paper=PAPER,
    licence=LICENCE,
    pretrained=Pretrained(
        files=("resnet18.tv_in1k.safetensors", "resnet18.safetensors", "resnet18-f37072fd.pth"),
        source="torchvision's ResNet18_Weights.IMAGENET1K_V1, or timm/resnet18.tv_in1k",
    ),
)
def resnet18(in_channels: int) -> Backbone:
    """The convolutions of ResNet-18 (11.2 M parameters); 224 x 224 pixels become 7 x 7."""
    return _backbone("resnet18", in_channels, 512)


@register(
    "resnet50",
    paper=PAPER,
    licence=LICENCE,
    pretrained=Pretrained(
        files=("resnet50.tv_in1k.safetensors", "resnet50.safetensors", "resnet50-0676ba61.pth"),
        source="torchvision's ResNet50_Weights.IMAGENET1K_V1, or timm/resnet50.tv_in1k",
    ),
)
def resnet50(in_channels: int) -> Backbone:
    """The convolutions of ResNet-50 (23.5 M parameters); 224 x 224 pixels become 7 x 7."""
    return _backbone("resnet50", in_channels, 2048)


def _backbone(name: str, in_channels: int, width: int) -> Backbone:
    import timm  # noqa: PLC0415

    network = timm.create_model(name, pretrained=False, num_classes=0, global_pool="", in_chans=in_channels)
    return Backbone(network, width, stem="conv1.weight")
