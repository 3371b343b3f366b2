"""The whole ingest: once only, nothing lost, no file that stops the rest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEG2000Lossless

from data.blobs import Blobs
from data.errors import ConsiliumError
from data.home import Home
from data.ingest import IngestReport, ingest
from data.ingest.pool import Pool
from data.ingest.sources import Source
from data.ingest.stacks import GEOMETRY
from data.ingest.work import Lost, ReadFile, Setup, Whole
from data.pixels import Pixels
from data.records import Layout, Series
from data.store import Store
from data.volume import Volume
from tests.ingest_files import CR, dataset, save, stack, stored


def bring(home: Home, *paths: Path, **more: object) -> IngestReport:
    report = ingest(home, list(paths), workers=1, **more)  # type: ignore[arg-type]
    assert report.files == report.ingested + report.duplicates + len(report.refused)
    return report


def only_series(store: Store) -> Series:
    (series,) = [series for study in store.studies.find() for series in study.series]
    return series


def radiograph(path: Path, seed: int, **tags: object) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 4000, (16, 12)).astype(np.uint16)
    own = {
        "SOPClassUID": CR,
        "Modality": "CR",
        "SOPInstanceUID": f"2.25.5.{seed}",
        "SeriesInstanceUID": f"2.25.6.{seed}",
    }
    return save(path, dataset(pixels, **(own | tags)))


def test_a_series_becomes_a_volume_in_hounsfield_units(home: Home, store: Store, tmp_path: Path) -> None:
    paths = stack(tmp_path / "ct", [0.0, 2.5, 5.0, 7.5])
    report = bring(home, tmp_path / "ct")
    assert (report.ingested, report.series, len(report.studies)) == (4, 1, 1)
    series = only_series(store)
    assert (series.layout, series.shape, series.spacing_mm) == (Layout.VOLUME, (4, 8, 6), (2.5, 0.5, 0.75))
    array = Pixels.of(home).array(series)
    assert array.dtype == np.int16
    for index, path in enumerate(paths):
        assert np.array_equal(array[index], stored(path).astype(int) - 1024)
    assert series.source_paths == tuple(map(str, paths))
    volume = Volume.of(series, array)
    assert np.allclose(volume.to_physical(np.array([2, 3, 4])), (-10 + 4 * 0.75, -20 + 3 * 0.5, 5.0))
    (study,) = store.studies.find()
    assert study.patient.patient_id == "dicom:p1"
    assert study.study_id.startswith("st-")
    assert len(study.study_id) == 19


def test_twice_is_once(home: Home, store: Store, tmp_path: Path) -> None:
    stack(tmp_path / "ct", [0.0, 2.0, 4.0])
    radiograph(tmp_path / "cr" / "1.dcm", 1)
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "same").write_bytes((tmp_path / "cr" / "1.dcm").read_bytes())
    first = bring(home, tmp_path / "ct", tmp_path / "cr", tmp_path / "copy")
    assert (first.ingested, first.duplicates, first.series) == (4, 1, 2)
    before = store.studies.find()
    second = bring(home, tmp_path)
    assert (second.ingested, second.series) == (0, 0)
    assert second.duplicates == 5
    assert store.studies.find() == before
    assert second.studies == first.studies


def test_the_same_ids_in_any_order(tmp_path: Path) -> None:
    stack(tmp_path / "in" / "ct", [0.0, 2.0, 4.0])
    for seed in range(3):
        radiograph(tmp_path / "in" / f"{seed}.dcm", seed)
    found = []
    for turn in (1, -1):
        home = Home(tmp_path / f"home{turn}").prepare()
        (home.secrets / "key").write_text("k" * 64)
        bring(home, *sorted((tmp_path / "in").rglob("*.dcm"))[::turn])
        found.append(
            {s.series_id: (s.study_id, s.pixels) for t in Store.of(home).studies.find() for s in t.series}
        )
    assert found[0] == found[1]
    assert len(found[0]) == 4


@pytest.mark.parametrize("first", [[0, 1, 2], [1, 3], [3], [0, 2, 5]])
def test_slices_that_come_later_extend_the_series(
    home: Home, store: Store, tmp_path: Path, first: list[int]
) -> None:
    paths = stack(tmp_path / "ct", [0.0, 2.0, 4.0, 6.0, 8.0, 10.0])
    bring(home, *(paths[i] for i in first))
    early = only_series(store)
    moved = tmp_path / "gone"
    (tmp_path / "ct").rename(moved)  # what came first is not needed again
    later = [moved / p.name for i, p in enumerate(paths) if i not in first]
    report = bring(home, *later)
    assert report.series == 1
    series = only_series(store)
    assert series.series_id == early.series_id
    assert (series.layout, series.shape, series.spacing_mm) == (Layout.VOLUME, (6, 8, 6), (2.0, 0.5, 0.75))
    assert GEOMETRY not in series.attributes
    array = Pixels.of(home).array(series)
    for index, path in enumerate(paths):
        assert np.array_equal(array[index], stored(moved / path.name).astype(int) - 1024)
    assert bring(home, moved).duplicates == 6


def test_gaps_are_kept_as_frames_with_the_reason(home: Home, store: Store, tmp_path: Path) -> None:
    stack(tmp_path / "ct", [0.0, 2.0, 6.0, 8.0])
    report = bring(home, tmp_path / "ct")
    series = only_series(store)
    assert (series.layout, series.affine, series.spacing_mm) == (Layout.FRAMES, None, (0.5, 0.75))
    assert series.attributes[GEOMETRY].startswith("Slices are missing: 1 gaps")
    assert any("not as a volume" in note for note in report.notes)


def test_tilted_gantry_and_copies(home: Home, store: Store, tmp_path: Path) -> None:
    stack(tmp_path / "tilt", [0.0, 2.0, 4.0], drift=1.0)
    bring(home, tmp_path / "tilt")
    assert "tilted" in only_series(store).attributes[GEOMETRY]
    other = Home(tmp_path / "other")
    paths = stack(tmp_path / "ct", [0.0, 2.0, 4.0])
    from pydicom import dcmread

    twin = dcmread(paths[1])
    twin.SOPInstanceUID, twin.InstanceNumber = "2.25.77", 99
    save(tmp_path / "ct" / "twin.dcm", twin)
    report = bring(other, tmp_path / "ct")
    assert (report.ingested, report.duplicates) == (3, 1)
    assert only_series(Store.of(other)).layout is Layout.VOLUME


def test_localizers_and_blocks_stand_apart(home: Home, store: Store, tmp_path: Path) -> None:
    stack(tmp_path / "a", [0.0, 2.0, 4.0], ImageType=["ORIGINAL", "PRIMARY", "AXIAL"])
    stack(tmp_path / "b", [0.0, 2.0], seed=1, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    stack(tmp_path / "c", [0.0, 3.0], seed=2, ImageOrientationPatient=[1, 0, 0, 0, 0.8, -0.6])
    bring(home, tmp_path)
    (study,) = store.studies.find()
    assert sorted(s.shape[0] for s in study.series) == [2, 2, 3]


def test_series_without_uids_still_become_one_volume(home: Home, store: Store, tmp_path: Path) -> None:
    stack(
        tmp_path,
        [0.0, 2.0, 4.0],
        SeriesInstanceUID="",
        StudyInstanceUID="",
        PatientID="",
        FrameOfReferenceUID="2.25.8",
    )
    bring(home, tmp_path)
    assert only_series(store).shape == (3, 8, 6)
    assert store.studies.find()[0].patient.patient_id.startswith("file:")


def test_mixed_values_are_kept_exactly(home: Home, store: Store, tmp_path: Path) -> None:
    stack(tmp_path, [0.0, 2.0])
    stack(tmp_path / "b", [4.0], seed=3, RescaleSlope="0.5", RescaleIntercept="0.25")
    bring(home, tmp_path)
    assert Pixels.of(home).array(only_series(store)).dtype == np.float32


def test_a_bad_file_never_stops_the_rest(home: Home, store: Store, tmp_path: Path) -> None:
    radiograph(tmp_path / "good.dcm", 1)
    whole = (tmp_path / "good.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[:-40])
    (tmp_path / "empty.dcm").write_bytes(b"")
    (tmp_path / "notes.dcm").write_text("not an image at all")
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.writestr("../out.dcm", whole)
        archive.writestr("in.png", (tmp_path / "cut.dcm").read_bytes())
    report = bring(home, tmp_path)
    assert report.ingested == 1
    assert report.reasons == {"damaged": 3, "not an image": 1, "unsafe archive": 1}
    kept = {Path(r.path).name: r for r in store.studies.refusals()}
    assert set(kept) == {"cut.dcm", "empty.dcm", "notes.dcm", "out.dcm", "in.png"}
    assert all("Given:" in r.message for r in kept.values())
    assert bring(home, tmp_path).reasons == report.reasons


def test_holds_and_pictures_are_counted(home: Home, store: Store, tmp_path: Path) -> None:
    radiograph(tmp_path / "plain.dcm", 1)
    radiograph(tmp_path / "burnt.dcm", 2, StudyInstanceUID="2.25.22", BurnedInAnnotation="YES")
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(tmp_path / "p.png")
    report = bring(home, tmp_path)
    assert (report.held, report.pictures) == (1, 1)
    assert sorted(bool(s.held) for s in store.studies.find()) == [False, False, True]


def test_a_study_is_named_by_its_images(home: Home, store: Store, tmp_path: Path) -> None:
    radiograph(tmp_path / "a" / "capture.dcm", 1, Modality="OT")
    stack(tmp_path / "b", [0.0, 2.0])
    bring(home, tmp_path)
    assert store.studies.find()[0].modality == "CT"


def test_progress_counts_up_to_all(home: Home, tmp_path: Path) -> None:
    for seed in range(5):
        radiograph(tmp_path / f"{seed}.dcm", seed)
    steps: list[tuple[int, int]] = []
    bring(home, tmp_path, progress=lambda done, total, _words: steps.append((done, total)))
    assert steps == [(n, 5) for n in range(1, 6)]


def _setup(home: Home, tmp_path: Path, timeout_s: float) -> Setup:
    Store.of(home).close()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Setup(home, scratch, scratch, timeout_s)


def _task(path: Path) -> ReadFile:
    return ReadFile(Source(path))


@pytest.mark.parametrize(("signal_", "words"), [(signal.SIGKILL, "SIGKILL"), (signal.SIGSTOP, "given up")])
def test_a_process_that_dies_or_hangs_costs_one_file(home: Home, tmp_path: Path, signal_: int, words: str) -> None:
    paths = [radiograph(tmp_path / f"{seed}.dcm", seed) for seed in range(4)]
    with Pool(1, _setup(home, tmp_path, 3.0)) as pool:
        pool.submit(_task(paths[0]))
        assert isinstance(pool.collect()[0][1], Whole)
        os.kill(pool.pids[0], signal_)
        outcomes = {}
        for path in paths[1:]:
            pool.submit(_task(path))
        while pool.outstanding:
            outcomes |= {
                task.source.path: outcome for task, outcome in pool.collect() if isinstance(task, ReadFile)
            }
    lost = outcomes.pop(paths[1])
    assert isinstance(lost, Lost)
    assert words in lost.message
    assert [type(outcomes[path]) for path in paths[2:]] == [Whole, Whole]


def test_processes_end_with_the_pool(home: Home, tmp_path: Path) -> None:
    with Pool(2, _setup(home, tmp_path, 5.0)) as pool:
        pids = pool.pids
        pool.submit(_task(radiograph(tmp_path / "1.dcm", 1)))
        pool.collect()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_full_disk_stops_the_ingest_and_loses_nothing(home: Home, store: Store, tmp_path: Path) -> None:
    radiograph(tmp_path / "in" / "1.dcm", 1)
    for number in range(256):
        (home.blobs / f"{number:02x}").write_text("in the way")
    with pytest.raises(ConsiliumError, match="could not be kept"):
        bring(home, tmp_path / "in")
    assert store.studies.find() == []
    for path in home.blobs.iterdir():
        path.unlink()
    assert bring(home, tmp_path / "in").ingested == 1


def test_an_ingest_that_is_killed_can_be_run_again(home: Home, store: Store, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for index in range(24):
        own = {"SOPClassUID": CR, "Modality": "CR", "SOPInstanceUID": f"2.25.5.{index}"}
        pixels = rng.integers(0, 4000, (300, 300)).astype(np.uint16)
        save(tmp_path / "in" / f"{index:02d}.dcm", dataset(pixels, **own), syntax=JPEG2000Lossless)
    stack(tmp_path / "in" / "ct", [0.0, 2.0, 4.0])
    code = (
        "import sys; from pathlib import Path; from data.home import Home; from data.ingest import ingest;"
        "ingest(Home(Path(sys.argv[1])), [Path(sys.argv[2])], workers=1)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(home.path), str(tmp_path / "in")])
    deadline = time.monotonic() + 60
    while store.studies.count() == 0 and len(_blobs(home)) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert len(_blobs(home)) > 0
    early = sum(len(s.series) for s in store.studies.find())
    assert early < 25
    report = bring(home, tmp_path / "in")
    assert report.refused == ()
    assert report.ingested + report.duplicates == 27
    series = [s for study in store.studies.find() for s in study.series]
    assert len(series) == 25
    blobs = Blobs.of(home)
    for one in series:
        blobs.get(one.pixels, verify=True)
        assert blobs.get_array(one.pixels).shape == one.shape
    assert list((home.path / "scratch").iterdir()) == []


def _blobs(home: Home) -> list[Path]:
    return [path for path in home.blobs.rglob("*") if path.is_file() and not path.name.startswith(".")]
