"""Chest CT: normal or suspicious, and if suspicious, which of 16 pathologies is most likely.

An autoencoder of normal slabs and a classifier that was pretrained without labels (SimCLR) look for pathology; the
larger of both scores decides, so that a pathology which nobody taught may still raise it. A further classifier
(YOLO11-cls) names the pathology where there is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data.answers import Choice, Form, Question
from data.pixels import Pixels
from data.records import Study
from models.chest.settings import ChestConfig
from models.config import Profile
from models.pace import Planned, planned
from models.task import ClinicalTask, Model, Page, Trained, TrainingRun

if TYPE_CHECKING:
    import torch

PATHOLOGIES = (
    "arterial_wall_calcification", "atelectasis", "bronchiectasis", "cardiomegaly", "consolidation",
    "coronary_artery_wall_calcification", "emphysema", "hiatal_hernia", "lung_nodule", "lung_opacity",
    "lymphadenopathy", "mosaic_attenuation_pattern", "peribronchial_thickening", "pericardial_effusion",
    "pleural_effusion", "pulmonary_fibrotic_sequela",
)  # fmt: skip


class ChestCtNorm(ClinicalTask):
    """Whether a chest CT is normal and can wait, or suspicious and is to be read first."""

    name = "chest_ct_norm"
    title = "Sorting out normal chest CT"
    settings = ChestConfig
    modalities = frozenset({"CT"})
    body_parts = frozenset({"CHEST", "THORAX", "LUNG", "LUNGS", "CHESTABDOMEN", "CHESTABDPELVIS"})
    window = (-600.0, 1500.0)
    description = (
        "Whether a chest CT is normal or shows pathology, and which of 16 pathologies is most likely; a pathology "
        "that the models never met shall raise the score too."
    )
    primary = "norm.auc"
    form = Form(
        (
            Question("norm", "Is the chest CT normal?", Choice(("normal", "pathology"))),
            Question(
                "pathology",
                "Which pathology is the leading one?",
                Choice(PATHOLOGIES),
                asked_if=("norm", "pathology"),
            ),
        )
    )

    def accepts(self, study: Study) -> bool:
        """Whether the study has axial CT slices, as a volume or as pictures that a label table calls CT."""
        from models.chest.slices import usable  # noqa: PLC0415

        return super().accepts(study) and any(usable(series) for series in study.series)

    def sources(self, study: Study) -> tuple[Page, ...]:
        """Native slices of one series, 54 at the most."""
        from models.chest.slices import chosen, page_slices  # noqa: PLC0415

        series = chosen(study)
        return tuple(Page(series, index) for index in page_slices(series))

    def page_slices(self, count: int) -> Sequence[int]:
        """At most 54 evenly spaced slices."""
        from models.chest.slices import spaced  # noqa: PLC0415

        return spaced(count)

    def page(self, source: Page, pixels: Pixels) -> NDArray[np.uint8]:
        """A slice in the lung window; a picture as it is."""
        from models.chest.slices import page  # noqa: PLC0415

        return page(source.series, source.index, pixels)

    def planned(self, profile: Profile) -> tuple[Planned, ...]:
        """What is learnt without labels, then what is learnt with them."""
        single = {
            name: profile.stages[name].model_copy(update={"networks": profile.stages[name].networks[:1]})
            for name in ("simclr", "autoencoder", "classifier")
        }
        return planned({**single, "pathology": profile.stages["pathology"]})

    def train(self, run: TrainingRun) -> Trained:
        """Train the four stages, and fit the decision on the validation patients.

        Raises
        ------
        TrainingError
            There are too few normal studies, or too few with pathology.
        """
        from models.chest.training import train  # noqa: PLC0415

        return train(run, PATHOLOGIES)

    def load(
        self,
        version: str,
        settings: Mapping[str, Mapping[str, Any]],
        weights: Mapping[str, Mapping[str, torch.Tensor]],
    ) -> Model:
        """The four parts of a version, and the rule that joins them."""
        from models.chest.triage import Triage  # noqa: PLC0415

        return Triage(self.name, version, settings, weights)

    def write_phantoms(self, count: int, folder: Path, *, seed: int = 0, first: int = 0) -> Path:
        """Write DICOM series of phantom chests, with a CSV of what is true of them."""
        from data.phantoms.chest_ct_norm import write  # noqa: PLC0415

        labels = folder / "labels.csv"
        write(count, folder, seed=seed, first=first, labels=labels)
        return labels
