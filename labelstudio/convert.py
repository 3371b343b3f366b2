"""Answers to Label Studio's results and back. Nothing here talks to a server.

The server checks neither names nor values, so that a result is believed only where every part of it fits the form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.answers import (
    STUDY,
    Answer,
    Choice,
    Findings,
    Form,
    Grade,
    Mask,
    MaskValue,
    Measurement,
    Question,
    Site,
    Value,
)
from data.blobs import Blobs
from data.errors import AnswerError, ForeignAnswerError
from labelstudio.interface import DECLINE, DECLINED, IMAGE, REMARK, Control, controls
from labelstudio.masks import decode, encode

LONGEST_REMARK = 2000
"""Characters of a remark that are kept."""
Shapes: TypeAlias = Sequence[tuple[int, int]]
Page: TypeAlias = NDArray[np.bool_]


def to_result(form: Form, answers: Iterable[Answer], shapes: Shapes, blobs: Blobs) -> list[dict[str, Any]]:
    """Answers as a result list, for a prediction or an annotation.

    Parameters
    ----------
    shapes:
        (rows, columns) of each page.
    blobs:
        Where the masks lie. A mask holds at a page, or at the study with one mask (slices, rows, columns) for all.

    Raises
    ------
    AnswerError
        An answer does not fit the form, or a mask not its page.
    """
    names = {(c.question.name, c.site): name for name, c in controls(form).items()}
    result: list[dict[str, Any]] = []
    for answer in form.check(answers):
        kind = form[answer.question].kind
        if isinstance(kind, Mask):
            result += _regions(answer, shapes, blobs)
            continue
        if not answer.value and isinstance(kind, Findings):
            continue  # nothing ticked: the server keeps nothing
        name = names[answer.question, answer.site]
        result.append({"id": name, "from_name": name, "to_name": IMAGE, **_value(kind, answer.value)})
    return result


def _value(kind: Choice | Grade | Findings | Measurement, value: Value) -> dict[str, Any]:
    match kind:
        case Measurement():
            return {"type": "number", "value": {"number": kind.check(value)}}
        case Grade():
            chosen = [kind.levels[kind.check(value)]]
        case Findings():
            chosen = sorted(kind.check(value), key=kind.labels.index)
        case Choice():
            chosen = [kind.check(value)]
    return {"type": "choices", "value": {"choices": chosen}}


def _regions(answer: Answer, shapes: Shapes, blobs: Blobs) -> list[dict[str, Any]]:
    """One region for each label and page that is not empty; in the code's own form."""
    value = answer.value
    if not isinstance(value, MaskValue):
        raise AnswerError("That is no mask.", given=repr(value))
    first = answer.site.page_index or 0
    expected = shapes[first : first + 1] if len(value.shape) == 2 else shapes
    stack = (1, *value.shape) if len(value.shape) == 2 else value.shape
    if [tuple(shape) for shape in expected] != [tuple(stack[1:])] * stack[0]:
        raise AnswerError(
            f"The mask of {answer.question} does not fit its pages.",
            given=f"{value.shape} at {answer.site.key}",
            expected=f"{list(shapes)}",
            do="give masks in the pages' native pixels",
        )
    result: list[dict[str, Any]] = []
    for index, (label, blob) in enumerate(value.masks):
        for offset, page in enumerate(blobs.get_mask(blob, stack)):
            if page.any():
                name = f"{answer.question}-{first + offset}-{index}"
                item = first + offset if len(shapes) > 1 else None
                result.append(_region(name, answer.question, label, item, page))
    return result


def _region(name: str, question: str, label: str, index: int | None, page: Page) -> dict[str, Any]:
    rows, columns = page.shape
    return {
        "id": name,
        "from_name": question,
        "to_name": IMAGE,
        "type": "brushlabels",
        "original_width": columns,
        "original_height": rows,
        "image_rotation": 0,
        **({} if index is None else {"item_index": index}),
        "value": {"format": "rle", "rle": encode(page), "brushlabels": [label]},
    }


def from_result(form: Form, result: Any, shapes: Shapes, blobs: Blobs) -> tuple[Answer, ...]:
    """The answers that an annotation's result list holds, checked against the form.

    Regions of one label on one page are united. A mask comes as one answer for each page that has regions;
    findings come as the empty set where nothing is ticked. Label Studio can keep what was answered before a
    question was hidden again: answers to questions that are not asked are dropped, and these alone.

    Parameters
    ----------
    shapes:
        (rows, columns) of each page.
    blobs:
        Where the masks are kept.

    Raises
    ------
    ForeignAnswerError
        A control, type, label, page, size or rotation that the form does not have.
    AnswerError
        A value that its question does not admit, or an answer that is missing.
    """
    if not isinstance(result, list):
        raise _foreign("list of regions", result, "a list")
    known = controls(form)
    values: list[Answer] = []
    drawn: dict[tuple[str, int], dict[str, Page]] = {}
    for region in result:
        if not isinstance(region, Mapping):
            raise _foreign("region", region, "an object")
        if region.get("from_name") in (REMARK, DECLINE):
            continue
        control = known.get(str(region.get("from_name")))
        if control is None or region.get("to_name") != IMAGE:
            raise _foreign(
                "control", f"{region.get('from_name')} on {region.get('to_name')}", f"one of {', '.join(known)}"
            )
        if isinstance(control.question.kind, Mask):
            _unite(drawn, control.question, region, shapes)
        else:
            value = _read(control, region)
            if value is not None:
                values.append(Answer(control.question.name, control.site, value))
    for (question, page), masks in drawn.items():
        kept = tuple(sorted((label, blobs.put_mask(mask)) for label, mask in masks.items() if mask.any()))
        if kept:
            values.append(Answer(question, Site.page(page), MaskValue(tuple(shapes[page]), kept)))
    given = {(a.question, a.site) for a in values}
    values += [
        Answer(control.question.name, control.site, frozenset())
        for control in known.values()
        if isinstance(control.question.kind, Findings) and (control.question.name, control.site) not in given
    ]
    return form.check(asked_only(form, values), complete=True)


def declined(result: Any) -> bool:
    """Whether the reader said that the case cannot be read."""
    regions = [r for r in result if isinstance(r, Mapping)] if isinstance(result, list) else []
    chosen = [r.get("value") for r in regions if r.get("from_name") == DECLINE]
    return any(isinstance(value, Mapping) and DECLINED in (value.get("choices") or []) for value in chosen)


def decline_to_result() -> list[dict[str, Any]]:
    """That a case cannot be read, as a result list."""
    value = {"choices": [DECLINED]}
    return [{"id": DECLINE, "from_name": DECLINE, "to_name": IMAGE, "type": "choices", "value": value}]


def remark_of(result: Any) -> str:
    """What the reader wrote beside the answers; empty where nothing was written."""
    if not isinstance(result, list):
        return ""
    written = []
    for region in result:
        if isinstance(region, Mapping) and region.get("from_name") == REMARK:
            value = region.get("value")
            lines = value.get("text") if isinstance(value, Mapping) else None
            written += [
                line for line in ([lines] if isinstance(lines, str) else lines or []) if isinstance(line, str)
            ]
    return "\n".join(line.strip() for line in written).strip()[:LONGEST_REMARK]


def remark_to_result(remark: str) -> list[dict[str, Any]]:
    """A remark as a result list; an empty one gives none."""
    if not remark:
        return []
    value = {"text": [remark]}
    return [{"id": REMARK, "from_name": REMARK, "to_name": IMAGE, "type": "textarea", "value": value}]


def asked_only(form: Form, answers: Sequence[Answer]) -> list[Answer]:
    """The answers without those to questions that, by the others, are not asked."""
    at_study = {a.question: a.value for a in answers if a.site == STUDY}
    return [a for a in answers if form.asked(form[a.question], at_study)]


def _read(control: Control, region: Mapping[str, Any]) -> Value | None:
    """The value of a control that draws nothing; None where it was emptied again."""
    kind = control.question.kind
    typed = "number" if isinstance(kind, Measurement) else "choices"
    value = region.get("value")
    if region.get("type") != typed or not isinstance(value, Mapping) or typed not in value:
        raise _foreign(f"type of {control.name}", region.get("type"), typed)
    if isinstance(kind, Measurement):
        return None if value["number"] is None else kind.check(value["number"])
    chosen = value["choices"]
    if not isinstance(chosen, list) or not all(isinstance(option, str) for option in chosen):
        raise _foreign(f"choice in {control.name}", chosen, "a list of texts")
    options = _options(kind)
    strange = [option for option in chosen if option not in options]
    if strange:
        raise _foreign(f"choice in {control.name}", ", ".join(strange), f"one of {', '.join(options)}")
    if isinstance(kind, Findings):
        return frozenset(chosen)
    if len(chosen) > 1:
        raise _foreign(f"choice in {control.name}", ", ".join(chosen), "one option")
    if not chosen:
        return None
    return kind.levels.index(chosen[0]) if isinstance(kind, Grade) else str(chosen[0])


def _options(kind: object) -> tuple[str, ...]:
    match kind:
        case Choice(options) | Grade(options) | Findings(options):
            return options
    return ()


def _unite(
    drawn: dict[tuple[str, int], dict[str, Page]], question: Question, region: Mapping[str, Any], shapes: Shapes
) -> None:
    """Add a brush region to the mask of its label on its page."""
    name = question.name
    value = region.get("value")
    if region.get("type") != "brushlabels" or not isinstance(value, Mapping) or value.get("format") != "rle":
        raise _foreign(f"type of {name}", region.get("type"), "brushlabels, as rle")
    index = region.get("item_index", 0) or 0
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(shapes):
        raise _foreign(f"page of {name} (item_index)", index, f"0 to {len(shapes) - 1}")
    rows, columns = shapes[index]
    size = (region.get("original_height"), region.get("original_width"))
    if size != (rows, columns):
        raise _foreign(f"size of {name}", f"{size[0]} rows x {size[1]} columns", f"{rows} x {columns}")
    if region.get("image_rotation", 0):
        raise _foreign(f"rotation of {name}", region["image_rotation"], "0: read the page upright")
    labels = value.get("brushlabels")
    if not isinstance(labels, list) or len(labels) != 1 or labels[0] not in _labels(question):
        raise _foreign(f"label of {name}", labels, f"one of {', '.join(_labels(question))}")
    try:
        mask = decode(value.get("rle", ()), (rows, columns))
    except AnswerError as error:
        raise _foreign(f"region of {name}", error.given, error.expected) from error
    pages = drawn.setdefault((name, index), {})
    pages[labels[0]] = pages[labels[0]] | mask if labels[0] in pages else mask


def _labels(question: Question) -> tuple[str, ...]:
    return question.kind.labels if isinstance(question.kind, Mask) else ()


def _foreign(what: str, given: object, expected: str) -> ForeignAnswerError:
    return ForeignAnswerError(
        f"The annotation does not fit the form: {what}.",
        given=str(given)[:200],
        expected=expected,
        do="correct the annotation on the labelling server, or withdraw the read and push it again",
    )
