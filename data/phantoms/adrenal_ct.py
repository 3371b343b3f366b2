"""Phantom abdominal CT studies with adrenal lesions whose place, size, phenotype and washout are known.

Unenhanced always, in a third of the studies with portal venous and delayed series on the same grid. The phenotype
shows in the combination of size, margin, texture, HU and washout; the range of each overlaps with the others'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.phantoms.abdomen import LEFT, RIGHT, Abdomen, Canvas, body_wall, draw_abdomen, lung_bases
from data.phantoms.abdomen_organs import organs
from data.phantoms.adrenal_lesions import PHENOTYPES, Draft, Texture, draft, lesion_mask, paint_lesion
from data.phantoms.adrenals import Shape, Size, glands, place_of, scaled
from data.phantoms.dicom import PhantomSeries, PhantomStudy, in_processes, write_study, write_table

BLOCK = 20
"""Studies among which the truths are balanced."""
COUNTS = (0,) * 7 + (1,) * 9 + (2,) * 3 + (3,)
"""Lesions of the studies of a block: 18, six of each phenotype."""
PHASES = (
    ("Abdomen unenhanced", "", "120000"),
    ("Abdomen portal venous", "Iohexol", "120110"),
    ("Abdomen delayed 15 min", "Iohexol", "121500"),
)
"""Description, contrast agent and acquisition time of the series."""
WINDOW = (40.0, 400.0)


@dataclass(frozen=True, slots=True)
class LesionTruth:
    """What is true of a lesion.

    Parameters
    ----------
    number:
        From 1: from head to feet by the mask's centroid, then from the patient's right to the left.
    side:
        ``right`` or ``left``.
    long_mm, short_mm:
        The greatest diameter in a transverse plane, and the width across it in that plane, of the shape.
    volume_mm3:
        Of the mask.
    shape_mm3:
        Of the shape, without voxels.
    centroid_mm:
        LPS x, y and z of the mask's centroid.
    unenhanced_hu, portal_hu, delayed_hu:
        Means in the mask before noise; None where the study has no such series.
    """

    number: int
    phenotype: str
    side: str
    long_mm: float
    short_mm: float
    volume_mm3: float
    shape_mm3: float
    centroid_mm: tuple[float, float, float]
    unenhanced_hu: float
    portal_hu: float | None = None
    delayed_hu: float | None = None

    @property
    def label(self) -> str:
        """Of its mask."""
        return f"lesion_{self.number}"

    @property
    def absolute_washout_pct(self) -> float | None:
        """(portal - delayed) / (portal - unenhanced) (Korobkin et al., AJR 1998;170:747); None without series."""
        if self.portal_hu is None or self.delayed_hu is None:
            return None
        return 100.0 * (self.portal_hu - self.delayed_hu) / (self.portal_hu - self.unenhanced_hu)

    @property
    def relative_washout_pct(self) -> float | None:
        """(portal - delayed) / portal; None without series."""
        if self.portal_hu is None or self.delayed_hu is None:
            return None
        return 100.0 * (self.portal_hu - self.delayed_hu) / self.portal_hu


@dataclass(frozen=True, slots=True)
class AdrenalPhantom:
    """A phantom study and its lesions, in the order of their numbers.

    Question ``lesions`` of ``study.masks`` has (slices, rows, columns) of series 0, the unenhanced one.
    """

    study: PhantomStudy
    lesions: tuple[LesionTruth, ...]


@dataclass(frozen=True, slots=True)
class _Lesion:
    """A lesion as it is planned: shape and texture, and the truth that follows."""

    shape: Shape
    texture: Texture
    truth: LesionTruth


@dataclass(frozen=True, slots=True)
class _Plan:
    """A study before it has pixels."""

    abdomen: Abdomen
    phases: int
    lesions: tuple[_Lesion, ...]


def truth_of(number: int, *, seed: int = 0, size_px: int = 160) -> tuple[LesionTruth, ...]:
    """The lesions of the study with this number, without making its pixels; empty where there are none."""
    return tuple(lesion.truth for lesion in _plan(number, seed, size_px).lesions)


def study(number: int, *, seed: int = 0, size_px: int = 160) -> AdrenalPhantom:
    """The phantom study with this number; it depends on seed and number alone.

    Of every 20 in a row 7 have no lesion, 9 one, 3 two and one three: six of each phenotype.

    Parameters
    ----------
    size_px:
        Rows and columns; the field of view stays.
    """
    plan = _plan(number, seed, size_px)
    rng = np.random.default_rng((seed, number, 2))
    canvas = body_wall(plan.abdomen, size_px, plan.phases, rng)
    below = lung_bases(canvas)
    organs(canvas, below, rng)
    glands(canvas, rng)
    for lesion in plan.lesions:
        paint_lesion(canvas, lesion.shape, lesion.texture, rng)
    affine = plan.abdomen.affine(size_px)
    series = tuple(
        PhantomSeries(
            "CT",
            description,
            pixels,
            affine,
            WINDOW,
            {"ContrastBolusAgent": agent, "AcquisitionTime": time, "AcquisitionDate": "20240101", "KVP": "120"},
        )
        for (description, agent, time), pixels in zip(PHASES, _scanned(canvas, rng), strict=False)
    )
    truths = tuple(lesion.truth for lesion in plan.lesions)
    made = PhantomStudy(
        patient=f"phantom-{number:04d}",
        study=f"phantom-adrenal-{seed}-{number:04d}",
        sex=plan.abdomen.sex,
        age_y=plan.abdomen.age_y,
        description="CT abdomen, phantom",
        body_part="ABDOMEN",
        series=series,
        answers=answers(truths),
        masks=_masks(plan, canvas),
    )
    return AdrenalPhantom(made, truths)


def answers(lesions: tuple[LesionTruth, ...]) -> Mapping[str, str]:
    """The cells of the table of truths that these lesions fill, masks apart."""
    cells = {"finding": "lesion" if lesions else "no_lesion"}
    return cells | {f"phenotype@lesion:{lesion.number}": lesion.phenotype for lesion in lesions}


def _masks(plan: _Plan, canvas: Canvas) -> Mapping[str, Mapping[str, NDArray[np.bool_]]]:
    masks: dict[str, NDArray[np.bool_]] = {}
    for lesion in plan.lesions:
        window, distance = lesion_mask(canvas.grid, lesion.shape)
        mask = np.zeros(canvas.cavity.shape, bool)
        mask[window] = distance > 0
        masks[lesion.truth.label] = mask
    return {"lesions": masks} if masks else {}


def _scanned(canvas: Canvas, rng: np.random.Generator) -> list[NDArray[np.int16]]:
    """The series as a scanner gives them: with noise, grained in the slice and more in the middle of the body."""
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415 - slow to load

    grid, abdomen = canvas.grid, canvas.abdomen
    out = (grid.x / abdomen.half_width_mm) ** 2 + (grid.y / abdomen.half_depth_mm) ** 2
    level = float(rng.uniform(8.0, 14.0)) * (0.014 * abdomen.half_width_mm - 0.75)
    share = (level * (0.55 + 0.45 / (1.0 + out))).astype(np.float32)
    blur = float(rng.uniform(0.55, 0.85))
    scanned = []
    for phase in canvas.hu:
        noise = gaussian_filter(rng.standard_normal(phase.shape, np.float32), (0.25, blur, blur), mode="wrap")
        noise *= share / float(noise.std())
        noise += phase
        scanned.append(np.clip(np.rint(noise), -1024, 3071).astype(np.int16))
    return scanned


def _plan(number: int, seed: int, size_px: int) -> _Plan:
    phenotypes, enhanced = _drawn(number, seed)
    rng = np.random.default_rng((seed, number, 1))
    abdomen = draw_abdomen(rng)
    drafts = sorted((draft(name, rng) for name in phenotypes), key=lambda draft: -draft.long_mm)
    first = RIGHT if rng.random() < 0.5 else LEFT
    together = len(drafts) == 3 or (len(drafts) == 2 and rng.random() < 0.3)
    placed = []
    for index, one in enumerate(drafts):
        pair = together and index >= len(drafts) - 2  # the two smallest, one above the other
        long_mm = min(one.long_mm, 32.0 if pair else 0.70 * abdomen.half_width_mm)
        side = -first if index or pair else first
        up = 0.0 if not pair else 1.0 if index == len(drafts) - 1 else -1.0
        z, y, x = rng.normal(0.0, (1.2 if pair else 3.5, 1.5, 1.5))
        lift = up * (0.5 * long_mm + 3.0)
        shape, size = scaled(one.shape, long_mm)
        place = place_of(abdomen, side, long_mm / 2, (float(z), float(y), float(x)), lift)
        placed.append((one, side, replace(shape, centre=place), size))
    abdomen = _moved(abdomen, [(side, shape) for _, side, shape, _ in placed])
    return _Plan(abdomen, 3 if enhanced else 1, _numbered(abdomen, placed, enhanced, size_px))


def _drawn(number: int, seed: int) -> tuple[tuple[str, ...], bool]:
    """The phenotypes of a study's lesions, and whether it is enhanced; balanced over each block of 20."""
    block, place = divmod(number, BLOCK)
    rng = np.random.default_rng((seed, block, 0))
    counts = [COUNTS[slot] for slot in rng.permutation(BLOCK)]
    names = [PHENOTYPES[index % 3] for index in rng.permutation(sum(COUNTS))]
    # a third of the studies with lesions and of those without alike
    ranks = {count: iter(rng.permutation(counts.count(count)) + block) for count in sorted(set(counts))}
    enhanced = [int(next(ranks[count])) % 3 == 0 for count in counts]
    start = sum(counts[:place])
    return tuple(names[start : start + counts[place]]), enhanced[place]


def _moved(abdomen: Abdomen, lesions: list[tuple[int, Shape]]) -> Abdomen:
    """With each kidney pushed down by what lies above it."""
    right, left = abdomen.kidney_z_mm
    for side, shape in lesions:
        push = min(30.0, max(0.0, 0.9 * max(shape.axes) - 12.0))
        if side == RIGHT:
            right = min(right, abdomen.kidney_z_mm[0] - push)
        else:
            left = min(left, abdomen.kidney_z_mm[1] - push)
    return replace(abdomen, kidney_z_mm=(right, left))


def _numbered(
    abdomen: Abdomen, placed: list[tuple[Draft, int, Shape, Size]], enhanced: bool, size_px: int
) -> tuple[_Lesion, ...]:
    """The lesions in their order, measured."""
    grid, affine = abdomen.grid(size_px), abdomen.affine(size_px)
    found: list[_Lesion] = []
    for one, side, shape, size in placed:
        window, distance = lesion_mask(grid, shape)
        voxels = np.argwhere(distance > 0)
        centroid = affine[:3, :3] @ (voxels.mean(axis=0) + [part.start for part in window]) + affine[:3, 3]
        hu = one.texture.hu
        truth = LesionTruth(
            number=1,
            phenotype=one.phenotype,
            side="right" if side == RIGHT else "left",
            long_mm=size.long_mm,
            short_mm=size.short_mm,
            volume_mm3=float(len(voxels) * abs(np.linalg.det(affine[:3, :3]))),
            shape_mm3=size.volume_mm3,
            centroid_mm=(float(centroid[0]), float(centroid[1]), float(centroid[2])),
            unenhanced_hu=hu[0],
            portal_hu=hu[1] if enhanced else None,
            delayed_hu=hu[2] if enhanced else None,
        )
        found.append(_Lesion(shape, one.texture, truth))
    found.sort(key=lambda lesion: (-lesion.truth.centroid_mm[2], lesion.truth.centroid_mm[0]))
    return tuple(
        replace(lesion, truth=replace(lesion.truth, number=number)) for number, lesion in enumerate(found, 1)
    )


def write(count: int, folder: Path, *, seed: int = 0, first: int = 0, labels: Path | None = None) -> list[Path]:
    """Write phantom studies as DICOM, each in a folder of its own, in two processes where they are many.

    Parameters
    ----------
    labels:
        A CSV file with the columns path (relative to ``folder``), patient, finding, phenotype@lesion:1 ... and
        lesions (the masks' file); a cell that does not apply is empty.

    Returns
    -------
    list of Path
        Each study's first slice of its unenhanced series.
    """
    rows = in_processes(partial(_write_one, folder=folder, seed=seed), range(first, first + count))
    if labels is not None:
        write_table(labels, rows)
    return [folder / row["path"] for row in rows]


def _write_one(number: int, *, folder: Path, seed: int) -> dict[str, str]:
    return write_study(study(number, seed=seed).study, folder)
