"""What a killed training is taken up from: one file a network, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor


@dataclass
class State:
    """How far the training of one network is.

    Parameters
    ----------
    epoch, step:
        Epochs and optimiser steps that are done.
    best_loss, best_epoch, best:
        The lowest validation loss, when it was reached, and the weights of then.
    weights, optimiser:
        As they are now.
    curve:
        By epoch: training and validation loss.
    seconds:
        Wall time so far.
    done:
        Whether the training is over.
    beside:
        What else a loop that is not ours goes on from.
    """

    epoch: int = 0
    step: int = 0
    best_loss: float = float("inf")
    best_epoch: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)
    weights: dict[str, Tensor] = field(default_factory=dict)
    optimiser: dict[str, Any] = field(default_factory=dict)
    curve: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    done: bool = False
    beside: dict[str, Any] = field(default_factory=dict)


def copy_weights(module: torch.nn.Module) -> dict[str, Tensor]:
    """A module's tensors, copied to the processor's memory in their plain layout."""
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in module.state_dict().items()
    }


def save_state(path: Path, fingerprint: str, state: State) -> None:
    """Write a checkpoint beside its place, and move it there.

    Parameters
    ----------
    fingerprint:
        Of everything that the training depends on.
    """
    content: dict[str, Any] = {f.name: getattr(state, f.name) for f in fields(state)}
    if state.done:
        content |= {"weights": {}, "optimiser": {}, "beside": {}}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as stream:
            torch.save({"fingerprint": fingerprint, **content}, stream)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def read_state(path: Path, fingerprint: str) -> State | None:
    """The state of an interrupted run; None where there is none, or it belongs to another training."""
    try:
        content: Mapping[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, UnpicklingError):
        return None
    if not isinstance(content, dict) or content.get("fingerprint") != fingerprint:
        return None
    return State(**{f.name: content[f.name] for f in fields(State) if f.name in content})
