"""YOLO11-cls, in its five sizes.

Source: Jocher, Qiu: Ultralytics YOLO11 (2024), https://docs.ultralytics.com/models/yolo11. Licence: AGPL-3.0.

The network is built from the library's own description and enters the registry like any other, so that the one
training loop trains it: with its checkpoints, its seeds and its patient-wise validation. The library's own trainer
would crop the centre of a picture, mirror it, and send usage figures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from models.networks.registry import Backbone, Builder, register

SOURCE = "Jocher and Qiu 2024, Ultralytics YOLO11"
LICENCE = "AGPL-3.0"
SIZES = "nsmlx"


def _builder(size: str) -> Builder:
    def build(in_channels: int) -> Backbone:
        from models.ultralytics_offline import library  # noqa: PLC0415

        root = Path(library().__file__).parent
        from ultralytics.nn import tasks  # noqa: PLC0415 - only after `library`

        parts: Any = tasks
        described = parts.yaml_model_load(str(root / "cfg" / "models" / "11" / "yolo11-cls.yaml"))
        whole = parts.ClassificationModel({**described, "scale": size}, ch=in_channels, nc=1, verbose=False).model
        # the last layer is Classify: a convolution, then the pooling, dropout and dense layer that the head has
        layers = [*list(whole.children())[:-1], whole[-1].conv]
        return Backbone(nn.Sequential(*layers), whole[-1].linear.in_features, stem="0.conv.weight")

    build.__doc__ = f"The convolutions of YOLO11{size}-cls; 224 x 224 pixels become 7 x 7."
    return build


for _size in SIZES:
    register(f"yolo11{_size}_cls", paper=SOURCE, licence=LICENCE)(_builder(_size))
