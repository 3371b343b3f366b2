"""How the champion goes on: agreement with later readers, and the spread of its scores."""

from __future__ import annotations

import json

import numpy as np
import pytest

from active_learning.champion_drift import ChampionDrift, champion_drift, drift_stamp
from active_learning.score_shift import Shift, index_by_chance, score_shifts
from active_learning.triage_evidence import stability_index
from data.answers import STUDY, Choice, Findings, Form, Grade, Question, Site
from data.blobs import Blobs
from data.errors import RatingsError
from data.home import Home
from data.records import (
    BatchItem,
    Consensus,
    ConsensusState,
    Mode,
    Part,
    Patient,
    Prediction,
    Purpose,
    QuestionPrediction,
    RoundState,
    Study,
)
from data.store import Store
from models.task import get_task
from tests.compared_home import TASK, many_patients, version

FORM = Form((
    Question("norm", "Normal?", Choice(("normal", "pathology"))),
    Question("grade", "Grade?", Grade(("none", "mild", "severe")), (Site.page(0), Site.page(1))),
    Question("found", "What?", Findings(("heart", "aorta"))),
))  # fmt: skip


def study(i: int, at: str, *, patient: str = "") -> Study:
    name = f"s{i:04d}"
    return Study(name, Patient(patient or f"x:{name}", name, Part.TEST), "DX", ingested_at=at)


def said(study_id: str, p: float) -> Prediction:
    results = [
        QuestionPrediction("norm", STUDY, "normal", {"normal": 1 - p, "pathology": p}, 0.5),
        *(QuestionPrediction("grade", Site.page(k), 0, {"none": 1 - p, "mild": p, "severe": 0.0}, 0.5)
          for k in range(2)),
        QuestionPrediction("found", STUDY, frozenset(), {"heart": p}, 0.5),
    ]  # fmt: skip
    return Prediction("t", study_id, "t-v1", tuple(results))


def test_what_chance_allows_is_kept_in_nineteen_of_twenty_months() -> None:
    rng, beyond = np.random.default_rng(0), 0
    for _ in range(1000):
        before, now = rng.beta(2, 5, 400), rng.beta(2, 5, 150)
        beyond += stability_index(before, now) > index_by_chance(before, now)
    assert beyond / 1000 == pytest.approx(0.05, abs=0.021)


def test_a_month_whose_scores_moved_is_a_shift() -> None:
    rng = np.random.default_rng(1)
    before = [study(i, "2026-01-05") for i in range(200)]
    same = [study(200 + i, "2026-02-05") for i in range(120)]
    moved = [study(400 + i, "2026-03-05") for i in range(120)]
    few = [study(600 + i, "2026-04-05") for i in range(10)]
    predictions = {s.study_id: said(s.study_id, rng.beta(2, 5)) for s in (*before, *same, *few)}
    predictions |= {s.study_id: said(s.study_id, rng.beta(5, 3)) for s in moved}
    found = list(score_shifts(FORM, predictions, before, [*same, *moved, *few]))
    assert [(s.question, s.month) for s in found] == [
        (question, f"2026-0{month}") for question in ("norm", "grade", "found.heart") for month in (2, 3, 4)
    ]
    of = {s.month: s for s in found if s.question == "norm"}
    assert [of[f"2026-0{m}"].shifted for m in (2, 3, 4)] == [False, True, False]
    assert of["2026-04"].index is None
    assert of["2026-03"].index == pytest.approx(
        stability_index(
            [p.results[0].probabilities["pathology"] for s in before if (p := predictions[s.study_id])],
            [p.results[0].probabilities["pathology"] for s in moved if (p := predictions[s.study_id])],
        )
    )


def test_patients_and_not_studies_are_counted() -> None:
    before = [study(i, "2026-01-05") for i in range(40)]
    later = [study(100 + i, "2026-02-05", patient=f"x:{i % 35}") for i in range(70)]
    predictions = {s.study_id: said(s.study_id, 0.3) for s in (*before, *later)}
    assert {s.patients for s in score_shifts(FORM, predictions, before, later)} == {35}


def test_a_shift_is_more_than_chance_and_more_than_usual() -> None:
    assert not Shift("q", "2026-01", 50, 0.3, 0.4).shifted
    assert not Shift("q", "2026-01", 9000, 0.05, 0.01).shifted
    assert Shift("q", "2026-01", 500, 0.2, 0.1).shifted


@pytest.fixture
def followed(home: Home) -> Store:
    """A champion and a round under it: ten cases drawn at random, of which it has nine right, and five chosen."""
    store = Store.of(home)
    studies = many_patients(home, 40)
    made = version(home, studies, 60.0, seed=1)  # never wrong
    store.versions.crown(TASK, made.version, "the first one")
    items = [
        BatchItem(s.study_id, Purpose.TEST if i < 10 else Purpose.ACQUISITION, Mode.INDEPENDENT, 0.0, "")
        for i, s in enumerate(studies[:15])
    ]
    for number in (1, 2):
        current = store.rounds.open(TASK, items, {"readers": []}, made.version if number == 2 else "")
        store.labels.put_consensus(
            Consensus(TASK, item.study_id, current.round_id, "borders_frontal", STUDY, ConsensusState.AGREED,
                      _agreed(i), "majority", 1.0, ())
            for i, item in enumerate(items)
        )  # fmt: skip
        store.rounds.move(current.round_id, RoundState.CANCELLED, expected=[RoundState.OPENED])
    return store


def _agreed(i: int) -> str:
    """What the readers agree on: the truth, but of the first case and of three of those that were chosen."""
    cut = (i % 5 < 2) != (i in (0, 10, 11, 12))
    return "cut_off" if cut else "complete"


def test_cases_drawn_at_random_are_kept_apart_from_those_that_were_chosen(home: Home, followed: Store) -> None:
    found = champion_drift(followed, Blobs.of(home), get_task(TASK))
    assert found is not None
    assert [one.number for one in found.rounds] == [2]  # the first round had another champion
    only = found.rounds[0]
    assert only.drawn is not None
    assert only.chosen is not None
    assert (only.drawn.value, only.drawn.n) == (pytest.approx(0.9), 10)
    assert (only.chosen.value, only.chosen.n) == (pytest.approx(0.4), 5)
    assert (only.drawn_dice, only.chosen_dice, found.patients) == (None, None, 40)
    assert ChampionDrift.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    with pytest.raises(RatingsError, match="champion"):
        ChampionDrift.from_dict({"version": "v1"})


def test_the_stamp_changes_with_what_the_drift_is_of(home: Home, followed: Store) -> None:
    before = drift_stamp(followed, TASK)
    assert drift_stamp(followed, TASK) == before
    later = version(home, followed.studies.find()[:1], 1.0, seed=2)
    assert drift_stamp(followed, TASK) != before
    middle = drift_stamp(followed, TASK)
    followed.versions.crown(TASK, later.version, "newer")
    assert drift_stamp(followed, TASK) != middle


def test_a_task_without_a_champion_has_none(home: Home) -> None:
    assert champion_drift(Store.of(home), Blobs.of(home), get_task(TASK)) is None
