"""A random upper abdomen on CT: its measures, the volume that is painted, body wall, spine, ribs and lung bases.

Places are (z, y, x) in mm: z to the head from the height of the adrenal glands, y to the back, x to the left.
Tissues are HU on the unenhanced, the portal venous and the delayed (15 min) series.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.phantoms.anatomy import Floats
from data.phantoms.shapes import Grid, capsule, cover, ellipsoid, oval

Tissue: TypeAlias = tuple[float, float, float]
Place: TypeAlias = tuple[float, float, float]
PlaceLike: TypeAlias = Place | NDArray[Any]
Window: TypeAlias = tuple[slice, ...]

FAT: Tissue = (-104.0, -102.0, -103.0)
SKIN: Tissue = (15.0, 30.0, 22.0)
MUSCLE: Tissue = (52.0, 60.0, 59.0)
DISC: Tissue = (80.0, 85.0, 84.0)
SPONGY: Tissue = (165.0, 185.0, 175.0)
CORTICAL: Tissue = (430.0, 440.0, 435.0)
THECA: Tissue = (18.0, 22.0, 20.0)
HEART: Tissue = (44.0, 125.0, 78.0)
LUNG: Tissue = (-850.0, -835.0, -842.0)
AIR = -1000.0
LEFT, RIGHT = 1, -1
"""The sign of x."""
VERTEBRA_MM = 34.0
"""From disc to disc."""
WALL_MM = 11.0


@dataclass(frozen=True, slots=True)
class Abdomen:
    """The measures of a patient, in mm.

    Parameters
    ----------
    half_width_mm, half_depth_mm:
        Of the muscular wall, without the fat beneath the skin.
    fat_mm:
        Beneath the skin at the side.
    visceral:
        0 (little fat between the organs) to 1.
    spine_y_mm:
        The middle of the vertebral bodies.
    domes_mm:
        Tops of the right and the left dome of the diaphragm.
    kidney_z_mm:
        Middles of the right and the left kidney.
    disc_z_mm:
        The height of one disc.
    """

    sex: str
    age_y: int
    half_width_mm: float
    half_depth_mm: float
    fat_mm: float
    visceral: float
    spine_y_mm: float
    domes_mm: tuple[float, float]
    kidney_z_mm: tuple[float, float]
    disc_z_mm: float
    liver_hu: float
    slices: int
    slice_mm: float
    pixel_mm: float
    low_mm: float

    @property
    def middle_y_mm(self) -> float:
        """The middle of the skin's outline: there is more fat in front than behind."""
        return -0.15 * self.fat_mm

    def affine(self, size_px: int) -> NDArray[np.float64]:
        """(slice, row, column, 1) to LPS mm, 4 x 4."""
        pixel = self.pixel_mm * 160 / size_px
        affine = np.zeros((4, 4))
        affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = self.slice_mm, pixel, pixel, 1.0
        half = pixel * (size_px - 1) / 2
        affine[:3, 3] = -half, self.middle_y_mm - half + 4.0, self.low_mm
        return affine

    def grid(self, size_px: int) -> Grid:
        """The middles of the voxels."""
        z, y, x = self.affine(size_px)[[2, 1, 0], 3]
        pixel = self.pixel_mm * 160 / size_px
        line = np.arange(size_px, dtype=np.float32) * np.float32(pixel)
        heights = np.arange(self.slices, dtype=np.float32) * np.float32(self.slice_mm)
        return Grid(
            (heights + np.float32(z))[:, None, None],
            (line + np.float32(y))[None, :, None],
            (line + np.float32(x))[None, None, :],
        )


def draw_abdomen(rng: np.random.Generator) -> Abdomen:
    """A random patient."""
    sex = "F" if rng.random() < 0.5 else "M"
    size = float(np.clip(rng.normal(0.97 if sex == "F" else 1.04, 0.05), 0.87, 1.14))
    width, depth = 127.0 * size * rng.uniform(0.96, 1.04), 97.0 * size * rng.uniform(0.93, 1.07)
    fat = float(np.clip(rng.gamma(4.0, 4.5), 6.0, 34.0))
    slices = int(rng.integers(36, 57))
    slice_mm = float(np.round(np.clip(rng.uniform(166.0, 182.0) / slices, 3.0, 5.0), 2))
    pixel = float(np.round(np.clip((2.0 * (width + fat) + rng.uniform(14, 34)) / 160, 2.0, 2.4), 3))
    right = float(rng.normal(-52.0, 7.0))
    return Abdomen(
        sex=sex,
        age_y=int(rng.integers(28, 86)),
        half_width_mm=float(width),
        half_depth_mm=float(depth),
        fat_mm=fat,
        visceral=float(np.clip(fat / 40 + rng.normal(0.2, 0.2), 0.1, 1.0)),
        spine_y_mm=float(depth - 60.0 + rng.normal(0.0, 2.0)),
        domes_mm=(float(rng.normal(74.0, 7.0)), float(rng.normal(62.0, 7.0))),
        kidney_z_mm=(right, right + float(rng.normal(9.0, 4.0))),
        disc_z_mm=float(rng.uniform(0.0, VERTEBRA_MM)),
        liver_hu=float(np.clip(rng.normal(56.0, 8.0), 25.0, 68.0)),
        slices=slices,
        slice_mm=slice_mm,
        pixel_mm=pixel,
        low_mm=float(66.0 + rng.uniform(-4.0, 4.0) - slice_mm * (slices - 1)),
    )


@dataclass(frozen=True, slots=True)
class Canvas:
    """The volume while it is painted, layer on layer.

    Parameters
    ----------
    hu:
        (phases, slices, rows, columns).
    cavity:
        Signed distance, roughly, inside the muscular wall. mm, (slices, rows, columns).
    """

    abdomen: Abdomen
    grid: Grid
    hu: Floats
    cavity: Floats
    edge_mm: float

    def window(self, centre: Place, reach_mm: tuple[float, float, float]) -> Window:
        """The voxels within reach of a place."""
        slack = self.abdomen.slice_mm, self.edge_mm, self.edge_mm
        return self.grid.window(centre, (reach_mm[0] + slack[0], reach_mm[1] + slack[1], reach_mm[2] + slack[2]))

    def paint(self, distance_mm: Floats, tissue: Tissue, window: Window = (), edge_mm: float = 0.0) -> None:
        """Put a tissue where a signed distance is positive, over what is there."""
        part = cover(distance_mm, edge_mm or self.edge_mm)
        for phase, value in zip(self.hu, tissue, strict=False):
            view = phase[window]
            view += part * (np.float32(value) - view)

    def ball(self, centre: PlaceLike, axes: Place, tissue: Tissue) -> None:
        """Paint what lies inside the muscular wall of an ellipsoid of (z, y, x) half-axes."""
        centre = _place(centre)
        window = self.window(centre, axes)
        inside = ellipsoid(self.grid.within(window), centre, axes)
        self.paint(np.minimum(inside, self.cavity[window]), tissue, window)

    def rod(self, start: PlaceLike, end: PlaceLike, radii: tuple[float, float], tissue: Tissue) -> None:
        """Paint what lies inside the muscular wall of a rod whose radius changes evenly."""
        first, last = np.asarray(start, np.float32), np.asarray(end, np.float32)
        middle, reach = (first + last) / 2, np.abs(last - first) / 2 + max(radii)
        window = self.window(_place(middle), _place(reach))
        inside = capsule(self.grid.within(window), first, last, radii)
        self.paint(np.minimum(inside, self.cavity[window]), tissue, window)


def _place(values: PlaceLike) -> Place:
    z, y, x = (float(value) for value in values)
    return z, y, x


def body_wall(abdomen: Abdomen, size_px: int, phases: int, rng: np.random.Generator) -> Canvas:
    """A canvas with table, skin, fat, muscle, ribs, spine and fat inside the wall."""
    grid = abdomen.grid(size_px)
    shape = (phases, grid.z.size, grid.y.size, grid.x.size)
    hu = np.full(shape, AIR, np.float32)
    taper = 1.0 - 0.0006 * np.abs(grid.z - 10.0) + np.where(grid.z < 0, 0.0004 * grid.z, 0.0)
    half_x, half_y = abdomen.half_width_mm * taper, abdomen.half_depth_mm * taper
    wall = oval(grid, half_x, np.zeros_like(half_x), half_y, 2.3)
    cavity = oval(grid, half_x - WALL_MM, np.full_like(half_x, -3.0), half_y - WALL_MM + 2.0, 2.3)
    canvas = Canvas(abdomen, grid, hu, np.asarray(cavity, np.float32), abdomen.pixel_mm * 160 / size_px)
    _table(canvas)
    middle = np.full_like(half_x, abdomen.middle_y_mm)
    skin = oval(grid, half_x + abdomen.fat_mm, middle, half_y + 0.8 * abdomen.fat_mm + 5.0, 2.3)
    groove = 5.0 * np.exp(-((grid.x / 12.0) ** 2)) * (grid.y > 0)
    skin -= groove.astype(np.float32)
    canvas.paint(skin, SKIN)
    canvas.paint(skin - np.float32(2.2), FAT)
    np.minimum(wall, skin - np.float32(5.0), out=wall)
    canvas.paint(wall, MUSCLE)
    planes = np.abs(canvas.cavity + np.float32(4.5)) - np.float32(0.5)  # fat between the muscles of the flank
    canvas.paint(np.minimum(-planes, 20.0 - grid.y), (-20.0, -15.0, -15.0))
    _ribs(canvas, wall, rng)
    canvas.paint(canvas.cavity, FAT)
    _back(canvas)
    _spine(canvas)
    return canvas


def _table(canvas: Canvas) -> None:
    """The couch: a thin curved shell beneath the patient."""
    grid, abdomen = canvas.grid, canvas.abdomen
    bottom = abdomen.middle_y_mm + abdomen.half_depth_mm + 0.8 * abdomen.fat_mm + 9.0
    shell = np.abs(grid.y - bottom + (grid.x / 95.0) ** 2 * 10.0) - 1.0
    canvas.paint(np.broadcast_to(-shell, canvas.cavity.shape), (-480.0,) * 3)


def _ribs(canvas: Canvas, wall: Floats, rng: np.random.Generator) -> None:
    """Ribs run down round the wall, one below the other; the costal margin rises in front."""
    grid, abdomen = canvas.grid, canvas.abdomen
    width, depth = abdomen.half_width_mm, abdomen.half_depth_mm
    turn = np.arctan2(np.abs(grid.x) / width, grid.y / depth)  # 0 at the back, pi in front, (1, Y, X)
    pitch, start = float(rng.uniform(24.0, 28.0)), float(rng.uniform(0.0, 26.0))
    height = grid.z + 42.0 * turn + start
    off = np.abs(np.mod(height, pitch) - pitch / 2)
    thick = (wall - canvas.cavity) * 0.5  # from the middle of the wall
    middle = np.minimum(wall, -canvas.cavity) - thick * 0.55
    rib = np.minimum((4.6 - off) * 0.8, middle + 2.1)
    margin = (grid.z + 78.0 - 52.0 * np.clip(turn - 1.2, 0.0, None)) * 0.5
    np.minimum(rib, np.minimum(margin, (turn - 0.33) * 60.0), out=rib)
    gristle = turn > 2.05
    canvas.paint(np.where(gristle, np.float32(-9.0), rib), CORTICAL)
    canvas.paint(np.where(gristle, np.float32(-9.0), rib - np.float32(1.4)), SPONGY)
    canvas.paint(np.where(gristle, rib, np.float32(-9.0)), (95.0, 98.0, 96.0))


def _back(canvas: Canvas) -> None:
    """The long muscles of the back, the psoas and the quadrate muscle, in their fat."""
    grid, y = canvas.grid, canvas.abdomen.spine_y_mm
    tall = 4000.0
    for side in (LEFT, RIGHT):
        long_muscle = (0.0, y + 39.0, side * 30.0)
        window = canvas.window((0.0, y + 30.0, side * 30.0), (300.0, 34.0, 34.0))
        part = grid.within(window)
        canvas.paint(ellipsoid(part, long_muscle, (tall, 21.0, 27.0)), MUSCLE, window)
        low = np.clip((-part.z - 5.0) / 70.0, 0.0, 1.0)  # psoas and quadrate muscle grow downwards
        psoas = Grid(part.z, part.y, part.x - (side * (24.0 + 7.0 * low)).astype(np.float32))
        size = (1.0 + 14.0 * low).astype(np.float32)
        canvas.paint(size - np.hypot((psoas.y - y - 6.0) * 0.8, psoas.x), MUSCLE, window)
        quadrate = np.hypot((part.y - y - 22.0), (part.x - side * 52.0) * 0.45)
        canvas.paint(6.5 * np.minimum(1.0, low * 2.0).astype(np.float32) - quadrate, MUSCLE, window)


def _spine(canvas: Canvas) -> None:
    """Vertebral bodies with a dense shell, discs, arch, canal and processes."""
    grid, y = canvas.grid, canvas.abdomen.spine_y_mm
    window = canvas.window((0.0, y + 18.0, 0.0), (300.0, 48.0, 48.0))
    part = grid.within(window)
    phase = np.mod(part.z - canvas.abdomen.disc_z_mm, VERTEBRA_MM)
    disc = 4.0 - np.minimum(phase, VERTEBRA_MM - phase)  # positive inside a disc, (Z, 1, 1)
    body = 18.5 - np.hypot(part.x * 0.86, (part.y - y) * 1.08) + 0.8 * np.clip(disc + 4.0, 0.0, 3.0)
    canvas.paint(np.asarray(body, np.float32), DISC, window)
    bone = np.minimum(body, -disc)
    canvas.paint(bone, CORTICAL, window)
    canvas.paint(bone - np.float32(1.8), SPONGY, window)
    arch_y = y + 24.0
    ring = 14.0 - np.hypot(part.x * 0.9, part.y - arch_y)
    arch = np.minimum(ring, 10.0 - np.abs(phase - 15.0))
    spinous = np.minimum(4.0 - np.abs(part.x), np.minimum(part.y - arch_y - 8.0, y + 53.0 - part.y))
    spinous = np.minimum(spinous, 9.0 - np.abs(phase - 13.0))
    across = np.minimum(
        3.5 - np.abs(part.y - arch_y - 1.0), np.minimum(np.abs(part.x) - 8.0, 36.0 - np.abs(part.x))
    )
    across = np.minimum(across, 5.0 - np.abs(phase - 18.0))
    joints = 7.5 - np.hypot(np.abs(part.x) - 14.0, part.y - arch_y - 5.0) + 0.0 * part.z
    for piece in (arch, spinous, across, joints):
        canvas.paint(np.asarray(piece, np.float32), CORTICAL, window)
        canvas.paint(np.asarray(piece, np.float32) - np.float32(2.0), SPONGY, window)
    canal = 9.0 - np.hypot(part.x * 0.85, part.y - arch_y) + 0.0 * part.z
    canvas.paint(np.asarray(canal, np.float32), THECA, window)


def lung_bases(canvas: Canvas) -> Floats:
    """Paint the lungs above the diaphragm; the signed distance below it comes back, (slices, rows, columns)."""
    grid, abdomen = canvas.grid, canvas.abdomen
    half_x, y = abdomen.half_width_mm - WALL_MM, abdomen.spine_y_mm
    depth = float(abdomen.half_depth_mm - WALL_MM)
    height = np.zeros((1, grid.y.size, grid.x.size), np.float32)
    for side, dome in zip((RIGHT, LEFT), abdomen.domes_mm, strict=True):
        out = (grid.x - side * 0.45 * half_x) / (0.60 * half_x)
        along = (grid.y + 0.1 * depth) / (0.95 * depth)
        radius = np.sqrt(out**2 + along**2)
        steep = np.where(along > 0, 58.0, 30.0) * along**2 / (radius**2 + 1e-3)
        steep = steep + np.where(out * side > 0, 52.0, 20.0) * out**2 / (radius**2 + 1e-3)
        share = 1.0 / (1.0 + np.exp(-side * grid.x / 9.0))
        height += share * (dome - steep * radius**3.6)
    below = np.asarray(height - grid.z, np.float32)
    lung = np.minimum(canvas.cavity - np.float32(0.5), -below)
    np.minimum(lung, np.hypot(grid.x, (grid.y - y + 6.0)) - 33.0, out=lung)
    back = np.hypot((np.abs(grid.x) - 30.0) / 29.0, (grid.y - y - 39.0) / 23.0) - 1.0
    back = np.where(np.abs(grid.x) < 30.0, np.minimum(back, y + 18.0 - grid.y), back)
    np.minimum(lung, back * 22.0, out=lung)
    canvas.paint(lung, LUNG)
    heart: Place = (79.0, -0.40 * depth, 18.0)
    window = canvas.window(heart, (32.0, 46.0, 58.0))
    inside = ellipsoid(grid.within(window), heart, (32.0, 46.0, 58.0))
    inside = np.minimum(inside, np.minimum(-below[window], canvas.cavity[window]))
    canvas.paint(inside, FAT, window)
    canvas.paint(inside - np.float32(5.0), HEART, window)
    return below
