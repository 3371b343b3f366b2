"""A two-dimensional segmenter: one sigmoid a label, so that structures may lie within one another.

A page is stretched between its 1st and 99th percentile, scaled to fit the input with its aspect kept, and padded;
probabilities go the same way back, so that outlines have the page's own pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.device import find_device, mixed_precision, place
from models.images import GREY_MEAN, GREY_STD
from models.networks.registry import architecture
from models.restoring import rebuilding
from models.segmenter_settings import SegmenterSettings

STRETCH_PCT = (1.0, 99.0)
"""Percentiles of a page that span the grey scale."""
BATCH = 8
"""Pages that are outlined at once."""


class SegmentNetwork(nn.Module):
    """A backbone and one output a label, at the resolution of the input."""

    def __init__(self, features: nn.Module, width: int, labels: int, shrink: int) -> None:
        super().__init__()
        self.features = features
        self.head = nn.Conv2d(width, labels * shrink * shrink, 1)
        self.spread = nn.PixelShuffle(shrink)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, labels, H, W) logits."""
        logits: Tensor = self.spread(self.head(self.features(images)))
        return logits


def build_segmenter(settings: SegmenterSettings) -> SegmentNetwork:
    """A network of these settings, with fresh weights.

    Raises
    ------
    ConfigError
        There is no network of that name.
    """
    backbone = architecture(settings.network).builder(settings.channels)
    backbone.module.eval()
    with torch.inference_mode():
        probe = backbone.module(torch.zeros(1, settings.channels, 32, 32))
    shrink = 32 // int(probe.shape[-1])
    return SegmentNetwork(backbone.module.train(), backbone.width, len(settings.labels), shrink)


def stretched(page: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A page (rows, columns) spread over the grey scale between its percentiles."""
    low, high = np.percentile(page, STRETCH_PCT)
    scaled = (page.astype(np.float32) - np.float32(low)) * np.float32(255 / max(high - low, 1.0))
    return np.asarray(np.rint(np.clip(scaled, 0, 255)), np.uint8)


def fitted_shape(shape: tuple[int, int], size_px: tuple[int, int]) -> tuple[int, int]:
    """(rows, columns) of a page scaled to fit into the input, its aspect kept."""
    scale = min(size_px[0] / shape[0], size_px[1] / shape[1])
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def framed(picture: NDArray[np.uint8], size_px: tuple[int, int], *, nearest: bool = False) -> NDArray[np.uint8]:
    """A picture (rows, columns) scaled to fit and padded with 0 to ``size_px``; nearest pixels for masks."""
    import cv2  # noqa: PLC0415

    rows, columns = fitted_shape((picture.shape[0], picture.shape[1]), size_px)
    if (rows, columns) != picture.shape:
        smaller = rows < picture.shape[0]
        method = cv2.INTER_NEAREST_EXACT if nearest else cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        picture = np.asarray(cv2.resize(np.ascontiguousarray(picture), (columns, rows), interpolation=method))
    top, left = (size_px[0] - rows) // 2, (size_px[1] - columns) // 2
    room = np.zeros(size_px, np.uint8)
    room[top : top + rows, left : left + columns] = picture
    return room


def unframed(maps: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Maps (labels, input rows, input columns) back on a page of (rows, columns)."""
    import cv2  # noqa: PLC0415

    size = (maps.shape[1], maps.shape[2])
    rows, columns = fitted_shape(shape, size)
    top, left = (size[0] - rows) // 2, (size[1] - columns) // 2
    inner = maps[:, top : top + rows, left : left + columns]
    if (rows, columns) == shape:
        return np.ascontiguousarray(inner)
    back = [
        cv2.resize(np.ascontiguousarray(m), (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR) for m in inner
    ]
    return np.stack(back).astype(np.float32)


def to_tensor(images: NDArray[np.uint8], device: torch.device) -> Tensor:
    """(B, rows, columns) prepared pages as the (B, 1, rows, columns) input on a device."""
    grey = torch.from_numpy(images).to(device).unsqueeze(1).float() / 255
    scaled = (grey - GREY_MEAN[0]) / GREY_STD[0]
    return scaled.contiguous(memory_format=torch.channels_last)


class Segmenter:
    """A trained segmenter in memory.

    Parameters
    ----------
    settings:
        How it was built and is read.
    network:
        With its weights.
    """

    def __init__(self, settings: SegmenterSettings, network: SegmentNetwork) -> None:
        self.settings = settings
        self.device = find_device()
        self.network: SegmentNetwork = place(network, self.device).eval()

    @classmethod
    def restore(cls, settings: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Segmenter:
        """A segmenter from what was kept.

        Raises
        ------
        VersionError
            Settings or weights do not fit each other.
        """
        with rebuilding("The kept segmenter cannot be built again."):
            known = SegmenterSettings.model_validate(dict(settings))
            network = build_segmenter(known)
            network.load_state_dict(dict(weights))
        return cls(known, network)

    def probabilities(self, pages: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        """Of each page (rows, columns) of 8 bit: (labels, rows, columns) from 0 to 1; 0 for unknown labels."""
        found: list[NDArray[np.float32]] = []
        known = np.array([label not in self.settings.unknown for label in self.settings.labels], np.float32)
        for first in range(0, len(pages), BATCH):
            some = pages[first : first + BATCH]
            batch = np.stack([framed(stretched(page), self.settings.size_px) for page in some])
            with torch.inference_mode(), mixed_precision(self.device):
                logits = self.network(to_tensor(batch, self.device))
            maps = torch.sigmoid(logits.float()).cpu().numpy() * known[:, None, None]
            found += [unframed(m, (p.shape[0], p.shape[1])) for m, p in zip(maps, some, strict=True)]
        return found

    def outlined(self, maps: NDArray[np.float32]) -> dict[str, NDArray[np.bool_]]:
        """The masks (rows, columns) by label of probabilities (labels, rows, columns); empty ones are left out."""
        limits = self.settings.thresholds or (0.5,) * len(self.settings.labels)
        masks = {
            label: values >= limit
            for label, values, limit in zip(self.settings.labels, maps, limits, strict=True)
            if label not in self.settings.unknown
        }
        return {label: mask for label, mask in masks.items() if mask.any()}
