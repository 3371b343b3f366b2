"""RegNetY: networks from a design space, with squeeze and excitation.

Paper: Radosavovic, Kosaraju, Girshick, He, Dollár: Designing network design spaces (CVPR 2020, arXiv:2003.13678).
Built by timm (Apache-2.0). Weights: pycls (MIT) or torchvision (BSD-3-Clause); those of SWAG and SEER have
licences of their own and are not looked for.
"""

from __future__ import annotations

from models.networks.registry import Backbone, Pretrained, register

PAPER = "Radosavovic et al. 2020, arXiv:2003.13678"


def _regnet(name: str, width: int, in_channels: int) -> Backbone:
    import timm  # noqa: PLC0415

    network = timm.create_model(name, pretrained=False, num_classes=0, global_pool="", in_chans=in_channels)
    return Backbone(network, width, stem="stem.conv.weight")


@register(
    "regnety_008",
    paper=PAPER,
    licence="Apache-2.0 (timm)",
    pretrained=Pretrained(
        files=("regnety_008.pycls_in1k.safetensors", "regnety_008.safetensors"),
        source="timm/regnety_008.pycls_in1k (MIT)",
    ),
)
def regnety_008(in_channels: int) -> Backbone:
    """RegNetY-800MF without its classifier (5.5 M parameters); 224 x 224 pixels become 7 x 7."""
    return _regnet("regnety_008", 768, in_channels)


@register(
    "regnety_320",
    paper=PAPER,
    licence="Apache-2.0 (timm)",
    pretrained=Pretrained(
        files=(
            "regnety_320.tv2_in1k.safetensors",
            "regnety_320.pycls_in1k.safetensors",
            "regnety_320.safetensors",
        ),
        source="timm/regnety_320.tv2_in1k (BSD-3-Clause) or timm/regnety_320.pycls_in1k (MIT)",
    ),
)
def regnety_320(in_channels: int) -> Backbone:
    """RegNetY-32GF without its classifier (141.3 M parameters); 224 x 224 pixels become 7 x 7."""
    return _regnet("regnety_320", 3712, in_channels)
