"""Phantom lumbar MRI: truth in pixels, geometry of both series, sides, balance, and the way through DICOM."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from data.home import Home
from data.ingest import ingest
from data.phantoms.lumbar import LEVELS, Grades, draw_spine
from data.phantoms.lumbar_stenosis import (
    BLOCK,
    SAGITTAL,
    STRUCTURES,
    LevelTruth,
    LumbarPhantom,
    study,
    truth_of,
    write,
)
from data.pixels import Pixels
from data.records import Layout
from data.store import Store
from data.volume import Volume

BOTH = (":left", ":right")
ASKED = (("central", ("",)), ("recess", BOTH), ("foraminal", BOTH))
SITES = [f"{question}@level:{name}{side}" for name in LEVELS for question, sides in ASKED for side in sides]


@pytest.fixture(scope="module")
def made() -> list[LumbarPhantom]:
    return [study(number) for number in range(BLOCK)]


def levels(made: list[LumbarPhantom]) -> list[tuple[LumbarPhantom, LevelTruth]]:
    return [(phantom, level) for phantom in made for level in phantom.levels]


def outline(phantom: LumbarPhantom, level: LevelTruth, label: str) -> NDArray[np.bool_]:
    found = phantom.study.masks["structures"].get(f"{label}@{level.axial_slice}")
    return np.zeros(phantom.study.series[0].pixels.shape[1:], bool) if found is None else found


def sagittal(phantom: LumbarPhantom, label: str) -> NDArray[np.bool_]:
    """A label's mask over the sagittal series."""
    pages = phantom.study.series[0].pixels.shape[0]
    masks, shape = phantom.study.masks["sagittal"], phantom.study.series[1].pixels.shape
    empty = np.zeros(shape[1:], bool)
    return np.stack([masks.get(f"{label}@{pages + index}", empty) for index in range(shape[0])])


def volumes(phantom: LumbarPhantom) -> tuple[Volume, Volume]:
    axial, beside = (Volume(series.pixels, series.affine) for series in phantom.study.series)
    return axial, beside


def digest(number: int) -> str:
    return digest_of(study(number))


def digest_of(phantom: LumbarPhantom) -> str:
    parts = [series.pixels.tobytes() + series.affine.tobytes() for series in phantom.study.series]
    for question, masks in sorted(phantom.study.masks.items()):
        parts += [f"{question} {key}".encode() + mask.tobytes() for key, mask in sorted(masks.items())]
    return hashlib.sha256(b"".join(parts) + repr(phantom.levels).encode()).hexdigest()


def test_each_study_depends_on_seed_and_number_alone(made: list[LumbarPhantom]) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        elsewhere = pool.submit(digest, BLOCK - 1)
        assert elsewhere.result() == digest_of(made[-1])
    assert digest_of(made[0]) != digest_of(made[-1])
    assert [phantom.study.answers for phantom in made] == [truth_of(number) for number in range(BLOCK)]
    assert truth_of(2) != truth_of(2, seed=1)
    assert [series.description for series in made[0].study.series] == ["Axial T2", "Sagittal T2"]


def test_areas_and_diameters_are_those_of_the_masks(made: list[LumbarPhantom]) -> None:
    for phantom, level in levels(made):
        affine = phantom.study.series[0].affine
        pixel_mm = float(np.linalg.norm(affine[:3, 1]))
        assert np.linalg.norm(affine[:3, 2]) == pytest.approx(pixel_mm)
        canal, sac = (outline(phantom, level, label) for label in ("spinal_canal", "dural_sac"))
        assert level.sac_mm2 == pytest.approx(sac.sum() * pixel_mm**2)
        assert level.canal_mm2 == pytest.approx(canal.sum() * pixel_mm**2)
        rows, columns = np.nonzero(canal)
        assert level.canal_width_mm == pytest.approx((np.ptp(columns) + 1) * pixel_mm, abs=1.01 * pixel_mm)
        assert level.canal_ap_mm <= (np.ptp(rows) + 1) * pixel_mm + 0.01
        assert 13 < level.canal_ap_mm < 24
        assert 18 < level.canal_width_mm < 34
        assert 85 < level.normal_sac_mm2 < 250
        assert level.normal_sac_mm2 < level.canal_mm2 < 500


def test_central_grade_follows_the_area_that_is_lost(made: list[LumbarPhantom]) -> None:
    """Lurie: none; mild up to a third; moderate up to two thirds; severe beyond."""
    seen: Counter[int] = Counter()
    for _, level in levels(made):
        grade = int(np.searchsorted((0.0, 1 / 3, 2 / 3), level.loss))
        assert level.grades.central == grade
        assert (level.loss == 0.0) == (grade == 0)
        seen[grade] += 1
    assert set(seen) == {0, 1, 2, 3}


def depths_mm(phantom: LumbarPhantom, level: LevelTruth, label: str) -> tuple[float, float]:
    """How deep a mask is from front to back, (left, right); the patient's left is on the higher columns."""
    mask = outline(phantom, level, label)
    middle = np.nonzero(outline(phantom, level, "spinal_canal"))[1].mean()
    columns = np.arange(mask.shape[1])
    found = []
    for side in (columns > middle, columns < middle):
        thick = mask[:, side].sum(axis=0)
        found.append(float(np.percentile(thick[thick > 0], 80)) if thick.any() else 0.0)
    pixel_mm = float(np.linalg.norm(phantom.study.series[0].affine[:3, 1]))
    return found[0] * pixel_mm, found[1] * pixel_mm


@pytest.mark.parametrize(("label", "gap_mm"), [("lateral_recess", 0.6), ("foraminal_window", 1.2)])
def test_recess_and_foramen_narrow_on_their_side_as_they_are_graded(
    made: list[LumbarPhantom], label: str, gap_mm: float
) -> None:
    by_grade: dict[int, list[float]] = {}
    unequal = right = 0
    for phantom, level in levels(made):
        grades = level.grades.recess if label == "lateral_recess" else level.grades.foraminal
        depths = depths_mm(phantom, level, label)
        for grade, depth in zip(grades, depths, strict=True):
            by_grade.setdefault(grade, []).append(depth)
        if abs(grades[0] - grades[1]) > 1:
            unequal += 1
            right += (depths[0] > depths[1]) == (grades[0] < grades[1])
    means = [np.mean(by_grade[grade]) for grade in range(4)]
    assert all(wide - narrow > gap_mm for wide, narrow in pairwise(means)), means
    assert right == unequal > 3


def test_what_lies_in_what(made: list[LumbarPhantom]) -> None:
    for phantom, level in levels(made):
        for inner, outer in (
            ("nerve_root", "dural_sac"),
            ("dural_sac", "spinal_canal"),
            ("lateral_recess", "spinal_canal"),
            ("ligamentum_flavum", "spinal_canal"),
            ("facet_joint", "facet"),
            ("articular_process", "facet"),
        ):
            inside, around = outline(phantom, level, inner), outline(phantom, level, outer)
            assert inside.any() or inner == "nerve_root"
            assert not (inside & ~around).any(), (inner, outer)
        for one, other in (
            ("dural_sac", "lateral_recess"),
            ("dural_sac", "ligamentum_flavum"),
            ("dural_sac", "herniation"),
            ("facet", "spinal_canal"),
            ("facet_joint", "articular_process"),
        ):
            assert not (outline(phantom, level, one) & outline(phantom, level, other)).any(), (one, other)
    for phantom in made:
        assert not (sagittal(phantom, "cord") & ~sagittal(phantom, "canal")).any()
        assert not (sagittal(phantom, "vertebra") & sagittal(phantom, "disc")).any()


def test_every_structure_is_outlined_somewhere_and_no_other(made: list[LumbarPhantom]) -> None:
    labels = {
        question: {key.partition("@")[0] for phantom in made for key in phantom.study.masks[question]}
        for question in ("structures", "sagittal")
    }
    assert labels == {"structures": set(STRUCTURES), "sagittal": set(SAGITTAL)}
    for phantom in made:
        pages = {int(key.partition("@")[2]) for key in phantom.study.masks["structures"]}
        assert pages == {level.axial_slice for level in phantom.levels}
        beside = {int(key.partition("@")[2]) for key in phantom.study.masks["sagittal"]}
        first = phantom.study.series[0].pixels.shape[0]
        assert beside <= set(range(first, first + phantom.study.series[1].pixels.shape[0]))
        assert all(mask.any() for masks in phantom.study.masks.values() for mask in masks.values())


def test_levels_agree_between_the_series(made: list[LumbarPhantom]) -> None:
    """A disc's middle on the sagittal masks falls on the level's axial slice."""
    from scipy.ndimage import center_of_mass, label

    for phantom in made:
        axial, beside = volumes(phantom)
        discs = sagittal(phantom, "disc")
        parts, count = label(discs)
        middles = beside.to_physical(np.array(center_of_mass(discs, parts, range(1, count + 1))))
        for level in phantom.levels:
            middle = middles[np.argmin(np.linalg.norm(middles - level.middle_mm, axis=1))]
            assert np.linalg.norm(middle - level.middle_mm) < 4.0
            assert abs(axial.to_index(middle)[0] - level.axial_slice) <= 0.5
        heights = [level.axial_slice for level in phantom.levels]
        assert heights == sorted(heights, reverse=True)


def test_both_series_show_the_same_canal(made: list[LumbarPhantom]) -> None:
    """Where a sagittal slice crosses a level's axial slice, both masks of the canal agree."""
    agreed = total = 0
    for phantom, level in levels(made):
        axial, beside = volumes(phantom)
        rows, columns = np.indices(axial.array.shape[1:])
        places = np.stack([np.full(rows.shape, level.axial_slice), rows, columns], -1)
        index = beside.to_index(axial.to_physical(places))
        near = (np.abs(index[..., 0] - np.rint(index[..., 0])) < 0.13) & (np.abs(index[..., 0] - 6) <= 3.2)
        nearest = np.rint(index[near]).astype(int)
        there = sagittal(phantom, "canal")[tuple(nearest.T)]
        here = outline(phantom, level, "spinal_canal")[near]
        agreed += int((there & here).sum())
        total += int((there | here).sum())
    assert agreed / total > 0.85


def test_sides_and_axes_are_the_patients(made: list[LumbarPhantom]) -> None:
    """LPS: the aorta lies left of the vena cava, the spinous process behind the sac."""
    for phantom in made:
        axial, beside = volumes(phantom)
        assert axial.orientation == ("H", "P", "L")
        assert beside.orientation == ("R", "F", "P")
        top = phantom.levels[0]

        def centre(label: str, top: LevelTruth = top, phantom: LumbarPhantom = phantom) -> NDArray[np.float64]:
            places = np.argwhere(outline(phantom, top, label))
            on_slice = np.insert(places.mean(axis=0), 0, top.axial_slice)
            return Volume(phantom.study.series[0].pixels, phantom.study.series[0].affine).to_physical(on_slice)

        assert centre("artery")[0] - centre("vein")[0] > 15
        assert centre("spinous_process")[1] > centre("dural_sac")[1] > centre("disc")[1] > centre("artery")[1]
        sacrum, vertebra = (
            beside.to_physical(np.argwhere(sagittal(phantom, label)).mean(axis=0))
            for label in ("sacrum", "vertebra")
        )
        assert sacrum[2] < vertebra[2] - 60


def test_fluid_is_bright_and_muscle_and_ligament_dark(made: list[LumbarPhantom]) -> None:
    for phantom, level in levels(made):
        pixels = phantom.study.series[0].pixels[level.axial_slice]
        assert pixels.min() >= 0
        roots, sac = outline(phantom, level, "nerve_root"), outline(phantom, level, "dural_sac")
        dark = outline(phantom, level, "ligamentum_flavum")
        if level.grades.central < 2:
            assert pixels[sac & ~roots].mean() > 2.0 * pixels[dark].mean()
            assert pixels[sac & ~roots].mean() > 1.1 * pixels[roots].mean()
    scales = [np.percentile(phantom.study.series[0].pixels, 99) for phantom in made]
    assert max(scales) > 2.0 * min(scales)


def test_truths_are_balanced_in_every_block() -> None:
    rows = [truth_of(number) for number in range(10 * BLOCK)]
    assert set(rows[0]) == set(SITES)
    for first in range(0, len(rows), BLOCK):
        for site in SITES:
            counts = Counter(row[site] for row in rows[first : first + BLOCK])
            assert counts == {"0": BLOCK // 2 + 1, "1": 1, "2": 1, "3": 1}
    grades = np.array([[int(row[site]) for site in SITES] for row in rows])
    normal = (grades.reshape(len(rows), len(LEVELS), 5) == 0).all(axis=2)
    assert 0.5 <= normal.mean() < 0.56
    between = np.corrcoef(grades.reshape(len(rows), len(LEVELS), 5).mean(axis=2).T)
    assert 0.02 < between[np.triu_indices(len(LEVELS), 1)].mean() < 0.7


def test_spinal_coordinates_lead_there_and_back() -> None:
    for number in range(20):
        spine = draw_spine((Grades(),) * 5, np.random.default_rng(number))
        s = np.array([disc.s_mm for disc in spine.discs])
        y, z = (np.array(part) for part in zip(*(spine.curve.place(float(at), 8.0) for at in s), strict=True))
        again, depth = spine.curve.frame(y, z)
        assert again == pytest.approx(s, abs=0.1)
        assert depth == pytest.approx(np.full(len(s), 8.0), abs=0.1)


def test_written_phantoms_come_in_as_two_volumes(tmp_path: Path, home: Home) -> None:
    folders = write(1, tmp_path / "in", seed=5, first=4, labels=tmp_path / "in" / "labels.csv")
    assert folders == [tmp_path / "in" / "phantom-0004"]
    with (tmp_path / "in" / "labels.csv").open(newline="", encoding="utf-8") as stream:
        (row,) = csv.DictReader(stream)
    assert {site: row[site] for site in SITES} == truth_of(4, seed=5)
    expected = study(4, seed=5).study
    for question in ("structures", "sagittal"):
        with np.load(tmp_path / "in" / row[question]) as kept:
            assert set(kept.files) == set(expected.masks[question])
            assert all(np.array_equal(kept[key], mask) for key, mask in expected.masks[question].items())
    ingest(home, folders)
    store = Store.of(home)
    (found,) = store.studies.find()
    series = sorted(found.series, key=lambda one: one.description)
    assert [one.description for one in series] == ["Axial T2", "Sagittal T2"]
    for one, wanted in zip(series, expected.series, strict=True):
        assert one.layout is Layout.VOLUME
        assert one.shape == wanted.pixels.shape
        assert np.allclose(np.array(one.affine).reshape(4, 4), wanted.affine, atol=2e-3)
        assert np.array_equal(Pixels.of(home).array(one), wanted.pixels)
    store.close()
