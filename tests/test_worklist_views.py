"""Views of the worklist that are kept under a name: whose they are, what they show, and both on the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from data.home import Home
from data.store import Store
from tests.filled_home import TASK
from tests.served_home import opened, running
from workbench.worklist import worklist
from workbench.worklist_filter import Filter, Sort
from workbench.worklist_views import CURATOR, LONGEST, MOST, ViewError, keep, remove, views_of

UNCERTAIN = Filter(
    view="LL", since="2026-03-05", until="2026-03-20", doubt=0.8, sort=Sort.UNCERTAIN.value, size=25
)
PLAIN = Filter(view="LL", sort=Sort.OLDEST.value)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.of(Home(tmp_path).prepare())
    yield store
    store.close()


def names(store: Store, owner: str, task: str = TASK) -> list[str]:
    return [view.name for view in views_of(store, task, owner)]


def test_a_view_shows_what_was_kept_from_the_first_page(store: Store) -> None:
    kept = keep(store, TASK, CURATOR, "  Uncertain \n laterals ", Filter(**{**_values(UNCERTAIN), "page": 7}))
    assert kept.name == "Uncertain laterals"
    assert [(view.name, view.filtered) for view in views_of(store, TASK, CURATOR)] == [
        ("Uncertain laterals", UNCERTAIN)
    ]
    assert names(store, CURATOR, "spine_stenosis") == []


def _values(filtered: Filter) -> dict[str, object]:
    return {name: getattr(filtered, name) for name in Filter.__dataclass_fields__}


def test_everybody_sees_their_own_and_the_curators_but_a_reader_nothing_of_the_model(store: Store) -> None:
    keep(store, TASK, CURATOR, "b for all", PLAIN)
    keep(store, TASK, CURATOR, "a by the model", UNCERTAIN)
    keep(store, TASK, CURATOR, "an answer", Filter(answer="projection=lateral"))
    keep(store, TASK, "reader-1", "C mine", Filter(text="p-7"))
    keep(store, TASK, "reader-2", "c mine", Filter(held=True))
    assert names(store, CURATOR) == ["a by the model", "an answer", "b for all"]
    assert names(store, "reader-1") == ["b for all", "C mine"]
    assert names(store, "reader-2") == ["b for all", "c mine"]


def test_a_name_that_is_taken_says_so_and_is_free_once_its_view_is_removed(store: Store) -> None:
    first = keep(store, TASK, CURATOR, "Laterals", PLAIN)
    for owner in (CURATOR, "reader-1"):
        with pytest.raises(ViewError, match="There is a view of this name") as taken:
            keep(store, TASK, owner, "laterals", UNCERTAIN)
        assert taken.value.as_dict()["given"] == "laterals"
    assert names(store, CURATOR) == ["Laterals"]
    remove(store, first.view_id, CURATOR)
    assert names(store, CURATOR) == []
    keep(store, TASK, "reader-1", "laterals", PLAIN)
    assert names(store, "reader-1") == ["laterals"]


def test_nobody_removes_what_is_not_theirs_or_not_there(store: Store) -> None:
    kept = keep(store, TASK, CURATOR, "Laterals", PLAIN)
    for view_id, owner in ((kept.view_id, "reader-1"), ("view-none", CURATOR)):
        with pytest.raises(ViewError, match="no such view of yours"):
            remove(store, view_id, owner)
    assert names(store, "reader-1") == ["Laterals"]


@pytest.mark.parametrize("name", ["", " \n ", "x" * (LONGEST + 1)])
def test_a_view_has_a_short_name(store: Store, name: str) -> None:
    with pytest.raises(ViewError, match="short name"):
        keep(store, TASK, CURATOR, name, PLAIN)
    assert names(store, CURATOR) == []


def test_views_are_bounded_for_each_person(store: Store) -> None:
    for number in range(MOST):
        keep(store, TASK, "reader-1", f"view {number}", PLAIN)
    with pytest.raises(ViewError, match="too many views"):
        keep(store, TASK, "reader-1", "one more", PLAIN)
    keep(store, TASK, "reader-2", "one more", PLAIN)


def test_the_log_says_who_kept_and_removed_what(store: Store) -> None:
    kept = keep(store, TASK, "reader-1", "Laterals", PLAIN)
    remove(store, kept.view_id, "reader-1")
    removed, entry = store.log.entries(event="view")
    assert (entry.event, entry.subject) == ("view.kept", kept.view_id)
    assert entry.detail == {
        "task": TASK, "name": "Laterals", "reader": "reader-1", "query": {"view": "LL", "sort": "oldest first"}
    }  # fmt: skip
    assert (removed.event, removed.subject, removed.detail["name"]) == ("view.removed", kept.view_id, "Laterals")


# -- on the page -----------------------------------------------------------------------------------------------


@pytest.fixture
def page(changed: Store) -> Iterator[tuple[Page, Home]]:
    home = Home(changed.path.parent)
    with running(home, worker=False) as served, opened(served) as first:
        yield first, home


@pytest.mark.browser
def test_a_view_is_kept_opened_removed_and_put_back(page: tuple[Page, Home]) -> None:
    shown, home = page
    store = Store.of(home)
    champion = store.versions.champion(TASK)
    version = champion.version if champion else ""
    wanted = Filter(view="LL", since="2026-03-05", doubt=0.8)
    few = worklist(store, TASK, version, wanted).total
    assert 0 < few < worklist(store, TASK, version, Filter(view="LL")).total
    rows = shown.locator("tr[data-open]")
    shown.goto(f"/worklist?task={TASK}&view=LL&since=2026-03-05&doubt=0.8")
    expect(rows).to_have_count(few)

    shown.get_by_role("button", name="Views").click()
    name = shown.get_by_label("Name of what is shown now")
    for typed in ("Doubtful laterals", "doubtful Laterals"):  # the second time it is taken, and stays as typed
        name.fill(typed)
        name.press("Enter")
        shown.get_by_role("button", name="Keep this view").click()
        if typed == "Doubtful laterals":
            expect(shown.get_by_text("The view Doubtful laterals is kept.")).to_be_visible()
            expect(shown.locator('input[aria-label="Name of what is shown now"][value=""]')).to_have_count(1)
            expect(name).to_have_count(1)
    expect(shown.get_by_text("There is a view of this name.")).to_be_visible()
    expect(name).to_have_value("doubtful Laterals")
    shown.keyboard.press("Escape")

    link = shown.get_by_role("link", name="Doubtful laterals")
    expect(link).to_have_attribute("aria-current", "page")
    assert dict(part.split("=") for part in str(link.get_attribute("href")).split("?")[1].split("&")) == {
        "task": TASK, **wanted.query()
    }  # fmt: skip
    shown.get_by_role("link", name="All studies").click()
    expect(rows).to_have_count(50)
    expect(shown).not_to_have_url(re.compile("since|doubt|view="))
    shown.get_by_role("button", name="Patient", exact=True).click()
    expect(shown).to_have_url(re.compile("sort=pseudonym"))
    link.click()
    expect(rows).to_have_count(few)
    expect(shown).to_have_url(re.compile(r"since=2026-03-05.*doubt=0\.8"))
    expect(shown).not_to_have_url(re.compile("sort="))

    shown.get_by_role("button", name="Views").click()
    shown.get_by_role("button", name="Remove").click()
    expect(shown.get_by_text("The view Doubtful laterals was removed.")).to_be_visible()
    expect(link).to_have_count(0)
    assert names(store, CURATOR) == []
    shown.get_by_role("button", name="Put it back").click()
    expect(link).to_be_visible()
    assert [(view.name, view.filtered) for view in views_of(store, TASK, CURATOR)] == [
        ("Doubtful laterals", wanted)
    ]
