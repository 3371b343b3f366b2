"""Extrapulmonary findings on chest radiographs: heart, aorta, diaphragm, spine and hila.

One binary network a finding, or a shared backbone with a head for each, trained on curated sets: radiographs with
the finding against radiographs without any. The findings stand in the configuration.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.answers import Findings, Form, Question
from data.records import Layout, Part, Study
from models.config import Profile
from models.findings import QUESTION, FindingsConfig, FindingsProfile, with_curated_sets
from models.pace import Planned, planned
from models.task import ClinicalTask, Example, Model, Trained, TrainingRun

if TYPE_CHECKING:
    import torch

    from data.store import Store

FRONTAL_VIEWS = frozenset({"PA", "AP", "AP SUPINE"})


class CxrFindings(ClinicalTask):
    """Which findings outside the lungs a frontal chest radiograph shows."""

    name = "cxr_findings"
    title = "Extrapulmonary findings on chest radiographs"
    settings = FindingsConfig
    modalities = frozenset({"CR", "DX", "DR", "RG", "OT"})
    description = (
        "Which findings of heart, aorta, diaphragm, spine and hila a frontal chest radiograph shows; trained on "
        "sets that were curated from reports."
    )
    primary = "mean_auc"

    @property
    def config(self) -> FindingsConfig:
        """The task's configuration, with its findings."""
        known = super().config
        assert isinstance(known, FindingsConfig)  # noqa: S101 - of the class in `settings`
        return known

    @cached_property
    def form(self) -> Form:  # type: ignore[override]
        """One question, with the findings of the configuration; read when it is first asked for."""
        return Form((Question(QUESTION, "Which findings are present?", Findings(tuple(self.config.findings))),))

    def accepts(self, study: Study) -> bool:
        """Whether the study is a radiograph, and a frontal one as far as its view is known."""
        image = any(series.layout is Layout.IMAGE for series in study.series)
        return super().accepts(study) and image and (not study.view or study.view in FRONTAL_VIEWS)

    def select(self, store: Store, examples: Sequence[Example], parts: Collection[Part]) -> list[Example]:
        """The examples with the sides that the curated sets give them."""
        return with_curated_sets(store, self, self.config.concepts, examples, parts)

    def planned(self, profile: Profile) -> tuple[Planned, ...]:
        """One network for all findings, or a network for each."""
        assert isinstance(profile, FindingsProfile)  # noqa: S101 - of the task's own configuration
        return planned(dict.fromkeys((QUESTION,) if profile.shared else self.labels, profile.stage))

    def train(self, run: TrainingRun) -> Trained:
        """Train a network for each finding, or one for all, as the profile says.

        Raises
        ------
        TrainingError
            No finding has enough studies with and without it.
        ConfigError
            A network or its weights file cannot be had.
        """
        from models.findings_heads import train_findings  # noqa: PLC0415

        assert isinstance(run.profile, FindingsProfile)  # noqa: S101 - of the task's own configuration
        return train_findings(run, self.labels, run.profile)

    def load(
        self,
        version: str,
        settings: Mapping[str, Mapping[str, Any]],
        weights: Mapping[str, Mapping[str, torch.Tensor]],
    ) -> Model:
        """The networks of a version."""
        from models.findings_heads import FindingsModel  # noqa: PLC0415

        return FindingsModel(self, self.labels, version, settings, weights)

    @property
    def labels(self) -> tuple[str, ...]:
        """The findings that are asked for."""
        kind = self.form[QUESTION].kind
        assert isinstance(kind, Findings)  # noqa: S101 - the form is made above
        return kind.labels

    def write_phantoms(self, count: int, folder: Path, *, seed: int = 0, first: int = 0) -> Path:
        """Write DICOM projections of phantom thoraces, with a CSV of their findings and reports."""
        from data.phantoms.cxr_findings import write  # noqa: PLC0415

        labels = folder / "labels.csv"
        write(count, folder, seed=seed, first=first, labels=labels)
        return labels
