"""The networks by name.

A module of this package registers its architectures with :func:`register`; there is no list to edit::

    @register("small_resnet", paper="...", licence="...")
    def small_resnet(in_channels: int) -> Backbone: ...

A builder gives a :class:`Backbone`; :func:`build` sets a head on it, so that backbone (``features``) and added
layers (``head``) can be trained and looked at apart.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from torch import Tensor, nn

from data.errors import ConfigError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Backbone:
    """The convolutional part of a network.

    Parameters
    ----------
    module:
        (B, C, H, W) -> (B, width, h, w); with a depth axis for three-dimensional networks.
    width:
        Channels of its output.
    stem:
        Name of the weight of its first convolution, whose input channels differ with the images.
    pooling:
        ``mean`` or ``max`` over space. The largest response answers "is it anywhere?", the mean "how much of it?".
    """

    module: nn.Module
    width: int
    stem: str
    pooling: Literal["mean", "max"] = "mean"


@dataclass(frozen=True)
class Pretrained:
    """ImageNet weights of an architecture: the files that are looked for, and the input that they expect.

    Parameters
    ----------
    files:
        File names, the preferred one first.
    prefix:
        What its tensors of the backbone are named with, before the backbone's own names.
    mean, std:
        By colour channel, of values from 0 to 1.
    source:
        Where such a file comes from.
    """

    files: tuple[str, ...]
    prefix: str = ""
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    source: str = ""


Builder = Callable[[int], Backbone]


@dataclass(frozen=True)
class Architecture:
    """A registered network: how it is built, where it comes from, and its pretrained weights if there are any."""

    name: str
    builder: Builder
    paper: str
    licence: str
    pretrained: Pretrained | None = None


class Head(nn.Module):
    """Pooling over space, dense layers with ReLU and dropout, and one output a class.

    Parameters
    ----------
    width:
        Channels that come in.
    outputs:
        Logits that go out.
    hidden:
        Widths of the dense layers between.
    dropout:
        Probability with which a unit before a dense layer is left out in training.
    pooling:
        ``mean`` or ``max``.
    """

    def __init__(
        self,
        width: int,
        outputs: int,
        hidden: Sequence[int] = (),
        dropout: float = 0.0,
        pooling: Literal["mean", "max"] = "mean",
    ) -> None:
        super().__init__()
        self.pooling = pooling
        layers: list[nn.Module] = []
        for units in hidden:
            layers += [nn.Dropout(dropout), nn.Linear(width, units), nn.ReLU(inplace=True)]
            width = units
        layers += [nn.Dropout(dropout), nn.Linear(width, outputs)]
        self.dense = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """(B, width, ...) -> (B, outputs)."""
        places = features.flatten(2)  # (B, width, places)
        dense: Tensor = self.dense(places.amax(dim=2) if self.pooling == "max" else places.mean(dim=2))
        return dense


class Network(nn.Module):
    """A backbone (``features``) with a head (``head``)."""

    def __init__(self, features: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, outputs) logits."""
        logits: Tensor = self.head(self.features(images))
        return logits


_registered: dict[str, Architecture] = {}


def register(
    name: str, *, paper: str, licence: str, pretrained: Pretrained | None = None
) -> Callable[[Builder], Builder]:
    """Enter a builder in the registry; used as a decorator.

    Parameters
    ----------
    name:
        Under which configurations ask for it.
    paper, licence:
        Where the architecture comes from, and the licence of the code that builds it.
    pretrained:
        Its ImageNet weights, where there are any.
    """

    def enter(builder: Builder) -> Builder:
        if name in _registered and _registered[name].builder is not builder:
            raise ConfigError("Two networks have one name.", given=name, expected="different names")
        _registered[name] = Architecture(name, builder, paper, licence, pretrained)
        return builder

    return enter


@cache
def _import_all() -> None:
    import models.networks  # noqa: PLC0415

    for module in pkgutil.iter_modules(models.networks.__path__):
        importlib.import_module(f"models.networks.{module.name}")


def names() -> tuple[str, ...]:
    """The names of all networks, sorted."""
    _import_all()
    return tuple(sorted(_registered))


def architecture(name: str) -> Architecture:
    """A registered network.

    Raises
    ------
    ConfigError
        There is none of that name.
    """
    _import_all()
    if name not in _registered:
        raise ConfigError(
            "There is no such network.", given=name, expected=f"one of {', '.join(names())}", do="correct the name"
        )
    return _registered[name]


def build(
    name: str, in_channels: int, outputs: int, *, hidden: Sequence[int] = (), dropout: float = 0.0
) -> Network:
    """A network with fresh weights.

    Parameters
    ----------
    name:
        In the registry.
    in_channels:
        Channels of the images.
    outputs:
        Logits; 1 for a question with two options (sigmoid).
    hidden, dropout:
        The dense layers of the head.

    Raises
    ------
    ConfigError
        There is no network of that name.
    """
    backbone = architecture(name).builder(in_channels)
    return Network(backbone.module, Head(backbone.width, outputs, hidden, dropout, backbone.pooling))
