"""Grades at spinal levels as a grid: a row a level, the patient's right at the left, as on the pictures.

It holds what is seen of a study: the model's grade, the readers', what they agreed, and whether they differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from data.answers import Form, Grade, Question, Site
from data.records import Annotation, Consensus, Prediction
from workbench.viewer.shown import Shown

RIGHT, LEFT, MIDDLE = "right", "left", ""
"""The sides of a column; the middle is of questions that are asked once a level."""


@dataclass(frozen=True, slots=True)
class Column:
    """A question on a side."""

    question: str
    side: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A reader's grade, by the place of the reader's read in :attr:`Shown.reads`."""

    read: int
    grade: int


@dataclass(frozen=True, slots=True)
class Cell:
    """What is known of one question at one site. Grades are indices from 0; None where nobody gave one.

    Parameters
    ----------
    probability:
        Of the model's grade, calibrated.
    page:
        The page on which it was measured, from 0.
    """

    question: str
    site: Site
    model: int | None
    probability: float | None
    marks: tuple[Mark, ...]
    agreed: int | None
    page: int | None

    @property
    def grade(self) -> int | None:
        """What the cell is shaded by: what was agreed, else the model's grade, else the readers' highest."""
        if self.agreed is not None:
            return self.agreed
        return self.model if self.model is not None else max((m.grade for m in self.marks), default=None)

    @property
    def spread(self) -> int:
        """How far the grades lie apart, in steps; 0 where all are the same."""
        grades = [mark.grade for mark in self.marks]
        grades += [grade for grade in (self.model, self.agreed) if grade is not None]
        return max(grades) - min(grades) if grades else 0


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells, by level and column."""

    levels: tuple[str, ...]
    columns: tuple[Column, ...]
    scale: tuple[str, ...]
    cells: Mapping[tuple[str, Column], Cell]

    @property
    def questions(self) -> frozenset[str]:
        """The questions that it shows."""
        return frozenset(column.question for column in self.columns)

    def at(self, site_key: str) -> list[Cell]:
        """The cells of a site."""
        return [cell for cell in self.cells.values() if cell.site.key == site_key]


def graded(form: Form) -> list[Question]:
    """The questions of a form that are grades at levels, all on the scale of the first."""
    found = [
        question
        for question in form.questions
        if isinstance(question.kind, Grade) and all(site.key.startswith("level:") for site in question.sites)
    ]
    return [question for question in found if question.kind == found[0].kind]


def grid_of(form: Form, shown: Shown) -> Grid | None:
    """The grid of what is shown of a study; None where the form has no such questions, or nothing is known."""
    questions = graded(form)
    if not questions:
        return None
    kind = questions[0].kind
    assert isinstance(kind, Grade)  # noqa: S101 - graded() finds no others
    cells = {place: _cell(place[1].question, site, kind, shown) for place, site in places(questions).items()}
    if not any(cell.grade is not None for cell in cells.values()):
        return None
    levels = tuple(dict.fromkeys(level for level, _column in cells))
    return Grid(levels, columns_of(questions), kind.levels, cells)


def places(questions: Sequence[Question]) -> dict[tuple[str, Column], Site]:
    """The site of each cell of a grid, by level and column."""
    found = {}
    for question in questions:
        for site in question.sites:
            level, side = _parts(site)
            found[level, Column(question.name, side)] = site
    return found


def page_of(prediction: Prediction | None, site: Site) -> int | None:
    """The page on which a version measured at a site, else at its level; None where it did nowhere."""
    level, _side = _parts(site)
    for wanted in (site, Site.level(level)):
        for measured in prediction.measured if prediction else ():
            if measured.site == wanted and measured.page is not None:
                return measured.page
    return None


def _cell(question: str, site: Site, kind: Grade, shown: Shown) -> Cell:
    result = shown.prediction.result(question, site) if shown.prediction else None
    model = result.value if result is not None and isinstance(result.value, int) else None
    share = None
    if result is not None and model is not None and 0 <= model < len(kind.levels):
        share = result.probabilities.get(kind.levels[model])
    marks = tuple(
        Mark(place, answer.value)
        for place, read in votes(shown.reads)
        for answer in read.answers
        if (answer.question, answer.site) == (question, site) and isinstance(answer.value, int)
    )
    return Cell(question, site, model, share, marks, _agreed(question, site, shown.consensus),
                page_of(shown.prediction, site))  # fmt: skip


def votes(reads: Sequence[Annotation]) -> list[tuple[int, Annotation]]:
    """The newest read of each reader that has a vote, with its place among all."""
    newest: dict[str, tuple[int, Annotation]] = {}
    for place, read in enumerate(reads):
        before = newest.get(read.reader_id)
        if read.purpose.votes and (before is None or read.created_at >= before[1].created_at):
            newest[read.reader_id] = place, read
    return sorted(newest.values(), key=lambda one: one[0])


def _agreed(question: str, site: Site, records: Iterable[Consensus]) -> int | None:
    found = [r for r in records if (r.question, r.site) == (question, site) and isinstance(r.value, int)]
    newest = max(found, key=lambda r: r.created_at, default=None)
    return newest.value if newest is not None and isinstance(newest.value, int) else None


def _parts(site: Site) -> tuple[str, str]:
    """Level and side."""
    _kind, level, side = (*site.key.split(":"), "")[:3]
    return level, side


def columns_of(questions: Sequence[Question]) -> tuple[Column, ...]:
    """The outermost first: the right side from without, what has no side, the left side to without."""
    sided = [q.name for q in questions if any(_parts(site)[1] for site in q.sites)]
    middle = [Column(q.name, MIDDLE) for q in questions if any(not _parts(site)[1] for site in q.sites)]
    return (*(Column(name, RIGHT) for name in reversed(sided)), *middle, *(Column(name, LEFT) for name in sided))
