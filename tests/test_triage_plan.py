"""Operating points of a home: made from the calibration patients alone, refused where those are too few."""

from __future__ import annotations

import numpy as np
import pytest

from active_learning.risk_control import allowed, upper_bound
from active_learning.triage_plan import gather, grouped, plan
from active_learning.triage_run import decision_on, run
from active_learning.triage_subgroups import Holds, by_subgroup
from active_learning.watch import ruling
from data.errors import RoundError, TriageError
from data.home import Home
from data.records import BatchItem, Mode, Part, Purpose, RoundState, Way
from data.store import Store
from models.task import get_task
from tests import triage_home
from tests.test_watch import alike
from tests.triage_home import TASK


def scores_of(store: Store, version: str) -> dict[str, float]:
    return {s: p.results[0].probabilities["pathology"] for s, p in store.versions.predictions(version).items()}


def test_the_operating_point_by_hand(home: Home) -> None:
    store = triage_home.fill(home)
    made = plan(home, get_task(TASK))
    scores = scores_of(store, made.version)
    own = {s: v for s, v in scores.items() if s.startswith("study-calibration")}
    ill = np.sort([v for s, v in own.items() if int(s[-4:]) % 5 < 2])
    well = np.array([v for s, v in own.items() if int(s[-4:]) % 5 >= 2])
    most = allowed(168, 0.02, 0.95)
    assert (made.patients, made.pathological, made.missed, made.unsettled) == (420, 168, most, 0)
    assert made.threshold == ill[most]
    assert made.bound == pytest.approx(upper_bound(most, 168, 0.95))
    assert made.cleared.value == pytest.approx(np.mean(np.array(list(own.values())) < ill[most]))
    assert made.rightly == pytest.approx(np.mean(well < ill[most]))
    assert (made.prevalence, made.stated, made.expected) == (pytest.approx(0.4), False, ill[2])
    assert made.omission is not None
    assert made.omission.value == pytest.approx(most / max(most + np.sum(well < ill[most]), 1))
    assert made.tolerated == pytest.approx(0.4 * 0.02 / (0.4 * 0.02 + 0.6 * made.rightly))
    assert made.miss_of(made.tolerated) == pytest.approx(0.02)


def test_it_is_kept_with_its_cases_and_told_of(home: Home) -> None:
    store = triage_home.fill(home)
    made = plan(home, get_task(TASK), miss=0.05, prevalence=0.1)
    assert ruling(store, TASK) == made
    assert (made.miss, made.prevalence, made.stated) == (0.05, 0.1, True)
    cases = store.triage.cases(made.policy_id)
    assert len(cases) == 420
    assert sum(bool(case.positive) for case in cases) == 168
    entry = store.log.entries(subject=made.policy_id)[0]
    assert entry.event == "triage.planned"
    assert entry.detail["digest"] == made.digest
    assert plan(home, get_task(TASK), miss=0.05).digest == made.digest


def test_the_prediction_sets_come_with_it(home: Home) -> None:
    store = triage_home.fill(home)
    made = plan(home, get_task(TASK))
    (sets,) = made.sets
    assert (sets.question, sets.options, sets.counts) == ("norm", ("normal", "pathology"), (252, 168))
    scores = scores_of(store, made.version)
    ill = sorted(v for s, v in scores.items() if s.startswith("study-calibration") and int(s[-4:]) % 5 < 2)
    assert sets.thresholds[1] == pytest.approx(ill[168 - 161])  # ceil(169 * 0.95) = 161st largest


def test_too_few_patients_are_refused_and_nothing_rules(home: Home) -> None:
    store = triage_home.fill(home, calibration=100)
    with pytest.raises(TriageError, match="109 more are needed"):
        plan(home, get_task(TASK))
    assert ruling(store, TASK) is None
    assert store.log.entries(limit=1)[0].event == "triage.refused"
    assert plan(home, get_task(TASK), miss=0.1).pathological == 40


def test_without_a_champion_there_is_nothing_to_make(home: Home) -> None:
    with pytest.raises(RoundError, match="no champion"):
        plan(home, get_task(TASK))


def test_a_new_champion_has_no_operating_point_until_one_is_made(home: Home) -> None:
    store = triage_home.fill(home)
    first = plan(home, get_task(TASK))
    studies = store.studies.find()
    second = triage_home.crown(home, store, studies, [False] * len(studies), seed=9)
    assert ruling(store, TASK) is None
    assert {d.way for d in run(home, get_task(TASK), unlike=alike).decisions} == {Way.READ}
    made = plan(home, get_task(TASK))
    assert (made.version, made.threshold == first.threshold) == (second, False)
    store.versions.crown(TASK, first.version, "rolled back")
    assert ruling(store, TASK) == first


def test_answers_of_other_parts_have_no_say(home: Home) -> None:
    store = triage_home.fill(home)
    before = plan(home, get_task(TASK))
    for study in store.studies.find(parts=[Part.TRAIN, Part.TEST, Part.VALIDATION]):
        triage_home.agree(store, study.study_id, True)
    assert plan(home, get_task(TASK)).digest == before.digest


def test_a_case_that_the_readers_did_not_settle_counts_as_missed_where_it_would_be_cleared(home: Home) -> None:
    store = triage_home.fill(home)
    before = plan(home, get_task(TASK), miss=0.1)
    low = triage_home.add(home, store, "calibration-9998", Part.CALIBRATION)
    high = triage_home.add(home, store, "calibration-9999", Part.CALIBRATION)
    store.versions.put_predictions(
        [triage_home.predicted(low.study_id, before.version, 1e-6),
         triage_home.predicted(high.study_id, before.version, 1 - 1e-6)]
    )  # fmt: skip
    items = [BatchItem(s.study_id, Purpose.CALIBRATION, Mode.INDEPENDENT, 0.0, "drawn") for s in (low, high)]
    current = store.rounds.open(TASK, items, {}, before.version)
    assert plan(home, get_task(TASK), miss=0.1).digest == before.digest  # it is still being read
    for state, after in ((RoundState.OPENED, RoundState.PUSHED), (RoundState.PUSHED, RoundState.READ),
                         (RoundState.READ, RoundState.CLOSED)):  # fmt: skip
        store.rounds.move(current.round_id, after, expected=[state])
    triage_home.agree(store, low.study_id, None, round_id=current.round_id)
    made = plan(home, get_task(TASK), miss=0.1)
    assert (made.pathological, made.unsettled) == (before.pathological, 1)
    assert made.missed == allowed(169, 0.1, 0.95) - 1
    assert made.threshold <= before.threshold


def test_several_studies_of_a_patient_count_once_by_the_lowest_score(home: Home) -> None:
    store = triage_home.fill(home)
    version = str(store.versions.champion(TASK).version)  # type: ignore[union-attr]
    twin = triage_home.add(home, store, "twin", Part.CALIBRATION, patient="hospital:calibration-0000",
                           pseudonym="P-calibration-0000")  # fmt: skip
    store.versions.put_predictions([triage_home.predicted(twin.study_id, version, 1e-6)])
    triage_home.agree(store, twin.study_id, True)
    groups = grouped(gather(home, get_task(TASK), version))
    assert (len(groups.pathological), min(groups.pathological)) == (168, 1e-6)
    triage_home.agree(store, twin.study_id, False)
    again = grouped(gather(home, get_task(TASK), version))
    assert (len(again.pathological), len(again.normal)) == (168, 252)
    assert min(again.pathological) > 1e-6


def test_phantoms_leave_once_there_are_others_and_clear_only_phantoms(home: Home) -> None:
    store = Store.of(home)
    studies = [triage_home.add(home, store, f"c{n}", Part.CALIBRATION, n, phantom=True) for n in range(80)]
    fresh = [triage_home.add(home, store, "real", Part.TRAIN),
             triage_home.add(home, store, "phantom", Part.TRAIN, phantom=True)]  # fmt: skip
    version = triage_home.crown(
        home, store, [*studies, *fresh], [n % 2 == 0 for n in range(80)] + [False] * 2, seed=1
    )
    for n, study in enumerate(studies):
        triage_home.agree(store, study.study_id, n % 2 == 0)
    store.versions.put_predictions(triage_home.predicted(s.study_id, version, 1e-9) for s in fresh)
    plan(home, get_task(TASK), miss=0.1)
    ways = {d.study_id: (d.way, d.reason) for d in run(home, get_task(TASK), unlike=alike).decisions}
    assert ways["study-phantom"][0] == Way.CLEAR
    assert ways["study-real"] == (Way.READ, "the operating point was made from phantoms alone")
    own = triage_home.add(home, store, "c-real", Part.CALIBRATION)
    store.versions.put_predictions([triage_home.predicted(own.study_id, version, 0.5)])
    triage_home.agree(store, own.study_id, True)
    with pytest.raises(TriageError, match="28 more"):
        plan(home, get_task(TASK), miss=0.1)


def test_the_misses_by_subgroup_by_hand(home: Home) -> None:
    store = triage_home.fill(home)
    made = plan(home, get_task(TASK), miss=0.05)
    cases = store.triage.cases(made.policy_id)
    studies = {s.study_id: s for s in store.studies.find(study_ids=[c.study_id for c in cases])}
    found = {(g.kind, g.value): g for g in by_subgroup(made, cases, studies, ["sex", "manufacturer", "age"])}
    for value in ("Alpha", "Beta"):
        own = [c for c in cases if studies[c.study_id].series[0].attributes["manufacturer"] == value]
        group = found["manufacturer", value]
        assert group.patients == sum(bool(c.positive) for c in own) == 84
        assert group.missed == sum(bool(c.positive) and c.score < made.threshold for c in own)
        assert group.bound == pytest.approx(upper_bound(group.missed, 84, 0.95))
        assert group.cleared == pytest.approx(np.mean([c.score < made.threshold for c in own]))
        assert group.holds == (Holds.YES if group.missed <= allowed(84, 0.05, 0.95) else Holds.OPEN)
    strict = by_subgroup(plan(home, get_task(TASK)), cases, studies, ["sex", "manufacturer", "age"])
    assert {(g.holds, g.bound) for g in strict} == {(Holds.FEW, None)}


def test_a_deleted_calibration_case_is_gone_from_the_policys_cases(home: Home) -> None:
    from data.blobs import Blobs
    from data.deletion import delete_patient

    store = triage_home.fill(home)
    made = plan(home, get_task(TASK))
    card = next(c for c in store.cards.find() if c.patient.patient_id == "hospital:calibration-0000")
    delete_patient(store, Blobs.of(home), card.card_id)
    assert len(store.triage.cases(made.policy_id)) == 419
    assert ruling(store, TASK) == made


def test_one_study_is_decided_from_what_is_kept(home: Home) -> None:
    store = triage_home.fill(home)
    study = store.studies.get("study-train-0002")
    assert decision_on(home, get_task(TASK), study).reason == (  # type: ignore[union-attr]
        "no operating point holds for the champion"
    )
    plan(home, get_task(TASK))
    one = decision_on(home, get_task(TASK), study)
    assert one in run(home, get_task(TASK), unlike=alike).decisions
    triage_home.agree(store, study.study_id, False)
    assert decision_on(home, get_task(TASK), study) is None
