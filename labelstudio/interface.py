"""A form as Label Studio's interface XML: the pages at the left, the questions in a column at their right."""

from __future__ import annotations

import math
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from data.answers import STUDY, Choice, Findings, Form, Grade, Mask, Measurement, Question, Site
from data.errors import ConfigError

IMAGE = "image"
REMARK = "remark"
"""The control for what a reader writes beside the answers."""
REMARK_TITLE = "Remark: why it cannot be read, or why you decide so"
DECLINE = "decline"
"""The control with which a reader declines a case: where a task is opened by itself, no button skips it."""
DECLINED = "This case cannot be read"
COLOURS = (
    "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#CC79A7", "#D55E00", "#0072B2", "#999999",
    "#CC6677", "#88CCEE", "#44AA99", "#DDCC77", "#AA4499", "#117733", "#882255", "#332288",
)  # fmt: skip
"""Told apart by colour-blind eyes as well: Okabe and Ito (2008), the eighth grey for a dark page; then Tol's muted
scheme (SRON/EPS/TN/09-002, 2021), for forms with many labels."""
STYLE = """
.consilium { display: flex; gap: 16px; align-items: flex-start; }
.consilium-pages { flex: 1 1 auto; min-width: 0; }
.consilium-questions { flex: 0 0 300px; max-height: 88vh; overflow-y: auto; padding-right: 8px; }
.consilium-question { margin-bottom: 16px; padding-bottom: 8px; border-bottom: 1px solid rgba(128,128,128,.25); }
"""
SIZES = {"label": "20px", "task": "13px", "question": "15px", "site": "13px"}


@dataclass(frozen=True, slots=True)
class Control:
    """The control that asks one question at one site. ``name`` is its ``from_name`` in Label Studio's results."""

    name: str
    question: Question
    site: Site


def controls(form: Form) -> dict[str, Control]:
    """Every control of a form by its name: ``question`` for the study, ``question__<site's slug>`` elsewhere.

    A mask is one control: its pages are told apart by Label Studio's ``item_index``.

    Raises
    ------
    ConfigError
        Two controls would have one name.
    """
    found: dict[str, Control] = {}
    for question in form.questions:
        for site in (STUDY,) if isinstance(question.kind, Mask) else question.sites:
            name = question.name if site == STUDY else f"{question.name}__{site.slug}"
            if name in found or name in (IMAGE, REMARK, DECLINE):
                raise ConfigError(
                    "Two controls of the interface have one name.",
                    given=name,
                    expected="a name of its own for every question and site",
                    do="rename the question",
                )
            found[name] = Control(name, question, site)
    return found


def interface(form: Form, *, pages: int, title: str) -> str:
    """The interface of a form.

    Parameters
    ----------
    pages:
        How many pages a study has: 1 for an image, more for a stack that is paged through.
    title:
        Of the clinical task, above the questions.

    Returns
    -------
    str
        XML. A task's data hold ``image`` (one page) or ``images`` (several), and ``label``, the pseudonym.

    Raises
    ------
    ConfigError
        Two controls would have one name, or a condition's option holds a comma, which Label Studio splits at.
    """
    root = ET.Element("View")
    ET.SubElement(root, "Style").text = STYLE
    row = ET.SubElement(root, "View", className="consilium")
    left = ET.SubElement(row, "View", className="consilium-pages")
    right = ET.SubElement(row, "View", className="consilium-questions")
    _header(right, "$label", "label")
    _header(right, title, "task")
    ET.SubElement(left, "Image", {"name": IMAGE, **_source(pages), **_view()})
    by_question: dict[str, list[Control]] = {}
    for control in controls(form).values():
        by_question.setdefault(control.question.name, []).append(control)
    asked = ET.SubElement(
        right, "View", visibleWhen="choice-unselected", whenTagName=DECLINE, whenChoiceValue=DECLINED
    )
    for question in form.questions:
        place = _conditions(asked, form, question)
        block = ET.SubElement(place, "View", className="consilium-question")
        _header(block, _heading(question), "question")
        for control in by_question[question.name]:
            if control.site != STUDY:
                _header(block, site_title(control.site), "site")
            _control(block, control)
    _remark(right)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode")


def site_title(site: Site) -> str:
    """A site in words, such as ``L4/L5, left``, ``Page 3`` (from 1) or ``Lesion 2``."""
    kind, _, rest = site.key.partition(":")
    if site.page_index is not None:
        return f"Page {site.page_index + 1}"
    return rest.replace(":", ", ") if kind == "level" else f"{kind.capitalize()} {rest}".strip()


def _header(parent: ET.Element, text: str, role: str) -> None:
    faint = "" if role in ("label", "question") else "; opacity: 0.7"
    gap = "16px" if role == "task" else "6px"
    style = f"font-size: {SIZES[role]}; line-height: 1.3; margin: 0 0 {gap} 0{faint}"
    ET.SubElement(parent, "Header", value=text, size="5", style=style)


def _source(pages: int) -> dict[str, str]:
    return {"valueList": "$images"} if pages > 1 else {"value": "$image"}


def _view() -> dict[str, str]:
    on = ("zoom", "zoomControl", "brightnessControl", "contrastControl")
    return {**dict.fromkeys(on, "true"), "rotateControl": "false", "defaultZoom": "fit", "smoothing": "true"}


def _heading(question: Question) -> str:
    return f"{question.title} ({question.kind.unit})" if isinstance(question.kind, Measurement) else question.title


def _conditions(parent: ET.Element, form: Form, question: Question) -> ET.Element:
    """Views, one in the other, that show a question only where it is asked."""
    if question.asked_if is None:
        return parent
    earlier, option = question.asked_if
    if "," in option:
        raise ConfigError(
            "That option cannot be a condition in Label Studio.",
            given=option,
            expected="an option without a comma",
            do="rename the option",
        )
    place = _conditions(parent, form, form[earlier])
    return ET.SubElement(
        place,
        "View",
        visibleWhen="choice-selected",
        whenTagName=earlier,
        whenChoiceValue=option,
    )


def _control(parent: ET.Element, control: Control) -> None:
    kind, title = control.question.kind, control.question.title
    named = {"name": control.name, "toName": IMAGE}
    needed = {"required": "true", "requiredMessage": f"Please answer: {title}"}
    if control.question.drawn_in:  # asked of the lesions that are drawn: the form is checked when it is fetched
        needed = {}
    match kind:
        case Choice(options):
            _choices(parent, {**named, **needed, "choice": "single", "showInline": "false"}, options)
        case Grade(levels):
            _choices(parent, {**named, **needed, "choice": "single", "showInline": "false"}, levels)
        case Findings(labels):
            _choices(parent, {**named, "choice": "multiple", "showInline": "false"}, labels)
        case Mask(labels):
            brush = ET.SubElement(parent, "BrushLabels", {**named, "showInline": "false"})
            for index, label in enumerate(labels):
                ET.SubElement(brush, "Label", value=label, background=COLOURS[index % len(COLOURS)])
        case Measurement(_, low, high):
            bounds = {key: _plain(n) for key, n in (("min", low), ("max", high)) if math.isfinite(n)}
            ET.SubElement(parent, "Number", {**named, **needed, **bounds, "step": "any"})


def _remark(parent: ET.Element) -> None:
    block = ET.SubElement(parent, "View", className="consilium-question")
    _choices(block, {"name": DECLINE, "toName": IMAGE, "choice": "multiple", "showInline": "false"}, (DECLINED,))
    _header(block, REMARK_TITLE, "site")
    more = {"rows": "2", "maxSubmissions": "1", "editable": "true", "showSubmitButton": "false"}
    ET.SubElement(block, "TextArea", {"name": REMARK, "toName": IMAGE, **more})


def _choices(parent: ET.Element, attributes: dict[str, str], options: tuple[str, ...]) -> None:
    group = ET.SubElement(parent, "Choices", attributes)
    for option in options:
        ET.SubElement(group, "Choice", value=option)


def _plain(number: float) -> str:
    return f"{number:.10f}".rstrip("0").rstrip(".")
