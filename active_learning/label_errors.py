"""Which of the labels that came without readers are likely wrong: confident learning on out-of-fold probabilities.

A model that has not seen a patient says what it thinks of the patient's labels. An option is held confidently
where its probability is at least the mean of the items that are labelled so; items that are held confidently for
another option than their label are likely label errors.

References
----------
Northcutt, Jiang, Chuang: Confident learning: estimating uncertainty in dataset labels, J. Artif. Intell. Res. 70
(2021), 1373 - 1411 (the confident joint, section 3.1; its off-diagonal items, section 3.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_learning.words import spoken
from data.errors import RatingsError
from models.bootstrap import FloatArray

NO_LABEL = -1


@dataclass(frozen=True, slots=True)
class LabelError:
    """A label that is likely wrong.

    Parameters
    ----------
    given, likely:
        The option that the label says, and the one held confidently.
    probability:
        Of the given option, by a model that has not seen the patient.
    reason:
        A sentence for people.
    """

    item: str
    given: str
    likely: str
    probability: float
    reason: str


def label_errors(
    items: Sequence[str],
    options: Sequence[str],
    given: NDArray[np.integer],
    probabilities: FloatArray,
    *,
    patients: Sequence[str],
    folds: Sequence[int],
) -> tuple[LabelError, ...]:
    """The likely label errors, the least probable labels first.

    Parameters
    ----------
    given:
        (items,) index of the option that the label says, :data:`NO_LABEL` without one.
    probabilities:
        (items, options), each by a model that was trained on the other folds; NaN where there is none.
    patients, folds:
        Of each item.

    Raises
    ------
    RatingsError
        The parts do not fit together, there are fewer than two folds, or a patient is in several.
    """
    _check(items, options, given, probabilities, patients, folds)
    known = np.flatnonzero((given != NO_LABEL) & np.isfinite(probabilities.sum(axis=1)))
    labels, held = given[known].astype(np.int64), probabilities[known]
    likely = confident_options(labels, held)
    wrong = np.flatnonzero((likely != NO_LABEL) & (likely != labels))
    ranked = wrong[np.argsort(held[wrong, labels[wrong]], kind="stable")]
    return tuple(
        LabelError(
            items[known[row]], options[labels[row]], options[likely[row]], float(held[row, labels[row]]),
            f"the label says {spoken(options[labels[row]])}, a model trained on other patients "
            f"{held[row, likely[row]]:.2f} {spoken(options[likely[row]])}",
        )
        for row in ranked
    )  # fmt: skip


def confident_options(given: NDArray[np.int64], probabilities: FloatArray) -> NDArray[np.int64]:
    """(items,) the likeliest of the options held confidently, :data:`NO_LABEL` where there is none.

    An option that no label says is never held confidently.
    """
    options = probabilities.shape[1]
    least = np.array([
        probabilities[given == option, option].mean() if (given == option).any() else np.inf
        for option in range(options)
    ])  # fmt: skip
    enough = probabilities >= least - 1e-12
    best = np.where(enough, probabilities, -1.0).argmax(axis=1)
    return np.where(enough.any(axis=1), best, NO_LABEL)


def _check(
    items: Sequence[str],
    options: Sequence[str],
    given: NDArray[np.integer],
    probabilities: FloatArray,
    patients: Sequence[str],
    folds: Sequence[int],
) -> None:
    n = len(items)
    fits = probabilities.shape == (n, len(options)) and len(given) == len(patients) == len(folds) == n
    if not fits or (n and not NO_LABEL <= int(given.min()) <= int(given.max()) < len(options)):
        raise RatingsError(
            "Labels and probabilities do not fit together.",
            given=f"{n} items, {len(given)} labels, {probabilities.shape} probabilities, "
            f"{len(patients)} patients, {len(folds)} folds",
            expected="one of each for every item, and labels that are indices of the options",
        )
    of_patient: dict[str, int] = {}
    shared = sorted({p for p, fold in zip(patients, folds, strict=True) if of_patient.setdefault(p, fold) != fold})
    if shared or len(set(folds)) < min(n, 2):
        raise RatingsError(
            "The folds are not exclusive by patient.",
            given=f"{len(set(folds))} folds, patients in several: {', '.join(shared[:5]) or 'none'}",
            expected="two folds or more, each patient in one", do="deal out patients, not images",
        )  # fmt: skip
