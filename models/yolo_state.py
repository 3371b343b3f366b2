"""Where a training by Ultralytics' own trainer stands after a whole epoch, and how it is taken up from there.

The library's own ``last.pt`` is no such place: it keeps the averaged weights alone, in half precision, the
optimiser's state in half precision, and no state of what draws at random, so that a training that goes on from it
ends elsewhere than an unbroken one. What is kept here is the whole of it, in full precision.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch

from models.checkpoints import State, copy_weights


def can_go_on(trainer: Any) -> bool:
    """Whether the ends of epochs are places to go on from, as a trainer is set up.

    They are none where a step is gathered from several batches, since it may span two epochs.
    """
    return bool(trainer.accumulate == 1)


def note(trainer: Any, state: State) -> None:
    """Note where a trainer stands, an epoch having ended."""
    state.weights, state.optimiser = copy_weights(trainer.model), trainer.optimizer.state_dict()
    stopper, best = trainer.stopper, trainer.best_fitness
    state.beside = {
        "averaged": copy_weights(trainer.ema.ema),
        "averaged_updates": int(trainer.ema.updates),
        "best_fitness": None if best is None else float(best),
        "stopper": [float(stopper.best_fitness), int(stopper.best_epoch), bool(stopper.possible_stop)],
        "draws": _draws(trainer),
    }


def put_back(trainer: Any, state: State) -> None:
    """Bring a trainer that is set up to where another stood; what draws follows when its epoch begins."""
    trainer.model.load_state_dict(state.weights)
    groups = zip(state.optimiser["param_groups"], trainer.optimizer.param_groups, strict=True)
    known = {**state.optimiser, "param_groups": [{**kept, "fused": own.get("fused")} for kept, own in groups]}
    trainer.optimizer.load_state_dict(known)
    beside = state.beside
    trainer.ema.ema.load_state_dict(beside["averaged"])
    trainer.ema.updates = beside["averaged_updates"]
    trainer.best_fitness = beside["best_fitness"]
    stopper = trainer.stopper
    stopper.best_fitness, stopper.best_epoch, stopper.possible_stop = beside["stopper"]
    trainer.start_epoch = state.epoch
    trainer.scheduler.last_epoch = state.epoch - 1


def put_back_draws(trainer: Any, state: State) -> None:
    """Let the next epoch draw what it would have drawn."""
    draws, loader = state.beside["draws"], trainer.train_loader
    trainer.start_epoch = 0  # the epoch is chosen by now; the first one is dealt with otherwise by the library
    loader.iterator = loader._get_iterator()
    loader.generator.set_state(draws["loader"])
    version, words, gauss = draws["python"]
    random.setstate((version, tuple(words), gauss))
    name, keys, *rest = draws["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002 - the library draws from it
    torch.set_rng_state(draws["torch"])
    if "cuda" in draws and trainer.device.type == "cuda":
        torch.cuda.set_rng_state(draws["cuda"], trainer.device)


def _draws(trainer: Any) -> dict[str, Any]:
    """The states of all that draws at random."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002 - the library draws from it
    found = {
        "python": random.getstate(),
        "numpy": (name, torch.from_numpy(np.asarray(keys, dtype=np.int64)), *rest),
        "torch": torch.get_rng_state(),
        "loader": trainer.train_loader.generator.get_state(),
    }
    if trainer.device.type == "cuda":
        found["cuda"] = torch.cuda.get_rng_state(trainer.device)
    return found
