"""Binary masks as Label Studio writes them: its own run-length code of RGBA pixels, vectorised.

The code is a string of bits, most significant first: the number of values (32 bits), the word size less 1 (5),
four sizes of a length less 1 (4 each), then the runs. A run is a bit, the index of the size of its length (2), the
length less 1 and, where the bit is 1, one word that is repeated; where it is 0, as many words as the length says.
It is rle-pack of thi.ng/umbrella; the Python peer is ``label_studio_sdk.converter.brush``, whose bytes these are.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from data.errors import AnswerError

WORD = 8
SIZES = (3, 4, 8, 16)
WIDTHS = np.array(SIZES)
HEADER_BITS = 32 + 5 + 4 * 4
CHANNELS = 4
LONGEST = 1 << SIZES[-1]
HEAD_BITS = 3 + 16
FEW = 128
"""Runs below which they are joined one by one."""
SHIFTS = np.arange(8, dtype=np.uint32)
WINDOW_BYTES = 1 << 13
"""Bits are walked in windows of so many bytes, which stay in the processor's cache."""


def encode(mask: NDArray[np.generic]) -> list[int]:
    """Encode a binary mask; every pixel becomes (255, 255, 255, 255) or (0, 0, 0, 0).

    Parameters
    ----------
    mask:
        (rows, columns); what is not 0 belongs to the region.

    Returns
    -------
    list[int]
        Bytes, the same as ``brush.mask2rle(255 * mask)`` gives: an empty byte follows where the bits end with one.

    Raises
    ------
    AnswerError
        The mask has no pixels, or other than two axes.
    """
    if mask.ndim != 2 or mask.size == 0:
        raise AnswerError(
            "That is no mask of a page.", given=f"an array of shape {mask.shape}", expected="(rows, columns)"
        )
    flat = np.ascontiguousarray(mask).ravel()
    flat = flat.view(np.uint8) if flat.dtype == np.bool_ else (flat != 0).view(np.uint8)
    changes = (flat[1:] != flat[:-1]).nonzero()[0]
    if changes.size < FEW:
        return _join([*changes.tolist(), flat.size - 1], int(flat[0]))
    ends = np.concatenate((changes, (flat.size - 1,)))
    lengths = np.diff(ends, prepend=-1) * CHANNELS
    codes, widths = _codes(lengths, flat[ends])
    return _pack(codes, widths, flat.size * CHANNELS)


def _join(ends: list[int], inside: int) -> list[int]:
    """The bytes of a few runs, which cost less one by one than the calls for all at once.

    Parameters
    ----------
    ends:
        Index of each run's last pixel.
    inside:
        Of the first run's pixels, 0 or 1.
    """
    bits, width = _header((ends[-1] + 1) * CHANNELS), HEADER_BITS
    begin, word = 0, 255 * inside
    for end in ends:
        last = (end + 1 - begin) * CHANNELS - 1  # the length less 1
        begin = end + 1
        while last >= LONGEST:
            bits, width = bits << 27 | 0x7FFFF00 | word, width + 27
            last -= LONGEST
        if last < 8:  # 1, index (2), length - 1 (size), word (8)
            bits, width = bits << 14 | 0x2000 | last << 8 | word, width + 14
        elif last < 16:
            bits, width = bits << 15 | 0x5000 | last << 8 | word, width + 15
        elif last < 256:
            bits, width = bits << 19 | 0x60000 | last << 8 | word, width + 19
        else:
            bits, width = bits << 27 | 0x7000000 | last << 8 | word, width + 27
        word ^= 255
    count = width // 8 + 1
    return list((bits << (8 * count - width)).to_bytes(count, "big"))


def _header(count: int) -> int:
    """The bits before the runs."""
    for bits, value in ((5, WORD - 1), *((4, size - 1) for size in SIZES)):
        count = count << bits | value
    return count


def _codes(lengths: NDArray[np.int64], inside: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Each run's bits, at the low end of a word, and how many they are. Runs over 65536 values are cut."""
    index = (lengths > 8).astype(np.int64) + (lengths > 16) + (lengths > 256)
    if lengths.max() > LONGEST:
        pieces = (lengths - 1) // LONGEST + 1
        last = np.cumsum(pieces) - 1
        rest = lengths - (pieces - 1) * LONGEST
        inside, index = np.repeat(inside, pieces), np.repeat(index, pieces)
        lengths = np.full(inside.size, LONGEST)
        lengths[last] = rest
    size = WIDTHS[index]
    # bits: 1, index (2), length - 1 (size), word (8)
    codes = ((((4 | index) << size) | (lengths - 1)) << WORD) | (inside.astype(np.int64) * 255)
    return codes.view(np.uint64), 3 + size + WORD


def _pack(codes: NDArray[np.uint64], widths: NDArray[np.int64], count: int) -> list[int]:
    """The bytes of header and codes.

    A code has fewer than 32 bits, so one begins in every 32-bit word and none reaches beyond the next: those that
    begin in one word are joined in a window of 64 bits, whose halves belong to the word and the next.
    """
    ends = np.cumsum(widths) + HEADER_BITS
    starts = ends - widths
    word = starts >> 5
    placed = codes << (64 - widths - (starts & 31)).astype(np.uint64)
    first = np.flatnonzero(word[1:] != word[:-1]) + 1
    windows = np.bitwise_or.reduceat(placed, np.concatenate(((0,), first)))
    begin = HEADER_BITS >> 5
    packed = np.zeros(begin + windows.size + 1, dtype=np.uint32)
    packed[begin:-1] = windows >> np.uint64(32)
    packed[begin + 1 :] |= windows.astype(np.uint32)
    header = _header(count) << 64 - HEADER_BITS
    packed[0] |= header >> 32
    packed[1] |= header & 0xFFFFFFFF
    return list(packed.astype(">u4").tobytes()[: int(ends[-1]) // 8 + 1])


def decode(rle: Sequence[int] | bytes, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Decode a region; a pixel belongs to it where its alpha exceeds 127.

    Parameters
    ----------
    rle:
        Bytes, by :func:`encode`, the SDK or the browser (whose edges are anti-aliased).
    shape:
        (rows, columns) of the page.

    Returns
    -------
    ndarray
        (rows, columns), bool.

    Raises
    ------
    AnswerError
        The bytes are damaged, or hold another number of pixels.
    """
    try:
        content = bytes(rle)
    except (TypeError, ValueError) as error:
        raise _damaged("values that are no bytes") from error
    if len(content) * 8 < HEADER_BITS:
        raise _damaged(f"{len(content)} bytes")
    header = int.from_bytes(content[:8].ljust(8, b"\0"), "big") >> (64 - HEADER_BITS)
    count = header >> 21
    sizes = np.array([(header >> shift & 15) + 1 for shift in (12, 8, 4, 0)])
    pixels = shape[0] * shape[1]
    if (header >> 16 & 31) + 1 != WORD or count != pixels * CHANNELS:
        raise AnswerError(
            "A region is of another page.",
            given=f"{count} values",
            expected=f"{pixels * CHANNELS} values of {WORD} bits, for {shape[0]} rows x {shape[1]} columns",
            do="read the page again",
        )
    lengths, values = _runs(content, sizes, count)
    ends = np.minimum(np.cumsum(lengths), count)
    if ends.size == 0 or ends[-1] < count:
        raise _damaged(f"{int(ends[-1]) if ends.size else 0} of {count} values")
    # value i is an alpha where i % 4 == 3, so the first n values hold n // 4 of them
    return np.repeat(values > 127, np.diff(ends // CHANNELS, prepend=0)).reshape(shape)


def _damaged(given: str) -> AnswerError:
    return AnswerError("A region's code is damaged.", given=given, expected="a whole code", do="draw it again")


def _runs(content: bytes, sizes: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Length and word of every run; a run of different words becomes runs of length 1."""
    # words[i] is the 8 bytes from byte i
    padded = np.frombuffer(content + bytes(16), dtype=np.uint8)
    words: NDArray[np.uint64] = np.ndarray(len(content) + 8, dtype=">u8", buffer=padded, strides=(1,))
    starts = _starts(words, sizes, len(content) * 8)
    head = words[starts >> 3].astype(np.uint64) << (starts & 7).astype(np.uint64)
    repeated = (head >> np.uint64(63)).astype(bool)
    size = sizes[(head >> np.uint64(61) & np.uint64(3)).astype(np.int64)]
    lengths = ((head << np.uint64(3)) >> (64 - size).astype(np.uint64)).astype(np.int64) + 1
    first = starts + 3 + size  # the bit at which the first word begins
    if repeated.all():
        values = (head << (3 + size).astype(np.uint64)) >> np.uint64(64 - WORD)
        whole = first + WORD <= len(content) * 8
        return lengths[whole], values[whole]
    spans = np.where(repeated, 1, lengths)
    whole = (first + WORD * spans <= len(content) * 8) & (np.cumsum(lengths) - lengths < count)
    repeated, lengths, first, spans = repeated[whole], lengths[whole], first[whole], spans[whole]
    run = np.repeat(np.arange(spans.size), spans)
    bit = first[run] + WORD * (np.arange(run.size) - (np.cumsum(spans) - spans)[run])
    values = words[bit >> 3].astype(np.uint64) << (bit & 7).astype(np.uint64) >> np.uint64(64 - WORD)
    return np.where(repeated, lengths, 1)[run], values


def _starts(words: NDArray[np.uint64], sizes: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """The bits at which the runs begin.

    Where a run ends is known only once it is read: so in each window the bits of a run that would begin at each
    bit are looked up for all at once, and then walked.
    """
    table = _spans(tuple(sizes.tolist()))
    found: list[int] = []
    position = HEADER_BITS
    while position < bits:
        origin = position >> 3
        window = min(WINDOW_BYTES, (bits >> 3) - origin)
        heads = (words[origin : origin + window] >> np.uint64(32)).astype(np.uint32)[:, None] << SHIFTS
        spans = table[heads.ravel() >> np.uint32(32 - HEAD_BITS)].data  # an item costs less than one of an array
        base, end = origin * 8, (origin + window) * 8
        while position < end:
            found.append(position)
            position += spans[position - base]
    return np.array(found, dtype=np.int64)


@lru_cache(maxsize=4)
def _spans(sizes: tuple[int, ...]) -> NDArray[np.int32]:
    """How many bits a run takes, by the first 19 of them: kind, index of the size, and the longest length."""
    head = np.arange(1 << HEAD_BITS)
    size = np.array(sizes)[head >> (HEAD_BITS - 3) & 3]
    length = ((head & (1 << (HEAD_BITS - 3)) - 1) >> (HEAD_BITS - 3 - size)) + 1
    repeated = head >> (HEAD_BITS - 1) == 1
    spans: NDArray[np.int64] = 3 + size + WORD * np.where(repeated, 1, length)
    return spans.astype(np.int32)
