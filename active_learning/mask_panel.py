"""How far readers' outlines agree, pair by pair and each against the consensus of the others, with intervals.

An item is a label in a stack of a study, in which any reader, or the reference, drew it. A pair who both left it
empty there agree; where one of the two did, Dice is 0, and there is no distance: how often is counted beside.
Labels that nobody drew say nothing of outlines, and are no items. Single lesions of a study (a mask that other
questions are drawn in) are taken together; how far readers agree on each is for
:mod:`active_learning.detection_panel`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from active_learning.mask_agreement import TOLERANCE_MM, MaskAgreement, Region, compare
from active_learning.outlines import MaskRule
from active_learning.panel import DRAWS, Figures
from active_learning.reader_masks import REFERENCE, Drawn, Stacks, consensus, drawn, together
from data.answers import Answer, Form, Mask, Question
from data.blobs import Blobs
from data.records import Annotation
from models.metrics import Measure, mean

SIGNED = frozenset({"volume_difference_ml", "area_difference_mm2", "size_difference_pct"})
"""Figures that tell which side draws more."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Two sides of outlines.

    Parameters
    ----------
    first, second:
        A reader, and another one or the consensus; differences are first less second.
    items:
        That both read.
    patients:
        Of those items.
    both_empty, one_empty:
        Items that both left empty, and that one of them did: those have no distance.
    without_mm:
        Items of studies without a spacing: figures in mm, ml and mm2 leave them out.
    figures:
        Means over the items; those that none of them allows are missing.
    """

    first: str
    second: str
    items: int
    patients: int
    both_empty: int
    one_empty: int
    without_mm: int
    figures: Figures

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "first": self.first, "second": self.second, "items": self.items, "patients": self.patients,
            "both_empty": self.both_empty, "one_empty": self.one_empty, "without_mm": self.without_mm,
            **{name: figure.as_dict() for name, figure in self.figures.items()},
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class MaskPanel:
    """All readers of one label.

    Parameters
    ----------
    label:
        Empty where single lesions are taken together.
    items, patients, reads, gaps:
        How many items, of how many patients, how many reads of them, and how many that some reader did not give.
    against:
        What readers are compared with: the reference standard, or the others' consensus by a rule.
    figures:
        Means over all pairs of readers; of differences the amounts alone, since who is first means nothing there.
    """

    question: str
    label: str
    items: int
    patients: int
    reads: int
    gaps: int
    tolerance_mm: float
    against: str
    figures: Figures
    pairs: tuple[Compared, ...]
    readers: tuple[Compared, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "items": self.items, "patients": self.patients, "reads": self.reads, "gaps": self.gaps,
            "tolerance_mm": self.tolerance_mm, **{name: one.as_dict() for name, one in self.figures.items()},
            "pairs": [pair.as_dict() for pair in self.pairs], "reference": self.against,
            "readers": [reader.as_dict() for reader in self.readers],
        }  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    """A label in a stack: what each reader drew, and what the reference standard holds, where there is one."""

    patient: str
    regions: Mapping[str, Region]
    reference: Region | None


@dataclass(frozen=True, slots=True)
class _Found:
    patient: str
    agreement: MaskAgreement
    flat: bool


def mask_panels(
    annotations: Iterable[Annotation],
    form: Form,
    blobs: Blobs,
    *,
    stacks: Stacks,
    patients: Mapping[str, str] | None = None,
    assisted: bool = False,
    rule: MaskRule = MaskRule.MAJORITY,
    reference: Mapping[str, Sequence[Answer]] | None = None,
    tolerance_mm: float = TOLERANCE_MM,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[tuple[str, str], MaskPanel]:
    """Measure a panel's outlines, by (question, label) in the form's order.

    Parameters
    ----------
    stacks:
        The geometry of each study, by :func:`active_learning.reader_masks.stacks_of`.
    patients:
        The patient of each study; without it each study is a patient of its own.
    assisted:
        The reads with the model's answer in view, in place of the independent ones.
    rule:
        By which the others' outlines are joined where there is no reference standard.
    reference:
        The answers by study that stand for the truth; without it each reader is compared with the others.
    tolerance_mm:
        Of the surface Dice.
    draws:
        Resamples of the patients; 0 gives no intervals.

    Raises
    ------
    AnswerError
        Masks of one stack have different shapes, or lie on a page that the study does not show.
    """
    given = list(annotations)
    found: dict[tuple[str, str], MaskPanel] = {}
    for question in form.questions:
        if not isinstance(question.kind, Mask):
            continue
        studies = drawn(
            given, form, question, blobs,
            stacks=stacks, patients=patients, assisted=assisted, reference=reference,
        )  # fmt: skip
        for label, items in _items(studies, question, form).items():
            measured = _measured(items, rule, tolerance_mm, reference is not None, draws, seed)
            found[question.name, label] = replace(measured, question=question.name, label=label)
    return found


def _items(studies: Sequence[Drawn], question: Question, form: Form) -> dict[str, list[_Item]]:
    """By label; single lesions together under no name."""
    assert isinstance(question.kind, Mask)  # noqa: S101 - just seen
    single = any(other.drawn_in == question.name for other in form.questions)
    found: dict[str, list[_Item]] = {}
    for one in studies:
        held = one.reference or {}
        if single and one.by_label:
            regions = {r: together([of[r] for of in one.by_label.values()]) for r in one.readers}
            whole = _or_empty(together(list(held.values())) if held else None, regions, one)
            found.setdefault("", []).append(_Item(one.patient, regions, whole))
            continue
        for label in question.kind.labels:
            if label in one.by_label:
                whole = _or_empty(held.get(label), one.by_label[label], one)
                found.setdefault(label, []).append(_Item(one.patient, one.by_label[label], whole))
    return {label: found[label] for label in ("", *question.kind.labels) if label in found}


def _or_empty(held: Region | None, regions: Mapping[str, Region], one: Drawn) -> Region | None:
    """A reference's region; an empty one where the reference holds nothing, None where there is no reference."""
    if held is not None or one.reference is None:
        return held
    like = next(iter(regions.values()))
    return replace(like, mask=like.mask[(slice(0, 0),) * like.mask.ndim], origin=(0,) * like.mask.ndim)


def _measured(
    items: Sequence[_Item], rule: MaskRule, tolerance_mm: float, referred: bool, draws: int, seed: int
) -> MaskPanel:
    readers = sorted({reader for item in items for reader in item.regions})
    reads = sum(len(item.regions) for item in items)
    side = partial(_side, draws=draws, seed=seed)
    pairs, every = [], []
    for first, second in combinations(readers, 2):
        both = [i for i in items if first in i.regions and second in i.regions]
        found = [_found(i, i.regions[first], i.regions[second], tolerance_mm) for i in both]
        every += found
        pairs.append(side(first, second, found))
    unsigned = {name: f for name, f in side("", "", every).figures.items() if name not in SIGNED}
    against = REFERENCE if referred else f"{rule} of the other readers"
    alone = [
        side(reader, against, [
            _found(item, item.regions[reader], other, tolerance_mm)
            for item in items
            if reader in item.regions and (other := _other(item, reader, rule, referred)) is not None
        ])
        for reader in readers
    ]  # fmt: skip
    return MaskPanel(
        "", "", len(items), len({i.patient for i in items}), reads, len(items) * len(readers) - reads,
        tolerance_mm, against, unsigned, tuple(pairs), tuple(alone),
    )  # fmt: skip


def _other(item: _Item, reader: str, rule: MaskRule, referred: bool) -> Region | None:
    """What a reader is compared with: the reference, or the others' consensus; None where there is neither.

    The others hold a label by strict majority, as a panel does; a tie is no consensus.
    """
    if referred:
        return item.reference
    others = [region for name, region in item.regions.items() if name != reader]
    marked = [region for region in others if region.pixels]
    if not others or 2 * len(marked) == len(others):
        return None
    if 2 * len(marked) > len(others):
        return consensus(marked, rule)
    return next(region for region in others if not region.pixels)


def _found(item: _Item, first: Region, second: Region, tolerance_mm: float) -> _Found:
    return _Found(item.patient, compare(first, second, tolerance_mm=tolerance_mm), len(first.shape) == 2)


def _side(first: str, second: str, found: Sequence[_Found], *, draws: int, seed: int) -> Compared:
    agreements = [one.agreement for one in found]
    return Compared(
        first,
        second,
        len(found),
        len({one.patient for one in found}),
        sum(a.empty == 2 for a in agreements),
        sum(a.empty == 1 for a in agreements),
        sum(a.difference is None for a in agreements),
        {name: m.metric(draws, seed) for name, m in _measures(found).items() if m is not None},
    )


def _measures(found: Sequence[_Found]) -> dict[str, Measure | None]:
    """The figures' means; a difference as it is tells a bias, by its amount how far the two are apart."""
    patients = [one.patient for one in found]

    def over(values: Iterable[float | None]) -> Measure | None:
        known = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        return mean(known, patients, np.isfinite(known))

    agreements = [one.agreement for one in found]
    volumes = [None if one.flat else one.agreement.difference for one in found]
    areas = [one.agreement.difference if one.flat else None for one in found]
    return {
        "dice": over(a.dice for a in agreements),
        "surface_dice": over(a.surface_dice for a in agreements),
        "hd95_mm": over(a.hd95_mm for a in agreements),
        "volume_difference_ml": over(volumes),
        "volume_difference_abs_ml": over(None if v is None else abs(v) for v in volumes),
        "area_difference_mm2": over(areas),
        "area_difference_abs_mm2": over(None if v is None else abs(v) for v in areas),
        "size_difference_pct": over(a.difference_pct for a in agreements),
        "size_difference_abs_pct": over(abs(a.difference_pct) for a in agreements),
    }
