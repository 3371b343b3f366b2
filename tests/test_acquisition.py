from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.acquisition import Candidate, Way, choose
from active_learning.acquisition_reasons import Said
from active_learning.disputes import Dispute
from active_learning.quotas import Quota
from active_learning.strategies.view import View
from data.answers import STUDY, Site
from data.errors import ConfigError
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


# -- ways to choose, budgets and what shares them ----------------------------------------------------------


def seen(features=None, known=()):
    """A look that gives a view of the uncertainties, and of where candidates and known cases lie on a line."""
    asked = []

    def look(candidates):
        asked.extend(c.study.study_id for c in candidates)
        p = np.array([c.said.uncertainty / 2 for c in candidates], dtype=np.float32)
        places = np.array([[features[c.study.study_id]] for c in candidates] if features else [[0.0]] * len(p))
        return View(
            (np.stack([1 - p, p], axis=1),), places.astype(np.float32), np.array(known, np.float32).reshape(-1, 1)
        )

    return look, asked


def train(count, uncertainty=lambda i: (i + 1) / 100, **more):
    return [candidate(f"s{i}", f"p{i}", Part.TRAIN, uncertainty(i), **more) for i in range(count)]


def ids(batch):
    return [item.study_id for item in batch]


def test_a_named_way_picks_in_its_own_order_and_says_why():
    look, asked = seen({f"s{i}": float(i) for i in range(12)}, known=[-1.0])
    batch = choose(train(12), budget=2, way=Way("k_centre"), look=look)
    assert sorted(asked) == sorted(f"s{i}" for i in range(12))
    assert ids(batch) == ["s11", "s5"]  # the farthest from what is known, then the farthest from both
    assert all("; the model: " in item.reason for item in batch)
    assert ids(choose(train(12), budget=3, way=Way("entropy"), look=seen()[0])) == ["s11", "s10", "s9"]


def test_a_named_way_gives_the_same_batch_in_whatever_order_candidates_come():
    pool = [replace(c, groups=(f"g={i % 2}",), seconds=10.0 + i) for i, c in enumerate(train(20))]
    features = {f"s{i}": float(i % 7) for i in range(20)}
    for name in ("random", "badge", "k_centre", "typiclust"):
        options = {
            "budget": 6,
            "budget_s": 90.0,
            "way": Way(name, quotas=(Quota("g=1", at_least=0.4),)),
            "seed": 3,
        }
        one = choose(pool, look=seen(features)[0], **options)
        assert choose(pool[::-1], look=seen(features)[0], **options) == one
        assert one


def test_no_way_to_choose_sees_who_is_drawn_at_random():
    pool = train(6) + [candidate(f"x{i}", f"x{i}", Part.TEST, 0.99) for i in range(6)]
    look, asked = seen()
    batch = choose(pool, budget=6, random_share=0.5, way=Way("entropy"), look=look)
    assert not [study for study in asked if study.startswith("x")]
    assert sum(item.purpose == Purpose.TEST for item in batch) == 3


def test_read_cases_share_the_budget_by_their_doubt():
    doubts = {"torn": 0.95, "mild": 0.55, "quiet": 0.1}
    read = [
        replace(candidate(name, name, Part.TRAIN, 0.2, 0.5), doubt=doubt, has_reference=True)
        for name, doubt in doubts.items()
    ]
    new = [replace(c, doubt=0.4 + i / 20) for i, c in enumerate(train(8))]  # 0.40 to 0.75
    batch = choose(new + read, budget=6, way=Way("random"), look=seen()[0])
    assert [item.study_id for item in batch if item.study_id in doubts] == ["torn", "mild"]
    assert ids(batch)[0] == "torn"
    assert ids(batch)[5] == "mild"  # five new ones are more doubtful
    assert [item.reason for item in batch if item.study_id in doubts] == ["they disagree"] * 2
    assert ids(choose(new + read, budget=6))[:2] == ["torn", "s7"]


def test_of_cases_as_doubtful_the_one_with_something_to_show_for_it_comes_first():
    pool = [candidate(f"s{i}", f"p{i}", Part.TRAIN) for i in range(5)]
    pool.append(replace(candidate("torn", "torn", Part.TRAIN, None, 0.6), doubt=1.0))
    for seed in range(4):
        assert ids(choose(pool, budget=2, seed=seed))[0] == "torn"


def test_a_budget_in_seconds_takes_what_is_worth_most_a_second():
    pool = [
        replace(candidate("long", "a", Part.TRAIN, 0.9), seconds=90.0),
        replace(candidate("short", "b", Part.TRAIN, 0.5), seconds=20.0),
        replace(candidate("middle", "c", Part.TRAIN, 0.6), seconds=30.0),
        replace(candidate("tiny", "d", Part.TRAIN, 0.1), seconds=10.0),
    ]
    assert ids(choose(pool, budget=1, budget_s=60.0)) == ["short", "middle", "tiny"]
    assert ids(choose(pool, budget=9, budget_s=50.0)) == ["short", "middle"]
    assert ids(choose(pool, budget=9, budget_s=15.0)) == ["tiny"]
    assert choose(pool, budget=9, budget_s=5.0) == ()
    assert ids(choose(pool, budget=9, budget_s=1000.0)) == ["short", "middle", "long", "tiny"]


def test_seconds_are_worth_nothing_where_all_cases_are_worth_the_same():
    pool = [replace(candidate(f"s{i}", f"p{i}", Part.TRAIN), seconds=5.0 + i) for i in range(30)]
    blind = [replace(c, seconds=5.0) for c in pool]
    taken = ids(choose(pool, budget=1, budget_s=100.0))
    order = ids(choose(blind, budget=30))
    assert [study for study in order if study in taken] == taken
    assert np.mean([int(study[1:]) for study in taken]) > 5  # the shortest ten would have a mean of 4.5


def test_how_long_a_patients_study_takes_has_no_say_in_whether_it_is_drawn():
    def pool(seconds):
        return [replace(candidate(f"x{i}", f"x{i}", Part.TEST), seconds=seconds[i % 2]) for i in range(40)]

    batches = [ids(choose(pool(s), budget=1, budget_s=600.0, random_share=1.0)) for s in ((10, 50), (50, 10))]
    assert len(batches[0]) == 20  # 600 s at a mean of 30 s
    assert batches[0] == batches[1]


def test_several_studies_of_a_patient_where_asked():
    pool = [candidate(f"s{i}", "one", Part.TRAIN, 0.9 - i / 10) for i in range(4)]
    assert ids(choose(pool, budget=4)) == ["s0"]
    assert ids(choose(pool, budget=4, way=Way(per_patient=3))) == ["s0", "s1", "s2"]


def test_quotas_bound_the_training_cases_and_say_so():
    pool = [replace(c, groups=("site=a" if i > 3 else "site=b",)) for i, c in enumerate(train(12))]
    way = Way(quotas=(Quota("site=b", at_least=0.5),))
    batch = choose(pool, budget=4, way=way)
    assert ids(batch) == ["s11", "s10", "s3", "s2"]
    assert batch[2].reason.endswith("; here for the quota at least 50% site b")
    assert "quota" not in batch[0].reason
    assert ids(choose(pool, budget=4, way=Way(quotas=(Quota("site=a", at_most=0.25),)))) == [
        "s11",
        "s3",
        "s2",
        "s1",
    ]
    look, _ = seen({f"s{i}": float(i) for i in range(12)})
    by_way = choose(pool, budget=4, way=Way("k_centre", quotas=way.quotas), look=look)
    assert sum("site=b" in c.groups for c in pool if c.study.study_id in ids(by_way)) == 2


def test_audits_come_first_and_are_read_without_the_models_answer():
    pool = [*train(10), candidate("x", "x", Part.TEST)]
    batch = choose(pool, budget=4, random_share=0.25, independent_share=0.0, audits=["s0", "s3"])
    audits = {item.study_id: item for item in batch if item.purpose == Purpose.AUDIT}
    assert set(audits) == {"s0", "s3"}
    assert {(item.mode, item.score) for item in audits.values()} == {(Mode.INDEPENDENT, 0.0)}
    assert audits["s0"].reason == "audit: cleared without a reader, drawn at random to be checked"
    assert len(batch) == 4
    assert next(item.study_id for item in batch if item.purpose == Purpose.ACQUISITION) == "s9"
    assert {item.purpose for item in choose(pool, budget=2, audits=["s0", "s3", "s4"])} == {Purpose.AUDIT}


def test_an_unknown_way_to_choose_is_refused():
    with pytest.raises(ConfigError, match="no such way"):
        choose(train(3), budget=1, way=Way("by_the_stars"), look=seen()[0])
