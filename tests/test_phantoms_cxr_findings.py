"""Phantom radiographs with findings: their anatomy, truth, reports and tables."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from data.curation.match import match_report, reading_of
from data.curation.terms import ConceptKind, load_terms
from data.phantoms.anatomy import draw_anatomy
from data.phantoms.cxr_findings import (
    CONFOUNDERS,
    FINDINGS,
    NORMAL,
    Plan,
    generate,
    plan_of,
    radiograph,
    report_of,
    truth_of,
    write,
)
from data.phantoms.dicom import in_processes
from data.phantoms.mediastinum import aorta_rods
from data.phantoms.pathology import CALCIUM, changed, shaped, unfolded_rods
from data.phantoms.points import PointCloud
from data.phantoms.thorax import Thorax, build

MANY = 60
"""Phantoms on which a simple model is tried."""


@pytest.fixture(scope="module")
def plain() -> Thorax:
    rng = np.random.default_rng(5)
    return build(draw_anatomy(rng, arms_raised=False), rng)


def with_finding(plain: Thorax, finding: str, seed: int = 0) -> Thorax:
    own = replace(plain, attenuation=plain.attenuation.copy(), lungs=plain.lungs.copy())
    return changed(finding, own, np.random.default_rng(seed))


def litres(lungs: NDArray[np.float32]) -> float:
    return float(lungs.sum()) * 2.5**3 / 1e6


def added(plain: Thorax, other: Thorax) -> PointCloud:
    count = len(plain.fine.zyx_mm)
    assert np.array_equal(other.fine.zyx_mm[:count], plain.fine.zyx_mm)
    return PointCloud(other.fine.zyx_mm[count:], other.fine.weight_mm2[count:])


def from_aorta(thorax: Thorax, points: NDArray[np.float32]) -> NDArray[np.float64]:
    """Distance of points from the aorta's middle line over its radius."""
    nearest = np.full(len(points), np.inf)
    for start, end, radius in aorta_rods(thorax.anatomy):
        axis = end - start
        along = np.clip((points - start) @ axis / (axis @ axis), 0, 1)[:, None]
        nearest = np.minimum(nearest, np.linalg.norm(points - start - along * axis, axis=1) / radius)
    return nearest


def test_an_enlarged_heart_is_larger_in_the_same_chest(plain: Thorax) -> None:
    anatomy = shaped("enlarged_heart", plain.anatomy, np.random.default_rng(0))
    assert 1.17 <= anatomy.heart_scale / plain.anatomy.heart_scale <= 1.32
    assert anatomy.half_width_mm == plain.anatomy.half_width_mm
    grown = build(anatomy, np.random.default_rng(6))
    same = build(plain.anatomy, np.random.default_rng(6))
    assert 0.05 < litres(same.lungs) - litres(grown.lungs) < 1.0


def test_a_widened_heart_shadow_takes_room_low_beside_the_heart(plain: Thorax) -> None:
    wide = with_finding(plain, "enlarged_heart_shadow")
    lost = plain.lungs - wide.lungs
    assert lost.min() >= 0
    assert 0.05 < litres(lost) < 1.0
    heights = plain.origin_mm[0] + 2.5 * np.arange(len(lost))
    assert (lost.sum(axis=(1, 2)) * heights).sum() / lost.sum() < 0.35 * plain.anatomy.apex_mm
    taken = (lost > 0.99) & (wide.attenuation < 0.03)
    assert wide.attenuation[taken].mean() > 2 * plain.attenuation[taken].mean()


def test_an_unfolded_aorta_is_wider_and_bows_both_ways(plain: Thorax) -> None:
    def reach(rods: list[tuple[NDArray[np.float32], NDArray[np.float32], float]]) -> tuple[float, float, float]:
        ends = np.stack([end for _, end, _ in rods])
        return float(ends[:, 2].max()), float(ends[:, 2].min()), float(ends[:, 0].max())

    normal, unfolded = reach(aorta_rods(plain.anatomy)), reach(unfolded_rods(plain.anatomy, 1.0))
    assert unfolded[0] - normal[0] > 12
    assert unfolded[1] - normal[1] < -6
    assert unfolded[2] - normal[2] > 5
    assert reach(unfolded_rods(plain.anatomy, 0.0)) == pytest.approx(normal)
    assert 0.02 < litres(plain.lungs) - litres(with_finding(plain, "unfolded_aorta").lungs) < 0.5


def test_a_dense_aorta_keeps_its_shape(plain: Thorax) -> None:
    dense = with_finding(plain, "dense_aorta")
    excess = dense.attenuation - plain.attenuation
    assert np.array_equal(dense.lungs, plain.lungs)
    assert 0.012 <= excess.max() <= 0.018
    places = np.argwhere(excess > 0.5 * excess.max()) * 2.5 + np.asarray(plain.origin_mm)
    assert from_aorta(plain, places.astype(np.float32)).max() < 1.2


@pytest.mark.parametrize(
    ("finding", "low", "high"), [("aortic_atherosclerosis", -70, 200), ("aortic_arch_sclerosis", 120, 200)]
)
def test_chalk_lies_in_the_wall_of_the_aorta(plain: Thorax, finding: str, low: float, high: float) -> None:
    chalk = added(plain, with_finding(plain, finding))
    wall = from_aorta(plain, chalk.zyx_mm)
    assert np.median(np.abs(wall - 1.0)) < 0.15
    assert wall.max() < 1.1
    assert low < chalk.zyx_mm[:, 0].min() < chalk.zyx_mm[:, 0].max() < high
    assert 100 < chalk.weight_mm2.sum() / CALCIUM < 8000  # mm3
    if finding == "aortic_atherosclerosis":
        assert np.ptp(chalk.zyx_mm[:, 0]) > 100  # flecks all along


def test_a_relaxed_dome_stands_high_on_one_side(plain: Thorax) -> None:
    relaxed = with_finding(plain, "diaphragm_relaxation")
    lost = (plain.lungs - relaxed.lungs) > 0.5
    columns = np.flatnonzero(lost.any(axis=(0, 1))) * 2.5 + plain.origin_mm[2]
    assert (columns > -2).all() or (columns < 2).all()
    highest = np.flatnonzero(lost.any(axis=(1, 2)))[-1] * 2.5 + plain.origin_mm[0]
    assert 15 < highest < 80
    assert litres(plain.lungs) - litres(relaxed.lungs) > 0.1


def test_a_scoliosis_bends_spine_and_ribs(plain: Thorax) -> None:
    anatomy = shaped("scoliosis", plain.anatomy, np.random.default_rng(1))
    assert 13 <= abs(anatomy.scoliosis_mm) <= 24
    bent = build(anatomy, np.random.default_rng(6))
    followed = changed("scoliosis", bent, np.random.default_rng(1))
    moved = followed.fine.zyx_mm[:, 2] - bent.fine.zyx_mm[:, 2]
    behind = bent.fine.zyx_mm[:, 1] > 60
    assert np.abs(moved[behind]).max() > 6
    assert np.abs(moved[bent.fine.zyx_mm[:, 1] < -41]).max() == 0
    assert np.abs(moved).max() <= abs(anatomy.scoliosis_mm) + 0.1


@pytest.mark.parametrize("name", ["vascular_hila", "nodule"])
def test_what_takes_room_in_the_lung_is_as_dense_as_tissue(plain: Thorax, name: str) -> None:
    changed_one = with_finding(plain, name)
    lost = plain.lungs - changed_one.lungs
    assert 0.0005 < litres(lost) < 0.3
    assert changed_one.attenuation[lost > 0.99].min() > 0.017


def test_an_infiltrate_is_lung_that_absorbs_more(plain: Thorax) -> None:
    ill = with_finding(plain, "pneumonia")
    excess = ill.attenuation - plain.attenuation
    assert np.array_equal(ill.lungs, plain.lungs)
    assert excess.min() >= 0
    assert 0.004 < excess.max() < 0.05
    assert excess[plain.lungs == 0].max() == 0
    assert len(added(plain, with_finding(plain, "petrifications")).zyx_mm) in {120, 240, 360}


def test_shares_are_as_said() -> None:
    plans = [plan_of(number) for number in range(400)]
    assert sum(plan.normal for plan in plans) == 20 * NORMAL
    single = Counter(plan.findings[0] for plan in plans if len(plan.findings) == 1 and not plan.confounders)
    assert single == dict.fromkeys(FINDINGS, 20)
    assert sum(len(plan.findings) > 1 for plan in plans) == 20
    assert {name for plan in plans for name in plan.confounders} == set(CONFOUNDERS)
    assert sum(bool(plan.confounders) and bool(plan.findings) for plan in plans) == 20
    assert [plan_of(number) for number in range(7, 11)] == plans[7:11]
    assert plan_of(3, seed=1) != plan_of(3) or plan_of(4, seed=1) != plan_of(4)


def test_reports_fit_the_truth_and_are_read_back() -> None:
    terms = load_terms()
    languages: Counter[str] = Counter()
    for number in range(300):
        plan, report = plan_of(number), report_of(number)
        reading = reading_of(match_report(report.text, terms))
        present = {name for name in reading.present if terms[name].kind is not ConceptKind.NORMAL}
        assert present == {*plan.findings, *plan.confounders}, report.text
        assert not reading.uncertain, report.text
        languages[report.language] += 1
    assert min(languages.values()) > 100
    assert report_of(5) == report_of(5)


def test_each_radiograph_depends_on_seed_and_number_alone() -> None:
    made = radiograph(7, size_px=96)
    (again,) = generate(1, first=7, size_px=96)
    assert np.array_equal(made.pixels, again.pixels)
    assert made.truth == truth_of(7)
    assert (made.view, made.patient) == ("PA", "phantom-f0007")
    assert max(made.pixels.shape) == 96
    other = radiograph(7, size_px=96, plan=Plan(("scoliosis", "dense_aorta"), ("nodule",)))
    assert other.truth == {"findings": "scoliosis;dense_aorta"}
    assert (other.sex, other.age_y) == (made.sex, made.age_y)
    assert other.pixels.shape != made.pixels.shape or not np.array_equal(other.pixels, made.pixels)


def test_a_simple_model_on_small_pictures_does_not_find_them() -> None:
    import cv2
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    many = in_processes(partial(radiograph, size_px=96), range(MANY))
    assert np.array_equal(many[7].pixels, radiograph(7, size_px=96).pixels)
    labels = np.array([made.truth["findings"] != "none" for made in many])
    tiny = np.stack([cv2.resize(made.pixels, (16, 16), interpolation=cv2.INTER_AREA).ravel() for made in many])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_predict(model, tiny.astype(np.float64), labels, cv=folds, method="decision_function")
    assert roc_auc_score(labels, scores) <= 0.75


def test_tables_name_every_file_with_its_truth_and_report(tmp_path: Path) -> None:
    import pydicom

    paths = write(2, tmp_path / "a", first=4, labels=tmp_path / "labels.csv")
    rows, reports = (
        list(csv.DictReader((tmp_path / name).open(newline="", encoding="utf-8")))
        for name in ("labels.csv", "reports.csv")
    )
    assert list(rows[0]) == ["path", "patient", "findings", "report"]
    assert list(reports[0]) == ["path", "patient", "language", "report"]
    for number, path, row, report in zip((4, 5), paths, rows, reports, strict=True):
        assert tmp_path / "a" / row["path"] == path
        assert {"findings": row["findings"]} == dict(truth_of(number))
        assert row["report"] == report["report"] == report_of(number).text
        assert report["language"] == report_of(number).language
        file = pydicom.dcmread(path)
        assert (file.PatientID, file.ViewPosition) == (row["patient"], "PA")
        assert file.Manufacturer == "Consilium phantom"
