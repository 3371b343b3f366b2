"""Training of one classifier, of images or clips: what it starts from, what it learns, and what is kept of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.batches import Labelled, balanced_order
from models.calibration import fit_temperature
from models.checkpoints import State
from models.classifier import ClassifierSettings, build_network, full_logits, to_input
from models.config import Stage
from models.device import mixed_precision, seeded
from models.images import augmented
from models.loop import Loop, Objective, counted, stage_seed
from models.networks import pretrained
from models.networks.registry import Network, architecture
from models.task import Progress, StageReport, silent

FALLBACK = 0.1
"""By which the step size shrinks where a backbone that should be frozen has to be trained from nothing."""


@dataclass(frozen=True)
class Fitted:
    """One trained network, before its calibration.

    Parameters
    ----------
    logits:
        Of the validation images, with the shift: (n, classes).
    loss:
        On them.
    """

    settings: ClassifierSettings
    weights: dict[str, Tensor]
    report: StageReport
    logits: NDArray[np.float64]
    loss: float


def _shift(targets: NDArray[Any], settings: ClassifierSettings) -> tuple[float, ...]:
    """Log odds of the second of two options, log frequencies of more, none for findings."""
    if not settings.exclusive:
        return ()
    counts = np.bincount(targets, minlength=len(settings.options)).clip(min=0.5)
    logs = np.log(counts / counts.sum())
    return (float(logs[1] - logs[0]),) if settings.outputs == 1 else tuple(float(x) for x in logs)


def _loss(outputs: Tensor, targets: Tensor, settings: ClassifierSettings) -> Tensor:
    if not settings.exclusive:
        known = ~targets.isnan()
        return nn.functional.binary_cross_entropy_with_logits(outputs[known], targets[known].to(outputs.dtype))
    if settings.outputs == 1:
        return nn.functional.binary_cross_entropy_with_logits(outputs[:, 0], targets.to(outputs.dtype))
    return nn.functional.cross_entropy(outputs, targets)


@dataclass(frozen=True)
class _Start:
    settings: ClassifierSettings
    module: Network
    detail: dict[str, Any]


def _started(network: str, stage: Stage, options: Sequence[str], *, exclusive: bool) -> _Start:
    """A network with its first weights, and the input that they ask for."""
    known = architecture(network)
    file = pretrained.find(network, stage.weights)
    tensors = pretrained.read(file.path) if file else {}
    channels = pretrained.channels_of(tensors, known, known.builder(3)) if file else 1
    settings = ClassifierSettings(
        network=network,
        options=tuple(options),
        exclusive=exclusive,
        size_px=stage.size_px,
        frames=stage.frames,
        channels=channels,
        hidden=stage.hidden,
        dropout=stage.dropout,
    )
    if known.pretrained is not None and channels == 3:
        settings = settings.model_copy(update={"mean": known.pretrained.mean, "std": known.pretrained.std})
    module = build_network(settings)
    detail: dict[str, Any] = {"weights": "none", "frozen": False}
    if file:
        pretrained.load_backbone(known, module.features, tensors, file.path)
        detail = {"weights": file.path.name, "weights_sha256": file.sha256, "frozen": stage.freeze_backbone}
    elif stage.weights == "imagenet":
        detail["note"] = pretrained.missing_note(network) + " The backbone is trained from random weights instead."
    if detail["frozen"]:
        module.features.requires_grad_(False)
    return _Start(settings, module, detail)


class _Classification(Objective):
    """The right options of images, in batches that hold each option equally often."""

    def __init__(self, start: _Start, stage: Stage, training: Labelled, validation: Labelled, seed: int) -> None:
        self.settings, self.stage, self.seed = start.settings, stage, seed
        self.training, self.validation = training, validation
        self.size = len(training.patients)
        self.frozen = start.module.features if start.detail["frozen"] else None

    def order(self, epoch: int, batch: int) -> NDArray[np.int64]:
        return balanced_order(self.training.targets, batch, np.random.default_rng([self.seed, epoch]))

    def batch(self, indices: NDArray[np.int64], epoch: int, first: int) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        images = augmented(self.training.images, indices.tolist(), self.stage.augment, self.seed, epoch, first)
        return images, self.training.targets[indices]

    def loss(
        self, module: nn.Module, batch: tuple[NDArray[np.uint8], NDArray[Any]], device: torch.device
    ) -> Tensor:
        images, targets = batch
        outputs = module(to_input(images, self.settings, device))
        return _loss(outputs.float(), torch.from_numpy(targets).to(device), self.settings)

    def validate(self, module: nn.Module, device: torch.device) -> float:
        """The loss of the validation logits at the temperature that a version would get.

        Without it a network that is right but too sure would lose to one that has learnt less.
        """
        logits = self.outputs(module, device)
        if self.settings.exclusive:
            logits = logits / fit_temperature(logits, self.validation.targets)
        outputs = torch.from_numpy(logits[:, -self.settings.outputs :])
        return float(_loss(outputs, torch.from_numpy(self.validation.targets), self.settings))

    def outputs(self, module: nn.Module, device: torch.device) -> NDArray[np.float64]:
        """(n, classes) logits of the validation images, with the shift."""
        images, found = self.validation.images, []
        with torch.inference_mode(), mixed_precision(device):
            for first in range(0, len(images), self.stage.batch_size):
                batch = to_input(images[first : first + self.stage.batch_size], self.settings, device)
                found.append(module(batch).float().cpu().numpy())
        return full_logits(np.concatenate(found), self.settings)


def fit(
    name: str,
    network: str,
    stage: Stage,
    options: Sequence[str],
    training: Labelled,
    validation: Labelled,
    *,
    scratch: Path,
    exclusive: bool = True,
    seed: int = 0,
    max_steps: int | None = None,
    progress: Progress = silent,
) -> Fitted:
    """Train one network. The same arguments give the same weights on a processor.

    Parameters
    ----------
    name:
        Of the stage.
    options:
        In the order of the targets.
    exclusive:
        Whether exactly one option holds.
    scratch:
        Where a checkpoint is written after each epoch; one of the same training is taken up.
    max_steps:
        Optimiser steps at the most.

    Raises
    ------
    ConfigError
        The network or its weights file cannot be had.
    """
    own_seed = stage_seed(seed, f"{name}:{network}")
    with seeded(own_seed):
        start = _started(network, stage, options, exclusive=exclusive)
    shift = _shift(training.targets, start.settings)
    start = _Start(start.settings.model_copy(update={"shift": shift}), start.module, start.detail)

    objective = _Classification(start, stage, training, validation, own_seed)
    slowed = FALLBACK if stage.freeze_backbone and objective.frozen is None else 1.0
    loop = Loop(
        start.module,
        objective,
        stage,
        seed=own_seed,
        max_steps=max_steps,
        rate=stage.learning_rate * slowed,
        told=counted(progress, name, network, stage.epochs),
    )
    fingerprint = _fingerprint(start, stage, training, validation, own_seed, loop.steps)
    state = loop.run(scratch / f"{name}-{network}.checkpoint", fingerprint)
    logits = objective.outputs(loop.module, loop.device)
    return Fitted(start.settings, state.best, _report(name, start, state), logits, state.best_loss)


def _report(name: str, start: _Start, state: State) -> StageReport:
    return StageReport(
        name=name,
        network=start.settings.network,
        parameters=sum(p.numel() for p in start.module.parameters()),
        input=(start.settings.channels, *start.settings.input_px),
        steps=state.step,
        seconds=state.seconds,
        detail={
            **start.detail,
            "trained_parameters": sum(p.numel() for p in start.module.parameters() if p.requires_grad),
            "best_epoch": state.best_epoch,
            "curve": state.curve,
        },
    )


def _fingerprint(
    start: _Start, stage: Stage, training: Labelled, validation: Labelled, seed: int, steps: int
) -> str:
    """Of everything that the weights depend on."""
    digest = hashlib.sha256()
    known = [start.settings.model_dump(mode="json"), stage.model_dump(mode="json"), start.detail, seed, steps]
    digest.update(json.dumps(known, sort_keys=True).encode())
    for data in (training, validation):
        digest.update(data.images.tobytes())
        digest.update(data.targets.tobytes())
    return digest.hexdigest()
