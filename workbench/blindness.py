"""What a reader may see of a study: not the other readers, and not the model where the read is independent.

A read can be taken back until its round closes, so that blindness lasts that long; a reader's own earlier answers
to a study that is read again are hidden as long. Of a study that is read in an open round nobody sees the others'
answers. What the model says of patients who may be drawn for the reference standard (validation, calibration,
test) is shown once there is a consensus. Adjudicators see no reader's name anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from data.records import (
    OPEN_ROUND,
    WAITING,
    Mode,
    Part,
    Purpose,
    Reader,
    ReaderRole,
    ReadRequest,
    RequestState,
    RoundState,
)
from data.store import Store
from workbench.language import N_


@dataclass(frozen=True, slots=True)
class Sight:
    """What may be shown.

    Parameters
    ----------
    model:
        The model's answers, heat maps, and the reason why the study is in a batch.
    others:
        The answers of other readers, and the consensus.
    why:
        The sentence that stands where something is hidden; empty where nothing is.
    rounds:
        The rounds whose own reads may be shown; None for all.
    names:
        Whether readers are named.
    """

    model: bool = True
    others: bool = True
    why: str = ""
    rounds: frozenset[str] | None = None
    names: bool = True


ALL = Sight()
_INDEPENDENT = Sight(
    model=False,
    others=False,
    why=N_("You read this study independently: what model and readers say appears once the round closes."),
)
_ASSISTED = Sight(model=True, others=False, why=N_("The other readers' answers appear once the round closes."))
_DECIDING = Sight(
    model=False,
    others=False,
    why=N_("You decide on this study: its answers are on the page Adjudication, without names."),
)
_ELSEWHERE = Sight(
    others=False, why=N_("This study is being read: its readers' answers appear once the round closes.")
)
_RESERVED = Sight(
    model=False,
    others=False,
    why=N_("This patient may be drawn for independent reading: answers appear once there is a consensus."),
)


class Blindness:
    """What one person may see of a task's studies.

    Parameters
    ----------
    reader:
        Who looks; None for the curator, who sees all.
    """

    def __init__(self, store: Store, task: str, reader: Reader | None) -> None:
        self.reader = reader
        self._own: Mapping[str, Sight] = {}
        self._decided: frozenset[str] = frozenset()
        self._being_read: frozenset[str] = frozenset()
        if reader is not None:
            self._own = _own_reads(store, task, reader)
            self._decided = frozenset(c.study_id for c in store.labels.consensus(task) if c.value is not None)
            self._being_read = _being_read(store, task)

    def sight(self, study_id: str, part: Part) -> Sight:
        """What may be shown of a study, whose patient serves this part."""
        if self.reader is None:
            return ALL
        judges = self.reader.role == ReaderRole.ADJUDICATOR
        seen = self._own.get(study_id)
        if seen is None and part != Part.TRAIN and study_id not in self._decided:
            seen = _RESERVED
        elif seen is None and study_id in self._being_read:
            seen = replace(_ELSEWHERE, model=part == Part.TRAIN and not judges)
        return replace(seen or ALL, names=not judges)


def _own_reads(store: Store, task: str, reader: Reader) -> dict[str, Sight]:
    """By study, what the reader's own reads allow: those of open rounds, and decisions that are awaited."""
    states = {r.round_id: r.state for r in store.rounds.all(task, kind=None)}
    asked: dict[str, list[ReadRequest]] = {}
    for request in store.reads.requests(task=task, reader_id=reader.reader_id):
        state = states.get(request.round_id, RoundState.CANCELLED)
        if request.state == RequestState.WITHDRAWN or state == RoundState.CANCELLED:
            continue
        awaited = request.purpose == Purpose.ADJUDICATION and request.state in WAITING  # after an appeal
        if state in OPEN_ROUND or awaited:
            asked.setdefault(request.study_id, []).append(request)
    return {study_id: _strictest(requests) for study_id, requests in asked.items()}


def _strictest(requests: Sequence[ReadRequest]) -> Sight:
    """What a reader's reads of a study allow together. A second look fixes the first answer."""
    looked = {r.round_id for r in requests if r.purpose == Purpose.SECOND_LOOK}
    blind = [
        r
        for r in requests
        if r.mode == Mode.INDEPENDENT and not (r.purpose == Purpose.ACQUISITION and r.round_id in looked)
    ]
    sight = _INDEPENDENT if blind else _ASSISTED
    if any(r.purpose == Purpose.ADJUDICATION for r in requests):
        sight = _DECIDING
    return replace(sight, rounds=frozenset(r.round_id for r in requests))


def _being_read(store: Store, task: str) -> frozenset[str]:
    """The studies of the rounds that are open."""
    rounds = [r for r in store.rounds.all(task) if r.state in OPEN_ROUND]
    return frozenset(item.study_id for r in rounds for item in store.rounds.batch(r.round_id).items)
