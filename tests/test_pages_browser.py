"""The main stories of the curator's pages in a real Chromium, one after the other in one home with its worker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from active_learning.rounds import Loop
from data.home import Home
from data.records import RoundState
from data.store import Store
from models.task import get_task
from tests import test_curating, triage_home
from tests.compared_home import TASK, many_patients, trained_round, version
from tests.served_home import Served, opened, running

pytestmark = pytest.mark.browser
IMAGES = 6


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A home whose round waits for the decision on a better candidate, its worker, and the application."""
    home = Home(tmp_path_factory.mktemp("pages") / "home").prepare()
    studies = many_patients(home, 160)
    champion = version(home, studies, 0.5, seed=1)
    Store.of(home).versions.crown(TASK, champion.version, "the first one")
    waiting = trained_round(home, studies, champion.version, 2.5, seed=2)
    Loop(home, get_task(TASK)).compare(waiting.round_id)
    with running(home) as serves:
        yield serves


@pytest.fixture
def page(served: Served) -> Iterator[Page]:
    with opened(served) as first:
        yield first


def test_a_better_candidate_is_promoted_and_rolled_back_with_reasons(page: Page, served: Served) -> None:
    store = Store.of(served.home)
    page.goto(f"/models?task={TASK}")
    expect(page.get_by_text("Better: ")).to_be_visible()
    page.get_by_role("button", name="Promote…").click()
    page.get_by_label("Why").fill("better in every subgroup")
    page.get_by_role("button", name=f"Promote {TASK}-v2").click()
    expect(page.get_by_role("button", name="Roll back…")).to_be_visible()
    assert store.versions.championships(TASK)[0].version == f"{TASK}-v2"
    page.get_by_role("button", name="Roll back…").click()
    page.get_by_label("Why").fill("a site complains")
    page.get_by_role("button", name=f"Roll back to {TASK}-v1").click()
    expect(page.locator("b", has_text=f"{TASK}-v1").first).to_be_visible()
    expect(page.get_by_role("button", name=f"Roll back to {TASK}-v1")).to_have_count(0)
    reasons = [crowned.reason for crowned in store.versions.championships(TASK)]
    assert reasons[0].endswith("a site complains")
    assert "better in every subgroup" in reasons[1]


def test_a_folder_is_looked_at_and_taken_in(page: Page, served: Served, tmp_path: Path) -> None:
    before = Store.of(served.home).studies.count()
    for number in range(IMAGES):
        pixels = np.random.default_rng(number).integers(0, 255, (64, 48), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"new-{number}.png")
    (tmp_path / "notes.txt").write_text("no image")
    page.goto("/data?show=take")
    page.get_by_label("Folder, file or ZIP").fill(str(tmp_path))
    page.get_by_role("button", name="See what is there").click()
    expect(page.get_by_text(f"PNG {IMAGES}")).to_be_visible()
    page.get_by_role("button", name=f"Take {IMAGES} files in").click()
    expect(page.get_by_text("Taken in")).to_be_visible()
    assert Store.of(served.home).studies.count() == before + IMAGES


def test_a_batch_is_previewed_opened_and_given_up(page: Page, served: Served) -> None:
    store = Store.of(served.home)
    page.goto(f"/loop?task={TASK}")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("of reading · ").or_(page.get_by_text("nothing is sent yet")).first).to_be_visible()
    assert store.rounds.latest(TASK).number == 1  # type: ignore[union-attr]
    page.get_by_role("button", name="Open this batch").click()
    expect(page.get_by_role("button", name="Send to readers")).to_be_visible()
    current = store.rounds.latest(TASK)
    assert current is not None
    assert (current.number, current.state) == (2, RoundState.OPENED)
    assert len(store.rounds.batch(current.round_id).items) > 0


def test_what_the_filter_leaves_is_held_and_released(page: Page, served: Served) -> None:
    store = Store.of(served.home)
    page.goto(f"/worklist?task={TASK}&text=P-t00")
    page.get_by_role("button", name=re.compile("With these 10 studies")).click()
    page.get_by_label("Why").fill("a name may be burnt in")
    page.get_by_role("button", name="Hold", exact=True).click()
    expect(page.get_by_text("10 studies are held now.")).to_be_visible()
    assert sum(bool(s.held) for s in store.studies.find()) == 10
    page.get_by_role("button", name=re.compile("With these 10 studies")).click()
    page.get_by_label("Why").fill("looked at")
    page.get_by_role("button", name="Release", exact=True).click()
    expect(page.get_by_text("10 studies were released.")).to_be_visible()
    assert not any(s.held for s in store.studies.find())


def test_the_log_is_filtered_by_the_address_and_verified(page: Page) -> None:
    page.goto("/log?kind=champion.crowned")
    expect(page.get_by_text("champion").first).to_be_visible()
    page.get_by_role("button", name="Verify now").click()
    expect(page.get_by_text("Nothing was altered")).to_be_visible()


def test_a_reader_is_added(page: Page, served: Served) -> None:
    page.goto("/readers")
    page.get_by_label("Id", exact=True).fill("story-reader")
    page.get_by_label("Name", exact=True).fill("Dr Story")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("Dr Story").first).to_be_visible()
    assert Store.of(served.home).reads.reader("story-reader").name == "Dr Story"


def test_the_home_is_measured_and_every_part_has_its_state(page: Page) -> None:
    page.goto("/settings?show=places")
    page.get_by_role("button", name="Measure").click()
    expect(page.get_by_text("pixels").first).to_be_visible()
    page.goto("/health")
    expect(page.get_by_text("Database")).to_be_visible()
    expect(page.get_by_text("consilium labelstudio start").first).to_be_visible()  # it does not run here


def test_from_a_dispute_to_the_adjudication(disputed: Home) -> None:
    with running(disputed) as served, opened(served) as page:
        page.goto("/consensus?task=cxr_quality")
        expect(page.get_by_text("Krippendorff's alpha").first).to_be_visible()
        page.get_by_role("link", name="Adjudicate").first.click()
        expect(page).to_have_url(re.compile("/adjudication.*study="))
        expect(page.get_by_role("heading", name="Adjudication")).to_be_visible()
        expect(page.locator(".viewer[data-loaded]")).to_be_visible()


def test_an_operating_point_is_made_and_decides(tmp_path: Path) -> None:
    home = Home(tmp_path / "triage").prepare()
    store = triage_home.fill(home, calibration=200, train=60)
    with running(home) as served, opened(served) as page:
        page.goto(f"/triage?task={triage_home.TASK}")
        page.get_by_label("Cleared of the pathological, % at most").fill("10")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Make the operating point").click()
        expect(page.get_by_text("at most 10.0% are cleared")).to_be_visible()
        page.locator("button:enabled", has_text="Decide on the unread studies").click()
        expect(page.get_by_text("cleared for the first time")).to_be_visible()
        (policy,) = store.triage.policies(triage_home.TASK)
        assert (policy.miss, len(store.triage.clearances(policy.policy_id)) > 0) == (0.1, True)


def test_a_set_is_drawn_from_reports_and_kept(tmp_path: Path) -> None:
    home = Home(tmp_path / "curated").prepare()
    store = test_curating.fill(home)
    with running(home) as served, opened(served) as page:
        page.goto("/curation")
        page.get_by_label("Name", exact=True).fill("hearts")
        page.get_by_role("button", name="Draw and keep").click()
        expect(page.get_by_text("1 kept")).to_be_visible()
        (kept,) = store.curations.all(test_curating.TASK)
        assert kept.name == "hearts"
        assert len(kept.curated.positives) > 0
        expect(page.get_by_text(f"{len(kept.curated.positives)} with").first).to_be_visible()
