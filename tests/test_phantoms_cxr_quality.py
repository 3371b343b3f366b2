"""Phantom chest radiographs: geometry, truth, repeatability, and labels that simple statistics do not betray."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from data.errors import GeometryError
from data.phantoms.cxr_quality import (
    ROTATED_DEG,
    STRAIGHT_DEG,
    PhantomRadiograph,
    generate,
    radiograph,
    truth_of,
    write,
    write_dicom,
)
from data.phantoms.exposure import FULL_SCALE, Exposure, expose
from data.phantoms.framing import CLEAR_MM, CUT_MM
from data.phantoms.points import PointCloud
from data.phantoms.projection import (
    Beam,
    Detector,
    hu_to_attenuation,
    lung_outline,
    project_points,
    project_volume,
)

MANY = 200
"""Phantoms on which simple statistics are tried."""


def small(number: int) -> PhantomRadiograph:
    return radiograph(number, size_px=96)


@pytest.fixture(scope="module")
def many() -> list[PhantomRadiograph]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return list(pool.map(_small_picklable, range(MANY), chunksize=10))


def _small_picklable(number: int) -> PhantomRadiograph:
    return small(number)


def test_hounsfield_units_become_attenuation() -> None:
    hu = np.array([-2048, -1000, -500, 0, 100, 1100])
    assert hu_to_attenuation(hu, water_per_mm=0.02) == pytest.approx([0, 0, 0.01, 0.02, 0.022, 0.038])


def test_a_ball_casts_a_magnified_shadow_as_deep_as_it_is() -> None:
    z, y, x = np.ogrid[-40:41, -40:41, -40:41]
    ball = np.clip(30.5 - np.sqrt(z * z + y * y + x * x), 0, 1).astype(np.float32) * 0.02
    beam = Beam(37.0, source_detector_mm=1000.0, axis_detector_mm=200.0)
    shadow = project_volume(ball, (1.0, 1.0, 1.0), beam, Detector(121, 121, 1.0), plane_mm=1.0)
    assert shadow[60, 60] == pytest.approx(60 * 0.02, rel=0.02)
    across = np.flatnonzero(shadow[60] > 0.1)
    assert (across[-1] - across[0] + 1) / 2 == pytest.approx(30 * 1000 / 800, abs=1.0)


def test_thin_slices_and_wide_ones_cast_the_same_shadow() -> None:
    volume = np.zeros((30, 40, 50), np.float32)
    volume[8:22, 10:30, 5:45] = 0.02
    beam, detector = Beam(20.0), Detector(100, 120, 1.2)
    fine = project_volume(volume, (2.0, 2.0, 2.0), beam, detector)
    coarse = project_volume(volume[:, ::2, ::2], (2.0, 4.0, 4.0), beam, detector, origin_mm=(-29.0, -39.0, -49.0))
    assert fine.sum() == pytest.approx(coarse.sum(), rel=0.01)


@pytest.mark.parametrize("angle_deg", [0, 17, 90, 180])
def test_points_and_voxels_fall_on_the_same_place(angle_deg: float) -> None:
    z, y, x = np.ogrid[:41, :41, :41]
    volume = np.exp(-((z - 30) ** 2 + (y - 12) ** 2 + (x - 33) ** 2) / 4.5).astype(np.float32)
    place = np.array([[20.0, -16.0, 26.0]], np.float32)  # (index - 20) * 2 mm
    points = PointCloud(place, np.array([volume.sum() * 8.0], np.float32))
    beam, detector = Beam(angle_deg, aim_mm=(5.0, 10.0)), Detector(90, 90, 1.5, (3.0, 4.0), tilt_deg=2.0)
    shadows = [
        project_volume(volume, (2.0, 2.0, 2.0), beam, detector, plane_mm=2.0),
        project_points(points, beam, detector),
    ]
    middles = []
    for shadow in shadows:
        rows, columns = np.indices(shadow.shape)
        middles.append(((shadow * rows).sum() / shadow.sum(), (shadow * columns).sum() / shadow.sum()))
    assert middles[0] == pytest.approx(middles[1], abs=0.35)
    assert shadows[0].sum() == pytest.approx(shadows[1].sum(), rel=0.01)


def test_pictures_are_hung_as_they_are_read() -> None:
    left_front_top = PointCloud(np.array([[80.0, -60.0, 40.0]], np.float32), np.ones(1, np.float32))
    places = {}
    for angle in (0, 90, 180):
        shadow = project_points(left_front_top, Beam(angle), Detector(200, 200, 2.0))
        row, column = np.unravel_index(int(shadow.argmax()), shadow.shape)
        places[angle] = ("top" if row < 100 else "bottom", "left" if column < 100 else "right")
    assert places == {0: ("top", "right"), 90: ("top", "left"), 180: ("top", "right")}


def test_a_turn_parts_what_lay_behind_one_another() -> None:
    """Two points 200 mm apart along a lateral ray part by 200 mm times the sine of the error."""
    pair = np.array([[0.0, 40.0, -100.0], [0.0, 40.0, 100.0]], np.float32)
    beam = Beam(90.0 + 15.0, source_detector_mm=1e6, axis_detector_mm=200.0)
    shadow = project_points(PointCloud(pair, np.ones(2, np.float32)), beam, Detector(11, 201, 1.0))
    columns = np.arange(201)
    middle = (shadow.sum(axis=0) * columns).sum() / shadow.sum()
    spread = np.sqrt((shadow.sum(axis=0) * (columns - middle) ** 2).sum() / shadow.sum())
    assert 2 * spread == pytest.approx(200 * np.sin(np.radians(15)), abs=0.5)


def test_what_cannot_be_projected_is_refused() -> None:
    with pytest.raises(GeometryError, match="positive spacing"):
        project_volume(np.zeros((3, 3), np.float32), (1, 1, 1), Beam(0), Detector(9, 9, 1.0))
    with pytest.raises(GeometryError, match="between source and detector"):
        Beam(0, source_detector_mm=100.0, axis_detector_mm=200.0)
    assert lung_outline(np.zeros((5, 5), np.float32)) is None


def test_more_absorption_is_brighter_and_the_frame_dark() -> None:
    integrals = np.tile(np.linspace(1.5, 4.5, 64, dtype=np.float32), (64, 1))
    opening = np.ones((64, 64), np.float32)
    opening[:, :10] = 0
    pixels = expose(integrals, Exposure(), np.random.default_rng(0), field=opening)
    profile = pixels[:, 12:].mean(axis=0)
    assert pixels.dtype == np.uint16
    assert pixels[:, :10].max() == 0
    assert pixels.max() <= FULL_SCALE
    assert profile[-1] > profile[26] > profile[0]


def test_each_radiograph_depends_on_seed_and_number_alone() -> None:
    ten = {made.patient: made for made in generate(4, first=3, size_px=96)}
    two = {made.patient: made for made in generate(2, first=5, size_px=96)}
    assert set(two) == {"phantom-0005", "phantom-0006"}
    for patient, made in two.items():
        assert np.array_equal(made.pixels, ten[patient].pixels)
        assert made.truth == ten[patient].truth
    other = next(generate(1, first=5, seed=1, size_px=96))
    assert other.study != two["phantom-0005"].study
    assert not np.array_equal(other.pixels, two["phantom-0005"].pixels)


def test_another_process_makes_the_same(many: list[PhantomRadiograph]) -> None:
    for number in (0, 13):
        here, there = small(number), many[number]
        assert hashlib.sha256(here.pixels).digest() == hashlib.sha256(there.pixels).digest()
        assert here.lung_box_px == there.lung_box_px


def test_shares_are_as_said() -> None:
    truths = [truth_of(number) for number in range(400)]
    count = Counter(pair for truth in truths for pair in truth.items())
    assert count["projection", "frontal"] == count["projection", "lateral"] == 200
    assert count["borders_frontal", "cut_off"] == count["borders_lateral", "cut_off"] == 80
    assert count["rotation_lateral", "rotated"] == 90
    both = Counter((truth.get("borders_lateral"), truth.get("rotation_lateral")) for truth in truths)
    assert both["cut_off", "rotated"] == both["cut_off", "straight"] == 40


def test_truth_is_geometry(many: list[PhantomRadiograph]) -> None:
    for number, made in enumerate(many):
        assert made.truth == truth_of(number)
        lateral = made.truth["projection"] == "lateral"
        assert (made.view == "LL") == lateral
        gaps_mm = _gaps_px(made) * made.spacing_mm[0]
        if made.truth["borders_lateral" if lateral else "borders_frontal"] == "cut_off":
            assert gaps_mm.min() <= -CUT_MM
        else:
            assert gaps_mm.min() >= CLEAR_MM
        if lateral and made.truth["rotation_lateral"] == "rotated":
            assert abs(made.rotation_deg) >= ROTATED_DEG
        elif lateral:
            assert abs(made.rotation_deg) <= STRAIGHT_DEG


def _gaps_px(made: PhantomRadiograph) -> NDArray[np.float64]:
    """How far the lungs lie inside the field at the top, left, bottom and right."""
    return (np.array(made.lung_box_px) - np.array(made.field_px)) * (1, 1, -1, -1)


def _auc(features: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
    """AUC of a logistic model on the phantoms that it was not fitted on (five folds)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_predict(model, features, labels, cv=folds, method="decision_function")
    return float(roc_auc_score(labels, scores))


@pytest.mark.parametrize(
    ("question", "bad"),
    [("borders_frontal", "cut_off"), ("borders_lateral", "cut_off"), ("rotation_lateral", "rotated")],
)
def test_simple_statistics_do_not_betray_the_label(many: list[PhantomRadiograph], question: str, bad: str) -> None:
    import cv2

    asked = [made for made in many if question in made.truth]
    labels = np.array([made.truth[question] == bad for made in asked])
    tiny = np.stack([cv2.resize(made.pixels, (16, 16), interpolation=cv2.INTER_AREA).ravel() for made in asked])
    simple = np.array(
        [(*made.pixels.shape, made.spacing_mm[0], made.pixels.mean(), made.pixels.std()) for made in asked]
    )
    assert _auc(tiny.astype(np.float64), labels) <= 0.75
    assert _auc(simple.astype(np.float64), labels) <= 0.75


def test_a_dicom_file_gives_the_radiograph_back(tmp_path: Path) -> None:
    import pydicom

    seen = set()
    for number in range(12):
        made = small(number)
        file = pydicom.dcmread(write_dicom(made, tmp_path))
        seen.add(file.PhotometricInterpretation)
        pixels = (
            file.pixel_array if file.PhotometricInterpretation == "MONOCHROME2" else FULL_SCALE - file.pixel_array
        )
        assert np.array_equal(pixels, made.pixels)
        assert [float(spacing) for spacing in file.PixelSpacing] == pytest.approx(made.spacing_mm, abs=1e-5)
        assert (file.ViewPosition, file.PatientSex, file.PatientID) == (made.view, made.sex, made.patient)
        assert (file.PatientAge, file.BurnedInAnnotation) == (f"{made.age_y:03d}Y", "NO")
        assert str(file.PatientName).startswith("PHANTOM^")
        assert file.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
        if len(seen) == 2:
            break
    assert seen == {"MONOCHROME1", "MONOCHROME2"}


def test_the_table_names_every_file_and_its_truth(tmp_path: Path) -> None:
    import pydicom

    paths = write(3, tmp_path / "a", first=20, labels=tmp_path / "labels.csv")
    with (tmp_path / "labels.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == [
        "path", "patient", "projection", "borders_frontal", "borders_lateral", "rotation_lateral",
    ]  # fmt: skip
    assert [tmp_path / "a" / row["path"] for row in rows] == paths
    for number, row in enumerate(rows, start=20):
        assert {name: row[name] for name in list(row)[2:] if row[name]} == dict(truth_of(number))
    again = write(1, tmp_path / "b", first=20)
    first, second = (pydicom.dcmread(path) for path in (paths[0], again[0]))
    assert first.StudyInstanceUID == second.StudyInstanceUID
    assert paths[0].read_bytes() == again[0].read_bytes()


@pytest.mark.real
def test_a_real_ct_becomes_a_chest_radiograph(real_data: Path) -> None:
    import pydicom

    files = [pydicom.dcmread(path) for path in (real_data / "C_chestct" / "nlst").glob("*.dcm")]
    files.sort(key=lambda file: float(file.ImagePositionPatient[2]))
    hu = np.stack([file.pixel_array * float(file.RescaleSlope) + float(file.RescaleIntercept) for file in files])
    step = float(files[1].ImagePositionPatient[2]) - float(files[0].ImagePositionPatient[2])
    spacing = (step, *(2 * float(spacing) for spacing in files[0].PixelSpacing))
    volume, detector = hu_to_attenuation(hu[:, ::2, ::2]), Detector(160, 160, 2.8)
    frontal, lateral = (project_volume(volume, spacing, Beam(angle), detector) for angle in (0, 90))
    assert 3.0 < np.percentile(frontal, 99) < 8.0
    assert (frontal > 0.5).any(axis=0).sum() > (lateral > 0.5).any(axis=0).sum()  # wider than deep
    heart = frontal[95:115, 50:110].mean(axis=0)
    assert heart[30:].sum() > heart[:30].sum()  # the heart lies on the left, which is the picture's right
