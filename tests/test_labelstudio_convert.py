from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.answers import Answer, Choice, Findings, Form, Grade, Mask, MaskValue, Measurement, Question, Site
from data.blobs import Blobs
from data.errors import AnswerError, ForeignAnswerError
from labelstudio.convert import asked_only, declined, from_result, remark_of, remark_to_result, to_result
from labelstudio.masks import encode

STUDY = Site()
LEFT = Site.level("L4/L5", "left")
FORM = Form(
    (
        Question("usable", "Usable?", Choice(("yes", "no"))),
        Question("reasons", "Why not?", Findings(("dark", "bright", "cut off")), asked_if=("usable", "no")),
        Question("stenosis", "Stenosis", Grade(("none", "mild", "severe")), sites=(STUDY, LEFT)),
        Question("ratio", "Ratio", Measurement("%", 10, 90)),
        Question("lesions", "Lesions", Mask(("Lesion 1", "Lesion 2"))),
    )
)
SHAPES = ((20, 30), (20, 30), (40, 24))
BASE = (
    Answer("usable", STUDY, "yes"),
    Answer("stenosis", STUDY, 2),
    Answer("stenosis", LEFT, 0),
    Answer("ratio", STUDY, 48.37),
)


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path)


def _square(page: int, size: int) -> np.ndarray:
    mask = np.zeros(SHAPES[page], dtype=bool)
    mask[3 : 3 + size, 5 : 5 + size] = True
    return mask


def test_every_kind_comes_back(blobs: Blobs) -> None:
    one = MaskValue(SHAPES[0], (("Lesion 1", blobs.put_mask(_square(0, 4))),))
    two = MaskValue(
        SHAPES[2],
        (("Lesion 1", blobs.put_mask(_square(2, 2))), ("Lesion 2", blobs.put_mask(_square(2, 7)))),
    )
    answers = (
        Answer("usable", STUDY, "no"),
        Answer("reasons", STUDY, frozenset({"dark", "cut off"})),
        *BASE[1:],
        Answer("lesions", Site.page(0), one),
        Answer("lesions", Site.page(2), two),
    )
    result = to_result(FORM, answers, SHAPES, blobs)
    assert [r["from_name"] for r in result] == [
        "usable",
        "reasons",
        "stenosis__level__L4_L5__left",
        "stenosis",
        "ratio",
        "lesions",
        "lesions",
        "lesions",
    ]
    assert [r.get("item_index") for r in result[-3:]] == [0, 2, 2]
    assert len({r["id"] for r in result}) == len(result)
    assert result[1]["value"] == {"choices": ["dark", "cut off"]}
    assert from_result(FORM, result, SHAPES, blobs) == FORM.check(answers)


@given(st.integers(0, 2), st.sampled_from(["yes", "no"]), st.floats(10, 90), st.sets(st.sampled_from(["dark"])))
def test_values_come_back(grade: int, usable: str, ratio: float, reasons: set[str]) -> None:
    blobs = Blobs(Path("/nowhere"))  # no masks, so that nothing is kept
    answers = [
        Answer("usable", STUDY, usable),
        Answer("reasons", STUDY, frozenset(reasons)),
        Answer("stenosis", STUDY, grade),
        Answer("stenosis", LEFT, 1),
        Answer("ratio", STUDY, ratio),
    ]
    given = asked_only(FORM, answers)
    result = to_result(FORM, given, SHAPES, blobs)
    assert from_result(FORM, result, SHAPES, blobs) == FORM.check(given)


def test_a_volumes_mask_becomes_pages(blobs: Blobs) -> None:
    stack = np.zeros((3, 8, 6), dtype=bool)
    stack[0, 1, 2] = stack[2, 3:5] = True
    value = MaskValue(stack.shape, (("Lesion 2", blobs.put_mask(stack)),))
    form = Form((FORM["lesions"],))
    shapes = ((8, 6),) * 3
    back = from_result(form, to_result(form, [Answer("lesions", STUDY, value)], shapes, blobs), shapes, blobs)
    assert [a.site.key for a in back] == ["page:0", "page:2"]
    for answer in back:
        assert isinstance(answer.value, MaskValue)
        page = blobs.get_mask(answer.value.masks[0][1], (8, 6))
        np.testing.assert_array_equal(page, stack[answer.site.page_index or 0])


def test_regions_of_one_label_on_one_page_are_united(blobs: Blobs) -> None:
    form = Form((FORM["lesions"],))
    value = MaskValue(SHAPES[1], (("Lesion 1", blobs.put_mask(_square(1, 4))),))
    [region] = to_result(form, [Answer("lesions", Site.page(1), value)], SHAPES, blobs)
    other = deepcopy(region)
    mask = np.zeros(SHAPES[1], dtype=bool)
    mask[5:9, 7:15] = True
    other["value"]["rle"] = encode(mask)
    [answer] = from_result(form, [region, other], SHAPES, blobs)
    assert isinstance(answer.value, MaskValue)
    both = blobs.get_mask(answer.value.masks[0][1], SHAPES[1])
    np.testing.assert_array_equal(both, mask | _square(1, 4))


def test_stale_answers_to_hidden_questions_are_dropped_and_only_these(blobs: Blobs) -> None:
    result = to_result(FORM, BASE, SHAPES, blobs)
    stale = {"from_name": "reasons", "to_name": "image", "type": "choices", "value": {"choices": ["dark"]}}
    assert from_result(FORM, [*result, stale], SHAPES, blobs) == FORM.check(BASE)
    stale["value"] = {"choices": ["too green"]}
    with pytest.raises(ForeignAnswerError, match="too green"):
        from_result(FORM, [*result, stale], SHAPES, blobs)


def _choice(**other: object) -> dict[str, object]:
    return {"from_name": "usable", "to_name": "image", "type": "choices", "value": {"choices": ["yes"]}, **other}


def _brush(**other: object) -> dict[str, object]:
    mask = {"format": "rle", "rle": encode(_square(0, 3)), "brushlabels": ["Lesion 1"]}
    return {
        "from_name": "lesions",
        "to_name": "image",
        "type": "brushlabels",
        "original_width": 30,
        "original_height": 20,
        "image_rotation": 0,
        "item_index": 0,
        "value": mask,
        **other,
    }


@pytest.mark.parametrize(
    ("region", "named"),
    [
        (_choice(from_name="patient_name"), "patient_name"),
        (_choice(to_name="audio"), "audio"),
        (_choice(value={"choices": ["perhaps"]}), "perhaps"),
        (_choice(value={"choices": ["yes", "no"]}), "yes, no"),
        (_choice(value={"choices": "yes"}), "yes"),
        (_choice(type="rating", value={"rating": 3}), "rating"),
        (_brush(original_width=31), "20 rows x 31"),
        (_brush(original_height=None), "None rows"),
        (_brush(item_index=3), "item_index"),
        (_brush(item_index=-1), "item_index"),
        (_brush(image_rotation=90), "90"),
        (_brush(type="polygonlabels"), "polygonlabels"),
        (_brush(value={"format": "rle", "rle": [1, 2], "brushlabels": ["Lesion 1"]}), "2 bytes"),
        (_brush(value={"format": "rle", "rle": encode(_square(0, 3)), "brushlabels": ["Liver"]}), "Liver"),
        ("text", "text"),
    ],
)
def test_what_the_form_does_not_have_is_refused_and_named(blobs: Blobs, region: object, named: str) -> None:
    with pytest.raises(ForeignAnswerError) as caught:
        from_result(FORM, [region], SHAPES, blobs)
    assert named in str(caught.value)


def test_values_out_of_bounds_and_missing_answers_are_refused(blobs: Blobs) -> None:
    result = to_result(FORM, BASE, SHAPES, blobs)
    with pytest.raises(AnswerError, match="stenosis"):
        from_result(FORM, [r for r in result if r["from_name"] != "stenosis"], SHAPES, blobs)
    result[-1]["value"]["number"] = 91
    with pytest.raises(AnswerError, match="91"):
        from_result(FORM, result, SHAPES, blobs)
    with pytest.raises(ForeignAnswerError, match="list"):
        from_result(FORM, {"result": result}, SHAPES, blobs)


def test_a_remark_goes_out_and_comes_back_and_is_no_answer(blobs: Blobs) -> None:
    result = [*to_result(FORM, BASE, SHAPES, blobs), *remark_to_result("the left angle\nis missing")]
    assert remark_of(result) == "the left angle\nis missing"
    assert from_result(FORM, result, SHAPES, blobs) == from_result(FORM, result[:-1], SHAPES, blobs)
    assert (remark_of(result[:-1]), remark_to_result("")) == ("", [])
    assert len(remark_of(remark_to_result("x" * 5000))) == 2000
    assert remark_of([{"from_name": "remark", "value": {"text": "as one text"}}]) == "as one text"
    assert remark_of([{"from_name": "remark", "value": None}, "strange"]) == ""


@pytest.mark.parametrize(("choices", "said"), [(["This case cannot be read"], True), ([], False), (None, False)])
def test_a_reader_declines_in_the_form(choices: list[str] | None, said: bool) -> None:
    region = {"from_name": "decline", "to_name": "image", "type": "choices", "value": {"choices": choices}}
    assert declined([region]) is said
    assert declined("strange") is False


def test_a_mask_of_another_page_is_not_sent(blobs: Blobs) -> None:
    value = MaskValue((20, 30), (("Lesion 1", blobs.put_mask(_square(0, 4))),))
    with pytest.raises(AnswerError, match="does not fit its pages"):
        to_result(FORM, [Answer("lesions", Site.page(2), value)], SHAPES, blobs)
