"""The served application in a real Chromium: every page opens, the main story can be walked, the demo predicts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from data.home import Home
from data.store import Store
from tests.chromium import chromium
from tests.filled_home import SOURCE_ID, TASK
from tests.served_home import Served, running
from tests.shared_homes import copied
from workbench import jobs, tour
from workbench.views.parts.words import NOTICE
from workbench.views.places import PLACES

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(filled_once: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A home with a version that predicts, its worker, and the application."""
    home = copied(filled_once, tmp_path_factory.mktemp("served"))
    store = Store.of(home)
    with running(home) as serves:
        train = jobs.enqueue(home, "train", task=TASK, profile="tiny", max_steps=2)
        version = jobs.wait(home, train.job_id, timeout_s=120).result["version"]
        store.versions.crown(TASK, str(version), "to be looked at")
        jobs.wait(home, jobs.enqueue(home, "predict", task=TASK).job_id, timeout_s=120)
        yield serves


@pytest.fixture(scope="module")
def browser(served: Served) -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """A page that must ask no other machine for anything."""
    foreign: list[str] = []
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=served.url)
    context.set_default_timeout(60_000)
    opened = context.new_page()
    expect.set_options(timeout=60_000)
    own = (served.url, served.url.replace("http", "ws"), "data:", "blob:")
    opened.on("request", lambda request: None if request.url.startswith(own) else foreign.append(request.url))
    yield opened
    context.close()
    assert foreign == []


@pytest.mark.parametrize("name", [name for name in PLACES if name != "home"])
def test_each_page_opens(name: str, page: Page) -> None:
    page.goto(f"/{name}?study=study-001")
    expect(page.get_by_text(NOTICE)).to_be_visible()
    expect(page.locator(".c-title")).to_be_visible()
    assert page.locator("[data-testid=stException]").count() == 0
    assert SOURCE_ID.split(":")[1] not in page.content()


def test_streamlit_shows_none_of_its_own_chrome(page: Page) -> None:
    page.goto("/worklist")
    expect(page.locator("tr[data-open]").first).to_be_visible()
    for chrome in ("stToolbar", "stAppDeployButton", "stDecoration", "stMainMenu"):
        for found in page.locator(f"[data-testid={chrome}]").all():
            expect(found).not_to_be_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor") == (
        "rgb(14, 17, 22)"
    )


def test_the_empty_address_leads_the_curator_to_the_loop(page: Page) -> None:
    page.goto("/")
    expect(page).to_have_url(re.compile("/loop$"))


def test_from_the_worklist_to_the_heat_map_and_back(page: Page) -> None:
    page.goto("/worklist?view=LL")
    first, second = page.locator("tr[data-open]").nth(0), page.locator("tr[data-open]").nth(1)
    expect(second).to_be_visible()
    names = [row.get_attribute("data-open") for row in (first, second)]
    first.click()
    expect(page).to_have_url(re.compile(f"study={names[0]}"))
    expect(page.get_by_role("button", name="Next")).to_be_enabled()
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(f"view=LL.*study={names[1]}|study={names[1]}.*view=LL"))
    expect(page.locator(".viewer[data-loaded]")).to_be_visible(timeout=90_000)
    page.get_by_role("button", name="Heat map").click()
    expect(page.get_by_text("heat map: ")).to_be_visible(timeout=120_000)  # the worker loads the version first
    expect(page.locator(".viewer[data-loaded]")).to_be_visible()
    expect(page.get_by_label("Opacity of the heat map")).to_be_visible()
    expect(page).to_have_url(re.compile("heat=true"))
    page.get_by_role("button", name="Worklist").click()
    expect(page).to_have_url(re.compile("/worklist.*view=LL"))
    expect(first).to_be_visible()


def test_a_search_stands_in_the_address(page: Page, served: Served) -> None:
    name = Store.of(served.home).studies.get("study-021").label
    page.goto("/worklist")
    expect(page.locator("tr[data-open]").nth(9)).to_be_visible()
    page.get_by_label("Search").fill(name)
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-open]")).to_have_count(1)
    expect(page.locator("tr[data-open] a")).to_have_text(name)
    expect(page).to_have_url(re.compile(f"text={name}"))


def test_a_reader_sees_a_queue_and_no_model(page: Page) -> None:
    page.goto("/reading")
    page.get_by_label("Reading as").click()
    page.get_by_role("option", name="Dr Ahn").click()
    expect(page.get_by_text("8 of 10 read")).to_be_visible()
    expect(page).to_have_url(re.compile("as=reader-1"))
    expect(page.get_by_role("link", name="Models")).to_have_count(0)
    waiting = page.locator("[data-open]").filter(has_not=page.locator(".c-good"))
    waiting.nth(1).locator("b").click()
    expect(page).to_have_url(re.compile("case=rq-2-"))
    waiting.filter(has_text="independent").first.locator("b").click()
    expect(page.get_by_role("link", name="Read in Label Studio")).to_have_count(1)
    expect(page.get_by_text("You read this study independently")).to_be_visible()
    expect(page.get_by_text(re.compile("^Model's answer"))).to_have_count(0)
    expect(page.get_by_text("Heat map")).to_have_count(0)


def test_a_step_that_fails_says_so_and_can_be_taken_again(page: Page) -> None:
    page.goto("/loop")
    page.get_by_role("button", name="Fetch answers").click()
    expect(page.get_by_role("alert")).to_be_visible()  # no labelling server runs here
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_text("Disputes (1)").click()
    expect(page.get_by_text("no strict majority")).to_be_visible()


def _image(path: Path) -> Path:
    rows, columns = np.mgrid[-1:1:200j, -1:1:180j]
    Image.fromarray((255 * np.clip(1 - rows**2 - columns**2, 0, 1)).astype(np.uint8)).save(path)
    return path


def _kept(home: Home) -> list[Path]:
    """Files of uploads that are still there."""
    places = (home.path / "demo", home.path / "gradio", home.uploads)
    return [f for place in places for f in place.rglob("*") if f.is_file() and f.stat().st_size]


def test_the_demo_predicts_an_upload_and_keeps_nothing(page: Page, served: Served, tmp_path: Path) -> None:
    page.goto("/gradio/")
    expect(page.get_by_text(NOTICE).first).to_be_visible()
    page.set_input_files("input[type=file]", _image(tmp_path / "upload.png"))
    expect(page.locator(".c-shown img").first).to_be_visible()
    expect(page.locator("input[type=file]")).to_be_attached()  # the field is empty again
    expect(page.get_by_role("row", name="upload.png")).to_have_count(0)
    said = page.locator(".c-said").inner_text()
    assert f"Version {TASK}-v3" in said
    assert re.search(r"P = 0\.\d\d", said)
    assert page.locator(".c-shown img").count() >= 2  # the picture, and a heat map
    assert _kept(served.home) == []
    assert Store.of(served.home).studies.count() == 64


def test_the_demo_says_what_to_do_with_no_image(page: Page, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("this is no picture")
    page.goto("/gradio/")
    page.set_input_files("input[type=file]", tmp_path / "notes.png")
    expect(page.get_by_role("alert")).to_contain_text("The file cannot be read.")
    expect(page.get_by_role("alert")).to_contain_text("check the file and upload it again")
    expect(page.get_by_role("row", name="notes.png")).to_be_visible()  # its name stands in two pieces
    page.get_by_text("Adrenal lesions on CT").click()  # the same file, for another task
    page.get_by_role("button", name="Predict").click()
    expect(page.get_by_role("alert")).to_contain_text("no champion")


def test_the_demo_changes_its_language_and_its_look(page: Page) -> None:
    page.goto("/gradio/")
    page.get_by_role("button", name="Русский").click()
    expect(page.get_by_role("button", name="Получить ответ")).to_be_visible()
    expect(page.locator(".c-said")).to_contain_text("проекци")
    expect(page.locator("body")).to_contain_text("Нажмите для загрузки")  # Gradio's own words, too
    page.get_by_role("button", name="Светлое").click()
    expect(page.locator("html")).to_have_attribute("data-look", "light")
    expect(page.get_by_role("link", name="Рабочее место")).to_have_attribute("href", "/")
    page.context.clear_cookies()
    page.goto("/gradio?lang=ru")  # the address may name it, too
    expect(page.get_by_role("button", name="Получить ответ")).to_be_visible()
    page.context.clear_cookies()


def test_the_api_predicts_through_the_same_port(served: Served, tmp_path: Path) -> None:
    content, before = _image(tmp_path / "upload.png").read_bytes(), _kept(served.home)
    answer = httpx.post(f"{served.url}/api/predict?wait_s=60", files={"file": ("x", content)}, timeout=70)
    assert answer.status_code == 200
    assert answer.json()["version"] == f"{TASK}-v3"
    assert {r["question"] for r in answer.json()["results"]} >= {"projection"}
    refused = httpx.post(f"{served.url}/api/predict?wait_s=60", files={"file": ("x", b"no image")}, timeout=70)
    assert (refused.status_code, refused.json()["error"]) == (422, "The file cannot be read.")
    assert _kept(served.home) == before


def test_the_tour_shows_every_page_in_each_look(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = list(tour.stops(Store.of(served.home)))
    assert {stop.name.partition("-")[0] for stop in every} == set(PLACES) - {"home"} | {"demo"}
    shown = (f"study-{TASK}", "models", "demo")
    monkeypatch.setattr(tour, "stops", lambda store: [s for s in every if s.name in shown])
    with ThreadPoolExecutor(1) as aside:  # a browser of its own beside the tests' one
        made = aside.submit(tour.shoot, served.home, served.url, tmp_path, progress=lambda *_: None).result()
    looks = [f"{code}-{look}" for code in ("en", "ru") for look in ("dark", "light")]
    names = [f"{name}-{look}.webp" for look in looks for name in shown]
    assert [path.name for path in made] == names
    corners = {}
    for path in made:
        with Image.open(path) as picture:
            assert picture.size == (1440, 900)
            corners[path.stem.rpartition("-")[2]] = np.asarray(picture.convert("L"))[880, 1400]
    assert corners["dark"] < 40
    assert corners["light"] > 220
    assert all(name in (tmp_path / "README.md").read_text() for name in names)
