"""The settings of a chest CT profile, beside its stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from models.config import Profile, ProfileName, TaskConfig

STAGES = ("simclr", "autoencoder", "classifier", "pathology")


class ChestProfile(Profile):
    """One size of the task: four stages, and how a study becomes slabs and slabs become a study again."""

    slabs: Annotated[int, Field(ge=1, le=128)] = 12
    """Slabs that a study is divided into."""
    slab_px: Annotated[int, Field(ge=32)] = 224
    """Rows and columns in which slabs are kept, in pixels; a stage may take them smaller."""
    top: Annotated[int, Field(ge=1)] = 3
    """Slabs with the largest reconstruction errors whose mean is the study's error."""
    sharpness: Annotated[float, Field(gt=0)] = 1.0
    """Of the soft maximum of the slabs' logits that is the study's: next to 0 the mean, large the maximum."""
    drawn: Annotated[int, Field(ge=0)] = 0
    """Slabs of a study that are drawn at random for a training step; 0: all."""
    named: bool = False
    """Whether the classifier is taught in training which pathology a study shows, where that is known: a second
    head learns to name it and is then thrown away."""
    test_time_views: Annotated[int, Field(ge=1, le=4)] = 2
    """Views over which a slab's logit is averaged: itself, mirrored, a little larger, both."""
    contrastive_temperature: Annotated[float, Field(gt=0, le=1)] = 0.2
    """Of the NT-Xent loss."""
    projection: Annotated[int, Field(ge=8)] = 128
    """Units of the projection that the NT-Xent loss compares."""
    autoencoder_widths: tuple[Annotated[int, Field(ge=4)], ...] = (16, 32, 64, 64)
    """Channels of the autoencoder's layers; each halves rows and columns."""
    bottleneck: Annotated[int, Field(ge=1)] = 64
    """Numbers that the autoencoder makes of a slab."""
    blur_px: Annotated[int, Field(ge=1, le=15)] = 3
    """Width over which the difference from the reconstruction is averaged before it is squared; odd, in pixels of
    the autoencoder's input. It leaves out vessels, which no autoencoder can foresee."""

    @model_validator(mode="after")
    def _whole(self) -> ChestProfile:
        if set(self.stages) != set(STAGES):
            raise ValueError(f"stages: expected {', '.join(STAGES)}")
        if self.stages["simclr"].networks[0] != self.stages["classifier"].networks[0]:
            raise ValueError("stages: simclr pretrains the network of classifier, so both have the same one")
        for name, stage in self.stages.items():
            if stage.size_px[0] != stage.size_px[1] or stage.size_px[0] > self.slab_px:
                raise ValueError(f"stages.{name}.size_px: square, and not above slab_px = {self.slab_px}")
            if stage.frames:
                raise ValueError(f"stages.{name}.frames: slabs are images, so it is 0")
            if stage.calibration != "temperature":
                raise ValueError(f"stages.{name}.calibration: temperature, since the parts are put on one scale")
        if self.stages["autoencoder"].size_px[0] % 2 ** len(self.autoencoder_widths):
            raise ValueError("stages.autoencoder.size_px: divisible by 2 for each of autoencoder_widths")
        if not self.blur_px % 2:
            raise ValueError("blur_px: an odd number")
        return self


class ChestConfig(TaskConfig):
    """The configuration of the task."""

    profiles: Mapping[ProfileName, ChestProfile]
    """Its sizes; all three are needed."""
