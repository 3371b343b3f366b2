"""How well outlined regions overlap.

References
----------
Dice: Measures of the amount of ecologic association between species, Ecology 26 (1945), 297 - 302.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from data.answers import Answer, Mask, MaskValue, Question, Site
from data.blobs import Blobs


def dice_scores(
    question: Question, first: Iterable[Answer], second: Iterable[Answer], blobs: Blobs
) -> list[float]:
    """Dice of a study's masks, for each label that either side marked, over all its pages together.

    Parameters
    ----------
    question:
        Whose kind is a Mask.
    first, second:
        The answers of either side; those to other questions are passed over. A page without an answer is empty.
    """
    if not isinstance(question.kind, Mask):
        return []
    a, b = _by_site(question, first), _by_site(question, second)
    scores = []
    for label in question.kind.labels:
        both = total = 0
        for site in a.keys() | b.keys():
            one, other = read_mask(a.get(site), label, blobs), read_mask(b.get(site), label, blobs)
            total += sum(int(np.count_nonzero(mask)) for mask in (one, other) if mask is not None)
            if one is not None and other is not None:
                both += int(np.count_nonzero(one & other))
        if total:
            scores.append(2 * both / total)
    return scores


def read_mask(value: MaskValue | None, label: str, blobs: Blobs) -> NDArray[np.bool_] | None:
    """One label's mask, in the value's shape; None where it is empty."""
    name = value.blob(label) if value is not None else None
    return blobs.get_mask(name, value.shape) if name is not None and value is not None else None


def _by_site(question: Question, answers: Iterable[Answer]) -> dict[Site, MaskValue]:
    return {a.site: a.value for a in answers if a.question == question.name and isinstance(a.value, MaskValue)}
