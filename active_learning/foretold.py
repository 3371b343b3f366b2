"""What a model says of many studies, as columns: what ways to choose, and quotas, need of predictions.

Predictions are put in one by one and let go, so that a pool of any size is held as arrays alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_learning.strategies.view import IntArray
from active_learning.votes import holds
from data.answers import STUDY, Answer, Choice, Findings, Form, Grade, Mask, MaskValue, Site
from data.records import Prediction, QuestionPrediction

Key = tuple[str, Site, str]
"""Question, site, and finding or label of a mask."""


@dataclass(frozen=True, slots=True)
class Head:
    """One thing that is asked: a question at a site, one finding of it, or whether a label is outlined at all.

    Parameters
    ----------
    label:
        The finding, or the label of a mask; empty for choices and grades.
    options:
        The classes, in order; of a label absent and present.
    positive:
        Classes that show something; empty where no side of the question does.
    drawn:
        Whether it is of a mask.
    """

    question: str
    site: Site
    label: str
    options: tuple[str, ...]
    positive: tuple[int, ...] = ()
    drawn: bool = False

    @property
    def key(self) -> Key:
        """What it is of."""
        return self.question, self.site, self.label


_BINARY = ("absent", "present")


def heads_of(form: Form, positive: Mapping[str, Sequence[str]] | None = None) -> tuple[Head, ...]:
    """The heads of a form, in its order; measurements have none.

    Parameters
    ----------
    positive:
        By question, the options that show something: ``[reading.positive]`` of the task. Without an entry it is
        the second of two options, and every finding.
    """
    found: list[Head] = []
    for question in form.questions:
        match question.kind:
            case Choice(options) | Grade(options):
                shows = _positive(question.name, options, positive or {})
                found += [Head(question.name, site, "", options, shows) for site in question.sites]
            case Findings(labels):
                found += [
                    Head(question.name, site, label, _BINARY, (1,)) for site in question.sites for label in labels
                ]
            case Mask(labels):
                found += [Head(question.name, STUDY, label, _BINARY, (1,), drawn=True) for label in labels]
    return tuple(found)


class Foretold:
    """The predictions of one version, a row a study.

    Parameters
    ----------
    form:
        Of the task.
    count:
        Studies.
    positive:
        As in :func:`heads_of`.
    """

    def __init__(self, form: Form, count: int, positive: Mapping[str, Sequence[str]] | None = None) -> None:
        self.heads = heads_of(form, positive)
        self.tables = tuple(np.full((count, len(head.options)), np.nan, dtype=np.float32) for head in self.heads)
        """By head, (count, classes) probabilities; a row of NaN where the model was not asked."""
        self.outlines = np.full(count, np.nan, dtype=np.float32)
        """(count,) the uncertainty of the outlines, 0 to 1; NaN without any."""
        self.doubts = np.full(count, np.nan, dtype=np.float32)
        """(count,) the uncertainty of the prediction, 0 to 1; NaN without one."""
        self._place = {head.key: number for number, head in enumerate(self.heads)}
        self._labelled = {head.question for head in self.heads if head.label}

    def put(self, row: int, prediction: Prediction) -> None:
        """Note what the version says of the study in a row."""
        self.doubts[row] = prediction.uncertainty
        for result in prediction.results:
            if result.question in self._labelled:
                self._put_labels(row, result)
            else:
                self._put_options(row, result)

    def _put_options(self, row: int, result: QuestionPrediction) -> None:
        number = self._place.get((result.question, result.site, ""))
        if number is None:
            return
        given = np.array([result.probabilities.get(option, 0.0) for option in self.heads[number].options])
        if given.sum() > 0:
            self.tables[number][row] = given / given.sum()

    def _put_labels(self, row: int, result: QuestionPrediction) -> None:
        for label, p in result.probabilities.items():
            on_page = self._place.get((result.question, STUDY, label))
            number = self._place.get((result.question, result.site, label), on_page)
            if number is None:
                continue
            best, drawn = float(p), self.heads[number].drawn
            if drawn:  # the page that shows it best counts
                best = max(best, float(np.nan_to_num(self.tables[number][row, 1])))
                self.outlines[row] = np.fmax(self.outlines[row], result.uncertainty)
            self.tables[number][row] = 1 - best, best

    @property
    def known(self) -> NDArray[np.bool_]:
        """(count,) of which studies there is a prediction."""
        return np.isfinite(self.doubts)

    def foreground(self) -> NDArray[np.float32] | None:
        """(count,) the chance that a study shows something: of its heads with a positive side the largest.

        Whether something is outlined counts only where the form has no other such head: anatomy is outlined
        whether it is well or not. None without any, or without a prediction.
        """
        sided = [number for number, head in enumerate(self.heads) if head.positive]
        judged = [number for number in sided if not self.heads[number].drawn] or sided
        if not judged or not self.known.any():
            return None
        chances = [self.tables[number][:, list(self.heads[number].positive)].sum(axis=1) for number in judged]
        found: NDArray[np.float32] = np.nan_to_num(np.fmax.reduce(chances)).astype(np.float32)
        return found

    def classes(self) -> IntArray:
        """(count, heads) the likeliest class of each head, -1 where the model was not asked."""
        found = np.full((len(self.doubts), len(self.heads)), -1, dtype=np.int64)
        for number, table in enumerate(self.tables):
            asked = np.isfinite(table[:, 0])
            found[asked, number] = table[asked].argmax(axis=1)
        return found


def groups_of(prediction: Prediction, form: Form) -> tuple[str, ...]:
    """What a version answers, such as ``phenotype=malignant``, each once; of findings and outlines those there."""
    found: list[str] = []
    for result in prediction.results:
        kind, value = form[result.question].kind, result.value
        match value:
            case MaskValue(masks=masks):
                said = [label for label, _ in masks]
            case frozenset():
                said = sorted(value)
            case int() if isinstance(kind, Grade):
                said = [kind.levels[value]]
            case _:
                said = [str(value)] if isinstance(kind, Choice) else []
        found += [f"{result.question}={option}" for option in said]
    return tuple(dict.fromkeys(found))


def answered(heads: Sequence[Head], answers: Sequence[Iterable[Answer]], form: Form) -> tuple[IntArray, ...]:
    """By head, (studies,) the class that each study's answers stand for, -1 where they leave it open."""
    found = tuple(np.full(len(answers), -1, dtype=np.int64) for _ in heads)
    for row, given in enumerate(answers):
        known = {(a.question, a.site): a.value for a in given}
        outlined = {question for question, _ in known}
        for number, head in enumerate(heads):
            if head.drawn:
                if head.question in outlined:
                    masks = [v for (question, _), v in known.items() if question == head.question]
                    found[number][row] = any(holds(value, head.label) for value in masks)
                continue
            value = known.get((head.question, head.site))
            if value is None:
                continue
            if head.label:
                found[number][row] = holds(value, head.label)
            elif isinstance(form[head.question].kind, Grade):
                found[number][row] = int(str(value))
            else:
                found[number][row] = head.options.index(str(value))
    return found


def _positive(question: str, options: Sequence[str], positive: Mapping[str, Sequence[str]]) -> tuple[int, ...]:
    named = positive.get(question, options[1:] if len(options) == 2 else ())
    return tuple(number for number, option in enumerate(options) if option in named)
