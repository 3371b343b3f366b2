"""A page that watches the records is drawn anew where what it shows is no longer so, and only there."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from data.records import Reader
from data.store import Store
from workbench.views.parts import watch as watched


class RerunError(Exception):
    """The page is drawn anew."""


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """Looks as they would come again and again, in place of Streamlit's own fragments."""
    found: list[Callable[[], None]] = []

    def fragment(run_every: float) -> Callable[..., Any]:
        def of(look: Callable[..., None]) -> Callable[..., None]:
            def run(*arguments: Any) -> None:
                found.append(lambda: look(*arguments))
                look(*arguments)

            return run

        return of

    def rerun() -> None:
        raise RerunError

    monkeypatch.setattr(watched, "st", SimpleNamespace(session_state={}, fragment=fragment, rerun=rerun))
    return found


def test_only_a_grown_log_is_looked_into_and_only_another_state_drawn(
    store: Store, looks: list[Callable[[], None]]
) -> None:
    asked: list[int] = []

    def state() -> int:
        asked.append(1)
        return len(store.reads.readers()) // 2

    watched.watch(store, state, seen=store.log.head().sequence, shown=0, key="w", every_s=1.0)
    (look,) = looks
    look()
    assert asked == []
    store.reads.add_reader(Reader("ann", "Ann"))
    look()
    look()
    assert len(asked) == 1, "the log has grown once; the state is the same"
    store.reads.add_reader(Reader("ben", "Ben"))
    with pytest.raises(RerunError):
        look()


def test_what_came_while_the_page_was_drawn_is_not_missed(store: Store, looks: list[Callable[[], None]]) -> None:
    seen, shown = store.log.head().sequence, len(store.reads.readers())
    store.reads.add_reader(Reader("ann", "Ann"))
    with pytest.raises(RerunError):
        watched.watch(store, lambda: len(store.reads.readers()), seen=seen, shown=shown, key="w", every_s=1.0)
