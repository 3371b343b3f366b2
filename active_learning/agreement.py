"""How far the readers of a panel agree, from independent reads: a model's answer in view pulls readers together.

References
----------
Fleiss: Measuring nominal scale agreement among many raters, Psychological Bulletin 76 (1971), 378 - 382.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from active_learning.votes import Ballot, ballots, counted
from data.answers import Form
from data.records import Annotation, Purpose


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """The share of ``items`` on which two readers said the same."""

    first: str
    second: str
    share: float
    items: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the readers agreed on a question.

    Parameters
    ----------
    share:
        The chance that two readers of a case say the same, over the cases (Fleiss 1971, eq. 3), 0 to 1.
    kappa:
        The same beyond chance; None where everybody said one and the same thing.
    items:
        Cases, sites and labels with two reads or more.
    pairs:
        Reader against reader.
    """

    question: str
    share: float
    kappa: float | None
    items: int
    pairs: tuple[PairAgreement, ...]


def agreement(annotations: Iterable[Annotation], form: Form) -> tuple[Agreement, ...]:
    """The agreement on each question that two readers or more answered for some case, in the order of the form.

    Adjudications are left out, and so are measurements; masks count as marked or not marked.
    """
    by_study: dict[str, list[Annotation]] = {}
    for annotation in annotations:
        if annotation.purpose != Purpose.ADJUDICATION:
            by_study.setdefault(annotation.study_id, []).append(annotation)
    by_question: dict[str, list[Ballot]] = {}
    for study_id in sorted(by_study):
        for ballot in ballots(counted(by_study[study_id], count_assisted=False), form):
            if len(ballot.said) > 1:
                by_question.setdefault(ballot.question, []).append(ballot)
    return tuple(_of(q.name, by_question[q.name]) for q in form.questions if q.name in by_question)


def fleiss_share(counts: ArrayLike) -> float:
    """The mean over items of the share of pairs of reads that agree.

    Parameters
    ----------
    counts:
        (items, options): how many readers chose each option. Items may have different numbers of reads; those
        with fewer than two are left out, and at least one must remain.
    """
    table = _with_pairs(counts)
    n = table.sum(axis=1)
    return float(np.mean(((table**2).sum(axis=1) - n) / (n * (n - 1))))


def fleiss_kappa(counts: ArrayLike) -> float | None:
    """Fleiss' kappa; None where all reads chose one option. Parameters as for :func:`fleiss_share`."""
    table = _with_pairs(counts)
    chance = float(((table.sum(axis=0) / table.sum()) ** 2).sum())
    return None if chance >= 1 else (fleiss_share(table) - chance) / (1 - chance)


def _of(question: str, cast: list[Ballot]) -> Agreement:
    options = {option for ballot in cast for option in ballot.options}
    order = sorted(options)
    table = np.array([[sum(said == option for _, said in b.said) for option in order] for b in cast])
    same: dict[tuple[str, str], list[bool]] = {}
    for ballot in cast:
        for (first, a), (second, b) in combinations(sorted(ballot.said), 2):
            same.setdefault((first, second), []).append(a == b)
    pairs = tuple(
        PairAgreement(first, second, sum(found) / len(found), len(found))
        for (first, second), found in sorted(same.items())
    )
    return Agreement(question, fleiss_share(table), fleiss_kappa(table), len(cast), pairs)


def _with_pairs(counts: ArrayLike) -> NDArray[np.float64]:
    given = np.asarray(counts, dtype=np.float64)
    table: NDArray[np.float64] = given[given.sum(axis=1) > 1]
    if not len(table):
        raise ValueError("agreement needs an item with two reads or more")
    return table
