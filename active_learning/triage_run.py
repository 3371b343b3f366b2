"""Triage at work: what becomes of every unread study of a task, what is watched meanwhile, and where it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from active_learning.guidelines import counting
from active_learning.triage import TriageDecision, Unread, decide
from active_learning.triage_looks import Looks
from active_learning.triage_target import score, shows, target_of
from active_learning.watch import Audit, Unlike, audit, audits_due, draw_audits, look, ruling, standing
from data.answers import Answer
from data.blobs import Blobs
from data.errors import RoundError
from data.home import Home
from data.records import (
    OPEN_ROUND,
    Annotation,
    Mode,
    ModelVersion,
    Part,
    Prediction,
    Study,
    TriageAlarm,
    TriageLook,
    TriagePolicy,
    Way,
)
from data.store import Store
from models.prediction import predict_studies
from models.task import ClinicalTask, Progress, silent
from models.versions import read_manifest

ONLY_PHANTOMS = "the operating point was made from phantoms alone"


@dataclass(frozen=True, slots=True)
class TriageRun:
    """What became of the unread studies.

    Parameters
    ----------
    cleared:
        Of the studies to be cleared, how many were cleared for the first time; the others were cleared before.
    audits:
        How many of those were drawn to be read all the same.
    raised:
        The alarms that this run lifted.
    """

    version: str
    policy: TriagePolicy | None
    decisions: tuple[TriageDecision, ...]
    cleared: int
    audits: int
    raised: tuple[TriageAlarm, ...]

    def count(self, way: Way) -> int:
        """How many studies go this way."""
        return sum(decision.way == way for decision in self.decisions)

    @property
    def reasons(self) -> list[tuple[Way, str, int]]:
        """How many studies go which way for which reason, the commonest first."""
        told = Counter((d.way, d.reason) for d in self.decisions)
        return [(way, reason, count) for (way, reason), count in told.most_common()]


@dataclass(frozen=True, slots=True)
class TriageStatus:
    """Where triage stands.

    Parameters
    ----------
    policy:
        The operating point that rules; None where the champion has none.
    cleared:
        Studies that stand as cleared; none while an alarm stands.
    """

    champion: str
    policy: TriagePolicy | None
    cleared: int
    audit: Audit | None
    due: tuple[str, ...]
    looks: tuple[TriageLook, ...]
    alarms: tuple[TriageAlarm, ...]

    @property
    def stopped(self) -> tuple[TriageAlarm, ...]:
        """The alarms that stop clearing."""
        return tuple(alarm for alarm in self.alarms if alarm.stands)


def run(home: Home, task: ClinicalTask, *, unlike: Unlike | None = None, progress: Progress = silent) -> TriageRun:
    """Decide on every unread study with the champion, look at what is watched, and keep what is cleared.

    Again it clears nothing twice. An alarm that is lifted now stops the clearing of this same run.

    Parameters
    ----------
    unlike:
        Which studies are unlike the calibration patients'; without it as
        :class:`active_learning.triage_looks.Looks` finds.

    Raises
    ------
    RoundError
        The task has no champion.
    """
    store = Store.of(home)
    champion = store.versions.champion(task.name)
    if champion is None:
        raise RoundError(
            "The task has no champion.", given=task.name, expected="a champion whose scores clear studies",
            do=f"train one with `consilium train {task.name}`",
        )  # fmt: skip
    policy = ruling(store, task.name)
    studies = [s for s in store.studies.find() if task.accepts(s)]
    predictions = predict_studies(home, task, champion.version, studies, progress=progress)
    if policy is not None and unlike is None:
        unlike = Looks(home, task, policy, progress=progress)
    raised = look(store, task, policy, studies, predictions, unlike) if policy is not None else []
    unread = unread_studies(home, task, champion, studies, predictions, policy, unlike)
    stopped = "; ".join(alarm.sentence for alarm in store.triage.alarms(task.name, standing=True))
    decisions = tuple(decide(one, task.form, policy, stopped=stopped) for one in unread)
    if policy is not None:
        strange = {u.study.study_id: u.unlike for u in unread if u.unlike not in ("", ONLY_PHANTOMS)}
        store.triage.put_strange(policy.policy_id, strange)
    cleared, audits = _keep(store, policy, studies, decisions)
    store.log.add(
        "triage.run", champion.version, task=task.name, policy=policy.policy_id if policy else "",
        clear=sum(d.way == Way.CLEAR for d in decisions), read=sum(d.way == Way.READ for d in decisions),
        adjudicate=sum(d.way == Way.ADJUDICATE for d in decisions), cleared=cleared,
    )  # fmt: skip
    return TriageRun(champion.version, policy, decisions, cleared, audits, tuple(raised))


def decision_on(home: Home, task: ClinicalTask, study: Study) -> TriageDecision | None:
    """What the champion's operating point makes of one study; None where its answer is settled.

    From what is kept alone: nothing is predicted or looked at for it.
    """
    store = Store.of(home)
    champion = store.versions.champion(task.name)
    if champion is None:
        return None
    policy = ruling(store, task.name)
    predictions = store.versions.predictions(champion.version, study_ids=[study.study_id])

    def told(studies: Sequence[Study]) -> dict[str, str]:
        reasons = {s.study_id: store.triage.strange(policy.policy_id, s.study_id) for s in studies if policy}
        return {study_id: reason for study_id, reason in reasons.items() if reason}

    found = unread_studies(home, task, champion, [study], predictions, policy, told)
    stopped = "; ".join(alarm.sentence for alarm in store.triage.alarms(task.name, standing=True))
    return decide(found[0], task.form, policy, stopped=stopped) if found else None


def status(home: Home, task: ClinicalTask) -> TriageStatus:
    """Where triage of a task stands."""
    store = Store.of(home)
    champion, policy = store.versions.champion(task.name), ruling(store, task.name)
    return TriageStatus(
        champion.version if champion is not None else "",
        policy,
        len(standing(store, task.name)),
        audit(store, task, policy) if policy is not None else None,
        tuple(audits_due(store, task.name)),
        tuple(store.triage.looks(policy.policy_id)) if policy is not None else (),
        tuple(store.triage.alarms(task.name)),
    )


def unread_studies(
    home: Home,
    task: ClinicalTask,
    champion: ModelVersion,
    studies: Sequence[Study],
    predictions: Mapping[str, Prediction],
    policy: TriagePolicy | None,
    unlike: Unlike | None = None,
) -> list[Unread]:
    """The studies without a settled answer, with all that a decision needs to know of them."""
    store, target = Store.of(home), policy.target if policy is not None else target_of(task)
    known = _standard(store, task, {s.patient.part for s in studies})
    open_ = [s for s in studies if shows(target, task.form, known.get(s.study_id, ())) is None]
    reads, reading = _reads(store, task, open_), _in_open_rounds(store, task.name)
    learnt = _learnt(Blobs.of(home), champion)
    strange = _strange(task, policy, open_, predictions, unlike)
    phantoms = policy is not None and store.triage.only_phantoms(policy.policy_id)
    return [
        Unread(
            study, predictions.get(study.study_id), reads.get(study.study_id, ()), study.study_id in reading,
            study.patient.pseudonym in learnt,
            ONLY_PHANTOMS if phantoms and not study.phantom else strange.get(study.study_id, ""),
        )
        for study in open_
    ]  # fmt: skip


def _strange(
    task: ClinicalTask,
    policy: TriagePolicy | None,
    studies: Sequence[Study],
    predictions: Mapping[str, Prediction],
    unlike: Unlike | None,
) -> Mapping[str, str]:
    """Of the studies that may be cleared by their score, those that are unlike any; no other is looked at."""
    if policy is None or unlike is None:
        return {}

    def low(study: Study) -> bool:
        value = score(policy.target, task.form, predictions.get(study.study_id))
        return value is not None and value < policy.threshold

    return unlike([s for s in studies if s.patient.part == Part.TRAIN and low(s)])


def _keep(
    store: Store, policy: TriagePolicy | None, studies: Sequence[Study], decisions: Sequence[TriageDecision]
) -> tuple[int, int]:
    """Keep what was cleared for the first time: how many, and how many of them are read all the same."""
    if policy is None:
        return 0, 0
    earlier = store.triage.clearances(policy.policy_id)
    before = {c.study_id for c in earlier}
    fresh = {d.study_id: d.score for d in decisions
             if d.way == Way.CLEAR and d.score is not None and d.study_id not in before}  # fmt: skip
    if not fresh:
        return 0, 0
    made = draw_audits(policy, studies, fresh, earlier)
    return store.triage.clear(made), sum(c.audit for c in made)


def _standard(store: Store, task: ClinicalTask, parts: Collection[Part]) -> dict[str, tuple[Answer, ...]]:
    """The reference standard of patients of these parts, of all together: nothing is trained or measured here."""
    found: dict[str, tuple[Answer, ...]] = {}
    for some in ({Part.TRAIN, Part.VALIDATION}, {Part.CALIBRATION, Part.TEST}):
        if wanted := some & set(parts):
            found |= store.labels.standard(task.name, wanted)
    return found


def _reads(store: Store, task: ClinicalTask, studies: Collection[Study]) -> dict[str, list[Annotation]]:
    """Independent reads of these studies that have a vote and whose questions are asked as they were then."""
    wanted = {s.study_id for s in studies}
    counts = counting(store, task.name)
    found: dict[str, list[Annotation]] = {}
    alone = next(iter(wanted)) if len(wanted) == 1 else None
    for a in store.reads.annotations(task.name, study_id=alone):
        told = a.study_id in wanted and a.purpose.votes and a.mode == Mode.INDEPENDENT and not a.skipped
        if told and all(counts(a, question) for question in task.form.questions):
            found.setdefault(a.study_id, []).append(a)
    return found


def _in_open_rounds(store: Store, task: str) -> set[str]:
    rounds = [r for r in store.rounds.all(task) if r.state in OPEN_ROUND]
    return {item.study_id for r in rounds for item in store.rounds.batch(r.round_id).items}


def _learnt(blobs: Blobs, champion: ModelVersion) -> frozenset[str]:
    """Pseudonyms of the patients whom the champion was trained or chosen on, as its manifest names them."""
    data = read_manifest(blobs, champion).get("data", {})
    return frozenset(
        name for part in ("training", "validation") for name in data.get(part, {}).get("patients") or ()
    )
