"""What the stages of a training share: seeds, fingerprints and progress."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from models.chest.bags import Bags
from models.config import Stage
from models.task import Progress


def stage_seed(seed: int, name: str) -> int:
    """A seed of its own for a stage."""
    return int(np.random.SeedSequence([seed, *name.encode()]).generate_state(1)[0])


def fingerprint(stage: Stage, bags: Sequence[Bags], *known: Any) -> str:
    """Of everything that the weights of a stage depend on; what is known beside it must be JSON."""
    digest = hashlib.sha256()
    whole = [stage.model_dump(mode="json"), [each.fingerprint for each in bags], known]
    digest.update(json.dumps(whole, sort_keys=True).encode())
    return digest.hexdigest()


def started(progress: Progress, name: str, network: str, epochs: int) -> Callable[[int, int, int], None]:
    """What a loop tells of its steps, as progress of a stage."""

    def told(step: int, steps: int, epoch: int) -> None:
        progress(min(1.0, step / steps), f"{name}: {network}, epoch {epoch + 1} of {epochs}")

    return told


def part(progress: Progress, low: float, high: float) -> Progress:
    """Progress of a part that runs from one share of the whole to another."""

    def told(share: float, words: str) -> None:
        progress(low + (high - low) * share, words)

    return told
