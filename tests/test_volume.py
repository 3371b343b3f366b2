"""Volumes with geometry, and pixels read back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from data.blobs import Blobs
from data.errors import BlobError, GeometryError
from data.home import Home
from data.pixels import Pixels, apply_window, robust_window, to_grey
from data.records import Layout, Series
from data.volume import Volume

AXIAL = np.array([[0, 0, 0.7, -100], [0, 0.8, 0, -120], [2.5, 0, 0, 40], [0, 0, 0, 1]], dtype=np.float64)


def test_an_axial_volume() -> None:
    volume = Volume(np.zeros((4, 5, 6), np.int16), AXIAL)
    assert volume.spacing_mm == pytest.approx((2.5, 0.8, 0.7))
    assert volume.orientation == ("H", "P", "L")
    assert volume.voxel_mm3 == pytest.approx(1.4)
    assert np.allclose(volume.to_physical(np.array([2, 1, 3])), (-97.9, -119.2, 45))
    points = np.array([[-97.9, -119.2, 45], [0, 0, 0]])
    assert np.allclose(volume.to_physical(volume.to_index(points)), points)
    assert np.allclose(volume.ras_affine @ (0, 0, 0, 1), (100, 120, 40, 1))


@pytest.mark.parametrize("flips", list(itertools.product((1, -1), repeat=3)))
@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
def test_canonical_moves_no_voxel(axes: tuple[int, ...], flips: tuple[int, ...]) -> None:
    affine = np.eye(4)
    turn = np.array([[1, 0.05, 0], [-0.05, 1, 0.02], [0, -0.02, 1]])
    affine[:3, :3] = (turn * flips * (1.5, 2.0, 3.0))[:, list(axes)]
    affine[:3, 3] = (7, 8, 9)
    volume = Volume(np.arange(24).reshape(2, 3, 4), affine)
    canonical = volume.canonical()
    assert canonical.orientation == ("H", "P", "L")
    assert sorted(canonical.spacing_mm) == pytest.approx(sorted(volume.spacing_mm))
    for index in np.ndindex(canonical.array.shape):
        source = volume.to_index(canonical.to_physical(np.array(index)))
        assert volume.array[tuple(np.rint(source).astype(int))] == canonical.array[index]


def test_a_sagittal_volume_runs_right_feet_back() -> None:
    affine = np.array([[-3, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]], dtype=np.float64)
    assert Volume(np.zeros((2, 3, 4)), affine).orientation == ("R", "F", "P")


def test_no_volume() -> None:
    with pytest.raises(GeometryError):
        Volume(np.zeros((4, 5)), AXIAL)
    with pytest.raises(GeometryError):
        Volume(np.zeros((4, 5, 6)), np.zeros((4, 4)))


def series(pixels: Pixels, array: np.ndarray, layout: Layout, **fields: object) -> Series:
    return Series("se-1", "st-1", "CT", layout, array.shape, pixels.blobs.put_array(array), **fields)  # type: ignore[arg-type]


@pytest.fixture
def pixels(home: Home) -> Pixels:
    return Pixels(Blobs.of(home))


def test_pages_and_volume(pixels: Pixels) -> None:
    array = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
    kept = series(pixels, array, Layout.VOLUME, affine=tuple(AXIAL.ravel()), spacing_mm=(2.5, 0.8, 0.7))
    assert np.array_equal(pixels.array(kept), array)
    assert pixels.pages(kept) == 4
    assert pixels.page_shape(kept) == (5, 6)
    assert pixels.page_spacing_mm(kept) == (0.8, 0.7)
    assert np.array_equal(pixels.page(kept, 2), array[2])
    assert pixels.volume(kept).orientation == ("H", "P", "L")
    assert pixels.page_orientation(kept) == "L\\P"
    with pytest.raises(GeometryError, match="0 to 3"):
        pixels.page(kept, 4)
    frames = series(pixels, array, Layout.FRAMES, attributes={"geometry": "Slices are missing."})
    assert pixels.page_orientation(frames) == ""
    image = series(pixels, array[0], Layout.IMAGE, attributes={"patient_orientation": "P\\F"})
    assert pixels.page_orientation(image) == "P\\F"
    with pytest.raises(GeometryError, match="Slices are missing"):
        pixels.volume(frames)
    with pytest.raises(BlobError):
        pixels.array(Series("se-2", "st-1", "CT", Layout.IMAGE, (2, 2), "0" * 64))


def test_the_window_is_dicoms_linear_one() -> None:
    values = np.array([-1000, -160.5, -160, 39.5, 239, 240, 3000])
    shown = apply_window(values, (40, 400))
    ends = [((x - 39.5) / 399 + 0.5) * 255 for x in values]
    assert shown.tolist() == [int(np.rint(np.clip(v, 0, 255))) for v in ends]
    assert shown[3] == 128
    assert apply_window(np.array([9, 10, 11]), (10, 1)).tolist() == [0, 255, 255]


def test_display(pixels: Pixels) -> None:
    ramp = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    plain = series(pixels, ramp, Layout.IMAGE)
    shown = pixels.display8(plain)
    assert shown.dtype == np.uint8
    assert (shown.min(), shown.max()) == (0, 255)
    assert np.abs(np.diff(shown.ravel().astype(int))).max() == 1
    windowed = series(pixels, ramp, Layout.IMAGE, window=(1000.0, 200.0))
    assert np.array_equal(pixels.display8(windowed), apply_window(ramp, (1000, 200)))
    assert np.array_equal(pixels.display8(windowed, window=(2000, 50)), apply_window(ramp, (2000, 50)))
    eight = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(pixels.display8(series(pixels, eight, Layout.IMAGE)), eight)
    colour = np.random.default_rng(0).integers(0, 256, (3, 5, 6, 3)).astype(np.uint8)
    frames = series(pixels, colour, Layout.FRAMES)
    assert np.array_equal(pixels.display8(frames, colour=True), colour[1])
    assert np.array_equal(pixels.display8(frames, 2), to_grey(colour[2]))
    assert to_grey(np.full((1, 3), 77, np.uint8)).tolist() == [77]


def test_robust_window_leaves_outliers_out() -> None:
    values = np.concatenate([np.linspace(100, 200, 1000), [-32768, 30000]])
    centre, width = robust_window(values)
    assert centre == pytest.approx(150.5, abs=1)
    assert width == pytest.approx(100, abs=2)
