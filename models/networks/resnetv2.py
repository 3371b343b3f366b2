"""ResNet V2 (pre-activation) with 152 layers, as Keras builds ResNet152V2.

Paper: He, Zhang, Ren, Sun: Identity mappings in deep residual networks (ECCV 2016, arXiv:1603.05027). The only
public ImageNet weights are Keras's. They belong to its own form of the network: a stage is halved in its last
block where others halve it in the first, the outer convolutions have a bias, and the stem is padded with zeros
before it is pooled. timm's ``resnetv2_152`` differs in all three, so that the network is built here and Keras's
file is converted by :mod:`models.networks.keras_file`. Inputs run from -1 to 1.
"""

from __future__ import annotations

from torch import Tensor, nn

from models.networks.registry import Backbone, Pretrained, register

BLOCKS = (3, 8, 36, 3)
"""Of the four stages."""
WIDTHS = (64, 128, 256, 512)
"""Channels of the 3 x 3 convolutions; four times as many leave a block."""
STRIDES = (2, 2, 2, 1)
"""Of each stage's last block."""
EPSILON = 1.001e-5
"""Of the normalisations, as in Keras."""


def _normalised(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON, momentum=0.01)


class Block(nn.Module):
    """A pre-activated bottleneck.

    Parameters
    ----------
    channels, width:
        Channels that come in, and those of its 3 x 3 convolution.
    stride:
        Of its 3 x 3 convolution.
    projected:
        Whether the shortcut is a convolution of the activated input; else the input, with its stride.
    """

    def __init__(self, channels: int, width: int, *, stride: int = 1, projected: bool = False) -> None:
        super().__init__()
        self.preact_bn = _normalised(channels)
        self.conv0 = nn.Conv2d(channels, 4 * width, 1) if projected else None
        self.stride = stride
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = _normalised(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = _normalised(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1)

    def forward(self, images: Tensor) -> Tensor:
        """(B, channels, H, W) -> (B, 4 * width, H / stride, W / stride)."""
        active = nn.functional.relu(self.preact_bn(images))
        strided = images[..., :: self.stride, :: self.stride]
        shortcut = strided if self.conv0 is None else self.conv0(active)
        inner = nn.functional.relu(self.bn1(self.conv1(active)))
        inner = nn.functional.relu(self.bn2(self.conv2(inner)))
        total: Tensor = shortcut + self.conv3(inner)
        return total


def _stage(channels: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    """Blocks named ``block1`` ... , the first projected, the last with the stride."""
    stage = nn.Sequential()
    for number in range(1, blocks + 1):
        last = stride if number == blocks else 1
        stage.add_module(f"block{number}", Block(channels, width, stride=last, projected=number == 1))
        channels = 4 * width
    return stage


@register(
    "resnetv2_152",
    paper="He et al. 2016, arXiv:1603.05027",
    licence="AGPL-3.0-or-later; Keras's weights Apache-2.0",
    pretrained=Pretrained(
        files=(
            "resnet152v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "resnet152v2_weights_tf_dim_ordering_tf_kernels.h5",
            "resnetv2_152.safetensors",
        ),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        source="Keras's file of ResNet152V2 as it is, which is converted when it is read",
    ),
)
def resnetv2_152(in_channels: int) -> Backbone:
    """The convolutions of ResNet152V2 (58.2 M parameters); 244 x 244 pixels become 8 x 8."""
    network = nn.Sequential()
    network.add_module("conv1", nn.Conv2d(in_channels, 64, 7, 2, 3))
    network.add_module("pad", nn.ZeroPad2d(1))
    network.add_module("pool1", nn.MaxPool2d(3, 2))
    channels = 64
    for number, (width, blocks, stride) in enumerate(zip(WIDTHS, BLOCKS, STRIDES, strict=True), start=2):
        network.add_module(f"conv{number}", _stage(channels, width, blocks, stride))
        channels = 4 * width
    network.add_module("post_bn", _normalised(channels))
    network.add_module("relu", nn.ReLU(inplace=True))
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return Backbone(network, channels, stem="conv1.weight")
