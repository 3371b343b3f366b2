"""Phantom lumbar MRI whose stenosis is known at every level: central canal, lateral recesses, foramina.

Each study has an axial and a sagittal T2 series of one spine. The central grade is the share of the dural sac's
area that is lost on the level's slice (Lurie 2008, Spine 33:1605); recesses and foramina are as deep as their
grade says.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.phantoms.dicom import PhantomSeries, PhantomStudy, in_processes, write_study, write_table
from data.phantoms.lumbar import LEVELS, SIDES, Grades, Spine, draw_spine
from data.phantoms.lumbar_axial import Stack, axial_stack, disc_middle, level_slice, pressed
from data.phantoms.lumbar_sagittal import sagittal_stack
from data.phantoms.lumbar_scene import Tissues, render
from data.phantoms.lumbar_signal import draw_tissues, received, stored

BLOCK = 8
"""Of so many phantoms in a row each level is normal in half, and each site has every grade once in the others."""
STRUCTURES = (
    "disc",
    "dural_sac",
    "nerve_root",
    "foraminal_window",
    "spinal_canal",
    "herniation",
    "kidney",
    "muscle",
    "vein",
    "artery",
    "facet",
    "lateral_recess",
    "spinous_process",
    "facet_joint",
    "articular_process",
    "ligamentum_flavum",
)
"""Labels of the question ``structures``, on axial pages. Roots lie in the sac, the sac in the canal."""
SAGITTAL = (
    "disc",
    "vertebra",
    "sacrum",
    "canal",
    "cord",
    "posterior_longitudinal_ligament",
    "spinous_process",
)
"""Labels of the question ``sagittal``; the cord is with its roots."""


@dataclass(frozen=True, slots=True)
class LevelTruth:
    """What is true of one level, measured on its axial slice.

    Parameters
    ----------
    name:
        ``L4/L5``.
    axial_slice:
        The slice nearest to the disc's middle, from 0; it is also the page.
    grades:
        0 (none) to 3 (severe).
    sac_mm2, normal_sac_mm2:
        Area of the dural sac, and what it would be without stenosis.
    canal_mm2, canal_ap_mm, canal_width_mm:
        Area of the bony canal, its depth in its middle, its greatest width.
    middle_mm:
        x, y, z of the disc's middle in LPS.
    """

    name: str
    axial_slice: int
    grades: Grades
    sac_mm2: float
    normal_sac_mm2: float
    canal_mm2: float
    canal_ap_mm: float
    canal_width_mm: float
    middle_mm: tuple[float, float, float]

    @property
    def loss(self) -> float:
        """The share of the normal sac that is lost, 0 to 1."""
        return 1.0 - self.sac_mm2 / self.normal_sac_mm2


@dataclass(frozen=True, slots=True)
class LumbarPhantom:
    """A phantom lumbar MRI: the study, whose series are axial and sagittal, and the truth of L1/L2 to L5/S1."""

    study: PhantomStudy
    levels: tuple[LevelTruth, ...]


def study(number: int, *, seed: int = 0) -> LumbarPhantom:
    """The phantom with this number; it depends on seed and number alone."""
    grades = _plan(number, seed)
    rng = np.random.default_rng((seed, number, 1))
    free = draw_spine(grades, rng)
    axial, sagittal = axial_stack(free, rng), sagittal_stack(free, rng)
    spine, normal_mm2 = pressed(free, axial, grades, rng)
    tissues, soft = draw_tissues(rng), (seed, number, 2)
    first, outlines = _series("Axial T2", spine, axial, tissues, soft, rng)
    second, beside = _series("Sagittal T2", spine, sagittal, tissues, soft, rng)
    truths = tuple(_truth(spine, axial, index, grades[index], normal_mm2[index], outlines) for index in range(5))
    pages = sorted({level.axial_slice for level in truths})
    masks = {
        "structures": _paged({label: outlines[label] for label in STRUCTURES if label in outlines}, pages, 0),
        "sagittal": _paged(
            {label: beside[label] for label in SAGITTAL}, range(len(second.pixels)), axial.shape[0]
        ),
    }
    made = PhantomStudy(
        patient=f"phantom-{number:04d}",
        study=f"phantom-lumbar-{seed}-{number:04d}",
        sex=spine.sex,
        age_y=spine.age_y,
        description="Lumbar spine MRI, phantom",
        body_part="LSPINE",
        series=(first, second),
        answers=_answers(grades),
        masks=masks,
    )
    return LumbarPhantom(made, truths)


def truth_of(number: int, *, seed: int = 0) -> dict[str, str]:
    """The grades of the phantom with this number by ``question@site``, without making it."""
    return _answers(_plan(number, seed))


def write(count: int, folder: Path, *, seed: int = 0, first: int = 0, labels: Path | None = None) -> list[Path]:
    """Write phantoms number ``first`` and on as DICOM files and masks, in two processes; their folders come back.

    Parameters
    ----------
    labels:
        A CSV file with the columns path (the first axial slice, relative to ``folder``), patient, a grade 0 to 3
        for each ``question@site``, and ``structures`` and ``sagittal``: files of masks by ``label@page``. Pages
        are the axial slices, to the head, and after them the sagittal ones, from left to right. Axial masks stand
        on the five levels' slices alone.
    """
    rows = in_processes(partial(_write_one, folder=folder, seed=seed), range(first, first + count))
    if labels is not None:
        write_table(labels, rows)
    return [folder / row["patient"] for row in rows]


def _write_one(number: int, *, folder: Path, seed: int) -> dict[str, str]:
    return write_study(study(number, seed=seed).study, folder)


def _plan(number: int, seed: int) -> tuple[Grades, ...]:
    """The grades of one number at the five levels; within a block a patient's and a level's sites go together."""
    block, place = divmod(number, BLOCK)
    rng = np.random.default_rng((seed, block, 0))
    burden = rng.normal(size=BLOCK)
    levels = []
    for _ in LEVELS:
        share = 0.6 * burden + rng.normal(size=BLOCK)
        affected = np.argsort(share)[BLOCK // 2 :]
        sites = np.zeros((5, BLOCK), int)
        for site in sites:
            order = affected[np.argsort(share[affected] + 0.9 * rng.normal(size=len(affected)))]
            site[order] = range(len(order))
        central, *others = (int(grade) for grade in sites[:, place])
        levels.append(Grades(central, (others[0], others[1]), (others[2], others[3])))
    return tuple(levels)


def _answers(grades: tuple[Grades, ...]) -> dict[str, str]:
    cells = {}
    for name, level in zip(LEVELS, grades, strict=True):
        cells[f"central@level:{name}"] = str(level.central)
        for index, side in enumerate(SIDES):
            cells[f"recess@level:{name}:{side}"] = str(level.recess[index])
            cells[f"foraminal@level:{name}:{side}"] = str(level.foraminal[index])
    return cells


def _series(
    description: str,
    spine: Spine,
    stack: Stack,
    tissues: Tissues,
    soft: tuple[int, ...],
    rng: np.random.Generator,
) -> tuple[PhantomSeries, dict[str, NDArray[np.bool_]]]:
    """A series, and its masks (slices, rows, columns) by label."""
    yz, x = stack.grid()
    picture, masks = render(spine, yz, x, tissues, soft)
    pixels, window = stored(stack.stacked(received(picture, yz, x, rng)), rng)
    attributes = {
        "ScanningSequence": "SE",
        "SequenceVariant": "SK",
        "ScanOptions": "",
        "MRAcquisitionType": "2D",
        "RepetitionTime": "3500",
        "EchoTime": "100",
        "MagneticFieldStrength": "1.5",
    }
    series = PhantomSeries("MR", description, pixels, stack.affine, window, attributes)
    return series, {label: stack.stacked(mask) for label, mask in masks.items()}


def _truth(
    spine: Spine,
    stack: Stack,
    index: int,
    grades: Grades,
    normal_mm2: float,
    masks: dict[str, NDArray[np.bool_]],
) -> LevelTruth:
    number = level_slice(spine, stack, index)
    pixel = float(np.linalg.norm(stack.affine[:3, 1]))
    canal, sac = masks["spinal_canal"][number], masks["dural_sac"][number]
    middle = round(float(np.nonzero(canal)[1].mean()))
    return LevelTruth(
        name=LEVELS[index],
        axial_slice=number,
        grades=grades,
        sac_mm2=int(sac.sum()) * stack.pixel_mm2,
        normal_sac_mm2=normal_mm2,
        canal_mm2=int(canal.sum()) * stack.pixel_mm2,
        canal_ap_mm=float(canal[:, middle].sum()) * pixel,
        canal_width_mm=float(canal.sum(axis=1).max()) * pixel,
        middle_mm=disc_middle(spine, index),
    )


def _paged(
    masks: dict[str, NDArray[np.bool_]], slices: list[int] | range, first_page: int
) -> dict[str, NDArray[np.bool_]]:
    """Masks of some slices by ``label@page``, where there is something."""
    return {
        f"{label}@{first_page + number}": np.ascontiguousarray(mask[number])
        for number in slices
        for label, mask in masks.items()
        if mask[number].any()
    }
