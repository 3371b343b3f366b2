"""What a network that outlines is configured with, and what is kept of it beside its weights."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.config import Augment, Schedule


class SegmentStage(Schedule):
    """A network that outlines structures on single pages."""

    network: str = "unet"
    """In the registry of networks."""
    size_px: Annotated[tuple[int, int], Field()]
    """(rows, columns) of the input, in pixels; a page is scaled to fit, keeping its aspect, and padded."""
    pages_per_study: Annotated[int, Field(ge=0)] = 0
    """Outlined pages of a study that are trained on at the most, evenly spread; 0: all."""
    augment: Augment = Augment()
    """Random changes of the training pages and their outlines together."""

    @property
    def networks(self) -> tuple[str, ...]:
        """The one network, as stages that compare several name theirs."""
        return (self.network,)

    @model_validator(mode="after")
    def _sizes(self) -> SegmentStage:
        if min(self.size_px) < 16 or any(size % 16 for size in self.size_px):
            raise ValueError("size_px: multiples of 16 pixels")
        return self


class SegmenterSettings(BaseModel):
    """Everything that, beside the weights, makes a trained segmenter."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    network: str
    """In the registry."""
    labels: tuple[str, ...]
    """In the order of the outputs; they may overlap."""
    size_px: tuple[int, int]
    """(rows, columns) of the input."""
    channels: int = 1
    """Of the input."""
    thresholds: tuple[float, ...] = ()
    """By label: the probability from which on a pixel belongs to it; empty: 0.5."""
    unknown: tuple[str, ...] = ()
    """Labels that no training page said anything of: they are never given."""
