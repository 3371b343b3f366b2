"""Rows of the worklist that are ticked: what is done with them alone, and ticking itself in a real Chromium."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from data.home import HOME_VARIABLE, Home
from data.store import Store
from tests.filled_home import TASK, fill
from tests.served_home import opened as browsed
from tests.served_home import running
from tests.test_worklist_bulk import held, html, left, opened, popovers, press
from workbench.views.parts import worklist_ticks
from workbench.worklist_filter import Filter

SIZE = 25


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("whole")).prepare()
    fill(home).close()
    return home


@pytest.fixture
def store(whole: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    home = Home(shutil.copytree(whole.path, tmp_path / "changed"))
    monkeypatch.setenv(HOME_VARIABLE, str(home.path))
    store = Store.of(home)
    yield store
    store.close()


def with_ticks(study_ids: Sequence[str], **query: str) -> AppTest:
    page = opened(**query)
    page.session_state[worklist_ticks._TICKED] = {TASK: dict.fromkeys(study_ids)}
    page.run()
    assert not page.exception
    return page


def test_what_is_ticked_is_said_on_every_page_and_alone_is_held_and_released(store: Store) -> None:
    every = left(store, Filter())
    free = [one for one in every if one not in held(store)]
    ticked, before = [free[0], free[30], free[1]], held(store)
    page = with_ticks(ticked, size="25", page="2")
    assert [one.label for one in popovers(page.main)][-1] == "With the 3 ticked studies"
    said = html(page)
    assert "3 ticked" in said
    names = [store.studies.get(one).label for one in ticked]
    assert f"on other pages and with other filters too: {', '.join(names)}." in said
    assert "Held now: 0 of 3." in said
    next(one for one in page.text_input if one.label == "Why").set_value("look at them").run()
    press(page, "Hold")
    assert held(store) == {**before, **dict.fromkeys(ticked, "look at them")}
    assert "Held now: 3 of 3." in html(page)
    next(one for one in page.text_input if one.label == "Why").set_value("looked at").run()
    press(page, "Release")
    assert held(store) == before


def test_without_ticks_it_is_about_all_again_and_says_how_many_are_held(store: Store) -> None:
    every = left(store, Filter())
    page = with_ticks(every[:2])
    press(page, "Clear the ticks")
    assert [one.label for one in popovers(page.main)][-1] == f"With these {len(every)} studies"
    assert f"Held now: {len(held(store))} of {len(every)}." in html(page)
    assert not re.search(r"\d ticked", html(page))


def test_ticks_are_kept_where_nothing_fits_and_a_study_that_was_deleted_is_not_among_them(store: Store) -> None:
    every = left(store, Filter(standing="pool"))
    page = with_ticks(every[:2], text="nothing like it")
    assert "No study fits" in html(page)
    assert "2 ticked" in html(page)
    with store.write() as db:
        db.execute("DELETE FROM predictions WHERE study_id = ?", [every[0]])
        db.execute("DELETE FROM reference_labels WHERE study_id = ?", [every[0]])
        db.execute("DELETE FROM series WHERE study_id = ?", [every[0]])
        db.execute("DELETE FROM studies WHERE study_id = ?", [every[0]])
    page.run()
    assert "1 ticked" in html(page)


def test_a_reader_has_no_boxes(store: Store) -> None:
    assert "data-tick=" in html(opened())
    assert "data-tick=" not in html(opened(reader="reader-1"))


@pytest.fixture(scope="module")
def page(whole: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    home = Home(shutil.copytree(whole.path, tmp_path_factory.mktemp("browsed") / "home"))
    with running(home, worker=False) as served, browsed(served) as first:
        yield first


@pytest.mark.browser
def test_rows_are_ticked_by_mouse_and_keys_over_two_pages_and_cleared(page: Page) -> None:
    page.goto(f"/worklist?task={TASK}&size={SIZE}")
    boxes = page.locator("[data-tick]")
    expect(boxes).to_have_count(SIZE)
    boxes.nth(1).check()
    expect(page.get_by_text("1 ticked", exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_text("2 ticked", exact=True)).to_be_visible()
    expect(boxes.nth(2)).to_be_checked()
    expect(boxes.nth(2)).to_be_focused()
    expect(page).to_have_url(re.compile("/worklist"))  # and no study was opened

    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_text("26 – 50 of")).to_be_visible()
    page.get_by_label("Tick all rows of this page").check()
    expect(page.get_by_text(f"{2 + SIZE} ticked", exact=True)).to_be_visible()
    boxes.nth(0).uncheck()
    expect(page.get_by_text(f"{1 + SIZE} ticked", exact=True)).to_be_visible()
    assert page.get_by_label("Tick all rows of this page").evaluate("box => box.indeterminate")

    page.get_by_role("button", name="Previous page").click()
    expect(page.get_by_text("1 – 25 of")).to_be_visible()
    for place in range(4):
        expect(boxes.nth(place)).to_be_checked(checked=place in (1, 2))
    page.get_by_role("button", name="Clear the ticks").click()
    expect(page.get_by_text("ticked", exact=False)).to_have_count(0)
    expect(page.locator("[data-tick]:checked")).to_have_count(0)
