"""From line integrals to the pixels of a radiograph: photons, scatter, noise, logarithm, processing, field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FULL_SCALE = 4095
"""Largest of the 12-bit pixels."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """How a radiograph was taken and processed.

    Parameters
    ----------
    photons:
        Quanta a pixel where nothing is in the way.
    scatter:
        Scattered over primary radiation behind a thick part, after the grid.
    blur_px:
        Standard deviation of the focal spot's and the detector's blur.
    local:
        How much of the large contrasts the processing evens out, 0 to 1.
    sharpen:
        How much fine detail is raised.
    low_pct, high_pct:
        Percentiles of the exposed field that become black and white.
    gamma:
        Exponent of the tone curve; above 1 darker.
    frame:
        Tone of what the collimator covers, 0 to 1.
    """

    photons: float = 60_000.0
    scatter: float = 0.5
    blur_px: float = 0.6
    local: float = 0.45
    sharpen: float = 0.5
    low_pct: float = 1.0
    high_pct: float = 99.6
    gamma: float = 1.0
    frame: float = 0.0


def draw_exposure(rng: np.random.Generator, *, frontal: bool) -> Exposure:
    """An exposure and a processing as departments have them, on frontal views or on lateral ones."""
    return Exposure(
        photons=float(np.exp(rng.uniform(np.log(12_000), np.log(90_000)))),
        scatter=float(rng.uniform(0.3, 1.1)),
        blur_px=float(rng.uniform(0.45, 0.95)),
        local=float(rng.uniform(0.25, 0.6)),
        sharpen=float(rng.uniform(0.2, 1.0)),
        low_pct=float(rng.uniform(0.5, 4.5) if frontal else rng.uniform(1.5, 8.0)),
        high_pct=float(rng.uniform(97.0, 99.8) if frontal else rng.uniform(94.0, 99.6)),
        gamma=float(np.exp(rng.normal(0.0, 0.25))),
        frame=0.0 if rng.random() < 0.7 else float(rng.uniform(0.0, 0.3)),
    )


def expose(
    integrals: Floats, exposure: Exposure, rng: np.random.Generator, *, field: Floats | None = None
) -> NDArray[np.uint16]:
    """A radiograph with 12 bits, bright where much is absorbed (MONOCHROME2).

    Parameters
    ----------
    integrals:
        (rows, columns) line integrals of attenuation.
    field:
        (rows, columns) how much of each pixel the collimator leaves open, 0 to 1; all of it without.
    """
    import cv2  # noqa: PLC0415 - slow to load

    size = max(integrals.shape)
    primary = np.exp(-_blurred(integrals, exposure.blur_px))
    spread = cv2.GaussianBlur(
        cv2.resize(primary, None, fx=0.125, fy=0.125, interpolation=cv2.INTER_AREA), (0, 0), size / 90
    )
    primary = primary + exposure.scatter * 0.5 * np.minimum(cv2.resize(spread, primary.shape[::-1]), 0.25)
    quanta = primary * exposure.photons
    noisy = quanta + np.sqrt(quanta) * rng.standard_normal(quanta.shape, np.float32)
    signal = -np.log(np.maximum(noisy, 4.0) / exposure.photons)
    signal = np.minimum(signal, 7.5).astype(np.float32)
    return _toned(_processed(signal, exposure, size), exposure, field)


def _blurred(image: Floats, sigma: float) -> Floats:
    import cv2  # noqa: PLC0415 - slow to load

    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)


def _processed(signal: Floats, exposure: Exposure, size: int) -> Floats:
    """Even out the large contrasts and raise the fine ones, as the makers' multi-frequency processing does."""
    import cv2  # noqa: PLC0415 - slow to load

    small = cv2.resize(signal, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    base = cv2.resize(
        cv2.GaussianBlur(small, (0, 0), size / 4 / 11), signal.shape[::-1], interpolation=cv2.INTER_LINEAR
    )
    fine = signal - _blurred(signal, size / 130)
    middle = float(np.median(np.asarray(base, np.float32)))
    evened = signal - exposure.local * (base - middle)
    return np.asarray(evened + exposure.sharpen * fine, np.float32)


def _toned(signal: Floats, exposure: Exposure, field: Floats | None) -> NDArray[np.uint16]:
    shown = signal if field is None else signal[field > 0.5]
    low, high = np.percentile(shown[shown > 1.2], (exposure.low_pct, exposure.high_pct))
    tone = np.clip((signal - low) / max(float(high - low), 1e-3), 0.0, 1.0) ** exposure.gamma
    if field is not None:
        tone = tone * field + exposure.frame * (1.0 - field)
    return np.asarray(np.rint(tone * FULL_SCALE), np.uint16)
