"""Curated sets: rules and their files, the flow, duplicates across patients and parts, balance."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.curation.balance import class_sizes, drawn
from data.curation.candidates import Candidate
from data.curation.flow import Curated, DuplicatePair, FlowStep, ReasonCount, curate
from data.curation.intensity import IntensityLimits, IntensityStatistics
from data.curation.rule import CurationRule, load_rule, rule_for, rule_from_json, save_rule
from data.curation.sets import load_curated, save_curated
from data.curation.sides import Step
from data.curation.terms import load_terms
from data.errors import CurationError, PartError
from data.records import Part

TERMS = load_terms()
DARK = IntensityStatistics(10.0, 5.0, 0.9, 0.0, 2.0)
FINE = IntensityStatistics(120.0, 50.0, 0.01, 0.01, 7.0)


def rule(**changes: Any) -> CurationRule:
    return rule_for("scoliosis", TERMS, **{"negatives_per_positive": None, **changes})


def study(number: int, report: str = "Без патологии.", **fields: Any) -> Candidate:
    patient = fields.pop("patient", f"p{number}")
    return Candidate(f"s{number:02d}", patient, report=report, **fields)


def curated(given: list[Candidate], own: CurationRule, part: Part = Part.TRAIN, **parts: Part) -> Curated:
    return curate(given, own, TERMS, {one.patient_id: parts.get(one.patient_id, part) for one in given})


def why(made: Curated) -> dict[str, tuple[Step, str]]:
    return {one.study_id: (one.step, one.reason) for one in made.exclusions}


def test_every_exclusion_has_its_step_and_reason() -> None:
    own = rule(
        sexes=("F",),
        age_y=(18.0, 80.0),
        views=("PA",),
        devices=("Acme",),
        quality={"borders_frontal": ("complete",)},
    )
    base: dict[str, Any] = {
        "sex": "F", "age_y": 50.0, "view": "PA", "device": "ACME", "quality": {"borders_frontal": "complete"},
        "intensity": FINE,
    }  # fmt: skip
    given = [
        study(0, "Сколиоз.", **base),
        study(1, "Lungs are clear. No scoliosis.", **base),
        study(2, " ", **base),
        study(3, **{**base, "view": "LL"}),
        study(4, **{**base, "sex": "M"}),
        study(5, **{**base, "sex": ""}),
        study(6, **{**base, "age_y": 17.0}),
        study(7, **{**base, "age_y": None}),
        study(8, **{**base, "device": "Other"}),
        study(9, **{**base, "quality": {"borders_frontal": "cut_off"}}),
        study(10, **{**base, "quality": {}}),
        study(11, **{**base, "intensity": DARK}),
        study(12, "Сколиоз не исключается.", **base),
        study(13, "Сколиоз. Эмфизема.", **base),
        study(14, "Перенесенный туберкулез.", **base),
        study(15, "Сколиоз. Сердце расширено.", **base),
        study(16, "Сердце расширено.", **base),
        study(17, "Возможно, выпот.", **base),
    ]
    made = curated(given, own)
    assert (made.positives, made.negatives) == (("s00",), ("s01",))
    assert why(made) == {
        "s02": (Step.UNLABELLED, "no report and no labels"),
        "s03": (Step.VIEW, "view LL"),
        "s04": (Step.SEX, "sex M"),
        "s05": (Step.SEX, "sex not known"),
        "s06": (Step.AGE, "below 18 years"),
        "s07": (Step.AGE, "age not known"),
        "s08": (Step.DEVICE, "device Other"),
        "s09": (Step.QUALITY, "borders_frontal cut_off"),
        "s10": (Step.QUALITY, "borders_frontal not answered"),
        "s11": (Step.INTENSITY, "too dark"),
        "s12": (Step.UNCERTAIN, "scoliosis"),
        "s13": (Step.CONFOUNDER, "emphysema"),
        "s14": (Step.CONFOUNDER, "tuberculosis in doubt"),
        "s15": (Step.SEVERAL, "enlarged_heart"),
        "s16": (Step.NEITHER, "enlarged_heart"),
        "s17": (Step.NEITHER, "pleural_effusion in doubt"),
    }
    steps = {step.step: step for step in made.steps}
    assert list(steps) == list(Step)
    assert (made.steps[0].given, made.steps[-1].left) == (18, 2)
    assert steps[Step.SEX].reasons == (ReasonCount("sex M", 1), ReasonCount("sex not known", 1))
    assert made.rule_digest == own.digest
    assert made.terms_digest == TERMS.digest


def test_labels_come_before_the_report() -> None:
    given = [
        study(0, "Норма.", labels=frozenset({"scoliosis"})),
        study(1, "Сколиоз.", labels=frozenset()),
        study(2, "", labels=frozenset({"nodule"})),
    ]
    made = curated(given, rule())
    assert (made.positives, made.negatives) == (("s00",), ("s01",))
    with pytest.raises(CurationError, match="no concept"):
        curated([study(0, labels=frozenset({"scoliosys"}))], rule())


def test_the_rule_may_widen_or_narrow_a_side() -> None:
    given = [study(0, "Сколиоз. Сердце расширено."), study(1, "Сердце не расширено."), study(2, "Норма.")]
    assert curated(given, rule(keep_several=True)).positives == ("s00",)
    assert curated(given, rule(normal_statement=True)).negatives == ("s02",)
    heart = rule_for(
        "enlarged_heart", TERMS, positives=("enlarged_heart", "cardiomegaly"), negatives_per_positive=None
    )
    assert curated([study(0, "Кардиомегалия."), study(1)], heart).positives == ("s00",)
    relaxed = [study(0, "Сколиоз. Релаксация купола диафрагмы.")]
    assert why(curated(relaxed, rule())) == {"s00": (Step.SEVERAL, "diaphragm_relaxation")}


def test_duplicates_of_one_patient_leave_the_first_and_pairs_of_two_are_told() -> None:
    given = [
        study(0, "Сколиоз.", patient="a", phash=0b0000),
        study(1, "Сколиоз.", patient="a", phash=0b0011),
        study(2, "Норма.", patient="a", phash=0b0110),
        study(3, "Норма.", patient="b", phash=0b0001),
        study(4, "Норма.", patient="c", phash=0xFF << 40),
    ]
    made = curated(given, rule())
    assert why(made) == {
        "s01": (Step.DUPLICATE, "labelled alike"),
        "s02": (Step.DUPLICATE, "labelled otherwise"),
    }
    assert made.across_patients == (DuplicatePair("s00", "s03", 1, (Part.TRAIN, Part.TRAIN)),)
    assert made.study_ids == ("s00", "s03", "s04")
    assert len(curated(given, rule(duplicate_distance=None)).study_ids) == 5


def test_a_pair_across_parts_costs_the_training_study() -> None:
    given = [
        study(0, "Сколиоз.", patient="a", phash=0),
        study(1, "Сколиоз.", patient="b", phash=1),
        study(2, "Норма.", patient="c", phash=3),
    ]
    made = curated(given, rule(), a=Part.TRAIN, b=Part.TEST, c=Part.VALIDATION)
    assert why(made) == {
        "s00": (Step.LEAK, "train study like one of test"),
        "s02": (Step.LEAK, "validation study like one of test"),
    }
    assert made.study_ids == ("s01",)
    counts = {count.part: (count.positives, count.negatives, count.patients) for count in made.parts}
    assert counts == {
        Part.TRAIN: (0, 0, 0), Part.VALIDATION: (0, 0, 0), Part.CALIBRATION: (0, 0, 0), Part.TEST: (1, 0, 1),
    }  # fmt: skip


def test_classes_are_balanced_within_each_part_and_again_alike() -> None:
    given = [study(n, "Сколиоз." if n % 4 == 0 else "Норма.") for n in range(40)]
    parts = {one.patient_id: Part.TEST if n >= 28 else Part.TRAIN for n, one in enumerate(given)}
    balanced = rule(negatives_per_positive=1.0)
    made = curate(given, balanced, TERMS, parts)
    assert [(count.part, count.positives, count.negatives) for count in made.parts if count.patients] == [
        (Part.TRAIN, 7, 7), (Part.TEST, 3, 3),
    ]  # fmt: skip
    assert curate(reversed(given), balanced, TERMS, parts) == made
    other = curate(given, dataclasses.replace(balanced, seed=1), TERMS, parts)
    assert len(other.negatives) == len(made.negatives)
    assert other.negatives != made.negatives
    wide = curate(given, dataclasses.replace(balanced, negatives_per_positive=2.0), TERMS, parts)
    assert set(made.negatives) < set(wide.negatives)
    assert len(wide.negatives) == 20


@pytest.mark.parametrize(
    ("positives", "negatives", "ratio", "sizes"),
    [(10, 30, 1.0, (10, 10)), (30, 10, 1.0, (10, 10)), (10, 30, 2.0, (10, 20)), (10, 30, None, (10, 30)),
     (10, 30, 0.5, (10, 5)), (0, 9, 1.0, (0, 0)), (4, 0, 1.0, (0, 0)), (10, 1, 3.0, (1, 1))],
)  # fmt: skip
def test_sizes_of_classes(positives: int, negatives: int, ratio: float | None, sizes: tuple[int, int]) -> None:
    assert class_sizes(positives, negatives, ratio) == sizes


def test_a_draw_is_a_draw() -> None:
    ids = [f"s{n}" for n in range(100)]
    ten = drawn(ids, 10, 3)
    assert len(set(ten)) == 10
    assert drawn(ids[::-1], 10, 3) == ten
    assert set(ten) <= set(drawn(ids, 20, 3))
    assert drawn(ids[:3], 9, 0) == ("s0", "s1", "s2")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("", "Норма.", "Сколиоз.", "Сколиоз. Эмфизема.", "Выпот.", "Сколиоз?")),
            st.sampled_from("abcde"), st.sampled_from(("F", "M", "")), st.integers(0, 15),
        ),
        max_size=30,
    ),
    st.integers(0, 3),
)  # fmt: skip
def test_sums_agree_and_parts_share_no_patient_and_no_picture(
    rows: list[tuple[str, str, str, int]], distance: int
) -> None:
    given = [study(n, report, patient=p, sex=sex, phash=h) for n, (report, p, sex, h) in enumerate(rows)]
    parts = dict(zip("abcde", (Part.TRAIN, Part.TEST, Part.TRAIN, Part.VALIDATION, Part.CALIBRATION), strict=True))
    own = rule(sexes=("F",), negatives_per_positive=1.0, duplicate_distance=distance)
    made = curate(given, own, TERMS, parts)
    assert made.steps[0].given == len(given) == len(made.study_ids) + len(made.exclusions)
    known = {one.study_id: one for one in given}
    for one in made.study_ids:
        for other in made.study_ids:
            bits = ((known[one].phash or 0) ^ (known[other].phash or 0)).bit_count()
            if parts[known[one].patient_id] is not parts[known[other].patient_id]:
                assert bits > distance


def test_what_cannot_be_curated_is_refused() -> None:
    with pytest.raises(CurationError, match="one study"):
        curated([study(0), study(0)], rule())
    with pytest.raises(PartError, match="no part"):
        curate([study(0)], rule(), TERMS, {})
    with pytest.raises(CurationError, match="do not hold"):
        curated([study(0)], CurationRule("x", "hat"))
    with pytest.raises(CurationError, match="sums"):
        FlowStep(Step.VIEW, "View", 5, (ReasonCount("x", 2),), 4)


RULES = (
    CurationRule("plain", "scoliosis"),
    rule_for("diaphragm_relaxation", TERMS, name="women-only", sexes=("F",), age_y=(18.0, None)),
    rule_for(
        "enlarged_heart", TERMS, name="heart_2", positives=("enlarged_heart", "cardiomegaly"),
        devices=('A "quoted" maker', "Ф\\ирма"), quality={"borders_frontal": ("complete",), "x": ("a", "b")},
        intensity=None, negatives_per_positive=None, duplicate_distance=None, seed=2**40, keep_several=True,
    ),
    CurationRule("limits", "scoliosis", intensity=IntensityLimits(least_sd=3.25), age_y=(None, 65.5)),
)  # fmt: skip


@pytest.mark.parametrize("own", RULES, ids=lambda own: own.name)
def test_a_rule_comes_back_from_its_file(tmp_path: Path, own: CurationRule) -> None:
    path = save_rule(own, tmp_path)
    assert path == tmp_path / f"{own.name}.toml"
    again = load_rule(own.name, tmp_path)
    assert again == own
    assert again.digest == own.digest
    assert save_rule(again, tmp_path) == path
    path.unlink()
    (tmp_path / f"{own.name}.json").write_text(json.dumps(own.as_json()), "utf-8")
    assert load_rule(own.name, tmp_path) == own
    assert dataclasses.replace(own, seed=own.seed + 1).digest != own.digest


def test_a_name_keeps_its_rule(tmp_path: Path) -> None:
    save_rule(RULES[0], tmp_path)
    with pytest.raises(CurationError, match="another rule"):
        save_rule(dataclasses.replace(RULES[0], seed=9), tmp_path)
    with pytest.raises(CurationError, match="plain"):
        load_rule("none", tmp_path)
    (tmp_path / "plain.toml").rename(tmp_path / "other.toml")
    with pytest.raises(CurationError, match="name of the rule"):
        load_rule("other", tmp_path)
    (tmp_path / "bad.toml").write_text("[", "utf-8")
    with pytest.raises(CurationError, match="cannot be read"):
        load_rule("bad", tmp_path)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"name": "A b"}, "name"), ({"finding": "x", "positives": ["y"]}, "finding"), ({"sexes": ["X"]}, "sexes"),
     ({"age_y": [30, 20]}, "age_y"), ({"age_y": [1]}, "age_y"), ({"seed": -1}, "seed"), ({"seed": True}, "seed"),
     ({"duplicate_distance": 65}, "duplicate_distance"), ({"quality": {"q": []}}, "quality"),
     ({"quality": {"q": "x"}}, "quality"), ({"negatives_per_positive": 0}, "negatives_per_positive"),
     ({"confounders": ["scoliosis"]}, "confounders"),
     ({"views": ["PA", "PA"]}, "views"),
     ({"colour": 1}, "colour"), ({"views": "PA"}, "views"),
     ({"intensity": {"least_sd": "x"}}, "intensity.least_sd")],
)  # fmt: skip
def test_a_wrong_rule_is_refused_by_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(CurationError, match=f"{field} of the rule"):
        rule_from_json({"name": "n", "finding": "scoliosis", **changes})


def test_a_set_comes_back_from_its_file(tmp_path: Path) -> None:
    given = [study(n, "Сколиоз." if n % 3 else "Норма.", phash=n * 5) for n in range(12)]
    parts = {one.patient_id: Part.TEST if n >= 9 else Part.TRAIN for n, one in enumerate(given)}
    made = curate(given, rule(negatives_per_positive=1.0), TERMS, parts)
    assert made.across_patients
    path = save_curated(made, tmp_path)
    assert path.name == "scoliosis.json"
    assert load_curated("scoliosis", tmp_path) == made
    raw = json.loads(path.read_text("utf-8"))
    for key, value, message in (
        ("rule", {**raw["rule"], "seed": 5}, "another rule"),
        ("positives", [], "sums"),
        ("steps", 3, "no curated set"),
    ):
        path.write_text(json.dumps({**raw, key: value}), "utf-8")
        with pytest.raises(CurationError, match=message):
            load_curated("scoliosis", tmp_path)
    with pytest.raises(CurationError, match="cannot be read"):
        load_curated("other", tmp_path)
