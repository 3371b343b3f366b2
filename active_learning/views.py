"""A pool as ways to choose see it (:class:`active_learning.strategies.view.View`), made of columns.

No task has a say in it: heads, foreground and groups follow from the form.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_learning.appearance import Features, beside, log_odds
from active_learning.foretold import Foretold, answered
from active_learning.strategies.view import IntArray, View
from data.answers import Answer, Form

BLIND = frozenset({"random", "stratified", "foreground_random", "least_confidence", "margin", "entropy", "bald"})
"""Ways to choose that take no look at the features: nothing need be computed for them."""
COLD = "typiclust"
"""The way that stands in for one that needs a model, before there is one."""
NEED_A_MODEL = frozenset({"", "least_confidence", "margin", "entropy", "bald", "badge"})
"""Ways to choose that know nothing to prefer without a model."""
MOST_STRATA = 32
"""Groups of predicted classes at the most; with more, cases are told apart by whether they show something."""


def view_of(
    foretold: Foretold,
    rows: Sequence[int],
    known_rows: Sequence[int],
    answers: Sequence[Iterable[Answer]],
    form: Form,
    *,
    looks: Features | None = None,
    known_looks: Features | None = None,
    origins: Sequence[str] = (),
) -> View:
    """The view of a pool.

    Parameters
    ----------
    foretold:
        What the model says, of the pool and of the known cases; without a single prediction there are no heads.
    rows, known_rows:
        Where in it the pool and the known cases stand.
    answers:
        Of the known cases.
    looks, known_looks:
        (n, k) and (m, k) what both look like; without them the features are the log-odds alone.
    origins:
        Of the pool, where each study comes from: strata keep it apart.
    """
    at, known_at = np.asarray(rows, dtype=np.int64), np.asarray(known_rows, dtype=np.int64)
    modelled = bool(foretold.known[at].any())
    tables = [(head, table) for head, table in zip(foretold.heads, foretold.tables, strict=True)
              if modelled and np.isfinite(table[at, 0]).any()]  # fmt: skip
    odds = _odds([table for _, table in tables], at)
    known_odds = _odds([table for _, table in tables], known_at)
    if looks is None or known_looks is None:
        features, known = odds, known_odds
    else:
        features, known = beside(looks, odds, known_looks, known_odds)
    foreground = foretold.foreground() if modelled else None
    outlined = modelled and bool(np.isfinite(foretold.outlines[at]).any())
    return View(
        heads=tuple(table[at] for _, table in tables),
        features=features,
        known=known,
        labels=answered([head for head, _ in tables], answers, form),
        scores=np.nan_to_num(foretold.doubts[at], nan=1.0) if outlined else None,
        strata=strata(foretold, at, origins),
        foreground=None if foreground is None else foreground[at],
    )


def strata(foretold: Foretold, at: NDArray[np.int64], origins: Sequence[str]) -> IntArray | None:
    """(n,) groups by predicted classes and origin; None where there is one group alone.

    Classes are those of the questions and findings that every study is asked. Where their combinations are too
    many, whether a case shows something takes their place.
    """
    columns: list[IntArray] = []
    if foretold.known[at].any():
        everywhere = [
            number for number, (head, table) in enumerate(zip(foretold.heads, foretold.tables, strict=True))
            if not head.drawn and np.isfinite(table[at, 0]).all()
        ]  # fmt: skip
        classes: IntArray = _numbered(foretold.classes()[at][:, everywhere])
        foreground = foretold.foreground()
        if classes.max(initial=0) >= MOST_STRATA and foreground is not None:
            classes = (foreground[at] >= 0.5).astype(np.int64)
        columns.append(classes)
    if origins:
        columns.append(_numbered(np.asarray(origins)))
    if not columns:
        return None
    groups = _numbered(np.stack(columns, axis=1))
    return groups if groups.max(initial=0) > 0 else None


def _numbered(rows: NDArray[Any]) -> IntArray:
    """(n,) the same number for the same rows, from 0."""
    _, numbers = np.unique(rows, axis=0, return_inverse=True)
    return np.asarray(numbers, dtype=np.int64).reshape(-1)


def _odds(tables: Sequence[NDArray[np.float32]], at: NDArray[np.int64]) -> Features:
    return log_odds([table[at] for table in tables]) if tables else np.zeros((len(at), 0), dtype=np.float32)


def stand_in(strategy: str, *, modelled: bool) -> str:
    """The way to choose that is taken: the one named, or another where that needs a model and there is none."""
    return COLD if strategy in NEED_A_MODEL and not modelled else strategy
