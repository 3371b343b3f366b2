"""An autoencoder of normal slabs: what it cannot reconstruct inside the lungs is not normal.

References
----------
Baur, Denner, Wiestler, Navab, Albarqouni: Autoencoders for unsupervised anomaly segmentation in brain MR images,
Med. Image Anal. 69 (2021), 101952 (a dense bottleneck; the residual as the anomaly map).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from models.chest.bags import Bags
from models.chest.runs import fingerprint
from models.chest.settings import ChestProfile
from models.chest.slices import most_suspicious, shrunk
from models.config import Stage
from models.device import find_device, mixed_precision, place, seeded
from models.images import draw_change
from models.loop import Loop, Objective, counted, stage_seed
from models.restoring import rebuilding
from models.task import Progress, StageReport, silent

OUTSIDE = 0.05
"""Weight of the pixels outside the lungs in the loss; those inside count 1."""
IN_MEMORY_BYTES = 1 << 30
"""Slabs that take less are kept in memory at their smaller size."""


class AutoencoderSettings(BaseModel):
    """Everything that, beside the weights, makes a trained autoencoder."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    size_px: int
    """Rows and columns of the input."""
    widths: tuple[int, ...]
    """Channels of the layers."""
    bottleneck: int
    """Numbers that a slab becomes."""
    blur_px: int
    """Width over which the difference is averaged before it is squared."""
    top: int
    """Slabs whose mean error is the study's."""


class SlabAutoencoder(nn.Module):
    """Convolutions that halve rows and columns, a dense bottleneck, and the same way back.

    Parameters
    ----------
    settings:
        Of its size.
    """

    def __init__(self, settings: AutoencoderSettings) -> None:
        super().__init__()
        widths, side = settings.widths, settings.size_px // 2 ** len(settings.widths)
        down: list[nn.Module] = []
        for before, after in zip((3, *widths[:-1]), widths, strict=True):
            down += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.1)]
        up: list[nn.Module] = []
        for before, after in zip(widths[::-1], (*widths[-2::-1], widths[0]), strict=True):
            up += [
                nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False),
                nn.BatchNorm2d(after),
                nn.LeakyReLU(0.1),
            ]
        flat = widths[-1] * side * side
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(flat, settings.bottleneck))
        self.decoder = nn.Sequential(
            nn.Linear(settings.bottleneck, flat), nn.Unflatten(1, (widths[-1], side, side)), *up,
            nn.Conv2d(widths[0], 3, 3, 1, 1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, size, size) from 0 to 1 -> the same, reconstructed."""
        reconstructed: Tensor = self.decoder(self.encoder(images))
        return reconstructed


class _Reconstruction(Objective):
    """Slabs of normal studies, compared with their reconstruction, mostly inside the lungs."""

    def __init__(self, bags: Bags, validation: Bags, stage: Stage, seed: int) -> None:
        size = stage.size_px[0]
        self.slabs, self.validation = _Shrunk(bags, size), _Shrunk(validation, size)
        self.stage, self.seed = stage, seed
        self.size = len(bags) * bags.slabs

    def order(self, epoch: int, batch: int) -> NDArray[np.int64]:
        order = np.random.default_rng([self.seed, epoch]).permutation(self.size)
        return np.concatenate([order, order[: -self.size % batch]]) if self.size % batch else order

    def batch(self, indices: NDArray[np.int64], epoch: int, first: int) -> Any:
        images, lungs = [], []
        for offset, index in enumerate(indices):
            image, lung = self.slabs.get(int(index))
            rng = np.random.default_rng([self.seed, epoch, first + offset])
            change = draw_change(self.stage.size_px, self.stage.augment, rng)
            images.append(change.image(image))
            lungs.append(change.moved(lung, nearest=True))
        return np.stack(images), np.stack(lungs)

    def loss(self, module: nn.Module, batch: Any, device: torch.device) -> Tensor:
        images, lungs = (torch.from_numpy(each).to(device).float() / 255 for each in batch)
        weights = (OUTSIDE + (1 - OUTSIDE) * lungs)[:, None]
        total: Tensor = ((module(images).float() - images) ** 2 * weights).sum() / (weights.sum() * 3)
        return total

    def validate(self, module: nn.Module, device: torch.device) -> float:
        losses = []
        for first in range(0, len(self.validation), self.stage.batch_size):
            some = range(first, min(len(self.validation), first + self.stage.batch_size))
            pairs = [self.validation.get(index) for index in some]
            losses.append(
                float(self.loss(module, tuple(np.stack(each) for each in zip(*pairs, strict=True)), device))
            )
        return float(np.mean(losses))


class _Shrunk:
    """The slabs of bags, one after another, at another size; kept in memory where they take little of it."""

    def __init__(self, bags: Bags, size_px: int) -> None:
        self.bags, self.size_px = bags, size_px
        self.kept: dict[int, tuple[NDArray[np.uint8], NDArray[np.uint8]]] | None = None
        if len(self) * 4 * size_px**2 <= IN_MEMORY_BYTES:
            self.kept = {}

    def __len__(self) -> int:
        return len(self.bags) * self.bags.slabs

    def get(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """A slab (3, size, size), and its lungs (size, size) as 0 and 255."""
        if self.kept is not None and index in self.kept:
            return self.kept[index]
        study, slab = divmod(index, self.bags.slabs)
        lungs = self.bags.lungs_of(study)[slab].astype(np.uint8) * 255
        pair = shrunk(self.bags.study(study)[slab], self.size_px), shrunk(lungs, self.size_px)
        if self.kept is not None:
            self.kept[index] = pair
        return pair


class Anomaly:
    """A trained autoencoder in memory."""

    def __init__(self, settings: AutoencoderSettings, module: SlabAutoencoder) -> None:
        self.settings = settings
        self.device = find_device()
        self.module: nn.Module = place(module, self.device).eval()

    @classmethod
    def restore(cls, settings: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Anomaly:
        """An autoencoder from what was kept.

        Raises
        ------
        VersionError
            Settings or weights do not fit each other.
        """
        with rebuilding("The kept autoencoder cannot be built again."):
            known = AutoencoderSettings.model_validate(dict(settings))
            module = SlabAutoencoder(known)
            module.load_state_dict(dict(weights))
        return cls(known, module)

    def maps(self, images: NDArray[np.uint8], lungs: NDArray[np.bool_]) -> NDArray[np.float32]:
        """The squared, smoothed difference from the reconstruction inside the lungs.

        Parameters
        ----------
        images, lungs:
            (B, 3, rows, columns) and (B, rows, columns).

        Returns
        -------
        NDArray
            (B, size, size): the mean over the channels; 0 outside the lungs.
        """
        size, blur = self.settings.size_px, self.settings.blur_px
        small = torch.from_numpy(np.array(shrunk(images, size))).to(self.device).float() / 255  # a copy: mapped
        inside = shrunk(np.asarray(lungs).astype(np.uint8) * 255, size) > 127
        with torch.inference_mode(), mixed_precision(self.device):
            gap = (self.module(small).float() - small) * torch.from_numpy(inside).to(self.device)[:, None]
        smooth = nn.functional.avg_pool2d(gap, blur, 1, blur // 2)
        found: NDArray[np.float32] = (smooth**2).mean(dim=1).cpu().numpy() * inside
        return found

    def errors(self, images: NDArray[np.uint8], lungs: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(B,) reconstruction error of slabs: the sum of the map over the largest lung area of these slabs.

        The common divisor keeps the few pixels of a lung's end from weighing as much as a whole slab.
        """
        maps = self.maps(images, lungs)
        inside = shrunk(np.asarray(lungs).astype(np.uint8) * 255, maps.shape[-1]) > 127
        area = max(1.0, float(inside.sum(axis=(1, 2)).max()))
        sums: NDArray[np.float64] = maps.sum(axis=(1, 2), dtype=np.float64)
        return sums / area

    def study_error(self, images: NDArray[np.uint8], lungs: NDArray[np.bool_]) -> float:
        """The error of a study's slabs: the mean of the largest."""
        return float(most_suspicious(self.errors(images, lungs), self.settings.top))


def fit_autoencoder(
    training: Bags,
    validation: Bags,
    profile: ChestProfile,
    *,
    scratch: Path,
    seed: int = 0,
    max_steps: int | None = None,
    progress: Progress = silent,
) -> tuple[AutoencoderSettings, dict[str, Tensor], StageReport]:
    """Train the autoencoder.

    Parameters
    ----------
    training, validation:
        Normal studies alone.
    """
    stage = profile.stages["autoencoder"]
    settings = AutoencoderSettings(
        size_px=stage.size_px[0],
        widths=profile.autoencoder_widths,
        bottleneck=profile.bottleneck,
        blur_px=profile.blur_px,
        top=profile.top,
    )
    own_seed = stage_seed(seed, "autoencoder")
    with seeded(own_seed):
        module = SlabAutoencoder(settings)
    objective = _Reconstruction(training, validation, stage, own_seed)
    told = counted(progress, "autoencoder", stage.networks[0], stage.epochs)
    loop = Loop(module, objective, stage, seed=own_seed, max_steps=max_steps, told=told)
    known = fingerprint(stage, [training, validation], settings.model_dump(mode="json"), own_seed, loop.steps)
    state = loop.run(scratch / f"autoencoder-{stage.networks[0]}.checkpoint", known)
    report = StageReport(
        "autoencoder",
        stage.networks[0],
        sum(p.numel() for p in module.parameters()),
        (3, *stage.size_px),
        state.step,
        state.seconds,
        {
            "best_epoch": state.best_epoch,
            "curve": state.curve,
            "counts": {"training": len(training), "validation": len(validation), "of": "normal studies"},
            "validation": {"loss": state.best_loss},
        },
    )
    return settings, state.best, report
