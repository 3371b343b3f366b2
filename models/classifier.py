"""A network that classifies images: what it needs to be built again, and how its output is read.

Two options are one sigmoid output; more are one logit each, with softmax; findings are one sigmoid each. Networks
learn from batches in which the options are equally frequent, so that the log of their frequencies is added to the
logits again (Saerens, Latinne, Decaestecker: Adjusting the outputs of a classifier to new a priori probabilities,
Neural Computation 14 (2002), 21 - 41), before they are divided by the temperature of :mod:`models.calibration`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from models.calibration import apply_temperature
from models.device import find_device, mixed_precision, place
from models.images import GREY_MEAN, GREY_STD
from models.isotonic import Curve, apply_curves
from models.networks.registry import Network, build
from models.restoring import rebuilding


class ClassifierSettings(BaseModel):
    """Everything that, beside the weights, makes a trained classifier."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    network: str
    """In the registry."""
    options: tuple[str, ...]
    """Options of a choice, levels of a grade, or findings; in the order of the outputs."""
    exclusive: bool = True
    """Whether exactly one of the options holds; findings are not exclusive."""
    size_px: tuple[int, int]
    """(rows, columns) of the input."""
    frames: int = 0
    """Frames of a clip; 0: the input is one image."""
    channels: int = 1
    """1, or 3 where the weights come from colour images."""
    mean: tuple[float, ...] = GREY_MEAN
    """By channel, of values from 0 to 1."""
    std: tuple[float, ...] = GREY_STD
    """By channel."""
    hidden: tuple[int, ...] = ()
    """Widths of the dense layers of the head."""
    dropout: float = 0.0
    """Of the dense layers, in training."""
    shift: tuple[float, ...] = ()
    """Added to each logit: log of the options' frequencies; empty for none."""
    temperature: tuple[float, ...] = (1.0,)
    """By which logits are divided: one, or one for each finding."""
    isotonic: tuple[Curve, ...] = ()
    """By which probabilities are put right after the temperature: one of the second of two options, one for each
    of more, or for each finding; empty for none."""
    operating_point: tuple[float, ...] = ()
    """Probability of the second option, or of each finding, from which on it is the answer; empty: 0.5."""

    @property
    def input_px(self) -> tuple[int, ...]:
        """(rows, columns), or (frames, rows, columns) of a clip."""
        return (self.frames, *self.size_px) if self.frames else self.size_px

    @property
    def outputs(self) -> int:
        """Logits of the network."""
        return 1 if self.exclusive and len(self.options) == 2 else len(self.options)


def full_logits(outputs: NDArray[np.floating[Any]], settings: ClassifierSettings) -> NDArray[np.float64]:
    """What the network gives, with the shift: (n, classes); the single logit z of two options as (0, z)."""
    logits = np.asarray(outputs, dtype=np.float64)
    if settings.shift:
        logits = logits + np.asarray(settings.shift)
    if settings.exclusive and settings.outputs == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    return logits


def probabilities(logits: NDArray[np.float64], settings: ClassifierSettings) -> NDArray[np.float64]:
    """Calibrated probabilities, (n, options), of what :func:`full_logits` gives."""
    if settings.exclusive:
        given = apply_temperature(logits, settings.temperature[0])
        return apply_curves(given, settings.isotonic) if settings.isotonic else given
    scaled = logits / np.asarray(settings.temperature)
    result: NDArray[np.float64] = 1 / (1 + np.exp(-scaled))
    for column, curve in enumerate(settings.isotonic):
        result[:, column] = curve.apply(result[:, column])
    return result


def decide(row: NDArray[np.float64], settings: ClassifierSettings) -> int:
    """The index of the chosen option: at the operating point of two options, else the most probable."""
    if settings.outputs == 1:
        return int(row[1] >= (settings.operating_point[0] if settings.operating_point else 0.5))
    return int(row.argmax())


def normalised_entropy(row: NDArray[np.float64]) -> float:
    """Shannon's entropy of probabilities that sum to 1, over its maximum: 0 (certain) to 1."""
    positive = row[row > 0]
    return float(min(1.0, max(0.0, -(positive * np.log(positive)).sum() / np.log(len(row)))))


class Classifier:
    """A trained classifier in memory.

    Parameters
    ----------
    settings:
        How it was built and is read.
    network:
        With its weights.
    """

    def __init__(self, settings: ClassifierSettings, network: Network) -> None:
        self.settings = settings
        self.device = find_device()
        self.network: Network = place(network, self.device).eval()

    @classmethod
    def restore(cls, settings: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Classifier:
        """A classifier from what was kept.

        Raises
        ------
        VersionError
            Settings or weights do not fit each other.
        """
        with rebuilding("The kept network cannot be built again."):
            known = ClassifierSettings.model_validate(dict(settings))
            network = build_network(known)
            network.load_state_dict(dict(weights))
        return cls(known, network)

    def tensor(self, images: NDArray[np.uint8]) -> Tensor:
        """(B, rows, columns) images or (B, frames, rows, columns) clips as the input on the device."""
        return to_input(images, self.settings, self.device)

    def logits(self, batch: Tensor) -> NDArray[np.float64]:
        """(B, classes) logits of an input, with the shift, before the temperature."""
        with torch.inference_mode(), mixed_precision(self.device):
            outputs = self.network(batch)
        return full_logits(outputs.float().cpu().numpy(), self.settings)

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(B, options) calibrated probabilities of prepared images or clips."""
        return probabilities(self.logits(self.tensor(images)), self.settings)


def build_network(settings: ClassifierSettings) -> Network:
    """A network of these settings, with fresh weights."""
    return build(
        settings.network, settings.channels, settings.outputs, hidden=settings.hidden, dropout=settings.dropout
    )


def to_input(images: NDArray[np.uint8], settings: ClassifierSettings, device: torch.device) -> Tensor:
    """Prepared images as a normalised tensor on a device.

    Parameters
    ----------
    images:
        (B, rows, columns), or (B, frames, rows, columns) of clips.

    Returns
    -------
    Tensor
        (B, C, H, W) with the channels last, or (B, C, frames, H, W).
    """
    grey = torch.from_numpy(images)
    if device.type == "cuda":
        grey = grey.pin_memory().to(device, non_blocking=True)
    levels = grey.unsqueeze(1).float() / 255
    view = (1, -1, *(1,) * (levels.ndim - 2))
    mean = torch.tensor(settings.mean, device=device).view(view)
    std = torch.tensor(settings.std, device=device).view(view)
    scaled = (levels - mean) / std
    return scaled.contiguous(memory_format=torch.channels_last) if scaled.ndim == 4 else scaled.contiguous()
