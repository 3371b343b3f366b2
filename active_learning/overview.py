"""What a curator sees of a task's readers, in records that are kept as JSON: agreement, outlines, disputes.

It is computed apart from where it is shown (:mod:`active_learning.overview_measure`), since that takes time; a
:class:`Stamp` says of which state of the store it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from active_learning.detection_panel import DetectionPanel
from active_learning.mask_panel import MaskPanel
from active_learning.panel import Figures, Panel
from active_learning.reading_study import Participant, Standard
from active_learning.reading_times import Reread
from active_learning.reading_topic import Answerer, View
from data.errors import RatingsError
from data.records import Metric
from data.store import Store

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stamp:
    """The state of the store that something was computed of.

    Parameters
    ----------
    reads, newest:
        How many annotations there are, changed ones counted anew, and when and as which revision the newest came.
    standing:
        How many consensus records and imported labels there are, and when the newest consensus was formed.
    version:
        The champion; empty where there is none.
    """

    reads: int
    newest: str
    standing: str
    version: str

    @property
    def text(self) -> str:
        """All of it in one line."""
        return " ".join((str(self.reads), self.newest, self.standing, self.version)).strip()

    @property
    def of_reads(self) -> Stamp:
        """The reads' part of it."""
        return Stamp(self.reads, self.newest, "", "")


def stamp_of(store: Store, task: str, round_id: str = "") -> Stamp:
    """The stamp of a task's reads, or of those of one round; cheap enough to be asked for on every page."""
    where, named = "task = :task AND (:round = '' OR round_id = :round)", {"task": task, "round": round_id}

    def row(sql: str) -> Mapping[str, Any]:
        return next(iter(store.db.query(sql, named)), {})

    read = row(f"SELECT count(*) AS n FROM annotations WHERE {where}")  # noqa: S608 - a constant
    last = row(
        f"SELECT created_at, revision FROM annotations WHERE {where} "  # noqa: S608
        "ORDER BY created_at DESC, revision DESC LIMIT 1"
    )
    formed = row(f"SELECT count(*) AS n, coalesce(max(created_at), '') AS at FROM consensus WHERE {where}")  # noqa: S608
    came = store.labels.count_references(task)
    champion = store.versions.champion(task)
    return Stamp(
        int(read.get("n", 0)),
        f"{last['created_at']}/{last['revision']}" if last else "",
        f"{formed.get('n', 0)}/{formed.get('at', '')}/{came}",
        champion.version if champion else "",
    )


@dataclass(frozen=True, slots=True)
class Leaning:
    """In which way a reader differs most often from the majority of the others.

    ``words`` follow the reader's name; ``share`` is of the cases that both read.
    """

    words: str
    share: Metric


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, or one finding of it, with how far its readers agree.

    Parameters
    ----------
    answerers:
        Each reader, their mean and the model against the reference standard.
    levels:
        By spinal level, both sides together, where there are several: the panel's coefficients.
    leanings, quality:
        By reader. The quality is what the task's rule for the consensus estimates: the probability that an answer
        of the reader is right.
    """

    view: View
    panel: Panel
    levels: Mapping[str, Figures]
    answerers: tuple[Answerer, ...]
    rereads: tuple[Reread, ...]
    leanings: Mapping[str, Leaning]
    quality: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Profile:
    """A reader over all questions.

    Parameters
    ----------
    agreement:
        Share of the answers that are those of more than half of the other readers; None where nobody else read.
    """

    part: Participant
    name: str
    agreement: Metric | None


class Doubt(StrEnum):
    """Who is likeliest to be wrong on a case."""

    MODEL = "model"
    READER = "reader"
    CASE = "case"
    """Nobody: it can be read either way."""


@dataclass(frozen=True, slots=True)
class Case:
    """A disagreement on one thing, as :class:`active_learning.suspicion.Suspicion` judges it.

    Parameters
    ----------
    label:
        The finding, or what was drawn; empty for choices and grades.
    said:
        Pairs of (reader, option).
    model, model_p:
        The model's likeliest option with its probability; empty and None without one.
    likely, likely_p:
        The option that is likeliest true, and its probability by the readers.
    model_wrong, reader_wrong, ambiguous:
        Probabilities: that the model's answer is wrong (None without one), that the answer of the reader
        ``suspect`` is, and that two further readers would differ.
    score:
        The share of the answers that is expected to be wrong.
    """

    study_id: str
    question: str
    site: str
    label: str
    said: tuple[tuple[str, str], ...]
    model: str
    model_p: float | None
    likely: str
    likely_p: float
    model_wrong: float | None
    reader_wrong: float
    suspect: str
    ambiguous: float
    score: float
    reason: str

    @property
    def doubt(self) -> Doubt:
        """Who is likeliest to be wrong; of equals a reader before the model, and the case last."""
        chances = {
            Doubt.READER: self.reader_wrong,
            Doubt.MODEL: self.model_wrong or 0.0,
            Doubt.CASE: self.ambiguous,
        }
        return max(chances, key=lambda one: chances[one])


@dataclass(frozen=True, slots=True)
class Worth:
    """A case of which one more read helps.

    Parameters
    ----------
    reader:
        Who might read it: of those who can, the one who has read least.
    gain:
        By how much the read is expected to raise the consensus's mean F1.
    reads:
        That there are already.
    """

    study_id: str
    reader: str
    gain: float
    reads: int
    reason: str


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it.

    Parameters
    ----------
    round_id:
        The round; empty for all of the task's reads.
    version:
        The model that stands beside the readers; empty where there is none.
    asked:
        From independent reads; ``assisted`` from those with the model's answer in view.
    found:
        How many disagreements there are; ``cases`` are the first of them.
    notes:
        What must be known of the figures, in sentences.
    """

    task: str
    round_id: str
    stamp: Stamp
    version: str
    studies: int
    patients: int
    standards: tuple[Standard, ...]
    asked: tuple[Asked, ...]
    assisted: tuple[Asked, ...]
    profiles: tuple[Profile, ...]
    found: int
    cases: tuple[Case, ...]
    worth: tuple[Worth, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return _plain(_overviews(), self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Overview:
        """What :meth:`as_dict` gave.

        Raises
        ------
        RatingsError
            It is of another form, such as that of an earlier program.
        """
        return _read(_overviews(), raw)


@dataclass(frozen=True, slots=True)
class Outlined:
    """How far outlines and detections agree; apart, since it takes longest. ``stamp`` is of the reads alone."""

    task: str
    round_id: str
    stamp: Stamp
    outlines: tuple[MaskPanel, ...]
    detections: tuple[DetectionPanel, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return _plain(_outlined(), self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Outlined:
        """What :meth:`as_dict` gave.

        Raises
        ------
        RatingsError
            It is of another form.
        """
        return _read(_outlined(), raw)


@cache
def _overviews() -> TypeAdapter[Overview]:
    return TypeAdapter(Overview)


@cache
def _outlined() -> TypeAdapter[Outlined]:
    return TypeAdapter(Outlined)


def _plain(form: TypeAdapter[T], value: T) -> dict[str, Any]:
    plain: dict[str, Any] = form.dump_python(value, mode="json")
    return plain


def _read(form: TypeAdapter[T], raw: Mapping[str, Any]) -> T:
    try:
        return form.validate_python(raw)
    except ValidationError as error:
        raise RatingsError(
            "What was measured of the readers cannot be read.", given=str(error.errors()[0]["msg"]),
            expected="the form that this program writes", do="measure anew",
        ) from error  # fmt: skip
