"""DenseNet with 121 layers: every layer sees the features of all before it in its block.

Paper: Huang, Liu, van der Maaten, Weinberger: Densely connected convolutional networks (CVPR 2017,
arXiv:1608.06993). Built by timm (Apache-2.0); torchvision's weights in timm's form are BSD-3-Clause.
"""

from __future__ import annotations

from models.networks.registry import Backbone, Pretrained, register


@register(
    "densenet121",
    paper="Huang et al. 2017, arXiv:1608.06993",
    licence="Apache-2.0 (timm)",
    pretrained=Pretrained(
        files=("densenet121.tv_in1k.safetensors", "densenet121.ra_in1k.safetensors", "densenet121.safetensors"),
        source="timm/densenet121.tv_in1k (BSD-3-Clause)",
    ),
)
def densenet121(in_channels: int) -> Backbone:
    """DenseNet-121 without its classifier (7.0 M parameters); 224 x 224 pixels become 7 x 7."""
    import timm  # noqa: PLC0415

    network = timm.create_model(
        "densenet121", pretrained=False, num_classes=0, global_pool="", in_chans=in_channels
    )
    return Backbone(network, 1024, stem="features.conv0.weight")
