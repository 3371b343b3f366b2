"""A file of masks: outlines that came with the data, as answers page by page.

Two forms are read. A ``.npz`` file holds one binary array a label, named ``label`` with (pages, rows, columns) or
(rows, columns), or ``label@page`` with one page (from 0), so that labels may overlap and pages differ in size. A
label map (PNG, NIfTI, MHA) holds whole numbers: 0 is background, k the k-th label of the question.
"""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.answers import Answer, Mask, MaskValue, Question, Site
from data.blobs import Blobs
from data.errors import AnswerError

Pages = dict[int, dict[str, NDArray[np.bool_]]]
"""By page, from 0: the mask of each label."""
NIFTI = (".nii", ".nii.gz")
LABEL_MAPS = (".png", ".mha", *NIFTI)
Shown = Callable[[int], Sequence[int]]
"""Of so many slices, those that are the task's pages, in order."""


def all_slices(count: int) -> Sequence[int]:
    """Every slice is a page."""
    return range(count)


def read_masks(path: Path, question: Question, blobs: Blobs, *, shown: Shown = all_slices) -> list[Answer]:
    """The answers that a file of masks gives to a question: one for each page that has a mask.

    Parameters
    ----------
    question:
        Whose kind is a Mask.
    blobs:
        Where the masks are kept.
    shown:
        Which slices of a stack are pages; masks on others are left out.

    Raises
    ------
    AnswerError
        The file cannot be read, or holds a label or value that the question does not have.
    """
    kind = question.kind
    assert isinstance(kind, Mask)  # noqa: S101 - the caller looked
    name = path.name.lower()
    try:
        if name.endswith(".npz"):
            pages = _packed(path, kind, shown)
        elif name.endswith(LABEL_MAPS):
            pages = _label_map(path, kind, shown)
        else:
            raise AnswerError(
                "That is no file of masks.", given=path.name, expected=f".npz, {', '.join(LABEL_MAPS)}"
            )
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise AnswerError(
            "The file of masks cannot be read.", given=f"{path.name}: {error}", expected="a whole file"
        ) from error
    answers = []
    for page, masks in sorted(pages.items()):
        shapes = {mask.shape for mask in masks.values()}
        if len(shapes) != 1:
            raise AnswerError(f"Masks of page {page} differ in size.", given=sorted(shapes), expected="one size")
        kept = tuple(sorted((label, blobs.put_mask(mask)) for label, mask in masks.items() if mask.any()))
        if kept:
            rows, columns = shapes.pop()
            answers.append(Answer(question.name, Site.page(page), MaskValue((rows, columns), kept)))
    return answers


def _packed(path: Path, kind: Mask, shown: Shown) -> Pages:
    pages: Pages = {}
    with np.load(path, allow_pickle=False) as file:
        for name in file.files:
            label, _, page = name.partition("@")
            _known(label, kind)
            array = file[name] != 0
            if page and (array.ndim != 2 or not page.isdecimal()):
                raise AnswerError("That is no page of masks.", given=name, expected="label@page, (rows, columns)")
            for offset, mask in _stack(array, name, shown):
                pages.setdefault(int(page or 0) + offset, {})[label] = mask
    return pages


def _label_map(path: Path, kind: Mask, shown: Shown) -> Pages:
    pages: Pages = {}
    for page, values in _stack(_values(path), path.name, shown):
        present = [int(value) for value in np.unique(values) if value]
        if any(value < 0 or value > len(kind.labels) for value in present):
            raise AnswerError(
                "A label map holds a value without a label.",
                given=present,
                expected=f"0 to {len(kind.labels)}: {', '.join(kind.labels)}",
            )
        for value in present:
            pages.setdefault(page, {})[kind.labels[value - 1]] = values == value
    return pages


def _values(path: Path) -> NDArray[Any]:
    """Whole numbers, (rows, columns) or (slices, rows, columns) as the image of the same geometry comes in."""
    name = path.name.lower()
    if name.endswith(".png"):
        from data.ingest.pictures import read_picture  # noqa: PLC0415 - loads Pillow

        array: NDArray[Any] = read_picture(path.read_bytes())[1]
    elif name.endswith(NIFTI):
        from data.ingest.nifti import read_nifti  # noqa: PLC0415 - loads nibabel

        content = path.read_bytes()
        array = read_nifti(gzip.decompress(content) if name.endswith(".gz") else content)[1]
    else:
        from data.ingest.metaimage import read_metaimage  # noqa: PLC0415 - loads SimpleITK

        array = read_metaimage(path.read_bytes())[1]
    if array.dtype.kind == "f" and not np.array_equal(array, np.rint(array)):
        raise AnswerError("A label map holds broken numbers.", given=path.name, expected="whole numbers")
    return array


def _stack(array: NDArray[Any], name: str, shown: Shown) -> Iterator[tuple[int, NDArray[Any]]]:
    if array.ndim not in (2, 3):
        raise AnswerError("Masks have two or three axes.", given=f"{name}: {array.shape}")
    stack = array if array.ndim == 3 else array[None]
    yield from ((page, stack[index]) for page, index in enumerate(shown(len(stack))))


def _known(label: str, kind: Mask) -> None:
    if label not in kind.labels:
        raise AnswerError("There is no such label.", given=label, expected=f"one of {', '.join(kind.labels)}")
