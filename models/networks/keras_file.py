"""Weights as Keras keeps them (HDF5), under the names and in the axes that torch wants.

Keras's layers are named ``conv3_block2_1_conv``, their variables ``kernel``, ``bias``, ``gamma``, ``beta``,
``moving_mean`` and ``moving_variance``; a kernel is (rows, columns, in, out). The module of the same place is
named ``conv3.block2.conv1`` and holds (out, in, rows, columns).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, from_numpy

VARIABLES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""Keras's name of a variable -> torch's."""
LAYERS = (
    (re.compile(r"(conv\d+)_(block\d+)_(\d)_(conv|bn)"), r"\1.\2.\4\3"),
    (re.compile(r"(conv\d+)_(block\d+)_preact_bn"), r"\1.\2.preact_bn"),
    (re.compile(r"conv1_conv"), "conv1"),
    (re.compile(r"post_bn"), "post_bn"),
)
"""Keras's name of a layer -> the module's."""


def read_keras(path: Path) -> dict[str, NDArray[np.float32]]:
    """The variables of a weights file by ``layer/variable``.

    Raises
    ------
    OSError
        It is no HDF5 file.
    """
    import h5py  # noqa: PLC0415 - only needed for such files

    found: dict[str, NDArray[np.float32]] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            layer, variable = name.split("/")[-2:]
            found[f"{layer}/{variable.split(':')[0]}"] = np.asarray(item, dtype=np.float32)

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found


def from_keras(variables: Mapping[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    """Tensors by torch's names, of variables by ``layer/variable``; layers of the classifier are left out."""
    tensors: dict[str, Tensor] = {}
    for name, value in variables.items():
        layer, _, variable = name.partition("/")
        module = _module(layer)
        if module and variable in VARIABLES:
            axes = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value
            tensors[f"{module}.{VARIABLES[variable]}"] = from_numpy(np.ascontiguousarray(axes))
    return tensors


def _module(layer: str) -> str:
    """The module that a layer became; empty for one that is not of the backbone."""
    for pattern, replacement in LAYERS:
        if pattern.fullmatch(layer):
            return pattern.sub(replacement, layer)
    return ""
