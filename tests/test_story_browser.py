"""A new radiologist in a real Chromium, through the real Label Studio: corrected by brush, seen, accepted."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import numpy as np
import pytest
from label_studio_sdk.converter.brush import decode_rle
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from data.answers import MaskValue
from labelstudio.client import LabelStudioClient
from labelstudio.server import LabelStudioServer
from tests.chromium import need_chromium
from tests.labelstudio_server import home_beside
from tests.served_home import Served, announced, opened, running
from tests.story_home import PAGE, SHAPE, TASK, Story, story
from tests.test_viewer_canvas import READ, settle

pytestmark = [pytest.mark.browser, pytest.mark.labelstudio]
READER = "story-new"
MOST_ACTS = 8
"""Clicks and keys from the first page to the first corrected case."""


@pytest.fixture(scope="module")
def made(
    label_server: LabelStudioServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Story, Served]]:
    """A home with two cases for a reader on the labelling server, served with its worker."""
    need_chromium()
    home = home_beside(label_server, tmp_path_factory.mktemp("story") / "home")
    with announced(home) as port:
        told = story(home, label_server, reader=READER)
        with running(home, port=port) as served:
            yield told, served


class Hand:
    """Clicks, strokes and keys of a reader, counted."""

    def __init__(self) -> None:
        self.acts = 0

    def key(self, page: Page, key: str) -> None:
        """Press a key."""
        self.acts += 1
        page.keyboard.press(key)

    def click(self, page: Page, text: str) -> None:
        """Click the last thing that says this."""
        self.acts += 1
        page.get_by_text(text, exact=True).last.click()

    def submit(self, page: Page) -> None:
        """Click Label Studio's button."""
        self.acts += 1
        page.get_by_role("button", name="Submit").click()

    def stroke(self, page: Page, along: tuple[tuple[float, float], ...]) -> None:
        """Draw over the page of the editor, along places in shares of its width and height."""
        self.acts += 1
        box = page.locator("canvas").first.bounding_box()
        assert box is not None
        for number, (x, y) in enumerate(along):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=6 if number else 1)
            if not number:
                page.mouse.down()
        page.mouse.up()


def painted(page: Page) -> NDArray[np.bool_]:
    """Where the viewer's layer of masks has a colour, (rows, columns) in native pixels."""
    rows, columns, text = page.locator("canvas[data-masks=axial]").evaluate(READ)
    pixels = np.frombuffer(base64.b64decode(text), np.uint8).reshape(rows, columns, 4)
    return pixels[..., 3] > 0


def stored_on_the_server(made: Story, server: LabelStudioServer) -> NDArray[np.bool_]:
    """The outline as Label Studio keeps it, by the decoder of Label Studio's own library."""
    with LabelStudioClient(server.url, server.token) as client:
        (row,) = client.task(made.cases[0].external_task or 0).annotations
    (region,) = [r for r in row["result"] if r["type"] == "brushlabels"]
    assert region["item_index"] == PAGE
    alpha = np.array(decode_rle(region["value"]["rle"]), np.uint8).reshape(*SHAPE[1:], 4)[..., 3]
    return alpha > 127


def test_a_case_is_corrected_by_brush_and_the_next_one_is_accepted(
    made: tuple[Story, Served], label_server: LabelStudioServer
) -> None:
    told, served = made
    with opened(served) as page:
        _correct(page, told)
        _see(page, told, stored_on_the_server(told, label_server))
        _accept(page, told)


def _correct(page: Page, made: Story) -> None:
    """From the first page to the first corrected case, in few acts, and on to the next by itself."""
    studies, hand = made.loop.store.studies, Hand()
    first, second = made.cases
    page.goto(f"/?as={READER}&task={TASK}")  # who sits there lands where the work is
    expect(page.get_by_text("0 of 2 read")).to_be_visible()
    expect(page.get_by_role("link", name="Correct in Label Studio")).to_be_visible()
    with page.context.expect_page() as opened:
        hand.key(page, "c")
    editor = opened.value  # signed in already, with the model's answer laid in
    expect(editor.get_by_text(studies.get(first.study_id).label)).to_be_visible()
    hand.click(editor, "lesion_1")
    expect(editor.get_by_text("2 of 3").or_(editor.locator("[value='2']")).first).to_be_visible()
    editor.wait_for_timeout(500)
    hand.stroke(editor, ((0.2, 0.3), (0.35, 0.5), (0.5, 0.4)))
    editor.wait_for_timeout(500)
    hand.submit(editor)
    expect(page.get_by_text("1 of 2 read")).to_be_visible()  # by itself
    assert hand.acts <= MOST_ACTS
    expect(page.get_by_text("your answer has come in")).to_be_visible()
    expect(page.locator(".c-now-read")).to_have_text(studies.get(second.study_id).label)


def _see(page: Page, made: Story, drawn: NDArray[np.bool_]) -> None:
    """What was drawn is what the viewer shows, pixel for pixel, and what is kept."""
    first = made.cases[0]
    assert (drawn & ~made.outline).sum() > 20
    assert (made.outline & ~drawn).sum() == 0
    page.goto(f"/reading?as={READER}&task={TASK}&case={first.request_id}")
    page.wait_for_selector(".viewer[data-loaded]")
    expect(page.get_by_text("Your read")).to_be_visible()
    page.locator(".viewer").click()
    page.keyboard.press("d")
    settle(page)
    assert np.array_equal(painted(page), drawn ^ made.outline)
    (read,) = made.loop.store.reads.annotations(TASK, reader_id=READER)
    assert (read.request_id, read.accepted, read.mode) == (first.request_id, "", first.mode)
    value = next(a.value for a in read.answers if a.question == "lesions")
    assert isinstance(value, MaskValue)
    assert np.array_equal(made.loop.blobs.get_mask(value.masks[0][1], value.shape), drawn)


def _accept(page: Page, made: Story) -> None:
    """The next one is accepted as it is, taken back, and accepted."""
    page.goto(f"/reading?as={READER}&task={TASK}")
    expect(page.get_by_role("button", name="Accept")).to_be_visible()
    page.wait_for_timeout(1100)
    page.keyboard.press("a")
    expect(page.get_by_text("2 of 2 read")).to_be_visible()
    expect(page.get_by_role("button", name="Take back")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text("1 of 2 read")).to_be_visible()
    expect(page.get_by_role("button", name="Accept")).to_be_visible()
    page.wait_for_timeout(1100)
    page.keyboard.press("a")
    expect(page.get_by_text("2 of 2 read")).to_be_visible()
    assert made.loop.pull(made.round.round_id).outstanding == 0
    both = {r.request_id: r for r in made.loop.store.reads.annotations(TASK, reader_id=READER)}
    assert set(both) == {r.request_id for r in made.cases}
    assert both[made.cases[1].request_id].accepted == f"{TASK}-v1"
