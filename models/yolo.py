"""YOLO11-seg at work: instances of lesions on single frames, with masks in native pixels.

References
----------
Jocher, Qiu: Ultralytics YOLO11, 2024, https://github.com/ultralytics/ultralytics (AGPL-3.0).
Bolya et al.: YOLACT: real-time instance segmentation, ICCV 2019, arXiv:1904.02689 (masks from prototypes).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from models.device import find_device
from models.restoring import rebuilding
from models.ultralytics_offline import library


class SegmenterSettings(BaseModel):
    """Everything that, beside the weights, makes a trained segmenter."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    network: str
    """Such as ``yolo11s-seg``; the network is built from the YAML of that name."""
    classes: int = 1
    """Kinds of object."""
    size_px: tuple[int, int]
    """(rows, columns) of a frame."""
    confidence: float = 0.05
    """Below it an instance counts for nothing."""
    overlap: float = 0.5
    """IoU of boxes above which the less sure of two is dropped."""


class Segmenter:
    """A trained segmenter in memory."""

    def __init__(self, settings: SegmenterSettings, network: nn.Module) -> None:
        self.settings = settings
        self.device = find_device()
        self.network = network.to(self.device).eval()

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
            network = build_yolo(known.network, known.classes)
            network.load_state_dict(dict(weights))
        return cls(known, network)

    def instances(
        self, frames: NDArray[np.uint8], shape: tuple[int, int], *, batch: int = 16
    ) -> Iterator[list[tuple[NDArray[np.bool_], float]]]:
        """What is found on each frame: masks with their confidence, the surest first.

        Parameters
        ----------
        frames:
            (n, rows, columns), of the size that the network was trained with.
        shape:
            (rows, columns) of the masks: the frames' native size.
        batch:
            Frames at once.
        """
        for first in range(0, len(frames), batch):
            grey = torch.from_numpy(np.ascontiguousarray(frames[first : first + batch])).to(self.device)
            levels = (grey.float() / 255)[:, None].expand(-1, 3, -1, -1).contiguous()  # (B, 3, H, W)
            with torch.inference_mode():
                yield from self._read(self.network(levels), shape)

    def _read(self, outputs: Any, shape: tuple[int, int]) -> Iterator[list[tuple[NDArray[np.bool_], float]]]:
        library()
        from ultralytics.utils.nms import non_max_suppression  # noqa: PLC0415
        from ultralytics.utils.ops import crop_mask  # noqa: PLC0415

        known = self.settings
        protos = outputs[0][1] if isinstance(outputs[0], tuple) else outputs[1]
        given = outputs[0][0] if isinstance(outputs[0], tuple) else outputs[0]
        kept = non_max_suppression(given, known.confidence, known.overlap, nc=known.classes, max_det=20)
        scale = torch.tensor([shape[1] / known.size_px[1], shape[0] / known.size_px[0]] * 2, device=protos.device)
        for rows, proto in zip(kept, protos, strict=True):
            if not len(rows):
                yield []
                continue
            logits = (rows[:, 6:] @ proto.float().flatten(1)).view(-1, *proto.shape[1:])  # (n, H / 4, W / 4)
            native = nn.functional.interpolate(logits[None], shape, mode="bilinear")[0]
            masks = crop_mask(native, rows[:, :4] * scale).gt(0).cpu().numpy()
            sure = rows[:, 4].cpu().numpy()
            yield [(mask, float(p)) for mask, p in zip(masks, sure, strict=True) if mask.any()]


def build_yolo(network: str, classes: int = 1) -> nn.Module:
    """A YOLO-seg network with fresh weights, by the library's YAML of that name."""
    library()
    from ultralytics.nn import tasks  # noqa: PLC0415

    library_of: Any = tasks
    built: nn.Module = library_of.SegmentationModel(f"{network}.yaml", ch=3, nc=classes, verbose=False)
    return built
