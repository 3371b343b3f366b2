"""ResNet152V2 computes what Keras's own network computes, with weights of Keras's file."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from data.errors import ConfigError
from models.networks import pretrained
from models.networks.keras_file import from_keras
from models.networks.registry import architecture, build
from tests.keras_weights import FIXTURE, picture, variable


def variables() -> dict[str, np.ndarray]:
    with np.load(FIXTURE) as kept:
        lines = [str(line).split() for line in kept["variables"]]
    return {name: variable(name, tuple(map(int, shape))) for name, *shape in lines}


def test_the_converted_network_gives_keras_own_output() -> None:
    known = architecture("resnetv2_152")
    module = build("resnetv2_152", 3, 1).features
    pretrained.load_backbone(known, module, from_keras(variables()), FIXTURE)
    images = torch.from_numpy(picture()).permute(0, 3, 1, 2)
    with torch.inference_mode():
        features = module.eval()(images)
    ours = features.mean(dim=(2, 3))[0].numpy()
    with np.load(FIXTURE) as kept:
        theirs = kept["output"]
    assert theirs.std() > 0.05
    assert np.abs(ours - theirs).max() < 1e-4 * np.abs(theirs).max()


@pytest.mark.parametrize("legacy", [True, False])
def test_a_file_is_read_in_either_of_its_forms(tmp_path: Path, legacy: bool) -> None:
    path = tmp_path / "w.h5"
    kernel = np.arange(7 * 7 * 3 * 2, dtype=np.float32).reshape(7, 7, 3, 2)
    with h5py.File(path, "w") as file:
        # Keras 2: layer/layer/kernel:0. Keras 3 with named layers: layer/kernel
        prefix, end = ("conv1_conv/conv1_conv", ":0") if legacy else ("conv1_conv", "")
        file[f"{prefix}/kernel{end}"] = kernel
        file[f"predictions/predictions/bias{end}"] = np.zeros(1000, np.float32)
    tensors = pretrained.read(path)
    assert list(tensors) == ["conv1.weight"]
    assert tensors["conv1.weight"].shape == (2, 3, 7, 7)
    assert float(tensors["conv1.weight"][1, 2, 4, 6]) == kernel[4, 6, 2, 1]
    (tmp_path / "x.h5").write_bytes(b"no such file")
    with pytest.raises(ConfigError, match="does not fit"):
        pretrained.read(tmp_path / "x.h5")
