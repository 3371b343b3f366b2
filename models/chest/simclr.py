"""Pretraining without labels: two changed views of a slab shall look alike, and unlike all others.

References
----------
Chen, Kornblith, Norouzi, Hinton: A simple framework for contrastive learning of visual representations (SimCLR),
ICML 2020, arXiv:2002.05709 (NT-Xent, equation 1; random crop, mirror, brightness and contrast).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.batches import held_out
from models.checkpoints import State
from models.chest.bags import Bags
from models.chest.runs import fingerprint
from models.chest.settings import ChestProfile
from models.chest.slices import as_input, shrunk
from models.config import Stage
from models.device import seeded
from models.images import augment
from models.loop import Loop, Objective, counted, stage_seed
from models.networks import pretrained
from models.networks.registry import architecture
from models.task import Progress, StageReport, silent

VALIDATION_SHARE = 0.1
"""Of the training patients, held out to see when pretraining is at its best."""


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """The normalised, temperature-scaled cross entropy of pairs of views (Chen et al., equation 1).

    Parameters
    ----------
    first, second:
        (B, D) projections; row i of both is the same slab.
    """
    both = nn.functional.normalize(torch.cat([first, second]).float(), dim=1)  # (2 B, D)
    likeness = both @ both.T / temperature
    likeness.fill_diagonal_(float("-inf"))
    partner = torch.arange(len(both), device=both.device).roll(len(first))
    return nn.functional.cross_entropy(likeness, partner)


class Projected(nn.Module):
    """A backbone (``features``), the mean over space, and a projection with one hidden layer."""

    def __init__(self, features: nn.Module, width: int, units: int) -> None:
        super().__init__()
        self.features = features
        self.projection = nn.Sequential(nn.Linear(width, width), nn.ReLU(inplace=True), nn.Linear(width, units))

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, units)."""
        projected: Tensor = self.projection(self.features(images).flatten(2).mean(dim=2))
        return projected


class Contrastive(Objective):
    """Pairs of views of slabs; no two slabs of a batch are of one study, as far as there are enough studies."""

    def __init__(self, bags: Bags, validation: Bags, stage: Stage, temperature: float, seed: int) -> None:
        self.bags, self.validation, self.stage, self.seed = bags, validation, stage, seed
        self.temperature = temperature
        self.size = len(bags) * bags.slabs

    def order(self, epoch: int, batch: int) -> NDArray[np.int64]:
        """Every slab once: one of each study in turn."""
        rng = np.random.default_rng([self.seed, epoch])
        slabs = np.stack([rng.permutation(self.bags.slabs) for _ in range(len(self.bags))])  # (n, slabs)
        rounds = [
            studies * self.bags.slabs + slabs[studies, number]
            for number in range(self.bags.slabs)
            for studies in [rng.permutation(len(self.bags))]
        ]
        whole = np.concatenate(rounds)
        return np.concatenate([whole, whole[: -len(whole) % batch]]) if len(whole) % batch else whole

    def batch(self, indices: NDArray[np.int64], epoch: int, first: int) -> NDArray[np.uint8]:
        """(2 B, 3, size, size): two views of each slab."""
        return self._views(self.bags, indices, (self.seed, epoch), first)

    def loss(self, module: nn.Module, batch: NDArray[np.uint8], device: torch.device) -> Tensor:
        """NT-Xent of the pairs."""
        first, second = module(as_input(batch, device)).chunk(2)
        return nt_xent(first, second, self.temperature)

    def validate(self, module: nn.Module, device: torch.device) -> float:
        """The mean loss over batches of held-out slabs with views that are always the same."""
        total = len(self.validation) * self.validation.slabs
        mixed = np.random.default_rng(self.seed).permutation(total)
        size = min(self.stage.batch_size, total)
        losses = [
            float(
                self.loss(module, self._views(self.validation, mixed[first : first + size], (0, 0), first), device)
            )
            for first in range(0, min(total - size + 1, 8 * size), size)
        ]
        return float(np.mean(losses))

    def _views(
        self, bags: Bags, indices: NDArray[np.int64], seeds: tuple[int, int], first: int
    ) -> NDArray[np.uint8]:
        """(2 B, 3, size, size): all first views, then all second ones."""
        size = self.stage.size_px[0]
        slabs = [shrunk(bags.study(int(i) // bags.slabs)[int(i) % bags.slabs], size) for i in indices]
        return np.stack(
            [
                augment(slab, self.stage.augment, np.random.default_rng([*seeds, first + offset, view]))
                for view in (0, 1)
                for offset, slab in enumerate(slabs)
            ]
        )


def pretrain(
    bags: Bags,
    profile: ChestProfile,
    *,
    scratch: Path,
    seed: int = 0,
    max_steps: int | None = None,
    progress: Progress = silent,
) -> tuple[dict[str, Tensor], StageReport]:
    """Pretrain the classifier's backbone on slabs without labels.

    Parameters
    ----------
    bags:
        Of training patients alone; a share of them is held out to choose the best epoch.

    Returns
    -------
    tuple
        The backbone's tensors, and the report of the stage.
    """
    stage = profile.stages["simclr"]
    network = stage.networks[0]
    apart = held_out(bags.patients, np.zeros(len(bags), dtype=np.int64), share=VALIDATION_SHARE, seed=seed)
    validation = bags.take(apart) if apart.any() else bags
    training = bags.take(~apart)
    own_seed = stage_seed(seed, "simclr")
    with seeded(own_seed):
        backbone = architecture(network).builder(3)
        module = Projected(backbone.module, backbone.width, profile.projection)
    detail = _first_weights(network, stage, backbone.module)
    objective = Contrastive(training, validation, stage, profile.contrastive_temperature, own_seed)
    told = counted(progress, "simclr", network, stage.epochs)
    loop = Loop(module, objective, stage, seed=own_seed, max_steps=max_steps, told=told)
    known = fingerprint(
        stage, [training, validation], own_seed, loop.steps,
        profile.contrastive_temperature, profile.projection, detail,
    )  # fmt: skip
    state = loop.run(scratch / f"simclr-{network}.checkpoint", known)
    prefix = "features."
    tensors = {name.removeprefix(prefix): t for name, t in state.best.items() if name.startswith(prefix)}
    return tensors, _report(network, stage, module, state, {**detail, "patients": len(set(training.patients))})


def _first_weights(network: str, stage: Stage, module: nn.Module) -> dict[str, Any]:
    """ImageNet's weights, where the stage asks for them and they are at hand."""
    file = pretrained.find(network, stage.weights)
    if file is None:
        note = {} if stage.weights == "none" else {"note": pretrained.missing_note(network)}
        return {"weights": "none", **note}
    pretrained.load_backbone(architecture(network), module, pretrained.read(file.path), file.path)
    return {"weights": file.path.name, "weights_sha256": file.sha256}


def _report(network: str, stage: Stage, module: nn.Module, state: State, detail: dict[str, Any]) -> StageReport:
    return StageReport(
        "simclr",
        network,
        sum(p.numel() for p in module.parameters()),
        (3, *stage.size_px),
        state.step,
        state.seconds,
        {
            **detail,
            "images": "Slabs of labelled studies of training patients, without their labels; unlabelled studies "
            "do not come into a training run.",
            "best_epoch": state.best_epoch,
            "curve": state.curve,
            "validation": {"loss": state.best_loss, "patients": "held-out training patients"},
        },
    )
