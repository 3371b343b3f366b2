"""Technical quality of chest radiographs: projection, cut lung borders, rotation of the lateral view.

A cascade of four binary networks after doi 10.24835/1607-0763-1243: the projection first; then the borders of a
frontal view, or the borders and the rotation of a lateral one. A question with too few labels is trained on
simulated images where the profile asks for them, or left out; the version says which.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.answers import STUDY, Answer, Choice, Form, Question
from data.errors import TrainingError
from data.records import Layout, Study
from models.config import Profile
from models.pace import Planned, planned
from models.task import ClinicalTask, Model, StageReport, Trained, TrainingRun

if TYPE_CHECKING:
    import torch

FRONTAL_VIEWS = frozenset({"PA", "AP", "AP SUPINE"})
LATERAL_VIEWS = frozenset({"LL", "RL", "LATERAL"})
PICTURE = "OT"
"""The modality of PNG and JPEG pictures, which have no header."""
log = logging.getLogger(__name__)


class CxrQuality(ClinicalTask):
    """Whether a chest radiograph is fit to be read or should be repeated."""

    name = "cxr_quality"
    title = "Technical quality of chest radiographs"
    modalities = frozenset({"CR", "DX", "DR", "RG", PICTURE})
    description = (
        "Which projection a chest radiograph has, whether the lung borders are cut off and, on a lateral view, "
        "whether the patient is rotated; so that a bad image is repeated before it is read."
    )
    primary = "mean_auc"
    form = Form(
        (
            Question("projection", "Which projection is it?", Choice(("frontal", "lateral"))),
            Question(
                "borders_frontal",
                "Are the lung borders complete on the frontal view?",
                Choice(("complete", "cut_off")),
                asked_if=("projection", "frontal"),
            ),
            Question(
                "borders_lateral",
                "Are the lung borders complete on the lateral view?",
                Choice(("complete", "cut_off")),
                asked_if=("projection", "lateral"),
            ),
            Question(
                "rotation_lateral",
                "Is the patient straight or rotated on the lateral view?",
                Choice(("straight", "rotated")),
                asked_if=("projection", "lateral"),
            ),
        )
    )

    def accepts(self, study: Study) -> bool:
        """Whether the study is a radiograph: one image; a picture without a header counts as one."""
        return super().accepts(study) and any(series.layout is Layout.IMAGE for series in study.series)

    def references(self, study: Study) -> tuple[Answer, ...]:
        """The projection, by the view that the header or the list of the data names."""
        if study.view in FRONTAL_VIEWS:
            return (Answer("projection", STUDY, "frontal"),)
        if study.view in LATERAL_VIEWS:
            return (Answer("projection", STUDY, "lateral"),)
        return ()

    def planned(self, profile: Profile) -> tuple[Planned, ...]:
        """A question after the other."""
        return planned({q.name: profile.stages[q.name] for q in self.form.questions if q.name in profile.stages})

    def train(self, run: TrainingRun) -> Trained:
        """Train a network for each question that there are images for.

        Raises
        ------
        TrainingError
            There are too few images for every question.
        ConfigError, GeometryError
            A CT that the profile names for simulated rotation is missing, or shows no chest.
        """
        from models.radiographs import LEAST, gather  # noqa: PLC0415
        from models.simulated import simulators  # noqa: PLC0415
        from models.stages import train_stage  # noqa: PLC0415

        simulator = simulators(run.profile)
        weights: dict[str, Mapping[str, torch.Tensor]] = {}
        settings: dict[str, Mapping[str, Any]] = {}
        reports: list[StageReport] = []
        asked = [question for question in self.form.questions if question.name in run.profile.stages]
        for index, question in enumerate(asked):

            def told(share: float, words: str, index: int = index) -> None:
                run.progress((index + share) / len(asked), words)

            told(0.0, f"{question.name}: preparing")
            stage = run.profile.stages[question.name]
            data = gather(question, stage, run, simulator.get(question.name))
            if data.lacking:
                log.warning("cxr_quality: %s is left out: %s", question.name, data.lacking)
                settings[question.name] = {"left_out": data.lacking}
                continue
            result = train_stage(
                question.name, stage, data.options, data.training, data.validation,
                scratch=run.scratch, seed=run.seed, max_steps=run.max_steps, progress=told,
            )  # fmt: skip
            weights[question.name], settings[question.name] = result.weights, result.settings
            reports.append(data.noted(result.report))
        if not weights:
            raise TrainingError(
                "No question of cxr_quality can be trained.",
                given="; ".join(f"{name}: {known['left_out']}" for name, known in settings.items()),
                expected=f"{LEAST} training images or more of each option of a question",
                do="import labels or views, or read a round",
            )
        return Trained(weights, settings, tuple(reports))

    def load(
        self,
        version: str,
        settings: Mapping[str, Mapping[str, Any]],
        weights: Mapping[str, Mapping[str, torch.Tensor]],
    ) -> Model:
        """The cascade of a version."""
        from models.cascade import Cascade  # noqa: PLC0415

        return Cascade(self, version, settings, weights)

    def write_phantoms(self, count: int, folder: Path, *, seed: int = 0, first: int = 0) -> Path:
        """Write DICOM projections of phantom thoraces, with a CSV of their views and truths."""
        from data.phantoms.cxr_quality import write  # noqa: PLC0415

        labels = folder / "labels.csv"
        write(count, folder, seed=seed, first=first, labels=labels)
        return labels
