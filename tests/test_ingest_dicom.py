"""Reading one DICOM file: header, pixels, refusals."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from data.errors import DamagedFileError, NotAnImageError, UnsupportedFileError
from data.ingest.burnt_in import hold_reason
from data.ingest.decode import MAX_PIXEL_BYTES
from data.ingest.dicom import read_dicom
from data.ingest.header import view
from data.pixels import apply_window
from data.records import Layout
from tests.ingest_files import CR, dataset

GREY = np.arange(48, dtype=np.uint16).reshape(6, 8) * 40


def content(ds: Dataset, *, syntax: str = "") -> bytes:
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    if syntax:
        ds.compress(syntax, generate_instance_uid=False)
    stream = io.BytesIO()
    ds.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def radiograph(**tags: Any) -> Dataset:
    return dataset(GREY, **({"SOPClassUID": CR, "Modality": "CR", "BitsStored": 12, "HighBit": 11} | tags))


def test_ct_becomes_hounsfield_units_in_int16() -> None:
    facts, array = read_dicom(
        content(dataset(GREY, RescaleSlope=2, RescaleIntercept=-1024, PixelSpacing=[0.5, 0.75]))
    )
    assert array.dtype == np.int16
    assert np.array_equal(array, GREY.astype(int) * 2 - 1024)
    assert facts.spacing_mm == (0.5, 0.75)
    _, fractional = read_dicom(content(dataset(GREY, RescaleSlope="0.5", RescaleIntercept="0.25")))
    assert fractional.dtype == np.float32
    assert fractional[0, 1] == 20.25


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_compressed_is_the_same_as_plain(syntax: str) -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 4000, (40, 36)).astype(np.uint16)
    _, plain = read_dicom(content(dataset(pixels)))
    facts, packed = read_dicom(content(dataset(pixels), syntax=syntax))
    assert np.array_equal(plain, packed)
    assert facts.attributes["transfer_syntax"] != "Explicit VR Little Endian"


@pytest.mark.parametrize("syntax", ["", JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_every_cut_is_noticed(syntax: str) -> None:
    rng = np.random.default_rng(1)
    whole = content(dataset(rng.integers(0, 4000, (64, 64)).astype(np.uint16)), syntax=syntax)
    for share in (0.5, 0.8, 0.97):
        with pytest.raises(DamagedFileError):
            read_dicom(whole[: int(len(whole) * share)])


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless])
def test_a_code_stream_that_breaks_off_in_its_item_is_noticed(syntax: str) -> None:
    from pydicom import dcmread
    from pydicom.encaps import encapsulate, generate_frames

    rng = np.random.default_rng(1)
    ds = dcmread(io.BytesIO(content(dataset(rng.integers(0, 4000, (64, 64)).astype(np.uint16)), syntax=syntax)))
    frame = next(generate_frames(ds.PixelData, number_of_frames=1))
    ds.PixelData = encapsulate([frame[: len(frame) // 2]])
    with pytest.raises(DamagedFileError):
        read_dicom(content(ds))


def test_monochrome1_is_inverted_and_its_window_with_it() -> None:
    window = {"WindowCenter": 900, "WindowWidth": 1000}
    _, plain = read_dicom(content(radiograph(**window)))
    facts, inverted = read_dicom(content(radiograph(PhotometricInterpretation="MONOCHROME1", **window)))
    assert np.array_equal(inverted, 4095 - plain)
    assert facts.window == (4095 + 1 - 900, 1000)
    shown = apply_window(inverted, facts.window).astype(int)
    assert np.abs(shown - (255 - apply_window(plain, (900, 1000)).astype(int))).max() <= 1


def test_window_is_the_first_and_exact_ones_are_turned_into_linear() -> None:
    facts, _ = read_dicom(content(radiograph(WindowCenter=[40, 300], WindowWidth=[400, 1500])))
    assert facts.window == (40, 400)
    exact = radiograph(WindowCenter=40, WindowWidth=400, VOILUTFunction="LINEAR_EXACT")
    assert read_dicom(content(exact))[0].window == (40.5, 401)
    assert read_dicom(content(radiograph(WindowCenter=40, WindowWidth=0)))[0].window is None


def test_modality_lut_sequence() -> None:
    item = Dataset()
    item.LUTDescriptor = [256, 0, 16]
    item.ModalityLUTType = "US"
    item.LUTData = (1000 + 3 * np.arange(256)).astype(np.uint16).tobytes()
    pixels = np.arange(48, dtype=np.uint8).reshape(6, 8)
    _, array = read_dicom(content(dataset(pixels, ModalityLUTSequence=Sequence([item]))))
    assert np.array_equal(array, 1000 + 3 * pixels.astype(int))


def test_colours_become_rgb8() -> None:
    rgb = np.random.default_rng(2).integers(0, 65535, (4, 5, 3)).astype(np.uint16)
    facts, array = read_dicom(content(dataset(rgb, Modality="OT")))
    assert array.dtype == np.uint8
    assert np.array_equal(array, rgb >> 8)
    assert facts.layout is Layout.IMAGE
    palette = dataset(
        np.array([[0, 1], [2, 3]], np.uint8), Modality="OT", PhotometricInterpretation="PALETTE COLOR"
    )
    for name, values in (("Red", (0, 1, 2, 3)), ("Green", (4, 5, 6, 7)), ("Blue", (8, 9, 10, 11))):
        setattr(palette, f"{name}PaletteColorLookupTableDescriptor", [4, 0, 16])
        setattr(palette, f"{name}PaletteColorLookupTableData", np.array(values, np.uint16).__lshift__(8).tobytes())
    _, array = read_dicom(content(palette))
    assert array.tolist() == [[[0, 4, 8], [1, 5, 9]], [[2, 6, 10], [3, 7, 11]]]


def _enhanced(heights: list[float], slopes: list[float]) -> Dataset:
    pixels = np.stack([np.full((4, 4), index, np.uint16) for index in range(len(heights))])
    ds = dataset(pixels, SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1")
    shared = Dataset()
    turn, measures = Dataset(), Dataset()
    turn.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing = [0.5, 0.75]
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = Sequence([turn]), Sequence([measures])
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    frames = []
    for height, slope in zip(heights, slopes, strict=True):
        frame, plane, values = Dataset(), Dataset(), Dataset()
        plane.ImagePositionPatient = [1, 2, height]
        values.RescaleSlope, values.RescaleIntercept = slope, -10
        frame.PlanePositionSequence = Sequence([plane])
        frame.PixelValueTransformationSequence = Sequence([values])
        frames.append(frame)
    ds.PerFrameFunctionalGroupsSequence = Sequence(frames)
    return ds


def test_enhanced_frames_make_a_volume_sorted_by_position() -> None:
    facts, array = read_dicom(content(_enhanced([6.0, 2.0, 4.0], [1, 10, 100])))
    assert facts.layout is Layout.VOLUME
    assert facts.spacing_mm == (2.0, 0.5, 0.75)
    assert facts.affine == (0, 0, 0.75, 1, 0, 0.5, 0, 2, 2, 0, 0, 2, 0, 0, 0, 1)
    assert array[:, 0, 0].tolist() == [10 - 10, 200 - 10, 0 - 10]


def test_enhanced_frames_with_a_gap_stay_frames_in_their_order() -> None:
    facts, array = read_dicom(content(_enhanced([8.0, 2.0, 4.0, 0.0], [1, 1, 1, 1])))
    assert facts.layout is Layout.FRAMES
    assert "missing" in facts.attributes["geometry"]
    assert array[:, 0, 0].tolist() == [-10, -9, -8, -7]


def test_files_without_preamble_or_meta_header() -> None:
    whole = content(dataset(GREY))
    start = whole.index(b"\x08\x00\x16\x00")
    facts, array = read_dicom(whole[start:])
    assert np.array_equal(array, GREY)
    assert facts.study_uid == "2.25.2"


def test_malformed_values_cost_themselves_alone() -> None:
    whole = content(radiograph(PatientAge="045Y", PixelSpacing=[0.5, 0.5], WindowCenter=40, WindowWidth=400))
    broken = whole.replace(b"045Y", b"abcd").replace(b"0.5\\0.5", b"x.5\\0.y")
    facts, array = read_dicom(broken)
    assert facts.age_y is None
    assert facts.spacing_mm is None
    assert facts.window == (40, 400)
    assert np.array_equal(array, GREY)


@pytest.mark.parametrize(
    ("tags", "age"),
    [
        ({"PatientAge": "045Y"}, 45.0),
        ({"PatientAge": "006M"}, 0.5),
        ({"PatientAge": "052W"}, 0.997),
        ({"PatientBirthDate": "19800615", "StudyDate": "20200614"}, 39.0),
        ({"PatientBirthDate": "19800615", "StudyDate": "20200615"}, 40.0),
        ({"PatientBirthDate": "20300101", "StudyDate": "20200615"}, None),
        ({}, None),
    ],
)
def test_age(tags: dict[str, str], age: float | None) -> None:
    assert read_dicom(content(radiograph(**tags)))[0].age_y == age


def test_header_without_names() -> None:
    ds = radiograph(
        PatientName="Doe^Jane", PatientSex="F", ViewPosition="PA", StudyDate="20240229",
        StudyDescription="Doe^Jane chest", SeriesDescription="Chest PA", Manufacturer="Maker", KVP=120,
    )  # fmt: skip
    facts, _ = read_dicom(content(ds))
    assert (facts.sex, facts.view, facts.study_date) == ("F", "PA", "2024-02-29")
    assert (facts.description, facts.series_description) == ("", "Chest PA")
    assert facts.attributes["manufacturer"] == "Maker"
    assert "Doe" not in str(facts)


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("pa", "PA"), ("AP Supine", "AP SUPINE"), ("AP Erect", "AP"), ("L", "LATERAL"), ("Lateral", "LATERAL"),
        ("lateral", "LATERAL"), ("LL", "LL"), ("RL", "RL"), ("left_lateral", "LL"), ("LLD", ""), ("", ""),
        ("Axial", ""), ("chest PA view", "PA"),
    ],
)  # fmt: skip
def test_views(raw: str, normal: str) -> None:
    assert view(raw) == normal


def test_a_lateral_is_seen_by_its_orientation() -> None:
    assert read_dicom(content(radiograph(PatientOrientation=["A", "F"])))[0].view == "LATERAL"
    assert read_dicom(content(radiograph(PatientOrientation=["L", "F"])))[0].view == ""


def test_phantoms_are_known_by_id_and_maker_together() -> None:
    made = radiograph(PatientID="phantom-1", Manufacturer="Consilium phantom")
    assert read_dicom(content(made))[0].phantom
    assert not read_dicom(content(radiograph(PatientID="phantom-1")))[0].phantom


@pytest.mark.parametrize(
    ("sop_class", "word"),
    [
        ("1.2.840.10008.1.3.10", "DICOMDIR"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "segmentation"),
        ("1.2.840.10008.5.1.4.1.1.88.33", "structured report"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "document"),
        ("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "presentation state"),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", "waveform"),
    ],
)
def test_what_is_no_image_is_unsupported_by_its_class(sop_class: str, word: str) -> None:
    with pytest.raises(UnsupportedFileError, match=word):
        read_dicom(content(dataset(GREY, SOPClassUID=sop_class)))


def test_damaged_and_immense() -> None:
    with pytest.raises(DamagedFileError, match="no pixel data"):
        read_dicom(content(dataset(GREY, PixelData=None)))
    with pytest.raises(DamagedFileError, match="no size"):
        read_dicom(content(dataset(GREY, Rows=0)))
    with pytest.raises(UnsupportedFileError, match=str(MAX_PIXEL_BYTES)):
        read_dicom(content(dataset(GREY, Rows=65535, Columns=65535)))
    with pytest.raises(NotAnImageError):
        read_dicom(b"\x08\x00\x05\x00CS\x02\x00ab" + b"\xff" * 40)


@pytest.mark.parametrize(
    ("said", "held"),
    [
        ({"burned_in": "YES"}, "burnt-in"),
        ({"sop_class": "1.2.840.10008.5.1.4.1.1.7"}, "secondary capture"),
        ({"sop_class": "1.2.840.10008.5.1.4.1.1.7.2"}, "secondary capture"),
        ({"conversion": "WSD"}, "secondary capture"),
        ({"modality": "US", "burned_in": "NO"}, "ultrasound"),
        ({"sop_class": "1.2.840.10008.5.1.4.1.1.6.1"}, "ultrasound"),
        ({"image_type": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "saved screen"),
        ({"series_description": "Dose Report"}, "dose report"),
        ({"series_description": "low dose chest"}, ""),
        ({"sop_class": "1.2.840.10008.5.1.4.1.1.77.1.1"}, ""),
        ({}, ""),
    ],
)
def test_hold_rules(said: dict[str, Any], held: str) -> None:
    plain = {
        "burned_in": "", "sop_class": CR, "conversion": "", "modality": "CR", "image_type": ["ORIGINAL"],
        "series_description": "",
    }  # fmt: skip
    reason = hold_reason(**(plain | said))
    assert (held in reason) if held else reason == ""
