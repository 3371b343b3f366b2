"""What watches over clearing: audits of cleared cases, and drift of scores and inputs. Each may lift an alarm.

A share of the cleared patients is drawn at random when they are cleared and read like any other case, without the
model's answer. Their answers test, at every look and with no more false alarms for it, whether the miss rate is
larger than was promised (see :mod:`active_learning.triage_evidence`). Patients who came in since the operating
point was made are compared with the calibration patients: those who were there before were dealt to the parts by a
hash, and cannot differ by more than chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from active_learning.draws import number
from active_learning.risk_control import lowest, two_sided
from active_learning.triage_evidence import (
    always_valid,
    e_value,
    more_often,
    same_distribution,
    spent,
    stability_index,
)
from active_learning.triage_target import score, shows
from data.records import Clearance, Part, Prediction, Study, TriageAlarm, TriageLook, TriagePolicy, Watched
from data.store import Store
from models.task import ClinicalTask, get_task

FALSE_ALARM: Mapping[Watched, float] = {Watched.AUDIT: 0.03, Watched.SCORES: 0.01, Watched.INPUTS: 0.01}
"""The probability that an alarm is ever lifted although nothing is wrong; 0.05 in all."""
LEAST_PATIENTS = 50
"""New patients from which drift is looked at; fewer wait for the next look."""
NOTABLE = 0.1
"""Population stability index below which a shift of the scores is too small to matter."""
Unlike = Callable[[Sequence[Study]], Mapping[str, str]]
"""Of studies, those that are unlike the calibration patients': the reason by study."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What audits have shown.

    Parameters
    ----------
    drawn, read, pathological:
        Cleared patients who were drawn for the audit; those whose answer is settled; those of them with pathology.
    omission, omission_always:
        P(pathology | cleared): the exact 95% interval of a single look, and one that holds at all looks together.
    miss, miss_low, miss_high:
        The miss rate that these mean, with the single look's interval; None without an answer.
    evidence:
        The e-value against the promise: an alarm is lifted where it reaches 1 / :data:`FALSE_ALARM`.
    """

    drawn: int
    read: int
    pathological: int
    omission: tuple[float, float]
    omission_always: tuple[float, float]
    miss: float | None
    miss_low: float
    miss_high: float
    evidence: float


def ruling(store: Store, task: str) -> TriagePolicy | None:
    """The operating point that rules: the champion's own, or none. A new champion has none until one is made."""
    champion = store.versions.champion(task)
    return store.triage.policy(task, champion.version) if champion is not None else None


def draw_audits(
    policy: TriagePolicy, studies: Sequence[Study], scores: Mapping[str, float], earlier: Sequence[Clearance]
) -> list[Clearance]:
    """The clearances of studies, with those drawn that are read all the same.

    A patient is drawn with a probability of ``policy.audit_share`` by a hash of policy and patient; of a drawn
    patient one study is audited under a policy, the one with the lowest hash of those cleared first.

    Parameters
    ----------
    earlier:
        What the policy has cleared before.
    """
    patients = {s.study_id: s.patient.patient_id for s in studies}
    cleared_before = {patients[c.study_id] for c in earlier if c.audit and c.study_id in patients}
    drawn: dict[str, str] = {}
    for study in sorted(studies, key=lambda s: number(0, f"audited {policy.policy_id}", s.study_id)):
        patient = study.patient.patient_id
        place = number(0, f"audit {policy.policy_id}", patient) / 2**64
        if place < policy.audit_share and patient not in cleared_before and study.study_id in scores:
            drawn.setdefault(patient, study.study_id)
    audited = set(drawn.values())
    return [
        Clearance(policy.policy_id, study_id, value, study_id in audited) for study_id, value in scores.items()
    ]


def audits_due(store: Store, task: str, seed: int = 0) -> list[str]:
    """The studies that were drawn for the audit and still have no answer, in an order drawn by the seed.

    They are to be read independently, by as many readers as any case, for the purpose
    :attr:`data.records.Purpose.AUDIT`. Which they are was drawn when they were cleared and does not depend on the
    seed. Studies that are held, and those that a round has asked for since, are left out.
    """
    policy = ruling(store, task)
    if policy is None:
        return []
    form, asked = get_task(task).form, store.rounds.studies_asked(task)
    known = store.labels.standard(task, {Part.TRAIN})
    drawn = [
        c.study_id
        for c in store.triage.clearances(policy.policy_id)
        if c.audit and c.study_id not in asked and shows(policy.target, form, known.get(c.study_id, ())) is None
    ]
    free = [s.study_id for s in store.studies.find(study_ids=drawn) if not s.held]
    return sorted(free, key=lambda study_id: number(seed, "audit", study_id))


def standing(store: Store, task: str) -> frozenset[str]:
    """The studies that stand as cleared: by the operating point that rules, and while no alarm stands."""
    policy = ruling(store, task)
    if policy is None or store.triage.alarms(task, standing=True):
        return frozenset()
    return frozenset(c.study_id for c in store.triage.clearances(policy.policy_id))


def audit(store: Store, task: ClinicalTask, policy: TriagePolicy) -> Audit:
    """What the audits of a policy have shown since it was made, or since its last audit alarm was lifted.

    Studies that were drawn and have a settled answer count, whatever they were read for: only the draw says which.
    """
    since = _since(store, policy, Watched.AUDIT)
    drawn = [c.study_id for c in store.triage.clearances(policy.policy_id) if c.audit and c.at > since]
    known = store.labels.standard(task.name, {Part.TRAIN})
    answers = [shows(policy.target, task.form, known[study]) for study in drawn if study in known]
    settled = [answer for answer in answers if answer is not None]
    hits, of = sum(settled), len(settled)
    low, high = two_sided(hits, of)
    return Audit(
        len(drawn), of, hits, (low, high), always_valid(hits, of),
        policy.miss_of(hits / of) if of else None, policy.miss_of(low), policy.miss_of(high),
        e_value(hits, of, policy.tolerated) if policy.tolerated < 1 else 1.0,
    )  # fmt: skip


def look(
    store: Store,
    task: ClinicalTask,
    policy: TriagePolicy,
    studies: Sequence[Study],
    predictions: Mapping[str, Prediction],
    unlike: Unlike | None = None,
) -> list[TriageAlarm]:
    """Look at everything that is watched, keep what was seen, and lift the alarms that are due; those lifted.

    Parameters
    ----------
    studies:
        The task's studies of all parts, of which those of new patients are looked at.
    predictions:
        What the policy's version says of them, by study.
    """
    raised = [_look_at_audits(store, task, policy)]
    raised.append(_look_at_scores(store, task, policy, studies, predictions))
    if unlike is not None:
        raised.append(_look_at_inputs(store, policy, studies, unlike))
    return [alarm for alarm in raised if alarm is not None]


def _look_at_audits(store: Store, task: ClinicalTask, policy: TriagePolicy) -> TriageAlarm | None:
    seen = audit(store, task, policy)
    before, number_ = _earlier(store, policy, Watched.AUDIT)
    if before is not None and (before.figures["read"], before.figures["pathological"]) == (
        seen.read,
        seen.pathological,
    ):
        return None
    if not seen.read:
        return None
    store.triage.look(
        TriageLook(policy.policy_id, Watched.AUDIT, number_, {
            "drawn": seen.drawn, "read": seen.read, "pathological": seen.pathological, "evidence": seen.evidence,
        })
    )  # fmt: skip
    if seen.evidence < 1 / FALSE_ALARM[Watched.AUDIT]:
        return None
    return store.triage.alarm(policy, Watched.AUDIT, (
        f"Of {seen.read} cleared patients who were read all the same, {seen.pathological} show pathology: "
        f"a miss rate of {seen.miss or 0:.1%} ({seen.miss_low:.1%} to {seen.miss_high:.1%}) "
        f"where {policy.miss:.1%} was promised."
    ))  # fmt: skip


def _look_at_scores(
    store: Store,
    task: ClinicalTask,
    policy: TriagePolicy,
    studies: Sequence[Study],
    predictions: Mapping[str, Prediction],
) -> TriageAlarm | None:
    new, number_ = _new(store, policy, Watched.SCORES, studies)
    scored = [(s, value) for s in new
              if (value := score(policy.target, task.form, predictions.get(s.study_id))) is not None]  # fmt: skip
    now = lowest([value for _, value in scored], [s.patient.patient_id for s, _ in scored])
    if len(now) < LEAST_PATIENTS:
        return None
    cases = store.triage.cases(policy.policy_id)
    owners = {s.study_id: s.patient.patient_id for s in store.studies.find(study_ids=[c.study_id for c in cases])}
    before = lowest([c.score for c in cases], [owners[c.study_id] for c in cases])
    statistic, p = same_distribution(before, now)
    index = stability_index(before, now)
    level = spent(number_, FALSE_ALARM[Watched.SCORES])
    store.triage.look(
        TriageLook(policy.policy_id, Watched.SCORES, number_, {
            "patients": len(now), "statistic": statistic, "p": p, "level": level, "stability_index": index,
        })
    )  # fmt: skip
    if p > level or index < NOTABLE:
        return None
    return store.triage.alarm(policy, Watched.SCORES, (
        f"The scores of {len(now)} new patients are not those of the calibration patients: population stability "
        f"index {index:.2f}, Kolmogorov-Smirnov {statistic:.2f} (p {p:.1g})."
    ))  # fmt: skip


def _look_at_inputs(
    store: Store, policy: TriagePolicy, studies: Sequence[Study], unlike: Unlike
) -> TriageAlarm | None:
    new, number_ = _new(store, policy, Watched.INPUTS, studies)
    patients = {s.patient.patient_id for s in new}
    if len(patients) < LEAST_PATIENTS:
        return None
    calibration = store.studies.find(study_ids=[c.study_id for c in store.triage.cases(policy.policy_id)])
    now, before = _strange(new, unlike), _strange(calibration, unlike)
    p, level = more_often(now, before), spent(number_, FALSE_ALARM[Watched.INPUTS])
    store.triage.look(
        TriageLook(policy.policy_id, Watched.INPUTS, number_, {
            "patients": now[1], "unlike": now[0], "calibration_patients": before[1],
            "calibration_unlike": before[0], "p": p, "level": level,
        })
    )  # fmt: skip
    if p > level:
        return None
    return store.triage.alarm(policy, Watched.INPUTS, (
        f"{now[0]} of {now[1]} new patients have images unlike those of the calibration patients, of whom "
        f"{before[0]} of {before[1]} have images unlike those of the others (p {p:.1g})."
    ))  # fmt: skip


def _strange(studies: Sequence[Study], unlike: Unlike) -> tuple[int, int]:
    """(patients with a study that looks like none, patients)."""
    found = unlike(studies)
    return (
        len({s.patient.patient_id for s in studies if s.study_id in found}),
        len({s.patient.patient_id for s in studies}),
    )


def _new(
    store: Store, policy: TriagePolicy, watched: Watched, studies: Sequence[Study]
) -> tuple[list[Study], int]:
    """The studies of patients who came in since the last look, or since the policy was made; the look's number."""
    before, number_ = _earlier(store, policy, watched)
    start = max(policy.made_at, before.at if before is not None else "", _since(store, policy, watched))
    first: dict[str, str] = {}
    for study in studies:
        patient = study.patient.patient_id
        first[patient] = min(first.get(patient, study.ingested_at), study.ingested_at)
    return [s for s in studies if first[s.patient.patient_id] > start], number_


def _earlier(store: Store, policy: TriagePolicy, watched: Watched) -> tuple[TriageLook | None, int]:
    """The look before at the same thing, and the number of the next one, since an alarm of it was lifted last."""
    since = _since(store, policy, watched)
    looks = [one for one in store.triage.looks(policy.policy_id, watched) if one.at > since]
    return (looks[0] if looks else None), len(looks) + 1


def _since(store: Store, policy: TriagePolicy, watched: Watched) -> str:
    """When the last alarm of a kind under a policy was lifted; empty where none was."""
    return max(
        (a.lifted_at for a in store.triage.alarms(policy.task)
         if a.policy_id == policy.policy_id and a.watched == watched),
        default="",
    )  # fmt: skip
