"""What a reader may see of a study: not the other readers, and not the model where the read is independent.

A read can be taken back until its round closes, so that blindness lasts that long. What the model says of patients
who may be drawn for the reference standard (validation, calibration, test) is shown once there is a consensus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from data.records import Mode, Part, Reader, RequestState, RoundState
from data.store import Store

OPEN_STATES = frozenset({RoundState.OPENED, RoundState.PUSHED, RoundState.READ})
"""A round in one of these can still change a read."""


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
    """

    model: bool = True
    others: bool = True
    why: str = ""


ALL = Sight()
_INDEPENDENT = Sight(
    model=False,
    others=False,
    why="You read this study independently: what model and readers say appears once the round closes.",
)
_ASSISTED = Sight(model=True, others=False, why="The other readers' answers appear once the round closes.")
_RESERVED = Sight(
    model=False,
    others=False,
    why="This patient may be drawn for independent reading: answers appear once there is a consensus.",
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
        if reader is not None:
            self._own = _own_reads(store, task, reader)
            self._decided = frozenset(c.study_id for c in store.labels.consensus(task) if c.value is not None)

    def sight(self, study_id: str, part: Part) -> Sight:
        """What may be shown of a study, whose patient serves this part."""
        if self.reader is None:
            return ALL
        own = self._own.get(study_id)
        if own is not None:
            return own
        if part != Part.TRAIN and study_id not in self._decided:
            return _RESERVED
        return ALL


def _own_reads(store: Store, task: str, reader: Reader) -> dict[str, Sight]:
    """By study, what the reader's own reads in rounds that are still open allow; the strictest counts."""
    still_open = {r.round_id for r in store.rounds.all(task) if r.state in OPEN_STATES}
    found: dict[str, Sight] = {}
    for request in store.reads.requests(task=task, reader_id=reader.reader_id):
        if request.round_id not in still_open or request.state == RequestState.WITHDRAWN:
            continue
        sight = _INDEPENDENT if request.mode == Mode.INDEPENDENT else _ASSISTED
        if found.get(request.study_id) is not _INDEPENDENT:
            found[request.study_id] = sight
    return found
