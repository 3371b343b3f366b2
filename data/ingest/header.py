"""What is read of a DICOM header, tag by tag, so that a malformed value costs that value alone."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydicom import Dataset

STACKED = frozenset({"CT", "MR", "PT"})
"""Modalities whose single-frame instances make volumes."""
RADIOGRAPHS = frozenset({"CR", "DX", "RF", "RG", "XA", "PX", "IO", "MG"})

_ATTRIBUTES: Mapping[str, str] = {
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "photometric": "PhotometricInterpretation",
    "kernel": "ConvolutionKernel",
    "kvp": "KVP",
    "contrast": "ContrastBolusAgent",
    "body_part": "BodyPartExamined",
    "slice_thickness_mm": "SliceThickness",
    "field_strength_t": "MagneticFieldStrength",
    "echo_time_ms": "EchoTime",
    "repetition_time_ms": "RepetitionTime",
    "patient_position": "PatientPosition",
    "image_type": "ImageType",
    "laterality": "ImageLaterality",
    "units": "Units",
}
"""Kept of the header: none of these is on the list of tags that identify (PS3.15 Table E.1-1)."""

_VIEWS: Mapping[str, str] = {
    "PA": "PA",
    "POSTERO ANTERIOR": "PA",
    "POSTEROANTERIOR": "PA",
    "AP": "AP",
    "ANTERO POSTERIOR": "AP",
    "ANTEROPOSTERIOR": "AP",
    "AP ERECT": "AP",
    "AP UPRIGHT": "AP",
    "AP SEMI ERECT": "AP",
    "AP SUPINE": "AP SUPINE",
    "APS": "AP SUPINE",
    "AP SUP": "AP SUPINE",
    "SUPINE AP": "AP SUPINE",
    "SUPINE": "AP SUPINE",
    "LL": "LL",
    "LEFT LATERAL": "LL",
    "L LATERAL": "LL",
    "LAT L": "LL",
    "RL": "RL",
    "RIGHT LATERAL": "RL",
    "R LATERAL": "RL",
    "LAT R": "RL",
    "L": "LATERAL",
    "LAT": "LATERAL",
    "LATERAL": "LATERAL",
}


def element(ds: Dataset, keyword: str) -> Any:
    """A tag's value, or None where it is missing, empty or cannot be read."""
    try:
        value = ds.get(keyword)
    except Exception:  # noqa: BLE001 - a malformed value raises anything
        return None
    return None if value is None or value == "" else value


def text(ds: Dataset, keyword: str) -> str:
    """A tag as text; the values of a multi-valued one separated by backslashes."""
    value = element(ds, keyword)
    if value is None or isinstance(value, bytes):
        return ""
    try:
        parts = (
            [str(v) for v in value] if isinstance(value, Sequence) and not isinstance(value, str) else [str(value)]
        )
    except Exception:  # noqa: BLE001 - as above
        return ""
    return "\\".join(part.strip(" \0") for part in parts)


def numbers(ds: Dataset, keyword: str, count: int | None = None) -> tuple[float, ...] | None:
    """A tag as finite numbers, or None.

    Parameters
    ----------
    count:
        How many there must be; any number from 1 without it.
    """
    value = element(ds, keyword)
    if value is None:
        return None
    try:
        values = tuple(
            float(v) for v in (value if isinstance(value, Sequence) and not isinstance(value, str) else [value])
        )
    except Exception:  # noqa: BLE001 - as above
        return None
    wrong = not values if count is None else len(values) != count
    return None if wrong or not all(map(math.isfinite, values)) else values


def number(ds: Dataset, keyword: str) -> float | None:
    """A tag's first number, or None."""
    values = numbers(ds, keyword)
    return values[0] if values else None


def whole(ds: Dataset, keyword: str, default: int = 0) -> int:
    """A tag's first number as an integer."""
    value = number(ds, keyword)
    return default if value is None else int(value)


def sequence(ds: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; none where it is missing or malformed."""
    value = element(ds, keyword)
    try:
        return [item for item in value if isinstance(item, Dataset)] if value is not None else []
    except Exception:  # noqa: BLE001 - as above
        return []


def age_y(ds: Dataset) -> float | None:
    """The patient's age in years: PatientAge (``045Y``, ``003M``, ``010W``, ``020D``), else from the dates."""
    match = re.fullmatch(r"\s*(\d{1,3})\s*([YMWD]?)\s*", text(ds, "PatientAge").upper())
    if match:
        years = {"Y": 1.0, "": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}[match[2]]
        return round(int(match[1]) * years, 3)
    birth, study = date(text(ds, "PatientBirthDate")), date(study_date(ds))
    if birth is None or study is None:
        return None
    years_between = study[0] - birth[0] - ((study[1], study[2]) < (birth[1], birth[2]))
    return float(years_between) if 0 <= years_between <= 125 else None


def date(raw: str) -> tuple[int, int, int] | None:
    """(year, month, day) of a DICOM or ISO date, or None."""
    match = re.fullmatch(r"(\d{4})[-.]?(\d{2})[-.]?(\d{2})", raw.strip())
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def study_date(ds: Dataset) -> str:
    """StudyDate as ``YYYY-MM-DD``, or empty."""
    found = date(text(ds, "StudyDate"))
    if found is None or not (1 <= found[1] <= 12 and 1 <= found[2] <= 31):
        return ""
    return "{:04d}-{:02d}-{:02d}".format(*found)


def sex(raw: str) -> str:
    """``F``, ``M`` or empty, of what a header or a table says."""
    first = raw.strip().upper()
    return {"F": "F", "FEMALE": "F", "W": "F", "M": "M", "MALE": "M"}.get(first, "")


def view(raw: str) -> str:
    """A radiograph's view as PA, AP, AP SUPINE, LL, RL or LATERAL; empty for anything else."""
    words = re.sub(r"[\s_\-./]+", " ", raw.strip().upper())
    words = re.sub(r"^(CHEST|THORAX|CXR) | VIEW$", "", words).strip()
    return _VIEWS.get(words, "")


def view_of(ds: Dataset, modality: str) -> str:
    """The view by ViewPosition; a lateral also by PatientOrientation. Empty for what is no radiograph.

    PatientOrientation is the same for PA and AP, which are shown alike; it cannot tell them apart.
    """
    if modality not in RADIOGRAPHS:
        return ""
    named = view(text(ds, "ViewPosition"))
    if named:
        return named
    return "LATERAL" if text(ds, "PatientOrientation").split("\\")[0] in {"A", "P", "AF", "PF", "AH", "PH"} else ""


def description(raw: str) -> str:
    """A description, if it is short and holds no ``^``: then it may be a name, and is left out."""
    words = " ".join(raw.split())
    return words if len(words) <= 64 and "^" not in words else ""


def attributes(ds: Dataset, transfer_syntax: str) -> dict[str, str]:
    """What else is kept of the header; see :class:`data.records.Series`."""
    kept = {name: text(ds, keyword)[:120] for name, keyword in _ATTRIBUTES.items()}
    kept["transfer_syntax"] = transfer_syntax
    return {name: value for name, value in kept.items() if value}
