"""An adjudicator's way in a real Chromium: from one disputed case to the next, and the curator's appeal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from data.home import Home
from data.store import Store
from tests.served_home import Served, opened, running
from tests.shared_homes import copied

pytestmark = pytest.mark.browser


@pytest.fixture
def served(disputed: Home, tmp_path: Path) -> Iterator[Served]:
    """A home with disputed cases, its worker, and the application."""
    with running(copied(disputed, tmp_path)) as serves:
        yield serves


@pytest.fixture
def page(served: Served) -> Iterator[Page]:
    with opened(served, timeout_ms=30_000) as first:
        yield first


def test_from_one_disputed_case_to_the_next_and_to_the_appeal(page: Page, served: Served) -> None:
    page.goto("/?as=senior&task=cxr_quality")
    expect(page).to_have_url(re.compile("/adjudication"))
    page.get_by_text("lateral (1 of 2)").click()
    page.get_by_text("complete (1 of 1)").click()
    page.get_by_text("rotated (0 of 1)").click()
    page.get_by_label("Why").click()
    page.keyboard.type("jjj: the spine overlies the heart.")  # J is a shortcut, but not while somebody types
    page.get_by_role("link", name="Worklist").click(delay=150)  # as a hand does
    expect(page.locator("tr[data-open]").first).to_be_visible()
    page.get_by_role("link", name="Adjudication").click()
    expect(page.get_by_label("Why")).to_have_value("jjj: the spine overlies the heart.")
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_text("1 of 2 decided")).to_be_visible()
    expect(page.get_by_text("is decided.")).to_be_visible()
    expect(page.get_by_text("Are the lung borders complete on the frontal view?")).to_be_visible()
    expect(page.get_by_label("Why")).to_have_value("")
    page.locator("[data-open]", has_text="decided").click()
    expect(page.get_by_text("Decide otherwise")).to_be_visible()
    assert "Dr Ahn" not in page.locator("[data-testid=stMain]").inner_text()
    page.goto("/adjudication?task=cxr_quality&study=q-view")
    page.get_by_text("Appeal", exact=True).first.click()
    page.get_by_label("What was overlooked").fill("It is mirrored.")
    page.get_by_role("button", name="Appeal").click()
    expect(page.get_by_text("another adjudicator has the case")).to_be_visible()
    (decision,) = Store.of(served.home).decisions.all("cxr_quality")
    assert decision.why == "jjj: the spine overlies the heart."
