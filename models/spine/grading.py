"""Grades of a level: the quantitative branch, the qualitative one, and the ensemble of both.

The quantitative branch grades the central canal by the share of the dural sac's normal area that is lost (Lurie:
none; mild up to a third; moderate up to two thirds; severe beyond). Normal is the size at the neighbouring
unaffected levels of the same patient, interpolated. No other numeric rule is used.

References
----------
Lurie et al.: Reliability of readings of magnetic resonance imaging features of lumbar spinal stenosis, Spine 33
(2008), 1605 - 1610.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.spine.stacks import LEVELS

THIRDS = (1 / 3, 2 / 3)
"""Loss of area at which mild becomes moderate, and moderate severe."""
NONE = 0.1
"""Loss up to which nothing counts as lost, until it is fitted: areas are measured to about that."""
SOFTNESS = 0.04
"""Spread of the measured loss, until it is fitted."""
UNPRESSED = 0.85
"""Share of the patient's largest sac from which on a level counts as unaffected, where no network says so."""
LEAST = 12
"""Graded levels that limits are fitted on at the least."""


class LurieSettings(BaseModel):
    """What the quantitative branch learnt."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    none: float = NONE
    """Share of the area up to whose loss there is no stenosis."""
    softness: float = SOFTNESS
    """Scale of the logistic boundary between grades, as a share of the area."""
    profile: tuple[float, ...] = (1.0,) * len(LEVELS)
    """Usual size of the unaffected sac at each level against the mean level."""


@dataclass(frozen=True, slots=True)
class Sac:
    """A level's dural sac: its area in the slice, the place along the column, and the slice's lean (a cosine)."""

    level: str
    area_mm2: float
    height_mm: float
    lean: float = 1.0


@dataclass(frozen=True, slots=True)
class Normal:
    """The area that a sac would have without stenosis, and the levels that it was interpolated from."""

    area_mm2: float
    levels: tuple[str, ...]


def usual_profile(sacs: Sequence[Sac], least: int = 3) -> tuple[float, ...]:
    """The mean area of unaffected sacs by level, against the mean over levels; 1 for levels with too few."""
    areas = [[s.area_mm2 * s.lean for s in sacs if s.level == level] for level in LEVELS]
    means = [float(np.mean(a)) if len(a) >= least else float("nan") for a in areas]
    if np.isnan(means).all():
        return (1.0,) * len(LEVELS)
    overall = float(np.nanmean(means))
    return tuple(1.0 if np.isnan(m) else m / overall for m in means)


def unaffected_by_area(sacs: Sequence[Sac], settings: LurieSettings) -> frozenset[str]:
    """The levels whose sac is nearly as large as the patient's largest, each against its usual size."""
    sizes = {s.level: _normed(s, settings) for s in sacs}
    return frozenset(level for level, size in sizes.items() if size >= UNPRESSED * max(sizes.values()))


def normal_size(
    level: str, sacs: Sequence[Sac], unaffected: frozenset[str], settings: LurieSettings
) -> Normal | None:
    """The normal area at a level: interpolated between the nearest unaffected levels above and below it.

    Beyond the last unaffected level its size is taken. Levels differ in their usual size and in how obliquely a
    slice cuts the sac: both are taken into account. None where no other level is unaffected.
    """
    own = next((s for s in sacs if s.level == level), None)
    others = [s for s in sacs if s.level in unaffected and s.level != level]
    if own is None or not others:
        return None
    above = [s for s in others if s.height_mm > own.height_mm]
    below = [s for s in others if s.height_mm <= own.height_mm]
    chosen = [min(above, key=lambda s: s.height_mm)] if above else []
    chosen += [max(below, key=lambda s: s.height_mm)] if below else []
    chosen.sort(key=lambda s: s.height_mm)
    size = float(np.interp(own.height_mm, [s.height_mm for s in chosen], [_normed(s, settings) for s in chosen]))
    area = size * settings.profile[LEVELS.index(level)] / own.lean
    return Normal(area, tuple(sorted((s.level for s in chosen), key=LEVELS.index)))


def lost_share(sac: Sac, normal: Normal) -> float:
    """The share of the normal area that is lost; below 0 where the sac is larger than its neighbours."""
    return 1.0 - sac.area_mm2 / normal.area_mm2


def lurie_grade(loss: float, settings: LurieSettings) -> int:
    """0 none, 1 mild (up to a third), 2 moderate (up to two thirds), 3 severe."""
    return 0 if loss <= settings.none else 1 + sum(loss > third for third in THIRDS)


def lurie_probabilities(loss: float, settings: LurieSettings) -> NDArray[np.float64]:
    """(4,) probabilities of the grades: the chance of each limit to be passed is logistic in the loss."""
    limits = np.array([min(settings.none, THIRDS[0]), *THIRDS])
    passed = 1 / (1 + np.exp(-np.clip((loss - limits) / settings.softness, -50, 50)))
    return np.asarray(-np.diff(np.concatenate([[1.0], passed, [0.0]])), dtype=np.float64)


def fit_limits(
    losses: Sequence[float], grades: Sequence[int], profile: tuple[float, ...]
) -> tuple[LurieSettings, bool]:
    """The limit of 'none' and the softness with the largest likelihood, and whether they could be fitted.

    The thirds stay as they are. Values are sought on a grid: 0.02 to 0.3, and 0.01 to 0.12.
    """
    known = LurieSettings(profile=profile)
    if len(losses) < LEAST or len({grade > 0 for grade in grades}) < 2:
        return known, False
    tried = [
        known.model_copy(update={"none": float(none), "softness": float(softness)})
        for none in np.arange(0.02, 0.301, 0.01)
        for softness in np.arange(0.01, 0.121, 0.01)
    ]

    def likelihood(settings: LurieSettings) -> float:
        rows = np.array([lurie_probabilities(loss, settings) for loss in losses])
        return float(np.log(rows[np.arange(len(grades)), list(grades)] + 1e-3).sum())

    return max(tried, key=likelihood), True


def cascade_probabilities(present: float, severity: Sequence[float]) -> NDArray[np.float64]:
    """(4,) of the grades: absent, and the three severities shared out of what is present."""
    shares = np.asarray(severity, dtype=np.float64)
    row = np.concatenate([[1.0 - present], present * shares / shares.sum()])
    return np.asarray(row / row.sum(), dtype=np.float64)


def ensemble(
    qualitative: NDArray[np.float64] | None, quantitative: NDArray[np.float64] | None, share: float
) -> NDArray[np.float64] | None:
    """The weighted mean of two rows of probabilities; the one that there is, or None.

    Parameters
    ----------
    share:
        Weight of the quantitative one, 0 to 1.
    """
    if qualitative is None or quantitative is None:
        return quantitative if qualitative is None else qualitative
    return np.asarray((1 - share) * qualitative + share * quantitative, dtype=np.float64)


def severity_shares(grades: Sequence[int]) -> tuple[float, ...]:
    """How the present grades 1 to 3 are shared out in the training set, with one of each added."""
    counts = np.bincount([g - 1 for g in grades if g > 0], minlength=3)[:3] + 1.0
    return tuple(float(share) for share in counts / counts.sum())


def _normed(sac: Sac, settings: LurieSettings) -> float:
    return sac.area_mm2 * sac.lean / settings.profile[LEVELS.index(sac.level)]
