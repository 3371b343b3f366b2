"""Why a case is in a batch, in words for a curator; readers have them in short (`reader_reasons`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from active_learning.quotas import Quota
from active_learning.words import place, spoken
from data.answers import MaskValue
from data.records import Part, Prediction, QuestionPrediction

UNDECIDED = 0.8
"""Uncertainty from which a model is called undecided: of two options, the better below 0.76."""
UNSEEN = "no model has seen it yet"
AUDITED = "audit: cleared without a reader, drawn at random to be checked"


@dataclass(frozen=True, slots=True)
class Said:
    """What the champion says where it is least certain.

    Parameters
    ----------
    uncertainty:
        Of the prediction, 0 to 1.
    about:
        The question where the form has several, and the site; with a space before it, or empty.
    odds:
        Such as ``cut off 0.52, complete 0.48``.
    """

    uncertainty: float
    about: str
    odds: str

    @classmethod
    def of(cls, prediction: Prediction) -> Said | None:
        """What a prediction says; None where it says nothing."""
        if not prediction.results:
            return None
        result = max(prediction.results, key=lambda r: r.uncertainty)
        several = len({r.question for r in prediction.results}) > 1
        about = f" about {spoken(result.question)}" if several else ""
        return cls(prediction.uncertainty, about + place(result.site), _odds(result))


def doubted(said: Said | None) -> str:
    """Of a case that is chosen because the champion is not sure."""
    if said is None:
        return UNSEEN
    lead = "the model is undecided" if said.uncertainty >= UNDECIDED else "among the least certain of those left"
    return f"{lead}{said.about}: {said.odds}"


def picked(why: str, said: Said | None) -> str:
    """Of a case that a way to choose picked for a reason of its own: that, and what the champion says."""
    if said is None:
        return why
    return f"{why}; least certain{said.about}: {said.odds}" if said.about else f"{why}; the model: {said.odds}"


def drawn(part: Part) -> str:
    """Of a case that is drawn at random for the reference standard."""
    return f"drawn at random for the {part.value} set"


def with_quota(reason: str, quota: Quota | None) -> str:
    """A reason, with the quota that the case is there for."""
    return reason if quota is None else f"{reason}; here for the quota {quota.said}"


def _odds(result: QuestionPrediction) -> str:
    """The two most probable options; of findings and masks the two labels that are nearest to even."""
    by_label = isinstance(result.value, frozenset | MaskValue)
    key: Callable[[str], float] = (
        (lambda name: abs(result.probabilities[name] - 0.5)) if by_label else (lambda n: -result.probabilities[n])
    )
    ranked = sorted(sorted(result.probabilities), key=key)[:2]
    return ", ".join(f"{spoken(name)} {result.probabilities[name]:.2f}" for name in ranked)
