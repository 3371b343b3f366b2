"""A phantom lumbar spine as T2-weighted MRI shows it, at any places: brightness, and masks of its structures.

A picture is a grid of pairs: (N) places in the sagittal plane and (M) places across. An axial slice has its rows
as N and its columns as M; a sagittal stack has its pixels as N and its slices as M. Both come from the same
functions, so that they agree in space.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.phantoms.lumbar import FIRST, SACRAL, Disc, Floats, Spine
from data.phantoms.lumbar_canal import POWER, Canal, Points, smallest
from data.phantoms.lumbar_soft import Grain, SoftTissue

EDGE_MM = 1.2
"""How soft the edges are."""


@dataclass(frozen=True, slots=True)
class Tissues:
    """Brightness of the tissues, fat being about 0.8."""

    marrow: float = 0.42
    cortex: float = 0.07
    fluid: float = 1.15
    nerve: float = 0.42
    ligament: float = 0.1
    muscle: float = 0.19
    fat: float = 0.8
    nucleus: float = 0.75
    worn: float = 0.13


class Patch:
    """A part of the picture around one disc, being painted."""

    def __init__(self, points: Points, value: Floats, grain: Floats) -> None:
        self.points, self.value, self.grain = points, value, grain
        self.masks: dict[str, NDArray[np.bool_]] = {}

    def paint(self, distance: Floats, value: float | Floats, *, edge_mm: float = EDGE_MM) -> None:
        """Fill a shape with a brightness."""
        part = np.clip(distance * np.float32(1.0 / edge_mm) + np.float32(0.5), 0.0, 1.0)
        self.value += part * (value - self.value)

    def bone(self, distance: Floats, tissues: Tissues, *, cortex_mm: float = 1.3) -> None:
        """Fill a shape with marrow inside a dark cortex."""
        self.paint(distance, tissues.cortex)
        self.paint(distance - cortex_mm, tissues.marrow * (1.0 + 0.09 * self.grain))

    def mark(self, label: str, distance: Floats | NDArray[np.bool_]) -> None:
        """Add a shape to a label's mask."""
        inside: NDArray[np.bool_] = np.broadcast_to(distance > 0, self.value.shape)
        self.masks[label] = self.masks[label] | inside if label in self.masks else inside


def render(
    spine: Spine, yz: Floats, x: Floats, tissues: Tissues, seed: tuple[int, ...]
) -> tuple[Floats, dict[str, NDArray[np.bool_]]]:
    """Brightness (N, M), and masks (N, M) by label.

    Parameters
    ----------
    yz:
        (N, 2) in LPS mm.
    x:
        (M,) in LPS mm.
    seed:
        Of the soft tissues and the grain; the same for every series of one patient.
    """
    rng = np.random.default_rng(seed)
    s, v = (part.astype(np.float32)[:, None] for part in spine.curve.frame(yz[:, 0], yz[:, 1]))
    u = x[None, :].astype(np.float32) - spine.middle(s)
    grain = Grain.drawn(rng)
    soft = SoftTissue(Points(u, v, s, s), yz, grain.at(yz, x), tissues.fat, tissues.muscle)
    value, masks = soft.paint(spine, rng)
    fine = grain.fine(yz, x)
    near = nearest_disc(spine, s[:, 0])
    columns = np.flatnonzero(np.abs(x) < 46.0)
    window = slice(int(columns[0]), int(columns[-1]) + 1)
    for index, disc in enumerate(spine.discs):
        rows = np.flatnonzero((near == index) & (v[:, 0] > -46.0) & (v[:, 0] < 58.0))
        if len(rows) == 0:
            continue
        points = Points(u[rows, window], v[rows], s[rows] - np.float32(disc.s_mm), s[rows])
        patch = Patch(points, value[rows, window], fine[rows, window])
        _column(spine, index, disc, patch, tissues)
        value[rows, window] = patch.value
        for label, mask in patch.masks.items():
            masks.setdefault(label, np.zeros(value.shape, bool))[rows, window] |= mask
    return value, masks


def nearest_disc(spine: Spine, s: Floats) -> NDArray[np.int64]:
    """Index of the disc that is nearest along the column."""
    places = np.array([disc.s_mm for disc in spine.discs])
    return np.searchsorted(0.5 * (places[1:] + places[:-1]), s)


def _column(spine: Spine, index: int, disc: Disc, patch: Patch, tissues: Tissues) -> None:
    canal = Canal(spine, disc, patch.points)
    _bodies(spine, index, disc, canal, patch, tissues)
    if index < SACRAL:
        _arch(spine, canal, patch, tissues)
        _facets(canal, patch, tissues)
    else:
        _sacral_arch(canal, patch, tissues)
    _foramina(index, canal, patch, tissues)
    _content(spine, index, canal, patch, tissues)


def _bodies(spine: Spine, index: int, disc: Disc, canal: Canal, patch: Patch, tissues: Tissues) -> None:
    points, a, b = patch.points, canal.half_ap, canal.half_width
    w = points.w
    waist = 1.9 * np.clip(np.abs(w) / 16.0, 0.0, 1.0) ** 2 if index < SACRAL else np.float32(0.0)
    reach = ((points.across / b) ** POWER + (np.abs(points.v + a) / a) ** POWER) ** (1.0 / POWER)
    outline = np.asarray((1.0 - reach) * a, np.float32)
    gap = np.asarray(0.5 * disc.height_mm * (1.06 - 0.22 * np.minimum(reach, 1.2) ** 4), np.float32)
    body = smallest(outline - waist * (points.v < -2.0), np.abs(w) - gap)
    bulged = outline + np.float32(0.3 + 1.6 * disc.degeneration) * (points.v < -2.0)
    inside = smallest(np.maximum(bulged, smallest(points.v + 3.0, canal.front - points.v)), gap - np.abs(w))
    patch.bone(body, tissues)
    below = w > 0
    sacral = index >= SACRAL or (index == SACRAL - 1)
    patch.mark("vertebra" if index < SACRAL else "sacrum", (body > 0) & ~(below & sacral))
    if sacral:
        patch.mark("sacrum", (body > 0) & below)
        reach = np.sqrt(((points.across - b - 4.0) / 17.0) ** 2 + ((points.v + 5.0) / 12.0) ** 2)
        ala = smallest((1.0 - reach) * 12.0, points.across - b + 3.0, w - 9.0)
        patch.bone(ala if index < SACRAL else (1.0 - reach) * 12.0, tissues)
    if index >= SACRAL:
        patch.paint(inside, tissues.ligament)
        return
    bright = tissues.nucleus * (1.0 - disc.degeneration) ** 1.5 + tissues.worn
    patch.paint(inside, tissues.worn)
    core = smallest((0.74 - reach) * a, gap - 1.5 - np.abs(w) + 0.0 * reach)
    patch.paint(core, bright * (1.0 + 0.12 * patch.grain), edge_mm=5.0)
    patch.paint(smallest(core - 1.0, 0.4 - np.abs(w)), bright * 0.8, edge_mm=2.0)
    patch.mark("disc", inside)


def _arch(spine: Spine, canal: Canal, patch: Patch, tissues: Tissues) -> None:
    """Pedicles, laminae, transverse and spinous processes: of the vertebra above before the disc, else below."""
    points = patch.points
    across, v, w = points.across, points.v, points.w - np.float32(canal.disc.centre_w_mm)
    high = 6.0 - np.abs(np.abs(w) - 15.5)
    stalk = smallest(
        3.8 * spine.size - np.abs(across - canal.half - 3.6), v + 5.0, 11.0 - v, np.where(w > 0, high, high - 4)
    )
    side = smallest(3.4 - np.abs(v - 11.0 + 0.12 * across), across - canal.half - 3.0, 42.0 - across, high - 1.5)
    plate = smallest(-canal.wall, canal.wall + 5.2, 16.5 - across, -w - 2.0 + 0.0 * v, v - 3.0)
    thick = 2.2 + 1.6 * np.clip((v - 24.0) / 16.0, 0.0, 1.0)
    slant = w - 0.16 * (v - 20.0)
    long = 14.5 * spine.size
    oval = np.abs((slant + 10.5) / 12.5) ** 3 + np.abs((v - canal.depth - long + 2.5) / long) ** 3
    blade = smallest(thick - across, 9.0 * (1.0 - oval ** (1.0 / 3.0)), v - canal.depth + 0.5)
    between = smallest(2.5 - across, v - canal.depth - 4.0, canal.depth + 24.0 - v)
    patch.paint(between - 1.0, tissues.fat * (0.6 + 0.12 * patch.grain), edge_mm=3.0)
    for shape in (side, stalk, plate):
        patch.bone(shape, tissues, cortex_mm=1.1)
    patch.bone(blade, tissues, cortex_mm=1.0)
    patch.mark("spinous_process", blade)


def _sacral_arch(canal: Canal, patch: Patch, tissues: Tissues) -> None:
    points = patch.points
    patch.bone(smallest(-canal.wall, canal.wall + 4.5, 24.0 - points.across, points.v - 2.0), tissues)
    crest = smallest(
        2.5 - points.across, points.v - canal.depth, canal.depth + 9.0 - points.v, 9.0 - np.abs(points.w)
    )
    patch.bone(crest, tissues, cortex_mm=1.0)
    patch.mark("spinous_process", crest)


def _facets(canal: Canal, patch: Patch, tissues: Tissues) -> None:
    points, disc = patch.points, canal.disc
    across, v, w = points.across, points.v, points.w - np.float32(disc.centre_w_mm)
    worst = [
        max(6.0 - recess, 0.6 * (8.6 - foramen), 3.5 * disc.squeeze * (1.0 - disc.front), 0.0)
        for recess, foramen in zip(disc.recess_mm, disc.foramen_mm, strict=True)
    ]
    more = canal.by_side((worst[0], worst[1])) * 0.45
    at_u, at_v = canal.half + 5.0 + 0.2 * more, 0.45 * canal.depth + 6.0 - 0.5 * more
    du, dv = across - at_u, v - at_v
    along, over = 0.57 * du + 0.82 * dv, 0.82 * du - 0.57 * dv
    radius = np.sqrt((along / 1.12) ** 2 + over**2)
    _, floor, deep = canal.foramen()
    shape = smallest(7.6 + more - radius, -canal.canal, v - floor - deep, 11.0 - np.abs(w - 1.0))
    line = over - 0.035 * along**2 + 0.8
    joint = smallest(1.15 - np.abs(line), 7.0 + 0.5 * more - np.abs(along), shape)
    patch.bone(shape, tissues, cortex_mm=1.2)
    patch.paint(smallest(2.3 - np.abs(line), shape), tissues.cortex)
    patch.paint(joint + 0.2, 0.75 * tissues.fluid * (1.0 - 0.6 * disc.degeneration), edge_mm=1.0)
    patch.mark("facet", shape)
    patch.mark("facet_joint", joint)
    patch.mark("articular_process", (shape > 0) & ~(joint > 0))


def _foramina(index: int, canal: Canal, patch: Patch, tissues: Tissues) -> None:
    points = patch.points
    across, v, w = points.across, points.v, points.w
    inside, floor, deep = canal.foramen()
    lips = smallest(across - canal.half - 0.3, v - canal.edge, floor - v, canal.half + 13.0 - across)
    patch.paint(smallest(lips, 0.5 * canal.disc.height_mm + 2.5 - np.abs(w)), tissues.worn * 0.7)
    if index >= SACRAL:
        patch.paint(inside, tissues.fat)
        return
    patch.paint(inside, tissues.fat * 0.95)
    at_u = canal.half + 6.0 + 0.55 * w
    radius = np.sqrt(((across - at_u) / 1.25) ** 2 + (v - floor - 0.5 * deep) ** 2)
    root = smallest(np.minimum(2.7, 0.4 * deep) - radius, 9.0 - np.abs(w + 2.0))
    patch.paint(root, tissues.nerve * 0.8)
    if FIRST <= index < SACRAL:
        patch.mark("foraminal_window", inside)


def _content(spine: Spine, index: int, canal: Canal, patch: Patch, tissues: Tissues) -> None:
    """The canal: fat, ligaments, recesses, bulging disc, dural sac, cord and roots."""
    points, disc = patch.points, canal.disc
    across, v, w = points.across, points.v, points.w
    patch.paint(canal.canal, tissues.fat * 0.9)
    recess, floor, deep = canal.recess()
    roofed = smallest(canal.canal, across - 6.0, v - floor - deep, -canal.sac - 0.5)
    patch.paint(smallest(roofed, 3.0 * canal.share - 1.5), tissues.cortex * 1.6)
    raised = smallest(canal.canal + 1.0, across - 6.0, floor - v, -canal.sac)
    patch.paint(raised, tissues.worn * 0.7)
    radius = np.sqrt((across - 9.3) ** 2 + (v - floor - 0.5 * deep) ** 2)
    patch.paint(smallest(np.minimum(1.9, 0.42 * deep) - radius, recess + 1.0), tissues.nerve * 0.9)
    flavum = smallest(
        canal.canal + 0.8, canal.flavum_mm - canal.wall, across - 0.8, canal.half + 1 - across, v - 4.0
    )
    flavum = smallest(flavum, 14.0 - np.abs(w), -canal.sac)
    patch.paint(flavum, tissues.ligament)
    pushed = smallest(canal.front - v, v - canal.edge + 1.5, canal.half + 1.0 - across)
    patch.paint(pushed, tissues.worn * 0.75)
    focal = smallest(canal.crest - v, v - canal.front, canal.half - across, -canal.sac)
    patch.paint(smallest(focal, canal.crest - canal.front - 0.6), tissues.worn * 1.5)
    ligament = smallest(canal.crest + 1.5 - v, v - canal.crest + 0.2, 7.5 - across, -canal.sac)
    patch.paint(smallest(ligament, 1.2 - np.abs(v - canal.crest - 0.4)), tissues.ligament * 0.6, edge_mm=1.6)
    crowded = np.float32(min(disc.squeeze, 1.0)) * canal.share
    patch.paint(canal.sac + 0.7, tissues.cortex, edge_mm=1.0)
    patch.paint(canal.sac, tissues.fluid * (1.0 - 0.5 * crowded))
    roots, cord, bundle = _nerves(spine, canal)
    patch.paint(bundle, tissues.fluid * (0.78 - 0.38 * crowded), edge_mm=4.0)
    patch.paint(roots + 0.15, tissues.nerve, edge_mm=1.0)
    patch.paint(cord, tissues.nerve * 1.1)
    if FIRST <= index < SACRAL:
        patch.mark("spinal_canal", canal.canal)
        patch.mark("lateral_recess", recess)
        patch.mark("ligamentum_flavum", smallest(flavum, canal.canal))
        if disc.hernia > 0:
            patch.mark("herniation", smallest(focal, canal.crest - canal.front - 0.9))
    patch.mark("canal", canal.canal)
    patch.mark("dural_sac", canal.sac)
    patch.mark("nerve_root", np.maximum(roots, cord))
    patch.mark("cord", np.maximum(bundle, cord))
    patch.mark("posterior_longitudinal_ligament", ligament)


def _nerves(spine: Spine, canal: Canal) -> tuple[Floats, Floats, Floats]:
    """Distances inside the roots, the cord, and the roots taken together."""
    points = canal.points
    part_u, part_v = canal.normed()
    free = canal.sac - 0.35
    roots = np.full(canal.sac.shape, -9.0, np.float32)
    rows, columns = np.nonzero(free > -1.0)
    at_u, at_v = part_u[rows, columns], part_v[rows, 0]
    wide, deep = canal.wide[rows, 0], canal.deep[rows, 0]
    closest = np.full(len(rows), 1e9, np.float32)
    for u, v in spine.roots:
        closest = np.minimum(closest, ((at_u - u) * wide) ** 2 + ((at_v - v) * deep) ** 2)
    roots[rows, columns] = np.minimum(0.95 - np.sqrt(closest), free[rows, columns])
    above = spine.conus_mm - points.s
    size = np.clip(above / 40.0, 0.0, 1.0) ** 0.5
    radius = np.sqrt((points.u / 4.6) ** 2 + ((points.v - canal.middle_v - 0.6) / 3.9) ** 2)
    cord = smallest((size - radius) * 4.2, free)
    bundle = smallest(free, (part_v - 0.0) * 6.0, (0.95 - np.abs(part_u)) * 8.0)
    return roots, cord, bundle
