"""The training loop beside what it trains: batches in parts, devices and their settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from data.errors import ConfigError
from models.config import Schedule
from models.device import half_precision, loaders
from models.loop import Loop, Objective, parts_of

CPU = torch.device("cpu")


class Line(Objective):
    """A straight line through points; its device has room for so many points at once."""

    def __init__(self, room: int = 1000) -> None:
        rng = np.random.default_rng(0)
        self.x = rng.standard_normal((30, 2)).astype(np.float32)
        self.y = (self.x @ np.array([[2.0], [-1.0]], dtype=np.float32)) + 0.5
        self.size, self.room = 30, room

    def order(self, epoch: int, batch: int) -> np.ndarray:
        return np.random.default_rng(epoch).permutation(self.size)[: self.size // batch * batch]

    def batch(self, indices: np.ndarray, epoch: int, first: int) -> Any:
        return self.x[indices], self.y[indices]

    def loss(self, module: nn.Module, batch: Any, device: torch.device) -> torch.Tensor:
        x, y = (torch.from_numpy(array) for array in batch)
        if len(x) > self.room:
            raise torch.cuda.OutOfMemoryError("no room")
        return ((module(x) - y) ** 2).mean()

    def validate(self, module: nn.Module, device: torch.device) -> float:
        return float(self.loss(module, (self.x[: self.room], self.y[: self.room]), device))


def trained(tmp_path: Path, room: int) -> Loop:
    torch.manual_seed(0)
    schedule = Schedule(epochs=30, batch_size=10, learning_rate=0.1, weight_decay=0)
    loop = Loop(nn.Linear(2, 1), Line(room), schedule, seed=1)
    loop.run(tmp_path / f"{room}.checkpoint", "x")
    return loop


def test_a_batch_without_room_is_taken_in_parts_and_learns_the_same(tmp_path: Path) -> None:
    whole, parts = trained(tmp_path, 1000), trained(tmp_path, 4)
    assert (whole.pieces, parts.pieces) == (1, 4)
    assert torch.allclose(whole.module.weight, parts.module.weight, atol=1e-4)
    assert torch.allclose(whole.module.weight, torch.tensor([[2.0, -1.0]]), atol=0.05)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        trained(tmp_path, 0)


def test_parts_hold_every_example_once_by_its_share() -> None:
    batch = np.arange(10), np.arange(10) * 2
    found = list(parts_of(batch, 4))
    assert sum(share for share, _ in found) == pytest.approx(1)
    assert np.array_equal(np.concatenate([x for _, (x, _) in found]), batch[0])
    assert all(np.array_equal(y, 2 * x) for _, (x, y) in found)
    assert [len(x) for _, x in parts_of(np.arange(3), 8)] == [1, 1, 1]


def test_precision_and_loaders_are_found_and_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert half_precision(CPU) is None
    assert loaders(CPU) == 1
    assert 1 <= loaders(torch.device("cuda")) <= 8
    monkeypatch.setenv("CONSILIUM_PRECISION", "bf16")
    assert half_precision(CPU) is torch.bfloat16
    monkeypatch.setenv("CONSILIUM_LOADERS", "3")
    assert loaders(CPU) == 3
    for name, value in (("CONSILIUM_PRECISION", "8"), ("CONSILIUM_PRECISION", "16"), ("CONSILIUM_LOADERS", "0")):
        monkeypatch.setenv(name, value)
        with pytest.raises(ConfigError, match=value):
            half_precision(CPU) if "PRECISION" in name else loaders(CPU)
