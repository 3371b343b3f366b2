"""Two outlines of one study on the page Consensus: which study, whose, what the viewer gets, what is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from active_learning.overview import stamp_of
from data.home import HOME_VARIABLE, Home
from data.records import JobState
from data.store import Store
from tests import disputed_home
from workbench import jobs
from workbench.views.parts import compared_outlines, dispute_outlines
from workbench.views.parts.compared_outlines import COMPARE, STUDY
from workbench.views.parts.context import TASK as CHOSEN
from workbench.work_readers import MEASURE, OUTLINES

APP = Path(__file__).parent.parent / "workbench" / "app.py"
TASK = "adrenal_ct"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The home with disputed cases, the readers of the adrenal CTs measured."""
    home = Home(tmp_path_factory.mktemp("drawn")).prepare()
    store = disputed_home.fill(home)
    stamp = stamp_of(store, TASK)
    for kind, of in ((MEASURE, stamp), (OUTLINES, stamp.of_reads)):
        asked = jobs.enqueue(home, kind, task=TASK, round_id="", stamp=of.text)
        jobs.run(home, asked.job_id)
        assert store.jobs.get(asked.job_id).state == JobState.DONE
    yield store
    store.close()


@pytest.fixture
def drawn(filled: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv(HOME_VARIABLE, str(filled.path.parent))
    return filled


def opened(**query: str) -> AppTest:
    page = AppTest.from_file(str(APP), default_timeout=60)
    page._page_hash = calc_hash("consensus")
    page.query_params[CHOSEN] = TASK
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def label(store: Store, study_id: str) -> str:
    return store.studies.get(study_id).label


def said(page: AppTest) -> str:
    return "\n".join(str(one.proto) for one in _all(page.main))


def _all(block: object) -> Iterator[Any]:
    for child in getattr(block, "children", {}).values():
        yield from _all(child) if hasattr(child, "children") else (child,)


def hands(page: AppTest) -> list[str]:
    """Whose masks the viewer gets, with its difference on."""
    for one in _all(page.main):
        found = str(getattr(one.proto, "json", ""))
        if '"panes"' in found:
            (pane,) = json.loads(found)["panes"]
            assert pane["difference"]
            return list(dict.fromkeys(layer["who"] for layer in pane["layers"]))
    raise AssertionError("no viewer")


def test_the_most_suspect_study_comes_first_with_its_two_readers(drawn: Store) -> None:
    page = opened()
    choices = {one.label: one for one in page.selectbox}
    assert set(choices["Study"].options) == {label(drawn, "c-kind"), label(drawn, "c-more")}
    assert choices["First"].value == "ann"
    assert choices["Second"].value == "ben"
    assert choices["First"].options == ["Dr Ahn", "Dr Berg", "Consensus"]
    assert hands(page) == ["Dr Ahn", "Dr Berg"]


def test_the_address_says_which_two(drawn: Store) -> None:
    page = opened(**{STUDY: "c-more", COMPARE: "ben,ann"})
    choices = {one.label: one for one in page.selectbox}
    assert choices["Study"].value == "c-more"
    assert (choices["First"].value, choices["Second"].value) == ("ben", "ann")
    told = said(page)
    assert "Dice, all pages" in told
    assert "0.00</td>" in told  # the second lesion, which one of the two drew
    assert "outlines differ on pages 3, 4, 5, 6." in told


def test_a_reader_stands_beside_the_consensus(drawn: Store) -> None:
    page = opened(**{STUDY: "c-kind", COMPARE: "ann,consensus"})
    assert hands(page) == ["Dr Ahn", "Consensus"]
    one = page.query_params
    assert one[COMPARE] in ("ann,consensus", ["ann,consensus"])


def test_who_is_chosen_twice_changes_places(drawn: Store) -> None:
    page = opened(**{STUDY: "c-more", COMPARE: "ann,ben"})
    next(one for one in page.selectbox if one.label == "First").select("ben").run()
    assert page.query_params[COMPARE] in ("ben,ann", ["ben,ann"])
    choices = {one.label: one.value for one in page.selectbox}
    assert (choices["First"], choices["Second"]) == ("ben", "ann")


def test_names_that_are_not_there_are_passed_over(drawn: Store) -> None:
    page = opened(**{STUDY: "c-kind", COMPARE: "nobody,ben"})
    choices = {one.label: one.value for one in page.selectbox}
    assert (choices["First"], choices["Second"]) == ("ben", "ann")


def test_a_dispute_about_an_outline_leads_to_the_two_who_differ(drawn: Store) -> None:
    told = said(opened())
    assert "pair=c-more&amp;compare=ann,ben" in told
    assert "outlines ann,ben c-more" in told  # what a click brings
    assert "pair=c-kind" not in told  # its dispute is about an option


def test_a_click_shows_the_two_whoever_was_shown_before(drawn: Store) -> None:
    page = opened(**{STUDY: "c-kind", COMPARE: "ann,consensus"})
    page.session_state[compared_outlines.ASKED] = ("c-more", "ben", "ann")
    page.run()
    assert not page.exception
    choices = {one.label: one.value for one in page.selectbox}
    assert (choices["Study"], choices["First"], choices["Second"]) == ("c-more", "ben", "ann")
    assert page.query_params[STUDY] in ("c-more", ["c-more"])
    assert page.query_params[COMPARE] in ("ben,ann", ["ben,ann"])


@pytest.mark.parametrize(
    ("answers", "pair"),
    [
        ((("a", "marked"), ("b", "marked"), ("c", "not marked")), ("a", "c")),
        ((("a", "marked"), ("b", "marked")), ("a", "b")),
    ],
)
def test_those_who_differ_are_compared(answers: tuple[tuple[str, str], ...], pair: tuple[str, str]) -> None:
    assert dispute_outlines.differing(answers) == pair


def test_the_figure_of_outlines_stands_in_the_address_by_its_id(drawn: Store) -> None:
    page = opened(outlined="hd95_mm")
    assert "HD95, mean over all pairs of readers, mm" in said(page)
    assert page.query_params["outlined"] in ("hd95_mm", ["hd95_mm"])
