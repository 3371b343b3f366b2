"""Training of one classifier: balanced batches, AdamW, one cycle, early end, the best epoch kept.

References
----------
Loshchilov, Hutter: Decoupled weight decay regularization, ICLR 2019 (AdamW).
Smith, Topin: Super-convergence, 2018, arXiv:1708.07120 (one-cycle schedule).
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.batches import Labelled, balanced_order
from models.calibration import fit_temperature
from models.checkpoints import State, copy_weights, read_state, save_state
from models.classifier import ClassifierSettings, build_network, full_logits, to_input
from models.config import Stage
from models.device import find_device, fitting_threads, half_precision, mixed_precision, place, seeded
from models.images import augmented, overlapped
from models.networks import pretrained
from models.networks.registry import Network, architecture
from models.task import Progress, StageReport, silent

WARM_UP = 0.25
"""Share of the steps in which the step size rises."""
CLIP = 1.0
"""Largest norm of the gradient."""
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


def one_cycle(step: int, steps: int) -> float:
    """The share of the largest step size at a step: a linear rise, then a cosine to nothing."""
    rise = max(1.0, WARM_UP * steps)
    if step < rise:
        return (step + 1) / (rise + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1.0, steps - rise)))


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


class _Loop:
    """The epochs of one network."""

    def __init__(
        self,
        start: _Start,
        stage: Stage,
        training: Labelled,
        validation: Labelled,
        *,
        seed: int,
        steps: int,
        told: Callable[[int, int], None],
    ) -> None:
        self.settings, self.stage, self.seed, self.told = start.settings, stage, seed, told
        self.training, self.validation = training, validation
        self.frozen = bool(start.detail["frozen"])
        self.device = find_device()
        self.module: Network = place(start.module, self.device)
        self.rate = stage.learning_rate
        if stage.freeze_backbone and not self.frozen:
            self.rate *= FALLBACK
        self.optimiser = torch.optim.AdamW(
            [p for p in self.module.parameters() if p.requires_grad],
            lr=self.rate,
            weight_decay=stage.weight_decay,
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=half_precision(self.device) is torch.float16)
        self.batch = min(stage.batch_size, len(training.patients))
        self.steps = steps
        self.state = State()

    def restore(self, state: State) -> None:
        """Go on from where an interrupted run was."""
        self.state = state
        if not state.done:
            self.module.load_state_dict(state.weights)
            self.optimiser.load_state_dict(state.optimiser)

    def epoch(self) -> None:
        """One pass over the training images, a look at the validation images, and a note of both."""
        began, state = time.monotonic(), self.state
        with seeded(self.seed, state.epoch):
            trained = self._pass()
        outputs = self.outputs(self.validation.images)
        measured = self.validation_loss(outputs)
        state.epoch += 1
        state.curve.append({"epoch": state.epoch, "training_loss": trained, "validation_loss": measured})
        if measured < state.best_loss or not state.best:
            state.best_loss, state.best_epoch = measured, state.epoch
            state.best = copy_weights(self.module)
        waited = state.epoch - state.best_epoch
        patient = not self.stage.patience or waited < self.stage.patience
        state.done = state.epoch >= self.stage.epochs or state.step >= self.steps or not patient
        state.weights, state.optimiser = copy_weights(self.module), self.optimiser.state_dict()
        state.seconds += time.monotonic() - began

    def _pass(self) -> float:
        order = balanced_order(
            self.training.targets, self.batch, np.random.default_rng([self.seed, self.state.epoch])
        )
        starts = range(0, len(order), self.batch)[: self.steps - self.state.step]
        losses = []
        for images, targets in overlapped(lambda first: self._images(order, first), starts, ahead=2):
            losses.append(self._step(images, targets))
            self.state.step += 1
            self.told(self.state.step, self.state.epoch)
        return float(np.mean(losses)) if losses else float("nan")

    def _images(self, order: NDArray[np.int64], first: int) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        chosen = order[first : first + self.batch]
        images = augmented(
            self.training.images, chosen.tolist(), self.stage.augment, self.seed, self.state.epoch, first
        )
        return images, self.training.targets[chosen]

    def _step(self, images: NDArray[np.uint8], targets: NDArray[Any]) -> float:
        self.module.train()
        if self.frozen:
            self.module.features.eval()
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * one_cycle(self.state.step, self.steps)
        with mixed_precision(self.device):
            outputs = self.module(to_input(images, self.settings, self.device))
        loss = _loss(outputs.float(), torch.from_numpy(targets).to(self.device), self.settings)
        self.optimiser.zero_grad(set_to_none=True)
        scaled: Any = self.scaler.scale(loss)
        scaled.backward()
        self.scaler.unscale_(self.optimiser)
        nn.utils.clip_grad_norm_((p for p in self.module.parameters() if p.requires_grad), CLIP)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return float(loss.detach())

    def outputs(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(n, classes) logits of prepared images, with the shift."""
        self.module.eval()
        found = []
        with torch.inference_mode(), mixed_precision(self.device):
            for first in range(0, len(images), self.stage.batch_size):
                batch = to_input(images[first : first + self.stage.batch_size], self.settings, self.device)
                found.append(self.module(batch).float().cpu().numpy())
        return full_logits(np.concatenate(found), self.settings)

    def validation_loss(self, logits: NDArray[np.float64]) -> float:
        """The loss on the validation images, of their logits at the temperature that a version would get.

        Without it a network that is right but too sure would lose to one that has learnt less.
        """
        if self.settings.exclusive:
            logits = logits / fit_temperature(logits, self.validation.targets)
        outputs = torch.from_numpy(logits[:, -self.settings.outputs :])
        return float(_loss(outputs, torch.from_numpy(self.validation.targets), self.settings))


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
    own_seed = int(np.random.SeedSequence([seed, *f"{name}:{network}".encode()]).generate_state(1)[0])
    with seeded(own_seed):
        start = _started(network, stage, options, exclusive=exclusive)
    shift = _shift(training.targets, start.settings)
    start = _Start(start.settings.model_copy(update={"shift": shift}), start.module, start.detail)
    steps = stage.epochs * math.ceil(len(training.patients) / min(stage.batch_size, len(training.patients)))
    steps = min(steps, max_steps or steps)

    def told(step: int, epoch: int) -> None:
        progress(min(1.0, step / steps), f"{name}: {network}, epoch {epoch + 1} of {stage.epochs}")

    loop = _Loop(start, stage, training, validation, seed=own_seed, steps=steps, told=told)
    path = scratch / f"{name}-{network}.checkpoint"
    fingerprint = _fingerprint(start, stage, training, validation, own_seed, steps)
    if state := read_state(path, fingerprint):
        loop.restore(state)
    with fitting_threads(sum(p.numel() for p in start.module.parameters()), loop.device):
        while not loop.state.done:
            loop.epoch()
            save_state(path, fingerprint, loop.state)
        loop.module.load_state_dict(loop.state.best)
        logits = loop.outputs(validation.images)
    return Fitted(start.settings, loop.state.best, _report(name, start, loop.state), logits, loop.state.best_loss)


def _report(name: str, start: _Start, state: State) -> StageReport:
    return StageReport(
        name=name,
        network=start.settings.network,
        parameters=sum(p.numel() for p in start.module.parameters()),
        input=(start.settings.channels, *start.settings.size_px),
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
