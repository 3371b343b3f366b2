"""VGG, configuration E, in its first form without normalisation.

Paper: Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition (ICLR 2015,
arXiv:1409.1556). Built by torchvision (BSD-3-Clause); its ImageNet weights are BSD-3-Clause too.
"""

from __future__ import annotations

from torch import nn
from torchvision.models.vgg import cfgs, make_layers

from models.networks.registry import Backbone, Pretrained, register


@register(
    "vgg19",
    paper="Simonyan and Zisserman 2015, arXiv:1409.1556",
    licence="BSD-3-Clause (torchvision)",
    pretrained=Pretrained(
        files=("vgg19.tv_in1k.safetensors", "vgg19.safetensors", "vgg19-dcbb9e9d.pth"),
        prefix="features.",
        source="torchvision's VGG19_Weights.IMAGENET1K_V1, or timm/vgg19.tv_in1k",
    ),
)
def vgg19(in_channels: int) -> Backbone:
    """The 16 convolutions of VGG19 (20.0 M parameters); 244 x 244 pixels become 7 x 7."""
    layers = make_layers(cfgs["E"])
    if in_channels != 3:
        layers[0] = nn.Conv2d(in_channels, 64, 3, padding=1)
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return Backbone(layers, 512, stem="0.weight")
