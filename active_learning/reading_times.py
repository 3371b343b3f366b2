"""Readers over time: how long a case takes, how they go on, and whether they agree with an earlier self."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from active_learning.agreement import Weights, cohen_kappa, percent_agreement
from active_learning.drift import Drift, ReadCase, drift
from active_learning.panel import Figures
from active_learning.ratings import NOT_READ, Ratings, ratings_of
from active_learning.reading_material import Material
from active_learning.reading_topic import Draws, View
from active_learning.reference import Reference
from active_learning.votes import counted
from data.records import Annotation, Mode, Purpose
from models.metrics import Measure

FIRST, AGAIN = "first", "second"


@dataclass(frozen=True, slots=True)
class Time:
    """How long cases took, in s: the median, and the quartiles around it."""

    cases: int
    median_s: float
    low_s: float
    high_s: float


@dataclass(frozen=True, slots=True)
class Reread:
    """A reader's agreement with an earlier self on one topic.

    ``figures`` are percent_agreement, kappa, and kappa_quadratic where the options have an order.
    """

    reader: str
    topic: str
    items: int
    figures: Figures


def time_of(annotations: Iterable[Annotation]) -> Time | None:
    """The times of reads as the labelling server counted them; None where it counted none."""
    seconds = [a.lead_time_s for a in annotations if a.lead_time_s is not None]
    if not seconds:
        return None
    low, middle, high = (float(v) for v in np.percentile(seconds, [25, 50, 75]))
    return Time(len(seconds), middle, low, high)


def rereads(given: Material, asked: Sequence[View], draws: Draws) -> tuple[Reread, ...]:
    """Each reader's first and last independent read of the studies that were read twice."""
    found = []
    for reader in sorted({a.reader_id for a in given.annotations}):
        pairs = _pairs([a for a in given.annotations if a.reader_id == reader])
        ratings = ratings_of(pairs, given.form, patients=given.patients)
        for view in asked:
            two = ratings.get((view.question, view.label))
            if two is None or len(two.readers) < 2:
                continue
            figures: dict[str, Measure | None] = {
                "percent_agreement": percent_agreement(two),
                "kappa": cohen_kappa(two, FIRST, AGAIN),
            }
            if view.ordered:
                figures["kappa_quadratic"] = cohen_kappa(two, FIRST, AGAIN, Weights.QUADRATIC)
            items = int((two.given != NOT_READ).all(axis=1).sum())
            kept = {name: one for name, one in figures.items() if one is not None}
            found.append(Reread(reader, view.name, items, draws.figures(kept)))
    return tuple(found)


def drifts(given: Material, topics: Sequence[tuple[View, Ratings, Reference]], draws: Draws) -> tuple[Drift, ...]:
    """Each reader's agreement with the reference over the own sequence, question by question.

    Reads without times of their own (more than half of them kept in one second) have no sequence.
    """
    found = []
    for question in dict.fromkeys(view.question for view, _, _ in topics):
        parts = [part for part in topics if part[0].question == question]
        for reader in sorted({name for _, ratings, _ in parts for name in ratings.readers}):
            own = _sequence(given, reader)
            if len({a.created_at for a in own}) * 2 <= len(own):
                continue
            cases = _cases(own, reader, parts, given)
            one = drift(reader, question, cases, draws=draws.number, seed=draws.seed)
            found += [one] if one is not None else []
    return tuple(found)


def _sequence(given: Material, reader: str) -> list[Annotation]:
    by_study: dict[str, list[Annotation]] = {}
    for a in given.independent:
        if a.reader_id == reader:
            by_study.setdefault(a.study_id, []).append(a)
    kept = [one for reads in by_study.values() for one in counted(reads, count_assisted=False)]
    return sorted(kept, key=lambda a: (a.created_at, a.annotation_id))


def _cases(
    own: Sequence[Annotation], reader: str, parts: Sequence[tuple[View, Ratings, Reference]], given: Material
) -> list[ReadCase]:
    tally: dict[str, list[int]] = {a.study_id: [0, 0] for a in own}
    for _, ratings, reference in parts:
        if reader not in ratings.readers:
            continue
        truth = reference.without(reader, ratings.items).truth
        answers = ratings.of_reader(reader)
        for item, answer, right in zip(ratings.items, answers, truth, strict=True):
            if NOT_READ not in (answer, right):
                counts = tally[item.rpartition(" ")[0]]
                counts[0] += int(answer == right)
                counts[1] += 1
    return [
        ReadCase(given.patients[a.study_id], tally[a.study_id][0], tally[a.study_id][1], a.lead_time_s)
        for a in own
    ]


def _pairs(own: Sequence[Annotation]) -> list[Annotation]:
    """First and last independent read of each study that one reader read twice, as two readers' votes."""
    by_study: dict[str, list[Annotation]] = {}
    for a in own:
        counts = a.purpose.votes or a.purpose == Purpose.REREAD
        if counts and a.mode == Mode.INDEPENDENT and not a.skipped:
            by_study.setdefault(a.study_id, []).append(a)
    found = []
    for reads in by_study.values():
        ordered = sorted(reads, key=lambda a: (a.purpose == Purpose.REREAD, a.created_at, a.annotation_id))
        if len(ordered) > 1:
            found += [replace(one, reader_id=name, purpose=Purpose.ACQUISITION)
                      for one, name in ((ordered[0], FIRST), (ordered[-1], AGAIN))]  # fmt: skip
    return found
