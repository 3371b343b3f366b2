"""Phantom PA radiographs whose extrapulmonary findings are known, with reports that fit.

Every radiograph is the projection of a thorax of its own; a finding is done to its anatomy
(:mod:`data.phantoms.pathology`) before it is projected, and the report (:mod:`data.phantoms.reports`) tells of it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from data.phantoms.anatomy import draw_anatomy
from data.phantoms.cxr_quality import PhantomRadiograph, beam_for, exposed, marked, write_dicom
from data.phantoms.dicom import in_processes
from data.phantoms.framing import framed, lung_shadow
from data.phantoms.pathology import changed, shaped
from data.phantoms.reports import Report, report_for
from data.phantoms.thorax import build

FINDINGS = (
    "enlarged_heart",
    "enlarged_heart_shadow",
    "unfolded_aorta",
    "dense_aorta",
    "aortic_atherosclerosis",
    "aortic_arch_sclerosis",
    "diaphragm_relaxation",
    "scoliosis",
    "vascular_hila",
)
"""The findings, in the order of their table of truths."""
CONFOUNDERS = ("pneumonia", "nodule", "petrifications")
NONE = "none"
BLOCK = 20
NORMAL = 8
"""Of so many radiographs in a row, normal ones."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a radiograph shall show."""

    findings: tuple[str, ...]
    confounders: tuple[str, ...]

    @property
    def normal(self) -> bool:
        """Whether it shows no sign of any pathology."""
        return not self.findings and not self.confounders

    @property
    def truth(self) -> Mapping[str, str]:
        """``findings``, joined by ``;``, or ``none``."""
        return {"findings": ";".join(self.findings) or NONE}


def plan_of(number: int, *, seed: int = 0) -> Plan:
    """What the radiograph with this number shows.

    Of every 20 in a row 8 are normal, 9 show one finding each, one shows two or three, one a finding with a
    confounder and one a confounder alone.
    """
    block, place = divmod(number, BLOCK)
    rng = np.random.default_rng((seed, block, 10))
    slot = int(rng.permutation(BLOCK)[place])
    several = tuple(int(index) for index in rng.choice(len(FINDINGS), int(rng.integers(2, 4)), replace=False))
    with_other = int(rng.integers(len(FINDINGS)))
    confounder = CONFOUNDERS[block % len(CONFOUNDERS)]
    if slot < NORMAL:
        return Plan((), ())
    if slot < NORMAL + len(FINDINGS):
        return Plan((FINDINGS[slot - NORMAL],), ())
    if slot == NORMAL + len(FINDINGS):
        return Plan(tuple(FINDINGS[index] for index in sorted(several)), ())
    return Plan((FINDINGS[with_other],) if slot == BLOCK - 2 else (), (confounder,))


def truth_of(number: int, *, seed: int = 0) -> Mapping[str, str]:
    """What is true of the radiograph with this number, without making it: ``findings``, joined by ``;``."""
    return plan_of(number, seed=seed).truth


def report_of(number: int, *, seed: int = 0) -> Report:
    """The report of the radiograph with this number, without making it."""
    plan = plan_of(number, seed=seed)
    return report_for((*plan.findings, *plan.confounders), np.random.default_rng((seed, number, 12)))


def generate(count: int, *, seed: int = 0, first: int = 0, size_px: int = 320) -> Iterator[PhantomRadiograph]:
    """Phantom radiographs number ``first`` to ``first + count - 1``, one a patient."""
    for number in range(first, first + count):
        yield radiograph(number, seed=seed, size_px=size_px)


def radiograph(number: int, *, seed: int = 0, size_px: int = 320, plan: Plan | None = None) -> PhantomRadiograph:
    """The phantom radiograph with this number; it depends on the seed and its number alone.

    Parameters
    ----------
    size_px:
        The longer side of the picture.
    plan:
        What it shall show in the place of :func:`plan_of`: the same person with another finding, or without.
    """
    plan = plan or plan_of(number, seed=seed)
    rng, own = (np.random.default_rng((seed, number, stream)) for stream in (11, 13))
    rotation = float(np.clip(rng.normal(0.0, 2.0), -5.0, 5.0))
    anatomy = draw_anatomy(rng, arms_raised=False)
    for name in (*plan.findings, *plan.confounders):
        anatomy = shaped(name, anatomy, own)
    thorax = build(anatomy, rng)
    for name in (*plan.findings, *plan.confounders):
        thorax = changed(name, thorax, own)
    beam = beam_for(thorax, "PA", rotation, rng)
    tilt = float(np.clip(rng.normal(0.0, 2.0), -6.0, 6.0))
    shadow = lung_shadow(thorax, beam, tilt, frontal=True)
    framing = framed(shadow, thorax, beam, tilt, frontal=True, cut=False, size_px=size_px, rng=rng)
    pixels = exposed(thorax, beam, framing, rng, frontal=True)
    pixel_mm = framing.detector.pixel_mm
    return PhantomRadiograph(
        patient=f"phantom-f{number:04d}",
        study=f"phantom-findings-{seed}-{number:04d}",
        pixels=marked(pixels, "PA", pixel_mm, rng),
        spacing_mm=(pixel_mm, pixel_mm),
        view="PA",
        sex=anatomy.sex,
        age_y=anatomy.age_y,
        truth=plan.truth,
        rotation_deg=rotation,
        lung_box_px=framing.lung_box_px,
        field_px=framing.field_px,
    )


def write(count: int, folder: Path, *, seed: int = 0, first: int = 0, labels: Path | None = None) -> list[Path]:
    """Write phantom radiographs as DICOM files, what is true of them as a table, and their reports.

    Parameters
    ----------
    labels:
        A CSV file with the columns path (relative to ``folder``), patient, findings and report. Beside it comes
        ``reports.csv`` with path, patient, language and report.
    """
    numbers = range(first, first + count)
    paths = in_processes(partial(_write_one, folder=folder, seed=seed), numbers)
    if labels is None:
        return paths
    told = [report_of(number, seed=seed) for number in numbers]
    rows = [(str(path.relative_to(folder)), path.stem) for path in paths]
    truths = [truth_of(number, seed=seed)["findings"] for number in numbers]
    _table(
        labels,
        ("path", "patient", "findings", "report"),
        [(*row, truth, report.text) for row, truth, report in zip(rows, truths, told, strict=True)],
    )
    _table(
        labels.with_name("reports.csv"),
        ("path", "patient", "language", "report"),
        [(*row, report.language, report.text) for row, report in zip(rows, told, strict=True)],
    )
    return paths


def _write_one(number: int, *, folder: Path, seed: int) -> Path:
    return write_dicom(radiograph(number, seed=seed), folder)


def _table(path: Path, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(columns)
        table.writerows(rows)
