"""Computes what a curator sees of a task's readers, out of all of its reads that count.

Agreement and accuracy are those of the reading study's report (:mod:`active_learning.reading_study`), so that page
and report say the same; outlines, disagreements and where the next read helps stand beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from active_learning.accuracy import majority_of_others
from active_learning.agreement import Scale, fleiss_kappa, gwet_ac, krippendorff_alpha, percent_agreement
from active_learning.detection_panel import detection_panels
from active_learning.guidelines import counting
from active_learning.mask_panel import mask_panels
from active_learning.outlines import MaskRule
from active_learning.overview import Asked, Case, Leaning, Outlined, Overview, Profile, Worth, stamp_of
from active_learning.overview_cases import MOST_CASES, Key, believe, disagreements, worth_reading
from active_learning.panel import Figures
from active_learning.ratings import NOT_READ, Ratings, ratings_of
from active_learning.reader_masks import stacks_of
from active_learning.reading_material import Material, material
from active_learning.reading_study import Participant, Progress, ReadingStudy, Topic, reading_study
from active_learning.reading_topic import View
from active_learning.words import spoken
from data.answers import Form, Mask, Measurement, Site
from data.blobs import Blobs
from data.records import ReaderRole
from data.store import Store
from models.metrics import mean
from models.task import ClinicalTask, silent

DRAWS = 500
"""Resamples of the patients for an interval."""
MOST_WORTH = 50


def measure(
    store: Store, blobs: Blobs, task: ClinicalTask, *, round_id: str = "", draws: int = DRAWS, seed: int = 0,
    progress: Progress = silent,
) -> Overview:  # fmt: skip
    """Compute it.

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
    """
    stamp = stamp_of(store, task.name, round_id)
    study = reading_study(store, blobs, task, round_id=round_id, draws=draws, seed=seed,
                          progress=lambda share, words: progress(0.6 * share, words))  # fmt: skip
    given = material(store, blobs, task, round_id)
    ratings = ratings_of(given.independent, task.form, patients=given.patients, counts=counting(store, task.name))
    progress(0.6, "disagreements")
    cases, worth = _cases(store, task, given, ratings)
    quality = _quality(store, task.name, round_id)
    views = {topic.view.name: topic.view for topic in study.topics}
    return Overview(
        task.name,
        round_id,
        stamp,
        given.version,
        study.studies,
        study.patients,
        study.standards,
        tuple(_asked(topic, study, ratings, quality, draws, seed) for topic in study.topics),
        tuple(_asked(topic, None, {}, {}, draws, seed) for topic in study.assisted),
        tuple(_profile(one, store, given, ratings, views, draws, seed) for one in study.participants
              if one.role == ReaderRole.READER or one.independent or one.assisted),
        len(cases),
        cases[:MOST_CASES],
        worth,
        _notes(task.form),
    )  # fmt: skip


def measure_outlines(
    store: Store, blobs: Blobs, task: ClinicalTask, *, round_id: str = "", draws: int = DRAWS, seed: int = 0
) -> Outlined:
    """How far the readers' outlines and detections agree; empty where the form has no masks.

    The parameters are those of :func:`measure`.
    """
    stamp = stamp_of(store, task.name, round_id).of_reads
    given = material(store, blobs, task, round_id)
    masks = {question.name for question in task.form.questions if isinstance(question.kind, Mask)}
    reads = [a for a in given.independent if not masks & given.outdated.get(a.guideline, frozenset())]
    if not masks or not reads:
        return Outlined(task.name, round_id, stamp, (), ())
    studies = store.studies.find(study_ids={a.study_id for a in reads})
    stacks = {study.study_id: stacks_of(task.sources(study)) for study in studies if study.series}
    rule = MaskRule(task.config.reading.outlines)
    outlines = mask_panels(reads, task.form, blobs, stacks=stacks, patients=given.patients, rule=rule,
                           draws=draws, seed=seed)  # fmt: skip
    detections = detection_panels(reads, task.form, blobs, stacks=stacks, patients=given.patients, rule=rule,
                                  draws=draws, seed=seed)  # fmt: skip
    return Outlined(task.name, round_id, stamp, tuple(outlines.values()), tuple(detections.values()))


def leaning(ratings: Ratings, reader: str, *, ordered: bool, draws: int, seed: int) -> Leaning | None:
    """In which way a reader differs most often from the majority of the others; None where the reader never does.

    Parameters
    ----------
    ordered:
        Whether the options are steps: then only the direction is told.
    """
    said, others = ratings.of_reader(reader), majority_of_others(ratings, reader)
    both = (said != NOT_READ) & (others != NOT_READ)
    given, usual = said[both].astype(np.int64), others[both].astype(np.int64)
    ways: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]] = {}
    if ordered:
        ways = {"grades higher than the panel": given > usual, "grades lower than the panel": given < usual}
    else:
        for right in range(len(ratings.options)):
            for wrong in range(len(ratings.options)):
                if wrong != right:
                    ways[_way(ratings.options, wrong, right)] = (given == wrong) & (usual == right)
    words, where = max(ways.items(), key=lambda way: int(way[1].sum()), default=("", np.zeros(0, dtype=np.bool_)))
    owners = [owner for owner, kept in zip(ratings.patients, both, strict=True) if kept]
    share = mean(where.astype(np.float64), owners) if where.any() else None
    return None if share is None else Leaning(words, share.metric(draws, seed))


def _way(options: Sequence[str], wrong: int, right: int) -> str:
    if len(options) == 2:
        return f"says {spoken(options[wrong])} where the panel does not"
    return f"says {spoken(options[wrong])} where the panel says {spoken(options[right])}"


def _by_level(ratings: Ratings, view: View, draws: int, seed: int) -> dict[str, Figures]:
    """The panel's coefficients level by level, both sides together; empty where there are not several levels."""
    places = [Site(item.rpartition(" ")[2]).key.split(":") for item in ratings.items]
    names = np.array([place[1] if place[0] == "level" else "" for place in places])
    found: dict[str, Figures] = {}
    for name in sorted(set(names.tolist()) - {""}):
        rows = np.flatnonzero(names == name)
        part = Ratings(
            ratings.options, ratings.readers, tuple(ratings.items[row] for row in rows),
            tuple(ratings.patients[row] for row in rows), ratings.given[rows],
        )  # fmt: skip
        measures = {
            "percent_agreement": percent_agreement(part),
            "fleiss_kappa": fleiss_kappa(part),
            "krippendorff_alpha": krippendorff_alpha(part, Scale.ORDINAL if view.ordered else Scale.NOMINAL),
            "gwet_ac1": gwet_ac(part),
        }
        found[name] = {key: m.metric(draws, seed) for key, m in measures.items() if m is not None}
    return found if len(found) > 1 else {}


def _asked(
    topic: Topic,
    study: ReadingStudy | None,
    ratings: Mapping[Key, Ratings],
    quality: Mapping[str, Mapping[str, float]],
    draws: int,
    seed: int,
) -> Asked:
    """One question; what is only told of independent reads is empty without their study."""
    own = ratings.get((topic.view.question, topic.view.label))
    leanings = {
        reader: found
        for reader in (own.readers if own is not None else ())
        if own is not None
        and (found := leaning(own, reader, ordered=topic.view.ordered, draws=draws, seed=seed)) is not None
    }
    by_level = {} if own is None else _by_level(own, topic.view, draws, seed)
    again = tuple(one for one in study.rereads if one.topic == topic.view.name) if study else ()
    return Asked(
        topic.view, topic.panel, by_level, topic.answerers, again, leanings, quality.get(topic.view.question, {})
    )


def _profile(
    part: Participant,
    store: Store,
    given: Material,
    ratings: Mapping[Key, Ratings],
    views: Mapping[str, View],
    draws: int,
    seed: int,
) -> Profile:
    """A reader over all questions that have options."""
    right: list[bool] = []
    owners: list[str] = []
    for view in views.values():
        one = ratings.get((view.question, view.label))
        if one is None or part.reader_id not in one.readers:
            continue
        said, others = one.of_reader(part.reader_id), majority_of_others(one, part.reader_id)
        both = (said != NOT_READ) & (others != NOT_READ)
        right += (said == others)[both].tolist()
        owners += [owner for owner, kept in zip(one.patients, both, strict=True) if kept]
    agreement = mean(np.array(right, dtype=np.float64), owners) if right else None
    return Profile(
        part,
        store.reads.reader(part.reader_id).name,
        None if agreement is None else agreement.metric(draws, seed),
    )


def _cases(
    store: Store, task: ClinicalTask, given: Material, ratings: Mapping[Key, Ratings]
) -> tuple[tuple[Case, ...], tuple[Worth, ...]]:
    names = {reader.reader_id: reader.name for reader in store.reads.readers()}
    believed = believe(task.form, ratings, given.predictions)
    worth = worth_reading(store, task.name, believed, given.version, most=MOST_WORTH)
    return disagreements(believed, names), worth


def _notes(form: Form) -> tuple[str, ...]:
    left = [spoken(question.name) for question in form.questions if isinstance(question.kind, Measurement)]
    return (f"Measurements have no options, and no figures here: {', '.join(left)}.",) if left else ()


def _quality(store: Store, task: str, round_id: str) -> dict[str, dict[str, float]]:
    """By question and reader, what the task's rule estimated when the newest consensus was formed."""
    found: dict[str, dict[str, float]] = {}
    for one in store.labels.consensus(task, round_id=round_id or None):
        found.setdefault(one.question, {}).update(one.quality)
    return found
