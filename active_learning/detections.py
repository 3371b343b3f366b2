"""Which lesions two sides found: matched first, then counted.

Lesions are matched one to one by greatest overlap in all (Kuhn: The Hungarian method, 1955), and only where they
overlap enough. Agreement is the share of lesions that both found among all that either found, 2 m / (2 m + only
the first + only the second): it needs no count of lesions that nobody saw.

References
----------
Fleiss: Measuring agreement between two judges on the presence or absence of a trait, Biometrics 31 (1975),
651 - 659 (agreement on what is present).
Chakraborty: Observer Performance Methods for Diagnostic Imaging (2017) (lesions are matched before they count).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from active_learning.mask_agreement import Region, overlap
from models.bootstrap import FloatArray
from models.lesions import SAME_IOU
from models.metrics import Measure, mean


@dataclass(frozen=True, slots=True)
class Matching:
    """Lesions of two sides, by their places in what was given.

    Parameters
    ----------
    pairs:
        (first, second, IoU).
    only_first, only_second:
        Those without a partner.
    """

    pairs: tuple[tuple[int, int, float], ...]
    only_first: tuple[int, ...]
    only_second: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """One matching of a study."""

    study_id: str
    patient: str
    matching: Matching

    @property
    def dice(self) -> tuple[float, ...]:
        """Of each pair: 2 IoU / (1 + IoU)."""
        return tuple(2 * iou / (1 + iou) for _, _, iou in self.matching.pairs)


def match(first: Sequence[Region], second: Sequence[Region], *, least_iou: float = SAME_IOU) -> Matching:
    """Match lesions of one image one to one, so that the sum of their IoU is the greatest.

    Parameters
    ----------
    least_iou:
        Two lesions that overlap no more than that are different ones.
    """
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - heavy

    gain = np.zeros((len(first), len(second)))
    for place in np.ndindex(gain.shape):
        one, other = first[place[0]], second[place[1]]
        both = overlap(one, other)
        gain[place] = both / (one.pixels + other.pixels - both) if both else 0.0
    gain[gain <= least_iou] = 0.0
    rows, columns = linear_sum_assignment(gain, maximize=True)
    pairs = tuple(
        (int(i), int(j), float(gain[i, j])) for i, j in zip(rows, columns, strict=True) if gain[i, j] > 0
    )
    taken = {i for i, _, _ in pairs}, {j for _, j, _ in pairs}
    return Matching(
        pairs,
        tuple(i for i in range(len(first)) if i not in taken[0]),
        tuple(j for j in range(len(second)) if j not in taken[1]),
    )


def between(counted: Sequence[Counted]) -> dict[str, Measure | None]:
    """Of two readers: ``agreement``, and ``matched_dice``; None where nothing was found or matched."""
    both, first, second, patients = _counts(counted)
    return {"agreement": _share(2 * both, 2 * both + first + second, patients), "matched_dice": _dice(counted)}


def against(counted: Sequence[Counted]) -> dict[str, Measure | None]:
    """Of a reader against a consensus: ``sensitivity``, ``false_positives_per_study``, ``matched_dice``."""
    both, first, second, patients = _counts(counted)
    seen: set[str] = set()
    studies = []  # a study of several stacks counts once
    for one in counted:
        studies.append(float(one.study_id not in seen))
        seen.add(one.study_id)
    return {
        "sensitivity": _share(both, both + second, patients),
        "false_positives_per_study": _share(first, np.array(studies), patients),
        "matched_dice": _dice(counted),
    }


def _counts(counted: Sequence[Counted]) -> tuple[FloatArray, FloatArray, FloatArray, tuple[str, ...]]:
    """(items,) lesions of both sides, of the first alone, of the second alone; and the patients."""
    rows = [(len(c.matching.pairs), len(c.matching.only_first), len(c.matching.only_second)) for c in counted]
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2], tuple(one.patient for one in counted)


def _share(part: FloatArray, whole: FloatArray, patients: tuple[str, ...]) -> Measure | None:
    """The sum of one over the sum of the other; None where there is nothing to share."""

    def statistic(weights: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((weights @ part) / (weights @ whole))

    return Measure(float(part.sum() / whole.sum()), statistic, patients, (whole > 0,)) if whole.any() else None


def _dice(counted: Sequence[Counted]) -> Measure | None:
    values = np.array([value for one in counted for value in one.dice], dtype=np.float64)
    return mean(values, [one.patient for one in counted for _ in one.dice])
