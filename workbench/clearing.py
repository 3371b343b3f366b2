"""What rounds leave beside the records, and what is removed once they are done with.

Files tell how a round's training goes (:mod:`models.course`) and when its answers were fetched
(:mod:`workbench.fetching`); pages show both while it is open. A training that was killed goes on from its
checkpoints, which lie elsewhere and stay.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path

from data.home import Home
from data.store import Store
from data.tables.rounds import ENDED
from models.course import course_of
from workbench.fetching import mark_of

logger = logging.getLogger(__name__)

LEFT_S = 3600.0
"""Age from which a draft is one that a killed process has left."""


def clear_rounds(home: Home) -> int:
    """Remove what tells of rounds that have ended, but of the newest of each task; how many files went.

    What tells of a training by hand stays: there is one file for each profile of a task.
    """
    done = _done_with(Store.of(home))
    courses, marks = course_of(home, "").parent, mark_of(home, "")
    gone = [path for path in _files(courses) if path.stem in done or _left(path)]
    gone += [path for path in _files(marks) if path.name in done]
    removed = 0
    try:
        for path in gone:
            path.unlink(missing_ok=True)
            removed += 1
    except OSError as error:  # such as a folder that may not be written to; the worker goes on
        logger.warning("what ended rounds have left could not be removed: %s", error)
    return removed


def _done_with(store: Store) -> set[str]:
    """The ids of the rounds that have ended and have one of their kind after them."""
    newest: dict[tuple[str, str], str] = {}
    ended = set()
    for current in sorted(store.rounds.all(kind=None), key=lambda r: r.number):
        newest[current.task, current.kind] = current.round_id
        if current.state in ENDED:
            ended.add(current.round_id)
    return ended - set(newest.values())


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else iter(())


def _left(path: Path) -> bool:
    """Whether it is a draft that nobody goes on with."""
    try:
        return path.name.startswith(".") and time.time() - path.stat().st_mtime > LEFT_S
    except FileNotFoundError:  # it took its place meanwhile
        return False
