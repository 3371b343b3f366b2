"""NIfTI files into DICOM's axes, and pictures."""

from __future__ import annotations

import gzip
import io
import itertools
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from data.errors import DamagedFileError, UnsafeArchiveError, UnsupportedFileError
from data.ingest import pictures, worker
from data.ingest.nifti import read_nifti, to_dicom_axes
from data.ingest.worker import decode_content
from data.records import Layout


def nifti(array: np.ndarray, affine: np.ndarray, path: Path) -> bytes:
    nib.save(nib.Nifti1Image(array, affine), path)
    return path.read_bytes()


@pytest.mark.parametrize("flips", list(itertools.product((1, -1), repeat=3)))
@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
def test_every_voxel_keeps_its_place(axes: tuple[int, ...], flips: tuple[int, ...]) -> None:
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) * flips * (2.0, 3.0, 4.0))[:, list(axes)]
    affine[:3, 3] = (10, -20, 30)
    array = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    turned, lps = to_dicom_axes(array, affine)
    assert turned.shape == (4, 3, 2)
    for index in np.ndindex(turned.shape):
        point = lps @ (*index, 1)
        source = np.rint(np.linalg.inv(affine) @ (point * (-1, -1, 1, 1)))[:3].astype(int)
        assert array[tuple(source)] == turned[index]
    assert np.linalg.det(lps[:3, :3]) < 0  # as sorted DICOM series have it
    for axis in (1, 2):
        main = int(np.argmax(np.abs(lps[:3, axis])))
        assert lps[main, axis] * (-1 if main == 2 else 1) > 0


def test_an_axial_ct(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    array = rng.integers(-1000, 1500, (5, 4, 3)).astype(np.int32)
    affine = np.diag([-0.7, -0.8, 2.5, 1.0])  # to the left and the back, as most scanners write it
    facts, values = read_nifti(nifti(array, affine, tmp_path / "a.nii"))
    assert values.dtype == np.int16
    assert np.array_equal(values, array.transpose(2, 1, 0))
    assert facts.modality == "CT"
    assert facts.layout is Layout.VOLUME
    assert facts.spacing_mm == pytest.approx((2.5, 0.8, 0.7))
    assert np.allclose(
        np.array(facts.affine).reshape(4, 4), [[0, 0, 0.7, 0], [0, 0.8, 0, 0], [2.5, 0, 0, 0], [0, 0, 0, 1]]
    )


def test_types_and_scaling(tmp_path: Path) -> None:
    labels = np.zeros((3, 3, 3), np.uint8)
    assert read_nifti(nifti(labels, np.eye(4), tmp_path / "l.nii"))[1].dtype == np.uint8
    scaled = nib.Nifti1Image(np.full((3, 3, 3), 7, np.int16), np.eye(4))
    scaled.header.set_slope_inter(0.5, 1.0)
    holder = {"image": nib.FileHolder(fileobj=io.BytesIO())}
    holder["header"] = holder["image"]
    scaled.to_file_map(holder)
    broken = np.ones((3, 3, 3), np.float32)
    broken[0, 0, 0] = np.nan
    broken[1, 1, 1] = 0.5
    facts, values = read_nifti(nifti(broken, np.eye(4), tmp_path / "n.nii"))
    assert values.dtype == np.float32
    assert values.min() == 0.5
    assert np.isfinite(values).all()
    assert facts.attributes["not_finite"].startswith("1 values")


def test_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFileError, match="several volumes"):
        read_nifti(nifti(np.zeros((3, 3, 3, 2), np.int16), np.eye(4), tmp_path / "4d.nii"))
    assert read_nifti(nifti(np.zeros((3, 3, 3, 1), np.int16), np.eye(4), tmp_path / "1.nii"))[1].shape == (3, 3, 3)
    whole = nifti(np.zeros((30, 30, 30), np.int16), np.eye(4), tmp_path / "cut.nii")
    with pytest.raises(DamagedFileError):
        read_nifti(whole[:-1000])


def test_gzip_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = nifti(np.zeros((4, 4, 4), np.int16), np.eye(4), tmp_path / "a.nii")
    packed = gzip.compress(whole)
    assert decode_content(packed)[1].shape == (4, 4, 4)
    with pytest.raises(DamagedFileError):
        decode_content(packed[:-12])
    monkeypatch.setattr(worker, "MAX_FILE_BYTES", 100)
    with pytest.raises(UnsafeArchiveError):
        decode_content(packed)


def png(array: np.ndarray, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG", **options)
    return stream.getvalue()


def test_pictures_keep_their_values() -> None:
    deep = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000
    assert np.array_equal(decode_content(png(deep))[1], deep)
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert np.array_equal(decode_content(png(np.stack([grey] * 3, -1)))[1], grey)
    assert np.array_equal(decode_content(png(np.stack([grey, grey // 2], -1)))[1], grey)
    colour = np.random.default_rng(0).integers(0, 255, (3, 4, 4)).astype(np.uint8)
    facts, array = decode_content(png(colour))
    assert np.array_equal(array, colour[..., :3])
    assert (facts.kind, facts.layout, facts.spacing_mm) == ("picture", Layout.IMAGE, None)


def test_exif_orientation_is_applied() -> None:
    image = Image.fromarray(np.repeat(np.repeat(np.array([[0, 255]], np.uint8), 16, 0), 16, 1))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    stream = io.BytesIO()
    image.save(stream, "JPEG", exif=exif)
    _, array = decode_content(stream.getvalue())
    assert array.shape == (32, 16)
    assert array[0].mean() < 20
    assert array[-1].mean() > 230


def test_pictures_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    with pytest.raises(DamagedFileError):
        decode_content(png(grey)[:-200])
    stream = io.BytesIO()
    frames = [Image.fromarray(grey), Image.fromarray(255 - grey)]
    frames[0].save(stream, "PNG", save_all=True, append_images=frames[1:])
    with pytest.raises(UnsupportedFileError, match="animated"):
        decode_content(stream.getvalue())
    monkeypatch.setattr(pictures, "MAX_PICTURE_PX", 1000)
    with pytest.raises(UnsupportedFileError, match="too large"):
        decode_content(png(grey))


@pytest.mark.parametrize("content", [b"%PDF-1.7 text", b"a,b\n1,2\n", bytes(700)])
def test_other_files_are_no_image(content: bytes) -> None:
    from data.errors import NotAnImageError

    with pytest.raises(NotAnImageError):
        decode_content(content)
    with pytest.raises(DamagedFileError, match="empty"):
        decode_content(b"")
