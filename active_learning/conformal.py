"""Prediction sets: for a new patient, every option that the calibration patients do not speak against.

The sets are class-conditional: of the patients who truly have an option, at least ``coverage`` have it in their
set, for each option apart, whatever the model. An option is kept where its probability reaches a threshold of its
own, taken from the calibration patients who have it. A set with one option is a clear answer; one with several
says that they cannot be told apart; an empty one that the study is unlike the calibration patients of every
option.

References
----------
Vovk, Gammerman, Shafer: Algorithmic Learning in a Random World (2005), section 4.5 (label-conditional, Mondrian
conformal predictors; Vovk, Lindsay, Nouretdinov, Gammerman: Mondrian confidence machine (2003)).
Sadinle, Lei, Wasserman: Least ambiguous set-valued classifiers with bounded error levels, J. Am. Stat. Assoc. 114
(2019), 223 - 234 (the score: 1 - the probability of the option).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from data.records import ConformalSets
from models.bootstrap import BoolArray, FloatArray

SLACK = 1e-12
"""What rounding may add to a probability that stands at its threshold."""


def fit(
    probabilities: ArrayLike,
    labels: ArrayLike,
    patients: Sequence[str],
    options: Sequence[str],
    *,
    question: str,
    label: str = "",
    coverage: float = 0.95,
) -> ConformalSets:
    """The thresholds of a question's options, from calibration patients.

    Parameters
    ----------
    probabilities:
        (items, options) of the model.
    labels:
        (items,) index of the option that stands for the truth; a negative one is left out.
    patients:
        The patient of each item. Of several items of a patient with the same option the one that fits it worst
        counts, so that the coverage is one of patients: all of a patient's items of that option are covered.
    question, label:
        What the sets are of: a question, and which of its findings.
    coverage:
        Share of the patients of each option whose set holds it, above 0 and below 1.

    Raises
    ------
    ValueError
        The coverage or the shapes cannot be.
    """
    given, right = np.asarray(probabilities, dtype=np.float64), np.asarray(labels, dtype=np.int64)
    if given.ndim != 2 or given.shape != (len(right), len(options)) or len(patients) != len(right):
        raise ValueError(f"probabilities {given.shape}: expected (items, options) with a label and patient each")
    if not 0 < coverage < 1:
        raise ValueError(f"coverage {coverage}: expected above 0 and below 1")
    names = np.asarray(patients, dtype=str)
    thresholds, counts = [], []
    for option in range(len(options)):
        own = right == option
        worst = _lowest(given[own, option], names[own])
        thresholds.append(threshold(worst, coverage))
        counts.append(len(worst))
    return ConformalSets(question, label, tuple(options), tuple(thresholds), tuple(counts), coverage)


def threshold(probabilities: ArrayLike, coverage: float) -> float:
    """The probability that an option must reach: the k-th largest of n, k = ceil((n + 1) coverage).

    0.0, so that the option is always kept, where there are too few patients to leave it out: k > n.
    """
    given = np.sort(np.asarray(probabilities, dtype=np.float64))[::-1]
    place = math.ceil((len(given) + 1) * coverage - SLACK)
    return float(given[place - 1]) if place <= len(given) else 0.0


def members(fitted: ConformalSets, probabilities: ArrayLike) -> BoolArray:
    """(items, options) whether each option is in the set, from (items, options) probabilities."""
    given = np.asarray(probabilities, dtype=np.float64)
    return np.asarray(given >= np.asarray(fitted.thresholds) - SLACK)


def in_set(fitted: ConformalSets, probabilities: Sequence[float]) -> tuple[str, ...]:
    """The options of one study's set, in their order."""
    kept = members(fitted, [list(probabilities)])[0]
    return tuple(option for option, inside in zip(fitted.options, kept, strict=True) if inside)


def _lowest(values: FloatArray, names: np.ndarray[tuple[int], np.dtype[np.str_]]) -> FloatArray:
    """The lowest value of each patient."""
    found, index = np.unique(names, return_inverse=True)
    least = np.full(len(found), np.inf)
    np.minimum.at(least, index, values)
    return least
