"""Phantom chest CT: Hounsfield units, what each pathology does to them, truth, repeatability, files."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from data.errors import TaskError
from data.home import Home
from data.ingest import ingest
from data.phantoms.anatomy import draw_anatomy
from data.phantoms.chest_ct import heart_part
from data.phantoms.chest_ct_norm import BLOCK, OPTIONS, ChestPhantom, study, truth_of, write
from data.phantoms.chest_ct_pathologies import UNSEEN, reshaped
from data.phantoms.shapes import Grid
from data.pixels import Pixels
from data.records import Layout
from data.store import Store

NUMBER = 3
"""A person without contrast medium."""


def hu(made: ChestPhantom) -> NDArray[np.float64]:
    return made.study.series[0].pixels.astype(np.float64)


def region(made: ChestPhantom) -> NDArray[np.bool_]:
    return made.study.masks["region"]["region"]


@cache
def normal() -> ChestPhantom:
    return study(NUMBER, instead="")


@cache
def with_(pathology: str) -> ChestPhantom:
    return study(NUMBER, instead=pathology)


def change(pathology: str) -> NDArray[np.float64]:
    """By how many HU the voxels of the region differ from the same chest without the pathology."""
    return np.asarray((hu(with_(pathology)) - hu(normal()))[region(with_(pathology))])


def part(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """z, y, x of the mask's voxels in mm."""
    affine = normal().study.series[0].affine
    return np.asarray((np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3])[:, ::-1])


def digest(number: int) -> str:
    made = study(number, seed=4)
    return hashlib.sha256(made.study.series[0].pixels.tobytes() + made.lungs.tobytes()).hexdigest()


def test_each_study_depends_on_seed_and_number_alone() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        first, second = pool.map(digest, (11, 10))
    assert digest(10) == second
    assert first != second


def test_every_block_is_balanced() -> None:
    truths = [truth_of(number, seed=2) for number in range(3 * BLOCK)]
    for first in range(0, len(truths), 8):
        assert Counter(truth["norm"] for truth in truths[first : first + 8]) == {"normal": 4, "pathology": 4}
    for first in range(0, len(truths), BLOCK):
        found = [truth["pathology"] for truth in truths[first : first + BLOCK] if "pathology" in truth]
        assert sorted(found) == sorted(OPTIONS)
    assert len(OPTIONS) == 16
    assert truths[:BLOCK] != truths[BLOCK : 2 * BLOCK]
    assert truths != [truth_of(number, seed=3) for number in range(3 * BLOCK)]


def test_the_truth_told_is_the_truth_shown() -> None:
    sick = next(number for number in range(8) if truth_of(number)["norm"] == "pathology")
    made = study(sick, size_px=96)
    assert made.study.answers == truth_of(sick)
    assert (made.norm, made.pathology) == ("pathology", truth_of(sick)["pathology"])
    assert hu(made).shape[1:] == made.lungs.shape[1:] == (96, 96)


def test_hounsfield_units_are_those_of_tissue() -> None:
    made = normal()
    pixels, lungs = hu(made), made.lungs
    slices = pixels.shape[0]
    assert 32 <= slices <= 40
    assert 6.0 <= np.linalg.norm(made.study.series[0].affine[:3, 0]) <= 9.6
    assert np.median(pixels[:, :4, 70:90]) == pytest.approx(-1000, abs=30)  # air before the chest
    assert -910 < np.median(pixels[lungs]) < -740
    assert 1500 < lungs.sum() * abs(np.linalg.det(made.study.series[0].affine[:3, :3])) / 1000 < 7500  # ml
    heart = region(with_("cardiomegaly")) & ~lungs
    assert 20 < np.median(pixels[heart]) < 70
    bone = pixels[slices // 2] > 200
    assert 0.003 < bone.mean() < 0.06
    assert pixels.min() >= -1024
    assert 150 < np.ptp(part(lungs)[:, 0]) < 330


def test_vessels_of_the_lungs_are_no_brighter_than_blood() -> None:
    for number in (1, 3, 14):  # without contrast medium
        made = study(number, instead="")
        inner = ndimage.binary_erosion(made.lungs, iterations=3)
        assert hu(made)[inner].max() < 250  # where branches meet, at the most noise and kernel come on top


def test_normal_chests_differ() -> None:
    made = [study(number, instead="", size_px=64) for number in range(40, 44)]
    medians = [float(np.median(hu(each)[each.lungs])) for each in made]
    assert np.ptp(medians) > 15
    assert len({each.study.series[0].affine.tobytes() for each in made}) == len(made)
    assert not any(each.study.masks for each in made)


@pytest.mark.parametrize("pathology", OPTIONS)
def test_what_is_not_marked_stays_as_it_was(pathology: str) -> None:
    made = with_(pathology)
    assert region(made).any()
    assert made.lungs.shape == region(made).shape
    if pathology not in ("cardiomegaly", "mosaic_attenuation_pattern"):  # these change a chest as a whole
        away = np.abs(hu(made) - hu(normal()))[~region(made)]
        assert np.mean(away > 60) < 0.004
    else:
        assert np.abs(change(pathology)).mean() > 40


@pytest.mark.parametrize("pathology", ["arterial_wall_calcification", "coronary_artery_wall_calcification"])
def test_chalk_is_dense_and_in_the_mediastinum(pathology: str) -> None:
    marked = region(with_(pathology))
    assert change(pathology).mean() > 60
    assert hu(with_(pathology))[marked].max() > 300
    assert np.sum((hu(with_(pathology)) > 130) & (hu(normal()) < 130) & marked) >= 10
    assert np.mean(normal().lungs[marked]) < 0.3
    assert np.abs(part(marked)[:, 2]).max() < 110


def test_the_aorta_runs_behind_the_coronaries() -> None:
    aorta, heart = (
        part(region(with_(name))) for name in ("arterial_wall_calcification", "coronary_artery_wall_calcification")
    )
    assert aorta[:, 0].max() > heart[:, 0].max()
    assert aorta[:, 1].max() > heart[:, 1].max()


@pytest.mark.parametrize(
    ("pathology", "low", "high"),
    [
        ("atelectasis", -120, 70),
        ("consolidation", -150, 60),
        ("lung_nodule", -250, 90),
        ("lung_opacity", -720, -380),
        ("lymphadenopathy", -60, 70),
        ("pericardial_effusion", -60, 40),
        ("pulmonary_fibrotic_sequela", -760, -50),
    ],
)
def test_what_fills_the_lung_makes_it_denser(pathology: str, low: float, high: float) -> None:
    assert change(pathology).mean() > 80
    assert low < np.median(hu(with_(pathology))[region(with_(pathology))]) < high


def test_effusion_is_fluid_where_it_is_drawn_to() -> None:
    marked = region(with_("pleural_effusion"))
    pixels = hu(with_("pleural_effusion"))
    lungs = part(normal().lungs)
    assert np.mean(part(marked)[:, 1] > lungs[:, 1].mean()) > 0.9
    deepest = marked & (np.indices(marked.shape)[1] > np.quantile(np.nonzero(marked)[1], 0.5))
    assert -12 < np.median(pixels[deepest]) < 35  # water, and the sharpened edge of what lies around
    assert change("pleural_effusion").mean() > 500


def test_emphysema_lowers_the_lungs() -> None:
    lungs = normal().lungs
    before, after = hu(normal())[lungs], hu(with_("emphysema"))[lungs]
    assert after.mean() < before.mean() - 5
    assert np.mean(after < -940) > np.mean(before < -940) + 0.02
    assert change("emphysema").mean() < -40


def test_mosaic_lowers_some_lung_and_raises_the_rest() -> None:
    dark = region(with_("mosaic_attenuation_pattern"))
    rest = normal().lungs & ~dark
    assert change("mosaic_attenuation_pattern").mean() < -30
    assert (hu(with_("mosaic_attenuation_pattern")) - hu(normal()))[rest].mean() > 15


def test_wide_bronchi_hold_air_within_walls() -> None:
    assert np.quantile(change("bronchiectasis"), 0.97) > 250
    assert np.mean(change("bronchiectasis") < -20) > 0.03
    assert np.mean(change("peribronchial_thickening")) > 80
    sides = np.sign(part(region(with_("peribronchial_thickening")))[:, 2])
    assert 0.25 < np.mean(sides > 0) < 0.75


def test_a_hernia_lies_low_behind_the_heart() -> None:
    middle = part(region(with_("hiatal_hernia"))).mean(axis=0)
    heart = part(region(with_("cardiomegaly"))).mean(axis=0)
    assert abs(middle[2]) < 35
    assert middle[1] > heart[1]
    assert middle[0] < 50


def test_fluid_lies_around_the_heart() -> None:
    fluid = part(region(with_("pericardial_effusion")))
    middle = fluid.mean(axis=0)
    beside = np.abs(fluid[:, 0] - middle[0]) < 15
    angles = np.arctan2(fluid[beside, 1] - middle[1], fluid[beside, 2] - middle[2])
    held = np.histogram(angles, 8, (-np.pi, np.pi))[0]
    assert np.sum(held > 10) >= 6


@pytest.mark.parametrize(("pathology", "low", "high"), [("", 0.3, 0.49), ("cardiomegaly", 0.505, 0.7)])
def test_cardiothoracic_ratio(pathology: str, low: float, high: float) -> None:
    for number in range(12):
        rng = np.random.default_rng(number)
        anatomy = reshaped(draw_anatomy(rng, arms_raised=True), pathology, rng)
        grid = Grid.around(anatomy)
        heart = heart_part(anatomy, grid, -4.0) > 0.5
        columns = [np.flatnonzero(slice_.any(axis=0)) for slice_ in heart if slice_.any()]
        widest = max(grid.x[0, 0, c[-1]] - grid.x[0, 0, c[0]] + 2.5 for c in columns)
        assert low < widest / (2 * anatomy.half_width_mm) < high


def test_a_large_heart_shows() -> None:
    heart = np.flatnonzero(region(with_("cardiomegaly")).any(axis=(0, 1)))
    chest = np.flatnonzero(normal().lungs.any(axis=(0, 1)))
    assert (heart[-1] - heart[0] + 1) / (chest[-1] - chest[0] + 1) > 0.5


@pytest.mark.parametrize(("unseen", "least", "most"), [
    ("pneumothorax", -400, -50), ("cavitary_lesion", 150, 900), ("foreign_body", 300, 4000),
])  # fmt: skip
def test_an_unseen_pathology_is_none_of_the_options(unseen: str, least: float, most: float) -> None:
    made = study(NUMBER, unseen=unseen)
    assert (made.norm, made.pathology, made.study.answers["pathology"]) == ("pathology", "", "")
    assert unseen not in OPTIONS
    assert unseen in UNSEEN
    assert least < (hu(made) - hu(normal()))[region(made)].mean() < most
    assert made.study.patient != normal().study.patient


def test_what_no_phantom_shows_is_refused() -> None:
    with pytest.raises(TaskError, match="pneumothorax"):
        study(0, unseen="measles")
    with pytest.raises(TaskError, match="emphysema"):
        study(0, instead="measles")


def test_a_written_phantom_comes_in_as_the_volume_it_is(tmp_path: Path) -> None:
    folders = write(2, tmp_path / "in", first=5, seed=1, labels=tmp_path / "labels.csv")
    with (tmp_path / "labels.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["path", "patient", "norm", "pathology"]
    assert [row["patient"] for row in rows] == ["phantom-0005", "phantom-0006"]
    for number, row, folder in zip((5, 6), rows, folders, strict=True):
        truth = truth_of(number, seed=1)
        assert (row["norm"], row["pathology"]) == (truth["norm"], truth.get("pathology", ""))
        assert (tmp_path / "in" / row["path"]).parent == folder
    made = study(5, seed=1).study.series[0]
    home = Home(tmp_path / "home")
    report = ingest(home, sorted(folders[0].glob("*.dcm")), workers=1)
    assert report.ingested == made.pixels.shape[0]
    ((kept,),) = (each.series for each in Store.of(home).studies.find())
    assert (kept.layout, kept.modality) == (Layout.VOLUME, "CT")
    assert np.array_equal(Pixels.of(home).array(kept), made.pixels)
    assert np.allclose(np.array(kept.affine).reshape(4, 4), made.affine, atol=1e-4)
