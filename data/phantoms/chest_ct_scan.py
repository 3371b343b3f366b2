"""What a CT scanner makes of a chest: slices with their thickness, kernel, noise, table and field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.phantoms.anatomy import Floats
from data.phantoms.chest_ct import WATER, ChestCT
from data.phantoms.points import PointCloud

LOWEST_HU, HIGHEST_HU = -1024, 3071
OVERSHOOT_HU = 100.0
"""An edge is sharpened by its height, but by no more than this times the kernel's strength."""


@dataclass(frozen=True, slots=True)
class Scan:
    """How a chest is scanned.

    Parameters
    ----------
    slices, step_mm, bottom_mm:
        How many, how thick and how far apart, and the height of the lowest.
    size_px, pixel_mm:
        Rows and columns.
    centre_mm:
        y and x of the field's middle.
    turn_deg:
        How far the patient lies turned on the table.
    blur_px, sharpen:
        The kernel.
    noise_hu, grain_px:
        Noise of a slice through a chest of 300 mm, and how wide its grains are.
    shift_hu:
        Error of the scale.
    table_mm:
        Gap between back and table.
    round_field:
        Nothing outside a circle.
    """

    slices: int
    step_mm: float
    bottom_mm: float
    size_px: int
    pixel_mm: float
    centre_mm: tuple[float, float]
    turn_deg: float
    blur_px: float
    sharpen: float
    noise_hu: float
    grain_px: float
    shift_hu: float
    table_mm: float
    round_field: bool

    def affine(self) -> NDArray[np.float64]:
        """4 x 4: (slice, row, column, 1) to LPS mm."""
        half = (self.size_px - 1) / 2 * self.pixel_mm
        matrix = np.zeros((4, 4))
        matrix[2, 0], matrix[1, 1], matrix[0, 2], matrix[3, 3] = self.step_mm, self.pixel_mm, self.pixel_mm, 1.0
        matrix[:3, 3] = self.centre_mm[1] - half, self.centre_mm[0] - half, self.bottom_mm
        return matrix

    def _plane(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """2 x 2 and 2: (column, row) in pixels to (x, y) of the turned patient in mm."""
        angle = np.radians(self.turn_deg)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * self.pixel_mm
        middle = np.full(2, (self.size_px - 1) / 2)
        return turn, np.array(self.centre_mm[::-1]) - turn @ middle


def draw_scan(ct: ChestCT, size_px: int, rng: np.random.Generator) -> Scan:
    """Draw how this chest is scanned: it fills the field, from under the lungs to over them."""
    anatomy = ct.anatomy
    bottom = -float(anatomy.recess_mm) - float(rng.uniform(22.0, 52.0))
    length = anatomy.apex_mm + float(rng.uniform(8.0, 32.0)) - bottom
    slices = int(np.clip(round(length / rng.uniform(7.8, 9.0)), 32, 40))
    width = 2 * (anatomy.half_width_mm + anatomy.wall_mm) + 10.0
    field_mm = width * float(rng.uniform(0.97, 1.16))
    middle = 60.0 - anatomy.depth_mm / 2 + 18.0
    return Scan(
        slices=slices,
        step_mm=round(length / slices, 3),
        bottom_mm=round(bottom, 3),
        size_px=size_px,
        pixel_mm=round(field_mm / size_px, 4),
        centre_mm=(round(middle + float(rng.normal(0.0, 8.0)), 3), round(float(rng.normal(0.0, 7.0)), 3)),
        turn_deg=float(rng.normal(0.0, 2.5)),
        blur_px=float(rng.uniform(0.0, 0.6)),
        sharpen=float(rng.uniform(0.2, 1.2)),
        noise_hu=float(np.exp(rng.uniform(np.log(6.0), np.log(28.0)))),
        grain_px=float(rng.uniform(0.35, 0.8)),
        shift_hu=float(rng.normal(0.0, 4.0)),
        table_mm=float(rng.uniform(2.0, 14.0)),
        round_field=bool(rng.random() < 0.4),
    )


def scanned(ct: ChestCT, scan: Scan, rng: np.random.Generator) -> NDArray[np.int16]:
    """The slices, (slices, rows, columns) in HU."""
    import cv2  # noqa: PLC0415 - slow to load

    hu = resliced(ct.hu, ct, scan, outside=-1000.0)
    _add_table(hu, ct, scan)
    place = ct.index(ct.vessel_points.zyx_mm)
    weight = ct.vessel_points.weight_mm2 * ct.lungs[place] * ct.vessels[place]
    for cloud in ct.points:
        hu += _pressed(cloud, scan)
    vessels = _pressed(PointCloud(ct.vessel_points.zyx_mm, weight), scan)
    hu += np.clip(vessels, 0.0, np.maximum(np.float32(ct.blood_hu) - hu, 0.0))  # where they meet they are one
    for k in range(scan.slices):
        if scan.blur_px > 0.2:
            hu[k] = cv2.GaussianBlur(hu[k], (0, 0), scan.blur_px)
        edges = hu[k] - cv2.GaussianBlur(hu[k], (0, 0), 1.0)
        hu[k] += scan.sharpen * np.clip(edges, -OVERSHOOT_HU, OVERSHOOT_HU)
    _add_noise(hu, scan, rng)
    hu += np.float32(scan.shift_hu)
    if scan.round_field:
        across = np.arange(scan.size_px) - (scan.size_px - 1) / 2
        hu[:, across[:, None] ** 2 + across**2 > (scan.size_px / 2) ** 2] = LOWEST_HU
    return np.rint(np.clip(hu, LOWEST_HU, HIGHEST_HU)).astype(np.int16)


def _add_noise(hu: Floats, scan: Scan, rng: np.random.Generator) -> None:
    """Grain, stronger where more is absorbed, and streaks from side to side where much is."""
    import cv2  # noqa: PLC0415 - slow to load

    path = np.clip((hu + 1000.0) * np.float32(WATER / 1000.0 * scan.pixel_mm), 0.0, None).sum(axis=2)  # (S, R)
    strength = np.exp(0.22 * (path - 6.0))
    for k in range(scan.slices):
        white = rng.standard_normal((2, *hu.shape[1:]), dtype=np.float32)
        grain = cv2.GaussianBlur(white[0], (0, 0), scan.grain_px)
        streaks = cv2.GaussianBlur(white[1], (0, 0), sigmaX=5.0, sigmaY=0.4)
        grain *= strength[k][:, None] / grain.std()
        streaks *= np.clip(strength[k] - 1.2, 0.0, 1.5)[:, None] / streaks.std()
        hu[k] += scan.noise_hu * (grain + streaks)


def resliced(volume: Floats, ct: ChestCT, scan: Scan, *, outside: float) -> Floats:
    """The means of a volume of the chest over the slices' thickness, (slices, rows, columns)."""
    import cv2  # noqa: PLC0415 - slow to load

    heights = ct.grid.z.ravel()
    voxel = float(heights[1] - heights[0])
    tops = scan.bottom_mm + scan.step_mm * np.arange(scan.slices)[:, None]
    weight = np.clip((scan.step_mm + voxel) / 2 - np.abs(heights - tops), 0.0, min(voxel, scan.step_mm))
    weight /= weight.sum(axis=1, keepdims=True)
    slabs = np.tensordot(weight.astype(np.float32), volume, 1)
    turn, start = scan._plane()
    origin = np.array((ct.grid.x.ravel()[0], ct.grid.y.ravel()[0]))
    matrix = np.hstack([turn, (start - origin)[:, None]]) / voxel
    size = (scan.size_px, scan.size_px)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.stack(
        [
            cv2.warpAffine(slab, matrix, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=outside)
            for slab in slabs
        ]
    ).astype(np.float32)


def _pressed(cloud: PointCloud, scan: Scan) -> Floats:
    """(slices, rows, columns) of HU that points add; each is shared among the four nearest pixels of its slice."""
    turn, start = scan._plane()
    slice_ = np.rint((cloud.zyx_mm[:, 0] - scan.bottom_mm) / scan.step_mm).astype(np.int64)
    column, row = np.linalg.inv(turn) @ (cloud.zyx_mm[:, :0:-1].T - start[:, None])
    size = scan.size_px
    held = (slice_ >= 0) & (slice_ < scan.slices) & (column >= 0) & (row >= 0)
    held &= (column < size - 1) & (row < size - 1) & (cloud.weight_mm2 > 0)
    slice_, column, row = slice_[held], column[held], row[held]
    weight = cloud.weight_mm2[held] / (scan.step_mm * scan.pixel_mm**2)
    left, top = column.astype(np.int64), row.astype(np.int64)
    right_part, low_part = column - left, row - top
    flat = (slice_ * size + top) * size + left
    shape = (scan.slices, size, size)
    total = np.zeros(scan.slices * size * size)
    for low in (0, 1):
        for right in (0, 1):
            part = (low_part if low else 1 - low_part) * (right_part if right else 1 - right_part)
            total += np.bincount(flat + low * size + right, weight * part, total.size)
    return total.reshape(shape).astype(np.float32)


def _add_table(hu: Floats, ct: ChestCT, scan: Scan) -> None:
    """A thin curved plate under the patient, who lies on the back."""
    middle = ct.grid.x.size // 2
    body = np.flatnonzero((ct.hu[::8, :, middle - 30 : middle + 30] > -500.0).any(axis=(0, 2)))
    back = float(ct.grid.y.ravel()[body[-1]]) + scan.table_mm
    rows = np.arange(scan.size_px, dtype=np.float32)[:, None]
    across = (np.arange(scan.size_px, dtype=np.float32) - (scan.size_px - 1) / 2) * scan.pixel_mm
    y = scan.centre_mm[0] + (rows - (scan.size_px - 1) / 2) * scan.pixel_mm
    plate = np.clip(1.6 - np.abs(y - back - 4.0 + 0.0005 * across**2) / scan.pixel_mm, 0.0, 1.0)
    plate *= np.abs(across) < 200.0
    hu += plate * np.float32(650.0) * (hu < -600.0)
