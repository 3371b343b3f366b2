"""PNG and JPEG pictures: pixels without a header."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from data.errors import DamagedFileError, UnsupportedFileError
from data.ingest.found import Facts
from data.records import Layout

MAX_PICTURE_PX = 150_000_000
"""Largest picture, rows times columns, that is decoded: a small file can announce an immense one."""


def read_picture(content: bytes) -> tuple[Facts, NDArray[Any]]:
    """A PNG or JPEG picture.

    Returns
    -------
    Facts, array
        (rows, columns) of uint8 or uint16, or (rows, columns, 3) of uint8. Transparency is dropped, the EXIF
        orientation applied, and colours that are all grey become grey.

    Raises
    ------
    DamagedFileError, UnsupportedFileError
        It is broken; or animated or too large.
    """
    Image.MAX_IMAGE_PIXELS = None  # the bound is ours, below
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "MPO")) as image:
                _check(image)
                kind = image.format or ""
                image.load()
                array = _pixels(ImageOps.exif_transpose(image))
    except UnsupportedFileError:
        raise
    except Exception as error:
        raise DamagedFileError(
            "The picture cannot be decoded.",
            given=" ".join(str(error).split())[:200],
            expected="a whole PNG or JPEG file",
            do="copy or export it again",
        ) from error
    facts = Facts(
        kind="picture",
        modality="OT",
        layout=Layout.IMAGE,
        attributes={"format": kind},
    )
    return facts, array


def _check(image: Image.Image) -> None:
    if image.width * image.height > MAX_PICTURE_PX:
        raise UnsupportedFileError(
            "The picture is too large.",
            given=f"{image.height} x {image.width} pixels",
            expected=f"at most {MAX_PICTURE_PX} pixels",
            do="crop it or make it smaller",
        )
    if image.format == "PNG" and getattr(image, "n_frames", 1) > 1:
        raise UnsupportedFileError(
            "The picture is animated.",
            given=f"{getattr(image, 'n_frames', 0)} frames",
            expected="one picture",
            do="export the frames as pictures",
        )


def _pixels(image: Image.Image) -> NDArray[Any]:
    if image.mode.startswith("I"):
        wide = np.asarray(image)
        return wide.astype(np.uint16) if wide.min() >= 0 and wide.max() <= 65535 else wide.astype(np.int32)
    if image.mode in {"1", "L", "LA"}:
        return np.asarray(image.convert("L"))
    colour = np.asarray(image.convert("RGB"))
    grey = colour[..., 0]
    same = np.array_equal(grey, colour[..., 1]) and np.array_equal(grey, colour[..., 2])
    return np.ascontiguousarray(grey) if same else colour
