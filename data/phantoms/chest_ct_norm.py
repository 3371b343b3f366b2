"""Phantom chest CT studies of which it is known whether they are normal and, if not, which pathology they show.

Every study is a chest of its own: people, breath, contrast medium, scanner, dose and kernel vary alike with and
without pathology, so that brightness alone betrays little.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.errors import TaskError
from data.phantoms.anatomy import draw_anatomy
from data.phantoms.chest_ct_body import chest, finish
from data.phantoms.chest_ct_pathologies import PATHOLOGIES, UNSEEN, reshaped
from data.phantoms.chest_ct_scan import draw_scan, resliced, scanned
from data.phantoms.dicom import PhantomSeries, PhantomStudy, in_processes, write_study, write_table

OPTIONS = tuple(PATHOLOGIES)
"""The options of the question ``pathology``."""
BLOCK = 2 * len(OPTIONS)
"""So many numbers in a row hold each pathology once, and as many normal studies."""
LUNG_WINDOW = (-600.0, 1500.0)


@dataclass(frozen=True, slots=True, eq=False)
class ChestPhantom:
    """A phantom chest CT study and what is true of it.

    Parameters
    ----------
    study:
        One series of pixels in HU; ``answers`` and the mask ``region`` of a pathology in it.
    norm:
        ``normal`` or ``pathology``.
    pathology:
        One of :data:`OPTIONS`; empty where normal, and where the pathology is none of them.
    lungs:
        (slices, rows, columns), the lungs, aerated or not.
    """

    study: PhantomStudy
    norm: str
    pathology: str
    lungs: NDArray[np.bool_]


def truth_of(number: int, *, seed: int = 0) -> Mapping[str, str]:
    """What is true of the phantom with this number, without making it: ``norm`` and, if it applies, ``pathology``.

    Of every 8 in a row, from a multiple of 8 on, 4 are normal; of every 32 each pathology is there once.
    """
    return _answers(_planned(number, seed))


def study(
    number: int, *, seed: int = 0, size_px: int = 160, unseen: str = "", instead: str | None = None
) -> ChestPhantom:
    """The phantom with this number. It depends on the seed and its number alone.

    Parameters
    ----------
    size_px:
        Rows and columns.
    unseen:
        One of :data:`data.phantoms.chest_ct_pathologies.UNSEEN`, shown in place of what is planned.
    instead:
        One of :data:`OPTIONS`, shown in place of what is planned, or an empty word for a normal chest. Person and
        scanner stay the same.

    Raises
    ------
    TaskError
        There is no such pathology.
    """
    shown = _shown(number, seed, unseen, instead)
    person, scanner, lesion = (np.random.default_rng((seed, number, stage)) for stage in (1, 2, 3))
    anatomy = draw_anatomy(person, arms_raised=bool(person.random() < 0.9))
    blood_hu = float(person.uniform(130.0, 260.0) if person.random() < 0.25 else person.uniform(36.0, 48.0))
    ct = chest(reshaped(anatomy, shown, lesion), blood_hu, person)
    if shown:
        {**PATHOLOGIES, **UNSEEN}[shown](ct, lesion)
    finish(ct)
    scan = draw_scan(ct, size_px, scanner)
    pixels = scanned(ct, scan, scanner)
    region = resliced(ct.region, ct, scan, outside=0.0) > 0.25
    listed = shown if shown in PATHOLOGIES else ""
    answers = {"norm": "pathology", "pathology": listed} if shown else {"norm": "normal"}
    kernel = "sharp" if scan.sharpen > 0.7 else "soft"
    series = PhantomSeries(
        "CT", f"Chest {scan.step_mm:.1f} mm {kernel}", pixels, scan.affine(), LUNG_WINDOW, _attributes(blood_hu)
    )
    patient = f"phantom-{number:04d}" + (f"-{unseen}" if unseen else "")
    kept = PhantomStudy(
        patient=patient,
        study=f"phantom-chest-ct-{seed}-{patient}" + ("" if instead is None else f"-as-{instead}"),
        sex=anatomy.sex,
        age_y=anatomy.age_y,
        description="Chest CT, phantom",
        body_part="CHEST",
        series=(series,),
        answers=answers,
        masks={"region": {"region": region}} if shown else {},
    )
    return ChestPhantom(kept, answers["norm"], listed, resliced(ct.lungs, ct, scan, outside=0.0) > 0.5)


def write(
    count: int, folder: Path, *, seed: int = 0, first: int = 0, labels: Path | None = None, unseen: str = ""
) -> list[Path]:
    """Write phantom studies as DICOM, a folder each, and what is true of them as a table; the studies' folders.

    Parameters
    ----------
    labels:
        A CSV file with the columns path (of the first slice, relative to ``folder``), patient, norm and pathology;
        a question that does not apply is empty.
    unseen:
        As of :func:`study`.
    """
    rows = in_processes(partial(_write_one, folder=folder, seed=seed, unseen=unseen), range(first, first + count))
    if labels is not None:
        columns = ("path", "patient", "norm", "pathology")
        write_table(labels, [{column: row.get(column, "") for column in columns} for row in rows])
    return [folder / Path(row["path"]).parent for row in rows]


def _write_one(number: int, *, folder: Path, seed: int, unseen: str) -> dict[str, str]:
    return write_study(study(number, seed=seed, unseen=unseen).study, folder)


def _planned(number: int, seed: int) -> str:
    """The pathology of a number, empty where it is normal."""
    block, place = divmod(number, BLOCK)
    rng = np.random.default_rng((seed, block, 0))
    order = [str(name) for name in rng.permutation(OPTIONS)]
    eighths: list[str] = []
    for first in range(0, len(order), 4):
        eight = [*order[first : first + 4], "", "", "", ""]
        eighths += [eight[k] for k in rng.permutation(8)]
    return eighths[place]


def _answers(pathology: str) -> dict[str, str]:
    return {"norm": "pathology", "pathology": pathology} if pathology else {"norm": "normal"}


def _shown(number: int, seed: int, unseen: str, instead: str | None) -> str:
    """What a study shall show."""
    if unseen and unseen not in UNSEEN:
        raise TaskError(
            "No phantom shows that.", given=unseen, expected=", ".join(UNSEEN), do="choose one of them"
        )
    if instead and instead not in PATHOLOGIES:
        raise TaskError(
            "No phantom shows that.", given=instead, expected=", ".join(OPTIONS), do="choose one of them"
        )
    if unseen:
        return unseen
    return _planned(number, seed) if instead is None else instead


def _attributes(blood_hu: float) -> dict[str, object]:
    return {"ContrastBolusAgent": "Iodine"} if blood_hu > 80.0 else {}
