"""EfficientNet: networks whose depth, width and resolution grow together.

Paper: Tan, Le: EfficientNet: rethinking model scaling for convolutional neural networks (ICML 2019,
arXiv:1905.11946). Built by timm (Apache-2.0) with the padding of the TensorFlow original; its weights are
Apache-2.0. Those trained with AdvProp (``ap_in1k``) expect another mean and standard deviation and are not looked
for; timm's own ``efficientnet_b4`` (``ra2_in1k``) was trained at 320 pixels and is another network.
"""

from __future__ import annotations

from models.networks.registry import Backbone, Pretrained, register

PAPER = "Tan and Le 2019, arXiv:1905.11946"
LICENCE = "Apache-2.0 (timm)"


def _files(size: str, *published: str) -> Pretrained:
    """The weights of one size: timm's safetensors, plain training first, and the files of the first release."""
    name = f"tf_efficientnet_{size}"
    kinds = ("in1k", "aa_in1k", "ns_jft_in1k")
    return Pretrained(
        files=(*(f"{name}.{kind}.safetensors" for kind in kinds), f"{name}.safetensors", *published),
        source=f"timm/{name}.in1k",
    )


def _efficientnet(size: str, width: int, in_channels: int) -> Backbone:
    import timm  # noqa: PLC0415

    network = timm.create_model(
        f"tf_efficientnet_{size}", pretrained=False, num_classes=0, global_pool="", in_chans=in_channels
    )
    return Backbone(network, width, stem="conv_stem.weight")


@register(
    "efficientnet_b0", paper=PAPER, licence=LICENCE, pretrained=_files("b0", "tf_efficientnet_b0-0af12548.pth")
)
def efficientnet_b0(in_channels: int) -> Backbone:
    """EfficientNet-B0 without its classifier (4.0 M parameters); 224 x 224 pixels become 7 x 7."""
    return _efficientnet("b0", 1280, in_channels)


@register(
    "efficientnet_b3", paper=PAPER, licence=LICENCE, pretrained=_files("b3", "tf_efficientnet_b3-e3bd6955.pth")
)
def efficientnet_b3(in_channels: int) -> Backbone:
    """EfficientNet-B3 without its classifier (10.7 M parameters); 300 x 300 pixels become 10 x 10."""
    return _efficientnet("b3", 1536, in_channels)


@register(
    "efficientnet_b4", paper=PAPER, licence=LICENCE, pretrained=_files("b4", "tf_efficientnet_b4-74ee3bed.pth")
)
def efficientnet_b4(in_channels: int) -> Backbone:
    """EfficientNet-B4 without its classifier (17.5 M parameters); 380 x 380 pixels become 12 x 12."""
    return _efficientnet("b4", 1792, in_channels)
