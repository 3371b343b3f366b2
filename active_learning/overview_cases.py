"""Of a task's reads: the disagreements, ranked with who is likely wrong, and where the next read helps most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_learning.agreement import Scale
from active_learning.crowd import Estimate
from active_learning.methods import estimate, estimate_all
from active_learning.model_votes import model_table
from active_learning.next_read import next_reads
from active_learning.overview import Case, Worth
from active_learning.ratings import NOT_READ, Ratings
from active_learning.suspicion import Suspicion, suspicions
from active_learning.words import place, spoken
from data.answers import Form, Grade, Mask, Site
from data.records import (
    WAITING,
    Part,
    Prediction,
    Reader,
    ReaderKind,
    ReaderRole,
)
from data.store import Store
from models.bootstrap import FloatArray

METHOD = "pooled"
"""By which the truth is estimated for this: readers' habits out of few reads, whatever the task's rule is."""
MOST_CASES = 200
MOST_UNREAD = 300
"""Unread cases that are weighed: those of which the model is least sure."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Believed:
    """What is thought of a task's reads, by (question, label).

    Parameters
    ----------
    tables:
        (items, options) the model's probabilities, NaN where it said nothing; empty without a model.
    """

    form: Form
    ratings: Mapping[Key, Ratings]
    estimates: Mapping[Key, Estimate]
    tables: Mapping[Key, FloatArray]


def believe(form: Form, ratings: Mapping[Key, Ratings], predictions: Mapping[str, Prediction]) -> Believed:
    """Estimate the truth and the readers of every question.

    Parameters
    ----------
    predictions:
        By study; empty without a model.
    """
    names = {" ".join(key): key for key in ratings}
    tables = {
        name: model_table(ratings[key], form, *key, predictions) for name, key in names.items() if predictions
    }
    known = estimate_all(METHOD, {name: ratings[key] for name, key in names.items()}, tables)
    return Believed(
        form,
        ratings,
        {key: known[name] for name, key in names.items()},
        {key: tables[name] for name, key in names.items() if predictions},
    )


def disagreements(believed: Believed, names: Mapping[str, str]) -> tuple[Case, ...]:
    """Where readers differ, or the model from what is likely; the most suspect first.

    Parameters
    ----------
    names:
        What to call the readers in a reason.
    """
    found: list[Case] = []
    for key, ratings in believed.ratings.items():
        graded = isinstance(believed.form[key[0]].kind, Grade)
        table = believed.tables.get(key)
        judged = suspicions(
            ratings, believed.estimates[key], table,
            scale=Scale.ORDINAL if graded else Scale.NOMINAL, names=names,
        )  # fmt: skip
        rows = {item: row for row, item in enumerate(ratings.items)}
        for one in judged:
            case = _case(key, ratings, believed.estimates[key], table, rows[one.item], one)
            if len({option for _, option in case.said}) > 1 or (case.model and case.model != case.likely):
                found.append(case)
    return tuple(sorted(found, key=lambda case: -case.score))


def _case(
    key: Key, ratings: Ratings, estimate: Estimate, table: FloatArray | None, row: int, one: Suspicion
) -> Case:
    study_id, _, site = one.item.rpartition(" ")
    said = tuple(
        (reader, ratings.options[given])
        for reader, given in zip(ratings.readers, ratings.given[row].tolist(), strict=True)
        if given != NOT_READ
    )
    own = None if table is None or not np.isfinite(table[row]).all() else table[row]
    suspect, wrong = one.readers_wrong[0]
    return Case(
        study_id,
        key[0],
        site,
        key[1],
        said,
        "" if own is None else ratings.options[int(own.argmax())],
        None if own is None else float(own.max()),
        one.likely,
        float(estimate.probabilities[row].max()),
        one.model_wrong,
        wrong,
        suspect,
        one.ambiguous,
        one.score,
        one.reason,
    )


def worth_reading(store: Store, task: str, believed: Believed, version: str, *, most: int) -> tuple[Worth, ...]:
    """The cases of which one more read helps most, the best first.

    One read answers all questions of a study, so that the gains over its questions and sites are added, as means
    over the questions. Unread cases are training patients' alone, since the others are drawn at random. Reads
    that are asked for already, and readers who are not asked any more, are left out.
    """
    readers = _askable(store, believed)
    pending = {(r.study_id, r.reader_id) for r in store.reads.requests(task=task, states=WAITING)}
    unread = _unread(store, task, believed, version)
    gains: dict[str, float] = {}
    best: dict[str, tuple[float, str]] = {}
    reads: dict[str, int] = {}
    keys = [key for key in believed.ratings if not isinstance(believed.form[key[0]].kind, Mask)]
    for key in keys:
        ratings, table = _widened(believed, key, unread)
        name = key[1] or key[0]
        known = {name: estimate(METHOD, ratings, table)}
        allowed = np.array(
            [[r in readers and (_study(i), r) not in pending for r in ratings.readers] for i in ratings.items],
            dtype=np.bool_,
        ).reshape(ratings.given.shape)
        tables = None if table is None else {name: table}
        for one in next_reads({name: ratings}, known, len(ratings.items), model=tables, allowed=allowed):
            study_id = _study(one.item)
            gains[study_id] = gains.get(study_id, 0.0) + one.gain / len(keys)
            reads[study_id] = max(reads.get(study_id, 0), one.reads)
            reason = one.reason + ("" if one.reads or table is None else _told(name, ratings, table, one.item))
            reason += place(Site(one.item.rpartition(" ")[2]))
            best[study_id] = max(best.get(study_id, (-1.0, "")), (one.gain, reason), key=lambda pair: pair[0])
    chosen = sorted((s for s in gains if gains[s] > 0), key=lambda s: (-gains[s], s))[:most]
    loads = _Loads(believed, readers, pending)
    return tuple(Worth(s, loads.take(s), gains[s], reads[s], best[s][1]) for s in chosen)


def _askable(store: Store, believed: Believed) -> frozenset[str]:
    """Readers of the panel who may be asked; scripted ones only where there is nobody else."""
    panel = {reader for one in believed.ratings.values() for reader in one.readers}
    known: list[Reader] = [
        r for r in store.reads.readers(role=ReaderRole.READER) if r.active and r.reader_id in panel
    ]
    people = [r for r in known if r.kind == ReaderKind.PERSON]
    return frozenset(r.reader_id for r in people or known)


def _unread(store: Store, task: str, believed: Believed, version: str) -> dict[str, Prediction]:
    """Training patients' studies that nobody read or was asked to, with what the model says of them."""
    if not version:
        return {}
    read = {_study(item) for one in believed.ratings.values() for item in one.items}
    taken = read | store.rounds.studies_asked(task) | {s.study_id for s in store.labels.references(task)}
    found = [p for s, p in store.versions.predictions(version, parts={Part.TRAIN}).items() if s not in taken]
    found = sorted(found, key=lambda p: (-p.uncertainty, p.study_id))[:MOST_UNREAD]
    held = {s.study_id for s in store.studies.find(study_ids=[p.study_id for p in found]) if s.held}
    return {p.study_id: p for p in found if p.study_id not in held}


def _widened(believed: Believed, key: Key, unread: Mapping[str, Prediction]) -> tuple[Ratings, FloatArray | None]:
    """Ratings and the model's probabilities, with the unread cases of which the model was asked the question."""
    ratings, table = believed.ratings[key], believed.tables.get(key)
    if table is None or not unread:
        return ratings, table
    sites = believed.form[key[0]].sites
    items = [f"{study_id} {site.key}" for study_id in unread for site in sites]
    empty = Ratings(ratings.options, ratings.readers, tuple(items), tuple(items), _gaps(len(items), ratings))
    said = model_table(empty, believed.form, *key, unread)
    kept: NDArray[np.bool_] = np.asarray(np.isfinite(said).all(axis=1))
    new = tuple(item for item, asked in zip(items, kept, strict=True) if asked)
    wide = Ratings(
        ratings.options, ratings.readers, (*ratings.items, *new), (*ratings.patients, *new),
        np.concatenate([ratings.given, _gaps(len(new), ratings)]),
    )  # fmt: skip
    return wide, np.concatenate([table, said[kept]])


def _gaps(items: int, ratings: Ratings) -> NDArray[np.int16]:
    return np.full((items, len(ratings.readers)), NOT_READ, dtype=np.int16)


class _Loads:
    """Who might read a study: of those who have not, and were not asked, the one who has read least."""

    def __init__(self, believed: Believed, readers: Collection[str], pending: Collection[tuple[str, str]]) -> None:
        made = {
            (_study(item), reader)
            for one in believed.ratings.values()
            for row, item in enumerate(one.items)
            for reader, given in zip(one.readers, one.given[row].tolist(), strict=True)
            if given != NOT_READ
        }
        self._load = Counter(reader for _, reader in made)
        self._readers, self._taken = sorted(readers), made | set(pending)

    def take(self, study_id: str) -> str:
        """The reader, whose load grows by the study; empty where there is none."""
        free = [reader for reader in self._readers if (study_id, reader) not in self._taken]
        chosen = min(free, key=lambda reader: self._load[reader], default="")
        self._load[chosen] += 1
        return chosen


def _told(name: str, ratings: Ratings, table: FloatArray, item: str) -> str:
    """Such as ``; effusion: the model 0.52 present, 0.48 absent``."""
    row = table[ratings.items.index(item)]
    said = ", ".join(f"{row[n]:.2f} {spoken(ratings.options[n])}" for n in np.argsort(-row, kind="stable")[:2])
    return f"; {spoken(name)}: the model {said}"


def _study(item: str) -> str:
    return item.rpartition(" ")[0]
