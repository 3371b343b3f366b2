"""Simple statistics of a picture's intensities: whether it is too dark, too bright or shows nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from data.errors import CurationError


class IntensityVerdict(StrEnum):
    """What the statistics say of a picture."""

    FINE = "fine"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    NO_INFORMATION = "no_information"


@dataclass(frozen=True, slots=True)
class IntensityStatistics:
    """Statistics of an 8-bit picture.

    Parameters
    ----------
    mean, sd:
        Grey values, 0 to 255.
    low_share, high_share:
        Share of the pixels that are 0 and that are 255.
    entropy_bits:
        Shannon entropy of the histogram of 256 bins, 0 to 8 bits.
    """

    mean: float
    sd: float
    low_share: float
    high_share: float
    entropy_bits: float


@dataclass(frozen=True, slots=True)
class IntensityLimits:
    """Limits of the verdict.

    Parameters
    ----------
    least_mean, most_mean:
        Grey values; a darker picture is too dark, a brighter one too bright.
    most_low_share, most_high_share:
        Share of pixels at 0 and at 255 from which on the picture is too dark or too bright.
    least_sd, least_entropy_bits:
        A picture with less contrast or entropy shows nothing.
    """

    least_mean: float = 25.0
    most_mean: float = 230.0
    most_low_share: float = 0.70
    most_high_share: float = 0.70
    least_sd: float = 8.0
    least_entropy_bits: float = 3.0

    def __post_init__(self) -> None:
        shares_fit = 0 < self.most_low_share <= 1 and 0 < self.most_high_share <= 1
        if not (0 <= self.least_mean < self.most_mean <= 255 and shares_fit and self.least_sd >= 0):
            raise CurationError(
                "These limits of intensity cannot be.",
                given=self,
                expected="0 <= least_mean < most_mean <= 255, shares above 0 up to 1, least_sd of 0 or more",
                do="correct the limits",
            )
        if not 0 <= self.least_entropy_bits <= 8:
            raise CurationError(
                "least_entropy_bits cannot be.",
                given=self.least_entropy_bits,
                expected="0 to 8 bits",
                do="correct least_entropy_bits",
            )


def intensity_of(image: NDArray[np.uint8]) -> IntensityStatistics:
    """Statistics of a picture.

    Parameters
    ----------
    image:
        (rows, columns) of uint8, as it is shown: bright is dense.

    Raises
    ------
    CurationError
        The picture is empty, not of uint8 or not of two dimensions.
    """
    if image.ndim != 2 or image.dtype != np.uint8 or not image.size:
        raise CurationError(
            "The statistics need a grey picture of 8 bits.",
            given=f"shape {image.shape} of {image.dtype}",
            expected="(rows, columns) of uint8",
            do="window the pixels to 8 bits first",
        )
    share = np.bincount(image.ravel(), minlength=256) / image.size
    grey = np.arange(256)
    mean = float(share @ grey)
    variance = float(share @ (grey - mean) ** 2)
    filled = share[share > 0]
    entropy = float(-(filled * np.log2(filled)).sum()) + 0.0
    return IntensityStatistics(mean, variance**0.5, float(share[0]), float(share[255]), max(entropy, 0.0))


def verdict_of(statistics: IntensityStatistics, limits: IntensityLimits | None = None) -> IntensityVerdict:
    """What the statistics say: too dark and too bright come before no information."""
    limits = limits or IntensityLimits()
    if statistics.mean < limits.least_mean or statistics.low_share > limits.most_low_share:
        return IntensityVerdict.TOO_DARK
    if statistics.mean > limits.most_mean or statistics.high_share > limits.most_high_share:
        return IntensityVerdict.TOO_BRIGHT
    if statistics.sd < limits.least_sd or statistics.entropy_bits < limits.least_entropy_bits:
        return IntensityVerdict.NO_INFORMATION
    return IntensityVerdict.FINE
