"""SPIDER: sagittal lumbar MRI with outlined vertebrae, discs and canal (CC BY 4.0, Zenodo 10159290).

Folders ``images`` and ``masks`` hold files of the same names, ``<patient>_<sequence>...``: MetaImage volumes as
they are published, or PNG slices of them. Everything else of the spine is not outlined: it is not known, rather
than absent.

References
----------
van der Graaf et al.: Lumbar spine segmentation in MR images: a dataset and a public benchmark, Sci Data 11 (2024),
264.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.errors import UnsupportedFileError
from data.pixels import apply_window, robust_window, to_grey

VALUES: Mapping[str, tuple[tuple[int, int], ...]] = {
    "vertebra": ((1, 25), (101, 125), (76, 76)),
    "disc": ((201, 225), (29, 29)),
    "canal": ((100, 100), (150, 150)),
}
"""Ranges of mask values by label. Vertebrae count from the bottom (L5 is 1), 101 - 125 are partly visible ones,
and discs are 200 and more (L5/S1 is 201). Sliced masks without numbers have 76, 29 and 150."""
KNOWN = frozenset(VALUES)
"""The labels that the set says anything of."""
SUFFIXES = (".png", ".mha")


@dataclass(frozen=True, eq=False)
class SpiderSlice:
    """One sagittal slice.

    Parameters
    ----------
    image:
        (rows, columns), 8 bit.
    masks:
        (rows, columns) by label; a known label without a mask is not on the slice.
    patient:
        ``spider-107``; slices of one patient belong together.
    path:
        Of the image.
    index:
        In its volume; 0 for pictures.
    """

    image: NDArray[np.uint8]
    masks: Mapping[str, NDArray[np.bool_]]
    patient: str
    path: Path
    index: int = 0


def masks_of(values: NDArray[Any]) -> dict[str, NDArray[np.bool_]]:
    """The masks by label of a mask's values, of any shape; empty ones are left out.

    Raises
    ------
    UnsupportedFileError
        It has a value that the set does not use.
    """
    found = {
        label: np.any([(values >= low) & (values <= high) for low, high in ranges], axis=0)
        for label, ranges in VALUES.items()
    }
    odd = np.unique(values[(values != 0) & ~np.any(list(found.values()), axis=0)])
    if odd.size:
        raise UnsupportedFileError(
            "That is no mask of SPIDER.",
            given=f"values {', '.join(str(v) for v in odd[:8])}",
            expected="0, 1 - 25, 100, 101 - 125, 201 - 225; or 29, 76 and 150 of sliced masks",
            do="give the folder with the set's own images and masks",
        )
    return {label: mask for label, mask in found.items() if mask.any()}


def read_slices(folder: Path) -> Iterator[SpiderSlice]:
    """The slices of a folder of the set that have a mask, in the order of the file names.

    Parameters
    ----------
    folder:
        With ``images`` and ``masks``.

    Raises
    ------
    UnsupportedFileError
        There are no images, or a mask has another size or value than it may.
    DamagedFileError
        A file is broken.
    """
    paths = sorted(p for p in (folder / "images").glob("*") if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise UnsupportedFileError(
            "There are no SPIDER images.", given=folder, expected="a folder with images and masks, .mha or .png"
        )
    for path in paths:
        beside = folder / "masks" / path.name
        if not beside.is_file():
            continue
        image, values = _read(path), _read(beside)
        if image.shape != values.shape:
            raise UnsupportedFileError(
                "An image and its mask differ in size.",
                given=f"{path.name}: {image.shape} and {values.shape}",
                expected="the same size",
            )
        window = robust_window(image)
        patient = f"spider-{path.name.partition('_')[0]}"
        for index, (picture, mask) in enumerate(zip(image, values, strict=True)):
            shown = picture if picture.dtype == np.uint8 else apply_window(picture, window)
            yield SpiderSlice(np.ascontiguousarray(shown), masks_of(mask), patient, path, index)


def _read(path: Path) -> NDArray[Any]:
    """(slices, rows, columns) of a volume, (1, rows, columns) of a picture."""
    content = path.read_bytes()
    if path.suffix.lower() == ".png":
        from data.ingest.pictures import read_picture  # noqa: PLC0415 - loads Pillow

        array = read_picture(content)[1]
        return (to_grey(array) if array.ndim == 3 else array)[None]
    from data.ingest.metaimage import read_metaimage  # noqa: PLC0415 - loads SimpleITK

    return read_metaimage(content)[1]
