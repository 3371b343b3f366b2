"""What curation says, in the language of the page: the steps of the flow, and why a study was left out."""

from __future__ import annotations

from collections.abc import Mapping

from data.curation.sides import Step
from workbench.language import N_, told

STEPS: Mapping[Step, str] = {
    Step.UNLABELLED: N_("Without report or labels"),
    Step.VIEW: N_("Other view"),
    Step.SEX: N_("Other sex"),
    Step.AGE: N_("Outside the age range"),
    Step.DEVICE: N_("Other device"),
    Step.QUALITY: N_("Technical quality"),
    Step.INTENSITY: N_("Unusable intensities"),
    Step.UNCERTAIN: N_("Finding in doubt"),
    Step.CONFOUNDER: N_("Confounders"),
    Step.SEVERAL: N_("Several findings"),
    Step.NEITHER: N_("Neither the finding nor normal"),
    Step.DUPLICATE: N_("Near-duplicates of the same patient"),
    Step.LEAK: N_("Near-duplicates across parts"),
    Step.BALANCE: N_("Surplus of a class"),
}
REASONS = (
    N_("no report and no labels"),
    N_("view {1}"),
    N_("view not known"),
    N_("sex {1}"),
    N_("sex not known"),
    N_("age not known"),
    N_("below {1} years"),
    N_("above {1} years"),
    N_("device {1}"),
    N_("device not known"),
    N_("{1} not answered"),
    N_("{1} in doubt"),
    N_("no statement that it is normal"),
)
"""As :mod:`data.curation.sides` keeps them."""


def reason(kept: str) -> str:
    """A kept reason as people read it."""
    return told(kept.replace("_", " "))
