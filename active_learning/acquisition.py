"""Which studies a round asks to be read: training cases that the model needs, the others drawn at random.

Two ways, never mixed. Training patients' studies are picked by a named way to choose, or the most doubtful first
(:mod:`active_learning.picking`). Studies of test, calibration and validation patients are drawn by a seeded hash
of the patient alone: no score, prediction or dispute has a say in it, so that they stay a fair sample, and they
are always read without the model's answer. Where the budget is in reader seconds, the number of them follows from
the mean time of all who might be drawn, not from their own: else short cases would be drawn more often than long.

References
----------
Lewis, Gale: A sequential algorithm for training text classifiers, SIGIR 1994 (uncertainty sampling).
Seung, Opper, Sompolinsky: Query by committee, COLT 1992 (disagreement; here of readers and model).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from active_learning import acquisition_reasons as reasons
from active_learning.candidates import Candidate, Look, Way
from active_learning.draws import number
from active_learning.picking import Pick, Room, needed, rounded, some_a_patient
from data.records import BatchItem, Mode, Part, Purpose

__all__ = ["PURPOSES", "Candidate", "Look", "Way", "choose"]

PURPOSES = {
    Part.TEST: Purpose.TEST,
    Part.CALIBRATION: Purpose.CALIBRATION,
    Part.VALIDATION: Purpose.VALIDATION,
}
"""What patients who are drawn at random are read for."""


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
        of training cases, ``reason`` is for the curator; readers have it in short.

    Raises
    ------
    ConfigError
        There is no way to choose of that name.
    """
    pool = sorted(candidates, key=lambda c: number(seed, "study", c.study.study_id))
    room = Room(budget, budget_s)
    checked = _audited(pool, audits, room)
    left = [c for c in pool if c.patient not in {a.patient for a in checked}] if checked else pool
    room = room.without(checked)
    free = _drawable(left, seed)
    drawn = free[: room.share(random_share, free)]
    picks = needed(left, room.without(drawn), way or Way(), look, seed)
    modes = _modes([pick.candidate for pick in picks], mode, independent_share, seed)
    items = [
        BatchItem(p.candidate.study.study_id, Purpose.ACQUISITION, m, p.candidate.score, p.reason)
        for p, m in zip(picks, modes, strict=True)
    ]
    beside = [(c, PURPOSES[c.study.patient.part], reasons.drawn(c.study.patient.part)) for c in drawn]
    beside += [(c, Purpose.AUDIT, reasons.AUDITED) for c in checked]
    for candidate, purpose, reason in beside:
        item = BatchItem(candidate.study.study_id, purpose, Mode.INDEPENDENT, 0.0, reason)
        items.insert(number(seed, "place", item.study_id) % (len(items) + 1), item)
    return tuple(items)


def _audited(pool: Sequence[Candidate], audits: Collection[str], room: Room) -> list[Candidate]:
    wanted = set(audits)
    picks = (Pick(c, reasons.AUDITED) for c in pool if c.study.study_id in wanted)
    return [pick.candidate for pick in room.filled(picks)]


def _drawable(pool: Sequence[Candidate], seed: int) -> list[Candidate]:
    """Patients outside the training part, by hash; of each the study with the lowest hash."""
    known = {c.patient for c in pool if c.has_reference}
    free = [c for c in pool if c.study.patient.part in PURPOSES and c.patient not in known]
    free.sort(key=lambda c: number(seed, "patient", c.patient))
    return some_a_patient(free, 1)


def _modes(needed: Sequence[Candidate], mode: Mode | None, independent_share: float, seed: int) -> list[Mode]:
    seen = [c.study.study_id for c in needed if c.said is not None]
    if mode is not None:
        blind = set(seen) if mode == Mode.INDEPENDENT else set()
    else:
        seen.sort(key=lambda study_id: number(seed, "mode", study_id))
        blind = set(seen[: rounded(independent_share * len(seen))])
    return [Mode.INDEPENDENT if c.said is None or c.study.study_id in blind else Mode.ASSISTED for c in needed]
