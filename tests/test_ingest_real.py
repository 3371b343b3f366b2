"""The real images: volumes where they ought to be, and every robustness file accounted for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydicom import dcmread

from data.home import Home
from data.ingest import ingest, read_labels
from data.ingest.stacks import GEOMETRY
from data.pixels import Pixels
from data.records import Layout, Series
from data.store import Store
from data.volume import Volume

pytestmark = pytest.mark.real


def expected_stack(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """HU (slices, rows, columns) and the centre of each slice's first pixel, by the header alone, foot to head."""
    slices = []
    for path in folder.glob("*.dcm"):
        ds = dcmread(path)
        values = ds.pixel_array.astype(np.float64) * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
        slices.append((float(ds.ImagePositionPatient[2]), [float(v) for v in ds.ImagePositionPatient], values))
    slices.sort(key=lambda item: item[0])
    return np.stack([s[2] for s in slices]), np.array([s[1] for s in slices])


@pytest.mark.parametrize(
    ("folder", "count", "spacing"),
    [
        ("C_chestct/nlst", 143, (2.0, 0.54, 0.54)),
        ("A_abdct/totalsegmentator/example_ct_dicom", 20, (2.0, 0.9765625, 0.9765625)),
    ],
)
def test_real_ct_series(
    home: Home, store: Store, real_data: Path, folder: str, count: int, spacing: tuple[float, ...]
) -> None:
    report = ingest(home, [real_data / folder])
    assert (report.ingested, report.refused, report.series) == (count, (), 1)
    (study,) = store.studies.find()
    (series,) = study.series
    assert series.layout is Layout.VOLUME
    assert series.spacing_mm == pytest.approx(spacing)
    values, positions = expected_stack(real_data / folder)
    array = Pixels.of(home).array(series)
    assert array.dtype == np.int16
    assert np.array_equal(array, values)
    volume = Volume.of(series, array)
    assert volume.orientation == ("H", "P", "L")
    corners = np.stack([np.arange(count), np.zeros(count), np.zeros(count)], axis=1)
    assert np.allclose(volume.to_physical(corners), positions, atol=0.01)
    assert study.modality == "CT"
    assert study.held == ""
    assert not study.phantom


@pytest.mark.parametrize(
    "name", ["example_ct.nii.gz", "example_ct_sm.nii.gz", "example_mr_sm.nii.gz", "example_seg.nii.gz"]
)
def test_real_nifti(home: Home, store: Store, real_data: Path, name: str) -> None:
    path = real_data / "A_abdct" / "totalsegmentator" / name
    assert ingest(home, [path], workers=1).ingested == 1
    (series,) = store.studies.find()[0].series
    volume = Volume.of(series, Pixels.of(home).array(series))
    image = nib.load(path)
    source = np.asanyarray(image.dataobj)
    assert series.spacing_mm == pytest.approx(image.header.get_zooms()[::-1], abs=1e-4)
    assert volume.orientation == ("H", "P", "L")
    rng = np.random.default_rng(0)
    for index in rng.integers(0, volume.array.shape, (200, 3)):
        ras = volume.to_physical(index) * (-1, -1, 1)
        i, j, k = np.rint(nib.affines.apply_affine(np.linalg.inv(image.affine), ras)).astype(int)
        assert volume.array[tuple(index)] == source[i, j, k]
    if "ct" in name:
        assert series.modality == "CT"
        assert volume.array.dtype == np.int16


def test_the_same_ct_as_nifti_lies_as_the_reorientation_says(home: Home, store: Store, real_data: Path) -> None:
    path = real_data / "A_abdct" / "totalsegmentator" / "example_ct_sm.nii.gz"
    ingest(home, [path], workers=1)
    (series,) = store.studies.find()[0].series
    ours = Pixels.of(home).array(series)
    lps = nib.load(path)
    turned = nib.orientations.apply_orientation(
        np.asanyarray(lps.dataobj),
        nib.orientations.ornt_transform(
            nib.orientations.io_orientation(lps.affine), nib.orientations.axcodes2ornt(("L", "P", "S"))
        ),
    )
    assert np.array_equal(ours, turned.transpose(2, 1, 0))


def test_every_robustness_file_is_accounted_for(home: Home, store: Store, real_data: Path) -> None:
    """In a program of its own, so that the memory of the main process and of the decoders can be read.

    The kernel hands a process' largest resident set on to the program that it starts, so that ``ru_maxrss`` of the
    main process would be that of the test run; ``VmHWM`` is its own.
    """
    code = (
        "import json, sys; from pathlib import Path; from data.home import Home; from data.ingest import ingest\n"
        "import re, resource\n"
        "report = ingest(Home(Path(sys.argv[1])), [Path(sys.argv[2])])\n"
        "own = int(re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1])\n"
        "peak = (own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        "print(json.dumps([report.files, report.ingested, report.duplicates, report.reasons, peak]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(home.path), str(real_data / "R_robust")],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    files, ingested, duplicates, reasons, (main_kib, child_kib) = json.loads(done.stdout)
    assert files == 302
    assert ingested + duplicates + sum(reasons.values()) == 302
    assert set(reasons) == {"damaged", "not an image", "unsupported"}
    assert reasons["not an image"] == 3
    assert ingested + duplicates >= 198
    assert 0 < main_kib + 2 * child_kib < 2 << 20
    by_path: dict[str, Series] = {
        "/".join(Path(path).parts[-3:]): s
        for t in store.studies.find()
        for s in t.series
        for path in s.source_paths
    }
    reasons_of = {name: s.attributes.get(GEOMETRY, "") for name, s in by_path.items()}
    assert "tilted" in reasons_of["gantrytilting/001/IM-0001-0001.dcm"]
    assert "missing" in reasons_of["sliceincrement/002/IM-0001-0005.dcm"]
    assert by_path["compressed/001/IM-0001-0002-0001.dcm"].layout is Layout.VOLUME


def test_compressed_twins_are_one(home: Home, store: Store, real_data: Path) -> None:
    folder = real_data / "R_robust" / "dicom2nifti" / "generic"
    names = ("compressed", "compressed_j2k", "compressed_jpeg", "compressed_jpegls", "compressed_rle")
    report = ingest(home, [folder / name for name in names])
    assert (report.ingested, report.duplicates) == (4, 16)
    (series,) = store.studies.find()[0].series
    assert (series.layout, series.shape) == (Layout.VOLUME, (4, 256, 256))


def test_the_manifest_as_a_table_of_labels(home: Home, store: Store, real_data: Path) -> None:
    table = read_labels(real_data / "manifest.csv")
    report = ingest(home, [real_data / "BE_cxr"], labels=table)
    assert report.ingested == 146
    assert set(report.reasons) <= {"not an image"}
    studies = store.studies.find()
    views = [s.view for s in studies]
    counts = {view: views.count(view) for view in sorted(set(views))}
    assert counts == {"AP": 23, "AP SUPINE": 15, "LATERAL": 21, "PA": 87}
    assert len({s.patient.patient_id for s in studies}) == 74
    assert {s.modality for s in studies} == {"CR"}
    assert all(s.patient.patient_id.startswith("file:ieee-") for s in studies)
    assert report.labels is not None
    assert report.labels.matched == 146
