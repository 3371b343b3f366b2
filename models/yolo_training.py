"""Training of YOLO-seg by Ultralytics' own trainer, from files, repeatable, and without a word to anybody."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from data.errors import ConfigError, TrainingError
from models.adrenal_settings import SegmenterStage
from models.checkpoints import State, copy_weights, read_state, save_state
from models.device import SMALL, find_device, fitting_threads, half_precision
from models.networks import pretrained
from models.ultralytics_offline import library
from models.watching import watching
from models.yolo import SegmenterSettings, build_yolo
from models.yolo_following import Follower, Recipe, Told, tell

SMALL_PX = 192
"""Edge of a frame up to which one thread is faster than several that wait for one another at every layer."""


@dataclass(frozen=True)
class FittedSegmenter:
    """A trained network, and how it did.

    Parameters
    ----------
    curve:
        By epoch: the losses, and the validation metrics where they were taken.
    metrics:
        Of the kept weights on the validation frames, by Ultralytics' own validator: precision, recall, mAP50 and
        mAP50-95 of boxes and of masks.
    """

    settings: SegmenterSettings
    weights: dict[str, Tensor]
    parameters: int
    steps: int
    seconds: float
    curve: list[dict[str, float]]
    metrics: dict[str, float]
    start: dict[str, Any]


def fit_yolo(
    network: str,
    stage: SegmenterStage,
    description: Path,
    *,
    scratch: Path,
    seed: int = 0,
    max_steps: int | None = None,
    told: Told = lambda step, steps, words: None,
) -> FittedSegmenter:
    """Train one network on a data set in files. The same arguments give the same weights on a processor.

    A training in ``scratch`` is taken up: a finished one as it is, one that was cut off from its last whole epoch
    on, and it ends with the same weights as an unbroken one (see :mod:`models.yolo_state`).

    Parameters
    ----------
    description:
        What :func:`models.yolo_data.write_description` wrote.

    Raises
    ------
    ConfigError
        The weights file cannot be had.
    TrainingError
        The loss became infinite.
    """
    start, tensors = _start(network, stage.weights)
    fingerprint = _fingerprint(network, stage, description.parent, start, seed, max_steps)
    path = scratch / f"segmenter-{network}.checkpoint"
    state = read_state(path, fingerprint) or State()
    if not state.done:
        recipe = Recipe(network, stage, description, tensors, scratch, seed, max_steps)
        _train(recipe, state, lambda: save_state(path, fingerprint, state), told)
        save_state(path, fingerprint, state)
    else:
        tell(network, stage, state, steps=state.step, resumes=True)
    settings = SegmenterSettings(
        network=network, size_px=stage.size_px, confidence=stage.confidence, overlap=stage.overlap
    )
    with torch.random.fork_rng():
        parameters = sum(p.numel() for p in build_yolo(network).parameters())
    last = state.curve[max(0, state.best_epoch - 1)] if state.curve else {}
    metrics = {name: value for name, value in last.items() if name.startswith(("box_", "mask_"))}
    return FittedSegmenter(
        settings, state.best, parameters, state.step, state.seconds, state.curve, metrics, start
    )


def _start(network: str, weights: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What training starts from, for the report, and the tensors of the file where there is one."""
    if weights == "none":
        return {"weights": "none"}, {}
    path = Path(weights).expanduser()
    if weights == "coco":
        candidates = [pretrained.weights_folder() / f"{network}{suffix}" for suffix in (".safetensors", ".pt")]
        found = next((candidate for candidate in candidates if candidate.is_file()), None)
        if found is None:
            note = (
                f"No COCO weights of {network} are at hand: put {network}.pt (Ultralytics' release, AGPL-3.0) "
                f"into {pretrained.weights_folder()}, or name another folder by {pretrained.WEIGHTS_VARIABLE}. "
                "The network is trained from random weights instead."
            )
            return {"weights": "none", "note": note}, {}
        path = found
    file = pretrained.find(network, str(path))
    assert file is not None  # noqa: S101 - a path gives a file or an error
    tensors = pretrained.read(path) if path.suffix == ".safetensors" else _of_checkpoint(path)
    return {"weights": path.name, "weights_sha256": file.sha256}, tensors


def _of_checkpoint(path: Path) -> dict[str, Tensor]:
    """The tensors of one of Ultralytics' own files, of which only known classes are loaded."""
    library()
    from ultralytics.nn import tasks  # noqa: PLC0415

    reader: Any = tasks

    try:
        model, _ = reader.load_checkpoint(path)
    except Exception as error:  # the library raises whatever the file makes it raise
        raise ConfigError(
            "The weights file does not fit.",
            given=f"{path}: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            expected="a YOLO11-seg file of Ultralytics, or its tensors as .safetensors",
            do="put the right file there, or set the stage's `weights` to none",
        ) from error
    return copy_weights(model)


def _train(recipe: Recipe, state: State, save: Callable[[], None], told: Told) -> None:
    """Train to the end from where the state says."""
    small = 0 if max(recipe.stage.size_px) <= SMALL_PX else SMALL
    with _global_seeds(), fitting_threads(small, find_device()):
        trainer = _trainer(recipe)
        for event, react in Follower(recipe, state, save, told).callbacks().items():
            trainer.add_callback(event, react)
        try:
            trainer.train()
        except RuntimeError as error:
            if "NaN" not in str(error):
                raise
            raise TrainingError(
                f"The training of {recipe.network} went astray.",
                given=str(error),
                expected="a finite loss",
                do="lower the segmenter's learning_rate",
            ) from error
        finally:
            shutil.rmtree(trainer.save_dir, ignore_errors=True)
    state.done = True
    if journal := watching():
        journal.ended()


def _trainer(recipe: Recipe) -> Any:
    """Ultralytics' trainer of segmentation, told to keep its hands off everything but ``scratch``."""
    library()
    from ultralytics.models.yolo.segment import SegmentationTrainer  # noqa: PLC0415

    class Trainer(SegmentationTrainer):
        """Its trainer, with weights as plain tensors, dropout before the head, and no files of its own."""

        def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> nn.Module:
            model: Any = super().get_model(cfg, None, verbose=False)
            own = model.state_dict()
            fitting = {k: v for k, v in recipe.tensors.items() if k in own and v.shape == own[k].shape}
            model.load_state_dict(fitting, strict=False)
            if recipe.stage.dropout:
                model.model[-1].register_forward_pre_hook(_Dropout(recipe.stage.dropout))
            built: nn.Module = model
            return built

        def save_model(self) -> bool:
            return False

        def save_metrics(self, metrics: Any) -> None:
            return None

        def final_eval(self) -> None:
            return None

    return Trainer(overrides=_overrides(recipe))


class _Dropout:
    """Leaves whole feature maps out before the head, in training alone (Tompson et al. 2015, arXiv:1411.4280)."""

    def __init__(self, share: float) -> None:
        self.share = share

    def __call__(self, module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        maps = [nn.functional.dropout2d(part, self.share, module.training) for part in inputs[0]]
        return (maps, *inputs[1:])


def _overrides(recipe: Recipe) -> dict[str, Any]:
    """The settings of Ultralytics: what alters laterality, reports or draws is off."""
    network, stage, device = recipe.network, recipe.stage, find_device()
    half = device.type == "cuda" and half_precision(device) is torch.bfloat16
    changes = stage.augment
    return {
        "model": f"{network}.yaml", "data": str(recipe.description), "task": "segment", "pretrained": False,
        "epochs": stage.epochs, "batch": recipe.batch_size, "nbs": stage.batch_size,
        "imgsz": max(stage.size_px), "rect": True, "device": str(device), "workers": 0,
        "amp": "bf16" if half else False, "seed": recipe.seed, "deterministic": True,
        "optimizer": "AdamW", "lr0": stage.learning_rate, "lrf": 0.01, "cos_lr": True,
        "momentum": 0.9, "weight_decay": stage.weight_decay,
        "warmup_epochs": min(1.0, stage.epochs / 4), "warmup_bias_lr": 0.0, "patience": stage.patience,
        "val": stage.validate_epochs, "save": False, "plots": False, "verbose": False, "cache": False,
        "project": str(recipe.scratch.resolve()), "name": f"ultralytics-{network}", "exist_ok": True,
        "mosaic": 0.0, "mixup": 0.0, "cutmix": 0.0, "copy_paste": 0.0, "erasing": 0.0, "close_mosaic": 0,
        "auto_augment": None, "fliplr": 0.5 * changes.flip_horizontal, "flipud": 0.5 * changes.flip_vertical,
        "degrees": changes.rotate_deg, "translate": 0.05, "scale": stage.scale, "shear": 0.0, "perspective": 0.0,
        "hsv_h": 0.0, "hsv_s": 0.0, "hsv_v": changes.brightness, "bgr": 0.0,
        "mask_ratio": stage.mask_ratio, "overlap_mask": True, "single_cls": False,
    }  # fmt: skip


@contextmanager
def _global_seeds() -> Iterator[None]:
    """Leave the generators that Ultralytics seeds as they were."""
    before = random.getstate(), np.random.get_state()  # noqa: NPY002 - the library draws from it
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])  # noqa: NPY002 - the library draws from it


def _fingerprint(
    network: str,
    stage: SegmenterStage,
    folder: Path,
    start: Mapping[str, Any],
    seed: int,
    max_steps: int | None,
) -> str:
    """Of everything that the weights depend on."""
    digest = hashlib.sha256(f"{network} {stage.model_dump_json()} {start} {seed} {max_steps}".encode())
    for path in sorted([*folder.glob("images/*/*.png"), *folder.glob("labels/*/*.txt")]):
        digest.update(str(path.relative_to(folder)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
