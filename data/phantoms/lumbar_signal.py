"""From the brightness of tissues to what a scanner stores: coil, blur, noise and an arbitrary scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.phantoms.lumbar import Floats
from data.phantoms.lumbar_scene import Tissues


def draw_tissues(rng: np.random.Generator) -> Tissues:
    """How bright the tissues are in one patient and with one protocol."""
    return Tissues(
        marrow=float(rng.uniform(0.3, 0.52)),
        cortex=float(rng.uniform(0.05, 0.09)),
        fluid=float(rng.uniform(0.9, 1.3)),
        nerve=float(rng.uniform(0.36, 0.5)),
        ligament=float(rng.uniform(0.07, 0.13)),
        muscle=float(rng.uniform(0.14, 0.24)),
        fat=float(rng.uniform(0.6, 0.98)),
        nucleus=float(rng.uniform(0.55, 0.9)),
        worn=float(rng.uniform(0.1, 0.17)),
    )


def received(picture: Floats, yz: Floats, x: Floats, rng: np.random.Generator) -> Floats:
    """The picture (N, M) as the coils in the table receive it: brighter towards the back, uneven across.

    Parameters
    ----------
    yz, x:
        (N, 2) and (M,): places in LPS mm.
    """
    depth = 80.0 - yz[:, 0]
    back = np.exp(-np.clip(depth, 0.0, 250.0) / float(rng.uniform(110.0, 400.0)))
    along = (
        1.0
        + float(rng.normal(0.0, 0.12)) * yz[:, 1] / 100.0
        - float(rng.uniform(0.0, 0.2)) * (yz[:, 1] / 130.0) ** 2
    )
    side = 1.0 + float(rng.normal(0.0, 0.08)) * x / 80.0 + float(rng.uniform(-0.1, 0.15)) * (x / 80.0) ** 2
    return np.asarray(picture * (back * along)[:, None].astype(np.float32) * side[None, :].astype(np.float32))


def stored(volume: Floats, rng: np.random.Generator) -> tuple[NDArray[np.int16], tuple[float, float]]:
    """Stored values of (slices, rows, columns), blurred and with Rician noise, and a window to show them with.

    Rician noise: the magnitude of a signal with Gaussian noise in both channels (Gudbjartsson and Patz 1995,
    Magn Reson Med 34:910).
    """
    import cv2  # noqa: PLC0415 - slow to load

    blur = float(rng.uniform(0.45, 0.7))
    noise = float(rng.uniform(0.012, 0.045)) * float(np.percentile(volume[:, ::4, ::4], 95))
    full = float(np.exp(rng.uniform(np.log(250.0), np.log(2500.0))))
    soft = np.stack([cv2.GaussianBlur(image, (0, 0), blur) for image in np.ascontiguousarray(volume, np.float32)])
    real, imaginary = rng.standard_normal((2, *soft.shape), dtype=np.float32) * np.float32(noise)
    magnitude = np.sqrt((soft + real) ** 2 + imaginary**2)
    bright = float(np.percentile(magnitude[:, ::3, ::3], 99.0))
    values = np.rint(magnitude * (full / bright)).clip(0, 32000).astype(np.int16)
    return values, (round(full * 0.6), round(full * 1.2))
