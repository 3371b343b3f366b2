"""Stenosis of the lumbar spinal canal, lateral recesses and foramina on T2-weighted MRI, level by level.

Sagittal outlines give the levels, axial outlines the measurements; a quantitative and a qualitative branch grade,
and their ensemble answers for the central canal. See :mod:`models.spine`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.answers import Form, Grade, Mask, Question, Site
from data.records import Study
from models.config import Profile
from models.pace import Planned, planned
from models.spine.settings import LumbarConfig, LumbarProfile
from models.spine.stacks import LEVELS, SIDES, find_stacks
from models.task import ClinicalTask, Model, Page, Trained, TrainingRun

if TYPE_CHECKING:
    import torch

GRADES = Grade(("absent", "mild", "moderate", "severe"))
AT_LEVELS = tuple(Site.level(level) for level in LEVELS)
AT_SIDES = tuple(Site.level(level, side) for level in LEVELS for side in SIDES)
STRUCTURES = Mask(
    (
        "disc",
        "dural_sac",
        "nerve_root",
        "foraminal_window",
        "spinal_canal",
        "herniation",
        "kidney",
        "muscle",
        "vein",
        "artery",
        "facet",
        "lateral_recess",
        "spinous_process",
        "facet_joint",
        "articular_process",
        "ligamentum_flavum",
    )
)
SAGITTAL = Mask(
    ("disc", "vertebra", "sacrum", "canal", "cord", "posterior_longitudinal_ligament", "spinous_process")
)


class LumbarStenosis(ClinicalTask):
    """How narrow the canal, recesses and foramina of the lumbar spine are."""

    name = "lumbar_stenosis"
    title = "Stenosis on lumbar spine MRI"
    settings = LumbarConfig
    modalities = frozenset({"MR"})
    body_parts = frozenset({"LSPINE", "LSSPINE", "SPINE", "TLSPINE", "L SPINE", "L-SPINE", "LUMBAR SPINE"})
    description = (
        "Whether the central canal, the lateral recesses and the foramina are narrowed at each lumbar level, and "
        "how much, with the outlines and measurements behind it."
    )
    primary = "mean_kappa"
    form = Form(
        (
            Question("central", "How narrow is the central canal?", GRADES, AT_LEVELS),
            Question("recess", "How narrow is the lateral recess?", GRADES, AT_SIDES),
            Question("foraminal", "How narrow is the neural foramen?", GRADES, AT_SIDES),
            Question("structures", "Outline the structures on the axial slice of each level.", STRUCTURES),
            Question("sagittal", "Outline the spine on the sagittal slices.", SAGITTAL),
        )
    )

    def accepts(self, study: Study) -> bool:
        """Whether the study has an axial or a sagittal T2 series."""
        return super().accepts(study) and bool(find_stacks(study).pages)

    def sources(self, study: Study) -> tuple[Page, ...]:
        """The axial slices in the order of their stack, then the sagittal slices."""
        return find_stacks(study).pages

    def planned(self, profile: Profile) -> tuple[Planned, ...]:
        """The segmenters, then presence and severities."""
        from models.spine.training import GRADERS  # noqa: PLC0415

        assert isinstance(profile, LumbarProfile)  # noqa: S101 - of the task's own configuration
        outlines = planned({"sagittal": profile.sagittal, "structures": profile.structures})
        return (*outlines, *planned({name: profile.stages[name] for name in GRADERS}))

    def train(self, run: TrainingRun) -> Trained:
        """Train both segmenters, then the grading networks at the levels that they find.

        Raises
        ------
        TrainingError
            There is too little for every stage.
        """
        from models.spine.training import train  # noqa: PLC0415

        return train(self.form, run)

    def load(
        self,
        version: str,
        settings: Mapping[str, Mapping[str, Any]],
        weights: Mapping[str, Mapping[str, torch.Tensor]],
    ) -> Model:
        """The segmenters and graders of a version."""
        from models.spine.model import SpineModel  # noqa: PLC0415

        return SpineModel(self, version, settings, weights)

    def write_phantoms(self, count: int, folder: Path, *, seed: int = 0, first: int = 0) -> Path:
        """Write phantom lumbar MRI as DICOM, with a CSV of their grades and outlines."""
        from data.phantoms.lumbar_stenosis import write  # noqa: PLC0415

        labels = folder / "labels.csv"
        write(count, folder, seed=seed, first=first, labels=labels)
        return labels
