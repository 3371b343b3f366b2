"""Random weights of Keras's ResNet152V2, the same in every program, and how the reference output was made.

Run as a program in an environment with Keras 3 (any backend), it writes ``tests/fixtures/resnet152v2.npz``: what
Keras's own network makes of the picture here with these weights, pooled over space.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

FIXTURE = Path(__file__).parent / "fixtures" / "resnet152v2.npz"
INPUT_PX = 64


def variable(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Random values of the variable with this name (``layer/variable``)."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    values = rng.standard_normal(shape, dtype=np.float32)
    kind = name.rpartition("/")[2]
    if kind == "kernel":
        return values / np.float32(np.sqrt(np.prod(shape[:-1])))
    if kind in {"gamma", "moving_variance"}:
        return np.float32(1) + np.float32(0.2) * np.tanh(values)
    return np.float32(0.1) * values


def picture() -> np.ndarray:
    """(1, rows, columns, 3) from -1 to 1."""
    return np.random.default_rng(0).uniform(-1, 1, (1, INPUT_PX, INPUT_PX, 3)).astype(np.float32)


def main() -> None:
    import keras

    network = keras.applications.ResNet152V2(
        weights=None, include_top=False, pooling="avg", input_shape=(INPUT_PX, INPUT_PX, 3)
    )
    shapes = {weight.path: tuple(weight.shape) for weight in network.weights}
    for weight in network.weights:
        weight.assign(variable(weight.path, shapes[weight.path]))
    names = np.array([f"{name} {' '.join(map(str, shape))}" for name, shape in shapes.items()])
    output = np.asarray(network.predict(picture(), verbose=0))[0]
    np.savez_compressed(FIXTURE, output=output, variables=names, keras=keras.__version__)


if __name__ == "__main__":
    main()
