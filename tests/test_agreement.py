"""Agreement: published examples, R's irrCAC, libraries on tables with gaps, intervals, tables of one's own.

The golden values of the panel of four come from R's irrCAC, whose documentation prints them for this table, which
is Krippendorff's own example.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import fleiss_kappa as fleiss_of_whole
from typer.testing import CliRunner

from active_learning.accuracy import accuracy, majority_of_others
from active_learning.agreement import (
    Scale,
    Weights,
    band,
    cohen_kappa,
    fleiss_kappa,
    gwet_ac,
    krippendorff_alpha,
    percent_agreement,
    prevalence_and_bias,
)
from active_learning.panel import panel
from active_learning.rating_tables import read_ratings
from active_learning.ratings import NOT_READ, Ratings, ratings_of
from data.answers import STUDY, Answer, Choice, Form, Question
from data.errors import RatingsError
from data.records import Annotation, Mode, Purpose
from workbench.cli import app

FOUR = [
    (1, 1, None, 1), (2, 2, 3, 2), (3, 3, 3, 3), (3, 3, 3, 3), (2, 2, 2, 2), (1, 2, 3, 4), (4, 4, 4, 4),
    (1, 1, 2, 1), (2, 2, 2, 2), (None, 5, 5, 5), (None, None, 1, 1), (None, None, 3, None),
]  # fmt: skip
"""Twelve units, four readers, five options, with gaps."""
FLEISS = [
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
]  # fmt: skip
"""Fourteen readers, ten subjects, five options: how many chose each. Printed with P = 0.378 and kappa = 0.210."""


def table_of(rows: list[tuple[int | None, ...]], options: int, patients: list[str] | None = None) -> Ratings:
    """Ratings from 1 to ``options``; None is a gap."""
    given_ = np.array([[NOT_READ if v is None else v - 1 for v in row] for row in rows], dtype=np.int16)
    names = tuple(f"i{n:03}" for n in range(len(rows)))
    readers = tuple(f"r{n}" for n in range(given_.shape[1]))
    return Ratings(tuple(map(str, range(1, options + 1))), readers, names, tuple(patients or names), given_)


def value(measure: object) -> float:
    assert measure is not None
    return float(measure.value)  # type: ignore[attr-defined]


def test_the_panel_of_four_as_irrcac_prints_it() -> None:
    four = table_of(FOUR, 5)
    assert value(percent_agreement(four)) == pytest.approx(0.81818, abs=5e-6)
    assert value(fleiss_kappa(four)) == pytest.approx(0.76117, abs=5e-6)
    assert value(gwet_ac(four)) == pytest.approx(0.77544, abs=5e-6)
    assert value(krippendorff_alpha(four)) == pytest.approx(0.74342, abs=5e-6)


@pytest.mark.parametrize(("scale", "printed"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_on_krippendorffs_own_example(scale: str, printed: float) -> None:
    assert value(krippendorff_alpha(table_of(FOUR, 5), Scale(scale))) == pytest.approx(printed, abs=5e-4)


def test_fleiss_on_the_published_example() -> None:
    rows = [tuple(option + 1 for option, n in enumerate(counts) for _ in range(n)) for counts in FLEISS]
    many = table_of(rows, 5)
    assert value(percent_agreement(many)) == pytest.approx(0.378, abs=5e-4)
    assert value(fleiss_kappa(many)) == pytest.approx(0.210, abs=5e-4)


def test_cohen_on_published_tables() -> None:
    def pair(table: list[list[int]]) -> Ratings:
        rows = [(a + 1, b + 1) for a, row in enumerate(table) for b, n in enumerate(row) for _ in range(n)]
        return table_of(rows, len(table))

    grants = pair([[20, 5], [10, 15]])  # 50 proposals, kappa 0.4
    assert value(cohen_kappa(grants, "r0", "r1")) == pytest.approx(0.4)
    cohen_1960 = pair([[88, 10, 2], [14, 40, 6], [18, 10, 12]])  # kappa 0.492
    assert value(cohen_kappa(cohen_1960, "r0", "r1")) == pytest.approx(0.492, abs=5e-4)
    assert prevalence_and_bias(grants, "r0", "r1") == (pytest.approx(0.1), pytest.approx(0.1))
    assert prevalence_and_bias(cohen_1960, "r0", "r1") is None


tables = st.integers(2, 4).flatmap(
    lambda options: st.tuples(
        st.just(options),
        st.lists(st.tuples(*[st.one_of(st.none(), st.integers(1, options))] * 4), min_size=2, max_size=14),
    )
)


@settings(max_examples=150, deadline=None)
@given(tables)
def test_the_sums_behind_the_intervals_give_the_libraries_values(
    drawn: tuple[int, list[tuple[int | None, ...]]],
) -> None:
    options, rows = drawn
    ratings = table_of(rows, options)
    found = [krippendorff_alpha(ratings, scale) for scale in Scale]
    found += [cohen_kappa(ratings, "r0", "r1", weights) for weights in Weights]
    found += [fleiss_kappa(ratings), gwet_ac(ratings), gwet_ac(ratings, Weights.QUADRATIC)]
    for measure in found:
        if measure is not None:
            assert measure.statistic(np.ones((1, len(measure.patients))))[0] == pytest.approx(measure.value)
    counts = ratings.counts()
    several = counts[counts.sum(axis=1) > 1]
    alpha = found[0]
    if alpha is not None:
        assert alpha.value == pytest.approx(
            krippendorff.alpha(value_counts=several, level_of_measurement="nominal")
        )
    whole = [row for row in rows if None not in row]
    if len(whole) == len(rows) and (kappa := fleiss_kappa(ratings)) is not None:
        assert kappa.value == pytest.approx(fleiss_of_whole(counts))
    both = [(a, b) for a, b, *_ in rows if a is not None and b is not None]
    pair = cohen_kappa(ratings, "r0", "r1", Weights.QUADRATIC)
    if pair is not None:
        first, second = zip(*both, strict=True)
        expected = cohen_kappa_score(first, second, weights="quadratic", labels=range(1, options + 1))
        assert pair.value == pytest.approx(expected)


def test_what_is_undefined_is_missing() -> None:
    same = table_of([(1, 1), (1, 1)], 2)
    assert fleiss_kappa(same) is None
    assert krippendorff_alpha(same) is None
    assert cohen_kappa(same, "r0", "r1") is None
    assert value(gwet_ac(same)) == 1.0
    alone = table_of([(1, None), (None, 2)], 2)
    assert percent_agreement(alone) is None
    found = panel("x", alone, draws=0)
    assert (found.several, found.gaps, dict(found.figures)) == (0, 2, {})


@pytest.mark.parametrize(
    ("coefficient", "name"),
    [(-0.1, "poor"), (0.0, "slight"), (0.2, "slight"), (0.21, "fair"), (0.5, "moderate"), (0.8, "substantial"),
     (0.81, "almost perfect")],
)  # fmt: skip
def test_bands(coefficient: float, name: str) -> None:
    assert band(coefficient) == name


def test_an_interval_is_over_patients_and_repeatable() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(1, 3, 120)
    rows: list[tuple[int | None, ...]] = [
        tuple(int(3 - t) if rng.random() < 0.15 else int(t) for _ in range(3)) for t in truth
    ]
    of_cases = panel("x", table_of(rows, 2), draws=400).figures["krippendorff_alpha"]
    again = panel("x", table_of(rows, 2), draws=400).figures["krippendorff_alpha"]
    assert of_cases == again
    assert of_cases.low is not None
    assert of_cases.high is not None
    assert of_cases.low < of_cases.value < of_cases.high
    twelve = [f"p{n // 10}" for n in range(120)]
    clustered = panel("x", table_of(rows, 2, twelve), draws=400).figures["krippendorff_alpha"]
    assert (clustered.n, clustered.value) == (12, of_cases.value)
    assert (clustered.low, clustered.high) != (of_cases.low, of_cases.high)


def test_a_reader_is_compared_with_the_others_not_with_the_own_vote() -> None:
    three = table_of([(1, 1, 2), (2, 2, 1), (1, 2, 2), (2, 2, 2)], 2)
    others = majority_of_others(three, "r2")
    assert others.tolist() == [0, 1, NOT_READ, 1]  # of two others that differ there is no majority
    figures = accuracy(three.of_reader("r2"), others, three.patients, options=2, ordered=False)
    found = {name: measure.value for name, measure in figures.items()}
    assert found == {"accuracy": pytest.approx(1 / 3), "sensitivity": 0.5, "specificity": 0.0, "auc": 0.25}


def test_several_options_are_weighted_by_the_reference() -> None:
    truth = np.array([0, 0, 0, 1, 1, 2], dtype=np.int16)
    said = np.array([0, 0, 1, 1, 2, 2], dtype=np.int16)
    names = tuple("abcdef")
    figures = accuracy(said, truth, names, options=3, ordered=False)
    assert figures["sensitivity"].value == pytest.approx((3 * 2 / 3 + 2 * 1 / 2 + 1) / 6)
    assert figures["specificity"].value == pytest.approx((3 * 1 + 2 * 3 / 4 + 1 * 4 / 5) / 6)
    halves = [(2 / 3 + 1) / 2, (1 / 2 + 3 / 4) / 2, (1 + 4 / 5) / 2]
    assert figures["auc"].value == pytest.approx((3 * halves[0] + 2 * halves[1] + halves[2]) / 6)
    assert set(accuracy(said, truth, names, options=3, ordered=True)) == set(figures)


BORDERS = Question("borders", "Borders?", Choice(("complete", "cut_off")))


def read(
    reader: str, study: str, said: str, *, mode: Mode = Mode.INDEPENDENT, purpose: Purpose = Purpose.ACQUISITION
) -> Annotation:
    answers = (Answer("borders", STUDY, said),)
    return Annotation(f"{reader}-{study}-{mode}", "task", study, reader, mode, answers, purpose=purpose)


def test_only_independent_reads_count_and_assisted_ones_are_apart() -> None:
    reads = [read(f"r{n}", "s1", said) for n, said in enumerate(("complete", "complete", "cut_off"))]
    reads += [read(f"r{n}", "s2", "cut_off") for n in range(3)]
    reads.append(read("z", "s1", "cut_off", purpose=Purpose.ADJUDICATION))
    reads.append(read("y", "s1", "cut_off", mode=Mode.ASSISTED))
    form = Form((BORDERS,))
    (found,) = ratings_of(reads, form, patients={"s1": "p", "s2": "p"}).values()
    assert (found.readers, found.items, found.patients) == (
        ("r0", "r1", "r2"),
        ("s1 study", "s2 study"),
        ("p", "p"),
    )
    assert value(percent_agreement(found)) == pytest.approx((1 / 3 + 1) / 2)
    (apart,) = ratings_of(reads, form, assisted=True).values()
    assert (apart.readers, apart.counts().tolist()) == (("y",), [[0, 1]])


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    rows = [
        {"case": case, "who": who, "grade": grade, "patient": case[0]}
        for case, who, grade in [
            ("a1", "x", "0"),
            ("a1", "y", "10"),
            ("a2", "x", ""),
            ("a2", "y", "2"),
            ("a1", "x", "2"),
        ]
    ]
    truth = write(tmp_path / "truth.csv", [{"case": "a1", "grade": "2"}])
    found = read_ratings(
        write(tmp_path / "reads.csv", rows),
        case="case",
        reader="who",
        labels=["grade"],
        patient="patient",
        truth=truth,
    )
    ratings = found.ratings["grade"]
    assert ratings.options == ("2", "10")  # as numbers; the answer that was given again does not count
    assert ratings.patients == ("a", "a")
    assert found.truth == {"grade": {"a1": "2"}}
    assert found.notes == (
        "1 reads were given again by the same reader: the last one counts.",
        "grade: 1 cells are empty.",
        "grade: 1 cases have no reference standard.",
    )


def test_bad_tables_say_what_is_wrong(tmp_path: Path) -> None:
    path = write(tmp_path / "reads.csv", [{"case": "a", "who": "x", "grade": "high"}])
    with pytest.raises(RatingsError, match="lacks columns"):
        read_ratings(path, case="case", reader="reader", labels=["grade"])
    with pytest.raises(RatingsError, match="no such option"):
        read_ratings(path, case="case", reader="who", labels=["grade"], order=["low", "mid"])
    with pytest.raises(RatingsError, match="cannot be read"):
        read_ratings(tmp_path / "none.csv", case="case", reader="who", labels=["grade"])
    with pytest.raises(RatingsError, match="two answers"):
        Ratings.of([("a", "x", "1"), ("a", "x", "2")], ["1", "2"])
    with pytest.raises(RatingsError, match="do not fit"):
        Ratings(("1",), ("x",), ("a",), ("a",), np.ones((1, 1), dtype=np.int16))


def said(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["agreement", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout.splitlines()[-1]))


def test_the_verb_prints_the_figures(tmp_path: Path) -> None:
    rows = [
        {"case": f"c{n}", "who": f"r{r}", "grade": str(option), "other": "x"}
        for n, row in enumerate(FOUR)
        for r, option in enumerate(row)
        if option is not None
    ]
    path = write(tmp_path / "reads.csv", rows)
    found = said("--csv", str(path), "--case", "case", "--reader", "who", "--label", "grade", "--scale", "ordinal")
    grade = found["labels"]["grade"]
    assert (grade["reads"], grade["gaps"], grade["items_with_several_reads"]) == (41, 7, 11)
    assert grade["krippendorff_alpha"]["value"] == pytest.approx(0.815, abs=5e-4)
    assert grade["krippendorff_alpha"]["band"] == "almost perfect"
    assert grade["gwet_ac1"]["value"] == pytest.approx(0.77544, abs=5e-6)
    assert len(grade["pairs"]) == 6
    assert {"cohen_kappa", "cohen_kappa_linear", "cohen_kappa_quadratic"} <= set(grade["pairs"][0])
    assert grade["reference"] == "majority of the other readers"
    wrong = CliRunner().invoke(app, ["agreement", "--csv", str(path), "--case", "id", "--reader", "who",
                                     "--label", "grade", "--json"])  # fmt: skip
    assert wrong.exit_code == 1
    assert json.loads(wrong.stdout.splitlines()[-1])["expected"] == "id"


@pytest.mark.real
def test_radiologists_on_real_radiographs(real_data: Path) -> None:
    folder = real_data / "B_cxr" / "nih_chestxray14"
    columns = ("--case", "Image ID", "--reader", "Reader ID", "--patient", "Patient ID")
    five = said(
        "--csv", str(folder / "readers_all_findings.csv"), *columns, "--label", "Effusion", "--label", "Hernia",
        "--truth", str(folder / "consensus_all_findings.csv"), "--draws", "200",
    )  # fmt: skip
    with (folder / "readers_all_findings.csv").open() as stream:
        reads = list(csv.DictReader(stream))
    for name in ("Effusion", "Hernia"):
        cases: dict[str, list[str]] = {}
        for row in reads:
            cases.setdefault(row["Image ID"], []).append(row[name])
        counts = np.array([[given_.count("NO"), given_.count("YES")] for given_ in cases.values()])
        kappa = five["labels"][name]["fleiss_kappa"]
        assert kappa["value"] == pytest.approx(fleiss_of_whole(counts))
        assert kappa["low"] < kappa["value"] < kappa["high"]
        assert kappa["n"] == 260
    assert all(0.5 < reader["auc"]["value"] <= 1 for reader in five["labels"]["Effusion"]["readers"])
    many = said(
        "--csv", str(folder / "readers_four_findings.csv"), *columns, "--label", "Pneumothorax", "--draws", "50"
    )
    found = many["labels"]["Pneumothorax"]
    assert (len(found["readers"]), found["options"]) == (22, ["HEDGE", "NO", "YES"])
    assert found["patients"] == 1483
