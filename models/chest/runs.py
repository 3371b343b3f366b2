"""What the stages of a training share: fingerprints and progress."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from models.chest.bags import Bags
from models.config import Stage
from models.task import Progress


def fingerprint(stage: Stage, bags: Sequence[Bags], *known: Any) -> str:
    """Of everything that the weights of a stage depend on; what is known beside it must be JSON."""
    digest = hashlib.sha256()
    whole = [stage.model_dump(mode="json"), [each.fingerprint for each in bags], known]
    digest.update(json.dumps(whole, sort_keys=True).encode())
    return digest.hexdigest()


def part(progress: Progress, low: float, high: float) -> Progress:
    """Progress of a part that runs from one share of the whole to another."""

    def told(share: float, words: str) -> None:
        progress(low + (high - low) * share, words)

    return told
