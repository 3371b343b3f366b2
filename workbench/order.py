"""The order in which the clinical tasks are offered, in pages, demo and API alike."""

from __future__ import annotations

from data.store import Store
from models.task import ClinicalTask, discover


def in_order(store: Store) -> dict[str, ClinicalTask]:
    """The tasks by name: in the order in which they came to their first champion, then those without one.

    A task's place does not change once it has a champion, so that an address without a task goes on to mean the
    first one.
    """
    tasks = discover()

    def since(name: str) -> tuple[bool, str, str]:
        champions = store.versions.championships(name)
        return not champions, champions[-1].at if champions else "", name

    return {name: tasks[name] for name in sorted(tasks, key=since)}


def first_task(store: Store) -> ClinicalTask:
    """The task that is meant where none is named."""
    return next(iter(in_order(store).values()))
