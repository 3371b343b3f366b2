"""What happens at the events of a training by Ultralytics: notes, checkpoints, its end, and its taking up."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from models.adrenal_settings import SegmenterStage
from models.checkpoints import State, copy_weights
from models.watching import watching
from models.yolo_state import can_go_on, note, put_back, put_back_draws

MEASURE = "mask mAP50"
"""What an epoch is measured by, as those who watch see it."""
METRICS = {"precision": "precision", "recall": "recall", "mAP50": "map50", "mAP50-95": "map50_95"}
"""Ultralytics' names of metrics, and ours."""
Told = Callable[[int, int, str], None]
"""Called with (step, steps, words)."""


@dataclass(frozen=True)
class Recipe:
    """All that the weights depend on, and where the trainer may write."""

    network: str
    stage: SegmenterStage
    description: Path
    tensors: dict[str, Tensor]
    scratch: Path
    seed: int
    max_steps: int | None

    @property
    def batch_size(self) -> int:
        """Frames a batch."""
        images = len(list((self.description.parent / "images" / "train").glob("*.png")))
        return min(self.stage.batch_size, max(1, images))


class Follower:
    """Notes a training as it goes, says where it ends, and takes it up where its state stands."""

    def __init__(self, recipe: Recipe, state: State, save: Callable[[], None], told: Told) -> None:
        self.recipe, self.state, self.save, self.told = recipe, state, save, told
        self.taken_up = state.epoch > 0
        self.began, self.before_s = time.monotonic(), state.seconds
        self.steps, self.resumes = 0, False

    def callbacks(self) -> dict[str, Callable[[Any], None]]:
        """By Ultralytics' events."""
        return {
            "on_pretrain_routine_end": self.ready, "on_train_start": self.begins,
            "on_train_epoch_start": self.epoch_begins, "on_train_batch_end": self.after_batch,
            "on_fit_epoch_end": self.after_epoch,
        }  # fmt: skip

    def ready(self, trainer: Any) -> None:
        """The trainer is set up."""
        self.resumes = can_go_on(trainer)
        if self.taken_up:
            put_back(trainer, self.state)

    def begins(self, trainer: Any) -> None:
        """The first epoch follows."""
        whole = self.recipe.stage.epochs * len(trainer.train_loader)
        self.steps = min(whole, self.recipe.max_steps or whole)
        tell(self.recipe.network, self.recipe.stage, self.state, steps=self.steps, resumes=self.resumes)

    def epoch_begins(self, trainer: Any) -> None:
        """Nothing of the epoch has been drawn."""
        if self.taken_up:
            put_back_draws(trainer, self.state)
            self.taken_up = False

    def after_batch(self, trainer: Any) -> None:
        """A step was taken; it may be the last."""
        state, epochs = self.state, self.recipe.stage.epochs
        state.step += 1
        if journal := watching():
            journal.step()
        trainer.stop = trainer.stop or (self.recipe.max_steps is not None and state.step >= self.recipe.max_steps)
        words = f"segmenter: {self.recipe.network}, epoch {trainer.epoch + 1} of {epochs}"
        self.told(min(state.step, self.steps), self.steps, words)

    def after_epoch(self, trainer: Any) -> None:
        """An epoch was trained and measured."""
        state = self.state
        state.epoch += 1
        state.seconds = self.before_s + time.monotonic() - self.began
        losses = {f"training_{name}": float(value) for name, value in (trainer.tloss or {}).items()}
        state.curve.append({"epoch": state.epoch, **losses, **_named(trainer.metrics)})
        if trainer.fitness is None or trainer.fitness >= trainer.best_fitness:
            state.best, state.best_epoch = copy_weights(trainer.ema.ema), state.epoch
            state.best_loss = -float(trainer.fitness or 0.0)
        halved = trainer.batch_size != self.recipe.batch_size  # for want of room; a new run would begin with more
        if self.resumes and not halved and not trainer.stop:
            note(trainer, state)
            self.save()
        if journal := watching():
            journal.epoch(_seen(state.curve[-1]), measure=MEASURE)


def tell(network: str, stage: SegmenterStage, state: State, *, steps: int, resumes: bool) -> None:
    """Tell whoever watches that a network begins, or stands where its checkpoint says."""
    if journal := watching():
        journal.network(
            f"segmenter-{network}", epochs=stage.epochs, steps=steps, epoch=state.epoch, step=state.step,
            seconds=state.seconds, curve=[_seen(row) for row in state.curve], done=state.done, resumes=resumes,
            measure=MEASURE,
        )  # fmt: skip


def _seen(row: Mapping[str, float]) -> dict[str, float]:
    """An epoch as a watcher sees it."""
    training = sum(value for name, value in row.items() if name.startswith("training_"))
    return {"epoch": row["epoch"], "training": training, "validation": row.get("mask_map50", float("nan"))}


def _named(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Ultralytics' validation metrics under our names: ``box_map50``, ``mask_map50_95`` ..."""
    found = {}
    for letter, kind in (("B", "box"), ("M", "mask")):
        for theirs, ours in METRICS.items():
            if (value := metrics.get(f"metrics/{theirs}({letter})")) is not None:
                found[f"{kind}_{ours}"] = float(value)
    return found
