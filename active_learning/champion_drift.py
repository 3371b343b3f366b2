"""Whether the champion still does what it did: agreement with later rounds' readers, and shifts of its scores.

Agreement is with the consensus of the rounds that were opened while this version was champion, whose answers it
never learnt from. Cases of a round that were drawn at random speak for the patients as they come; those that the
model was unsure of do not, and are kept apart: on them every model looks worse than it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from active_learning.overview import stamp_of
from active_learning.score_shift import Shift, score_shifts
from data.answers import Answer
from data.blobs import Blobs
from data.errors import RatingsError
from data.records import Consensus, Metric, Part, Prediction, Purpose
from data.store import Store
from models.measures import Measures, measures
from models.metrics import average
from models.task import ClinicalTask

DRAWN = frozenset({Purpose.TEST, Purpose.CALIBRATION, Purpose.VALIDATION})
"""Purposes of cases that are drawn at random."""
DRAWS = 1000


@dataclass(frozen=True, slots=True)
class RoundAgreement:
    """The champion against the readers of one round.

    Parameters
    ----------
    drawn, chosen:
        The mean over questions of the share of answers that are the consensus': of cases drawn at random, and of
        the others. None where there is none.
    drawn_dice, chosen_dice:
        The mean Dice of its outlines with theirs, in the same way.
    """

    round_id: str
    number: int
    closed_at: str
    drawn: Metric | None
    chosen: Metric | None
    drawn_dice: Metric | None
    chosen_dice: Metric | None


@dataclass(frozen=True, slots=True)
class ChampionDrift:
    """All of it, of the state of the store that ``stamp`` names.

    Parameters
    ----------
    patients:
        Test patients who were there at the promotion.
    """

    task: str
    version: str
    since: str
    stamp: str
    patients: int
    rounds: tuple[RoundAgreement, ...]
    shifts: tuple[Shift, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        plain: dict[str, Any] = _form().dump_python(self, mode="json")
        return plain

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> ChampionDrift:
        """What :meth:`as_dict` gave.

        Raises
        ------
        RatingsError
            It is of another form, such as that of an earlier program.
        """
        try:
            return _form().validate_python(raw)
        except ValidationError as error:
            raise RatingsError(
                "What was measured of the champion cannot be read.", given=str(error.errors()[0]["msg"]),
                expected="the form that this program writes", do="measure anew",
            ) from error  # fmt: skip


@cache
def _form() -> TypeAdapter[ChampionDrift]:
    return TypeAdapter(ChampionDrift)


def drift_stamp(store: Store, task: str) -> str:
    """The state of the store that the champion's drift depends on; cheap enough for every page."""
    studies = next(iter(store.db.query("SELECT count(*) AS n FROM studies")), {"n": 0})
    predicted = next(
        iter(store.db.query("SELECT count(*) AS n FROM predictions WHERE task = ?", [task])), {"n": 0}
    )
    return f"{stamp_of(store, task).text} {studies['n']} {predicted['n']}"


def champion_drift(store: Store, blobs: Blobs, task: ClinicalTask) -> ChampionDrift | None:
    """Measure the champion's drift; None where the task has no champion."""
    history = store.versions.championships(task.name)
    if not history:
        return None
    version, since = history[0].version, history[0].at
    stamp = drift_stamp(store, task.name)
    predictions = store.versions.predictions(version)
    studies = [s for s in store.studies.find(study_ids=list(predictions)) if task.accepts(s)]
    reference = [s for s in studies if s.patient.part == Part.TEST and s.ingested_at <= since]
    later = [s for s in studies if s.ingested_at > since]
    return ChampionDrift(
        task.name, version, since, stamp, len({s.patient.patient_id for s in reference}),
        tuple(_rounds(store, blobs, task, version, predictions)),
        tuple(score_shifts(task.form, predictions, reference, later)),
    )  # fmt: skip


def _rounds(
    store: Store, blobs: Blobs, task: ClinicalTask, version: str, predictions: Mapping[str, Prediction]
) -> Iterator[RoundAgreement]:
    """The rounds that were opened under this champion and have a consensus, the oldest first."""
    for one in sorted(store.rounds.all(task.name), key=lambda r: r.number):
        standing = [c for c in store.labels.consensus(task.name, round_id=one.round_id) if c.value is not None]
        if one.champion != version or not standing:
            continue
        purpose = {i.study_id: i.purpose for i in store.rounds.batch(one.round_id).items}
        agreed = _by_study(standing)
        owners = {s.study_id: s.patient.patient_id for s in store.studies.find(study_ids=list(agreed))}
        found = []
        for drawn in (True, False):
            some = {s: a for s, a in agreed.items() if s in owners and (purpose.get(s) in DRAWN) == drawn}
            measured = measures(task.form, predictions, some, owners, blobs=blobs) if some else Measures()
            found += [_mean(measured, ".accuracy"), _mean(measured, ".dice")]
        closed_at = max(c.created_at for c in standing)
        yield RoundAgreement(one.round_id, one.number, closed_at, found[0], found[2], found[1], found[3])


def _by_study(standing: Sequence[Consensus]) -> dict[str, tuple[Answer, ...]]:
    found: dict[str, list[Answer]] = {}
    for record in standing:
        if record.value is not None:
            found.setdefault(record.study_id, []).append(Answer(record.question, record.site, record.value))
    return {study_id: tuple(answers) for study_id, answers in found.items()}


def _mean(measured: Measures, ending: str) -> Metric | None:
    """The mean of the figures with an ending, with its interval over patients."""
    several = [measure for name, measure in measured.measures.items() if name.endswith(ending)]
    return average(several).metric(DRAWS, 0) if several else None
