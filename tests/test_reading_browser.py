"""A reader's way through a batch in a real Chromium, by keys alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from data.home import Home
from data.records import ReadRequest
from tests.reading_home import CUT, TASK, Reading, champion, reading
from tests.served_home import Served, opened, running
from workbench.views.parts.reading_acts import LEAST_S

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    """Three assisted cases that wait for ``ann``, without a labelling server."""
    given = reading(Home(tmp_path_factory.mktemp("keys") / "home").prepare(), None)
    given.add("ann")
    champion(given)
    given.send(["ann"], independent_share=0.0)
    return given


@pytest.fixture(scope="module")
def served(made: Reading) -> Iterator[Served]:
    """The pages, without a worker."""
    with running(made.home, worker=False) as serves:
        yield serves


@pytest.fixture
def page(served: Served) -> Iterator[Page]:
    with opened(served, timeout_ms=30_000) as first:
        yield first


def label(made: Reading, request: ReadRequest) -> str:
    return made.store.studies.get(request.study_id).label


def accept(page: Page) -> None:
    """Look at a case, and accept it."""
    page.wait_for_timeout(1000 * LEAST_S)
    page.keyboard.press("a")


def test_a_batch_is_read_by_keys(page: Page, made: Reading) -> None:
    first, second, third = made.store.reads.requests(reader_id="ann")
    now = page.locator(".c-now-read")
    page.goto(f"/reading?as=ann&task={TASK}")
    expect(now).to_have_text(label(made, first))
    expect(page.get_by_role("button", name="Accept")).to_be_visible()
    page.keyboard.press("j")
    expect(now).to_have_text(label(made, second))
    expect(page).to_have_url(re.compile(f"case={second.request_id}"))
    page.keyboard.press("k")
    expect(now).to_have_text(label(made, first))
    accept(page)
    expect(page.get_by_text("1 of 3 read")).to_be_visible()
    expect(now).to_have_text(label(made, second))
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text("0 of 3 read")).to_be_visible()
    expect(now).to_have_text(label(made, first))
    accept(page)
    page.keyboard.press("a")  # once too often
    expect(now).to_have_text(label(made, second))
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    expect(page.get_by_text("1 of 3 read")).to_be_visible()
    page.keyboard.press("s")
    page.get_by_label("Why it cannot be read").click()
    page.keyboard.type("a jacks cut")  # the letters are keys, but not while somebody types
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Skip this case").click()
    expect(page.get_by_text("2 of 3 read")).to_be_visible()
    expect(now).to_have_text(label(made, third))
    with page.context.expect_page() as opened:
        page.keyboard.press("c")
    link = page.get_by_role("link", name="Correct in Label Studio")
    assert re.fullmatch(r"/api/labelling/[A-Za-z0-9_.-]+", link.get_attribute("href") or "")
    assert len(page.context.pages) == 2
    opened.value.close()
    reads = {a.request_id: a for a in made.store.reads.annotations(TASK)}
    assert (reads[first.request_id].answers, reads[second.request_id].remark) == (CUT, "a jacks cut")
    assert set(reads) == {first.request_id, second.request_id}


def test_on_a_phone_the_queue_is_a_strip_above_the_picture(page: Page, made: Reading) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"/reading?as=ann&task={TASK}")
    strip = page.locator(".c-cases").first
    expect(strip).to_be_visible()
    assert (strip.bounding_box() or {})["height"] < 130
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    button = page.get_by_role("button", name="Skip", exact=False)
    button.scroll_into_view_if_needed()
    assert (button.bounding_box() or {})["x"] + (button.bounding_box() or {})["width"] <= PHONE["width"]
