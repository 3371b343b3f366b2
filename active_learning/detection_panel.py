"""How far readers agree on which lesions there are, pair by pair and each against the consensus of the others.

A lesion stands by the others where more than half of them drew it, each reader's lesions numbered alike before
(:mod:`active_learning.numbering`). Against those, or against a reference standard, a reader has a sensitivity,
and false positives a study. A read in which no outline was asked for, since there was nothing, found nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from active_learning.detections import Counted, against, between, match
from active_learning.mask_agreement import Region
from active_learning.numbering import alike
from active_learning.outlines import MaskRule
from active_learning.panel import DRAWS, Figures
from active_learning.reader_masks import REFERENCE, Drawn, Stacks, consensus, drawn
from data.answers import Answer, Form, Mask, Question
from data.blobs import Blobs
from data.records import Annotation, Mode, Purpose
from models.lesions import SAME_IOU
from models.metrics import Measure


@dataclass(frozen=True, slots=True)
class Detected:
    """Two sides of detections.

    Parameters
    ----------
    first, second:
        A reader, and another one or the consensus.
    studies, patients:
        That both read.
    matched, only_first, only_second:
        Lesions that both found, and that one alone found.
    figures:
        Between readers ``agreement``; against the consensus ``sensitivity`` and ``false_positives_per_study``; of
        both ``matched_dice``, the mean Dice of the matched. Undefined ones are missing.
    """

    first: str
    second: str
    studies: int
    patients: int
    matched: int
    only_first: int
    only_second: int
    figures: Figures

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "first": self.first, "second": self.second, "studies": self.studies, "patients": self.patients,
            "matched": self.matched, "only_first": self.only_first, "only_second": self.only_second,
            **{name: figure.as_dict() for name, figure in self.figures.items()},
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class DetectionPanel:
    """All readers of one question of single lesions.

    Parameters
    ----------
    least_iou:
        Above it two lesions are the same.
    against:
        What readers are compared with: the reference standard, or the others' consensus by a rule.
    agreement:
        Over all pairs of readers.
    """

    question: str
    studies: int
    patients: int
    least_iou: float
    against: str
    agreement: Detected
    pairs: tuple[Detected, ...]
    readers: tuple[Detected, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "studies": self.studies, "patients": self.patients, "least_iou": self.least_iou,
            **{name: one.as_dict() for name, one in self.agreement.figures.items()},
            "pairs": [pair.as_dict() for pair in self.pairs], "reference": self.against,
            "readers": [reader.as_dict() for reader in self.readers],
        }  # fmt: skip


def detection_panels(
    annotations: Iterable[Annotation],
    form: Form,
    blobs: Blobs,
    *,
    stacks: Stacks,
    patients: Mapping[str, str] | None = None,
    assisted: bool = False,
    rule: MaskRule = MaskRule.MAJORITY,
    reference: Mapping[str, Sequence[Answer]] | None = None,
    least_iou: float = SAME_IOU,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, DetectionPanel]:
    """Measure what a panel found, by question, for the masks whose labels are single lesions.

    Parameters
    ----------
    stacks, patients, assisted, rule, reference, draws, seed:
        As in :func:`active_learning.mask_panel.mask_panels`.
    least_iou:
        As in :func:`active_learning.detections.match`.

    Raises
    ------
    AnswerError
        Masks of one stack have different shapes, or lie on a page that the study does not show.
    """
    given = list(annotations)
    found = {}
    for name in dict.fromkeys(question.drawn_in for question in form.questions if question.drawn_in):
        question = form[name]
        assert isinstance(question.kind, Mask)  # noqa: S101 - the form was checked when it was made
        as_given, numbered = (
            drawn(
                reads, form, question, blobs,
                stacks=stacks, patients=patients, assisted=assisted, unasked=True, reference=reference,
            )
            for reads in (given, given if reference is not None else _numbered(given, form, blobs, assisted))
        )  # fmt: skip
        found[name] = _panel(question, as_given, numbered, rule, reference is not None, least_iou, draws, seed)
    return found


def _numbered(given: Sequence[Annotation], form: Form, blobs: Blobs, assisted: bool) -> list[Annotation]:
    """The reads of one kind numbered alike: those of the other kind have no say in the numbers."""
    kind = [a for a in given if a.purpose != Purpose.ADJUDICATION and (a.mode == Mode.ASSISTED) == assisted]
    return alike(kind, form, blobs)


def _panel(
    question: Question,
    as_given: Sequence[Drawn],
    numbered: Sequence[Drawn],
    rule: MaskRule,
    referred: bool,
    least_iou: float,
    draws: int,
    seed: int,
) -> DetectionPanel:
    readers = sorted({reader for one in as_given for reader in one.readers})
    pairs, every = [], []
    for first, second in combinations(readers, 2):
        counted = [
            _count(one, _lesions(one, first), _lesions(one, second), least_iou)
            for one in as_given
            if first in one.readers and second in one.readers
        ]
        every += counted
        pairs.append(_detected(first, second, counted, between(counted), draws, seed))
    beside = REFERENCE if referred else f"{rule} of the other readers"
    alone = []
    for reader in readers:
        counted = [
            _count(own, _lesions(own, reader), other, least_iou)
            for own, others in zip(as_given, numbered, strict=True)
            if reader in own.readers and (other := _standing(others, reader, rule, referred)) is not None
        ]
        alone.append(_detected(reader, beside, counted, against(counted), draws, seed))
    return DetectionPanel(
        question.name,
        len({one.study_id for one in as_given}),
        len({one.patient for one in as_given}),
        least_iou,
        beside,
        _detected("", "", every, between(every), draws, seed),
        tuple(pairs),
        tuple(alone),
    )


def _lesions(one: Drawn, reader: str) -> list[Region]:
    return [of[reader] for of in one.by_label.values() if of[reader].pixels]


def _standing(one: Drawn, reader: str, rule: MaskRule, referred: bool) -> list[Region] | None:
    """The lesions that a reader is compared with; None where there is nobody to say."""
    if referred:
        return None if one.reference is None else list(one.reference.values())
    others = [name for name in one.readers if name != reader]
    if not others:
        return None
    found = []
    for of in one.by_label.values():
        marked = [of[name] for name in others if of[name].pixels]
        if 2 * len(marked) > len(others) and (region := consensus(marked, rule)).pixels:
            found.append(region)
    return found


def _count(one: Drawn, first: Sequence[Region], second: Sequence[Region], least_iou: float) -> Counted:
    return Counted(one.study_id, one.patient, match(first, second, least_iou=least_iou))


def _detected(
    first: str,
    second: str,
    counted: Sequence[Counted],
    measures: Mapping[str, Measure | None],
    draws: int,
    seed: int,
) -> Detected:
    return Detected(
        first,
        second,
        len({one.study_id for one in counted}),
        len({one.patient for one in counted}),
        sum(len(one.matching.pairs) for one in counted),
        sum(len(one.matching.only_first) for one in counted),
        sum(len(one.matching.only_second) for one in counted),
        {name: m.metric(draws, seed) for name, m in measures.items() if m is not None},
    )
