from xml.etree import ElementTree as ET

import pytest
from label_studio_sdk.label_interface import LabelInterface

from data.answers import Choice, Findings, Form, Grade, Mask, Measurement, Question, Site
from data.errors import ConfigError
from labelstudio.interface import controls, interface, site_title

FORM = Form(
    (
        Question("usable", 'Usable, in "your" eyes <&>?', Choice(("yes", "no"))),
        Question("why", "Why not?", Choice(("dark", "other")), asked_if=("usable", "no")),
        Question("dark", "How dark?", Grade(("a bit", "very")), asked_if=("why", "dark")),
        Question("findings", "Findings", Findings(("a < b", "c & d"))),
        Question("stenosis", "Stenosis", Grade(("none", "some")), sites=(Site(), Site.level("L4/L5", "left"))),
        Question("ctr", "Ratio", Measurement("%", 10, 90.5)),
        Question("area", "Area", Measurement("mm²")),
        Question("lesions", "Lesions", Mask(("Lesion 1", "Lesion 2")), sites=(Site.page(0), Site.page(1))),
    )
)


def _parsed(xml: str) -> ET.Element:
    return ET.fromstring(xml)  # noqa: S314 - written here


def _find(root: ET.Element, name: str) -> ET.Element:
    return next(e for e in root.iter() if e.get("name") == name)


def test_every_question_has_its_control() -> None:
    root = _parsed(interface(FORM, pages=1, title="T"))
    kinds = {e.get("name"): e.tag for e in root.iter() if e.get("name")}
    assert kinds == {
        "image": "Image",
        "usable": "Choices",
        "why": "Choices",
        "dark": "Choices",
        "findings": "Choices",
        "stenosis": "Choices",
        "stenosis__level__L4_L5__left": "Choices",
        "ctr": "Number",
        "area": "Number",
        "lesions": "BrushLabels",
        "decline": "Choices",
        "remark": "TextArea",
    }
    assert kinds.keys() - {"image", "decline", "remark"} == controls(FORM).keys()
    assert [e.get("value") for e in _find(root, "findings")] == ["a < b", "c & d"]
    assert _find(root, "findings").get("choice") == "multiple"
    assert _find(root, "findings").get("required") is None
    assert _find(root, "usable").get("required") == "true"
    assert (_find(root, "ctr").get("min"), _find(root, "ctr").get("max")) == ("10", "90.5")
    assert (_find(root, "area").get("min"), _find(root, "area").get("max")) == ("0", None)
    headers = [e.get("value") for e in root.iter("Header")]
    assert headers[:3] == ["$label", "T", 'Usable, in "your" eyes <&>?']
    assert "L4/L5, left" in headers
    assert "Ratio (%)" in headers


def test_label_studios_own_parser_takes_it() -> None:
    parsed = LabelInterface(interface(FORM, pages=3, title="T"))
    assert {control.name for control in parsed.controls} == {*controls(FORM), "decline", "remark"}


def test_a_stack_is_paged_through() -> None:
    one = _parsed(interface(FORM, pages=1, title="T"))
    many = _parsed(interface(FORM, pages=2, title="T"))
    assert _find(one, "image").get("value") == "$image"
    assert _find(many, "image").get("valueList") == "$images"
    assert interface(FORM, pages=2, title="T") == interface(FORM, pages=9, title="T")


def test_conditions_stand_one_in_the_other() -> None:
    root = _parsed(interface(FORM, pages=1, title="T"))
    parents = {child: parent for parent in root.iter() for child in parent}
    element, found = _find(root, "dark"), []
    while element in parents:
        element = parents[element]
        if element.get("visibleWhen"):
            found.append((element.get("whenTagName"), element.get("whenChoiceValue")))
    assert found == [("why", "dark"), ("usable", "no"), ("decline", "This case cannot be read")]


def test_a_case_that_is_declined_asks_nothing_more() -> None:
    root = _parsed(interface(FORM, pages=1, title="T"))
    asked = next(e for e in root.iter() if e.get("visibleWhen") == "choice-unselected")
    inside = {e.get("name") for e in asked.iter() if e.get("name")}
    assert inside == set(controls(FORM))
    assert [e.get("value") for e in _find(root, "decline")] == [asked.get("whenChoiceValue")]


def test_site_titles() -> None:
    sites = (Site.page(2), Site.lesion(2), Site.level("L5/S1"), Site.level("L5/S1", "right"))
    assert [site_title(s) for s in sites] == ["Page 3", "Lesion 2", "L5/S1", "L5/S1, right"]


def test_what_label_studio_cannot_hold_is_refused() -> None:
    twice = Form(
        (
            Question("a", "A", Choice(("x", "y")), sites=(Site.lesion(1),)),
            Question("a__lesion__1", "B", Choice(("x", "y"))),
        )
    )
    with pytest.raises(ConfigError, match="a__lesion__1"):
        controls(twice)
    comma = Form(
        (
            Question("a", "A", Choice(("x, z", "y"))),
            Question("b", "B", Choice(("x", "y")), asked_if=("a", "x, z")),
        )
    )
    with pytest.raises(ConfigError, match="comma"):
        interface(comma, pages=1, title="T")
