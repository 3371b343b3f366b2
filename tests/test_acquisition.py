from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.acquisition import Candidate, choose
from active_learning.acquisition_reasons import Said
from active_learning.disputes import Dispute
from data.answers import STUDY, Site
from data.records import Mode, Part, Patient, Prediction, Purpose, QuestionPrediction, Study

PURPOSE = {
    Part.TRAIN: Purpose.ACQUISITION,
    Part.VALIDATION: Purpose.VALIDATION,
    Part.CALIBRATION: Purpose.CALIBRATION,
    Part.TEST: Purpose.TEST,
}


def prediction(study_id, p, uncertainty):
    result = QuestionPrediction(
        "borders", STUDY, "complete" if p < 0.5 else "cut_off", {"complete": 1 - p, "cut_off": p}, uncertainty
    )
    return Prediction("task", study_id, "v1", (result,))


def candidate(study_id, patient_id, part, uncertainty=None, dispute=None, **more):
    study = Study(study_id, Patient(patient_id, f"P-{patient_id}", part), "DX")
    said = None if uncertainty is None else prediction(study_id, 0.5 * uncertainty, uncertainty)
    quarrel = None if dispute is None else Dispute(study_id, dispute, "borders", STUDY, "", "they disagree")
    return Candidate.of(study, said, quarrel, **more)


@st.composite
def pools(draw):
    parts = draw(st.lists(st.sampled_from(list(Part)), min_size=1, max_size=12))
    pool = []
    for patient, part in enumerate(parts):
        for study in range(draw(st.integers(1, 3))):
            score = draw(st.one_of(st.none(), st.floats(0, 1)))
            quarrel = draw(st.one_of(st.none(), st.floats(0.01, 1)))
            known = draw(st.booleans())
            pool.append(candidate(f"s{patient}-{study}", f"p{patient}", part, score, quarrel, has_reference=known))
    return pool


shares = st.floats(0, 1)


@settings(deadline=None)
@given(pools(), st.integers(1, 30), shares, shares, st.integers(0, 5), st.randoms(use_true_random=False))
def test_what_holds_of_every_batch(pool, budget, random_share, independent_share, seed, random):
    options = {
        "budget": budget,
        "random_share": random_share,
        "independent_share": independent_share,
        "seed": seed,
    }
    batch = choose(pool, **options)
    by_study = {c.study.study_id: c for c in pool}
    chosen = [by_study[item.study_id] for item in batch]
    assert len(batch) <= budget
    assert len({c.study.patient.patient_id for c in chosen}) == len(batch)
    for item, taken in zip(batch, chosen, strict=True):
        assert item.purpose == PURPOSE[taken.study.patient.part]
        assert item.reason
        if item.purpose != Purpose.ACQUISITION:
            assert (item.mode, item.score) == (Mode.INDEPENDENT, 0.0)
            assert not taken.has_reference
        elif item.mode == Mode.ASSISTED:
            assert taken.said is not None
    scores = [item.score for item in batch if item.purpose == Purpose.ACQUISITION]
    assert scores == sorted(scores, reverse=True)
    shuffled = list(pool)
    random.shuffle(shuffled)
    assert choose(shuffled, **options) == batch


@settings(deadline=None)
@given(pools(), st.integers(1, 30), shares, st.integers(0, 5), st.lists(shares, min_size=40, max_size=40))
def test_no_score_has_a_say_in_who_is_drawn_at_random(pool, budget, random_share, seed, scores):
    def drawn(candidates):
        batch = choose(candidates, budget=budget, random_share=random_share, seed=seed)
        return {item.study_id for item in batch if item.purpose != Purpose.ACQUISITION}

    changed = [
        replace(c, said=Said.of(prediction(c.study.study_id, s / 2, s)), dispute=None)
        for c, s in zip(pool, scores, strict=False)
    ]
    assert drawn(changed) == drawn(pool)


def test_the_most_needed_first_and_the_better_study_of_a_patient():
    pool = [
        candidate("a", "p1", Part.TRAIN, 0.2),
        candidate("b", "p1", Part.TRAIN, 0.9),
        candidate("c", "p2", Part.TRAIN, 0.5, 0.95),
        candidate("d", "p3", Part.TRAIN, 0.1),
    ]
    assert [i.study_id for i in choose(pool, budget=3)] == ["c", "b", "d"]
    assert [i.study_id for i in choose(pool, budget=1)] == ["c"]


def test_the_shares_of_a_batch():
    pool = [candidate(f"t{i}", f"t{i}", Part.TRAIN, 0.5 + i / 1000) for i in range(40)]
    pool += [candidate(f"x{i}", f"x{i}", Part.TEST, 0.99) for i in range(40)]
    batch = choose(pool, budget=24, random_share=0.25, independent_share=0.25)
    assert sum(i.purpose == Purpose.TEST for i in batch) == 6
    training = [i for i in batch if i.purpose == Purpose.ACQUISITION]
    assert len(training) == 18
    assert sum(i.mode == Mode.INDEPENDENT for i in training) == 5  # 4.5, rounded half up
    for mode in Mode:
        asked = choose(pool, budget=24, mode=mode)
        assert {i.mode for i in asked if i.purpose == Purpose.ACQUISITION} == {mode}


def test_what_random_patients_do_not_fill_goes_to_training_cases():
    pool = [candidate(f"t{i}", f"t{i}", Part.TRAIN, 0.5) for i in range(10)]
    pool.append(candidate("x", "x", Part.TEST))
    batch = choose(pool, budget=8, random_share=0.5)
    assert [i.purpose for i in batch].count(Purpose.TEST) == 1
    assert len(batch) == 8
    only_test = [c for c in pool if c.study.patient.part == Part.TEST]
    assert len(choose(only_test, budget=1, random_share=0.25)) == 0


def test_the_parts_are_drawn_in_their_own_proportion():
    pool = [
        candidate(f"{part}{i}", f"{part}{i}", part)
        for part, count in ((Part.TEST, 200), (Part.CALIBRATION, 100), (Part.VALIDATION, 100))
        for i in range(count)
    ]
    counts = dict.fromkeys(PURPOSE.values(), 0)
    for seed in range(20):
        for item in choose(pool, budget=40, random_share=1.0, seed=seed):
            counts[item.purpose] += 1
    assert counts[Purpose.TEST] == pytest.approx(400, abs=50)
    assert counts[Purpose.CALIBRATION] == pytest.approx(200, abs=45)


def test_a_patient_with_a_reference_is_not_drawn_again():
    pool = [candidate("a", "p", Part.TEST, has_reference=True), candidate("b", "p", Part.TEST)]
    assert choose(pool, budget=4, random_share=1.0) == ()
    known = candidate("c", "q", Part.TRAIN, 0.9, has_reference=True)
    assert choose([known], budget=4) == ()
    assert len(choose([candidate("c", "q", Part.TRAIN, 0.9, 0.5, has_reference=True)], budget=4)) == 1


def reason(taken):
    (item,) = choose([taken], budget=1, random_share=0.0)
    return item.reason


def test_reasons_in_words():
    doubtful = candidate("a", "p", Part.TRAIN, 1.0)
    doubtful = replace(doubtful, said=Said.of(prediction("a", 0.52, 0.99)))
    assert reason(doubtful) == "the model is undecided: cut off 0.52, complete 0.48"
    certain = replace(doubtful, said=Said.of(prediction("a", 0.03, 0.2)))
    assert reason(certain) == "among the least certain of those left: complete 0.97, cut off 0.03"
    assert reason(candidate("a", "p", Part.TRAIN, 0.3, 0.6)) == "they disagree"
    assert reason(candidate("a", "p", Part.TRAIN)) == "no model has seen it yet"
    (drawn,) = choose([candidate("a", "p", Part.CALIBRATION, 0.9)], budget=1, random_share=1.0)
    assert drawn.reason == "drawn at random for the calibration set"


def test_reasons_name_question_and_site_where_there_are_several():
    site = Site.level("L4/L5", "left")
    results = (
        QuestionPrediction("central", STUDY, 0, {"none": 0.9, "mild": 0.1}, 0.4),
        QuestionPrediction("foraminal", site, 1, {"none": 0.3, "mild": 0.4, "severe": 0.3}, 0.99),
    )
    taken = replace(candidate("a", "p", Part.TRAIN), said=Said.of(Prediction("task", "a", "v1", results)))
    expected = "the model is undecided about foraminal at L4/L5, left: mild 0.40, none 0.30"
    assert reason(taken) == expected
