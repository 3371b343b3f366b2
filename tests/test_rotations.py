"""Simulated rotation from a CT: the volume is found, freed of its table, and projected at the angle asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks

from data.blobs import Blobs
from data.errors import ConfigError, GeometryError
from data.ingest.alone import read_volume
from data.phantoms.dicom import PhantomSeries, PhantomStudy, write_series
from data.store import Store
from data.volume import Volume
from models.radiographs import gather
from models.rotations import Chest, lateral, read_chests
from models.simulated import simulators
from models.task import ClinicalTask, TrainingRun, get_task

SHAPE, STEP_MM = (60, 70, 90), 4.0  # 240 mm of height, 280 mm of depth, 360 mm of width
ROD_X_MM = 70.0


def ct(*, table: bool = True, lungs: bool = True) -> NDArray[np.int16]:
    """Trunk with two lungs, a rod of bone in each at the same depth, and a table; axial, LPS."""
    z, y, x = np.meshgrid(*((np.arange(n) - (n - 1) / 2) * STEP_MM for n in SHAPE), indexing="ij")
    hu = np.full(SHAPE, -1000, np.int16)
    hu[(x / 160) ** 2 + (y / 100) ** 2 < 1] = 40
    for side in (-1, 1) if lungs else ():
        lung = ((x - side * 75) / 55) ** 2 + (y / 70) ** 2 + (z / 95) ** 2 < 1
        hu[lung] = -850
        hu[lung & (np.hypot(x - side * ROD_X_MM, y) < 9)] = 1200
    if table:
        hu[np.abs(y - 112) < 3] = 400
    return hu


def affine() -> NDArray[np.float64]:
    """(slice, row, column, 1) to LPS mm: to the head, the back and the left."""
    matrix = np.zeros((4, 4))
    matrix[2, 0] = matrix[1, 1] = matrix[0, 2] = STEP_MM
    matrix[:3, 3], matrix[3, 3] = (-180.0, -140.0, 900.0), 1.0
    return matrix


def write_nifti(hu: NDArray[np.int16], path: Path, *, flips: tuple[int, ...] = ()) -> Path:
    """The volume with NIfTI's axes (i, j, k), some of them stored the other way round."""
    array = hu.transpose(2, 1, 0)
    matrix = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine()[:, [2, 1, 0, 3]]
    for axis in flips:
        array = np.flip(array, axis)
        matrix[:3, 3] += matrix[:3, axis] * (array.shape[axis] - 1)
        matrix[:3, axis] *= -1
    nib.save(nib.Nifti1Image(np.ascontiguousarray(array), matrix), path)
    return path


@pytest.fixture(scope="module")
def chest() -> Chest:
    return Chest.of(Volume(ct(), affine()))


@pytest.fixture(scope="module")
def ct_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_nifti(ct(), tmp_path_factory.mktemp("ct") / "chest.nii.gz")


@pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)])
def test_whichever_way_it_is_stored_the_head_is_up(chest: Chest, tmp_path: Path, flips: tuple[int, ...]) -> None:
    [read] = read_chests([str(write_nifti(ct(), tmp_path / "ct.nii", flips=flips))])
    assert np.array_equal(read.attenuation, chest.attenuation)
    assert np.array_equal(read.lungs, chest.lungs)
    assert read.spacing_mm == pytest.approx((STEP_MM,) * 3)
    assert read.origin_mm == pytest.approx(chest.origin_mm)
    assert read.origin_mm == pytest.approx([-(n - 1) / 2 * STEP_MM for n in SHAPE])


def test_a_folder_of_dicom_files_is_read(chest: Chest, tmp_path: Path) -> None:
    series = PhantomSeries("CT", "chest", ct(), affine(), (40.0, 400.0))
    short = replace(series, description="scout", pixels=ct()[:5])
    study = PhantomStudy("phantom-0001", "rotation", "F", 50, "chest", "CHEST", (short, series))
    for number in (0, 1):
        write_series(study, number, tmp_path / str(number))
    (tmp_path / "notes.txt").write_text("no image")
    volume = read_volume(tmp_path, modality="CT")
    assert np.array_equal(volume.array, ct())  # the series with the most slices
    assert np.allclose(volume.affine, affine())
    [read] = read_chests([str(tmp_path)])
    assert np.array_equal(read.attenuation, chest.attenuation)


def test_table_and_air_are_not_projected(chest: Chest) -> None:
    without = Chest.of(Volume(ct(table=False), affine()))
    assert np.array_equal(chest.attenuation, without.attenuation)
    assert not chest.attenuation[:, -8:].any()
    assert not chest.attenuation[:, :, :2].any()
    drawn = float(np.sum(ct() == -850)) * STEP_MM**3 / 1000
    assert float(chest.lungs.sum()) * STEP_MM**3 / 1000 == pytest.approx(drawn, rel=0.02)


@pytest.mark.parametrize("angle", [0.0, 4.0, 12.0, -12.0, 16.0, -16.0])
def test_what_lies_side_by_side_comes_apart_by_the_angle(chest: Chest, angle: float) -> None:
    """The rods lie behind one another in a straight view; turned, they are 2 x sin(angle) apart, magnified."""
    picture = lateral(chest, angle, np.random.default_rng(3), size_px=256).astype(float)
    columns = uniform_filter1d(picture[100:150].mean(axis=0), 5)
    peaks, _ = find_peaks(columns, prominence=400, width=(6, 40))
    rods = [peak for peak in peaks if 0.2 * len(columns) < peak < 0.8 * len(columns)]
    assert len(rods) == (1 if abs(angle) < 5 else 2)
    if len(rods) == 2:
        apart_mm = 2 * ROD_X_MM * float(np.sin(np.radians(abs(angle)))) * 1.16
        assert 0.75 < apart_mm / (rods[1] - rods[0]) < 1.1  # mm a pixel: 190 to 280 mm are shown


def test_half_are_of_cts_and_the_source_does_not_tell_the_answer(ct_file: Path) -> None:
    profile = get_task("cxr_quality").config.profiles["demo"]
    profile = profile.model_copy(update={"rotation_volumes": (str(ct_file), str(ct_file))})
    make = simulators(profile)["rotation_lateral"]
    pictures = make([], None, 12, 0)  # type: ignore[arg-type]
    of_ct = [p for p in pictures if p.of_ct]
    assert [p.target for p in of_ct] == [0, 1] * 3
    assert [p.patient for p in of_ct] == [f"simulated-ct-{n}" for n in (0, 0, 1, 1, 0, 0)]
    assert sorted(p.target for p in pictures if not p.of_ct) == [0, 0, 0, 1, 1, 1]
    assert all(p.pixels.dtype == np.uint8 and max(p.pixels.shape) == 256 for p in pictures)
    again, other = make([], None, 12, 0), make([], None, 12, 1)  # type: ignore[arg-type]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(pictures, again, strict=True))
    assert not np.array_equal(pictures[0].pixels, other[0].pixels)
    assert len({p.pixels.tobytes() for p in pictures}) == 12


def _run(store: Store, blobs: Blobs, task: ClinicalTask, scratch: Path, volumes: tuple[str, ...]) -> TrainingRun:
    from tests.test_task_cxr_quality import training_run

    run = training_run(store, blobs, task, scratch, simulate=8)
    return replace(run, profile=run.profile.model_copy(update={"rotation_volumes": volumes}))


def test_the_notes_name_pictures_and_cts(store: Store, home: object, tmp_path: Path, ct_file: Path) -> None:
    task = get_task("cxr_quality")
    run = _run(store, Blobs.of(home), task, tmp_path, (str(ct_file),))  # type: ignore[arg-type]
    question = task.form["rotation_lateral"]
    stage = run.profile.stages["rotation_lateral"]
    data = gather(question, stage, run, simulators(run.profile)["rotation_lateral"])
    assert data.simulated == 8
    assert "4 of them are projections of 1 named CT volumes." in data.notes
    assert not set(data.training.patients) & set(data.validation.patients)


def test_a_bad_path_stops_before_anything_is_trained(
    store: Store, home: object, tmp_path: Path, ct_file: Path
) -> None:
    task = get_task("cxr_quality")
    told: list[str] = []
    run = _run(store, Blobs.of(home), task, tmp_path, (str(ct_file), "none/such"))  # type: ignore[arg-type]
    with pytest.raises(ConfigError) as missing:
        task.train(replace(run, progress=lambda _, words: told.append(words)))
    assert told == []
    assert missing.value.given.endswith("none/such")
    assert missing.value.do == "correct the path, or leave it out"
    assert simulators(run.profile.model_copy(update={"simulate": 0}))  # nothing is simulated: nothing is read


def test_what_is_no_chest_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    solid = write_nifti(ct(lungs=False), tmp_path / "solid.nii")
    low = write_nifti(ct()[:20], tmp_path / "low.nii")
    picture = write_nifti(ct() // 100, tmp_path / "other.nii")  # its values are not those of a CT
    for path, error in (
        (tmp_path / "notes.txt", "There is no CT volume."),
        (picture, "There is no CT volume."),
        (solid, "That CT does not show a chest."),
        (low, "That CT does not show a chest."),
    ):
        with pytest.raises(GeometryError) as caught:
            read_chests([str(path)])
        assert caught.value.message == error
        assert str(path) in caught.value.given
        assert caught.value.expected
        assert caught.value.do


def test_a_real_chest(real_data: Path) -> None:
    [chest] = read_chests([str(real_data / "C_chestct" / "nlst")])
    assert len(chest.lungs) == 143
    litres = float(chest.lungs.sum()) * float(np.prod(chest.spacing_mm)) / 1e6
    assert 3.5 < litres < 5.0
    areas = chest.lungs.sum(axis=(1, 2))
    slices = np.flatnonzero(areas)
    tenth = len(slices) // 10
    assert (
        areas[slices[-tenth:]].mean() < 0.5 * areas[slices[len(slices) // 3 : len(slices) // 2]].mean()
    )  # apices
    backbone = np.percentile(chest.attenuation[60:80], 99.7)
    rows = np.nonzero(chest.attenuation[60:80] > backbone)[1]
    assert np.median(rows) * chest.spacing_mm[1] + chest.origin_mm[1] > 40  # behind the middle of the lungs
    straight, turned = (lateral(chest, a, np.random.default_rng(1), size_px=256) for a in (0.0, 18.0))
    assert max(straight.shape) == 256
    assert straight.max() == turned.max() == 4095
    assert not np.array_equal(straight[:200, :200], turned[:200, :200])
