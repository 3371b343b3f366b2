"""Which device the networks run on, and how they run there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from data.errors import ConfigError

if TYPE_CHECKING:
    import torch

DEVICE_VARIABLE = "CONSILIUM_DEVICE"
PRECISION_VARIABLE = "CONSILIUM_PRECISION"
LAYOUT_VARIABLE = "CONSILIUM_CHANNELS_LAST"
LOADERS_VARIABLE = "CONSILIUM_LOADERS"
PRECISIONS = ("auto", "32", "bf16", "16")
MOST_LOADERS = 8
SMALL = 2_000_000
"""Parameters below which a network counts as small."""


def find_device() -> torch.device:
    """The device to compute on: what ``CONSILIUM_DEVICE`` names, else the first CUDA device, else the processor.

    Raises
    ------
    ConfigError
        A device is named that is not there.
    """
    import torch  # noqa: PLC0415

    named = os.environ.get(DEVICE_VARIABLE, "")
    if not named:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(named)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            "The device to compute on is not there.",
            given=named,
            expected="cpu, cuda or cuda:<number>",
            do=f"unset {DEVICE_VARIABLE} to let it be found",
        ) from error
    return device


def half_precision(device: torch.device) -> torch.dtype | None:
    """The short number format for mixed precision on a device; None where it computes in 32 bits.

    ``CONSILIUM_PRECISION`` chooses between ``32``, ``bf16`` and ``16``. By itself a CUDA device takes bfloat16
    where it has it and else float16, and a processor computes exactly.

    Raises
    ------
    ConfigError
        Another precision is named, or 16 on a processor, which has no scaled training.
    """
    import torch  # noqa: PLC0415

    named = os.environ.get(PRECISION_VARIABLE, "auto") or "auto"
    if named not in PRECISIONS or (named == "16" and device.type != "cuda"):
        raise ConfigError(
            "The precision to compute in cannot be.",
            given=f"{named} on {device.type}",
            expected=f"one of {', '.join(PRECISIONS)}; 16 on a CUDA device alone",
            do=f"unset {PRECISION_VARIABLE} to let it be found",
        )
    if named == "32" or (named == "auto" and device.type != "cuda"):
        return None
    if named == "auto":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if named == "bf16" else torch.float16


def loaders(device: torch.device) -> int:
    """Threads that prepare batches ahead of a network: ``CONSILIUM_LOADERS``, else by device and cores.

    Raises
    ------
    ConfigError
        That is no number from 1.
    """
    named = os.environ.get(LOADERS_VARIABLE, "")
    if named and not (named.isdecimal() and int(named) > 0):
        raise ConfigError("That is no number of loaders.", given=named, expected="a whole number from 1")
    if named:
        return int(named)
    return max(1, min(MOST_LOADERS, (os.cpu_count() or 1) - 1)) if device.type == "cuda" else 1


@contextmanager
def mixed_precision(device: torch.device) -> Iterator[None]:
    """Compute in mixed precision on a CUDA device, in 32 bits elsewhere."""
    import torch  # noqa: PLC0415

    dtype = half_precision(device)
    if dtype is None:
        yield
        return
    with torch.autocast(device.type, dtype=dtype):
        yield


@contextmanager
def seeded(*seeds: int) -> Iterator[None]:
    """Draw torch's random numbers from these seeds, and leave the caller's generator as it was."""
    import numpy as np  # noqa: PLC0415
    import torch  # noqa: PLC0415

    with torch.random.fork_rng():
        torch.manual_seed(int(np.random.SeedSequence(list(seeds)).generate_state(1)[0]))
        yield


@contextmanager
def fitting_threads(parameters: int, device: torch.device) -> Iterator[None]:
    """Train a small network on a processor with one thread: its layers are too short to share.

    Threads that wait for one another at every layer cost more than they save, several times over where other
    programs want the same cores; and the weights do not depend on how many cores there are.
    """
    import torch  # noqa: PLC0415

    before = torch.get_num_threads()
    if device.type == "cpu" and parameters < SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def place(module: Any, device: torch.device) -> Any:
    """A module on a device, with the channels last where its convolutions are two-dimensional.

    ``CONSILIUM_CHANNELS_LAST=0`` leaves the channels first.
    """
    import torch  # noqa: PLC0415

    flat = not any(isinstance(part, torch.nn.Conv3d) for part in module.modules())
    if flat and os.environ.get(LAYOUT_VARIABLE, "1") != "0":
        return module.to(device, memory_format=torch.channels_last)
    return module.to(device)
