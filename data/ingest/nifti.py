"""NIfTI files: RAS coordinates into DICOM's LPS, arrays into (slices, rows, columns)."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.errors import DamagedFileError, UnsupportedFileError
from data.ingest.decode import MAX_PIXEL_BYTES, compact
from data.ingest.found import Facts
from data.records import Layout

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
CT_AIR, CT_TISSUE = -500, 200
"""Values that a CT holds below and above; what holds both in whole numbers is taken for one."""


def read_nifti(content: bytes) -> tuple[Facts, NDArray[Any]]:
    """One NIfTI-1 or NIfTI-2 file, not compressed.

    Returns
    -------
    Facts, array
        The array is (slices, rows, columns): the file's third axis are the slices. Axes are turned so that rows
        and columns run as DICOM shows them (columns to the patient's left or back, rows to the back or feet) and
        the slices along the normal, as a sorted DICOM series does.

    Raises
    ------
    DamagedFileError, UnsupportedFileError
        It is broken; or holds several volumes, colours or a header alone.
    """
    import nibabel as nib  # noqa: PLC0415 - slow to load

    try:
        kind = nib.Nifti2Image if int.from_bytes(content[:4], "little") in {540, 0x1C020000} else nib.Nifti1Image
        parts = {name: nib.FileHolder(fileobj=io.BytesIO(content)) for name in ("header", "image")}
        image: Any = kind.from_file_map(parts)  # type: ignore[no-untyped-call]
        shape = tuple(int(n) for n in image.shape)
    except Exception as error:
        raise _damaged(error) from error
    _check(image, shape)
    try:
        array = np.asanyarray(image.dataobj).reshape(shape[:3] + (1,) * (3 - len(shape)))
    except Exception as error:
        raise _damaged(error) from error
    values, extra = _values(array)
    turned, affine = to_dicom_axes(values, image.affine)
    oriented = int(image.header["sform_code"]) > 0 or int(image.header["qform_code"]) > 0
    if not oriented:
        extra["geometry"] = "The header gives no orientation."
    spacing = tuple(float(v) for v in np.linalg.norm(affine[:3, :3], axis=0))
    facts = Facts(
        kind="nifti",
        modality="CT" if _like_ct(turned) else "OT",
        layout=Layout.VOLUME if oriented else Layout.FRAMES,
        spacing_mm=spacing if oriented else spacing[1:],
        affine=tuple(affine.ravel().tolist()) if oriented else None,
        attributes={"format": "NIfTI", **extra},
    )
    return facts, turned


def to_dicom_axes(array: NDArray[Any], affine: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """(i, j, k) with a RAS affine into (slices, rows, columns) with an LPS affine.

    Parameters
    ----------
    array:
        Of shape (i, j, k).
    affine:
        4 x 4, (i, j, k, 1) to RAS mm.

    Returns
    -------
    array, affine
        A view turned, and 4 x 4, (slice, row, column, 1) to LPS mm. Every pixel keeps its place in the patient.
    """
    turned = array.transpose(2, 1, 0)
    matrix = (RAS_TO_LPS @ affine)[:, [2, 1, 0, 3]]
    for axis in (1, 2):
        direction = matrix[:3, axis]
        main = int(np.argmax(np.abs(direction)))
        wanted = -1.0 if main == 2 else 1.0  # to the feet; else to the left, or to the back
        if direction[main] * wanted < 0:
            turned, matrix = _flipped(turned, matrix, axis)
    if matrix[:3, 0] @ np.cross(matrix[:3, 2], matrix[:3, 1]) < 0:
        turned, matrix = _flipped(turned, matrix, 0)
    return turned, matrix


def _flipped(
    array: NDArray[Any], affine: NDArray[np.float64], axis: int
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    matrix = affine.copy()
    matrix[:3, 3] += matrix[:3, axis] * (array.shape[axis] - 1)
    matrix[:3, axis] *= -1
    return np.flip(array, axis), matrix


def _check(image: Any, shape: tuple[int, ...]) -> None:
    if any(n != 1 for n in shape[3:]) or len(shape) < 2:
        raise UnsupportedFileError(
            "The NIfTI file holds several volumes.",
            given=f"an array of {' x '.join(map(str, shape))}",
            expected="three axes",
            do="split it into one file a volume",
        )
    dtype = image.get_data_dtype()
    if dtype.kind not in "iuf":
        raise UnsupportedFileError(
            "The NIfTI file holds colours or complex numbers.", given=dtype, expected="plain numbers"
        )
    if int(np.prod(shape)) * dtype.itemsize > MAX_PIXEL_BYTES:
        raise UnsupportedFileError(
            "The volume takes too much room.",
            given=f"{' x '.join(map(str, shape))} of {dtype}",
            expected=f"at most {MAX_PIXEL_BYTES} bytes",
            do="crop or resample it",
        )
    if not np.isfinite(image.affine).all() or abs(np.linalg.det(image.affine[:3, :3])) < 1e-9:
        raise DamagedFileError("The affine matrix cannot be inverted.", given=image.affine.tolist())


def _values(array: NDArray[Any]) -> tuple[NDArray[Any], dict[str, str]]:
    """The values as int16 where that is exact, else as they are; what is not finite becomes the lowest value."""
    extra: dict[str, str] = {}
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    if native.dtype.kind == "f":
        bad = ~np.isfinite(native)
        if bad.any():
            lowest = native[~bad].min() if not bad.all() else native.dtype.type(0)
            native = np.where(bad, lowest, native)
            extra["not_finite"] = f"{int(bad.sum())} values were not finite and became {lowest}"
    elif native.dtype.itemsize == 1 or native.dtype == np.uint16:
        return native, extra
    return compact(native, as_hu=True), extra


def _like_ct(array: NDArray[Any]) -> bool:
    return bool(array.dtype == np.int16 and array.min() < CT_AIR and array.max() > CT_TISSUE)


def _damaged(error: Exception) -> DamagedFileError:
    return DamagedFileError(
        "The NIfTI file cannot be read.",
        given=" ".join(str(error).split())[:200],
        expected="a whole NIfTI file, header and image in one",
        do="copy or make it again",
    )
