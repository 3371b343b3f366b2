"""Slices into volumes: order, spacing, affine, and what makes no volume."""

from __future__ import annotations

import math

import numpy as np
import pytest

from data.ingest.volumes import arrange, group_key, normal, valid_orientation

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SPACING = (0.5, 0.75)


def differ(_one: int, _other: int) -> bool:
    return False


def at(heights: list[float]) -> list[tuple[float, float, float]]:
    return [(1.0, 2.0, height) for height in heights]


def test_order_is_by_position_whatever_the_numbers_say() -> None:
    found = arrange(at([4, 0, 2]), [1, 2, 3], orientation=AXIAL, spacing_mm=SPACING, same=differ)
    assert found.order == (1, 2, 0)
    assert found.spacing_mm == (2.0, 0.5, 0.75)
    assert found.reason == ""
    affine = np.array(found.affine).reshape(4, 4)
    assert np.allclose(affine @ (1, 2, 3, 1), (1 + 3 * 0.75, 2 + 2 * 0.5, 2, 1))


def test_oblique_positions() -> None:
    turn = math.radians(30)
    oblique = (1.0, 0.0, 0.0, 0.0, math.cos(turn), -math.sin(turn))
    direction = normal(oblique)
    positions = [tuple(float(v) for v in np.array([5.0, 6.0, 7.0]) + k * 3.3 * direction) for k in (2, 0, 1, 3)]
    found = arrange(positions, [0] * 4, orientation=oblique, spacing_mm=SPACING, same=differ)  # type: ignore[arg-type]
    assert found.order == (1, 2, 0, 3)
    affine = np.array(found.affine).reshape(4, 4)
    assert np.allclose(affine[:3, 0], 3.3 * direction)
    assert np.allclose(affine[:3, 1], 0.5 * np.array(oblique[3:]))
    assert np.linalg.det(affine[:3, :3]) < 0


@pytest.mark.parametrize(
    ("positions", "words"),
    [
        (at([0, 2, 4, 8, 10]), "Slices are missing: 1 gaps, the largest 4.00 mm where 2.00 mm"),
        (at([0, 2, 4.4, 6, 8]), "unevenly spaced"),
        ([(0, 0.5 * k, 2.0 * k) for k in range(5)], "gantry was tilted"),
        ([(0, 0, 0), (0, 0, 2), (0, 9, 4), (0, 0, 6)], "do not lie in line"),
        ([(0, 0, 0), None, (0, 0, 4)], "no position"),
    ],
)
def test_what_makes_no_volume_keeps_every_slice(
    positions: list[tuple[float, float, float] | None], words: str
) -> None:
    numbers = list(range(len(positions)))
    found = arrange(positions, numbers, orientation=AXIAL, spacing_mm=SPACING, same=differ)
    assert words in found.reason
    assert found.affine is None
    assert sorted(found.order) == numbers


def test_rounded_positions_are_still_even() -> None:
    heights = [round(0.625 * k, 1) for k in range(100)]
    found = arrange(at(heights), [0] * 100, orientation=AXIAL, spacing_mm=SPACING, same=differ)
    assert found.affine is not None
    assert found.spacing_mm is not None
    assert found.spacing_mm[0] == pytest.approx(0.625, abs=1e-3)


def test_copies_are_dropped_and_clashes_are_told() -> None:
    positions = at([0, 2, 2, 4])
    copies = arrange(
        positions, [1, 2, 3, 4], orientation=AXIAL, spacing_mm=SPACING, same=lambda a, b: {a, b} == {1, 2}
    )
    assert (copies.order, copies.dropped) == ((0, 1, 3), (2,))
    assert copies.affine is not None
    clash = arrange(positions, [1, 2, 3, 4], orientation=AXIAL, spacing_mm=SPACING, same=differ)
    assert clash.order == (0, 1, 2, 3)
    assert "1 slices share their position" in clash.reason


def test_one_slice_is_an_image() -> None:
    found = arrange(at([3]), [1], orientation=AXIAL, spacing_mm=SPACING, same=differ)
    assert (found.affine, found.spacing_mm, found.reason) == (None, SPACING, "")


def test_groups_part_by_geometry_and_type() -> None:
    def key(**changed: object) -> str:
        plain = {
            "series_uid": "1",
            "orientation": AXIAL,
            "shape": (4, 4),
            "spacing_mm": SPACING,
            "image_type": "A",
        }
        return group_key(**(plain | changed))  # type: ignore[arg-type]

    assert key() == key(orientation=(1.0, 1e-5, 0.0, -1e-5, 1.0, 0.0))
    others = [
        key(series_uid="2"), key(shape=(4, 5)), key(spacing_mm=(0.5, 0.5)), key(image_type="LOCALIZER"),
        key(orientation=(1.0, 0.0, 0.0, 0.0, 0.98, 0.199)), key(rest=("echo 2",)),
    ]  # fmt: skip
    assert len({key(), *others}) == 7


def test_orientations_that_are_none() -> None:
    assert valid_orientation(AXIAL)
    assert not valid_orientation((0.0,) * 6)
    assert not valid_orientation((1.0, 0, 0, 1.0, 0, 0))
    assert not valid_orientation(None)
