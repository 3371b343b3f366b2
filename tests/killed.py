"""A worker that kills itself at a point: ``python -m tests.killed HOME POINT``.

What is patched here stands for a power cut: the process ends at once, with nothing flushed or closed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from active_learning import learning
from data.home import Home
from data.records import RoundState
from data.tables.labels import Labels
from data.tables.reads import Reads
from data.tables.rounds import Rounds
from data.tables.versions import Versions
from labelstudio.client import LabelStudioClient
from workbench.worker import Worker


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def after(owner: Any, name: str, count: int, when: Callable[..., bool] = lambda *_, **__: True) -> None:
    """Die once a method has returned for the ``count``-th time."""
    original, left = getattr(owner, name), [count]

    def patched(*arguments: Any, **named: Any) -> Any:
        result = original(*arguments, **named)
        if when(*arguments, **named):
            left[0] -= 1
            if left[0] == 0:
                die()
        return result

    setattr(owner, name, patched)


def before(owner: Any, name: str, when: Callable[..., bool]) -> None:
    """Die when a method is called with these arguments."""
    original = getattr(owner, name)

    def patched(*arguments: Any, **named: Any) -> Any:
        if when(*arguments, **named):
            die()
        return original(*arguments, **named)

    setattr(owner, name, patched)


def in_training(count: int) -> None:
    original = learning.train_version

    def patched(*arguments: Any, **named: Any) -> Any:
        follow, left = named["progress"], [count]

        def progress(share: float, words: str) -> None:
            left[0] -= 1
            if left[0] == 0:
                die()
            follow(share, words)

        return original(*arguments, **{**named, "progress": progress})

    learning.train_version = patched


POINTS: dict[str, Callable[[], None]] = {
    "push: some tasks made, none noted": lambda: after(LabelStudioClient, "import_tasks", 1),
    "push: all noted, state not moved": lambda: before(
        Rounds, "move", lambda _, __, state, **___: state == RoundState.PUSHED
    ),
    "pull: some answers kept": lambda: after(Reads, "keep", 5),
    "close: consensus kept, state not moved": lambda: after(Labels, "replace_consensus", 1),
    "train: in the middle": lambda: in_training(9),
    "train: version kept, state not moved": lambda: after(Versions, "add", 1),
    "promote: inside the transaction": lambda: before(
        Rounds, "move", lambda _, __, state, **___: state in (RoundState.PROMOTED, RoundState.KEPT)
    ),
}

if __name__ == "__main__":
    POINTS.get(sys.argv[2], lambda: None)()
    Worker(Home(Path(sys.argv[1]))).run()
