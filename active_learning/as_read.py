"""A model's answer in the form in which a reader gives one, so that both can be compared and counted alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from data.answers import STUDY, Answer, Findings, Form, Mask, MaskValue, Site
from data.blobs import Blobs
from data.errors import AnswerError


def as_read(
    form: Form, answers: Iterable[Answer], shapes: Sequence[tuple[int, int]], blobs: Blobs
) -> tuple[Answer, ...]:
    """A model's answers in the form in which a reader gives them.

    Questions that are not asked by the others are left out; outlines stand page by page, empty ones nowhere;
    findings are there with nothing present.

    Parameters
    ----------
    shapes:
        (rows, columns) of each page.

    Raises
    ------
    AnswerError
        A value does not fit the form, or an outline not its pages.
    """
    given = list(answers)
    at_study = {a.question: a.value for a in given if a.site == STUDY}
    asked = [a for a in given if form.asked(form[a.question], at_study)]
    values = [a for a in asked if not isinstance(form[a.question].kind, Mask)]
    outlines = [a for a in asked if isinstance(form[a.question].kind, Mask)]
    there = {(a.question, a.site) for a in values}
    values += [
        Answer(question.name, site, frozenset())
        for question in form.questions
        if isinstance(question.kind, Findings) and form.asked(question, at_study)
        for site in question.sites
        if (question.name, site) not in there
    ]
    return form.check([*values, *(page for a in outlines for page in _pages(a, shapes, blobs))])


def _pages(answer: Answer, shapes: Sequence[tuple[int, int]], blobs: Blobs) -> list[Answer]:
    """An outline, one answer for each page that has something on it."""
    value = answer.value
    if not isinstance(value, MaskValue):
        raise AnswerError("That is no outline.", given=repr(value), expected="masks", do="correct the value")
    first = answer.site.page_index or 0
    stack = (1, *value.shape) if len(value.shape) == 2 else value.shape
    if [tuple(s) for s in shapes[first : first + stack[0]]] != [tuple(stack[1:])] * stack[0]:
        raise AnswerError(
            f"The outline of {answer.question} does not fit its pages.",
            given=f"{value.shape} at {answer.site.key}", expected=f"{[tuple(s) for s in shapes]}",
            do="give it in the pages' native pixels",
        )  # fmt: skip
    found: dict[int, list[tuple[str, str]]] = {}
    for label, blob in value.masks:
        for offset, page in enumerate(blobs.get_mask(blob, stack)):
            if page.any():
                found.setdefault(first + offset, []).append((label, blobs.put_mask(page)))
    rows_columns = tuple(stack[1:])
    return [
        Answer(answer.question, Site.page(page), MaskValue(rows_columns, tuple(sorted(masks))))
        for page, masks in found.items()
    ]
