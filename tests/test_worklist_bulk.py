"""Holding and releasing what a filter of the worklist leaves, how many rows a page has, and both on the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from data.store import Store
from models.task import get_task
from tests.filled_home import TASK
from workbench import worklist_bulk
from workbench.views.parts.context import SEAT
from workbench.views.parts.context import TASK as CHOSEN
from workbench.worklist_bulk import BulkError, hold, release, studies_of
from workbench.worklist_filter import Filter

APP = Path(__file__).parent.parent / "workbench" / "app.py"


@pytest.fixture
def store(changed: Store) -> Store:
    """A filled home that its test may change."""
    return changed


def left(store: Store, filtered: Filter) -> list[str]:
    champion = store.versions.champion(TASK)
    version = champion.version if champion else ""
    return studies_of(store, TASK, version, filtered, modalities=get_task(TASK).modalities)


def held(store: Store) -> dict[str, str]:
    return {study.study_id: study.held for study in store.studies.find() if study.held}


def opened(*, reader: str = "", **query: str) -> AppTest:
    page = AppTest.from_file(str(APP), default_timeout=60)
    page._page_hash = calc_hash("worklist")
    for key, value in {CHOSEN: TASK, SEAT: reader, **query}.items():
        if value:
            page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def press(page: AppTest, label: str) -> None:
    next(button for button in page.button if button.label == label).click()
    page.run()
    assert not page.exception


def test_all_that_a_filter_leaves_is_held_once_and_released(store: Store) -> None:
    before = held(store)
    among = left(store, Filter(part="test"))
    assert among
    assert {store.studies.get(one).patient.part.value for one in among} == {"test"}
    new = set(among) - set(before)
    entries = store.log.count(event="study.held")
    assert hold(store, among, " look at the borders ") == len(new)
    assert held(store) == {**before, **dict.fromkeys(new, "look at the borders")}
    assert store.log.count(event="study.held") == entries + len(new)
    assert hold(store, among, "again") == 0
    assert set(left(store, Filter(held=True))) >= set(among)
    assert release(store, among, "looked at") == len(among)
    assert held(store) == {one: why for one, why in before.items() if one not in among}


def test_nothing_is_done_without_a_reason_or_with_too_many(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    among, before = left(store, Filter()), held(store)
    with pytest.raises(BulkError, match="needs a reason"):
        hold(store, among, "  ")
    monkeypatch.setattr(worklist_bulk, "MOST", len(among) - 1)
    with pytest.raises(BulkError, match="too many"):
        hold(store, among, "why")
    assert held(store) == before


def test_the_page_says_how_many_and_does_it(store: Store) -> None:
    among = left(store, Filter(part="test"))
    page = opened(part="test")
    assert f"It is about all {len(among)} studies" in "".join(str(one.proto) for one in page.get("html"))
    press(page, "Hold")
    assert "It needs a reason." in "".join(str(one.proto) for one in page.get("html"))
    next(one for one in page.text_input if one.label == "Why").set_value("look at them").run()
    new = len(set(among) - set(held(store)))
    press(page, "Hold")
    assert set(among) <= set(held(store))
    assert f"{new} studies are held now." in "".join(str(one.proto) for one in page.get("html"))


def test_days_and_uncertainty_bound_what_is_done(store: Store) -> None:
    bounds = {"since": "2026-03-05", "until": "2026-03-12", "doubt": "0.8"}
    among = left(store, Filter.of_query(bounds))
    days = {study.study_id: study.ingested_at[:10] for study in store.studies.find(study_ids=among)}
    assert 0 < len(among) < len(left(store, Filter(since="2026-03-05", until="2026-03-12")))
    assert all("2026-03-05" <= day <= "2026-03-12" for day in days.values())
    page = opened(**bounds)
    assert f"It is about all {len(among)} studies" in html(page)
    assert "since=2026-03-05&amp;until=2026-03-12&amp;doubt=0.8" in html(page)
    before = held(store)
    next(one for one in page.text_input if one.label == "Why").set_value("look at them").run()
    press(page, "Hold")
    assert set(held(store)) == set(before) | set(among)


def test_nothing_is_done_with_more_than_are_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.worklist_ways.FEW", 0)
    monkeypatch.setattr("workbench.worklist_ways.RANGE_ROWS", 30)
    bounds = {"since": "2026-03-01", "doubt": "0.1", "size": "25"}
    page = opened(**bounds)
    assert "more than 30" in html(page)
    assert "the first 30 are counted, the others as you page on" in html(page)
    found = {one.label: one for one in popovers(page.main)}
    assert found["With all of these"].disabled
    monkeypatch.setattr("workbench.worklist_ways.RANGE_ROWS", 64)
    total = len(left(store, Filter.of_query(bounds)))
    assert total > 30
    found = {one.label: one for one in popovers(opened(**bounds).main)}
    assert not found[f"With these {total} studies"].disabled


def popovers(block: Any) -> Iterator[Any]:
    """What each popover of a page is made of."""
    for child in getattr(block, "children", {}).values():
        if child.type == "popover":
            yield child.proto.popover
        yield from popovers(child)


def test_a_reader_is_not_asked_for_the_uncertainty_and_it_bounds_nothing(store: Store) -> None:
    assert [one.label for one in opened().number_input] == ["Uncertainty at least"]
    page = opened(reader="reader-1", doubt="0.99", until="2026-03-05")
    assert not page.number_input
    assert html(page).count("<tr data-open=") == len(left(store, Filter(until="2026-03-05"))) > 0


def html(page: AppTest) -> str:
    return "".join(one.proto.body for one in page.get("html")) + "".join(
        str(one.proto) for one in page.get("bidi_component")
    )


def test_a_reader_has_no_such_actions(store: Store) -> None:
    assert "Hold" not in [button.label for button in opened(reader="reader-1").button]


def test_rows_of_a_page_stand_in_the_address(store: Store) -> None:
    total = len(left(store, Filter()))
    assert total > 25
    page = opened(size="25")
    assert next(one for one in page.selectbox if one.label == "Rows").value == "25"
    assert page.caption[0].value == f"1 – 25 of {total}"
    assert Filter.of_query({"size": "25"}).query() == {"size": "25"}
    assert Filter.of_query({"size": "7"}).query() == {}
