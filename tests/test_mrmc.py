"""Obuchowski and Rockette's analysis: Van Dyke's data with the printed results, pseudo-values, error rates.

The ratings are of Van Dyke et al. (1993), 79th RSNA meeting: 69 patients without and 45 with a dissection of the
thoracic aorta, five readers, two sequences, ratings 1 to 5. The printed results are those of OR-DBM MRMC 2.51
(University of Iowa) for AUC, and of MRMCaov (Smith, Hillis 2020) for sensitivity at ratings of 3 and more.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from active_learning.mrmc import NO_TRUTH, Merit, compare_modalities, compare_standalone, crossed
from models.bootstrap import FloatArray

VAN_DYKE = (
    "13 23 23 12 52 12 12 12 13 12 11 13 41 12 12 12 12 12 12 11 11 11 31 11 34 12 11 23 11 42 12 11 14 13 12 "
    "33 11 22 13 21 12 12 22 33 33 11 31 11 13 33 33 11 11 13 14 11 12 24 22 11 12 14 11 34 34 22 11 11 11 55 "
    "53 55 55 45 55 55 55 44 55 55 55 45 34 44 23 43 55 55 55 55 55 55 55 13 55 45 43 55 45 55 55 34 54 55 55 "
    "15 13 55 55 55 45 45 55 11",
    "23 32 22 22 22 22 22 22 23 32 22 22 52 22 22 21 32 22 22 22 21 22 22 22 43 22 22 22 22 32 22 21 22 22 21 "
    "22 22 22 22 22 23 21 22 22 23 22 22 22 22 22 22 22 22 22 23 22 22 43 32 22 22 32 22 22 22 22 21 22 22 55 "
    "33 55 55 55 55 55 45 22 55 55 55 43 44 24 22 24 55 54 55 55 55 54 55 22 45 32 33 55 45 55 53 22 44 22 55 "
    "25 22 55 55 55 55 35 55 22",
    "22 24 22 22 32 52 13 12 22 22 41 21 41 23 22 22 32 22 21 22 11 21 32 21 44 11 11 35 21 22 11 11 22 21 22 "
    "42 12 21 12 42 12 21 11 13 22 21 21 21 22 23 33 21 11 13 22 12 11 22 23 12 13 54 11 42 24 12 21 12 21 55 "
    "42 55 55 55 55 55 55 55 55 55 55 53 45 24 31 54 55 55 55 55 55 55 55 22 55 23 23 55 55 55 54 23 55 55 55 "
    "25 23 54 55 55 55 55 55 21",
    "12 12 11 11 11 11 33 11 12 11 11 11 11 12 12 11 11 11 12 11 21 11 11 11 23 12 11 12 11 22 11 11 11 11 12 "
    "12 11 11 12 11 11 11 11 11 12 11 12 11 32 31 12 12 11 11 11 11 11 12 11 12 11 11 11 33 12 13 12 11 11 55 "
    "54 55 55 55 55 55 55 54 55 55 55 54 55 55 15 55 55 55 55 55 55 55 55 54 55 45 54 44 45 55 55 35 55 55 55 "
    "15 23 55 55 55 55 55 55 55",
    "32 52 13 21 12 12 12 12 21 22 22 12 21 11 11 12 22 22 11 12 32 22 21 12 13 12 12 23 12 11 22 11 12 22 32 "
    "12 21 21 12 11 12 31 31 33 22 11 12 12 23 13 12 11 12 12 12 12 11 32 42 12 22 33 11 22 13 23 11 11 31 55 "
    "22 55 24 55 55 55 55 15 54 45 55 43 54 23 23 33 55 55 55 55 55 55 45 12 45 41 33 23 22 15 53 12 55 14 55 "
    "15 13 53 55 55 35 55 55 23",
)
"""A reader a row, a case a pair: the ratings of both sequences. The last 45 cases have a dissection."""
SCORES = np.array([[list(map(int, pair)) for pair in row.split()] for row in VAN_DYKE], dtype=np.float64)
SCORES = SCORES.transpose(2, 0, 1)  # (sequences, readers, cases)
TRUTH = np.array([0] * 69 + [1] * 45)
PATIENTS = [f"p{number:03}" for number in range(114)]


def test_auc_of_van_dyke_as_printed() -> None:
    found = compare_modalities(SCORES, TRUTH, PATIENTS, Merit.AUC)
    assert found is not None
    assert np.allclose(
        found.merits,
        [[0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066],
         [0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169]], atol=5e-9,
    )  # fmt: skip
    mean_squares = [found.ms_t, found.ms_r, found.ms_tr]
    assert mean_squares == pytest.approx([0.00479617, 0.00383620, 0.00055103], abs=5e-9)
    errors = [found.variance, found.cov1, found.cov2, found.cov3]
    assert errors == pytest.approx([0.00080229, 0.00034661, 0.00034407, 0.00023903], abs=5e-9)
    assert (found.df1, round(found.df2, 2), round(found.f, 2), round(found.p, 4)) == (1, 15.26, 4.46, 0.0517)
    ((first, second, gap),) = found.differences
    assert (first, second) == (0, 1)
    assert [gap.value, gap.error, gap.low, gap.high] == pytest.approx(
        [-0.04380, 0.02075, -0.08796, 0.00036], abs=5e-6
    )
    assert (round(gap.t, 2), round(gap.p, 4), round(gap.df, 2)) == (-2.11, 0.0517, 15.26)
    one, two = found.means
    assert [one.value, one.error, one.low, one.high] == pytest.approx(
        [0.89703704, 0.03317360, 0.82522360, 0.96885048], abs=5e-8
    )
    assert [two.value, two.error, two.low, two.high] == pytest.approx(
        [0.94083736, 0.02156637, 0.89413783, 0.98753689], abs=5e-8
    )
    assert (round(one.df, 2), round(two.df, 2)) == (12.74, 12.71)


def test_sensitivity_of_van_dyke_as_printed() -> None:
    found = compare_modalities((SCORES >= 3).astype(float), TRUTH, PATIENTS, Merit.SENSITIVITY)
    assert found is not None
    assert np.round(found.merits, 3).tolist() == [
        [0.889, 0.778, 0.822, 0.933, 0.689], [0.978, 0.822, 0.911, 1.0, 0.889]
    ]  # fmt: skip
    errors = [found.variance, found.cov1, found.cov2, found.cov3]
    assert errors == pytest.approx([0.0023681257, 0.0009943883, 0.0010145903, 0.0006604938], abs=5e-11)
    assert (found.f, found.df2, found.p) == pytest.approx((6.689493, 15.71732, 0.02008822), rel=1e-6)
    assert [m.error for m in found.means] == pytest.approx([0.05893747, 0.03741657], abs=5e-9)
    assert [m.df for m in found.means] == pytest.approx([14.456811, 7.575855], abs=5e-7)


def test_specificity_is_the_sensitivity_for_what_is_absent() -> None:
    said = (SCORES >= 3).astype(float)
    found = compare_modalities(said, TRUTH, PATIENTS, Merit.SPECIFICITY)
    turned = compare_modalities(1 - said, 1 - TRUTH, PATIENTS, Merit.SENSITIVITY)
    assert found is not None
    assert turned is not None
    assert (found.merits, found.f, found.p) == (turned.merits, turned.f, turned.p)
    assert found.merits[0][0] == pytest.approx((said[0, 0, :69] == 0).mean())


SETS = (("kind",), ("reader",), ("case",), ("kind", "reader"), ("kind", "case"), ("reader", "case"))


def pseudo_values(scores: FloatArray, truth: np.ndarray) -> pd.DataFrame:
    """Dorfman, Berbaum and Metz: jackknife pseudo-values of AUC, counted pair by pair."""
    cases = len(truth)
    rows = []
    for kind, reader in np.ndindex(scores.shape[:2]):
        one = scores[kind, reader]
        wins = (one[truth == 1][:, None] > one[truth == 0]) + 0.5 * (one[truth == 1][:, None] == one[truth == 0])
        whole = wins.mean()
        for case in range(cases):
            kept = np.delete(wins, case - (truth == 0).sum(), 0) if truth[case] else np.delete(wins, case, 1)
            rows.append((kind, reader, case, cases * whole - (cases - 1) * kept.mean()))
    return pd.DataFrame(rows, columns=["kind", "reader", "case", "value"])


def test_the_anova_of_pseudo_values_says_the_same() -> None:
    found = compare_modalities(SCORES, TRUTH, PATIENTS, Merit.AUC)
    assert found is not None
    values = pseudo_values(SCORES, TRUTH)
    cells = values.groupby(["kind", "reader"], as_index=False)["value"].mean()
    readers = anova_lm(ols("value ~ C(kind) + C(reader)", cells).fit())["mean_sq"]
    assert found.ms_tr == pytest.approx(readers["Residual"])
    assert found.ms_t == pytest.approx(readers["C(kind)"])
    cases = values.groupby(["kind", "case"], as_index=False)["value"].mean()
    ms_tc = 5 * anova_lm(ols("value ~ C(kind) + C(case)", cases).fit())["mean_sq"]["Residual"]
    means = {of: values.groupby(list(of))["value"].transform("mean") for of in SETS}
    middle = values["value"] - values["value"].mean() + sum((-1) ** (len(of) + 1) * means[of] for of in SETS)
    ms_trc = (middle**2).sum() / (1 * 4 * 113)
    spread = 114 * found.ms_tr + max(ms_tc - ms_trc, 0)
    assert found.f == pytest.approx(114 * found.ms_t / spread)


def test_a_model_that_is_never_wrong_is_a_constant() -> None:
    """So its comparison is the printed single-modality analysis, against an AUC of 1."""
    found = compare_standalone(SCORES[0], TRUTH.astype(float), TRUTH, PATIENTS, Merit.AUC)
    assert found is not None
    assert found.model == 1
    gap = found.difference
    assert (gap.value, gap.error) == (pytest.approx(0.10296296, abs=5e-9), pytest.approx(0.03317360, abs=5e-9))
    assert round(gap.df, 2) == 12.74
    assert found.cov2 == pytest.approx(0.00048396, abs=5e-9)
    assert found.ms_r == pytest.approx(0.00308263, abs=5e-9)


def test_a_model_beside_readers_is_a_pair_of_modalities_that_the_model_reads_alike() -> None:
    model = SCORES[1, 3]
    alone = compare_standalone(SCORES[0], model, TRUTH, PATIENTS, Merit.AUC)
    both = compare_modalities(np.stack([np.tile(model, (5, 1)), SCORES[0]]), TRUTH, PATIENTS, Merit.AUC)
    assert alone is not None
    assert both is not None
    ((_, _, gap),) = both.differences
    found = alone.difference
    assert (found.value, found.error, found.df, found.p) == pytest.approx((gap.value, gap.error, gap.df, gap.p))
    assert alone.readers == both.merits[1]


def test_a_reference_of_each_readers_own() -> None:
    own = np.tile(TRUTH, (5, 1))
    same = compare_standalone(SCORES[0], SCORES[1, 3], own, PATIENTS, Merit.AUC)
    assert same == compare_standalone(SCORES[0], SCORES[1, 3], TRUTH, PATIENTS, Merit.AUC)
    own[2, [3, 80]] = NO_TRUTH
    found = compare_standalone(SCORES[0], SCORES[1, 3], own, PATIENTS, Merit.AUC)
    kept = np.delete(np.arange(114), [3, 80])
    left = [PATIENTS[k] for k in kept]
    fewer = compare_standalone(SCORES[0][:, kept], SCORES[1, 3][kept], TRUTH[kept], left, Merit.AUC)
    assert same is not None
    assert found is not None
    assert fewer is not None
    assert found.readers[2] == fewer.readers[2]
    assert found.readers[:2] == same.readers[:2]


def test_twins_of_every_case_change_nothing() -> None:
    once = compare_standalone(SCORES[0], SCORES[1, 3], TRUTH, PATIENTS, Merit.AUC)
    twice = compare_standalone(
        np.tile(SCORES[0], 2), np.tile(SCORES[1, 3], 2), np.tile(TRUTH, 2), PATIENTS * 2, Merit.AUC
    )
    assert once is not None
    assert twice is not None
    assert (once.difference.value, once.difference.p) == pytest.approx(
        (twice.difference.value, twice.difference.p)
    )


def test_nothing_comes_of_too_little() -> None:
    assert compare_modalities(SCORES, np.ones(114, dtype=np.int64), PATIENTS, Merit.AUC) is None
    assert compare_modalities(SCORES, TRUTH, ["p"] * 114, Merit.AUC) is None
    assert compare_modalities(SCORES[:, :1], TRUTH, PATIENTS, Merit.AUC) is None
    alike = np.tile(TRUTH.astype(float), (5, 1))
    assert compare_standalone(alike, alike[0], TRUTH, PATIENTS, Merit.AUC) is None


def test_the_largest_crossed_part() -> None:
    read = np.ones((4, 10), dtype=bool)
    read[3, 2:] = False
    assert crossed(read)[0] == (0, 1, 2)
    read[2, 5:] = False
    readers, cases = crossed(read)
    assert (readers, int(cases.sum())) == ((0, 1), 10)  # 20 reads; with the third reader 15
    assert crossed(np.eye(3, dtype=bool)) == ((), pytest.approx(np.zeros(3)))


def simulated(draws: np.random.Generator, *, shift: float) -> tuple[FloatArray, FloatArray, np.ndarray]:
    """Roe and Metz' model of six readers and a model, (readers, cases) and (cases,), with as good a model at 0."""
    truth = np.repeat([0, 1], [60, 40])
    skill = 1.5 + draws.normal(0, 0.2, 6)[:, None]
    case, reader_case = draws.normal(0, 0.55, 100), draws.normal(0, 0.55, (6, 100))
    readers = skill * truth + case + reader_case + draws.normal(0, 0.63, (6, 100))
    return readers, (1.5 + shift) * truth + case + draws.normal(0, 0.836, 100), truth


def test_the_error_rate_is_what_it_says() -> None:
    draws = np.random.default_rng(3)
    patients = [f"p{number}" for number in range(100)]
    kinds = {0.0: [], 0.9: []}  # type: dict[float, list[float]]
    for _ in range(400):
        for shift, found in kinds.items():
            readers, model, truth = simulated(draws, shift=shift)
            done = compare_standalone(readers, model, truth, patients, Merit.AUC)
            assert done is not None
            found.append(done.difference.p)
    wrong = np.mean(np.array(kinds[0.0]) < 0.05)
    assert abs(wrong - 0.05) < 3 * math.sqrt(0.05 * 0.95 / 400)
    assert np.mean(np.array(kinds[0.9]) < 0.05) > 0.5
