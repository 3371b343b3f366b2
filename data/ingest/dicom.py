"""One DICOM file: what its header says and what its pixels are."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, config, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from data.errors import DamagedFileError, NotAnImageError, UnsupportedFileError
from data.ingest import header
from data.ingest.burnt_in import hold_reason
from data.ingest.decode import decode, functional
from data.ingest.found import Facts, Place
from data.ingest.header import STACKED, numbers, text, whole
from data.ingest.volumes import Arrangement, arrange, group_key, valid_orientation
from data.records import Layout

PHANTOM_MAKER = "Consilium phantom"

_CLASSES: Mapping[str, str] = {
    "1.2.840.10008.1.3.10": "a directory of a DICOM medium (DICOMDIR)",
    "1.2.840.10008.5.1.4.1.1.66.4": "a segmentation (SEG)",
    "1.2.840.10008.5.1.4.1.1.66.7": "a label map (SEG)",
    "1.2.840.10008.5.1.4.1.1.66.5": "a surface segmentation",
    "1.2.840.10008.5.1.4.1.1.66": "raw data, a registration or a fiducial",
    "1.2.840.10008.5.1.4.1.1.481.2": "a dose distribution (RTDOSE)",
    "1.2.840.10008.5.1.4.1.1.481.3": "a structure set (RTSTRUCT)",
    "1.2.840.10008.5.1.4.1.1.481": "a radiotherapy object",
    "1.2.840.10008.5.1.4.1.1.88": "a structured report (SR)",
    "1.2.840.10008.5.1.4.1.1.104": "an encapsulated document",
    "1.2.840.10008.5.1.4.1.1.9": "a waveform",
    "1.2.840.10008.5.1.4.1.1.11": "a presentation state",
    "1.2.840.10008.5.1.4.1.1.4.2": "spectroscopy",
    "1.2.840.10008.5.1.4.1.1.67": "a real-world value mapping",
    "1.2.840.10008.5.1.4.1.1.68": "a surface scan",
}
"""Classes that hold no image to read; a class is under the longest prefix that fits. RT Image is an image."""
_RT_IMAGE = "1.2.840.10008.5.1.4.1.1.481.1"
_DO: Mapping[str, str] = {
    "a segmentation (SEG)": "ingest the series that it segments; masks come in as annotations",
    "a label map (SEG)": "ingest the series that it segments; masks come in as annotations",
}


def read_dicom(content: bytes) -> tuple[Facts, NDArray[Any]]:
    """One DICOM file.

    Parameters
    ----------
    content:
        All its bytes; preamble, meta header and file name may be missing.

    Returns
    -------
    Facts, array
        What is known, and pixels of shape ([frames,] rows, columns[, 3]).

    Raises
    ------
    NotAnImageError, UnsupportedFileError, DamagedFileError
        It is not DICOM; is DICOM of another kind; or it is broken.
    """
    config.settings.reading_validation_mode = config.IGNORE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = _parsed(content)
        _check_class(ds)
        modality = text(ds, "Modality").upper() or "OT"
        decoded = decode(ds, as_hu=modality == "CT")
        return _facts(ds, modality, decoded.array, decoded.window)


def _parsed(content: bytes) -> Dataset:
    try:
        ds = dcmread(io.BytesIO(content), force=True)
        _complete_meta(ds)
    except Exception as error:
        if content[128:132] != b"DICM":
            raise NotAnImageError(
                "The file is of no format that is known here.", given="bytes that begin like DICOM but are not"
            ) from error
        raise DamagedFileError(
            "The DICOM header cannot be read.",
            given=" ".join(str(error).split())[:200] or type(error).__name__,
            expected="a whole DICOM file",
            do="export the file again",
        ) from error
    known = ("SOPClassUID", "SOPInstanceUID", "Modality", "StudyInstanceUID", "PatientID", "Rows", "ImageType")
    if content[128:132] != b"DICM" and not any(text(ds, keyword) for keyword in known):
        raise NotAnImageError(
            "The file holds no image.",
            given="a DICOM data set without class, modality, identity or pixels",
            expected="an image",
        )
    return ds


def _complete_meta(ds: Dataset) -> None:
    """Give the data set the transfer syntax that it was read by, where the meta header names none."""
    if getattr(ds, "file_meta", None) is None:
        ds.file_meta = FileMetaDataset()
    if ds.file_meta.get("TransferSyntaxUID"):
        return
    implicit, little = ds.original_encoding
    syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    ds.file_meta.TransferSyntaxUID = syntax


def _check_class(ds: Dataset) -> None:
    sop_class = text(ds, "SOPClassUID") or str(ds.file_meta.get("MediaStorageSOPClassUID", ""))
    fits = [p for p in _CLASSES if sop_class == p or sop_class.startswith(f"{p}.")]
    if fits and sop_class != _RT_IMAGE:
        words = _CLASSES[max(fits, key=len)]
        raise UnsupportedFileError(
            f"This is {words}, not an image.",
            given=UID(sop_class).name,
            expected="an image that a reader can look at",
            do=_DO.get(words, "leave it out, or use the program that it was made for"),
        )
    if any(keyword in ds for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        return
    announced = whole(ds, "Rows") > 0 or "Image" in UID(sop_class).name or text(ds, "Modality") in STACKED
    if announced:
        raise DamagedFileError(
            "The file has no pixel data.",
            given=f"a header of {UID(sop_class).name or 'an image'}",
            expected="pixel data after the header",
            do="copy or export the file again: it is cut off, or its pixels were removed",
        )
    raise UnsupportedFileError(
        "The DICOM file holds no image.",
        given=UID(sop_class).name or "no SOP class",
        expected="an image that a reader can look at",
        do="leave it out",
    )


def _facts(
    ds: Dataset,
    modality: str,
    array: NDArray[Any],
    window: tuple[float, float] | None,
) -> tuple[Facts, NDArray[Any]]:
    colour = whole(ds, "SamplesPerPixel", 1) > 1 or (array.shape[-1:] == (3,) and array.ndim > 2)
    planes = array.ndim - (1 if colour else 0)
    spacing = numbers(ds, "PixelSpacing", 2) or numbers(ds, "ImagerPixelSpacing", 2)
    if spacing is not None and min(spacing) <= 0:
        spacing = None
    layout, affine, extra = Layout.IMAGE, None, {}
    if planes == 3:
        layout = Layout.FRAMES
        arrangement = None if colour else _frame_geometry(ds, array)
        if arrangement is not None:
            array = array if arrangement.order == tuple(range(len(array))) else array[list(arrangement.order)]
            layout = Layout.VOLUME if arrangement.affine else Layout.FRAMES
            affine, spacing = arrangement.affine, arrangement.spacing_mm
            extra = {"geometry": arrangement.reason} if arrangement.reason else {}
    stacked = modality in STACKED and not colour and planes == 2 and bool(_series_identity(ds))
    place = _place(ds, array, spacing) if stacked else None
    study_key, series_key = _keys(ds, modality, place)
    patient_id = text(ds, "PatientID")
    maker = text(ds, "Manufacturer")
    image_type = text(ds, "ImageType").split("\\")
    attributes = header.attributes(ds, UID(ds.file_meta.TransferSyntaxUID).name) | extra
    facts = Facts(
        kind="dicom", study_key=study_key, series_key=series_key, modality=modality, layout=layout,
        patient_id=patient_id, study_uid=text(ds, "StudyInstanceUID"), spacing_mm=spacing, affine=affine,
        window=window, view=header.view_of(ds, modality), sex=header.sex(text(ds, "PatientSex")),
        age_y=header.age_y(ds), study_date=header.study_date(ds),
        description=header.description(text(ds, "StudyDescription")),
        series_description=header.description(text(ds, "SeriesDescription")),
        held=hold_reason(
            burned_in=text(ds, "BurnedInAnnotation"), sop_class=text(ds, "SOPClassUID"),
            conversion=text(ds, "ConversionType"), modality=modality, image_type=image_type,
            series_description=text(ds, "SeriesDescription"),
        ),
        phantom=patient_id.startswith("phantom-") and maker == PHANTOM_MAKER,
        place=place, attributes=attributes,
    )  # fmt: skip
    return facts, array


def _frame_geometry(ds: Dataset, array: NDArray[Any]) -> Arrangement | None:
    """How the frames of an enhanced multi-frame image lie; None where it has no functional groups."""
    positions, orientations, spacings = [], [], []
    for index in range(len(array)):
        plane = functional(ds, index, "PlanePositionSequence")
        turn = functional(ds, index, "PlaneOrientationSequence")
        measures = functional(ds, index, "PixelMeasuresSequence")
        if plane is None or turn is None or measures is None:
            return None
        positions.append(numbers(plane, "ImagePositionPatient", 3))
        orientations.append(numbers(turn, "ImageOrientationPatient", 6))
        spacings.append(numbers(measures, "PixelSpacing", 2))
    spacing = spacings[0]
    one = len(set(spacings)) == 1 and all(
        o is not None and np.allclose(o, orientations[0] or (), atol=1e-3) for o in orientations
    )
    pair = None if spacing is None or min(spacing) <= 0 else (spacing[0], spacing[1])
    everything = tuple(range(len(array)))
    if not one or not valid_orientation(orientations[0]):
        return Arrangement(everything, (), None, pair, "The frames lie in different directions.")
    places = [None if p is None else (p[0], p[1], p[2]) for p in positions]
    found = arrange(
        places, list(everything), orientation=orientations[0], spacing_mm=pair, same=lambda _a, _b: False
    )
    return found if found.affine else Arrangement(everything, (), None, pair, found.reason)


def _place(ds: Dataset, array: NDArray[Any], spacing: tuple[float, ...] | None) -> Place:
    orientation = numbers(ds, "ImageOrientationPatient", 6)
    if not valid_orientation(orientation):
        orientation = None
    position = numbers(ds, "ImagePositionPatient", 3)
    key = group_key(
        series_uid=_series_identity(ds),
        orientation=orientation,
        shape=(array.shape[0], array.shape[1]),
        spacing_mm=spacing,
        image_type=text(ds, "ImageType"),
        rest=(text(ds, "EchoNumbers"), text(ds, "TemporalPositionIdentifier"), str(position is None)),
    )
    placed = None if position is None else (position[0], position[1], position[2])
    return Place(key, placed, orientation, whole(ds, "InstanceNumber"))


def _series_identity(ds: Dataset) -> str:
    """SeriesInstanceUID; where it was removed, what else only the slices of one series share; else empty."""
    uid = text(ds, "SeriesInstanceUID")
    if uid or not text(ds, "FrameOfReferenceUID"):
        return uid
    tags = ("FrameOfReferenceUID", "PatientID", "StudyDate", "SeriesNumber", "SeriesTime", "SeriesDescription")
    return "\\".join(("no uid", *(text(ds, tag) for tag in (*tags, "ConvolutionKernel"))))


def _keys(ds: Dataset, modality: str, place: Place | None) -> tuple[str, str]:
    """What makes the study and the series themselves; empty for the study where the header has no UID."""
    series = _series_identity(ds)
    study = text(ds, "StudyInstanceUID") or series
    if place is not None:
        return study, f"{modality}|{place.group}"
    return study, f"{series}|{text(ds, 'SOPInstanceUID')}"
