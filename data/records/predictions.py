"""What model versions say and measure, the versions, and figures with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from data.answers import STUDY, Answer, Site, Value


@dataclass(frozen=True, slots=True)
class QuestionPrediction:
    """What a model says to one question at one site.

    Parameters
    ----------
    value:
        The answer: the most probable one, or the one at the operating point.
    probabilities:
        Calibrated, by option; they sum to 1 for choices and grades. For a mask, by label.
    uncertainty:
        Entropy of the probabilities over its maximum: 0 (certain) to 1.
    """

    question: str
    site: Site
    value: Value
    probabilities: Mapping[str, float]
    uncertainty: float

    @property
    def answer(self) -> Answer:
        """The prediction as an answer."""
        return Answer(self.question, self.site, self.value)


@dataclass(frozen=True, slots=True)
class Measured:
    """A quantity that a model version measured, beside what the form asks.

    Parameters
    ----------
    name:
        What was measured, such as ``long_diameter``; lower-case letters, digits and ``_``.
    unit:
        ``mm``, ``mm2``, ``ml``, ``HU``, ``pct`` ... ; empty for a ratio.
    page:
        The page on which it was measured, from 0; None where it belongs to none.
    drawn:
        The ends of the lines to draw on that page: ((row, column), (row, column)) in native pixels each.
    note:
        What a reader must know of it, such as what it was compared with.
    """

    name: str
    site: Site
    value: float
    unit: str
    page: int | None = None
    drawn: tuple[tuple[tuple[float, float], tuple[float, float]], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one model version says of one study."""

    task: str
    study_id: str
    version: str
    results: tuple[QuestionPrediction, ...]
    created_at: str = ""
    measured: tuple[Measured, ...] = ()

    def result(self, question: str, site: Site = STUDY) -> QuestionPrediction | None:
        """The result for a question at a site; None where the model was not asked."""
        return next((r for r in self.results if r.question == question and r.site == site), None)

    @property
    def uncertainty(self) -> float:
        """The largest uncertainty over the questions, 0 to 1."""
        return max((r.uncertainty for r in self.results), default=1.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure with its 95% interval over ``n`` patients. Bounds are None where they cannot be had."""

    value: float
    low: float | None
    high: float | None
    n: int

    def as_dict(self) -> dict[str, float | int | None]:
        """The figure as JSON."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A trained model of one task.

    Parameters
    ----------
    version:
        Its id, ``<task>-v<number>``.
    manifest:
        The blob of its manifest (see :mod:`models.versions`); the manifest names the weights.
    parent:
        The champion that it was trained to replace; empty for the first.
    round_id:
        The round that trained it; empty where it was trained by hand.
    """

    version: str
    task: str
    number: int
    profile: str
    manifest: str
    created_at: str
    parent: str = ""
    round_id: str = ""
