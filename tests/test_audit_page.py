"""The page Log: entries by event and subject, page by page, and what the last verification found."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from data.home import HOME_VARIABLE, Home
from data.store import Store
from tests.test_faces import show, words
from workbench.jobs import Work
from workbench.lineage_work import VERIFY, verify_log

LONGEST = "0123456789abcdef" * 4


@pytest.fixture
def store(home: Home, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A home with 120 entries, of two kinds."""
    monkeypatch.setenv(HOME_VARIABLE, str(home.path))
    store = Store.of(home)
    for number in range(60):
        store.log.add("round.pushed", f"t-r{number}", studies=number)
        store.log.add("rounding.tested", "other", text="x" * 100)
    return store


def verified(home: Home, store: Store) -> None:
    """Do what the worker does for the page's button."""
    job = store.jobs.add(VERIFY, {})
    store.jobs.lease(job.job_id, "test", seconds=60)
    store.jobs.finish(job.job_id, "test", verify_log(Work(home, lambda share, said: None)))


def test_the_newest_entries_come_first_with_their_digests(store: Store) -> None:
    page = show("log")
    said = words(page)
    newest = store.log.entries(limit=1)[0]
    assert not page.exception
    assert "120 entries" in said
    assert f'title="{newest.digest}"' in said
    assert (said.count("rounding.tested"), said.count("round.pushed")) == (25, 25)
    assert "x" * 79 + "…" in said
    assert "1 to 50 of 120" in said
    assert said.index("t-r59") < said.index("t-r36")
    assert "t-r34" not in said


def test_entries_are_turned_and_filtered(store: Store) -> None:
    page = show("log")
    page.button[_labelled(page, "Older")].click().run()
    assert "51 to 100 of 120" in words(page)
    page.button[_labelled(page, "Older")].click().run()
    assert "101 to 120 of 120" in words(page)
    assert "t-r0<" in words(page)
    page.selectbox[_box(page)].set_value("round").run()
    assert "1 to 50 of 60" in words(page)
    assert "rounding.tested" not in words(page)
    page.text_input[0].set_value("t-r7").run()
    assert "1 to 1 of 1" in words(page)
    page.text_input[0].set_value("t-r7000").run()
    assert "No such entry" in words(page)


def test_a_subject_may_stand_in_the_address(store: Store) -> None:
    assert "1 to 1 of 1" in words(show("log", subject="t-r12"))


def test_what_was_verified_is_said_with_what_to_do(home: Home, store: Store) -> None:
    assert "Not verified yet" in words(show("log"))
    verified(home, store)
    said = words(show("log"))
    assert "Nothing was altered" in said
    assert "121 entries" in said  # the job is an entry of its own
    assert "1 entry since" in said
    with closing(sqlite3.connect(home.database)) as db:
        db.execute("DROP TRIGGER log_is_fixed")
        db.execute("UPDATE log SET subject = 'forged' WHERE sequence = 7")
        db.commit()
    verified(home, store)
    said = words(show("log"))
    assert "2 findings" in said
    assert "entry 7 (round.pushed forged)" in said
    assert "restore the home from a copy that verifies" in said


def test_a_job_names_no_file_in_full(home: Home, store: Store) -> None:
    version = store.versions.add(task="t", profile="demo", manifest=LONGEST)
    (found,) = verify_log(Work(home, lambda share, said: None))["findings"]
    assert found["where"] == LONGEST[:16] + "…"
    assert LONGEST not in str(found)
    assert version.manifest == LONGEST


def _labelled(page: object, label: str) -> int:
    return next(i for i, button in enumerate(page.button) if button.label == label)  # type: ignore[attr-defined]


def _box(page: object) -> int:
    return next(i for i, box in enumerate(page.selectbox) if box.label == "Kind of event")  # type: ignore[attr-defined]
