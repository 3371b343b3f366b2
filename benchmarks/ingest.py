"""How fast files come in, against a plain loop with pydicom.

    python -m benchmarks.ingest [--data FOLDER] [--repeats N] [--json]

Ours is a whole ingest into a fresh home: two decoding processes (their start counts), every file hashed, decoded,
verified and rescaled, slices sorted into volumes by geometry, arrays synchronised to disk under their SHA-256, and
studies, series and files recorded in one database.

The peer is one process, already warm, that does the core of the same job for each file: read it, take its SHA-256,
``pydicom.dcmread``, ``pixel_array`` (by pydicom's own choice of decoder), ``apply_rescale`` into int16 where that
is exact and float32 otherwise, ``numpy.save``, and the SHA-256 of what was saved. It sorts nothing into volumes,
records nothing, does not synchronise, and skips what it cannot decode, as ours refuses it. Both read the same
files, which the first, unmeasured pass of the peer has brought into the page cache.

Without ``--data`` the files are generated: a CT-like series uncompressed, the same in JPEG 2000, and one in
JPEG-LS, and radiographs. The printed line is JSON: seconds of ours and of the peer (medians), their ratio (peer /
ours: larger is better for ours), the spread of the ratio over the repeats, and the number of files.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SLICES, SIZE_PX, RADIOGRAPHS, RADIOGRAPH_PX = 100, 512, 12, 1800


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="a folder of DICOM files; generated without it")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="only the JSON line (the default prints nothing else)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="consilium-benchmark-") as name:
        folder = given.data or generate(Path(name) / "files")
        print(json.dumps(measure(folder, Path(name), given.repeats)))


def measure(folder: Path, work: Path, repeats: int) -> dict[str, float | int | list[float]]:
    """Both over the same files, in turn, so that a busy machine slows both."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    plain_loop(files, work / "warm")
    ours, peers = [], []
    for turn in range(repeats):
        peers.append(plain_loop(files, work / f"peer-{turn}"))
        ours.append(our_ingest(folder, work / f"home-{turn}"))
    ratios = [peer / our for peer, our in zip(peers, ours, strict=True)]
    return {
        "ours": round(statistics.median(ours), 3),
        "peer": round(statistics.median(peers), 3),
        "ratio": round(statistics.median(ratios), 2),
        "spread": [round(min(ratios), 2), round(max(ratios), 2)],
        "files": len(files),
    }


def our_ingest(folder: Path, home: Path) -> float:
    """Seconds of an ingest into a fresh home."""
    from data.home import Home
    from data.ingest import ingest

    start = time.perf_counter()
    report = ingest(Home(home), [folder], workers=2)
    elapsed = time.perf_counter() - start
    assert report.files == report.ingested + report.duplicates + len(report.refused)
    return elapsed


def plain_loop(files: list[Path], out: Path) -> float:
    """Seconds of the peer."""
    import pydicom
    from pydicom.pixels.processing import apply_rescale

    out.mkdir(parents=True)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, path in enumerate(files):
            content = path.read_bytes()
            hashlib.sha256(content).hexdigest()
            try:
                ds = pydicom.dcmread(io.BytesIO(content), force=True)
                values = apply_rescale(ds.pixel_array, ds)
            except Exception:  # noqa: BLE001, S112 - what cannot be decoded is skipped
                continue
            if values.dtype.kind == "f":
                whole = values.astype(np.int16)
                values = whole if np.array_equal(whole, values) else values.astype(np.float32)
            kept = out / f"{number}.npy"
            np.save(kept, values)
            hashlib.sha256(kept.read_bytes()).hexdigest()
    return time.perf_counter() - start


def generate(folder: Path) -> Path:
    """CT-like slices in three transfer syntaxes, and radiographs, each with noise as real ones have."""
    from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless

    folder.mkdir(parents=True)
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[-1 : 1 : SIZE_PX * 1j, -1 : 1 : SIZE_PX * 1j]
    body = np.where(rows**2 / 0.5 + columns**2 / 0.8 < 1, 1064, 24).astype(np.float32)
    for number, syntax in enumerate((ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless), 1):
        for index in range(SLICES):
            stored = (body + rng.normal(0, 12, body.shape)).clip(0, 4095).astype(np.uint16)
            _write(folder / f"ct{number}-{index:03d}.dcm", stored, "CT", number, index, syntax)
    wide = np.linspace(200, 3800, RADIOGRAPH_PX)
    for index in range(RADIOGRAPHS):
        noise = rng.normal(0, 20, (RADIOGRAPH_PX, RADIOGRAPH_PX))
        stored = (wide[None, :] * 0.5 + wide[:, None] * 0.5 + noise).clip(0, 4095).astype(np.uint16)
        syntax = JPEG2000Lossless if index % 2 else ExplicitVRLittleEndian
        _write(folder / f"cr-{index:03d}.dcm", stored, "CR", 10 + index, 0, syntax)
    return folder


def _write(path: Path, stored: NDArray[np.uint16], modality: str, number: int, index: int, syntax: str) -> None:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.2" if modality == "CT" else "1.2.840.10008.5.1.4.1.1.1")
    ds.SOPInstanceUID = f"2.25.1.{number}.{index}"
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"2.25.2.{number}", f"2.25.3.{number}"
    ds.PatientID, ds.Modality, ds.InstanceNumber = f"bench-{number}", modality, index + 1
    ds.Rows, ds.Columns = stored.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelSpacing = [0.7, 0.7]
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, 2.5 * index], [1, 0, 0, 0, 1, 0]
    if modality == "CT":
        ds.RescaleSlope, ds.RescaleIntercept = 1, -1024
    ds.PixelData = stored.tobytes()
    if syntax != ExplicitVRLittleEndian:
        ds.compress(syntax, generate_instance_uid=False)
    ds.save_as(path, enforce_file_format=True)


if __name__ == "__main__":
    main()
