"""What a model outlined and measured, as it is drawn on a page."""

from __future__ import annotations

import numpy as np

from data.answers import STUDY, Form, Mask, MaskValue, Question, Site
from data.blobs import Blobs
from data.home import Home
from data.records import Measured, Prediction, QuestionPrediction
from workbench.outlines import by_page, colours_of, draw, fullest_page
from workbench.pictures import enlarged

FORM = Form((Question("outline", "Outline", Mask(tuple(f"label_{n}" for n in range(16)))),))


def test_outlines_and_lines_are_drawn_where_they_are(home: Home) -> None:
    blobs = Blobs.of(home)
    square = np.zeros((20, 30), dtype=bool)
    square[5:15, 10:20] = True
    value = MaskValue((20, 30), (("label_1", blobs.put_mask(square)),))
    line = Measured("width", STUDY, 9.0, "mm", 3, (((10.0, 2.0), (10.0, 7.0)),))
    results = (QuestionPrediction("outline", Site.page(3), value, {"label_1": 0.9}, 0.1),)
    prediction = Prediction("t", "s", "t-v1", results, "", (line,))
    page = np.full((20, 30), 100, np.uint8)
    drawn = draw(blobs, FORM, page, prediction, 3, (20, 30))
    factor = drawn.shape[1] // 30
    assert drawn.shape == (20 * factor, 30 * factor, 3)
    assert max(drawn.shape) >= 900

    def at(row: float, column: float) -> list[int]:
        return drawn[int((row + 0.5) * factor), int((column + 0.5) * factor)].tolist()

    assert at(10, 15) == at(1, 1) == [100, 100, 100]  # inside, and far away
    edge = drawn[5 * factor : 5 * factor + 3, 12 * factor : 18 * factor]
    colour = colours_of(FORM)["outline", "label_1"]
    assert [int(colour[i : i + 2], 16) for i in (1, 3, 5)] in edge.reshape(-1, 3).tolist()
    assert at(10, 4) == [255, 255, 255]
    plain = draw(blobs, FORM, page, prediction, 2, (20, 30))
    assert np.all(plain == 100)  # nothing is on another page


def test_the_fullest_page_is_shown_first_and_every_label_has_a_colour(home: Home) -> None:
    mask = Blobs.of(home).put_mask(np.ones((2, 2)))
    one, two = (MaskValue((2, 2), tuple((f"label_{n}", mask) for n in range(count))) for count in (1, 2))
    pages = {4: one, 7: two, 9: two}
    results = tuple(
        QuestionPrediction("outline", Site.page(page), value, {}, 0.0) for page, value in pages.items()
    )
    prediction = Prediction("t", "s", "t-v1", results)
    assert set(by_page(prediction)) == {4, 7, 9}
    assert fullest_page(prediction) == 7
    assert fullest_page(None) is None
    assert len(set(colours_of(FORM).values())) == 16


def test_small_pictures_grow_by_whole_factors() -> None:
    assert enlarged(np.zeros((20, 30), np.uint8), 900).shape == (600, 900)
    assert enlarged(np.zeros((20, 30), np.uint8), 30).shape == (20, 30)
