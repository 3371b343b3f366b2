"""Classifiers of slabs that learn from labels of whole studies.

Nobody says which slab shows the pathology. So the network's answers for all slabs of a study are joined as they
are at work, by a soft maximum, and that is compared with the label: slabs that do not show it are hardly taught
to. A hard maximum would give a gradient to a slab or two, and from few studies it hardly starts to learn.

References
----------
Ilse, Tomczak, Welling: Attention-based deep multiple instance learning, ICML 2018, arXiv:1802.04712 (bags of
instances with one label).
Pinheiro, Collobert: From image-level to pixel-level labeling with convolutional networks, CVPR 2015,
arXiv:1411.6228 (the soft maximum).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.batches import balanced_order
from models.calibration import fit_temperature
from models.checkpoints import State
from models.chest.bags import Bags
from models.chest.runs import fingerprint
from models.chest.settings import ChestProfile
from models.chest.slices import GREY_MEAN, GREY_STD, as_input, shrunk, soft_maximum
from models.classifier import Classifier, ClassifierSettings, build_network
from models.config import Augment, Stage
from models.device import mixed_precision, seeded
from models.images import draw_change
from models.loop import Loop, Objective, counted, stage_seed
from models.networks.registry import Network
from models.task import Progress, StageReport, silent

VIEWS = ((False, 0.0), (True, 0.0), (False, 0.05), (True, 0.05))
"""Views at test time: whether mirrored, and the share of each side that is cut away."""


class SlabClassifier(Classifier):
    """A trained classifier of slabs: (B, 3, size, size) of uint8, at the size of its settings or larger."""

    @classmethod
    def restore(cls, settings: Mapping[str, Any], weights: Mapping[str, Tensor]) -> SlabClassifier:
        """As :meth:`models.classifier.Classifier.restore`."""
        return cast("SlabClassifier", super().restore(settings, weights))

    def tensor(self, images: NDArray[np.uint8]) -> Tensor:
        """Slabs as the input on the device."""
        return as_input(shrunk(images, self.settings.size_px[0]), self.device)

    def slab_logits(self, images: NDArray[np.uint8], views: int = 1) -> NDArray[np.float64]:
        """(B, outputs) logits of slabs, averaged over views."""
        found = []
        for mirrored, cut in VIEWS[:views]:
            with torch.inference_mode(), mixed_precision(self.device):
                found.append(self.network(self.tensor(viewed(images, mirrored, cut))).float().cpu().numpy())
        mean: NDArray[np.float64] = np.mean(found, axis=0, dtype=np.float64)
        return mean


def viewed(images: NDArray[np.uint8], mirrored: bool, cut: float) -> NDArray[np.uint8]:
    """Slabs (B, 3, rows, columns) mirrored, or with a share of each side cut away."""
    if mirrored:
        images = images[..., ::-1]
    margin = round(images.shape[-1] * cut)
    return (
        images[..., margin : images.shape[-1] - margin, margin : images.shape[-1] - margin] if margin else images
    )


class _Named(nn.Module):
    """A network and, for its training alone, a second head on its backbone."""

    def __init__(self, network: Network, beside: nn.Module) -> None:
        super().__init__()
        self.network, self.beside = network, beside

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, outputs of both heads)."""
        features = self.network.features(images)
        return torch.cat([self.network.head(features), self.beside(features)], dim=1)


class _Bagged(Objective):
    """Studies as bags of slabs, each option equally often.

    ``names``: (n,) index of the pathology for the second head, -1 where it is not known; None without one.
    """

    def __init__(
        self, settings: ClassifierSettings, stage: Stage, bags: tuple[Bags, Bags],
        targets: tuple[NDArray[np.int64], NDArray[np.int64]], names: NDArray[np.int64] | None,
        sharpness: float, drawn: int, seed: int,
    ) -> None:  # fmt: skip
        unknown = np.full(len(targets[0]), -1, dtype=np.int64)
        self.names = unknown if names is None else names
        self.settings, self.stage, self.seed = settings, stage, seed
        self.bags, self.validation = bags
        self.targets, self.validation_targets = targets
        self.sharpness = sharpness
        self.drawn = min(drawn or self.bags.slabs, self.bags.slabs)
        self.size = len(self.bags)

    def order(self, epoch: int, batch: int) -> NDArray[np.int64]:
        return balanced_order(self.targets, batch, np.random.default_rng([self.seed, epoch]))

    def batch(self, indices: NDArray[np.int64], epoch: int, first: int) -> tuple[NDArray[Any], ...]:
        """(B, drawn, 3, size, size), each study changed in one way, (B,) targets, and (B,) names."""
        found = []
        for offset, index in enumerate(indices):
            rng = np.random.default_rng([self.seed, epoch, first + offset])
            slabs = self.bags.study(int(index))
            if self.drawn < len(slabs):
                slabs = slabs[np.sort(rng.permutation(len(slabs))[: self.drawn])]
            flat = np.ascontiguousarray(shrunk(slabs, self.stage.size_px[0])).reshape(-1, *self.stage.size_px)
            changed = _changed(flat, self.stage.augment, rng)
            found.append(changed.reshape(-1, 3, *self.stage.size_px))
        return np.stack(found), self.targets[indices], self.names[indices]

    def loss(self, module: nn.Module, batch: tuple[NDArray[Any], ...], device: torch.device) -> Tensor:
        images, targets, names = batch
        slabs = module(as_input(images.reshape(-1, *images.shape[2:]), device)).float()
        bags = slabs.view(len(images), -1, slabs.shape[-1])  # (B, slabs, outputs)
        study = (torch.logsumexp(self.sharpness * bags, dim=1) - math.log(bags.shape[1])) / self.sharpness
        wanted = torch.from_numpy(targets).to(device)
        own, beside = study[:, : self.settings.outputs], study[:, self.settings.outputs :]
        known = torch.from_numpy(names).to(device)
        if self.settings.outputs == 1:
            loss = nn.functional.binary_cross_entropy_with_logits(own[:, 0], wanted.float())
        else:
            loss = nn.functional.cross_entropy(own, wanted)
        if beside.shape[1] and bool((known >= 0).any()):
            named = nn.functional.cross_entropy(beside, known, ignore_index=-1, reduction="sum")
            loss = loss + named / len(known)
        return loss

    def validate(self, module: nn.Module, device: torch.device) -> float:
        """The loss of the validation studies at the temperature that would fit them best."""
        logits = full(self.outputs(module, device))
        logits = logits / fit_temperature(logits, self.validation_targets)
        return float(
            nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(self.validation_targets))
        )

    def outputs(self, module: nn.Module, device: torch.device) -> NDArray[np.float64]:
        """(studies, outputs) logits of the validation studies."""
        found = []
        for index in range(len(self.validation)):
            slabs = shrunk(np.asarray(self.validation.study(index)), self.stage.size_px[0])
            logits = module(as_input(slabs, device))[:, : self.settings.outputs].float().cpu().numpy()
            found.append(soft_maximum(logits.astype(np.float64), self.sharpness))
        return np.stack(found)


def _changed(flat: NDArray[np.uint8], changes: Augment, rng: np.random.Generator) -> NDArray[np.uint8]:
    """All slabs of a study, (n, rows, columns), changed alike."""
    return draw_change((flat.shape[-2], flat.shape[-1]), changes, rng).image(flat)


def full(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, classes) of (n, outputs): a single logit z of two options becomes (0, z)."""
    return np.concatenate([np.zeros_like(logits), logits], axis=1) if logits.shape[1] == 1 else logits


@dataclass(frozen=True)
class WeakFit:
    """A network trained on bags, before its calibration; ``logits``: (studies, outputs) of validation studies."""

    settings: ClassifierSettings
    weights: dict[str, Tensor]
    report: StageReport
    logits: NDArray[np.float64]


def fit_weakly(
    name: str,
    network: str,
    profile: ChestProfile,
    options: tuple[str, ...],
    training: tuple[Bags, NDArray[np.int64]],
    validation: tuple[Bags, NDArray[np.int64]],
    *,
    backbone: Mapping[str, Tensor] | None = None,
    names: tuple[NDArray[np.int64], int] | None = None,
    views: int = 1,
    scratch: Path,
    seed: int = 0,
    max_steps: int | None = None,
    progress: Progress = silent,
) -> WeakFit:
    """Train one network on studies.

    Parameters
    ----------
    name:
        Of the stage.
    options:
        In the order of the targets.
    training, validation:
        Bags, and (n,) index of the right option.
    backbone:
        Tensors to start the backbone with; None for random ones.
    names:
        (n,) index of the pathology of each training study, -1 where it is not known, and how many there are: what
        the network is taught beside, in training alone.
    views:
        Over which the validation logits are averaged.
    """
    stage = profile.stages[name]
    settings = ClassifierSettings(
        network=network, options=options, size_px=stage.size_px, channels=3, mean=(GREY_MEAN,), std=(GREY_STD,),
        hidden=stage.hidden, dropout=stage.dropout,
    )  # fmt: skip
    own_seed = stage_seed(seed, f"{name}:{network}")
    with seeded(own_seed):
        built: Network = build_network(settings)
        beside = _second_head(settings, names[1]) if names else None
    if backbone is not None:
        built.features.load_state_dict(dict(backbone))
    module: nn.Module = built if beside is None else _Named(built, beside)
    pair, targets = (training[0], validation[0]), (training[1], validation[1])
    known_names = names[0] if names else None
    objective = _Bagged(settings, stage, pair, targets, known_names, profile.sharpness, profile.drawn, own_seed)
    loop = Loop(
        module, objective, stage, seed=own_seed, max_steps=max_steps,
        told=counted(progress, name, network, stage.epochs),
    )  # fmt: skip
    first = {k: float(v.double().sum()) for k, v in module.state_dict().items()}
    known = fingerprint(
        stage, pair, settings.model_dump(mode="json"), profile.sharpness, profile.drawn, own_seed, loop.steps,
        [t.tolist() for t in targets], None if known_names is None else known_names.tolist(), first,
    )  # fmt: skip
    state = loop.run(scratch / f"{name}-{network}.checkpoint", known)
    classifier = SlabClassifier(settings, built)
    logits = np.stack(
        [
            soft_maximum(classifier.slab_logits(validation[0].study(i), views), profile.sharpness)
            for i in range(len(validation[0]))
        ]
    )
    weights = {k: v for k, v in state.best.items() if not k.startswith("beside.")}
    weights = {k.removeprefix("network."): v for k, v in weights.items()}
    return WeakFit(settings, weights, _report(name, settings, built, state), logits)


def _second_head(settings: ClassifierSettings, count: int) -> nn.Module:
    own = {"options": tuple(str(number) for number in range(count)), "exclusive": False}  # an output each
    return build_network(settings.model_copy(update=own)).head


def _report(name: str, settings: ClassifierSettings, module: nn.Module, state: State) -> StageReport:
    return StageReport(
        name,
        settings.network,
        sum(p.numel() for p in module.parameters()),
        (3, *settings.size_px),
        state.step,
        state.seconds,
        {"best_epoch": state.best_epoch, "curve": state.curve},
    )
