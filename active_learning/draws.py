"""Draws that can be repeated: by a hash of what is drawn, in no order of its own."""

from __future__ import annotations

import hashlib


def number(seed: int, purpose: str, name: str) -> int:
    """A number that looks drawn at random, the same for the same seed, purpose and name."""
    return int.from_bytes(hashlib.sha256(f"{seed}\0{purpose}\0{name}".encode()).digest()[:8], "big")
