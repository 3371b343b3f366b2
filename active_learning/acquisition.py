"""Which studies a round asks to be read: training cases that the model needs, the others drawn at random.

Two ways, never mixed. Training patients' studies are picked by a named way to choose, or the most doubtful first.
Studies of test, calibration and validation patients are drawn by a seeded hash of the patient alone: no score,
prediction or dispute has a say in it, so that they stay a fair sample, and they are always read without the
model's answer. Where the budget is in reader seconds, the number of them follows from the mean time of all who
might be drawn, not from their own: else short cases would be drawn more often than long ones.

Cases that were read and are disputed share the budget with new ones (relabel, or label new?). Both have a doubt on
one scale (:mod:`active_learning.relabel`): as many read cases come back as stand among the most doubtful of all;
the way to choose picks the others among the new ones, and each read case stands where its doubt puts it.

References
----------
Lewis, Gale: A sequential algorithm for training text classifiers, SIGIR 1994 (uncertainty sampling).
Seung, Opper, Sompolinsky: Query by committee, COLT 1992 (disagreement; here of readers and model).
Goh, Mueller: ActiveLab: active learning with re-labeling by multiple annotators (2023), arXiv:2301.11856.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from active_learning import acquisition_reasons as reasons
from active_learning.acquisition_reasons import Said
from active_learning.disputes import Dispute
from active_learning.draws import number
from active_learning.quotas import Quota, fit
from active_learning.strategies.registry import strategy
from active_learning.strategies.view import View
from data.records import BatchItem, Mode, Part, Prediction, Purpose, Study

PURPOSES = {
    Part.TEST: Purpose.TEST,
    Part.CALIBRATION: Purpose.CALIBRATION,
    Part.VALIDATION: Purpose.VALIDATION,
}
"""What patients who are drawn at random are read for."""
SPARE = 3
"""Times as many cases as are wanted that a way to choose is asked for where quotas or times leave some out."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A study that may be asked for.

    Parameters
    ----------
    said:
        What the champion says; None: no model has seen it.
    dispute:
        The largest disagreement on it, or None.
    has_reference:
        Whether its answers are known. A training case is then asked for only if it is disputed; of a test,
        calibration or validation patient no other study is either.
    doubt:
        What a read of it is worth, 0 to 1, on one scale for new and read cases; None: the larger of the champion's
        uncertainty and the dispute, 1 where no model has seen it.
    groups:
        What quotas may bound, such as ``phenotype=malignant`` or ``manufacturer=Siemens``.
    seconds:
        Expected of readers, all reads of the case together.
    """

    study: Study
    said: Said | None = None
    dispute: Dispute | None = None
    has_reference: bool = False
    doubt: float | None = None
    groups: tuple[str, ...] = ()
    seconds: float = 1.0

    @classmethod
    def of(
        cls,
        study: Study,
        prediction: Prediction | None = None,
        dispute: Dispute | None = None,
        *,
        has_reference: bool = False,
    ) -> Candidate:
        """A candidate with the champion's prediction, of which only what is needed is held."""
        return cls(study, None if prediction is None else Said.of(prediction), dispute, has_reference)

    @property
    def score(self) -> float:
        """How much it is needed, 0 to 1: its doubt."""
        if self.doubt is not None:
            return self.doubt
        uncertainty = self.said.uncertainty if self.said is not None else 1.0
        return max(uncertainty, self.dispute.score if self.dispute is not None else 0.0)

    @property
    def patient(self) -> str:
        """The patient's id."""
        return self.study.patient.patient_id


Look: TypeAlias = Callable[[Sequence[Candidate]], View]
"""Gives the view of the candidates, in their order; asked once, of the new training cases alone."""


@dataclass(frozen=True, slots=True)
class Way:
    """How training cases are chosen.

    Parameters
    ----------
    strategy:
        A name of :data:`active_learning.strategies.registry.STRATEGIES`; empty: the most doubtful first.
    per_patient:
        Studies of a training patient in a batch at the most; the most doubtful ones.
    quotas:
        Bounds on groups of the training cases.
    """

    strategy: str = ""
    per_patient: int = 1
    quotas: tuple[Quota, ...] = ()


@dataclass(frozen=True, slots=True)
class _Room:
    """What may still be taken: cases, or seconds where those are given."""

    cases: int
    seconds: float | None = None

    def without(self, taken: Collection[Candidate]) -> _Room:
        """The room that is left."""
        used = None if self.seconds is None else max(0.0, self.seconds - sum(c.seconds for c in taken))
        return replace(self, cases=max(0, self.cases - len(taken)), seconds=used)

    def drawn(self, of: Sequence[Candidate], share: float) -> int:
        """How many to draw at random, of these, with a share of the room."""
        if self.seconds is None:
            return min(self.cases, _share(share, self.cases))
        mean = sum(c.seconds for c in of) / len(of) if of else math.inf
        return min(_share(share, self.seconds / mean), math.floor(self.seconds / mean))

    def filled(self, ordered: Iterable[_Pick]) -> list[_Pick]:
        """As many as fit, in their order; one that does not fit is passed over."""
        taken: list[_Pick] = []
        left = math.inf if self.seconds is None else self.seconds
        for pick in ordered:
            if self.seconds is None and len(taken) >= self.cases:
                break
            if pick.candidate.seconds <= left or self.seconds is None:
                left -= pick.candidate.seconds
                taken.append(pick)
        return taken


@dataclass(frozen=True, slots=True)
class _Pick:
    """A training case in the order in which it is wanted, and why."""

    candidate: Candidate
    reason: str


def choose(
    candidates: Iterable[Candidate],
    *,
    budget: int,
    random_share: float = 0.25,
    independent_share: float = 0.25,
    mode: Mode | None = None,
    seed: int = 0,
    budget_s: float | None = None,
    way: Way | None = None,
    look: Look | None = None,
    audits: Collection[str] = (),
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
    budget_s:
        In the place of ``budget``: reader seconds at the most, by :attr:`Candidate.seconds`. Training cases are
        then ordered by what they are worth a second.
    way:
        How training cases are chosen; without it the most doubtful first, one a patient.
    look:
        What the way to choose sees; a strategy needs it.
    audits:
        Studies that were cleared and are to be checked by a read, whatever part their patients serve. They take
        of the budget first, and are read without the model's answer.

    Returns
    -------
    tuple[BatchItem, ...]
        One study a patient, unless the way says otherwise. Training cases stand in the order in which they are
        wanted; those drawn at random stand between them, so that their place tells nothing. ``score`` is the doubt
        of training cases, ``reason`` is for the curator, not for readers.

    Raises
    ------
    ConfigError
        There is no way to choose of that name.
    """
    pool = sorted(candidates, key=lambda c: number(seed, "study", c.study.study_id))
    room = _Room(budget, budget_s)
    checked = _audited(pool, audits, room)
    left = [c for c in pool if c.patient not in {a.patient for a in checked}] if checked else pool
    room = room.without(checked)
    free = _drawable(left, seed)
    drawn = free[: room.drawn(free, random_share)]
    needed = _needed(left, room.without(drawn), way or Way(), look, seed)
    modes = _modes([pick.candidate for pick in needed], mode, independent_share, seed)
    items = [
        BatchItem(p.candidate.study.study_id, Purpose.ACQUISITION, m, p.candidate.score, p.reason)
        for p, m in zip(needed, modes, strict=True)
    ]
    beside = [(c, PURPOSES[c.study.patient.part], reasons.drawn(c.study.patient.part)) for c in drawn]
    beside += [(c, Purpose.AUDIT, reasons.AUDITED) for c in checked]
    for candidate, purpose, reason in beside:
        item = BatchItem(candidate.study.study_id, purpose, Mode.INDEPENDENT, 0.0, reason)
        items.insert(number(seed, "place", item.study_id) % (len(items) + 1), item)
    return tuple(items)


def _audited(pool: Sequence[Candidate], audits: Collection[str], room: _Room) -> list[Candidate]:
    wanted = set(audits)
    picks = (_Pick(c, reasons.AUDITED) for c in pool if c.study.study_id in wanted)
    return [pick.candidate for pick in room.filled(picks)]


def _drawable(pool: Sequence[Candidate], seed: int) -> list[Candidate]:
    """Patients outside the training part, by hash; of each the study with the lowest hash."""
    known = {c.patient for c in pool if c.has_reference}
    free = [c for c in pool if c.study.patient.part in PURPOSES and c.patient not in known]
    free.sort(key=lambda c: number(seed, "patient", c.patient))
    return _some_a_patient(free, 1)


def _needed(pool: Sequence[Candidate], room: _Room, way: Way, look: Look | None, seed: int) -> list[_Pick]:
    """Training patients' studies in the order in which they are wanted, as many as there is room for."""
    free = [
        c for c in pool if c.study.patient.part == Part.TRAIN and (not c.has_reference or c.dispute is not None)
    ]
    timed = room.seconds is not None
    free.sort(
        key=lambda c: -c.score / c.seconds if timed else -c.score
    )  # of equal ones the lower hash stays first
    free = _some_a_patient(free, way.per_patient)
    doubted = [_Pick(c, _why_doubted(c)) for c in free]
    chosen_by = look if way.strategy else None
    ordered = doubted if chosen_by is None else _by_strategy(doubted, room, way, chosen_by, seed)
    taken = room.filled(ordered)
    if not way.quotas:
        return taken
    fitted = fit([pick.candidate.groups for pick in ordered], len(taken), way.quotas)
    return room.filled(
        replace(ordered[f.place], reason=reasons.with_quota(ordered[f.place].reason, f.quota)) for f in fitted
    )


def _by_strategy(doubted: Sequence[_Pick], room: _Room, way: Way, look: Look, seed: int) -> list[_Pick]:
    """What a way to choose picks among the new cases, with the read ones where their doubt puts them.

    Behind them stand the others by doubt: quotas may need them.
    """
    wanted = len(room.filled(doubted))
    again = [(rank, pick) for rank, pick in enumerate(doubted[:wanted]) if pick.candidate.dispute is not None]
    fresh = [pick for pick in doubted if pick.candidate.dispute is None]
    fresh.sort(key=lambda pick: number(seed, "study", pick.candidate.study.study_id))
    if not fresh or not wanted:
        return list(doubted)
    spare = SPARE if way.quotas or room.seconds is not None else 1
    picks = strategy(way.strategy)(
        look([pick.candidate for pick in fresh]), min(len(fresh), wanted * spare), np.random.default_rng(seed)
    )
    order = list(range(len(picks.places)))
    places = [int(place) for place in picks.places]
    if room.seconds is not None:
        order.sort(key=lambda i: -float(picks.gains[i]) / fresh[places[i]].candidate.seconds)
    found = [
        replace(fresh[places[i]], reason=reasons.picked(picks.why[i], fresh[places[i]].candidate.said))
        for i in order
    ]
    for rank, pick in again:
        found.insert(min(rank, len(found)), pick)
    there = {pick.candidate.study.study_id for pick in found}
    return found + [pick for pick in doubted if pick.candidate.study.study_id not in there]


def _why_doubted(candidate: Candidate) -> str:
    """The dispute, unless the champion's uncertainty is the larger doubt."""
    uncertainty = candidate.said.uncertainty if candidate.said is not None else 0.0
    dispute = candidate.dispute
    if dispute is not None and (candidate.doubt is not None or dispute.score >= uncertainty):
        return dispute.reason
    return reasons.doubted(candidate.said)


def _some_a_patient(ordered: Sequence[Candidate], most: int) -> list[Candidate]:
    """The first so many of each patient."""
    seen: dict[str, int] = {}
    kept: list[Candidate] = []
    for candidate in ordered:
        seen[candidate.patient] = seen.get(candidate.patient, 0) + 1
        if seen[candidate.patient] <= most:
            kept.append(candidate)
    return kept


def _modes(needed: Sequence[Candidate], mode: Mode | None, independent_share: float, seed: int) -> list[Mode]:
    seen = [c.study.study_id for c in needed if c.said is not None]
    if mode is not None:
        blind = set(seen) if mode == Mode.INDEPENDENT else set()
    else:
        seen.sort(key=lambda study_id: number(seed, "mode", study_id))
        blind = set(seen[: _share(independent_share, len(seen))])
    return [Mode.INDEPENDENT if c.said is None or c.study.study_id in blind else Mode.ASSISTED for c in needed]


def _share(share: float, of: float) -> int:
    return math.floor(share * of + 0.5)
