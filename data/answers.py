"""What a clinical task can ask and what can be answered.

A :class:`Question` has a kind: :class:`Choice`, :class:`Grade`, :class:`Findings`, :class:`Mask` or
:class:`Measurement`. An :class:`Answer` is a value keyed by (question, site); a :class:`Site` is the
study, a page of it, a level with a side, or a lesion. Kinds check values; one codec serialises them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from data.errors import AnswerError

NAME = re.compile(r"[a-z][a-z0-9_]*\Z")

Value: TypeAlias = "str | int | float | frozenset[str] | MaskValue"


@dataclass(frozen=True, slots=True, order=True)
class Site:
    """Where in a study an answer holds.

    ``key`` is its text: ``study``, ``page:3`` (from 0), ``level:L4/L5``, ``level:L4/L5:left``, ``lesion:2``
    (from 1).
    """

    key: str = "study"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"study|page:\d+|level:[A-Za-z0-9/]+(:(left|right))?|lesion:[1-9]\d*", self.key):
            raise AnswerError(
                "There is no such site.",
                given=self.key,
                expected="study, page:N, level:NAME, level:NAME:left|right or lesion:N",
                do="use the constructors of Site",
            )

    @classmethod
    def page(cls, index: int) -> Site:
        """The page with this index, from 0."""
        return cls(f"page:{index}")

    @classmethod
    def level(cls, name: str, side: str | None = None) -> Site:
        """A spinal level such as ``L4/L5``, with a side (``left`` or ``right``) or without."""
        return cls(f"level:{name}:{side}" if side else f"level:{name}")

    @classmethod
    def lesion(cls, number: int) -> Site:
        """The lesion with this number, from 1."""
        return cls(f"lesion:{number}")

    @property
    def page_index(self) -> int | None:
        """The page's index, from 0; None where the site is no page."""
        return int(self.key.removeprefix("page:")) if self.key.startswith("page:") else None

    @property
    def slug(self) -> str:
        """The key in letters, digits and ``_`` alone, different for different sites."""
        return self.key.replace(":", "__").replace("/", "_")


STUDY = Site()


@dataclass(frozen=True, slots=True)
class MaskValue:
    """Binary masks by label, each kept as a blob of packed bits (see :mod:`data.blobs`).

    Parameters
    ----------
    shape:
        (rows, columns) of a page, or (slices, rows, columns) of a volume, in native pixels.
    masks:
        Pairs of (label, blob), sorted by label. A label without a pair is empty.
    """

    shape: tuple[int, ...]
    masks: tuple[tuple[str, str], ...] = ()

    def blob(self, label: str) -> str | None:
        """The blob of one label's mask, or None where it is empty."""
        return dict(self.masks).get(label)


def _refuse(kind: str, given: object, expected: str) -> AnswerError:
    return AnswerError(f"That is no {kind}.", given=repr(given), expected=expected, do="correct the value")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several options without an order. The value is a ``str``."""

    options: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.options) < 2 or len(set(self.options)) != len(self.options):
            raise _refuse("set of options", self.options, "two or more different options")

    def check(self, value: Any) -> str:
        """The value, if the kind admits it; else AnswerError."""
        if not isinstance(value, str) or value not in self.options:
            raise _refuse("choice", value, f"one of {', '.join(self.options)}")
        return value


@dataclass(frozen=True, slots=True)
class Grade:
    """One of several ordered levels. The value is the level's index, an ``int`` from 0."""

    levels: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.levels) < 2 or len(set(self.levels)) != len(self.levels):
            raise _refuse("scale", self.levels, "two or more different levels, in order")

    def check(self, value: Any) -> int:
        """The value, if the kind admits it; else AnswerError."""
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < len(self.levels):
            raise _refuse("grade", value, f"an integer from 0 to {len(self.levels) - 1}")
        return value


@dataclass(frozen=True, slots=True)
class Findings:
    """Any number of findings, each present or absent. The value is the ``frozenset`` of those present."""

    labels: tuple[str, ...]

    def check(self, value: Any) -> frozenset[str]:
        """The value, if the kind admits it; else AnswerError."""
        if isinstance(value, str) or not isinstance(value, Iterable) or not set(value) <= set(self.labels):
            raise _refuse("set of findings", value, f"any of {', '.join(self.labels)}")
        return frozenset(value)


@dataclass(frozen=True, slots=True)
class Mask:
    """Outlined regions, one binary mask a label; masks may overlap. The value is a :class:`MaskValue`.

    A mask is answered page by page: each answer's site is a page, and a page without one has nothing on it.
    """

    labels: tuple[str, ...]

    def check(self, value: Any) -> MaskValue:
        """The value, if the kind admits it; else AnswerError."""
        if not isinstance(value, MaskValue) or not {label for label, _ in value.masks} <= set(self.labels):
            raise _refuse("mask", value, f"masks of {', '.join(self.labels)}")
        return value


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number with a unit. The value is a ``float`` between the bounds, both included."""

    unit: str
    low: float = 0.0
    high: float = math.inf

    def check(self, value: Any) -> float:
        """The value, if the kind admits it; else AnswerError."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise _refuse("measurement", value, f"a number in {self.unit}")
        if not self.low <= value <= self.high:
            raise _refuse("measurement", value, f"{self.low} to {self.high} {self.unit}")
        return float(value)


Kind: TypeAlias = Choice | Grade | Findings | Mask | Measurement


@dataclass(frozen=True, slots=True)
class Question:
    """Something that a clinical task asks of a study.

    Parameters
    ----------
    name:
        Lower-case letters, digits and ``_``; unique in the task.
    title:
        The sentence that a reader sees.
    kind:
        What can be answered.
    sites:
        Where it is asked. Masks on a stack are asked at the study, and answered page by page.
    asked_if:
        (question, option) of an earlier :class:`Choice` at the same study: asked only where it was chosen.
    drawn_in:
        An earlier :class:`Mask` whose n-th label is the n-th lesion: asked of the lesions that are drawn in it.
    """

    name: str
    title: str
    kind: Kind
    sites: tuple[Site, ...] = (STUDY,)
    asked_if: tuple[str, str] | None = None
    drawn_in: str = ""

    def __post_init__(self) -> None:
        if not NAME.match(self.name):
            raise _refuse("name of a question", self.name, "lower-case letters, digits and _")


def lesion_sites(mask: Mask) -> tuple[Site, ...]:
    """The lesions that the labels of a mask stand for, in their order."""
    return tuple(Site.lesion(number) for number in range(1, len(mask.labels) + 1))


@dataclass(frozen=True, slots=True)
class Answer:
    """A value keyed by (question, site)."""

    question: str
    site: Site
    value: Value

    def to_json(self) -> dict[str, Any]:
        """The answer as JSON: question, site and value."""
        return {"question": self.question, "site": self.site.key, "value": encode_value(self.value)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Answer:
        """The answer back from JSON. Whether it fits its question is for :meth:`Form.check` to say."""
        return cls(raw["question"], Site(raw["site"]), decode_value(raw["value"]))


def encode_value(value: Value) -> Any:
    """A value of any kind as JSON that :func:`decode_value` turns back into the same value."""
    if isinstance(value, frozenset):
        return {"findings": sorted(value)}
    if isinstance(value, MaskValue):
        return {"shape": list(value.shape), "masks": dict(value.masks)}
    return value


def decode_value(raw: Any) -> Value:
    """The value that :func:`encode_value` gave.

    Raises
    ------
    AnswerError
        It gave no such thing.
    """
    if isinstance(raw, str | int | float) and not isinstance(raw, bool):
        return raw
    if isinstance(raw, Mapping) and set(raw) == {"findings"}:
        return frozenset(raw["findings"])
    if isinstance(raw, Mapping) and set(raw) == {"shape", "masks"}:
        return MaskValue(tuple(raw["shape"]), tuple(sorted(raw["masks"].items())))
    raise _refuse("kept value", raw, "text, a number, findings or masks")


@dataclass(frozen=True, slots=True)
class Form:
    """The questions of a task, in order: what is asked, checked and serialised."""

    questions: tuple[Question, ...]
    _by_name: Mapping[str, Question] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        by_name: dict[str, Question] = {}
        for question in self.questions:
            if question.name in by_name:
                raise _refuse("form", question.name, "questions with different names")
            if question.asked_if is not None:
                earlier, option = question.asked_if
                parent = by_name.get(earlier)
                if parent is None or not isinstance(parent.kind, Choice) or option not in parent.kind.options:
                    raise _refuse("condition", question.asked_if, "an option of an earlier Choice")
            if question.drawn_in:
                drawing = by_name.get(question.drawn_in)
                if drawing is None or not isinstance(drawing.kind, Mask):
                    raise _refuse("drawing", question.drawn_in, "an earlier Mask")
                if question.sites != lesion_sites(drawing.kind):
                    raise _refuse("set of sites", question.sites, f"a lesion for each label of {drawing.name}")
            by_name[question.name] = question
        object.__setattr__(self, "_by_name", by_name)

    def __getitem__(self, name: str) -> Question:
        try:
            return self._by_name[name]
        except KeyError:
            known = ", ".join(self._by_name)
            raise AnswerError(
                "There is no such question.", given=name, expected=f"one of {known}", do="correct the name"
            ) from None

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def asked(self, question: Question, answers: Mapping[str, Value]) -> bool:
        """Whether a question is asked, given the study-level answers so far."""
        if question.asked_if is None:
            return True
        earlier, option = question.asked_if
        return self.asked(self[earlier], answers) and answers.get(earlier) == option

    def sites_asked(self, question: Question, answers: Iterable[Answer]) -> tuple[Site, ...]:
        """Where a question is asked, given the answers so far: at its sites, or at the lesions that are drawn."""
        if not question.drawn_in:
            return question.sites
        drawing = self[question.drawn_in].kind
        assert isinstance(drawing, Mask)  # noqa: S101 - the form was checked when it was made
        masks = [a.value for a in answers if a.question == question.drawn_in]
        drawn = {label for mask in masks if isinstance(mask, MaskValue) for label, _ in mask.masks}
        pairs = zip(question.sites, drawing.labels, strict=True)
        return tuple(site for site, label in pairs if label in drawn)

    def unanswered(self, answers: Iterable[Answer]) -> dict[str, tuple[Site, ...]]:
        """What checked answers leave open of what is asked: sites by question. Findings and masks never count."""
        given = tuple(answers)
        at_study = {a.question: a.value for a in given if a.site == STUDY}
        seen = {(a.question, a.site) for a in given}
        missing = {
            question.name: tuple(
                site for site in self.sites_asked(question, given) if (question.name, site) not in seen
            )
            for question in self.questions
            if not isinstance(question.kind, Findings | Mask) and self.asked(question, at_study)
        }
        return {name: sites for name, sites in missing.items() if sites}

    def is_complete(self, answers: Iterable[Answer]) -> bool:
        """Whether checked answers leave no question open that is asked."""
        return not self.unanswered(answers)

    def check(self, answers: Iterable[Answer], *, complete: bool = False) -> tuple[Answer, ...]:
        """The answers in the order of the questions, each checked.

        Parameters
        ----------
        answers:
            At most one a (question, site).
        complete:
            Whether every question that is asked must be answered. Findings and masks never must: nothing
            marked is an answer.

        Raises
        ------
        AnswerError
            A value, question or site does not fit; a question that is not asked is answered; one is missing.
        """
        given = tuple(answers)
        at_study = {a.question: a.value for a in given if a.site == STUDY}
        seen: set[tuple[str, Site]] = set()
        for answer in given:
            question = self[answer.question]
            question.kind.check(answer.value)
            on_page = isinstance(question.kind, Mask) and answer.site.page_index is not None
            if answer.site not in question.sites and not on_page:
                raise _refuse(
                    f"site of {question.name}", answer.site.key, ", ".join(s.key for s in question.sites)
                )
            if (answer.question, answer.site) in seen:
                raise _refuse("second answer", f"{answer.question} at {answer.site.key}", "one a site")
            if not self.asked(question, at_study):
                raise _refuse(
                    f"answer to {question.name}", answer.value, f"none, since {question.asked_if} is not chosen"
                )
            seen.add((answer.question, answer.site))
        if complete:
            for name, sites in self.unanswered(given).items():
                where = ", ".join(site.key for site in sites)
                raise _refuse(f"answer to {name}", "nothing", f"an answer at {where}")
        order = {question.name: index for index, question in enumerate(self.questions)}
        return tuple(sorted(given, key=lambda a: (order[a.question], a.site)))
