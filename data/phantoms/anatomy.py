"""The measures of a random thorax, and the smooth curves that its parts follow.

Patient coordinates in mm: x to the patient's left, y to the back, z to the head; z = 0 is the height of the right
diaphragm's dome.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Heights: TypeAlias = "Floats | np.float32 | float"
"""One height or many, in mm."""

CAVITY_POWER = 2.4
"""Exponent of the superellipse that the thoracic cavity is in every axial plane; 2 is an ellipse."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The measures of one person. Lengths are in mm, angles in degrees."""

    sex: str
    age_y: int
    apex_mm: float
    """Height of the lung apices above the dome of the right diaphragm."""
    half_width_mm: float
    """Half the greatest inner width of the chest."""
    depth_mm: float
    """Greatest depth of the chest before the middle of the vertebral bodies."""
    wall_mm: float
    """Muscle and fat over the ribs."""
    fat_mm: float
    kyphosis_mm: float
    scoliosis_mm: float
    left_dome_mm: float
    """Height of the left dome over the right one; mostly negative."""
    recess_mm: float
    """How far the lung goes down behind the dome, at the side of the chest."""
    heart_scale: float
    heart_shift_mm: float
    arch_mm: float
    """Radius of the aorta."""
    breast_mm: float
    """Radius of the breasts; 0 where they cast no shadow."""
    belly_mm: float
    bone: float
    """Density of bone relative to a healthy young adult."""
    arms_raised: bool
    arms_forward_mm: tuple[float, float]
    """How far the right and the left shoulder are held forward of where they rest."""
    scapula_out_mm: float
    """How far the shoulder blades are turned out of the lung fields."""

    def ratio(self, z: Heights) -> Floats:
        """0 at the widest level of the chest and below, 1 at the apices."""
        return np.asarray(np.clip((z - 15.0) / (self.apex_mm - 15.0), 0.0, 1.0), np.float32)

    def apex_x_mm(self) -> float:
        """Distance of the lung apices from the midline."""
        return 0.36 * self.half_width_mm

    def half_width(self, z: Heights) -> Floats:
        """Half the width of the cavity at the heights ``z``."""
        up = (1.0 - self.ratio(z) ** 3.0) ** 0.62
        low = 1.0 - 0.06 * np.clip(-z / 100.0, 0.0, 1.0)
        return np.asarray((self.apex_x_mm() + (self.half_width_mm - self.apex_x_mm()) * up) * low, np.float32)

    def spine_y(self, z: Heights) -> Floats:
        """The middle of the vertebral bodies: kyphosis of the chest, lordosis of the neck and the loin."""
        bend = (z / self.apex_mm - 0.42) / 0.72
        neck = np.clip((z - self.apex_mm) / 80.0, 0.0, 1.5)
        return np.asarray(60.0 - self.kyphosis_mm * np.minimum(bend * bend, 1.6) - 10.0 * neck, np.float32)

    def spine_x(self, z: Heights) -> Floats:
        """The sideways curve of the spine."""
        return np.asarray(self.scoliosis_mm * np.sin(2.2 * np.pi * (z / self.apex_mm - 0.1)), np.float32)

    def back_y(self, z: Heights) -> Floats:
        """The inner face of the chest's back."""
        return np.asarray(self.spine_y(z) + 31.0 - 12.0 * self.ratio(z) ** 3, np.float32)

    def front_y(self, z: Heights) -> Floats:
        """The inner face of the chest's front."""
        ratio = self.ratio(z)
        return np.asarray(60.0 - self.depth_mm + 0.52 * self.depth_mm * ratio**1.7, np.float32)

    def cavity_y(self, z: Heights) -> tuple[Floats, Floats]:
        """The middle of the cavity and half its depth, rounded off at the apices."""
        back, front = self.back_y(z), self.front_y(z)
        round_off = 0.25 + 0.75 * np.sqrt(np.clip(1.0 - self.ratio(z) ** 8, 0.0, 1.0))
        return np.asarray((back + front) / 2, np.float32), np.asarray((back - front) / 2 * round_off, np.float32)


def draw_anatomy(rng: np.random.Generator, *, arms_raised: bool, frontal_at_detector: bool = True) -> Anatomy:
    """Draw the measures of one person.

    Parameters
    ----------
    arms_raised:
        Arms over the head, as for a lateral view.
    frontal_at_detector:
        Shoulders rolled forward, which turns the shoulder blades out of the lung fields (PA).
    """
    female = bool(rng.random() < 0.5)
    size = (0.93 if female else 1.0) * float(np.exp(rng.normal(0.0, 0.045)))
    stout = float(np.clip(rng.normal(0.0, 1.0), -1.6, 2.4))
    age = int(rng.integers(18, 90))
    breathes = float(rng.normal(0.0, 1.0))
    return Anatomy(
        sex="F" if female else "M",
        age_y=age,
        apex_mm=size * (222.0 + 13.0 * breathes - 5.0 * stout),
        half_width_mm=size * (133.0 + 4.0 * stout + float(rng.normal(0.0, 4.0))),
        depth_mm=size * (158.0 + 7.0 * stout + 0.18 * (age - 50) + float(rng.normal(0.0, 8.0))),
        wall_mm=size * (19.0 + 3.0 * max(stout, -1.0)),
        fat_mm=7.0 + 5.5 * max(stout + 0.6, 0.0),
        kyphosis_mm=float(rng.uniform(16.0, 30.0)) + 0.12 * (age - 50),
        scoliosis_mm=float(rng.normal(0.0, 2.5)),
        left_dome_mm=float(np.clip(rng.normal(-12.0, 7.0), -28.0, 6.0)),
        recess_mm=float(rng.uniform(34.0, 58.0)),
        heart_scale=size * float(rng.uniform(0.9, 1.12)),
        heart_shift_mm=float(rng.normal(0.0, 4.0)),
        arch_mm=float(rng.uniform(11.5, 14.0)) + 0.04 * (age - 40),
        breast_mm=size * float(rng.uniform(42.0, 66.0)) if female else 0.0,
        belly_mm=10.0 + 16.0 * max(stout, 0.0) + float(rng.uniform(-8.0, 10.0)),
        bone=float(np.clip(1.08 - 0.005 * (age - 30) + rng.normal(0.0, 0.08), 0.65, 1.2)),
        arms_raised=arms_raised,
        arms_forward_mm=(float(rng.normal(0.0, 17.0)), float(rng.normal(0.0, 17.0))),
        scapula_out_mm=float(rng.uniform(28.0, 48.0) if frontal_at_detector else rng.uniform(-6.0, 20.0)),
    )


def shoulder_and_elbow(anatomy: Anatomy, side: int) -> tuple[Floats, Floats]:
    """The middles of the shoulder joint and of the elbow, (z, y, x) in mm; ``side`` is 1 for left, -1 right."""
    x = anatomy.half_width_mm + 26.0 + 0.3 * anatomy.scapula_out_mm
    if anatomy.arms_raised:
        forward = anatomy.arms_forward_mm[(side + 1) // 2]
        elbow = np.array((anatomy.apex_mm + 230.0, -125.0 - 2.5 * forward, side * (x - 50.0)), np.float32)
        return np.array((anatomy.apex_mm + 24.0, -2.0 - forward, side * (x - 14.0)), np.float32), elbow
    y = 5.0 - 0.5 * anatomy.scapula_out_mm
    elbow = np.array((-70.0, 20.0, side * (x + 75.0)), np.float32)
    return np.array((anatomy.apex_mm - 30.0, y, side * x), np.float32), elbow


def hilum_y(anatomy: Anatomy) -> float:
    """How far back the roots of the lungs lie, in mm."""
    spine = float(anatomy.spine_y(0.45 * anatomy.apex_mm))
    return 0.35 * spine + 0.65 * (60.0 - 0.55 * anatomy.depth_mm) + 4.0
