"""DICOM files for the ingest tests, written with pydicom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

CT = "1.2.840.10008.5.1.4.1.1.2"
CR = "1.2.840.10008.5.1.4.1.1.1"


def dataset(pixels: np.ndarray, **tags: Any) -> Dataset:
    """A data set with these pixels ([frames,] rows, columns[, 3]); tags override what is there."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    colour = pixels.shape[-1] == 3 and pixels.ndim > 2
    ds.SOPClassUID, ds.SOPInstanceUID = CT, "2.25.1"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "2.25.2", "2.25.3"
    ds.PatientID, ds.Modality, ds.InstanceNumber = "p1", "CT", 1
    planes = pixels.ndim - (1 if colour else 0)
    ds.Rows, ds.Columns = pixels.shape[planes - 2 : planes]
    if planes == 3:
        ds.NumberOfFrames = len(pixels)
    ds.SamplesPerPixel = 3 if colour else 1
    ds.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = ds.BitsStored = pixels.dtype.itemsize * 8
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    ds.PixelData = pixels.tobytes()
    for keyword, value in tags.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return ds


def save(path: Path, ds: Dataset, *, syntax: str = "") -> Path:
    """Write a data set, compressed where a syntax is named."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.file_meta.MediaStorageSOPClassUID = UID(ds.SOPClassUID)
    ds.file_meta.MediaStorageSOPInstanceUID = UID(ds.SOPInstanceUID)
    if syntax:
        ds.compress(syntax, generate_instance_uid=False)
    ds.save_as(path, enforce_file_format=True)
    return path


def stack(folder: Path, heights: list[float], *, seed: int = 0, drift: float = 0.0, **tags: Any) -> list[Path]:
    """An axial CT series with a slice at each height (mm), each with noise of its own, files in reverse order."""
    rng = np.random.default_rng(seed)
    paths = []
    for index, height in enumerate(heights):
        pixels = rng.integers(0, 2000, (8, 6)).astype(np.uint16)
        common = {
            "SOPInstanceUID": f"2.25.9.{seed}.{index}",
            "InstanceNumber": index + 1,
            "ImagePositionPatient": [-10.0, -20.0 + drift * index, height],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [0.5, 0.75],
            "RescaleSlope": 1,
            "RescaleIntercept": -1024,
            "BitsStored": 12,
            "HighBit": 11,
        }
        paths.append(save(folder / f"{len(heights) - index:03d}.dcm", dataset(pixels, **(common | tags))))
    return paths


def stored(path: Path) -> np.ndarray:
    """The stored pixels of an uncompressed 16-bit file of :func:`stack`."""
    from pydicom import dcmread

    ds = dcmread(path)
    return np.frombuffer(ds.PixelData, np.uint16).reshape(ds.Rows, ds.Columns)
