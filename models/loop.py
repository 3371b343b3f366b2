"""The epochs of one network, whatever it learns: AdamW, one cycle, early end, checkpoints, the best epoch kept.

What is learnt is an :class:`Objective`: it hands out batches, gives their loss, and says how good the network is
on the validation examples. Everything random follows from (seed, epoch), so that a training that was cut off ends
with the same weights as an unbroken one.

References
----------
Loshchilov, Hutter: Decoupled weight decay regularization, ICLR 2019 (AdamW).
Smith, Topin: Super-convergence, 2018, arXiv:1708.07120 (one-cycle schedule).
"""

from __future__ import annotations

import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.checkpoints import State, copy_weights, read_state, save_state
from models.config import Schedule
from models.device import find_device, fitting_threads, half_precision, loaders, mixed_precision, place, seeded
from models.images import overlapped
from models.task import Progress
from models.watching import watching

WARM_UP = 0.25
"""Share of the steps in which the step size rises."""
CLIP = 1.0
"""Largest norm of the gradient."""
logger = logging.getLogger(__name__)


def one_cycle(step: int, steps: int) -> float:
    """The share of the largest step size at a step: a linear rise, then a cosine to nothing."""
    rise = max(1.0, WARM_UP * steps)
    if step < rise:
        return (step + 1) / (rise + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1.0, steps - rise)))


def stage_seed(seed: int, name: str) -> int:
    """A training's seed of its own for what is named, such as a stage and its network."""
    return int(np.random.SeedSequence([seed, *name.encode()]).generate_state(1)[0])


def counted(progress: Progress, name: str, network: str, epochs: int) -> Callable[[int, int, int], None]:
    """What a loop tells of its steps, as progress of a stage."""

    def told(step: int, steps: int, epoch: int) -> None:
        progress(min(1.0, step / steps), f"{name}: {network}, epoch {epoch + 1} of {epochs}")

    return told


class Objective(ABC):
    """What a network learns, and from what."""

    size: int
    """Training examples."""
    frozen: nn.Module | None = None
    """A part of the network that stays as it is, its statistics included."""

    @abstractmethod
    def order(self, epoch: int, batch: int) -> NDArray[np.int64]:
        """Indices of the examples of one epoch, in full batches."""

    @abstractmethod
    def batch(self, indices: NDArray[np.int64], epoch: int, first: int) -> Any:
        """A batch in the processor's memory, changed at random; called in a thread, ahead of its step.

        Parameters
        ----------
        first:
            Position of its first example in the epoch.
        """

    @abstractmethod
    def loss(self, module: nn.Module, batch: Any, device: torch.device) -> Tensor:
        """The loss of a batch, one number; under mixed precision where the device has it."""

    @abstractmethod
    def validate(self, module: nn.Module, device: torch.device) -> float:
        """The loss on the validation examples; the lowest epoch is kept. The module is in evaluation mode."""


class Loop:
    """The epochs of one network.

    Parameters
    ----------
    module:
        With its first weights.
    schedule:
        Epochs, batch size, step size, weight decay, patience.
    seed:
        Of every random draw.
    max_steps:
        Optimiser steps at the most.
    rate:
        Largest step size, in the place of the schedule's.
    told:
        Called after each step with (step, steps, epoch).
    """

    def __init__(
        self,
        module: nn.Module,
        objective: Objective,
        schedule: Schedule,
        *,
        seed: int,
        max_steps: int | None = None,
        rate: float | None = None,
        told: Callable[[int, int, int], None] = lambda step, steps, epoch: None,
    ) -> None:
        self.objective, self.schedule, self.seed, self.told = objective, schedule, seed, told
        self.device = find_device()
        self.module: nn.Module = place(module, self.device)
        self.rate = schedule.learning_rate if rate is None else rate
        self.optimiser = torch.optim.AdamW(self._trained(), lr=self.rate, weight_decay=schedule.weight_decay)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=half_precision(self.device) is torch.float16)
        self.batch = min(schedule.batch_size, objective.size)
        steps = schedule.epochs * math.ceil(objective.size / self.batch)
        self.steps = min(steps, max_steps or steps)
        self.pieces = 1
        self.state = State()

    def run(self, path: Path, fingerprint: str) -> State:
        """Train to the end, from a checkpoint where there is one; the module then has the best epoch's weights.

        Parameters
        ----------
        path:
            The checkpoint, written after each epoch.
        fingerprint:
            Of everything that the weights depend on; a checkpoint of another training is left aside.
        """
        if (state := read_state(path, fingerprint)) is not None:
            self._restore(state)
        if journal := watching():
            now = self.state
            journal.network(
                path.stem, epochs=self.schedule.epochs, steps=self.steps, epoch=now.epoch, step=now.step,
                seconds=now.seconds, curve=now.curve, done=now.done,
            )  # fmt: skip
        with fitting_threads(sum(p.numel() for p in self.module.parameters()), self.device):
            while not self.state.done:
                self._epoch()
                save_state(path, fingerprint, self.state)
                if journal:
                    journal.epoch(self.state.curve[-1], done=self.state.done)
            self.module.load_state_dict(self.state.best)
            self.module.eval()
        return self.state

    def _trained(self) -> list[nn.Parameter]:
        return [p for p in self.module.parameters() if p.requires_grad]

    def _restore(self, state: State) -> None:
        self.state = state
        if not state.done:
            self.module.load_state_dict(state.weights)
            self.optimiser.load_state_dict(state.optimiser)

    def _epoch(self) -> None:
        """One pass over the training examples, a look at the validation examples, and a note of both."""
        began, state = time.monotonic(), self.state
        with seeded(self.seed, state.epoch):
            trained = self._pass()
        self.module.eval()
        with torch.inference_mode(), mixed_precision(self.device):
            measured = self.objective.validate(self.module, self.device)
        state.epoch += 1
        state.curve.append({"epoch": state.epoch, "training_loss": trained, "validation_loss": measured})
        if measured < state.best_loss or not state.best:
            state.best_loss, state.best_epoch = measured, state.epoch
            state.best = copy_weights(self.module)
        waited = state.epoch - state.best_epoch
        patient = not self.schedule.patience or waited < self.schedule.patience
        state.done = state.epoch >= self.schedule.epochs or state.step >= self.steps or not patient
        state.weights, state.optimiser = copy_weights(self.module), self.optimiser.state_dict()
        state.seconds += time.monotonic() - began

    def _pass(self) -> float:
        epoch = self.state.epoch
        order = self.objective.order(epoch, self.batch)
        starts = range(0, len(order), self.batch)[: self.steps - self.state.step]
        threads = loaders(self.device)
        batches = overlapped(
            lambda first: self.objective.batch(order[first : first + self.batch], epoch, first),
            starts,
            workers=threads,
            ahead=threads + 1,
        )
        losses, journal = [], watching()
        for batch in batches:
            losses.append(self._step(batch))
            self.state.step += 1
            if journal:
                journal.step(losses[-1])
            self.told(self.state.step, self.steps, epoch)
        return float(np.mean(losses)) if losses else float("nan")

    def _step(self, batch: Any) -> float:
        """One step of the optimiser; a batch that the device has no room for is taken in parts."""
        self.module.train()
        if self.objective.frozen is not None:
            self.objective.frozen.eval()
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * one_cycle(self.state.step, self.steps)
        while True:
            try:
                loss = self._gradients(batch)
                break
            except torch.cuda.OutOfMemoryError:
                if self.pieces >= self.batch:
                    raise
                self.pieces *= 2
                logger.warning("no room on %s: each batch is taken in %d parts", self.device, self.pieces)
                torch.cuda.empty_cache()
        self.scaler.unscale_(self.optimiser)
        nn.utils.clip_grad_norm_(self._trained(), CLIP)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return loss

    def _gradients(self, batch: Any) -> float:
        """Put the gradients of a batch into the parameters; its loss."""
        self.optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for share, part in parts_of(batch, self.pieces):
            with mixed_precision(self.device):
                loss = self.objective.loss(self.module, part, self.device) * share
            scaled: Any = self.scaler.scale(loss)
            scaled.backward()
            total += float(loss.detach())
        return total


def parts_of(batch: Any, pieces: int) -> Iterator[tuple[float, Any]]:
    """A batch in parts, each with its share of the examples.

    Parameters
    ----------
    batch:
        An array (B, ...), or a tuple of arrays of the same B.
    pieces:
        Parts at the most; 1 leaves the batch as it is.
    """
    if pieces == 1:
        yield 1.0, batch
        return
    arrays = batch if isinstance(batch, tuple) else (batch,)
    count = len(arrays[0])
    for chosen in np.array_split(np.arange(count), min(pieces, count)):
        part = tuple(array[chosen] for array in arrays)
        yield len(chosen) / count, part if isinstance(batch, tuple) else part[0]
