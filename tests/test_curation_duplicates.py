"""Perceptual hashes, their neighbours, and statistics of intensities."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from data.curation.duplicates import near_duplicates, phash
from data.curation.intensity import IntensityLimits, IntensityVerdict, intensity_of, verdict_of
from data.errors import CurationError

HASHES = st.integers(0, 2**64 - 1)


def brute(hashes: list[int], distance: int) -> list[tuple[int, int, int]]:
    pairs = itertools.combinations(range(len(hashes)), 2)
    far = ((i, j, (hashes[i] ^ hashes[j]).bit_count()) for i, j in pairs)
    return [entry for entry in far if entry[2] <= distance]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(HASHES, max_size=6),
    st.lists(st.tuples(st.integers(0, 5), st.lists(st.integers(0, 63), max_size=14)), max_size=12),
    st.integers(0, 64),
)
def test_the_search_finds_what_comparing_all_pairs_finds(
    seeds: list[int], changes: list[tuple[int, list[int]]], distance: int
) -> None:
    hashes = list(seeds)
    for which, places in changes:
        if seeds:
            value = seeds[which % len(seeds)]
            for place in places:
                value ^= 1 << place
            hashes.append(value)
    assert near_duplicates(hashes, distance) == brute(hashes, distance)


@pytest.mark.parametrize("distance", [0, 2, 7, 8, 17])
def test_the_search_is_exact_on_many(distance: int) -> None:
    rng = np.random.default_rng(distance)
    values = [int(value) for value in rng.integers(0, 2**63, 250, dtype=np.int64)]
    values += [value ^ (1 << int(rng.integers(64))) ^ (1 << int(rng.integers(64))) for value in values[:60]]
    found = near_duplicates(values, distance)
    assert found == brute(values, distance)
    assert distance < 2 or len(found) >= 60


def test_what_cannot_be_searched_is_refused() -> None:
    with pytest.raises(CurationError, match="64 bits"):
        near_duplicates([2**64], 1)
    with pytest.raises(CurationError, match="0 to 64"):
        near_duplicates([1], 65)
    with pytest.raises(CurationError, match="grey picture"):
        phash(np.zeros((4, 4, 3)))
    assert near_duplicates([], 3) == []


def picture(seed: int, size: int = 160) -> NDArray[np.float32]:
    import cv2

    noise = np.random.default_rng(seed).random((9, 9), np.float32)
    return np.asarray(cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)


def test_a_hash_outlives_gain_offset_size_and_noise_but_not_another_picture() -> None:
    one = picture(0)
    known = phash(one)
    assert phash(one * 700.0 + 90.0) == known
    assert (phash(picture(0, 300)) ^ known).bit_count() <= 4
    noisy = one + np.random.default_rng(1).normal(0, 0.02, one.shape)
    assert (phash(noisy) ^ known).bit_count() <= 6
    assert min((phash(picture(seed)) ^ known).bit_count() for seed in range(1, 30)) > 12
    assert (phash(one[:, ::-1]) ^ known).bit_count() > 12


def test_statistics_of_intensities() -> None:
    image = np.array([[0, 0, 255, 255], [0, 0, 255, 255]], np.uint8)
    made = intensity_of(image)
    assert (made.mean, made.sd, made.low_share, made.high_share) == (127.5, 127.5, 0.5, 0.5)
    assert made.entropy_bits == pytest.approx(1.0)
    even = intensity_of(np.arange(256, dtype=np.uint8).reshape(16, 16))
    assert even.entropy_bits == pytest.approx(8.0)
    assert intensity_of(np.full((3, 3), 7, np.uint8)).entropy_bits == 0.0
    with pytest.raises(CurationError, match="uint8"):
        intensity_of(np.zeros((3, 3), np.uint16))


def test_verdicts() -> None:
    rng = np.random.default_rng(0)
    fine = rng.integers(20, 230, (64, 64)).astype(np.uint8)
    for image, verdict in (
        (fine, IntensityVerdict.FINE),
        (fine // 12, IntensityVerdict.TOO_DARK),
        (255 - fine // 12, IntensityVerdict.TOO_BRIGHT),
        (np.full((64, 64), 120, np.uint8), IntensityVerdict.NO_INFORMATION),
        (np.where(fine < 180, 0, fine).astype(np.uint8), IntensityVerdict.TOO_DARK),
    ):
        assert verdict_of(intensity_of(image)) is verdict
    assert (
        verdict_of(intensity_of(fine), IntensityLimits(least_entropy_bits=7.9)) is IntensityVerdict.NO_INFORMATION
    )
    with pytest.raises(CurationError, match="limits"):
        IntensityLimits(least_mean=200.0, most_mean=100.0)


@pytest.mark.real
def test_real_radiographs_are_fine_and_no_two_patients_look_alike(real_data: Path) -> None:
    import cv2

    paths = sorted((real_data / "B_cxr").rglob("*.png"))[:40]
    images = [np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8) for path in paths]
    assert {verdict_of(intensity_of(image)) for image in images} == {IntensityVerdict.FINE}
    hashes = [phash(image) for image in images]
    assert near_duplicates(hashes, 4) == []
    for image, known in zip(images[:10], hashes, strict=False):
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1]
        small = cv2.resize(np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)), None, fx=0.5, fy=0.5)
        assert (phash(np.asarray(small)) ^ known).bit_count() <= 4
