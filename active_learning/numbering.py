"""Lesions of several readers under the same numbers, so that what is said of each can be compared.

Readers number what they draw as they come upon it. Before votes are counted, each reader's lesions are matched by
overlap with those of the readers before, in the order of the annotations' ids; a lesion that nobody drew before
gets the next free number. Adjudicators come last, so that a decision meets the numbers that were in dispute. What
is kept stays as the readers gave it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from data.answers import Form
from data.blobs import Blobs
from data.records import Annotation, Purpose
from models.lesions import numbered_alike


def alike(annotations: Iterable[Annotation], form: Form, blobs: Blobs) -> list[Annotation]:
    """The annotations, in their order, with the lesions of each study numbered alike."""
    given = list(annotations)
    drawings = dict.fromkeys(question.drawn_in for question in form.questions if question.drawn_in)
    for drawing in drawings:
        by_study: dict[str, list[int]] = {}
        for index, one in enumerate(given):
            by_study.setdefault(one.study_id, []).append(index)
        for indices in by_study.values():
            order = sorted(
                indices, key=lambda i: (given[i].purpose == Purpose.ADJUDICATION, given[i].annotation_id)
            )
            renumbered = numbered_alike([given[i].answers for i in order], form[drawing], blobs)
            for index, answers in zip(order, renumbered, strict=True):
                given[index] = replace(given[index], answers=answers)
    return given
