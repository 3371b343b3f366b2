"""Which training cases a batch takes, and in which order.

Read cases that are disputed share the budget with new ones (relabel, or label new?). Both have a doubt on one
scale (:mod:`active_learning.relabel`): as many read cases come back as stand among the most doubtful of all; the
way to choose picks the others among the new ones, and each read case stands where its doubt puts it.

Where the budget is in reader seconds, cases are ordered by what they are worth a second, and one that does not fit
any more is passed over for the next that does. Where all are worth the same, as in a random draw, their order
stays: else short cases would be preferred for nothing but their length.

References
----------
Goh, Mueller: ActiveLab: active learning with re-labeling by multiple annotators (2023), arXiv:2301.11856.
Settles, Craven, Friedland: Active learning with real annotation costs, NIPS workshop on cost-sensitive learning,
2008 (worth by cost).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from active_learning import acquisition_reasons as reasons
from active_learning.candidates import Candidate, Look, Way
from active_learning.draws import number
from active_learning.quotas import fit
from active_learning.strategies.registry import strategy
from data.records import Part

SPARE = 3
"""Times as many cases as are wanted that a way to choose is asked for where quotas or times leave some out."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A case that is wanted, and why."""

    candidate: Candidate
    reason: str

    @property
    def study_id(self) -> str:
        """Its study."""
        return self.candidate.study.study_id


@dataclass(frozen=True, slots=True)
class Room:
    """What may still be taken: cases, or reader seconds where those are given."""

    cases: int
    seconds: float | None = None

    def without(self, taken: Collection[Candidate]) -> Room:
        """The room that is left."""
        used = None if self.seconds is None else max(0.0, self.seconds - sum(c.seconds for c in taken))
        return replace(self, cases=max(0, self.cases - len(taken)), seconds=used)

    def share(self, share: float, of: Sequence[Candidate]) -> int:
        """How many of these cases, whichever they are, take a share of the room: by their mean time."""
        if self.seconds is None:
            return min(self.cases, rounded(share * self.cases))
        mean = sum(c.seconds for c in of) / len(of) if of else math.inf
        return min(rounded(share * self.seconds / mean), math.floor(self.seconds / mean))

    def filled(self, ordered: Iterable[Pick]) -> list[Pick]:
        """As many as fit, in their order."""
        taken: list[Pick] = []
        left = math.inf if self.seconds is None else self.seconds
        for pick in ordered:
            if self.seconds is None and len(taken) >= self.cases:
                break
            if pick.candidate.seconds <= left:
                left -= pick.candidate.seconds
                taken.append(pick)
        return taken

    def ordered(self, picks: Sequence[Pick], worth: Sequence[float]) -> list[Pick]:
        """By what they are worth a second, where the room is in seconds and they are not all worth the same."""
        if self.seconds is None or not picks or min(worth) == max(worth):
            return list(picks)
        order = sorted(range(len(picks)), key=lambda i: -worth[i] / picks[i].candidate.seconds)
        return [picks[i] for i in order]


def needed(pool: Sequence[Candidate], room: Room, way: Way, look: Look | None, seed: int) -> list[Pick]:
    """Training patients' studies in the order in which they are wanted, as many as there is room for.

    Parameters
    ----------
    pool:
        In an order that breaks ties.
    look:
        What the way to choose sees; without it the most doubtful come first.
    """
    free = [
        c for c in pool if c.study.patient.part == Part.TRAIN and (not c.has_reference or c.dispute is not None)
    ]
    doubted = [Pick(c, _why_doubted(c)) for c in sorted(free, key=lambda c: (-c.score, -_evident(c)))]
    doubted = room.ordered(doubted, [pick.candidate.score for pick in doubted])
    kept = {c.study.study_id for c in some_a_patient([pick.candidate for pick in doubted], way.per_patient)}
    doubted = [pick for pick in doubted if pick.study_id in kept]
    chosen_by = look if way.strategy else None
    ordered = doubted if chosen_by is None else _by_strategy(doubted, room, way, chosen_by, seed)
    taken = room.filled(ordered)
    if not way.quotas:
        return taken
    fitted = fit([pick.candidate.groups for pick in ordered], len(taken), way.quotas)
    return room.filled(
        replace(ordered[f.place], reason=reasons.with_quota(ordered[f.place].reason, f.quota)) for f in fitted
    )


def _by_strategy(doubted: Sequence[Pick], room: Room, way: Way, look: Look, seed: int) -> list[Pick]:
    """What a way to choose picks among the new cases, with the read ones where their doubt puts them.

    Behind them stand the others by doubt: quotas may need them.
    """
    wanted = len(room.filled(doubted))
    fresh = [pick for pick in doubted if pick.candidate.dispute is None]
    if not fresh or not wanted:
        return list(doubted)
    fresh.sort(key=lambda pick: number(seed, "study", pick.study_id))
    spare = SPARE if way.quotas or room.seconds is not None else 1
    picks = strategy(way.strategy)(
        look([pick.candidate for pick in fresh]), min(len(fresh), wanted * spare), np.random.default_rng(seed)
    )
    chosen = [fresh[int(place)] for place in picks.places]
    chosen = [
        replace(pick, reason=reasons.picked(why, pick.candidate.said))
        for pick, why in zip(chosen, picks.why, strict=True)
    ]
    found = room.ordered(chosen, [float(gain) for gain in picks.gains])
    for rank, pick in enumerate(doubted[:wanted]):
        if pick.candidate.dispute is not None:
            found.insert(min(rank, len(found)), pick)
    there = {pick.study_id for pick in found}
    return found + [pick for pick in doubted if pick.study_id not in there]


def _evident(candidate: Candidate) -> float:
    """What a doubt rests on: readers who differ, or the champion's uncertainty; 0 where nobody has looked."""
    said = candidate.said.uncertainty if candidate.said is not None else 0.0
    return max(said, candidate.dispute.score if candidate.dispute is not None else 0.0)


def _why_doubted(candidate: Candidate) -> str:
    """The dispute, unless the champion's uncertainty is the larger doubt."""
    uncertainty = candidate.said.uncertainty if candidate.said is not None else 0.0
    dispute = candidate.dispute
    if dispute is not None and (candidate.doubt is not None or dispute.score >= uncertainty):
        return dispute.reason
    return reasons.doubted(candidate.said)


def some_a_patient(ordered: Sequence[Candidate], most: int) -> list[Candidate]:
    """The first so many of each patient."""
    seen: dict[str, int] = {}
    kept: list[Candidate] = []
    for candidate in ordered:
        seen[candidate.patient] = seen.get(candidate.patient, 0) + 1
        if seen[candidate.patient] <= most:
            kept.append(candidate)
    return kept


def rounded(number_: float) -> int:
    """To the nearest whole number, a half up."""
    return math.floor(number_ + 0.5)
