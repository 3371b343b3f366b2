"""MetaImage files (``.mha``): one file with header and pixels, in LPS coordinates as DICOM has them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.errors import DamagedFileError, UnsupportedFileError
from data.ingest.decode import compact
from data.ingest.found import Facts
from data.ingest.nifti import RAS_TO_LPS, to_dicom_axes
from data.records import Layout


def read_metaimage(content: bytes) -> tuple[Facts, NDArray[Any]]:
    """One MetaImage file.

    Returns
    -------
    Facts, array
        The array is (slices, rows, columns), turned as :func:`data.ingest.nifti.read_nifti` turns it. The modality
        is not in the file: it is ``OT`` until a table of labels names it.

    Raises
    ------
    DamagedFileError, UnsupportedFileError
        It is broken, or its pixels lie in another file; or it holds colours or other than three axes.
    """
    import SimpleITK as sitk  # noqa: N813, PLC0415 - slow to load

    with TemporaryDirectory() as folder:  # the library reads files alone
        path = Path(folder) / "volume.mha"
        path.write_bytes(content)
        try:
            image: Any = sitk.ReadImage(str(path), imageIO="MetaImageIO")
        except RuntimeError as error:
            raise DamagedFileError(
                "The MetaImage file cannot be read.",
                given=" ".join(str(error).split())[-200:],
                expected="a whole .mha file, header and pixels in one",
                do="copy or make it again",
            ) from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise UnsupportedFileError(
            "The MetaImage file is no grey volume.",
            given=f"{image.GetDimension()} axes, {image.GetNumberOfComponentsPerPixel()} values a pixel",
            expected="three axes, one value",
        )
    array = sitk.GetArrayFromImage(image).transpose(2, 1, 0)  # (i, j, k)
    lps = np.eye(4)
    lps[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.asarray(image.GetSpacing())
    lps[:3, 3] = image.GetOrigin()
    turned, affine = to_dicom_axes(array, RAS_TO_LPS @ lps)
    facts = Facts(
        kind="metaimage",
        modality="OT",
        layout=Layout.VOLUME,
        spacing_mm=tuple(float(v) for v in np.linalg.norm(affine[:3, :3], axis=0)),
        affine=tuple(affine.ravel().tolist()),
        attributes={"format": "MetaImage"},
    )
    exact = turned.dtype.itemsize == 1 or turned.dtype == np.uint16
    return facts, turned if exact else compact(turned, as_hu=True)
