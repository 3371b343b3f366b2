"""The sagittal stack of a phantom lumbar spine."""

from __future__ import annotations

import numpy as np

from data.phantoms.lumbar import DISCS, Spine
from data.phantoms.lumbar_axial import Stack

SLICES = 13
ROWS_PX, COLUMNS_PX = 192, 144


def sagittal_stack(spine: Spine, rng: np.random.Generator) -> Stack:
    """Slices of 4 mm from left to right, rows to the feet, columns to the back; from T11 to the sacrum."""
    gap, pixel = float(rng.uniform(3.9, 4.3)), float(rng.uniform(1.36, 1.46))
    inside = (spine.curve.s > spine.discs[0].s_mm) & (spine.curve.s < spine.discs[DISCS.index("S2/S3")].s_mm)
    y, z = float(spine.curve.y[inside].mean()), float(spine.curve.z[inside].mean())
    middle = float(np.mean(spine.middle(spine.curve.s[inside]))) + float(rng.normal(0.0, 0.8))
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = (-gap, 0, 0), (0, 0, -pixel), (0, pixel, 0)
    affine[:3, 3] = (
        middle + gap * (SLICES - 1) / 2.0,
        y + 4.0 + float(rng.normal(0.0, 4.0)) - pixel * (COLUMNS_PX - 1) / 2.0,
        z + float(rng.normal(0.0, 4.0)) + pixel * (ROWS_PX - 1) / 2.0,
    )
    return Stack((SLICES, ROWS_PX, COLUMNS_PX), affine, across=0)
