"""ResNet V2 (pre-activation) with 152 layers.

Paper: He, Zhang, Ren, Sun: Identity mappings in deep residual networks (ECCV 2016, arXiv:1603.05027). Built by
timm (Apache-2.0), which has no ImageNet weights of it: Keras's ResNet152V2 has to be converted (inputs -1 to 1).
"""

from __future__ import annotations

from models.networks.registry import Backbone, Pretrained, register

WIDTH = 2048
"""Channels that its last stage gives."""


@register(
    "resnetv2_152",
    paper="He et al. 2016, arXiv:1603.05027",
    licence="Apache-2.0 (timm)",
    pretrained=Pretrained(
        files=("resnetv2_152.safetensors",),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        source="Keras's ResNet152V2, converted to the tensor names of timm's resnetv2_152",
    ),
)
def resnetv2_152(in_channels: int) -> Backbone:
    """The convolutions of ResNet152V2 (58.1 M parameters); 244 x 244 pixels become 8 x 8."""
    import timm  # noqa: PLC0415

    network = timm.create_model(
        "resnetv2_152", pretrained=False, num_classes=0, global_pool="", in_chans=in_channels
    )
    return Backbone(network, WIDTH, stem="stem.conv.weight")
