"""The viewer in a real Chromium: pixels, masks, letters, measures equal numpy's; nothing goes back to the page."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Error, Locator, Page, expect

from data.pixels import apply_window
from tests.chromium import chromium
from tests.ports import free_port, wait_for
from tests.served_home import ROOT
from tests.viewer_scenes import AXIAL, SCRIPT, Served, serving, turned
from workbench.viewer.canvas_files import FOLDER, address, files
from workbench.viewer.component import WORDS
from workbench.viewer.scene import Line, Pane, Preset

pytestmark = pytest.mark.browser

SIZE_BYTES = 40_000
SAGITTAL = (0.9, 0.0, 0.0, -30.0, 0.0, 0.0, 0.7, -40.0, 0.0, -0.7, 0.0, 60.0, 0.0, 0.0, 0.0, 1.0)
"""Slices run to the left, rows to the feet, columns to the back."""
FLIPPED = (0.0, 0.0, -0.8, 20.0, 0.0, -0.8, 0.0, 16.0, -2.5, 0.0, 0.0, 100.0, 0.0, 0.0, 0.0, 1.0)
"""Slices run to the feet, rows to the front, columns to the right."""
OBLIQUE = turned(turned(AXIAL, 30, 0), 8, 2)
READ = """(canvas) => {
  const bytes = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return [canvas.height, canvas.width, btoa(text)];
}"""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(Served()) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def opened(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1100, "height": 800})
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(opened: Page) -> Iterator[Page]:
    """A page on which no script may fail."""
    failed: list[str] = []

    def fail(error: Error) -> None:
        failed.append(str(error))

    opened.on("pageerror", fail)
    opened.mouse.move(0, 0)
    yield opened
    opened.evaluate("() => sessionStorage.clear()")
    opened.remove_listener("pageerror", fail)
    assert failed == []


def show(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector(".viewer[data-loaded]")
    settle(page)


def settle(page: Page) -> None:
    """Wait until everything is painted."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")


def rgba(page: Page, selector: str) -> NDArray[np.uint8]:
    """A canvas as (rows, columns, 4)."""
    rows, columns, text = page.locator(selector).evaluate(READ)
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(rows, columns, 4)


def grey(page: Page, plane: str) -> NDArray[np.uint8]:
    """The picture of a plane in native pixels; it is grey and opaque."""
    pixels = rgba(page, f"canvas[data-plane={plane}]")
    assert (pixels[..., 3] == 255).all()
    assert (pixels[..., :1] == pixels[..., :3]).all()
    return pixels[..., 0]


def on_screen(page: Page, plane: str, row: float, column: float) -> tuple[int, int]:
    """The whole pixel of the screen that is nearest to a place in a plane."""
    box = page.locator(f"[data-view={plane}]").bounding_box()
    a, b, c, d, e, f = _matrix(page, plane)
    assert box is not None
    x, y = a * (column + 0.5) + c * (row + 0.5) + e, b * (column + 0.5) + d * (row + 0.5) + f
    return round(box["x"] + x), round(box["y"] + y)


def in_plane(page: Page, plane: str, x: float, y: float) -> NDArray[np.float64]:
    """(row, column) of a place on the screen."""
    box = page.locator(f"[data-view={plane}]").bounding_box()
    assert box is not None
    a, b, c, d, e, f = _matrix(page, plane)
    column, row = np.linalg.solve([[a, c], [b, d]], [x - box["x"] - e, y - box["y"] - f])
    return np.array([row - 0.5, column - 0.5])


def _matrix(page: Page, plane: str) -> list[float]:
    transform = page.locator(f"canvas[data-plane={plane}]").evaluate("(c) => getComputedStyle(c).transform")
    return [float(v) for v in transform[7:-1].split(",")]


def drag(page: Page, *points: tuple[int, int]) -> None:
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point)
    page.mouse.up()
    settle(page)


def where(page: Page) -> str:
    settle(page)
    return page.locator(".where").first.text_content() or ""


WINDOWS = ((40.0, 400.0), (40.0, 1.0), (40.0, 0.0), (0.5, 2.0), (31.3, 77.7), (127.5, 256.0), (-600.0, 1500.0))


@pytest.mark.parametrize("dtype", ["int16", "uint16", "uint8", "int32", "float32"])
def test_native_pixels_are_those_of_display8_in_every_window(dtype: str, page: Page, served: Served) -> None:
    rng = np.random.default_rng(5)
    low = -2000 if dtype[0] != "u" else 0
    array = rng.integers(low, 256 if dtype == "uint8" else 3000, (3, 40, 52)).astype(dtype)
    if dtype == "float32":
        array = (array / np.float32(7)).astype(np.float32)
        array[1, 0, :3] = (-np.inf, np.inf, 40)
    array[1, 5, :40] = np.arange(20, 60)
    presets = tuple(Preset(f"w{i}", *window) for i, window in enumerate(WINDOWS))
    show(page, served.one(f"native-{dtype}", array, start=1, window=(10.0, 300.0), presets=presets))
    assert np.array_equal(grey(page, "image"), apply_window(array[1], (10.0, 300.0)))
    for i, window in enumerate(WINDOWS):
        page.keyboard.press(str(i + 1))
        settle(page)
        assert np.array_equal(grey(page, "image"), apply_window(array[1], window)), window
    page.keyboard.press("i")
    settle(page)
    assert np.array_equal(grey(page, "image"), 255 - apply_window(array[1], WINDOWS[-1]))
    page.keyboard.press("0")
    settle(page)
    assert np.array_equal(grey(page, "image"), apply_window(array[1], (10.0, 300.0)))


def test_colour_stays_colour(page: Page, served: Served) -> None:
    array = np.random.default_rng(6).integers(0, 256, (2, 30, 44, 3)).astype(np.uint8)
    show(page, served.one("rgb", array, start=1))
    assert np.array_equal(rgba(page, "canvas[data-plane=image]")[..., :3], array[1])


NATIVE = {
    "axial": (AXIAL, ("axial", "coronal", "sagittal")),
    "sagittal": (SAGITTAL, ("sagittal", "axial", "coronal")),
    "flipped": (FLIPPED, ("axial", "coronal", "sagittal")),
    "oblique": (OBLIQUE, ("axial", "coronal", "sagittal")),
}
"""Affine, and the planes that cut slices, rows and columns."""


@pytest.mark.parametrize("name", NATIVE)
def test_three_planes_equal_indexing(name: str, page: Page, served: Served) -> None:
    affine, planes = NATIVE[name]
    array = np.random.default_rng(7).integers(-500, 500, (21, 33, 47)).astype(np.int16)
    show(page, served.one(f"planes-{name}", array, start=4, affine=affine, planes=True))
    assert np.array_equal(grey(page, planes[0]), apply_window(array[4], (40, 400)))
    assert np.array_equal(grey(page, planes[1]), apply_window(array[:, 16, :], (40, 400)))
    assert np.array_equal(grey(page, planes[2]), apply_window(array[:, :, 23], (40, 400)))
    spacing = np.linalg.norm(np.array(affine).reshape(4, 4)[:3, :3], axis=0)
    for plane, ratio in zip(
        planes, (spacing[1] / spacing[2], spacing[0] / spacing[2], spacing[0] / spacing[1]), strict=True
    ):
        a, b, c, d, *_ = _matrix(page, plane)
        assert np.hypot(c, d) / np.hypot(a, b) == pytest.approx(ratio, rel=1e-4), plane
    page.locator(f"[data-view={planes[2]}]").hover()
    page.mouse.wheel(0, 100)
    page.mouse.wheel(0, 100)
    settle(page)
    assert np.array_equal(grey(page, planes[2]), apply_window(array[:, :, 25], (40, 400)))


@pytest.mark.parametrize("name", NATIVE)
def test_what_is_left_back_and_high_is_shown_right_down_and_up(name: str, page: Page, served: Served) -> None:
    affine = np.array(NATIVE[name][0]).reshape(4, 4)
    array = np.zeros((30, 40, 40), np.uint8)
    corners = np.array([[s, r, c] for s in (4, 25) for r in (5, 34) for c in (5, 34)])
    best = corners[np.argmax(corners @ affine[:3, :3].T @ np.array([1, 1, 1]))]
    s, r, c = best
    array[s - 3 : s + 4, r - 3 : r + 4, c - 3 : c + 4] = 200
    url = served.one(f"side-{name}", array, start=int(s), affine=NATIVE[name][0], planes=True, window=(128, 256))
    show(page, url)
    page.get_by_role("button", name="Window", exact=True).first.click()
    page.mouse.click(*on_screen(page, NATIVE[name][1][0], r, c))
    settle(page)
    for plane, (right, down) in {
        "axial": (True, True),
        "coronal": (True, False),
        "sagittal": (True, False),
    }.items():
        box = page.locator(f"[data-view={plane}]").bounding_box()
        pixels = rgba(page, f"canvas[data-plane={plane}]")[..., 0]
        row, column = np.argwhere(pixels == 200).mean(axis=0)
        x, y = on_screen(page, plane, row, column)
        assert box is not None
        assert (x > box["x"] + box["width"] / 2) is right, plane
        assert (y > box["y"] + box["height"] / 2) is down, plane


def letters(page: Page, plane: str) -> str:
    edges = page.locator(f"[data-view={plane}] .edge")
    return " ".join(edges.all_text_contents())


@pytest.mark.parametrize(
    ("affine", "plane", "said"),
    [
        (AXIAL, "axial", "R L A P"),
        (FLIPPED, "axial", "R L A P"),
        (SAGITTAL, "sagittal", "A P H F"),
        (turned(AXIAL, 15, 0), "axial", "R L A P"),
        (turned(AXIAL, 30, 0), "axial", "R L AF PH"),
        (turned(SAGITTAL, 35, 2), "sagittal", "AL PR H F"),
    ],
)
def test_letters_at_the_edges(
    affine: tuple[float, ...], plane: str, said: str, page: Page, served: Served
) -> None:
    array = np.zeros((3, 16, 16), np.uint8)
    show(page, served.one(f"letters-{plane}-{abs(hash(affine))}", array, affine=affine))
    assert letters(page, plane) == said


def test_letters_without_geometry(page: Page, served: Served) -> None:
    array = np.zeros((1, 16, 16), np.uint8)
    show(page, served.one("known", array, orientation="L\\F"))
    assert letters(page, "image") == "R L H F"
    expect(page.get_by_text("Orientation not known")).to_have_count(0)
    show(page, served.one("unknown", array))
    assert letters(page, "image").split() == []
    expect(page.get_by_text("Orientation not known")).to_be_visible()


def test_slice_position_value_and_scale(page: Page, served: Served) -> None:
    array = np.arange(5 * 40 * 40).reshape(5, 40, 40).astype(np.int16)
    picture = served.picture("told", array, affine=AXIAL, unit="HU")
    pane = Pane("told", "told", (picture,), ("told", 3), pages=(("told", 1), ("told", 3)))
    show(page, served.scene("told", pane))
    assert where(page) == "Slice 4 of 5 · page 2 of 2 · H 107.5 mm · window 40 / 400"
    page.mouse.move(*on_screen(page, "axial", 12, 30))
    settle(page)
    assert page.locator(".value").text_content() == f"{array[3, 12, 30]} HU (12, 30)"
    bar = page.locator(".scale")
    px_per_mm = _matrix(page, "axial")[0] / 0.8
    width = bar.evaluate("(bar) => parseFloat(bar.style.width)")
    assert bar.text_content() == "5 mm"
    assert width == pytest.approx(5 * px_per_mm, rel=1e-3)
    assert page.locator("[data-view=axial]").get_attribute("aria-label") == f"told, Axial, {where(page)}"


def masks(shape: tuple[int, int, int], seed: int, slices: tuple[int, ...]) -> dict[int, NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    return {s: rng.random(shape[1:]) < 0.3 for s in slices}


def full(shape: tuple[int, int, int], some: dict[int, NDArray[np.bool_]]) -> NDArray[np.bool_]:
    whole = np.zeros(shape, dtype=bool)
    for index, mask in some.items():
        whole[index] = mask
    return whole


def test_masks_fill_exactly_and_their_difference_is_xor(page: Page, served: Served) -> None:
    shape = (12, 29, 37)
    array = np.zeros(shape, np.int16)
    first, second = masks(shape, 1, (3, 6, 7)), masks(shape, 2, (6, 9))
    layers = (
        served.layer("model", first, "masks", colour="#ff0000", filled=True, dashed=True),
        served.layer("reader", second, "masks", colour="#00ff00", shown=False),
    )
    url = served.one("masks", array, start=6, affine=AXIAL, spacing_mm=(2.5, 0.8, 0.8), layers=layers, planes=True)
    show(page, url)
    one, two = full(shape, first), full(shape, second)
    cuts = {"axial": np.s_[6], "coronal": np.s_[:, 14, :], "sagittal": np.s_[:, :, 18]}
    for plane, cut in cuts.items():
        drawn = rgba(page, f"canvas[data-masks={plane}]")
        assert np.array_equal(drawn[..., 3] > 0, one[cut]), plane
        assert (drawn[one[cut]] == (255, 0, 0, 102)).all()
    page.keyboard.press("d")
    settle(page)
    for plane, cut in cuts.items():
        drawn = rgba(page, f"canvas[data-masks={plane}]")
        assert np.array_equal(drawn[..., 3] > 0, one[cut] ^ two[cut]), plane
        assert np.array_equal((drawn[..., 0] > 0) & (drawn[..., 3] > 0), one[cut] & ~two[cut])
        assert np.array_equal((drawn[..., 1] > 0) & (drawn[..., 3] > 0), two[cut] & ~one[cut])
    only = int((one[6] & ~two[6]).sum())
    expect(page.locator("[data-alone=model]")).to_have_text(f"only model: {only} px · {only * 0.64:.3g} mm²")
    assert page.locator("[data-alone=reader]").get_attribute("data-count") == str(int((two[6] & ~one[6]).sum()))
    page.keyboard.press("m")
    settle(page)
    assert not rgba(page, "canvas[data-masks=axial]").any()


def test_outlines_run_on_the_borders_of_pixels(page: Page, served: Served) -> None:
    mask = np.zeros((16, 16), dtype=bool)
    mask[5, 6] = mask[6, 7] = True  # two pixels that touch at a corner
    layer = served.layer("reader", {0: mask}, "outline", colour="#ff0000")
    show(page, served.one("outline", np.zeros((1, 16, 16), np.uint8), layers=(layer,)))
    drawn = rgba(page, ".sharp")
    box = page.locator("[data-view=image]").bounding_box()
    assert box is not None

    def red(row: float, column: float) -> bool:
        x, y = on_screen(page, "image", row - 0.5, column - 0.5)
        x, y = x - round(box["x"]), y - round(box["y"])
        return bool((drawn[y - 1 : y + 2, x - 1 : x + 2, 0] > 200).any())

    for r, c in ((5, 6), (6, 7)):
        assert red(r, c + 0.5)
        assert red(r + 1, c + 0.5)
        assert red(r + 0.5, c)
        assert red(r + 0.5, c + 1)
        assert not red(r + 0.5, c + 0.5)
    assert not red(5.5, 7.5)
    assert not red(4, 6.5)


TRACE = """async ([address, inside, rows, columns]) => {
  const { region } = await import(address + "/masks.js");
  const { outline } = region(Uint8Array.from(inside), rows, columns);
  const pen = new OffscreenCanvas(1, 1).getContext("2d"), found = [];
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) found.push(pen.isPointInPath(outline, c + 0.5, r + 0.5, "evenodd"));
  return found;
}"""


def test_what_is_inside_an_outline_is_the_mask(page: Page, served: Served) -> None:
    show(page, served.one("traced", np.zeros((1, 8, 8), np.uint8)))
    rng = np.random.default_rng(4)
    for share, shape in ((0.1, (23, 17)), (0.5, (31, 40)), (0.9, (16, 16)), (1.0, (5, 7))):
        mask = rng.random(shape) < share
        flat = mask.reshape(-1)
        found = page.evaluate(TRACE, [address(), flat.astype(int).tolist(), *shape])
        assert np.array_equal(found, flat)


def test_length_and_angle_in_mm_and_in_pixels(page: Page, served: Served) -> None:
    spacing = (0.0, 0.5, 0.8)
    for name, known in (("mm", spacing), ("px", None)):
        show(page, served.one(f"length-{name}", np.zeros((1, 60, 80), np.uint8), spacing_mm=known))
        points = [on_screen(page, "image", *at) for at in ((10, 12), (40, 60), (52, 9))]
        at = [in_plane(page, "image", *point) * (known[1:] if known else 1) for point in points]
        page.get_by_role("button", name="Length").click()
        drag(page, points[0], (points[0][0] + 20, points[0][1]), points[1])
        length = float(np.linalg.norm(at[1] - at[0]))
        expect(page.locator(".measure .text")).to_have_text(f"Length {length:.1f} {name}")
        page.get_by_role("button", name="Angle").click()
        drag(page, points[1], points[0])
        drag(page, (points[2][0] - 30, points[2][1] - 30), points[2])
        one, two = at[1] - at[0], at[2] - at[0]
        angle = np.degrees(np.arccos(one @ two / np.linalg.norm(one) / np.linalg.norm(two)))
        expect(page.locator(".measure .text").last).to_have_text(f"Angle {angle:.1f}°")
        page.keyboard.press("Delete")
        expect(page.locator(".measure")).to_have_count(1)
        page.get_by_role("button", name="Delete ").click()
        expect(page.locator(".measure")).to_have_count(0)


WATCH_LABELS = """() => {
  window.labels = [];
  const pen = CanvasRenderingContext2D.prototype, { fillText, clearRect } = pen;
  pen.fillText = function (text, x, y) {
    window.labels.push([x, y, this.measureText(text).width]);
    return fillText.call(this, text, x, y);
  };
}"""


def test_labels_of_measures_cover_no_other(page: Page, served: Served) -> None:
    """Of five that end at one place, in the middle and at the lower edge."""
    for name, (row, column) in {"middle": (30, 40), "edge": (59, 79)}.items():
        lines = tuple(
            Line("model", f"labels-{name}", 0, ((row - 2.0, column - 9.0), (float(row), float(column))), "12 mm")
            for _ in range(2)
        )
        picture = served.picture(f"labels-{name}", np.zeros((1, 60, 80), np.uint8))
        pane = Pane(name, name, (picture,), (f"labels-{name}", 0), lines=lines)
        show(page, served.scene(f"labels-{name}", pane))
        page.get_by_role("button", name="Length").click()
        for away in (20, 15, 10):
            drag(page, on_screen(page, "image", row - away, column - away), on_screen(page, "image", row, column))
        page.evaluate(WATCH_LABELS)
        page.keyboard.press("i")
        settle(page)
        labels = page.evaluate("window.labels")[-5:]
        assert len(labels) == 5
        box = page.locator(".view").bounding_box()
        assert box is not None
        for number, (x, y, width) in enumerate(labels):
            assert 0 < y <= box["height"]
            for other_x, other_y, other_width in labels[:number]:
                assert abs(y - other_y) >= 13 or x >= other_x + other_width or other_x >= x + width


def test_a_length_in_an_oblique_volume_is_that_in_the_patient(page: Page, served: Served) -> None:
    array = np.zeros((30, 40, 40), np.uint8)
    show(page, served.one("oblique-length", array, start=3, affine=OBLIQUE, planes=True))
    page.get_by_role("button", name="Length").click()
    ends = [on_screen(page, "coronal", 4, 5), on_screen(page, "coronal", 25, 33)]
    affine = np.array(OBLIQUE).reshape(4, 4)
    (s1, c1), (s2, c2) = (in_plane(page, "coronal", *end) for end in ends)
    length = np.linalg.norm(affine[:3, :3] @ (s2 - s1, 0, c2 - c1))
    drag(page, *ends)
    expect(page.locator(".measure .text")).to_have_text(f"Length {length:.1f} mm")


def test_the_statistics_of_an_ellipse_are_those_of_numpy(page: Page, served: Served) -> None:
    array = np.random.default_rng(9).integers(-1000, 1000, (3, 64, 64)).astype(np.int16)
    show(page, served.one("ellipse", array, start=2, spacing_mm=(3.0, 0.7, 0.7), unit="HU"))
    page.get_by_role("button", name="Ellipse").click()
    ends = [on_screen(page, "image", 10.3, 20.2), on_screen(page, "image", 41.8, 45.1)]
    drag(page, *ends)
    (r1, c1), (r2, c2) = (in_plane(page, "image", *end) for end in ends)
    rows, columns = np.mgrid[:64, :64]
    down, across = abs(r2 - r1) / 2, abs(c2 - c1) / 2
    inside = ((rows - (r1 + r2) / 2) / down) ** 2 + ((columns - (c1 + c2) / 2) / across) ** 2 <= 1
    values = array[2][inside]
    area = np.pi * down * across * 0.49
    said = f"mean {values.mean():.1f} HU, SD {values.std():.1f} · {area:.3g} mm² · n {inside.sum()}"
    expect(page.locator(".measure .text")).to_have_text(f"Ellipse {said}")


def measured(page: Page) -> list[str]:
    return page.locator(".measure .text").all_inner_texts()


def kept(page: Page) -> dict[str, str]:
    """The tab's own storage."""
    found: dict[str, str] = page.evaluate("() => ({ ...sessionStorage })")
    return found


def test_measures_outlive_a_reload_until_they_are_deleted(page: Page, served: Served) -> None:
    array = np.random.default_rng(3).integers(-1000, 1000, (12, 40, 40)).astype(np.int16)
    pane = Pane(
        "study-of-doe", "Doe", (served.picture("1.2.3.4", array, affine=AXIAL, unit="HU"),), ("1.2.3.4", 9)
    )
    url = served.scene("kept-measures", pane, planes=True, kept_for="one")
    show(page, url)
    page.get_by_role("button", name="Length").click()
    drag(page, on_screen(page, "axial", 4, 5), on_screen(page, "axial", 25, 33))
    page.get_by_role("button", name="Ellipse").click()
    drag(page, on_screen(page, "coronal", 2, 5), on_screen(page, "coronal", 9, 30))
    page.get_by_role("button", name="Angle").click()
    drag(page, on_screen(page, "axial", 4, 5), on_screen(page, "axial", 25, 5))  # one that lacks its third point
    expect(page.locator(".measure")).to_have_count(3)
    before = measured(page)[:2]
    assert "mean" in before[1]
    assert "n " in before[1]
    show(page, url)
    assert measured(page) == before
    page.get_by_role("button", name=before[0]).click()  # leads to its slice
    assert where(page).startswith("Slice 10 of 12")
    (name,) = kept(page)
    assert re.fullmatch(r"consilium at one \w+", name)
    assert not re.search("doe|1\\.2\\.3|mm|HU", f"{name} {kept(page)[name]}", re.IGNORECASE)
    page.keyboard.press("Delete")
    show(page, url)
    assert measured(page) == before[:1]
    page.get_by_role("button", name="Delete ").click()
    assert kept(page) == {}
    show(page, url)
    assert measured(page) == []


def test_measures_are_those_of_the_pictures_and_of_who_sits_there(page: Page, served: Served) -> None:
    picture = served.picture("measured-by-two", np.zeros((1, 60, 80), np.uint8))
    first, other = (Pane(key, key, (picture,), (picture.key, 0)) for key in ("first", "other"))
    url = served.scene("measured-first", first, kept_for="one")
    show(page, url)
    page.get_by_role("button", name="Length").click()
    drag(page, on_screen(page, "image", 10, 12), on_screen(page, "image", 40, 60))
    length = measured(page)
    assert len(length) == 1
    show(page, served.scene("measured-other", other, kept_for="one"))
    assert measured(page) == []
    beside = served.scene("measured-both", other, replace(first, key="first"), kept_for="one")
    show(page, beside)
    assert measured(page) == length
    show(page, served.scene("measured-by-another", first, kept_for="another"))
    assert measured(page) == []
    scene = {**served.scenes["measured-by-another"].as_dict(), "kept_for": "one"}
    page.evaluate("(scene) => window.show(scene)", scene)  # another takes the seat without a reload
    assert measured(page) == length
    page.evaluate("(scene) => window.show(scene)", {**scene, "kept_for": "another"})
    assert measured(page) == []
    page.evaluate("() => { for (const name of Object.keys(sessionStorage)) sessionStorage[name] = '{'; }")
    show(page, url)  # what cannot be read is no measure
    assert measured(page) == []


def test_keys_wheel_and_buttons_move(page: Page, served: Served) -> None:
    show(page, served.one("keys", np.zeros((30, 32, 32), np.int16), start=10))
    for key, said in (
        ("ArrowDown", 12),
        ("PageDown", 22),
        ("Home", 1),
        ("End", 30),
        ("PageUp", 20),
        ("ArrowUp", 19),
    ):
        page.keyboard.press(key)
        assert where(page).startswith(f"Slice {said} of 30"), key
    page.locator("#typed").focus()
    page.keyboard.type("10i")
    assert page.locator("#typed").input_value() == "10i"
    expect(page.get_by_role("button", name="Invert")).to_have_attribute("aria-pressed", "false")
    page.locator("#typed").blur()
    page.evaluate("dispatchEvent(new KeyboardEvent('keydown', { key: 'ш', code: 'KeyI', bubbles: true }))")
    expect(page.get_by_role("button", name="Invert")).to_have_attribute("aria-pressed", "true")
    heard = page.evaluate("""() => { window.heard = [];
        document.addEventListener("keydown", (event) => window.heard.push(event.key)); }""")
    assert heard is None
    for key in ("m", "r", "c", "j", "w"):
        page.keyboard.press(key)
    assert page.evaluate("window.heard") == ["r", "c", "j"]
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_have_count(0)
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play")).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(350)
    page.keyboard.press("Space")
    assert not where(page).startswith("Slice 19 ")


def test_a_picture_shown_smaller_is_averaged(page: Page, served: Served) -> None:
    rows, columns = np.mgrid[:2400, :2400]
    stripes = np.where((rows // 2 + columns) % 2, 255, 0).astype(np.uint8)
    show(page, served.one("fine", stripes[None], window=(128, 256)))
    drawn = rgba(page, ".reduced")
    rows_shown, columns_shown = drawn.shape[:2]
    middle = drawn[rows_shown // 4 : -rows_shown // 4, columns_shown * 2 // 5 : -columns_shown * 2 // 5, 0]
    assert middle.mean() == pytest.approx(127.5, abs=3)
    assert middle.std() < 25  # 127 where pixels are skipped
    assert np.array_equal(grey(page, "image"), stripes)


def test_a_drag_changes_the_window_and_the_wheel_zooms_a_radiograph(page: Page, served: Served) -> None:
    array = np.random.default_rng(3).integers(0, 4096, (1, 50, 60)).astype(np.uint16)
    show(page, served.one("radiograph", array, window=(2048, 3000)))
    drag(page, (500, 400), (530, 400), (560, 370))
    assert where(page) == "window 1748 / 3600"
    assert np.array_equal(grey(page, "image"), apply_window(array[0], (1748, 3600)))
    fitted = _matrix(page, "image")
    page.mouse.wheel(0, -300)
    settle(page)
    assert _matrix(page, "image")[0] == pytest.approx(fitted[0] * np.exp(0.5), rel=1e-3)
    page.mouse.dblclick(500, 400)
    settle(page)
    assert _matrix(page, "image") == fitted


def test_the_address_keeps_place_window_and_layout(page: Page, served: Served) -> None:
    array = np.zeros((20, 32, 32), np.int16)
    url = served.one("kept", array, start=3, affine=AXIAL, presets=(Preset("bone", 300, 1500),))
    show(page, url)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("1")
    page.keyboard.press("p")
    page.wait_for_url(re.compile("at=.*_4_16_16_300_1500_pa"))
    show(page, page.url)
    assert where(page) == "Slice 5 of 20 · H 110.0 mm · window 300 / 1500"
    assert page.locator(".view").count() == 3
    other = served.one("another", array[:9], start=3, affine=AXIAL)
    show(page, other + "?" + page.url.split("?")[1])
    assert where(page).startswith("Slice 4 of 9")


def test_fingers_scroll_pinch_and_pan(browser: Browser, served: Served) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    page = context.new_page()
    show(page, served.one("fingers", np.zeros((30, 64, 64), np.int16), start=9))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    wire = context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    box = page.locator(".view").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch("touchStart", (x, y))
    touch("touchMove", (x, y + 30))
    touch("touchMove", (x, y + 80))
    touch("touchEnd")
    assert where(page).startswith("Slice 15 of 30")
    before = _matrix(page, "image")
    touch("touchStart", (x - 40, y), (x + 40, y))
    touch("touchMove", (x - 60, y), (x + 60, y))
    touch("touchMove", (x - 80, y + 10), (x + 80, y + 10))
    touch("touchEnd")
    settle(page)
    after = _matrix(page, "image")
    assert after[0] == pytest.approx(before[0] * 2, rel=0.02)
    assert where(page).startswith("Slice 15 of 30")
    middle = np.array([after[0] * 32 + after[4], after[3] * 32 + after[5]])
    assert middle == pytest.approx(np.array([box["width"] / 2, box["height"] / 2 + 10]), abs=2)
    context.close()


def test_the_shown_slab_comes_first_and_failures_are_tried_again(page: Page, served: Served) -> None:
    array = np.zeros((40, 16, 16), np.uint8)
    layer = served.layer("reader", {20: np.ones((16, 16), dtype=bool)}, "order")
    url = served.one("order", array, start=20, layers=(layer,))
    served.refused["/slabs/order/3"] = [503, 503]
    served.asked.clear()
    show(page, url)
    assert served.asked[0] == "/slabs/order/2"
    assert layer.address in served.asked[1:4]  # they are asked for together
    assert sorted(served.asked)[1:] == [f"/slabs/order/{i}" for i in (0, 1, 2, 3, 3, 3, 4)]


def test_what_comes_next_is_fetched_last_and_kept(page: Page, served: Served) -> None:
    array = np.zeros((20, 16, 16), np.uint8)
    then = served.one("then shown", array)
    ahead = tuple(f"/slabs/then shown/{slab}" for slab in (1, 0, 2))
    served.one("before", array)
    served.scenes["before"] = replace(served.scenes["before"], prefetch=ahead)
    served.asked.clear()
    page.goto(then.replace("then shown", "before"))
    page.wait_for_function("() => performance.getEntriesByType('resource').length >= 6")
    page.wait_for_timeout(300)
    assert sorted(served.asked[:3]) == [f"/slabs/before/{slab}" for slab in range(3)]
    assert tuple(served.asked[3:]) == ahead
    page.evaluate("(scene) => window.show(scene)", served.scenes["then shown"].as_dict())
    page.wait_for_selector(".viewer[data-loaded]")
    assert len(served.asked) == 6


@pytest.mark.parametrize(
    ("status", "said"), [(410, "no longer valid"), (403, "no longer valid"), (404, "be loaded")]
)
def test_a_refused_address_says_what_to_do(status: int, said: str, page: Page, served: Served) -> None:
    url = served.one(f"refused-{status}", np.zeros((2, 16, 16), np.uint8))
    served.refused[f"/slabs/refused-{status}/0"] = [status]
    page.goto(url)
    expect(page.get_by_role("alert")).to_contain_text(said)
    page.get_by_role("alert").get_by_role("button").click()
    page.wait_for_selector(".viewer[data-loaded]")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_masks_that_are_gone_are_told_and_hold_up_no_picture(page: Page, served: Served) -> None:
    layer = served.layer("reader", {1: np.ones((16, 16), dtype=bool)}, "gone")
    url = served.one("gone", np.zeros((20, 16, 16), np.uint8), layers=(layer,))
    served.refused[layer.address] = [404]
    show(page, url)
    expect(page.get_by_role("alert")).to_contain_text("could not be loaded")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    settle(page)
    assert rgba(page, ".sharp").any()


def test_a_changed_scene_keeps_the_place_and_fetches_only_what_is_new(page: Page, served: Served) -> None:
    array = np.random.default_rng(2).integers(0, 200, (24, 20, 20)).astype(np.uint8)
    show(page, served.one("changed", array, start=3))
    page.keyboard.press("End")
    drag(page, (500, 400), (540, 400))
    window = where(page).split("window ")[1]
    scene = served.scenes["changed"]
    layer = served.layer("reader", {23: np.ones((20, 20), dtype=bool)}, "changed", filled=True)
    served.asked.clear()
    pane = replace(scene.panes[0], layers=(layer,))
    page.evaluate("(scene) => window.show(scene)", replace(scene, panes=(pane,)).as_dict())
    page.wait_for_selector(".viewer[data-loaded]")
    expect(page.locator("[data-group=reader]")).to_be_visible()
    page.wait_for_function("() => true")
    assert where(page) == f"Slice 24 of 24 · window {window}"
    page.evaluate("window.leave()")
    page.evaluate("(scene) => window.show(scene)", scene.as_dict())
    page.wait_for_selector(".viewer[data-loaded]")
    assert served.asked == [layer.address]


def test_heat_maps_are_shown_or_asked_for(page: Page, served: Served) -> None:
    array = np.zeros((3, 32, 32), np.uint8)
    heat = np.linspace(0, 255, 64).reshape(8, 8).astype(np.uint8)
    picture = served.picture("heat", array)
    pane = Pane("heat", "heat", (picture,), ("heat", 1), heats=(served.heat("cyst", "heat", 1, heat),))
    show(page, served.scene("heat", pane))
    page.keyboard.press("h")
    page.wait_for_selector("canvas[data-heat=image]:not([hidden])")
    settle(page)
    assert np.array_equal(rgba(page, "canvas[data-heat=image]")[..., 3], heat)
    assert np.array_equal(rgba(page, "canvas[data-heat=image]")[7, 7], (254, 232, 56, 255))
    page.keyboard.press("ArrowDown")
    settle(page)
    expect(page.locator("canvas[data-heat=image]")).to_be_hidden()
    show(page, served.one("no heat", array, can_ask_heat=True))
    page.keyboard.press("h")
    assert page.evaluate("window.asked") == [["ask", "heat"]]
    pane = replace(served.scenes["no heat"].panes[0], heats=(served.heat("cyst", "no heat", 2, heat),))
    page.evaluate("(scene) => window.show(scene)", replace(served.scenes["no heat"], panes=(pane,)).as_dict())
    page.wait_for_selector("canvas[data-heat=image]:not([hidden])")
    assert where(page).startswith("Slice 3 of 3")


def test_two_panes_move_together_in_the_patient(page: Page, served: Served) -> None:
    now = served.picture("now", np.zeros((20, 32, 32), np.int16), affine=AXIAL)
    finer = (*AXIAL[:8], 1.25, 0.0, 0.0, 95.0, *AXIAL[12:])
    then = served.picture("then", np.zeros((44, 32, 32), np.int16), affine=finer)
    panes = (Pane("a", "Now", (now,), ("now", 0)), Pane("b", "Then", (then,), ("then", 30)))
    show(page, served.scene("two", *panes))
    page.locator(".view").first.hover()
    for _ in range(4):
        page.mouse.wheel(0, 100)
    page.keyboard.press("i")
    settle(page)
    said = page.locator(".where").all_text_contents()
    assert said == [
        "Slice 5 of 20 · H 110.0 mm · window 40 / 400",
        "Slice 13 of 44 · H 110.0 mm · window 40 / 400",
    ]
    drag(page, (200, 400), (260, 400))
    assert [text.split("window ")[1] for text in page.locator(".where").all_text_contents()] == ["40 / 480"] * 2
    page.get_by_role("button", name="Linked").click()
    page.locator(".view").last.hover()
    page.mouse.wheel(0, 100)
    settle(page)
    assert [text[:8] for text in page.locator(".where").all_text_contents()] == ["Slice 5 ", "Slice 14"]


def test_pictures_of_a_pane_are_chosen_and_cross_each_other(page: Page, served: Served) -> None:
    axial = served.picture("ax", np.zeros((10, 32, 32), np.uint8), affine=AXIAL)
    higher = (*SAGITTAL[:11], 140.0, *SAGITTAL[12:])
    sagittal = served.picture("sag", np.zeros((40, 128, 80), np.uint8), affine=higher, title="Sagittal T2")
    line = Line("model", "ax", 4, ((5.0, 5.0), (5.0, 25.0)), "Canal 12 mm")
    pane = Pane("spine", "Spine", (axial, sagittal), ("ax", 4), lines=(line,))
    show(page, served.scene("spine", pane))
    drawn = rgba(page, ".sharp")
    x, _ = on_screen(page, "axial", 28, (0.9 * 20 - 30 + 20) / 0.8)
    box: dict[str, float] = dict(page.locator(".view").bounding_box() or {})
    column = drawn[:, round(x - box["x"]) - 2 : round(x - box["x"]) + 3, 3]
    assert column.any(axis=1).sum() > 0.3 * len(column)
    page.get_by_role("button", name="Sagittal T2").click()
    assert where(page).startswith("Slice 21 of 40")
    assert letters(page, "sagittal") == "A P H F"


def _controls(page: Page) -> Iterator[Locator]:
    yield from page.locator(".viewer :is(button, input, select, summary)").all()


def test_every_control_has_a_name(page: Page, served: Served) -> None:
    layers = tuple(
        served.layer(group, {0: np.ones((16, 16), dtype=bool)}, "named", name=name)
        for group in ("a", "b") for name in ("disc", "canal")
    )  # fmt: skip
    presets = (Preset("bone", 300, 1500),)
    show(page, served.one("named", np.zeros((4, 16, 16), np.uint8), layers=layers, presets=presets, affine=AXIAL))
    page.keyboard.press("d")
    named = [
        control.evaluate(
            "(one) => (one.getAttribute('aria-label') || one.labels?.[0]?.textContent || one.textContent).trim()"
        )
        for control in _controls(page)
    ]
    assert len(named) > 25
    assert "" not in named
    assert "Second of the compared" in named


def test_javascript_stays_small_and_its_words_are_listed() -> None:
    sent = {name: len(contents) for name, contents in files().items() if name.endswith(".js")}
    assert sum(sent.values()) < SIZE_BYTES
    code = "".join(path.read_text() for path in FOLDER.glob("*.js"))
    said = set(re.findall(r'(?<![.\w])(?:t|toggle)\("([^"]+)"', code))
    tools = re.search(r"TOOLS = \[(.+?)\]", code)
    assert tools is not None
    assert said | set(re.findall(r'"(\w+)"', tools[1])) == set(WORDS)


@pytest.fixture(scope="module")
def streamlit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    script = tmp_path_factory.mktemp("page") / "page.py"
    script.write_text(SCRIPT)
    port = free_port()
    code = f"from tests.viewer_scenes import serve_streamlit; serve_streamlit({port}, {str(script)!r})"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{url}/_stcore/health")
        yield url
    finally:
        process.terminate()
        process.wait(10)


def test_in_streamlit_nothing_is_sent_for_wheel_drag_and_keys(page: Page, streamlit: str) -> None:
    frames: list[int] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: frames.append(len(frame))))
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(len(frame))))
    page.goto(streamlit)
    page.wait_for_selector(".viewer[data-loaded]")
    page.wait_for_timeout(700)
    assert frames
    frames.clear()
    page.locator(".view").hover()
    for _ in range(6):
        page.mouse.wheel(0, 100)
    drag(page, (500, 300), (520, 310), (540, 320))
    for key in ("i", "m", "p", "p", "ArrowDown", "w", "f"):
        page.keyboard.press(key)
    page.wait_for_url(re.compile("at="))
    page.wait_for_timeout(500)
    assert where(page).startswith("Slice 13 of 24")
    assert frames == []
    page.get_by_role("button", name="again").click()
    expect(page.get_by_text("runs 2, asked ''")).to_be_visible()
    assert where(page).startswith("Slice 13 of 24")
    assert "at=" in page.url
    page.locator(".view").hover()
    page.keyboard.press("h")
    expect(page.get_by_text("asked 'heat'")).to_be_visible()
    assert where(page).startswith("Slice 13 of 24")
