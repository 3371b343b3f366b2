"""The worklist's kept rows against the records: whatever is written, the page is what a plain query would give."""

from __future__ import annotations

import csv
import io
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from data import schema_worklist
from data.answers import STUDY, Answer
from data.home import Home
from data.records import Annotation, Mode, Part, Prediction, QuestionPrediction, RequestState
from data.store import Store
from data.tables import worklist_blocks
from data.tables.worklist_blocks import SORTS
from tests.filled_home import SOURCE_ID, TASK, fill
from workbench import worklist_ways
from workbench.serve import create_api
from workbench.worker import bring_up_worklists
from workbench.worklist import neighbours, worklist
from workbench.worklist_export import table
from workbench.worklist_filter import EVERYTHING as NO_RANGE
from workbench.worklist_filter import Filter, Sort, Standing

VERSION = "cxr_quality-v2"
EVERYTHING = 1000

ORACLE = """
SELECT s.study_id, p.pseudonym, p.part, s.modality, s.view, s.held, s.ingested_at, s.description, r.results,
    r.uncertainty,
    CASE
        WHEN s.study_id IN (SELECT study_id FROM requests WHERE task = :task AND state IN ('planned', 'pushed'))
            THEN 'in round'
        WHEN s.study_id IN (SELECT study_id FROM consensus WHERE task = :task AND value IS NOT NULL
            UNION SELECT study_id FROM reference_labels WHERE task = :task) THEN 'reference'
        WHEN s.study_id IN (SELECT study_id FROM annotations WHERE task = :task AND skipped = 0) THEN 'read'
        ELSE 'pool'
    END AS standing
FROM studies s JOIN patients p USING (patient_id)
LEFT JOIN predictions r ON r.study_id = s.study_id AND r.version = :version
"""


def expected(store: Store, filtered: Filter, version: str = VERSION) -> list[str]:
    """The studies that a plain look at the records gives, sorted by the words of the sort alone."""
    rows: list[dict[str, Any]] = list(store.db.query(ORACLE, {"task": TASK, "version": version}))
    kept = [row for row in rows if _fits(row, filtered)]
    keys = {
        Sort.NEWEST: lambda r: r["ingested_at"],
        Sort.OLDEST: lambda r: r["ingested_at"],
        Sort.UNCERTAIN: lambda r: 9.0 if r["uncertainty"] is None else -r["uncertainty"],
        Sort.CERTAIN: lambda r: 9.0 if r["uncertainty"] is None else r["uncertainty"],
        Sort.PSEUDONYM: lambda r: f"{r['pseudonym']} {r['ingested_at']}",
    }
    key = keys[Sort(filtered.sort)]
    numbers = dict(store.db.execute("SELECT study_id, number FROM worklist_studies").fetchall())
    ordered = sorted(kept, key=lambda r: (key(r), numbers[r["study_id"]]), reverse=filtered.sort == Sort.NEWEST)
    return [row["study_id"] for row in ordered]


def _fits(row: dict[str, Any], filtered: Filter) -> bool:
    words = " ".join((row["pseudonym"], row["study_id"], row["view"], row["description"])).lower()
    answers = {f"{r['question']}={r['value']}" for r in json.loads(row["results"] or "[]")}
    return (
        all(getattr(filtered, name) in ("", row[name]) for name in ("part", "modality", "view", "standing"))
        and (bool(row["held"]) or not filtered.held)
        and filtered.text.lower() in words
        and row["ingested_at"][:10] >= filtered.since
        and (not filtered.until or row["ingested_at"][:10] <= filtered.until)
        and (not filtered.doubt or (row["uncertainty"] is not None and row["uncertainty"] >= filtered.doubt))
        and (not filtered.answer or filtered.answer in answers)
    )


def shown(store: Store, filtered: Filter, version: str = VERSION, *, page_size: int = EVERYTHING) -> list[str]:
    """The studies of every page, one after another."""
    first = worklist(store, TASK, version, replace(filtered, page=1), page_size=page_size)
    pages = [worklist(store, TASK, version, replace(filtered, page=n), page_size=page_size)
             for n in range(1, first.pages + 1)]  # fmt: skip
    return [row.study_id for page in pages for row in page.rows]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = fill(Home(tmp_path_factory.mktemp("kept")).prepare())
    with pytest.MonkeyPatch.context() as patched:
        _small_blocks(patched)
        worklist(store, TASK, VERSION, Filter())
        measured(store)
    yield store
    store.close()


def _small_blocks(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(worklist_blocks, "SIZE", 5)
    patched.setattr(worklist_blocks, "MOST", 8)


MOSTLY_ALL = ("",) * 6
DAYS = st.sampled_from(["", "", "", "2026-03-05", "2026-03-12", "2026-03-28", "9999-12-31"])
FILTERS = st.builds(
    Filter,
    text=st.sampled_from([*MOSTLY_ALL, "p-", "P-7", "study-00", "chest", "zzzz", '"', "ll"]),
    answer=st.sampled_from([*MOSTLY_ALL, "projection=frontal", "projection=lateral", "borders_frontal=cut_off"]),
    part=st.sampled_from([*MOSTLY_ALL, *(p.value for p in Part)]),
    view=st.sampled_from(["", "", "PA", "LL"]),
    standing=st.sampled_from([*MOSTLY_ALL, *(s.value for s in Standing)]),
    held=st.sampled_from([False, False, False, True]),
    since=DAYS,
    until=DAYS,
    doubt=st.sampled_from([0.0, 0.0, 0.2, 0.5, 0.9, 1.0]),
    sort=st.sampled_from([s.value for s in Sort]),
)


@pytest.mark.parametrize("ways", ["gathered", "walked", "broad"])
@given(filtered=FILTERS, page_size=st.sampled_from([1, 7, EVERYTHING]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_filter_sort_and_page_is_what_the_records_say(
    kept: Store, ways: str, filtered: Filter, page_size: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        if ways != "gathered":
            patched.setattr(worklist_ways, "FEW", 0)
        if ways == "broad":
            patched.setattr(worklist_ways, "NAMED", 0)
        found = worklist(kept, TASK, VERSION, filtered, page_size=page_size)
        assert shown(kept, filtered, page_size=page_size) == expected(kept, filtered)
        if not found.more:
            assert found.total == len(expected(kept, filtered))


@given(filtered=FILTERS.filter(lambda one: one.span != NO_RANGE))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_fits_very_many_can_be_paged_to_its_end_and_a_search_shows_the_first_ones(
    kept: Store, filtered: Filter
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        for name, most in (("FEW", 0), ("NAMED", 0), ("RANGE_ROWS", 5), ("BROAD_ROWS", 5)):
            patched.setattr(worklist_ways, name, most)
        every = expected(kept, filtered)
        found: list[str] = []
        for number in range(1, EVERYTHING):
            page = worklist(kept, TASK, VERSION, replace(filtered, page=number), page_size=3)
            bound = (
                5 if filtered.text else 5 * (1 + 3 * number // 5) if len(filtered.span.keys) > 1 else EVERYTHING
            )
            assert (page.total, page.more) == (min(bound, len(every)), len(every) > bound)
            found += [row.study_id for row in page.rows]
            if number >= page.pages:
                break
        assert found == (every[:6] if filtered.text and len(every) > 5 else every)
        patched.setattr("workbench.worklist_export.CHUNK", 4)
        listed = csv.DictReader(io.StringIO("".join(table(kept, TASK, VERSION, filtered))))
        assert [row["study"] for row in listed] == every


@pytest.mark.parametrize("few", [0, worklist_ways.FEW])
@given(filtered=FILTERS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_studies_beside_one_are_those_of_the_list(kept: Store, few: int, filtered: Filter) -> None:
    order = expected(kept, filtered)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(worklist_ways, "FEW", few)
        for place in {0, len(order) // 2, len(order) - 1} if order else ():
            before = order[place - 1] if place else ""
            after = order[place + 1] if place + 1 < len(order) else ""
            assert neighbours(kept, TASK, VERSION, filtered, order[place]) == (before, after)
    assert neighbours(kept, TASK, VERSION, filtered, "nowhere") == ("", "")


def test_days_and_uncertainty_stand_in_the_address_and_what_does_not_fit_is_passed_over() -> None:
    wanted = Filter(since="2026-03-05", until="2026-03-12", doubt=0.35)
    assert wanted.query() == {"since": "2026-03-05", "until": "2026-03-12", "doubt": "0.35"}
    assert Filter.of_query(wanted.query()) == wanted
    for wrong in ("5 March", "2026-13-01"):
        assert Filter.of_query({"since": wrong, "until": wrong}) == Filter()
    for wrong in ("much", "-0.1", "0", "1.01", "nan", "inf"):
        assert Filter.of_query({"doubt": wrong}) == Filter()


# -- what is written is seen -----------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    _small_blocks(monkeypatch)
    store = fill(Home(tmp_path).prepare())
    worklist(store, TASK, VERSION, Filter())
    yield store
    store.close()


def agrees(store: Store, version: str = VERSION) -> None:
    """The page, and the counts of every facet, are what the records say."""
    for sort in Sort:
        assert shown(store, Filter(sort=sort.value), version) == expected(store, Filter(sort=sort.value), version)
    counted = "SELECT facet, count(*) FROM worklist_rows GROUP BY 1 ORDER BY 1"
    kept = "SELECT facet, rows FROM worklist_facets WHERE rows <> 0 ORDER BY 1"
    assert store.db.execute(counted).fetchall() == store.db.execute(kept).fetchall()
    measured(store)


def measured(store: Store) -> None:
    """The blocks of every sort are what the rows say: none too large, each from its first row on."""
    rows = list(store.db.query("SELECT * FROM worklist_rows WHERE task = ?", [TASK]))
    for sort in SORTS:
        blocks = store.worklists.blocks.of(TASK, sort)
        firsts = [block.first for block in blocks[1:]]
        assert blocks[0].first is None
        places = {(row[sort], row["number"]): row["facet"] for row in rows}
        assert set(firsts) <= set(places), sort
        told = Counter((facet, blocks[bisect_right(firsts, place)].block) for place, facet in places.items())
        kept = "SELECT facet, block, rows FROM worklist_counts WHERE task = ? AND sort = ?"
        assert {(f, b): n for f, b, n in store.db.execute(kept, [TASK, sort]).fetchall()} == told, sort
        of_block = Counter(blocks[bisect_right(firsts, place)].block for place in places)
        assert {block.block: block.rows for block in blocks if block.first or block.rows} == of_block
        assert max(block.rows for block in blocks) <= worklist_blocks.MOST


def _standing(store: Store, study_id: str) -> str:
    rows = worklist(store, TASK, VERSION, Filter(text=study_id), page_size=EVERYTHING).rows
    return next(row.standing for row in rows if row.study_id == study_id)


def test_a_prediction_of_the_champion_moves_its_study(store: Store) -> None:
    last = shown(store, Filter(sort=Sort.UNCERTAIN.value))[-1]
    answer = QuestionPrediction("projection", STUDY, "lateral", {"frontal": 0.0, "lateral": 1.0}, 1.0)
    store.db.execute("DELETE FROM predictions WHERE study_id = ? AND version = ?", [last, VERSION])
    store.versions.put_predictions([Prediction(TASK, last, VERSION, (answer,))])
    assert last in shown(store, Filter(answer="projection=lateral"))
    assert last == shown(store, Filter(sort=Sort.UNCERTAIN.value))[0]
    agrees(store)


def test_another_champion_brings_its_own_answers(store: Store) -> None:
    agrees(store)
    agrees(store, "cxr_quality-v1")
    agrees(store, "")
    agrees(store)


def test_a_request_a_read_and_a_consensus_move_a_study(store: Store) -> None:
    study_id = shown(store, Filter(standing=Standing.POOL.value))[0]
    answers = (Answer("projection", STUDY, "frontal"),)
    store.reads.keep(Annotation("an-new", TASK, study_id, "reader-1", Mode.INDEPENDENT, answers))
    assert _standing(store, study_id) == Standing.READ
    agrees(store)


def test_a_request_that_is_taken_back_moves_a_study(store: Store) -> None:
    study_id = shown(store, Filter(standing=Standing.IN_ROUND.value))[0]
    with store.write() as db:
        db.execute("UPDATE requests SET state = ? WHERE study_id = ?", [RequestState.WITHDRAWN.value, study_id])
    assert _standing(store, study_id) != Standing.IN_ROUND
    agrees(store)


def test_a_study_that_is_held_released_or_new_is_found(store: Store) -> None:
    study = store.studies.find(study_ids=[shown(store, Filter())[0]])[0]
    with store.write() as db:
        db.execute(
            "UPDATE studies SET held = 'a name', description = 'Wrist' WHERE study_id = ?", [study.study_id]
        )
    assert study.study_id in shown(store, Filter(held=True))
    assert shown(store, Filter(text="wrist")) == [study.study_id]
    with store.write() as db:
        db.execute("UPDATE studies SET held = '' WHERE study_id = ?", [study.study_id])
    assert study.study_id not in shown(store, Filter(held=True))
    series = replace(study.series[0], series_id="series-new", study_id="study-new")
    new = replace(study, study_id="study-new", ingested_at="2030-01-01T00:00:00+00:00", series=(series,))
    store.studies.add(new, {})
    assert shown(store, Filter())[0] == "study-new"
    agrees(store)


def test_of_a_deleted_study_nothing_is_left(store: Store) -> None:
    study_id = shown(store, Filter(standing=Standing.POOL.value))[0]
    pseudonym = worklist(store, TASK, VERSION, Filter(text=study_id)).rows[0].pseudonym
    with store.write() as db:
        for table in ("predictions", "reference_labels"):
            db.execute(f"DELETE FROM {table} WHERE study_id = ?", [study_id])  # noqa: S608
        db.execute("DELETE FROM series WHERE study_id = ?", [study_id])
        db.execute("DELETE FROM studies WHERE study_id = ?", [study_id])
    assert study_id not in shown(store, Filter())
    agrees(store)
    for table, words in (("worklist_studies", study_id), ("worklist_words", pseudonym)):
        counted = f"SELECT count(*) FROM {table} WHERE words LIKE ?"  # noqa: S608
        assert store.db.execute(counted, [f"%{words}%"]).fetchone() == (0,)


def test_only_the_tasks_modalities_are_listed(store: Store) -> None:
    assert worklist(store, TASK, VERSION, Filter(), modalities={"MR"}).total == 0
    assert worklist(store, TASK, VERSION, Filter(), modalities={"DX", "MR"}).total == 64
    agrees(store)


def test_much_that_was_written_at_once_is_brought_up_bit_by_bit(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.tables.worklist.CHUNK", 10)
    monkeypatch.setattr("workbench.worklist.REFRESH_S", 0.0)
    monkeypatch.setattr("workbench.worklist.SOON", 0)
    due = [worklist(store, TASK, "cxr_quality-v1", Filter()).due for _ in range(7)]
    assert due == [54, 44, 34, 24, 14, 4, 0]
    agrees(store, "cxr_quality-v1")


def test_a_home_of_before_gets_its_rows(tmp_path: Any) -> None:
    store = fill(Home(tmp_path).prepare())
    assert store.worklists.facets(TASK) == []  # nobody looked yet
    agrees_after = worklist(store, TASK, VERSION, Filter(), page_size=EVERYTHING)
    assert agrees_after.total == 64
    agrees(store)


def test_a_home_whose_sorts_were_not_cut_into_blocks_gets_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.write() as db:
        for name in ("blocks", "counts"):
            db.execute(f"DROP TABLE worklist_{name}")
        monkeypatch.setattr(schema_worklist, "_BLOCK_ROWS", 5)
        schema_worklist.count_by_blocks(db)
    assert [block.rows for block in store.worklists.blocks.of(TASK, "patient")] == [5] * 12 + [4]
    agrees(store)


# -- the list as a table ---------------------------------------------------------------------------------------


@given(filtered=FILTERS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_table_has_every_row_that_the_filter_leaves_in_its_order(kept: Store, filtered: Filter) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("workbench.worklist_export.CHUNK", 10)
        text = "".join(table(kept, TASK, VERSION, filtered))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["study"] for row in rows] == expected(kept, filtered)


def test_the_table_says_what_the_page_says(kept: Store) -> None:
    row = next(csv.DictReader(io.StringIO("".join(table(kept, TASK, VERSION, Filter(text="study-002"))))))
    shown_ = worklist(kept, TASK, VERSION, Filter(text="study-002")).rows[0]
    assert (row["patient"], row["part"], row["state"]) == (shown_.pseudonym, shown_.part, shown_.standing)
    result = shown_.results[0]
    assert row["answers"].startswith(
        f"{result.question}={result.value} ({result.probabilities[str(result.value)]:.4f})"
    )
    assert SOURCE_ID not in str(row)


def test_the_table_is_served_as_a_file(kept: Store) -> None:
    client = TestClient(create_api(Home(kept.path.parent)), base_url="http://127.0.0.1")
    reply = client.get("/api/worklist.csv", params={"task": TASK, "view": "LL", "sort": Sort.OLDEST})
    assert reply.headers["content-type"].startswith("text/csv")
    assert f"worklist-{TASK}.csv" in reply.headers["content-disposition"]
    version = kept.versions.champion(TASK)
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    wanted = Filter(view="LL", sort=Sort.OLDEST)
    assert [row["study"] for row in rows] == expected(kept, wanted, version.version if version else "")


def test_the_table_is_served_within_a_range(kept: Store) -> None:
    client = TestClient(create_api(Home(kept.path.parent)), base_url="http://127.0.0.1")
    asked = {"task": TASK, "since": "2026-03-05", "until": "2026-03-12", "doubt": "0.8"}
    reply = client.get("/api/worklist.csv", params=asked)
    version = kept.versions.champion(TASK)
    wanted = expected(kept, Filter.of_query(asked), version.version if version else "")
    assert [row["study"] for row in csv.DictReader(io.StringIO(reply.text))] == wanted != []
    for name, wrong in (("since", "yesterday"), ("doubt", "1.5")):
        assert client.get("/api/worklist.csv", params={"task": TASK, name: wrong}).status_code == 422
    assert client.get("/api/worklist.csv", params={"task": TASK, "until": "9999-12-31"}).text.count("study-") == 64


def test_the_api_lists_the_studies_within_a_range_a_page_at_a_time(
    kept: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = TestClient(create_api(Home(kept.path.parent)), base_url="http://127.0.0.1")
    asked = {"task": TASK, "since": "2026-03-05", "until": "2026-03-12", "doubt": "0.8", "view": "LL"}
    version = kept.versions.champion(TASK)
    wanted = expected(kept, Filter.of_query(asked), version.version if version else "")
    pages = [client.get("/api/studies", params={**asked, "page_size": 2, "page": n}).json() for n in (1, 2)]
    assert [study["study_id"] for page in pages for study in page["studies"]] == wanted[:4] != []
    assert {(page["total"], page["more"]) for page in pages} == {(len(wanted), False)}
    for name, wrong in (("since", "yesterday"), ("until", "2026-02-30"), ("doubt", "1.5")):
        assert client.get("/api/studies", params={"task": TASK, name: wrong}).status_code == 422
    for name, most in (("FEW", 0), ("RANGE_ROWS", 3)):
        monkeypatch.setattr(worklist_ways, name, most)
    first = client.get("/api/studies", params={**asked, "view": "", "page_size": 2}).json()
    assert (first["total"], first["pages"], first["more"]) == (3, 2, True)


def test_the_worker_brings_up_what_is_left(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.worklist.REFRESH_S", 0.0)
    monkeypatch.setattr("workbench.worklist.SOON", 0)
    monkeypatch.setattr("data.tables.worklist.CHUNK", 10)
    assert worklist(store, TASK, "", Filter()).due == 54
    assert bring_up_worklists(store) == 0
    agrees(store, "")
