"""The page Log: entries by event and subject, page by page, and what the last verification found."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from starlette.testclient import TestClient

from data.home import HOME_VARIABLE, Home
from data.records import LogEntry, Reader, Study
from data.splits import patient
from data.store import Store
from tests.test_faces import show, words
from workbench.jobs import Work
from workbench.lineage_work import VERIFY, verify_log
from workbench.log_pages import Wanted, _where, kinds, page, table
from workbench.serve import create_api

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
    page.text_input[_field(page, "Subject")].set_value("t-r7").run()
    assert "1 to 1 of 1" in words(page)
    page.text_input[_field(page, "Subject")].set_value("t-r7000").run()
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


def _field(page: object, label: str) -> int:
    return next(i for i, field in enumerate(page.text_input) if field.label == label)  # type: ignore[attr-defined]


def _box(page: object) -> int:
    return next(i for i, box in enumerate(page.selectbox) if box.label == "Kind of event")  # type: ignore[attr-defined]


# -- filters ---------------------------------------------------------------------------------------------------


@pytest.fixture
def mixed(home: Home, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A home with entries of readers and studies, over several days."""
    monkeypatch.setenv(HOME_VARIABLE, str(home.path))
    store = Store.of(home)
    studies = [patient(home.secret("key"), f"clinic:{i}") for i in range(2)]
    for number, who in enumerate(studies):
        for exam in "ab":
            store.studies.add(Study(f"s{number}{exam}", who, "DX", ingested_at="2026-01-01"), {})
    store.reads.add_reader(Reader("ann", "Dr Ahn"))
    for day in range(1, 11):
        monkeypatch.setattr("data.tables.log.now", lambda day=day: f"2026-03-{day:02d}T12:00:00.000000+00:00")
        store.log.add("annotation.kept", f"an-{day}", reader=("ann", "ben")[day % 2], task="t")
        store.log.add("round.opened", f"t-r{day}", series=day)
    return store


def everything(store: Store) -> list[LogEntry]:
    return store.log.entries(limit=1000)


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (Wanted(), lambda e: True),
        (Wanted(kind="round"), lambda e: e.event == "round.opened"),
        (Wanted(kind="annotation", who="ben"), lambda e: e.detail.get("reader") == "ben"),
        (Wanted(who="ann"), lambda e: e.detail.get("reader") == "ann" or e.subject == "ann"),
        (Wanted(subject="t-r3"), lambda e: e.subject == "t-r3"),
        (Wanted(study="s0a"), lambda e: e.subject == "s0a"),
        (Wanted(since="2026-03-04", until="2026-03-06"), lambda e: "2026-03-04" <= e.at < "2026-03-07"),
        (Wanted(kind="round", since="2026-03-09"), lambda e: e.event == "round.opened" and e.at >= "2026-03-09"),
        (Wanted(until="2026-02-01"), lambda e: False),
        (Wanted(since="2099-01-01"), lambda e: False),
    ],
)
def test_a_filter_leaves_what_fits_on_pages_and_in_the_table(
    wanted: Wanted, fits: Callable[[LogEntry], bool], mixed: Store
) -> None:
    expected = [entry.sequence for entry in everything(mixed) if fits(entry)]
    found = page(mixed, wanted, size=7)
    assert (found.total, found.more) == (len(expected), False)
    shown, start = [], 0
    while True:
        part = page(mixed, wanted, start=start, size=7)
        shown += [entry.sequence for entry in part.entries]
        start += 7
        if not part.older:
            break
    assert shown == expected
    rows = list(csv.DictReader(io.StringIO("".join(table(mixed, wanted)))))
    assert [int(row["sequence"]) for row in rows] == expected


def test_a_pseudonym_stands_for_all_its_studies(mixed: Store) -> None:
    who = mixed.studies.get("s1a").label
    assert {e.subject for e in page(mixed, Wanted(study=who)).entries} == {"s1a", "s1b"}


def test_kinds_are_those_of_the_events(mixed: Store) -> None:
    assert kinds(mixed) == sorted({event.partition(".")[0] for event in mixed.log.events()})


def test_very_many_are_not_counted_to_their_end(mixed: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.log_pages.COUNTED", 5)
    found = page(mixed, Wanted(kind="round"), start=8, size=2)
    assert (found.total, found.more, found.older) == (5, True, False)
    assert [entry.subject for entry in found.entries] == ["t-r2", "t-r1"]


@pytest.mark.parametrize(
    "wanted",
    [Wanted(kind="round"), Wanted(who="ann"), Wanted(subject="x"), Wanted(since="2026-03-02", until="2026-03-05")],
)
def test_every_filter_is_answered_by_an_index(wanted: Wanted, mixed: Store) -> None:
    where = _where(mixed, wanted)
    plan = mixed.db.execute(
        f"EXPLAIN QUERY PLAN SELECT sequence FROM log WHERE {where.sql} ORDER BY sequence DESC LIMIT 50",  # noqa: S608
        where.values,
    ).fetchall()
    said = " ".join(row[3] for row in plan)
    assert "SEARCH log USING" in said
    assert "TEMP B-TREE" not in said


def test_the_page_is_filtered_by_its_address(mixed: Store) -> None:
    said = words(show("log", who="ann", since="2026-03-05", until="2026-03-08"))
    assert "1 to 2 of 2" in said
    assert "an-8" in said
    assert "an-10" not in said
    assert "/api/log.csv?who=ann&since=2026-03-05&until=2026-03-08" in said.replace("&amp;", "&")
    assert "Dr Ahn" in said


def test_the_table_is_served_as_a_file(mixed: Store) -> None:
    client = TestClient(create_api(Home(mixed.path.parent)), base_url="http://127.0.0.1")
    reply = client.get("/api/log.csv", params={"kind": "annotation", "who": "ben", "since": "no day"})
    assert reply.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert [row["subject"] for row in rows] == [f"an-{day}" for day in (9, 7, 5, 3, 1)]
    assert json.loads(rows[0]["detail"]) == {"reader": "ben", "task": "t"}
    assert rows[0]["digest"] == next(e.digest for e in everything(mixed) if e.subject == "an-9")
