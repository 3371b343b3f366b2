"""What watches over clearing: who is audited, what audits say, drift, and alarms that stop and are lifted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from active_learning import watch
from active_learning.triage_plan import plan
from active_learning.triage_run import run, status
from active_learning.watch import audit, audits_due, draw_audits, standing
from data.errors import NotFoundError, TriageError
from data.home import Home
from data.records import (
    BatchItem,
    Clearance,
    Mode,
    Part,
    Patient,
    Purpose,
    Study,
    TriagePolicy,
    Watched,
    Way,
)
from data.store import Store
from models.task import get_task
from tests import triage_home
from tests.test_triage import POLICY
from tests.triage_home import LATE, TASK


def people(count: int, each: int = 1) -> list[Study]:
    return [
        Study(f"s-{n}-{k}", Patient(f"hospital:{n}", f"P-{n}", Part.TRAIN), "CT")
        for n in range(count)
        for k in range(each)
    ]


def alike(studies: Sequence[Study]) -> dict[str, str]:
    """No study looks like none."""
    return {}


def cleared(home: Home, *, train: int = 400, miss: float = 0.1) -> tuple[Store, TriagePolicy]:
    """A home in which triage ran once; low scores abound among the training patients."""
    store = triage_home.fill(home, calibration=200, train=train)
    made = plan(home, get_task(TASK), miss=miss)
    run(home, get_task(TASK), unlike=alike)
    return store, made


# -- audits ------------------------------------------------------------------------------------------------


def test_a_tenth_of_the_patients_is_audited_one_study_each_whoever_comes_first() -> None:
    studies = people(2000, each=2)
    scores = {s.study_id: 0.1 for s in studies}
    made = draw_audits(POLICY, studies, scores, [])
    audited = [c.study_id.split("-")[1] for c in made if c.audit]
    assert len(made) == 4000
    assert len(set(audited)) == len(audited)
    assert 150 < len(audited) < 250
    turned = draw_audits(POLICY, studies[::-1], dict(reversed(scores.items())), [])
    assert {c.study_id for c in turned if c.audit} == {c.study_id for c in made if c.audit}
    other = draw_audits(replace(POLICY, policy_id="tp-2"), studies, scores, [])
    assert {c.study_id for c in other if c.audit} != {c.study_id for c in made if c.audit}


def test_a_patient_who_was_audited_is_not_audited_again() -> None:
    studies = people(300, each=2)
    first = draw_audits(POLICY, studies, {s.study_id: 0.1 for s in studies if s.study_id.endswith("-0")}, [])
    later = draw_audits(POLICY, studies, {s.study_id: 0.1 for s in studies if s.study_id.endswith("-1")}, first)
    assert any(c.audit for c in first)
    assert not any(c.audit for c in later)


def test_audits_are_due_until_a_round_asks_for_them(home: Home) -> None:
    store, made = cleared(home)
    drawn = [c.study_id for c in store.triage.clearances(made.policy_id) if c.audit]
    due = audits_due(store, TASK, 5)
    assert len(drawn) > 5
    assert sorted(due) == sorted(drawn)
    assert due != audits_due(store, TASK, 6)
    assert due == audits_due(store, TASK, 5)
    items = [BatchItem(due[0], Purpose.AUDIT, Mode.INDEPENDENT, 0.0, "audit")]
    store.rounds.open(TASK, items, {}, made.version)
    store.studies.update(due[1], held="text on it")
    assert audits_due(store, TASK, 5) == due[2:]


def test_nothing_is_due_without_an_operating_point(home: Home) -> None:
    store = Store.of(home)
    assert audits_due(store, TASK, 0) == []
    assert standing(store, TASK) == frozenset()
    triage_home.fill(home, calibration=10, train=3)
    assert audits_due(store, TASK, 0) == []


def test_what_audits_say_by_hand(home: Home) -> None:
    store, made = cleared(home)
    drawn = sorted(c.study_id for c in store.triage.clearances(made.policy_id) if c.audit)
    for number, study_id in enumerate(drawn[:6]):
        triage_home.agree(store, study_id, number == 0)
    triage_home.agree(store, drawn[6], None)
    seen = audit(store, get_task(TASK), made)
    assert (seen.drawn, seen.read, seen.pathological) == (len(drawn), 6, 1)
    odds = (1 / 6) / (5 / 6)
    assert seen.miss == pytest.approx(odds * (1 - made.prevalence) * made.rightly / made.prevalence)
    assert seen.omission == pytest.approx((0.00421, 0.64123), abs=1e-5)
    assert seen.omission_always[0] < seen.omission[0]
    assert seen.miss_low < seen.miss < seen.miss_high  # type: ignore[operator]


def test_cleared_cases_that_show_pathology_stop_clearing_until_a_reason_is_given(home: Home) -> None:
    store, made = cleared(home)
    before = standing(store, TASK)
    drawn = [c.study_id for c in store.triage.clearances(made.policy_id) if c.audit]
    for study_id in drawn:
        triage_home.agree(store, study_id, True)
    triage_home.add(home, store, "train-new", Part.TRAIN)
    store.versions.put_predictions([triage_home.predicted("study-train-new", made.version, 1e-6)])
    done = run(home, get_task(TASK), unlike=alike)
    (alarm,) = done.raised
    assert alarm.watched == Watched.AUDIT
    assert f"Of {len(drawn)} cleared patients who were read all the same, {len(drawn)} show" in alarm.sentence
    assert (done.count(Way.CLEAR), done.cleared, standing(store, TASK)) == (0, 0, frozenset())
    with pytest.raises(TriageError, match="alarm stands"):
        store.triage.clear([Clearance(made.policy_id, "study-train-new", 0.0, False)])
    assert run(home, get_task(TASK), unlike=alike).raised == ()
    with pytest.raises(TriageError, match="needs a reason"):
        store.triage.resume(TASK, "  ")
    store.triage.resume(TASK, "the reference was wrong")
    assert standing(store, TASK) == before
    after = run(home, get_task(TASK), unlike=alike)
    assert (after.cleared, after.raised) == (1, ())
    assert status(home, get_task(TASK)).audit.read == 0  # type: ignore[union-attr]
    assert [e.event for e in store.log.entries(subject=alarm.alarm_id)] == ["triage.resumed", "triage.alarm"]
    with pytest.raises(NotFoundError, match="No alarm stands"):
        store.triage.resume(TASK, "again")


def test_an_alarm_outlives_the_operating_point(home: Home) -> None:
    store, made = cleared(home)
    store.triage.alarm(made, Watched.SCORES, "other scores.")
    plan(home, get_task(TASK), miss=0.1)
    assert run(home, get_task(TASK), unlike=alike).count(Way.CLEAR) == 0
    assert len(store.triage.alarms(TASK, standing=True)) == 1


def test_running_again_clears_nothing_twice(home: Home) -> None:
    store, made = cleared(home)
    first = store.triage.clearances(made.policy_id)
    again = run(home, get_task(TASK), unlike=alike)
    assert again.count(Way.CLEAR) == len(first) > 20
    assert (again.cleared, again.audits) == (0, 0)
    assert store.triage.clearances(made.policy_id) == first
    assert {s.patient.part for s in store.studies.find(study_ids=[c.study_id for c in first])} == {Part.TRAIN}
    assert all(c.score < made.threshold for c in first)


# -- drift -------------------------------------------------------------------------------------------------


def come_in(home: Home, store: Store, made: TriagePolicy, scores: Sequence[float], *, start: int, at: str) -> None:
    for number, value in enumerate(scores, start):
        study = triage_home.add(home, store, f"new-{number:04}", Part.TRAIN, number, at=at)
        store.versions.put_predictions([triage_home.predicted(study.study_id, made.version, float(value))])


def calibration_scores(store: Store, made: TriagePolicy) -> np.ndarray:
    return np.array([case.score for case in store.triage.cases(made.policy_id)])


def test_new_patients_with_other_scores_lift_an_alarm(home: Home) -> None:
    store, made = cleared(home, train=40)
    come_in(home, store, made, np.linspace(0.001, 0.2, 80), start=0, at=LATE)
    (alarm,) = run(home, get_task(TASK), unlike=alike).raised
    assert alarm.watched == Watched.SCORES
    assert "The scores of 80 new patients" in alarm.sentence
    (seen,) = store.triage.looks(made.policy_id, Watched.SCORES)
    assert (seen.number, seen.figures["patients"]) == (1, 80)
    assert (
        seen.figures["p"]
        < seen.figures["level"]
        == pytest.approx(watch.FALSE_ALARM[Watched.SCORES] * 6 / np.pi**2)
    )


def test_new_patients_with_the_same_scores_do_not(home: Home) -> None:
    store, made = cleared(home, train=40)
    drawn = np.random.default_rng(1).choice(calibration_scores(store, made), 80)
    come_in(home, store, made, drawn, start=0, at=LATE)
    assert run(home, get_task(TASK), unlike=alike).raised == ()
    assert len(store.triage.looks(made.policy_id, Watched.SCORES)) == 1


def test_few_new_patients_wait_and_old_ones_are_never_looked_at(home: Home) -> None:
    store, made = cleared(home, train=40)
    come_in(home, store, made, [0.001] * (watch.LEAST_PATIENTS - 1), start=0, at=LATE)
    come_in(home, store, made, [0.001] * 80, start=100, at=triage_home.EARLY)
    assert run(home, get_task(TASK), unlike=alike).raised == ()
    assert store.triage.looks(made.policy_id, Watched.SCORES) == []


def test_images_unlike_any_are_read_and_many_of_them_lift_an_alarm(home: Home) -> None:
    store, made = cleared(home, train=40)
    drawn = np.random.default_rng(1).choice(calibration_scores(store, made), 80)
    come_in(home, store, made, drawn, start=0, at=LATE)

    def unlike(studies: Sequence[Study]) -> dict[str, str]:
        return {s.study_id: "it looks like none" for s in studies if s.study_id.startswith("study-new-00")}

    done = run(home, get_task(TASK), unlike=unlike)
    (alarm,) = done.raised
    assert alarm.watched == Watched.INPUTS
    assert alarm.sentence.startswith("80 of 80 new patients have images unlike those")
    strange = {d.reason for d in done.decisions if d.study_id.startswith("study-new") and d.way == Way.READ}
    assert "it looks like none" in strange


def test_the_status_tells_all_of_it(home: Home) -> None:
    store, made = cleared(home)
    found = status(home, get_task(TASK))
    assert found.policy == made
    assert found.cleared == len(store.triage.clearances(made.policy_id))
    assert list(found.due) == audits_due(store, TASK)
    assert found.stopped == ()
    store.triage.alarm(made, Watched.SCORES, "other scores.")
    assert [a.sentence for a in status(home, get_task(TASK)).stopped] == ["other scores."]
