"""The settings of the lumbar spine's task: two segmenters beside the classifying networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from models.config import Profile, ProfileName, TaskConfig
from models.segmenter_settings import SegmentStage


class LumbarProfile(Profile):
    """One size of the task."""

    structures: SegmentStage
    """The segmenter of the axial slices."""
    sagittal: SegmentStage
    """The segmenter of the sagittal slices."""
    crop_mm: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (46.0, 54.0)
    """(rows, columns) of the region around canal and facets that is graded, margin included, in mm."""
    beyond_mm: Annotated[float, Field(ge=0)] = 16.0
    """How far the region reaches beyond the canal's middle to the other side, in mm."""
    canal_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Weight of the quantitative branch in the ensemble for the central canal, 0 to 1."""


class LumbarConfig(TaskConfig):
    """The configuration of ``lumbar_stenosis``."""

    profiles: Mapping[ProfileName, LumbarProfile]
    """Its sizes; all three are needed."""
