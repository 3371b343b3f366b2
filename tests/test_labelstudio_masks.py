import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_studio_sdk.converter import brush

from data.errors import AnswerError
from labelstudio.masks import decode, encode


def _ragged(rows: int, columns: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    radius = 0.3 * min(rows, columns) + rng.normal(0, 2, (rows, columns))
    return np.hypot(y - rows / 2, x - columns / 2) < radius


@st.composite
def pages(draw: st.DrawFn) -> np.ndarray:
    rows, columns = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    share = draw(st.sampled_from([0.0, 0.01, 0.3, 0.5, 0.99, 1.0]))
    if draw(st.booleans()):
        return np.repeat(rng.random((rows, 1)) < share, columns, axis=1)
    return rng.random((rows, columns)) < share


@given(pages())
@settings(max_examples=150, deadline=None)
def test_bytes_are_the_sdks_and_come_back(mask: np.ndarray) -> None:
    code = encode(mask)
    assert code == brush.mask2rle(mask.astype(np.uint8) * 255)
    np.testing.assert_array_equal(decode(code, mask.shape), mask)


@given(pages(), st.integers(0, 2**32 - 1))
@settings(max_examples=80, deadline=None)
def test_runs_of_different_words_are_read_as_the_sdk_reads_them(mask: np.ndarray, seed: int) -> None:
    values = np.repeat(mask.ravel(), 4).astype(np.uint8) * 255
    noisy = np.random.default_rng(seed).integers(0, 256, values.size, dtype=np.uint8)
    values = np.where(np.repeat(mask.ravel(), 4), noisy, values)  # anti-aliased edges come as single words
    code = brush.encode_rle(values)
    expected = brush.decode_rle(code).reshape(*mask.shape, 4)[..., 3] > 127
    np.testing.assert_array_equal(decode(code, mask.shape), expected)


def test_literal_runs_are_read() -> None:
    # 3 pixels as one run of 12 different words: bit 0, size index 1 (4 bits), length - 1 = 11, then the words
    words = [0, 0, 0, 127, 9, 9, 9, 128, 255, 255, 255, 255]
    bits = f"{12:032b}{7:05b}" + "".join(f"{n - 1:04b}" for n in (3, 4, 8, 16))
    bits += "0" + "01" + f"{11:04b}" + "".join(f"{word:08b}" for word in words)
    bits += "0" * (-len(bits) % 8)
    code = [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]
    assert decode(code, (1, 3)).tolist() == [[False, True, True]]


@pytest.mark.parametrize(
    "mask",
    [
        pytest.param(_ragged(512, 512, 1), id="ragged"),
        pytest.param(_ragged(301, 517, 2), id="oblong"),
        pytest.param(np.ones((300, 411), dtype=bool), id="full, a run over 65536"),
        pytest.param(np.zeros((128, 128), dtype=bool), id="empty, exactly 65536"),
        pytest.param(np.ones((1, 1), dtype=bool), id="one pixel"),
        pytest.param(_ragged(40, 40, 3), id="few runs"),
        pytest.param(np.arange(1024 * 513).reshape(513, 1024) % 4096 < 7, id="128 pairs of runs and one"),
        pytest.param(
            np.arange(600 * 600).reshape(600, 600) % 7 * (np.arange(600) > 580)[:, None] > 3,
            id="many runs, one over 65536",
        ),
    ],
)
def test_large_and_small(mask: np.ndarray) -> None:
    code = encode(mask)
    assert code == brush.mask2rle(mask.astype(np.uint8) * 255)
    np.testing.assert_array_equal(decode(code, mask.shape), mask)


def test_any_number_but_0_is_inside() -> None:
    mask = np.array([[0, 1, 7], [255, 0, 0]], dtype=np.uint8)
    assert encode(mask) == encode(mask != 0)


@pytest.mark.parametrize("mask", [np.zeros((0, 4), dtype=bool), np.zeros((2, 2, 2), dtype=bool)])
def test_what_is_no_page_is_refused(mask: np.ndarray) -> None:
    with pytest.raises(AnswerError, match="no mask of a page"):
        encode(mask)


def test_damaged_codes_are_refused() -> None:
    code = encode(_ragged(64, 64, 3))
    with pytest.raises(AnswerError, match="of another page"):
        decode(code, (64, 65))
    with pytest.raises(AnswerError, match="damaged"):
        decode(code[: len(code) // 2], (64, 64))
    with pytest.raises(AnswerError, match="damaged"):
        decode(code[:3], (64, 64))
    with pytest.raises(AnswerError, match="damaged"):
        decode([*code[:9], 256], (64, 64))
