"""A plot in a real Chromium: its table, and its files as they are downloaded, in both looks."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from models.curves import Curves, binary_curves
from tests.chromium import chromium, need_chromium
from tests.ports import free_port, wait_for
from tests.served_home import ROOT
from workbench.theme import DARK, LIGHT, palette
from workbench.views.parts.plot import MOST_ROWS, file_name
from workbench.views.parts.plot_files import light

APP = """
import streamlit as st
from tests.test_plot import curves, heads_and_rows, shaded
from workbench.style import style_sheet
from workbench.theme import palette
from workbench.views.parts import charts
from workbench.views.parts.plot import plot

st.html(style_sheet(palette()))
found = curves()
heads, rows = heads_and_rows()
plot(charts.roc(found), key="roc v1/fracture", alt="ROC of fracture", heads=heads, rows=rows)
plot(charts.confusion(found), key="confusion", alt="Confusion of fracture", heads=["reference", "n"],
     rows=[["absent", 41], ["present", None]])
plot(shaded(), key="shaded", alt="A raster in the colours of the look, and a band", heads=["n"], rows=[[1]])
"""


def curves() -> Curves:
    """Of 600 items whose scores tell them apart somewhat."""
    rng = np.random.default_rng(3)
    positive = rng.random(600) < 0.3
    scores = 1 / (1 + np.exp(-(rng.normal(size=600) + 1.5 * positive - 1)))
    return binary_curves(("absent", "present"), scores, positive, scores > 0.5)


def shaded() -> go.Figure:
    """A raster from the page's ground to the accent: 0, a half, 1 from the left; and a translucent band."""
    look = palette()
    figure = go.Figure(go.Heatmap(z=[[0, 0.5, 1]], zmin=0, zmax=1, showscale=False,
                                  colorscale=[[0, look.page], [1, look.accent]]))  # fmt: skip
    red, green, blue = (int(look.good[i : i + 2], 16) for i in (1, 3, 5))
    figure.add_vrect(x0=-0.5, x1=0.5, fillcolor=f"rgba({red},{green},{blue},0.5)", line_width=0)
    figure.update_layout(
        height=200, paper_bgcolor=look.page, plot_bgcolor=look.page, margin=dict.fromkeys("lrtb", 30)
    )
    return figure


def heads_and_rows() -> tuple[list[str], list[list[float | None]]]:
    """More rows than the table of the page holds, one with nothing."""
    rows: list[list[float | None]] = [[n / 7, n * n / 49] for n in range(MOST_ROWS + 5)]
    return ["1 − specificity", "sensitivity"], [[0.0, None], *rows]


@pytest.fixture(scope="module", params=["dark", "light"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, str]]:
    """A page with two plots, and the name of its look."""
    need_chromium()
    script = tmp_path_factory.mktemp("plot") / "page.py"
    script.write_text(APP)
    port = free_port()
    settings = {"server.port": port, "server.address": "127.0.0.1", "server.headless": "true",
                "browser.gatherUsageStats": "false", "theme.base": request.param}  # fmt: skip
    given = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    with (script.parent / "log").open("wb") as log:
        served = subprocess.Popen([sys.executable, "-m", "streamlit", "run", str(script), *given], cwd=ROOT,
                                  env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=log)  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        with chromium() as browser:
            opened = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme=request.param)
            opened.set_default_timeout(30_000)
            opened.goto(f"http://127.0.0.1:{port}")
            expect(opened.locator(".js-plotly-plot")).to_have_count(3, timeout=60_000)
            expect(opened.get_by_text("1 − specificity").first).to_be_attached(timeout=30_000)
            ground = opened.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--page')")
            assert ground == {"dark": DARK, "light": LIGHT}[request.param].page
            yield opened, request.param
    finally:
        served.terminate()
        served.wait(10)


def downloaded(page: Page, which: int, button: str) -> tuple[str, bytes]:
    """The name and the content of a file, reached and asked for by keys alone."""
    page.get_by_role("button", name="Table and files").nth(which).focus()
    page.keyboard.press("Enter")
    found = page.get_by_role("button", name=button)
    expect(found).to_be_visible()
    found.focus()
    with page.expect_download() as coming:
        page.keyboard.press("Enter")
    content = Path(coming.value.path()).read_bytes()
    page.keyboard.press("Escape")
    expect(found).to_be_hidden()
    return coming.value.suggested_filename, content


@pytest.mark.browser
def test_the_png_is_large_and_light_and_has_a_line(page: tuple[Page, str]) -> None:
    name, content = downloaded(page[0], 0, "Picture (PNG)")
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    pixels = np.asarray(picture)
    assert name == "roc-v1-fracture.png"
    assert picture.width >= 1600
    assert 1.5 < picture.width / picture.height < 12
    assert (pixels == 255).all(axis=2).mean() > 0.8
    line = np.array([int(LIGHT.model[i : i + 2], 16) for i in (1, 3, 5)])
    assert (np.abs(pixels.astype(int) - line).max(axis=2) < 24).sum() > 1000


@pytest.mark.browser
def test_the_svg_parses_and_holds_titles_in_the_colours_for_print(page: tuple[Page, str]) -> None:
    name, content = downloaded(page[0], 0, "Drawing (SVG)")
    root = ET.fromstring(content)  # noqa: S314 - our own
    texts = {"".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text")}
    written = content.decode()
    assert name == "roc-v1-fracture.svg"
    assert {"ROC", "1 − specificity", "sensitivity"} <= texts
    for ours in (DARK.page, DARK.line, DARK.quiet):
        red, green, blue = (int(ours[i : i + 2], 16) for i in (1, 3, 5))
        assert ours not in written
        assert f"rgb({red}, {green}, {blue})" not in written
    assert not re.search(r"url\([^)#]*http", written)


@pytest.mark.browser
def test_the_csv_equals_the_rows(page: tuple[Page, str]) -> None:
    name, content = downloaded(page[0], 0, "Table (CSV)")
    heads, rows = heads_and_rows()
    read = list(csv.reader(io.StringIO(content.decode())))
    assert name == "roc-v1-fracture.csv"
    assert read[0] == heads
    assert [[None if cell == "" else float(cell) for cell in row] for row in read[1:]] == rows


@pytest.mark.browser
def test_the_shades_of_a_confusion_are_for_print_too(page: tuple[Page, str]) -> None:
    """They are a raster, whose colours nothing changes afterwards: the larger the share, the darker."""
    _, content = downloaded(page[0], 1, "Picture (PNG)")
    picture = np.asarray(Image.open(io.BytesIO(content)).convert("L")).astype(float)
    height, width = picture.shape
    (many, few), _ = curves().confusion
    rows = slice(height // 3 - 20, height // 3 + 20)
    left, right = (float(np.median(picture[rows, int(at * width)])) for at in (0.4, 0.9))
    assert many > 3 * few
    assert right > 200
    assert 120 < left < right - 30


@pytest.mark.browser
def test_bands_and_rasters_take_the_colours_for_print(page: tuple[Page, str]) -> None:
    """The shades of a scale stay where they stood on it: a half lies half-way between its ends for print."""
    name, content = downloaded(page[0], 2, "Picture (PNG)")
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(float)
    height, width, _ = pixels.shape
    rows = pixels[int(0.4 * height) : int(0.6 * height)]
    left, middle, right = (np.median(rows[:, int(at * width)], axis=0) for at in (0.2, 0.5, 0.8))
    page_, accent, good = (np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=float)
                           for colour in (LIGHT.page, LIGHT.accent, LIGHT.good))  # fmt: skip
    assert name == "shaded.png"
    assert np.abs(right - accent).max() < 4
    assert np.abs(middle - (page_ + accent) / 2).max() < 6
    assert np.abs(left - (page_ + good) / 2).max() < 6


@pytest.mark.browser
def test_the_table_says_what_the_file_has_besides(page: tuple[Page, str]) -> None:
    page[0].get_by_role("button", name="Table and files").first.click()
    expect(page[0].get_by_text("6 more rows are in the file.")).to_be_visible()
    expect(page[0].get_by_role("region", name="Table").locator("tbody tr")).to_have_count(MOST_ROWS)
    expect(page[0].get_by_role("region", name="Table").locator("tbody tr").first).to_contain_text("—")
    page[0].keyboard.press("Escape")
    expect(page[0].get_by_role("region", name="Table")).to_be_hidden()


def test_a_key_makes_the_name_of_a_file() -> None:
    assert file_name("roc chest-v2 fracture/left") == "roc-chest-v2-fracture-left"
    assert file_name("../..") == "plot"


def test_every_colour_of_the_dark_look_has_one_for_print() -> None:
    assert light()[DARK.page] == LIGHT.page
    assert light()[DARK.model] == LIGHT.model
    assert light()[DARK.readers[1]] == LIGHT.readers[1]
