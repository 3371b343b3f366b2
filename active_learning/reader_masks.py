"""What each reader drew in a study, put together from the pages: a volume of a stack, a plane of an image.

Pages of one volume make one stack, with the distance between them; where a task shows fewer pages than there are
slices, that is their mean distance. Frames without a geometry make a stack without a spacing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from active_learning.mask_agreement import Region, union_box
from active_learning.outlines import MaskRule, joined
from active_learning.votes import counted
from data.answers import STUDY, Answer, Form, MaskValue, Question, Value
from data.blobs import Blobs
from data.errors import AnswerError
from data.pixels import Pixels
from data.records import Annotation, Layout, Mode, Purpose
from models.task import Page

REFERENCE = "reference standard"
"""In the place of a reader's name; no reader's id holds a space."""


@dataclass(frozen=True, slots=True)
class PageStack:
    """Pages of a study that lie in one geometry.

    Parameters
    ----------
    name:
        Of the series.
    pages:
        Their indices among the study's pages, in order.
    spacing_mm:
        (pages, rows, columns), or (rows, columns) of an image; None where it is not known.
    flat:
        Whether it is one image, measured in the plane.
    """

    name: str
    pages: tuple[int, ...]
    spacing_mm: tuple[float, ...] | None = None
    flat: bool = False


Stacks = Mapping[str, Sequence[PageStack]]
"""By study."""
Regions = Mapping[str, Region]
"""By reader."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What the readers of one stack drew.

    Parameters
    ----------
    readers:
        Whose read counts, whether they drew anything or not.
    by_label:
        Of each label that anybody drew, a region a reader; empty where a reader drew none.
    reference:
        By label, what the reference standard holds; without the labels that it does not hold. None where the study
        has none.
    """

    study_id: str
    patient: str
    stack: str
    readers: tuple[str, ...]
    by_label: Mapping[str, Regions]
    reference: Regions | None = None


def stacks_of(pages: Sequence[Page]) -> tuple[PageStack, ...]:
    """The stacks of a study's pages, as :meth:`models.task.ClinicalTask.sources` names them."""
    found = []
    for name, group in groupby(enumerate(pages), key=lambda one: one[1].series.series_id):
        members = list(group)
        series = members[0][1].series
        indices = tuple(index for index, _ in members)
        if series.layout is Layout.IMAGE:
            found += [PageStack(name, (i,), Pixels.page_spacing_mm(series), flat=True) for i in indices]
            continue
        slices = [page.index for _, page in members]
        step = abs(slices[-1] - slices[0]) / (len(slices) - 1) if len(slices) > 1 else 1.0
        spacing = series.spacing_mm
        known = series.layout is Layout.VOLUME and spacing is not None and len(spacing) == 3 and step > 0
        between = (spacing[0] * step, *spacing[1:]) if known and spacing is not None else None
        found.append(PageStack(name, indices, between))
    return tuple(found)


def drawn(
    annotations: Iterable[Annotation],
    form: Form,
    question: Question,
    blobs: Blobs,
    *,
    stacks: Stacks,
    patients: Mapping[str, str] | None = None,
    assisted: bool = False,
    unasked: bool = False,
    reference: Mapping[str, Sequence[Answer]] | None = None,
) -> list[Drawn]:
    """What the readers drew, study by study and stack by stack.

    Parameters
    ----------
    question:
        Whose kind is a Mask.
    stacks:
        The geometry of each study; pages of a study without one make one stack without a spacing.
    patients:
        The patient of each study; without it each study is a patient of its own.
    assisted:
        The reads with the model's answer in view, in place of the independent ones.
    unasked:
        Whether reads count in which the question was not asked: nothing was there to be drawn.
    reference:
        The answers by study that stand for the truth.

    Raises
    ------
    AnswerError
        Masks of one stack have different shapes, or lie on a page that the study does not show.
    """
    by_study: dict[str, list[Annotation]] = {}
    for one in annotations:
        if one.purpose != Purpose.ADJUDICATION and (one.mode == Mode.ASSISTED) == assisted:
            by_study.setdefault(one.study_id, []).append(one)
    found = []
    for study_id, reads in sorted(by_study.items()):
        taken = counted(reads, count_assisted=assisted)
        if not unasked:
            taken = [a for a in taken if form.asked(question, _at_study(a))]
        answers = {a.reader_id: a.answers for a in taken}
        readers = tuple(answers)
        if study_id in (reference or {}):
            answers[REFERENCE] = tuple((reference or {})[study_id])
        if not readers:
            continue
        pages = {reader: _pages(given, question) for reader, given in answers.items()}
        for stack in _stacks(study_id, pages, stacks):
            by_label = {label: of for label in _labels(question) if (of := _regions(label, pages, stack, blobs))}
            whole = Drawn(study_id, (patients or {}).get(study_id, study_id), stack.name, readers, by_label)
            found.append(_parted(whole) if REFERENCE in answers else whole)
    return found


def consensus(regions: Sequence[Region], rule: MaskRule) -> Region:
    """One region of several of one image, at least one; empty where they meet nowhere."""
    box = union_box(regions)
    masks = [region.within(box) for region in regions]
    beyond = int(np.prod(regions[0].shape)) - masks[0].size
    found = joined(masks, rule, beyond=beyond)
    return Region.of(
        found.mask, regions[0].spacing_mm, origin=tuple(side.start for side in box), shape=regions[0].shape
    )


def together(regions: Sequence[Region]) -> Region:
    """All that several regions of one image hold."""
    box = union_box(regions)
    whole = np.logical_or.reduce([region.within(box) for region in regions])
    return Region.of(
        whole, regions[0].spacing_mm, origin=tuple(side.start for side in box), shape=regions[0].shape
    )


def _parted(whole: Drawn) -> Drawn:
    """With the reference taken out of the readers; what it alone holds is there, too."""
    held = {label: of[REFERENCE] for label, of in whole.by_label.items() if of[REFERENCE].pixels}
    by_label = {
        label: {reader: region for reader, region in of.items() if reader != REFERENCE}
        for label, of in whole.by_label.items()
    }
    return replace(whole, by_label=by_label, reference=held)


def _labels(question: Question) -> tuple[str, ...]:
    return getattr(question.kind, "labels", ())


def _at_study(annotation: Annotation) -> dict[str, Value]:
    return {a.question: a.value for a in annotation.answers if a.site == STUDY}


Pages = Mapping[int, MaskValue]
"""By index."""


def _pages(answers: Iterable[Answer], question: Question) -> Pages:
    return {
        index: answer.value
        for answer in answers
        if answer.question == question.name
        and isinstance(answer.value, MaskValue)
        and (index := answer.site.page_index) is not None
    }


def _stacks(study_id: str, pages: Mapping[str, Pages], stacks: Stacks) -> Sequence[PageStack]:
    """The study's stacks, which hold every page that was drawn on."""
    used = sorted({page for of in pages.values() for page in of})
    if study_id not in stacks:
        return [PageStack("", tuple(range(used[-1] + 1)) if used else ())]
    known = {page for stack in stacks[study_id] for page in stack.pages}
    if astray := [page for page in used if page not in known]:
        raise AnswerError(
            "A mask lies on a page that the study does not show.",
            given=f"page {astray[0]} of {study_id}", expected=f"one of {len(known)} pages",
            do="pull the answers again",
        )  # fmt: skip
    return stacks[study_id]


def _regions(label: str, pages: Mapping[str, Pages], stack: PageStack, blobs: Blobs) -> Regions:
    """A region a reader; none at all where nobody drew the label in the stack."""
    marked = {
        reader: {
            place: blobs.get_mask(blob, value.shape)
            for place, page in enumerate(stack.pages)
            if (value := of.get(page)) is not None and (blob := value.blob(label)) is not None
        }
        for reader, of in pages.items()
    }
    shapes = {mask.shape for of in marked.values() for mask in of.values()}
    if not shapes:
        return {}
    if len(shapes) > 1:
        raise AnswerError(
            "Masks of one stack have different shapes.",
            given=f"{', '.join(str(s) for s in sorted(shapes))} in {stack.name}",
            expected="the pages' native pixels",
            do="pull the answers again",
        )
    return {reader: _region(of, shapes.copy().pop(), stack) for reader, of in marked.items()}


def _region(by_place: Mapping[int, NDArray[np.bool_]], shape: tuple[int, ...], stack: PageStack) -> Region:
    whole = shape if stack.flat else (len(stack.pages), *shape)
    if stack.flat:
        return Region.of(by_place.get(0, np.zeros(shape, dtype=bool)), stack.spacing_mm)
    first, last = min(by_place, default=0), max(by_place, default=-1)
    mask = np.zeros((last + 1 - first, *shape), dtype=bool)
    for place, page in by_place.items():
        mask[place - first] = page
    return Region.of(mask, stack.spacing_mm, origin=(first, 0, 0), shape=whole)
