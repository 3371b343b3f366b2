"""Which studies a person must look at before they leave: those whose pixels may name the patient.

``BurnedInAnnotation = NO`` proves nothing, so that a risky kind of image is held whatever it says. A picture
without a header (PNG, JPEG, NIfTI) says nothing at all and is not held: the report counts
them, so that a person can hold them by hand where they may name somebody.
"""

from __future__ import annotations

from collections.abc import Sequence

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
ULTRASOUND = ("1.2.840.10008.5.1.4.1.1.3", "1.2.840.10008.5.1.4.1.1.6")
"""Prefixes: ultrasound multi-frame (and its retired form), ultrasound (and its retired form, and volumes)."""
SCREENS = ("SCREEN SAVE", "SCREENSAVE", "SCREENSHOT", "SCREEN SHOT", "PATIENT PROTOCOL", "PROTOCOL PAGE")
DOSE_SCREENS = ("DOSE REPORT", "DOSE INFO", "DOSE RECORD", "DOSE SUMMARY", "DOSE SHEET", "DOSE PAGE")


def hold_reason(
    *,
    burned_in: str,
    sop_class: str,
    conversion: str,
    modality: str,
    image_type: Sequence[str],
    series_description: str,
) -> str:
    """Why a study is held, as a sentence; empty where nothing holds it.

    Parameters
    ----------
    burned_in, sop_class, conversion, modality, image_type, series_description:
        BurnedInAnnotation, SOPClassUID, ConversionType, Modality, ImageType and SeriesDescription.
    """
    if burned_in.strip().upper() == "YES":
        return "Its header says that the picture has a burnt-in annotation."
    if modality.upper() in {"US", "IVUS"} or any(_under(sop_class, prefix) for prefix in ULTRASOUND):
        return "It is ultrasound, which often has the patient's name burnt in."
    said = " ".join((*image_type, series_description)).upper().replace("_", " ")
    dose = any("DOSE" in value.upper() for value in image_type) or any(word in said for word in DOSE_SCREENS)
    if dose or any(word in said for word in SCREENS):
        return "It is a saved screen or a dose report, which often shows the patient's name."
    if _under(sop_class, SECONDARY_CAPTURE) or conversion.strip():
        return "It is a secondary capture, which may have the patient's name burnt in."
    return ""


def _under(uid: str, prefix: str) -> bool:
    return uid == prefix or uid.startswith(f"{prefix}.")
