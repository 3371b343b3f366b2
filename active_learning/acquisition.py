"""Which studies a round asks to be read: training cases that the model needs, the others drawn at random.

Two ways, never mixed. Training patients' studies are taken by score, the highest first. Studies of test,
calibration and validation patients are drawn by a seeded hash of the patient alone: no score, prediction or
dispute has a say in it, so that they stay a fair sample, and they are always read without the model's answer.

References
----------
Lewis, Gale: A sequential algorithm for training text classifiers, SIGIR 1994 (uncertainty sampling).
Seung, Opper, Sompolinsky: Query by committee, COLT 1992 (disagreement; here of readers and model).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from active_learning.disputes import Dispute
from active_learning.draws import number
from active_learning.words import place, spoken
from data.answers import MaskValue
from data.records import BatchItem, Mode, Part, Prediction, Purpose, QuestionPrediction, Study

PURPOSES = {
    Part.TEST: Purpose.TEST,
    Part.CALIBRATION: Purpose.CALIBRATION,
    Part.VALIDATION: Purpose.VALIDATION,
}
"""What patients who are drawn at random are read for."""
UNDECIDED = 0.8
"""Uncertainty from which a model is called undecided: of two options, the better below 0.76."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A study that may be asked for.

    Parameters
    ----------
    prediction:
        The champion's, or None.
    dispute:
        The largest disagreement on it, or None.
    has_reference:
        Whether its answers are known. A training case is then asked for only if it is disputed; of a test,
        calibration or validation patient no other study is either.
    """

    study: Study
    prediction: Prediction | None = None
    dispute: Dispute | None = None
    has_reference: bool = False

    @property
    def score(self) -> float:
        """How much it is needed: the larger of uncertainty and dispute, 0 to 1; 1 where no model has seen it."""
        uncertainty = self.prediction.uncertainty if self.prediction is not None else 1.0
        return max(uncertainty, self.dispute.score if self.dispute is not None else 0.0)


def choose(
    candidates: Iterable[Candidate],
    *,
    budget: int,
    random_share: float = 0.25,
    independent_share: float = 0.25,
    mode: Mode | None = None,
    seed: int = 0,
) -> tuple[BatchItem, ...]:
    """The batch of a round.

    The same candidates and seed give the same batch, in whatever order the candidates come.

    Parameters
    ----------
    candidates:
        Studies that may leave for the labelling server and were not asked for before.
    budget:
        Studies at the most.
    random_share:
        Share of the budget for patients drawn at random, 0 to 1, rounded half up. What they do not fill goes to
        training cases; the reverse is not so.
    independent_share:
        Share of the training cases with a prediction that are read without seeing it, 0 to 1, rounded half up and
        drawn at random. Cases without a prediction are read so anyway.
    mode:
        For training cases, in the place of ``independent_share``.
    seed:
        Of the random draws.

    Returns
    -------
    tuple[BatchItem, ...]
        One study a patient. Training cases stand by score, the highest first; those drawn at random stand
        between them, so that their place tells nothing. ``reason`` is for the curator, not for readers.
    """
    if budget < 1:
        return ()
    pool = list(candidates)
    drawn = _draw(pool, min(budget, _share(random_share, budget)), seed)
    needed = _most_needed(pool, budget - len(drawn), seed)
    modes = _modes(needed, mode, independent_share, seed)
    items = [
        BatchItem(c.study.study_id, Purpose.ACQUISITION, m, c.score, _reason(c))
        for c, m in zip(needed, modes, strict=True)
    ]
    for candidate in drawn:
        part = candidate.study.patient.part
        reason = f"drawn at random for the {part.value} set"
        item = BatchItem(candidate.study.study_id, PURPOSES[part], Mode.INDEPENDENT, 0.0, reason)
        items.insert(number(seed, "place", item.study_id) % (len(items) + 1), item)
    return tuple(items)


def _draw(pool: Sequence[Candidate], count: int, seed: int) -> list[Candidate]:
    """Patients outside the training part, by hash; of each the study with the lowest hash."""
    known = {c.study.patient.patient_id for c in pool if c.has_reference}
    free = [c for c in pool if c.study.patient.part in PURPOSES and c.study.patient.patient_id not in known]
    free.sort(key=lambda c: number(seed, "study", c.study.study_id))
    free.sort(key=lambda c: number(seed, "patient", c.study.patient.patient_id))
    return _one_a_patient(free, count)


def _most_needed(pool: Sequence[Candidate], count: int, seed: int) -> list[Candidate]:
    """Training patients' studies, the highest score first; the hash breaks ties."""
    free = [
        c for c in pool if c.study.patient.part == Part.TRAIN and (not c.has_reference or c.dispute is not None)
    ]
    free.sort(key=lambda c: (-c.score, number(seed, "study", c.study.study_id)))
    return _one_a_patient(free, count)


def _one_a_patient(ordered: Sequence[Candidate], count: int) -> list[Candidate]:
    first: dict[str, Candidate] = {}
    for candidate in ordered:
        first.setdefault(candidate.study.patient.patient_id, candidate)
    return list(first.values())[:count]


def _modes(needed: Sequence[Candidate], mode: Mode | None, independent_share: float, seed: int) -> list[Mode]:
    seen = [c.study.study_id for c in needed if c.prediction is not None]
    if mode is not None:
        blind = set(seen) if mode == Mode.INDEPENDENT else set()
    else:
        seen.sort(key=lambda study_id: number(seed, "mode", study_id))
        blind = set(seen[: _share(independent_share, len(seen))])
    return [
        Mode.INDEPENDENT if c.prediction is None or c.study.study_id in blind else Mode.ASSISTED for c in needed
    ]


def _reason(candidate: Candidate) -> str:
    """Why a training case is asked for, in words for a radiologist."""
    prediction, disputed = candidate.prediction, candidate.dispute
    uncertainty = prediction.uncertainty if prediction is not None else 0.0
    if disputed is not None and disputed.score >= uncertainty:
        return disputed.reason
    if prediction is None or not prediction.results:
        return "no model has seen it yet"
    result = max(prediction.results, key=lambda r: r.uncertainty)
    several = len({r.question for r in prediction.results}) > 1
    about = f" about {spoken(result.question)}" if several else ""
    lead = "the model is undecided" if uncertainty >= UNDECIDED else "among the least certain of those left"
    return f"{lead}{about}{place(result.site)}: {_odds(result)}"


def _odds(result: QuestionPrediction) -> str:
    """The two most probable options; of findings and masks the two labels that are nearest to even."""
    by_label = isinstance(result.value, frozenset | MaskValue)
    key: Callable[[str], float] = (
        (lambda name: abs(result.probabilities[name] - 0.5)) if by_label else (lambda n: -result.probabilities[n])
    )
    ranked = sorted(sorted(result.probabilities), key=key)[:2]
    return ", ".join(f"{spoken(name)} {result.probabilities[name]:.2f}" for name in ranked)


def _share(share: float, of: int) -> int:
    return math.floor(share * of + 0.5)
