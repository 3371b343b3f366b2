"""Two yardsticks that stand beside every figure on phantoms, so that their difficulty is seen and cannot drift.

The linear model is a logistic regression on down-sampled pixels: what it gets shows how much lies in plain
brightness and place. The reference network is one small network of three-dimensional convolutions with one recipe,
which nobody tunes: what it gets shows how hard the phantoms are for learning as such. Both see the pages that
readers see, of the same training patients, and are measured on the same test patients as the task's own model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from data.pixels import Pixels
from data.records import Study
from models.device import fitting_threads
from models.task import ClinicalTask

Volumes = NDArray[np.uint8]
"""(n, frames, rows, columns)."""
LINEAR_PX, LINEAR_FRAMES = 16, 8
REFERENCE_PX, REFERENCE_FRAMES = 64, 16
WIDTHS = (16, 32, 64)
EPOCHS, BATCH, RATE = 20, 16, 2e-3


def seen(task: ClinicalTask, study: Study, pixels: Pixels, *, frames: int, size_px: int) -> NDArray[np.uint8]:
    """The pages of a study, (frames, size, size): evenly spaced ones of a stack, the one of a radiograph."""
    pages = task.pages(study, pixels)
    chosen = np.unique(np.linspace(0, len(pages) - 1, frames).round().astype(int)) if len(pages) > 1 else [0]
    small = [cv2.resize(pages[i], (size_px, size_px), interpolation=cv2.INTER_AREA) for i in chosen]
    if len(pages) == 1:
        return np.stack(small).astype(np.uint8)
    padded = small + [np.zeros_like(small[0])] * (frames - len(small))
    return np.stack(padded).astype(np.uint8)


def linear(training: Volumes, targets: NDArray[np.int64], test: Volumes) -> NDArray[np.float64]:
    """Probabilities (test, classes) of a logistic regression on standardised pixels, with a fixed penalty."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    model.fit(training.reshape(len(training), -1).astype(np.float32), targets)
    return np.asarray(model.predict_proba(test.reshape(len(test), -1).astype(np.float32)), dtype=np.float64)


def _network(classes: int, frames: int) -> nn.Module:
    layers: list[nn.Module] = []
    channels = 1
    for width in WIDTHS:
        layers += [nn.Conv3d(channels, width, 3, padding=1), nn.BatchNorm3d(width), nn.ReLU(inplace=True)]
        layers.append(nn.MaxPool3d((2 if frames > 1 else 1, 2, 2)))
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveMaxPool3d(1), nn.Flatten(), nn.Linear(channels, classes))


def reference(
    training: Volumes, targets: NDArray[np.int64], test: Volumes, *, seed: int = 0
) -> NDArray[np.float64]:
    """Probabilities (test, classes) of the reference network after its fixed recipe, on one thread."""
    classes = int(targets.max()) + 1
    with torch.random.fork_rng(), fitting_threads(0, torch.device("cpu")):
        torch.manual_seed(seed)
        network = _network(classes, training.shape[1])
        optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
        steps = EPOCHS * max(1, len(training) // BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
        weights = torch.tensor(len(targets) / (classes * np.bincount(targets, minlength=classes).clip(min=1)))
        rng = np.random.default_rng(seed)
        network.train()
        for _ in range(EPOCHS):
            order = rng.permutation(len(training))[: max(1, len(training) // BATCH) * BATCH]
            for chosen in np.array_split(order, max(1, len(training) // BATCH)):
                loss: Any = nn.functional.cross_entropy(
                    network(_input(training[chosen])), torch.from_numpy(targets[chosen]), weights.float()
                )
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
        network.eval()
        with torch.inference_mode():
            outputs = [network(_input(test[i : i + BATCH])).softmax(1) for i in range(0, len(test), BATCH)]
    return np.asarray(torch.cat(outputs).numpy(), dtype=np.float64)


def _input(volumes: Volumes) -> torch.Tensor:
    return (torch.from_numpy(volumes).float()[:, None] / 255 - 0.5) / 0.25


def stacked(task: ClinicalTask, studies: Sequence[Study], pixels: Pixels, *, frames: int, size_px: int) -> Volumes:
    """The pages of several studies, (n, frames, size, size)."""
    return np.stack([seen(task, study, pixels, frames=frames, size_px=size_px) for study in studies])
