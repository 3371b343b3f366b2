"""Making an operating point: from calibration patients who were drawn at random, read, and serve nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from active_learning import conformal
from active_learning.risk_control import (
    SafePoint,
    expected_point,
    pathology_if_cleared,
    safe_point,
    share,
)
from active_learning.triage_target import Target, Topic, given, option_of, score, shows, target_of, topics
from data.answers import Answer
from data.errors import RoundError, TriageError
from data.home import Home
from data.records import (
    OPEN_ROUND,
    CalibrationCase,
    ConformalSets,
    Part,
    Prediction,
    Purpose,
    RoundState,
    Study,
    TriagePolicy,
)
from data.store import Store
from models.prediction import predict_studies
from models.task import ClinicalTask, Progress, silent


@dataclass(frozen=True, slots=True)
class Calibration:
    """The calibration patients of a task, as a version sees them.

    Parameters
    ----------
    studies:
        Of the cases, by id.
    answers:
        What stands for the truth, by study.
    """

    target: Target
    cases: tuple[CalibrationCase, ...]
    studies: Mapping[str, Study]
    predictions: Mapping[str, Prediction]
    answers: Mapping[str, tuple[Answer, ...]]

    def patients(self, cases: Iterable[CalibrationCase]) -> list[str]:
        """The patient of each case."""
        return [self.studies[case.study_id].patient.patient_id for case in cases]

    @property
    def digest(self) -> str:
        """SHA-256 of the cases: studies, answers, scores."""
        rows = [[c.study_id, c.positive, c.score] for c in self.cases]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """The calibration patients by what their answers say: lowest scores, (patients,) each."""

    pathological: Sequence[float]
    normal: Sequence[float]
    unsettled: Sequence[float]


def plan(
    home: Home,
    task: ClinicalTask,
    *,
    miss: float | None = None,
    confidence: float | None = None,
    prevalence: float | None = None,
    progress: Progress = silent,
) -> TriagePolicy:
    """Make the champion's operating point and keep it: it rules from now on.

    State the promise before looking: of several that are tried each holds by itself, and not the one that is
    picked among them by what it clears.

    Parameters
    ----------
    miss, confidence, prevalence:
        As the task's configuration says, where they are None.

    Raises
    ------
    TriageError
        The calibration set is too small for the promise; the log keeps that it was refused.
    RoundError
        The task has no champion.
    ConfigError
        It is not clear what counts as pathology.
    """
    store, settings = Store.of(home), task.config.triage
    champion = store.versions.champion(task.name)
    if champion is None:
        raise RoundError(
            "The task has no champion.", given=task.name, expected="a champion whose scores clear studies",
            do=f"train one with `consilium train {task.name}`",
        )  # fmt: skip
    miss = settings.miss if miss is None else miss
    confidence = settings.confidence if confidence is None else confidence
    prevalence = settings.prevalence if prevalence is None else prevalence
    calibration = gather(home, task, champion.version, progress=progress)
    groups = grouped(calibration)
    try:
        point = safe_point(groups.pathological, groups.unsettled, miss=miss, confidence=confidence)
    except TriageError as error:
        store.log.add("triage.refused", champion.version, task=task.name, miss=miss, confidence=confidence,
                      pathological=len(groups.pathological), given=error.given)  # fmt: skip
        raise
    made = policy_of(
        calibration, groups, point, task, champion.version, miss=miss, confidence=confidence, prevalence=prevalence
    )
    return store.triage.keep(made, calibration.cases)


def gather(home: Home, task: ClinicalTask, version: str, *, progress: Progress = silent) -> Calibration:
    """The calibration patients with what a version says of them; phantoms only where there are no others.

    Settled are those with an answer that stands. Those whom an ended round drew and whose answer is not settled
    count as well, without one; those who are still being read do not yet.
    """
    store, target = Store.of(home), target_of(task)
    answers = store.labels.standard(task.name, {Part.CALIBRATION})
    read = _drawn_and_read(store, task.name)
    wanted = {*answers, *read}
    studies = [s for s in store.studies.find(study_ids=sorted(wanted)) if task.accepts(s) and not s.held]
    studies = [s for s in studies if s.patient.part == Part.CALIBRATION]
    if any(not s.phantom for s in studies):
        studies = [s for s in studies if not s.phantom]
    predictions = predict_studies(home, task, version, studies, progress=progress)
    cases = []
    for study in sorted(studies, key=lambda s: s.study_id):
        value = score(target, task.form, predictions.get(study.study_id))
        if value is not None:
            shown = shows(target, task.form, answers.get(study.study_id, ()))
            cases.append(CalibrationCase(study.study_id, shown, value))
    kept = tuple(c for c in cases if c.positive is not None or c.study_id in read)
    return Calibration(target, kept, {s.study_id: s for s in studies}, predictions, answers)


def grouped(calibration: Calibration) -> Grouped:
    """The patients by what their answers say.

    A patient with pathology stands with the lowest score of the studies that show it or were not settled. Without
    any, a patient with an unsettled study is unsettled.
    """
    names = calibration.patients(calibration.cases)
    by_patient: dict[str, list[CalibrationCase]] = {}
    for name, case in zip(names, calibration.cases, strict=True):
        by_patient.setdefault(name, []).append(case)
    pathological, normal, unsettled = [], [], []
    for _, cases in sorted(by_patient.items()):
        doubtful = [c.score for c in cases if c.positive is not False]
        if any(c.positive for c in cases):
            pathological.append(min(doubtful))
        elif doubtful:
            unsettled.append(min(doubtful))
        else:
            normal.append(min(c.score for c in cases))
    return Grouped(pathological, normal, unsettled)


def policy_of(
    calibration: Calibration,
    groups: Grouped,
    point: SafePoint,
    task: ClinicalTask,
    version: str,
    *,
    miss: float,
    confidence: float,
    prevalence: float | None,
) -> TriagePolicy:
    """An operating point with all that stands beside it, not kept yet."""
    cases, settings = calibration.cases, task.config.triage
    pathological, settled = len(groups.pathological), len(groups.pathological) + len(groups.normal)
    rightly = sum(value < point.threshold for value in groups.normal)
    missed = (point.missed, pathological)
    return TriagePolicy(
        policy_id="",
        task=task.name,
        version=version,
        target=calibration.target,
        miss=miss,
        confidence=confidence,
        threshold=point.threshold,
        patients=settled,
        pathological=pathological,
        missed=point.missed,
        unsettled=point.unsettled,
        bound=point.bound,
        rightly=rightly / max(len(groups.normal), 1),
        cleared=share([c.score < point.threshold for c in cases], calibration.patients(cases)),
        omission=pathology_if_cleared(
            missed,
            (rightly, len(groups.normal)),
            prevalence if prevalence is not None else (pathological, settled),
        ),
        prevalence=prevalence if prevalence is not None else pathological / settled,
        stated=prevalence is not None,
        expected=expected_point(groups.pathological, miss=miss),
        audit_share=settings.audit_share,
        sets=tuple(prediction_sets(calibration, task, coverage=settings.coverage)),
        digest=calibration.digest,
    )


def prediction_sets(calibration: Calibration, task: ClinicalTask, *, coverage: float) -> list[ConformalSets]:
    """The prediction sets of every topic of the form that the calibration patients have answers to."""
    return [found for topic in topics(task.form) if (found := _fitted(calibration, task, topic, coverage))]


def _fitted(calibration: Calibration, task: ClinicalTask, topic: Topic, coverage: float) -> ConformalSets | None:
    rows, labels, patients = [], [], []
    for study_id, study in calibration.studies.items():
        true = {
            a.site: option_of(topic, task.form, a.value)
            for a in calibration.answers.get(study_id, ())
            if a.question == topic.question
        }
        for site, row in given(calibration.predictions.get(study_id), task.form, topic):
            if site in true and true[site] in topic.options:
                rows.append([row.get(option, 0.0) for option in topic.options])
                labels.append(topic.options.index(true[site]))
                patients.append(study.patient.patient_id)
    if not rows:
        return None
    return conformal.fit(
        rows, labels, patients, topic.options, question=topic.question, label=topic.label, coverage=coverage
    )


def settled(store: Store, task: ClinicalTask) -> tuple[int, int]:
    """(patients, with pathology) of the calibration patients whose answer is settled; no model has a say in it."""
    target = target_of(task)
    answers = store.labels.standard(task.name, {Part.CALIBRATION})
    owners = {s.study_id: s.patient.patient_id for s in store.studies.find(study_ids=list(answers)) if not s.held}
    shown: dict[str, bool] = {}
    for study_id, patient in owners.items():
        value = shows(target, task.form, answers[study_id])
        if value is not None:
            shown[patient] = shown.get(patient, False) or value
    return len(shown), sum(shown.values())


def _drawn_and_read(store: Store, task: str) -> set[str]:
    """The studies that closed rounds drew for the calibration set: what is not settled by then stays open."""
    return {
        item.study_id
        for current in store.rounds.all(task)
        if current.state not in OPEN_ROUND and current.state != RoundState.CANCELLED
        for item in store.rounds.batch(current.round_id).items
        if item.purpose == Purpose.CALIBRATION
    }
