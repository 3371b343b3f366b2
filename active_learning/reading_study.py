"""A reading study: a panel of readers, the reference standard, and a model, in one frozen record.

Independent reads alone count for agreement and accuracy; assisted ones are reported apart. The model stands beside
the readers on patients from whom it cannot have learnt. How each part is computed: :mod:`active_learning.panel`
(agreement), :mod:`active_learning.reading_topic` (against the reference), :mod:`active_learning.mrmc` (readers and
model), :mod:`active_learning.drift`, :mod:`active_learning.reading_times` (time, second reads).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from active_learning.agreement import Scale
from active_learning.drift import Drift
from active_learning.panel import DRAWS, Panel, panel
from active_learning.ratings import NOT_READ, Ratings, ratings_of
from active_learning.reading_comparison import Assistance, Beside, assistance, beside
from active_learning.reading_material import Material, material, views
from active_learning.reading_model import said
from active_learning.reading_times import Reread, Time, drifts, rereads, time_of
from active_learning.reading_topic import Answerer, Draws, Level, View, answerers, levels
from active_learning.reference import Reference, Source
from active_learning.words import spoken
from data.blobs import Blobs
from data.errors import RatingsError
from data.records import Annotation, Mode, Purpose, ReaderKind, ReaderRole
from data.store import Store
from models.task import ClinicalTask, silent

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Participant:
    """A reader's part in the study.

    Parameters
    ----------
    independent, assisted, skipped, again, decided:
        Cases read without and with the model's answer in view, declined, read a second time, and adjudicated.
    time:
        Of the independent reads; None where it is not known.
    """

    reader_id: str
    kind: ReaderKind
    role: ReaderRole
    experience_y: float | None
    independent: int
    assisted: int
    skipped: int
    again: int
    decided: int
    time: Time | None


@dataclass(frozen=True, slots=True)
class Standard:
    """How the reference standard of one question came: answers by source, and those that are still disputed."""

    question: str
    sources: Mapping[str, int]
    disputed: int


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic with everything that is reported of it."""

    view: View
    panel: Panel
    answerers: tuple[Answerer, ...]
    beside: Beside | None
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class ReadingStudy:
    """Everything that a report of a reading study says.

    Parameters
    ----------
    round_id:
        The round; empty for all of the task's reads.
    version:
        The model's version; empty where there is none.
    unseen:
        Patients on whom the model is set beside the readers: those from whom it cannot have learnt.
    guidelines:
        The versions of the guideline that the reads followed.
    topics:
        From independent reads; ``assisted`` from those with the model's answer in view.
    notes:
        What must be known of the figures, in sentences.
    """

    task: str
    title: str
    round_id: str
    version: str
    studies: int
    patients: int
    unseen: int
    guidelines: tuple[int, ...]
    participants: tuple[Participant, ...]
    standards: tuple[Standard, ...]
    topics: tuple[Topic, ...]
    assisted: tuple[Topic, ...]
    assistance: tuple[Assistance, ...]
    rereads: tuple[Reread, ...]
    drifts: tuple[Drift, ...]
    notes: tuple[str, ...]
    draws: int
    seed: int

    @property
    def readers(self) -> tuple[Participant, ...]:
        """Those who read, without those who only adjudicated."""
        return tuple(one for one in self.participants if one.independent or one.assisted or one.skipped)


def reading_study(
    store: Store, blobs: Blobs, task: ClinicalTask, *, round_id: str = "", draws: int = DRAWS, seed: int = 0,
    progress: Progress = silent,
) -> ReadingStudy:  # fmt: skip
    """Gather and compute a task's reading study.

    Parameters
    ----------
    round_id:
        One round; without it all of the task's reads.
    draws, seed:
        Resamples of the patients for the 95% intervals, and the seed of their draws.

    Raises
    ------
    NotFoundError
        There is no such round.
    RatingsError
        Nobody has read anything.
    ConfigError
        ``[reading.positive]`` names a question or an option that the form does not have.
    """
    asked = views(task.form, task.config.reading.positive)
    given = material(store, blobs, task, round_id)
    if not any(not a.skipped for a in given.annotations):
        raise RatingsError(
            "Nobody has read anything yet.", given=round_id or task.name, expected="reads of at least one reader",
            do=f"fetch them with `consilium round pull`, or see `consilium round status {task.name}`",
        )  # fmt: skip
    drawing = Draws(draws, seed)
    independent = _ratings(given.independent, given)
    assisted = _ratings(given.assisted, given)
    topics: list[Topic] = []
    apart: list[Topic] = []
    helped: list[Assistance | None] = []
    references: list[tuple[View, Ratings, Reference]] = []
    for number, view in enumerate(asked):
        progress(number / len(asked), spoken(view.label or view.question))
        alone, shown = independent.get((view.question, view.label)), assisted.get((view.question, view.label))
        own = alone if alone is not None else Ratings.of([], view.options)
        kind = task.form[view.question].kind
        reference = Reference.of(kind, view.question, view.label, own, given.standings, given.readers)
        if alone is not None:
            topics.append(_topic(view, alone, reference, given, drawing))
            references.append((view, alone, reference))
        if shown is not None:
            pooled = Reference(_pooled(own, shown), reference.standings)
            apart.append(_topic(view, shown, pooled, replace(given, version=""), drawing))
        if alone is not None and shown is not None:
            helped.append(assistance(view, alone, shown, reference))
    return ReadingStudy(
        task.name,
        task.title,
        round_id,
        given.version,
        len({a.study_id for a in given.annotations}),
        len({given.patients[a.study_id] for a in given.annotations}),
        len({given.patients[study] for study in given.unseen}) if given.version else 0,
        tuple(sorted({a.guideline for a in given.annotations if a.guideline})),
        _participants(store, given),
        _standards(asked, given),
        tuple(topics),
        tuple(apart),
        tuple(one for one in helped if one is not None),
        rereads(given, asked, drawing),
        drifts(given, references, drawing),
        given.notes,
        draws,
        seed,
    )


def _ratings(annotations: Sequence[Annotation], given: Material) -> dict[tuple[str, str], Ratings]:
    """The ratings of reads in one mode; what was read of a question before it changed is left out."""
    mode = annotations[0].mode if annotations else Mode.INDEPENDENT

    def of(chosen: Iterable[Annotation]) -> dict[tuple[str, str], Ratings]:
        plain = [replace(a, purpose=Purpose.ACQUISITION) for a in chosen]  # a second look is an assisted read
        return ratings_of(plain, given.form, patients=given.patients, assisted=mode == Mode.ASSISTED)

    found = of(annotations)
    for question in {name for names in given.outdated.values() for name in names}:
        kept = of(a for a in annotations if question not in given.outdated.get(a.guideline, ()))
        found = {key: one for key, one in found.items() if key[0] != question} | {
            key: one for key, one in kept.items() if key[0] == question
        }
    return found


def _pooled(alone: Ratings, shown: Ratings) -> Ratings:
    """Every read, the independent one where a reader gave an item both: what assisted reads are held against."""
    said = {
        (item, reader): (one.options[one.given[row, column]], owner)
        for one in (shown, alone)
        for row, (item, owner) in enumerate(zip(one.items, one.patients, strict=True))
        for column, reader in enumerate(one.readers)
        if one.given[row, column] != NOT_READ
    }
    patients = {item: owner for (item, _), (_, owner) in said.items()}
    return Ratings.of(((*key, option) for key, (option, _) in said.items()), shown.options, patients=patients)


def _topic(view: View, ratings: Ratings, reference: Reference, given: Material, draws: Draws) -> Topic:
    scale = Scale.ORDINAL if view.ordered else Scale.NOMINAL
    model = said(view, ratings, given)
    return Topic(
        view,
        panel(view.name, ratings, scale, draws=draws.number, seed=draws.seed),
        answerers(view, ratings, reference, model, draws),
        beside(view, ratings, reference, model),
        levels(view, ratings, reference, model, draws),
    )


def _participants(store: Store, given: Material) -> tuple[Participant, ...]:
    found = []
    for reader in store.reads.readers():
        own = [a for a in given.annotations if a.reader_id == reader.reader_id]
        if not own:
            continue
        tally = Counter(_part(a) for a in own)
        alone = [a for a in given.independent if a.reader_id == reader.reader_id]
        found.append(
            Participant(
                reader.reader_id, reader.kind, reader.role, reader.experience_y, tally["independent"],
                tally["assisted"], tally["skipped"], tally["again"], tally["decided"], time_of(alone),
            )
        )  # fmt: skip
    return tuple(found)


def _part(annotation: Annotation) -> str:
    if annotation.purpose == Purpose.ADJUDICATION:
        return "decided"
    if annotation.skipped:
        return "skipped"
    if annotation.purpose == Purpose.REREAD:
        return "again"
    return annotation.mode.value


def _standards(asked: Sequence[View], given: Material) -> tuple[Standard, ...]:
    found = []
    for question in dict.fromkeys(view.question for view in asked):
        tally = Counter(one.source for (name, _), one in given.standings.items() if name == question)
        sources = {source.value: tally[source] for source in Source if tally[source]}
        found.append(Standard(question, sources, sum(name == question for name, _ in given.disputed)))
    return tuple(found)
