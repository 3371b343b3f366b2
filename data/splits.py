"""Which part a patient serves, and the patient's pseudonym: by keyed hashes, from the day the patient comes in.

A keyed hash needs no table, gives the same answer in every import and every round, and cannot be guessed or
turned back without the home's key. Nothing about the patient's images has a say in it.
"""

from __future__ import annotations

import hashlib
import hmac

from data.records import Part, Patient

SHARES: tuple[tuple[Part, float], ...] = (
    (Part.TRAIN, 0.60),
    (Part.VALIDATION, 0.10),
    (Part.CALIBRATION, 0.10),
    (Part.TEST, 0.20),
)
"""Share of the patients that each part gets; they sum to 1."""


def _digest(key: str, purpose: str, patient_id: str) -> bytes:
    return hmac.new(key.encode(), f"{purpose}\0{patient_id}".encode(), hashlib.sha256).digest()


def part_of(key: str, patient_id: str) -> Part:
    """The part of a patient.

    Parameters
    ----------
    key:
        The home's secret.
    patient_id:
        ``source:id``.
    """
    position = int.from_bytes(_digest(key, "part", patient_id)[:8], "big") / 2**64  # uniform in [0, 1)
    reached = 0.0
    for part, share in SHARES:
        reached += share
        if position < reached:
            return part
    return SHARES[-1][0]


def pseudonym_of(key: str, patient_id: str) -> str:
    """The pseudonym of a patient: ``P-`` and ten letters or digits, which look alike in no pair."""
    alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    number = int.from_bytes(_digest(key, "pseudonym", patient_id)[:8], "big")
    return "P-" + "".join(alphabet[number >> 5 * i & 31] for i in range(10))


def patient(key: str, patient_id: str) -> Patient:
    """The record of a patient."""
    return Patient(patient_id, pseudonym_of(key, patient_id), part_of(key, patient_id))
