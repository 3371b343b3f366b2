"""The settings of ``adrenal_ct``: its profiles' own fields, each with its unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from models.config import Augment, Profile, ProfileName, Schedule, TaskConfig

NAMES = tuple(f"yolo11{size}-seg" for size in "nsmlx")
"""The networks of the first stage."""
STRIDE = 32
"""By which Ultralytics' networks shrink a picture."""


class SegmenterStage(Schedule):
    """A YOLO-seg network, or several to be compared of which the best on the validation frames is kept."""

    networks: Annotated[tuple[str, ...], Field(min_length=1)]
    """``yolo11n-seg``, ``yolo11s-seg``, ``yolo11m-seg``, ``yolo11l-seg`` or ``yolo11x-seg``."""
    size_px: tuple[int, int]
    """(rows, columns) of a frame as the network sees it, in pixels; multiples of 32."""
    field: tuple[float, float, float, float] | None = None
    """(top, bottom, left, right) of what is seen, as shares of the box around the body; none: the whole slice."""
    weights: str = "none"
    """Where training starts: ``none``, ``coco`` or the path of a weights file."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Probability with which a feature map that enters the head is left out in training."""
    drop_frames: Annotated[int, Field(ge=0)] = 10
    """Frames left out of the training at either end of a study."""
    validate_epochs: bool = True
    """Whether every epoch is measured on the validation frames and the best kept; else the last is."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Confidence below which an instance counts for nothing."""
    overlap: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """IoU of boxes above which the less sure of two instances is dropped."""
    mask_ratio: Annotated[int, Field(ge=1, le=4)] = 4
    """By which the masks are coarser than the frames in training."""
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Largest relative change of size in training."""
    augment: Augment = Augment()
    """Random changes of the training frames; of these mirroring, turning and brightness are used."""

    @model_validator(mode="after")
    def _fits(self) -> SegmenterStage:
        if unknown := set(self.networks) - set(NAMES):
            raise ValueError(f"networks: {', '.join(sorted(unknown))} is none of {', '.join(NAMES)}")
        if any(size < STRIDE or size % STRIDE for size in self.size_px):
            raise ValueError("size_px: multiples of 32")
        if self.field is not None and not (
            0 <= self.field[0] < self.field[1] <= 1 and 0 <= self.field[2] < self.field[3] <= 1
        ):
            raise ValueError("field: top < bottom and left < right, from 0 to 1")
        return self


class AdrenalProfile(Profile):
    """A size of ``adrenal_ct``."""

    segmenter: SegmenterStage
    """The networks that outline lesions on frames."""
    crop_mm: Annotated[float, Field(ge=0)] = 0.0
    """Edge of the cube around a lesion that the phenotype's network sees, in mm; 0: the whole clip."""
    margin_mm: Annotated[float, Field(ge=0)] = 0.0
    """How far around a lesion's outline the phenotype's network sees, in mm: an outline that is a little too small
    then hides nothing of the border."""
    lesion_window: tuple[float, float] = (40.0, 400.0)
    """(centre, width) in HU in which the phenotype's network sees a lesion, within the CT window of the pages."""
    least_mm3: Annotated[float, Field(ge=0)] = 100.0
    """Volume below which what was found is a speck, in mm3."""


class AdrenalConfig(TaskConfig):
    """The configuration of ``adrenal_ct``."""

    profiles: Mapping[ProfileName, AdrenalProfile]
