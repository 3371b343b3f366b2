"""Anatomy of a phantom lumbar spine, in mm: the curve of the column, its discs, its canal and what narrows it.

Every place has spinal coordinates: s runs down the posterior wall of the vertebral bodies (0 at L3/L4), v from the
wall to the back, u from the middle to the patient's left; w is s from the nearest disc's middle. Sizes are drawn
around usual adult ones: a bony canal 15 - 21 mm deep, where 10 mm or less is narrow (Steurer 2011, BMC
Musculoskelet Disord 12:175).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating]

LEVELS = ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")
DISCS = ("T11/T12", "T12/L1", *LEVELS, "S1/S2", "S2/S3")
SIDES = ("left", "right")
FIRST = DISCS.index(LEVELS[0])
SACRAL = DISCS.index("S1/S2")
"""Discs from here on are remnants within the sacrum."""

ANGLES_DEG = (-7.0, -10.0, -11.0, -8.0, -3.0, 5.0, 16.0, 36.0, 49.0)
"""How far the column leans to the back at each disc, going down."""
GAPS_MM = (30.0, 33.0, 35.0, 36.0, 36.5, 36.0, 32.0, 25.0)
"""Between the middles of neighbouring discs, at the posterior wall."""
HALF_AP_MM = (15.0, 15.5, 16.2, 16.8, 17.2, 17.5, 17.0, 10.5, 7.5)
HALF_WIDTH_MM = (19.5, 21.0, 22.5, 24.0, 25.0, 26.0, 26.5, 21.0, 17.0)
CANAL_AP_MM = (17.0, 17.2, 17.5, 17.2, 17.0, 17.5, 17.5, 11.0, 7.0)
CANAL_HALF_MM = (11.5, 11.5, 11.6, 11.8, 12.2, 13.0, 14.0, 12.0, 9.0)
SAC_HALF_AP_MM = (7.4, 7.5, 7.6, 7.5, 7.3, 7.1, 6.1, 3.4, 0.4)
SAC_HALF_WIDTH_MM = (8.8, 8.9, 9.0, 9.0, 9.0, 8.8, 7.6, 4.6, 0.5)
HEIGHT_MM = (6.0, 7.0, 8.5, 9.5, 10.5, 11.0, 10.0, 3.0, 1.6)

RECESS_MM = ((5.8, 6.4), (4.0, 4.5), (2.7, 3.2), (1.2, 1.8))
"""Depth of the lateral recess by grade: 5 mm or more is normal, 3 mm or less narrow."""
FORAMEN_MM = ((8.2, 9.0), (5.2, 6.0), (3.2, 4.0), (1.2, 2.0))
"""Depth of the foraminal window at the disc by grade."""
LOSS = ((0.0, 0.0), (0.12, 0.30), (0.37, 0.63), (0.70, 0.86))
"""Share of the sac's area that is lost by central grade; Lurie's limits are a third and two thirds."""


@dataclass(frozen=True, slots=True)
class Grades:
    """What is true of one level, each 0 (none) to 3 (severe); pairs are (left, right)."""

    central: int = 0
    recess: tuple[int, int] = (0, 0)
    foraminal: tuple[int, int] = (0, 0)

    @property
    def worst(self) -> int:
        """The highest grade of the level."""
        return max(self.central, *self.recess, *self.foraminal)


@dataclass(frozen=True, slots=True)
class Disc:
    """A disc and how the canal is narrowed behind it.

    Parameters
    ----------
    degeneration:
        0 (bright, high) to 1 (dark, low).
    squeeze:
        How strongly the sac is pressed, 0 for not at all; found from the share that shall be lost.
    front:
        The part of the pressure that comes from the disc; the rest comes from flavum and facets.
    hernia_u_mm, hernia:
        Where a herniation lies and how high it is for a squeeze of 1, in mm; 0 for none.
    centre_w_mm:
        Where along the canal the narrowing is greatest.
    recess_mm, foramen_mm:
        Depth of lateral recess and foramen, (left, right).
    """

    name: str
    s_mm: float
    height_mm: float
    degeneration: float
    squeeze: float = 0.0
    front: float = 0.5
    hernia_u_mm: float = 0.0
    hernia: float = 0.0
    centre_w_mm: float = 0.0
    recess_mm: tuple[float, float] = (6.0, 6.0)
    foramen_mm: tuple[float, float] = (8.5, 8.5)


@dataclass(frozen=True, slots=True)
class Curve:
    """The posterior wall of the vertebral bodies in the midline, sampled along s; all (K,)."""

    s: Floats
    y: Floats
    z: Floats
    angle: Floats

    def frame(self, y: Floats, z: Floats) -> tuple[Floats, Floats]:
        """Coordinates s and v of places (N,) in LPS mm."""
        few = slice(None, None, 8)
        far = (y[:, None] - self.y[few]) ** 2 + (z[:, None] - self.z[few]) ** 2
        s = self.s[few][np.argmin(far, axis=1)]
        bend = np.gradient(self.angle, self.s)
        for _ in range(3):
            angle = np.interp(s, self.s, self.angle)
            dy, dz = y - np.interp(s, self.s, self.y), z - np.interp(s, self.s, self.z)
            v: Floats = np.cos(angle) * dy + np.sin(angle) * dz
            along = np.sin(angle) * dy - np.cos(angle) * dz
            s = s + along / np.clip(1.0 - np.interp(s, self.s, bend) * v, 0.4, None)
        return s, v

    def place(self, s: float, v: float) -> tuple[float, float]:
        """(y, z) in LPS mm of spinal coordinates."""
        angle = float(np.interp(s, self.s, self.angle))
        y, z = float(np.interp(s, self.s, self.y)), float(np.interp(s, self.s, self.z))
        return y + v * float(np.cos(angle)), z + v * float(np.sin(angle))


@dataclass(frozen=True, slots=True)
class Spine:
    """A phantom patient's spine.

    Parameters
    ----------
    size:
        Factor on the sizes of bones.
    canal, sac:
        Factors on the sizes of canal and dural sac.
    bow:
        (amplitude in mm, length in mm, phase) of a slight sideways bow.
    conus_mm:
        s of the tip of the cord.
    roots:
        (K, 2): places of the roots in the sac, as parts of its half-width and half-depth.
    back_mm:
        v of the skin.
    """

    curve: Curve
    discs: tuple[Disc, ...]
    size: float
    canal: float
    sac: float
    bow: tuple[float, float, float]
    conus_mm: float
    roots: Floats
    back_mm: float
    sex: str
    age_y: int

    def along(self, values: tuple[float, ...], s: Floats, factor: float = 1.0) -> Floats:
        """A measure that is given at each disc, at any s."""
        places = [disc.s_mm for disc in self.discs]
        return np.asarray(np.interp(s, places, values) * factor, np.float32)

    def middle(self, s: Floats) -> Floats:
        """X of the midline in mm."""
        height, length, phase = self.bow
        return np.asarray(height * np.sin(s / length + phase), np.float32)


def draw_spine(grades: tuple[Grades, ...], rng: np.random.Generator) -> Spine:
    """A spine with these grades at L1/L2 to L5/S1, its sac not yet pressed.

    Parameters
    ----------
    grades:
        Of the five levels.
    """
    sex = "F" if rng.random() < 0.5 else "M"
    burden = float(np.mean([level.worst for level in grades])) / 3.0
    age = int(np.clip(rng.normal(46 + 20 * burden, 13), 22, 88))
    size = float(np.clip(rng.normal(0.97 if sex == "F" else 1.04, 0.04), 0.88, 1.14))
    gaps = np.array(GAPS_MM) * size * rng.uniform(0.97, 1.03, len(GAPS_MM))
    places = np.concatenate([[0.0], np.cumsum(gaps)])
    places -= places[DISCS.index("L3/L4")]
    curve = _curve(places, rng)
    discs = tuple(_disc(index, float(s), grades, age, size, rng) for index, s in enumerate(places))
    return Spine(
        curve=curve,
        discs=discs,
        size=size,
        canal=float(np.clip(rng.normal(1.0, 0.05), 0.9, 1.12)),
        sac=float(np.clip(rng.normal(1.04, 0.06), 0.92, 1.14)),
        bow=(float(rng.normal(0.0, 1.6)), float(rng.uniform(45, 80)), float(rng.uniform(0, 6.28))),
        conus_mm=float(places[FIRST] - rng.uniform(8.0, 34.0)),
        roots=_roots(rng),
        back_mm=float(rng.uniform(70.0, 90.0)),
        sex=sex,
        age_y=age,
    )


def _curve(places: Floats, rng: np.random.Generator) -> Curve:
    from scipy.interpolate import PchipInterpolator  # noqa: PLC0415 - slow to load

    lordosis = float(np.clip(rng.normal(1.0, 0.17), 0.65, 1.3))
    angles = np.radians(np.array(ANGLES_DEG) * lordosis + rng.normal(0.0, 1.2, len(ANGLES_DEG)))
    s = np.arange(places[0] - 60.0, places[-1] + 60.0, 1.0)
    ends = np.concatenate([[s[0] - 1], places, [s[-1] + 1]])
    angle = PchipInterpolator(ends, np.concatenate([[angles[0] * 0.7], angles, [angles[-1] * 1.05]]))(s)
    y, z = np.cumsum(np.sin(angle)), -np.cumsum(np.cos(angle))
    return Curve(s, y - np.interp(0.0, s, y), z - np.interp(0.0, s, z), angle)


def _disc(
    index: int, s: float, grades: tuple[Grades, ...], age_y: int, size: float, rng: np.random.Generator
) -> Disc:
    wear = float(np.clip(rng.normal((age_y - 25) / 70.0, 0.27), 0.0, 1.0))
    lumbar = FIRST <= index < SACRAL
    level = grades[index - FIRST] if lumbar else Grades()
    if lumbar:
        wear = float(np.clip(wear * 0.85 + 0.1 * level.worst * rng.uniform(0.0, 1.6), 0.0, 1.0))
    height = HEIGHT_MM[index] * size * float(rng.uniform(0.92, 1.08)) * (1.0 - 0.42 * wear * (index < SACRAL))
    herniated = level.central > 0 and rng.random() < 0.45
    recess = [float(rng.uniform(*RECESS_MM[grade])) for grade in level.recess]
    foramen = [float(rng.uniform(*FORAMEN_MM[grade])) for grade in level.foraminal]
    return Disc(
        name=DISCS[index],
        s_mm=s,
        height_mm=height,
        degeneration=wear,
        front=float(rng.uniform(0.3, 0.7)),
        hernia_u_mm=float(rng.uniform(-5.0, 5.0)),
        hernia=float(rng.uniform(3.0, 6.0)) if herniated else 0.0,
        recess_mm=(recess[0], recess[1]),
        foramen_mm=(foramen[0], foramen[1]),
    )


def _roots(rng: np.random.Generator) -> Floats:
    """Roots of the cauda equina: they sink to the back of a supine patient's sac."""
    places = []
    for turn in np.linspace(-1.0, 1.0, 9):
        for ring in (0.42, 0.74):
            u = np.sin(turn * 1.35) * ring + rng.normal(0.0, 0.03)
            v = np.cos(turn * 1.35) * ring * 0.9 + 0.05 + rng.normal(0.0, 0.04)
            places.append((u, v))
    return np.array(places, np.float32)
