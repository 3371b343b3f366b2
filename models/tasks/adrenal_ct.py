"""Adrenal lesions on abdominal CT: where they are, and whether each is malignant, benign or indeterminate.

Two stages: YOLO11-seg outlines lesions on the frames of a series, which are joined to lesions in three dimensions;
a three-dimensional network tells the phenotype of each from the clip multiplied by the lesion's mask.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.answers import Choice, Form, Mask, Question, lesion_sites
from data.records import Layout, Prediction, Study
from models.adrenal_settings import AdrenalConfig, AdrenalProfile
from models.changes import Changes, by_side
from models.clips import WINDOW, page_slices
from models.config import Profile
from models.pace import Planned, planned
from models.phases import shown_series
from models.task import ClinicalTask, Model, Page, Trained, TrainingRun

if TYPE_CHECKING:
    import torch

LESIONS = Mask(tuple(f"lesion_{number}" for number in range(1, 6)))
SHARE = 0.7
"""Of the training's progress that belongs to the first stage."""
log = logging.getLogger(__name__)


class AdrenalCt(ClinicalTask):
    """Whether there is a lesion of the adrenal glands, where, and of what phenotype."""

    name = "adrenal_ct"
    title = "Adrenal lesions on CT"
    settings = AdrenalConfig
    modalities = frozenset({"CT"})
    body_parts = frozenset(
        {
            "ABDOMEN", "ABDOMENPELVIS", "ABDOMEN PELVIS", "ABDOMEN AND PELVIS", "CHESTABDOMEN", "CHESTABDPELVIS",
            "CHEST ABDOMEN PELVIS", "ADRENAL", "KIDNEY", "RETROPERITONEUM", "TRUNK",
        }
    )  # fmt: skip
    window = WINDOW
    description = (
        "Whether an abdominal CT shows lesions of the adrenal glands, their outlines and measures, and whether "
        "each is malignant, benign or indeterminate."
    )
    primary = "mean_auc"
    form = Form(
        (
            Question("finding", "Is there a lesion of the adrenal glands?", Choice(("no_lesion", "lesion"))),
            Question("lesions", "Outline each lesion.", LESIONS, asked_if=("finding", "lesion")),
            Question(
                "phenotype",
                "What is the lesion's phenotype?",
                Choice(("malignant", "benign", "indeterminate")),
                sites=lesion_sites(LESIONS),
                asked_if=("finding", "lesion"),
                drawn_in="lesions",
            ),
        )
    )

    def accepts(self, study: Study) -> bool:
        """Whether the study is a CT with a stack of slices."""
        stacks = (s for s in study.series if s.layout is not Layout.IMAGE and s.shape[0] > 1)
        return super().accepts(study) and any(True for _ in stacks)

    def sources(self, study: Study) -> tuple[Page, ...]:
        """At most 54 native slices of the unenhanced series, evenly spaced."""
        series = shown_series(study)
        return tuple(Page(series, int(index)) for index in page_slices(series.shape[0]))

    def page_slices(self, count: int) -> Sequence[int]:
        """At most 54 evenly spaced slices."""
        return [int(index) for index in page_slices(count)]

    def changes(self, now: Prediction, earlier: Prediction) -> Changes:
        """Growth of a side's only lesion."""
        return by_side(now.measured, earlier.measured)

    def planned(self, profile: Profile) -> tuple[Planned, ...]:
        """The segmenters, then the classifiers of phenotypes."""
        assert isinstance(profile, AdrenalProfile)  # noqa: S101 - of the task's own configuration
        second = {"phenotype": profile.stages["phenotype"]}
        return (*planned({"segmenter": profile.segmenter}), *planned(second))

    def train(self, run: TrainingRun) -> Trained:
        """Train the segmenter, and the classifier of phenotypes where there is enough to learn from.

        Raises
        ------
        TrainingError
            The lesions of too few studies are drawn.
        ConfigError
            A network or its weights file cannot be had.
        """
        from models.adrenal_training import train_phenotype, train_segmenter  # noqa: PLC0415

        profile = run.profile
        assert isinstance(profile, AdrenalProfile)  # noqa: S101 - of the task's own configuration

        def first(share: float, words: str) -> None:
            run.progress(SHARE * share, words)

        def second(share: float, words: str) -> None:
            run.progress(SHARE + (1 - SHARE) * share, words)

        first(0.0, "segmenter: preparing")
        segmented, training, validation = train_segmenter(profile.segmenter, profile, run, self.form, first)
        weights: dict[str, Mapping[str, torch.Tensor]] = {"segmenter": segmented.segmenter.weights}
        settings: dict[str, Mapping[str, Any]] = {
            "segmenter": {
                "network": segmented.segmenter.settings.model_dump(mode="json"),
                "finding": segmented.finding.model_dump(mode="json"),
            }
        }
        reports = [segmented.report]
        stage = profile.stages["phenotype"]
        known, tensors, report = train_phenotype(
            stage, profile, run, self.form, (training, validation), segmented, second
        )
        settings["phenotype"] = known
        if tensors is not None and report is not None:
            weights["phenotype"] = tensors
            reports.append(report)
        else:
            log.warning("adrenal_ct: phenotype is left out: %s", known["left_out"])
        return Trained(weights, settings, tuple(reports))

    def load(
        self,
        version: str,
        settings: Mapping[str, Mapping[str, Any]],
        weights: Mapping[str, Mapping[str, torch.Tensor]],
    ) -> Model:
        """Both stages of a version."""
        from models.adrenal import AdrenalModel  # noqa: PLC0415

        return AdrenalModel(self, version, settings, weights)

    def write_phantoms(self, count: int, folder: Path, *, seed: int = 0, first: int = 0) -> Path:
        """Write DICOM phantoms of the abdomen, with a CSV of their lesions and masks."""
        from data.phantoms.adrenal_ct import write  # noqa: PLC0415

        labels = folder / "labels.csv"
        write(count, folder, seed=seed, first=first, labels=labels)
        return labels
