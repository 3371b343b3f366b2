"""Training of a segmenter: cross-entropy and soft Dice over the labels that are known of a page.

References
----------
Milletari, Navab, Ahmadi: V-Net: fully convolutional neural networks for volumetric medical image segmentation,
3DV 2016, arXiv:1606.04797 (soft Dice).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.checkpoints import State
from models.device import mixed_precision, seeded
from models.images import draw_change
from models.loop import Loop, Objective, counted, stage_seed
from models.segmenter import BATCH, SegmentNetwork, build_segmenter, to_tensor
from models.segmenter_data import Outlined, unpacked
from models.segmenter_settings import SegmenterSettings, SegmentStage
from models.task import Progress, StageReport, silent

SMOOTH = 1.0
"""Pixels added to both sides of soft Dice, so that it is defined where nothing is outlined."""
THRESHOLDS = np.linspace(0.3, 0.7, 41)
"""Among which a label's threshold is sought."""


def segmentation_loss(logits: Tensor, targets: Tensor, known: Tensor) -> Tensor:
    """Mean cross-entropy and 1 - soft Dice, each over the known labels alone.

    Parameters
    ----------
    logits, targets:
        (B, labels, H, W).
    known:
        (B, labels) of 0 and 1.
    """
    count = known.sum().clamp_min(1)
    entropy = nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    entropy = (entropy.mean(dim=(2, 3)) * known).sum() / count
    weight = known[:, :, None, None]
    given, wanted = torch.sigmoid(logits) * weight, targets * weight
    both, total = (given * wanted).sum(dim=(0, 2, 3)), given.sum(dim=(0, 2, 3)) + wanted.sum(dim=(0, 2, 3))
    there = (wanted.sum(dim=(0, 2, 3)) > 0).to(logits.dtype)
    dice = (2 * both + SMOOTH) / (total + SMOOTH)
    return entropy + ((1 - dice) * there).sum() / there.sum().clamp_min(1)


class SegmentObjective(Objective):
    """The outlines of pages.

    Parameters
    ----------
    sided:
        Pairs of label indices that a mirrored page swaps.
    """

    def __init__(
        self,
        stage: SegmentStage,
        training: Outlined,
        validation: Outlined,
        seed: int,
        sided: Sequence[tuple[int, int]] = (),
    ) -> None:
        self.stage, self.training, self.validation, self.seed = stage, training, validation, seed
        self.size, self.labels = len(training.images), training.known.shape[1]
        self.mirrored = list(range(self.labels))
        for one, other in sided:
            self.mirrored[one], self.mirrored[other] = other, one

    def order(self, epoch: int, batch: int) -> NDArray[np.int64]:
        """Every page once, in random order, and the first ones again where the last batch is not full."""
        drawn = np.random.default_rng([self.seed, epoch]).permutation(self.size)
        return np.resize(drawn, math.ceil(self.size / batch) * batch)

    def batch(self, indices: NDArray[np.int64], epoch: int, first: int) -> tuple[NDArray[Any], ...]:
        """Images (B, rows, columns), masks (B, labels, rows, columns) and known labels (B, labels)."""
        images, masks, known = [], [], []
        for offset, index in enumerate(indices):
            rng = np.random.default_rng([self.seed, epoch, first + offset])
            change = draw_change(self.stage.size_px, self.stage.augment, rng)
            order = self.mirrored if change.left_right else slice(None)
            images.append(change.image(self.training.images[index]))
            masks.append(unpacked(change.moved(self.training.packed[index], nearest=True), self.labels)[order])
            known.append(self.training.known[index][order])
        return np.stack(images), np.stack(masks), np.stack(known)

    def loss(self, module: nn.Module, batch: tuple[NDArray[Any], ...], device: torch.device) -> Tensor:
        """Of one batch."""
        images, masks, known = batch
        logits = module(to_tensor(images, device)).float()
        targets = torch.from_numpy(masks).to(device).float()
        return segmentation_loss(logits, targets, torch.from_numpy(known).to(device).float())

    def validate(self, module: nn.Module, device: torch.device) -> float:
        """The mean loss over the validation pages."""
        data, losses = self.validation, []
        for first in range(0, len(data.images), BATCH):
            part = slice(first, first + BATCH)
            masks = unpacked(data.packed[part], self.labels)
            losses.append(float(self.loss(module, (data.images[part], masks, data.known[part]), device)))
        return float(np.mean(losses))


@dataclass(frozen=True)
class SegmenterResult:
    """What :class:`models.task.Trained` keeps of a segmenter."""

    settings: dict[str, Any]
    weights: dict[str, Tensor]
    report: StageReport


def fit_segmenter(
    name: str,
    stage: SegmentStage,
    labels: Sequence[str],
    training: Outlined,
    validation: Outlined,
    *,
    scratch: Path,
    sided: Sequence[tuple[str, str]] = (),
    seed: int = 0,
    max_steps: int | None = None,
    progress: Progress = silent,
) -> SegmenterResult:
    """Train a segmenter. The same arguments give the same weights on a processor.

    Parameters
    ----------
    name:
        Of the stage.
    training, validation:
        Pages with these labels, at the stage's size.
    sided:
        Pairs of labels that are one structure on either side; a mirrored page swaps them.
    scratch:
        Where a checkpoint is written after each epoch; one of the same training is taken up.
    max_steps:
        Optimiser steps at the most.

    Raises
    ------
    ConfigError
        There is no network of that name.
    """
    own_seed = stage_seed(seed, f"{name}:{stage.network}")
    known = [bool(column.any()) for column in training.known.T]
    unknown = tuple(label for label, there in zip(labels, known, strict=True) if not there)
    settings = SegmenterSettings(
        network=stage.network, labels=tuple(labels), size_px=stage.size_px, unknown=unknown
    )
    with seeded(own_seed):
        module = build_segmenter(settings)
    pairs = [(labels.index(one), labels.index(other)) for one, other in sided]
    sets = (training, validation)
    _start_rare(module, sets[0])
    objective = SegmentObjective(stage, sets[0], sets[1], own_seed, pairs)

    loop = Loop(
        module,
        objective,
        stage,
        seed=own_seed,
        max_steps=max_steps,
        told=counted(progress, name, stage.network, stage.epochs),
    )
    fingerprint = _fingerprint(settings, stage, sets, pairs, own_seed, loop.steps)
    state = loop.run(scratch / f"{name}-{stage.network}.checkpoint", fingerprint)
    thresholds, dice = _measured(loop, sets[1], settings)
    settings = settings.model_copy(update={"thresholds": thresholds})
    report = _report(name, settings, loop.module, state, sets, dice)
    return SegmenterResult(settings.model_dump(mode="json"), state.best, report)


def _start_rare(module: SegmentNetwork, data: Outlined) -> None:
    """Let each label start as rare as it is: an output of 0.5 everywhere would cost the first epochs."""
    labels = data.known.shape[1]
    covered = np.zeros(labels)
    for packed in data.packed:
        covered += unpacked(packed, labels).mean(axis=(1, 2))
    share = np.clip(covered / data.known.sum(axis=0).clip(min=1), 1e-3, 0.5)
    start = torch.from_numpy(np.log(share / (1 - share))).float()
    assert module.head.bias is not None  # noqa: S101 - the head is built with one
    with torch.no_grad():
        module.head.bias.copy_(start.repeat_interleave(module.spread.upscale_factor**2))


def _measured(
    loop: Loop, data: Outlined, settings: SegmenterSettings
) -> tuple[tuple[float, ...], dict[str, float | None]]:
    """Thresholds at which as much is outlined on the validation pages as in truth, and Dice at them, by label."""
    edges = np.concatenate([[0.0], THRESHOLDS, [1.0 + 1e-6]])
    shape = (len(settings.labels), len(edges) - 1)
    all_px, right_px = np.zeros(shape), np.zeros(shape)
    with torch.inference_mode(), mixed_precision(loop.device):
        for first in range(0, len(data.images), BATCH):
            part = slice(first, first + BATCH)
            given = torch.sigmoid(loop.module(to_tensor(data.images[part], loop.device)).float()).cpu().numpy()
            masks = unpacked(data.packed[part], len(settings.labels)) > 0
            for page, label in zip(*np.nonzero(data.known[part]), strict=True):
                values, inside = given[page, label], masks[page, label]
                all_px[label] += np.histogram(values, edges)[0]
                right_px[label] += np.histogram(values[inside], edges)[0]
    thresholds, dice = [], {}
    for index, label in enumerate(settings.labels):
        above, right = all_px[index, ::-1].cumsum()[::-1][1:], right_px[index, ::-1].cumsum()[::-1][1:]
        truth = right_px[index].sum()
        best = int(np.argmin(np.abs(above - truth))) if truth else len(THRESHOLDS) // 2
        thresholds.append(round(float(THRESHOLDS[best]), 4))
        dice[label] = float(2 * right[best] / (above[best] + truth)) if truth else None
    return tuple(thresholds), dice


def _report(
    name: str,
    settings: SegmenterSettings,
    module: nn.Module,
    state: State,
    sets: Sequence[Outlined],
    dice: Mapping[str, float | None],
) -> StageReport:
    counts = [{"pages": len(s.images), "patients": len(set(s.patients))} for s in sets]
    return StageReport(
        name=name,
        network=settings.network,
        parameters=sum(p.numel() for p in module.parameters()),
        input=(settings.channels, *settings.size_px),
        steps=state.step,
        seconds=state.seconds,
        detail={
            "weights": "none",
            "best_epoch": state.best_epoch,
            "curve": state.curve,
            "unknown_labels": list(settings.unknown),
            "counts": {"training": counts[0], "validation": counts[1]},
            "validation": {"loss": state.best_loss, "dice": dict(dice)},
        },
    )


def _fingerprint(
    settings: SegmenterSettings,
    stage: SegmentStage,
    sets: Sequence[Outlined],
    pairs: Sequence[tuple[int, int]],
    seed: int,
    steps: int,
) -> str:
    """Of everything that the weights depend on."""
    digest = hashlib.sha256()
    known = [settings.model_dump(mode="json"), stage.model_dump(mode="json"), list(pairs), seed, steps]
    digest.update(json.dumps(known, sort_keys=True).encode())
    for data in sets:
        for array in (data.images, data.packed, data.known):
            digest.update(array.tobytes())
    return digest.hexdigest()
