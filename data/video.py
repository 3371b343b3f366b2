"""A clip of grey frames as an MP4 file and back, and what the way costs.

The MP4 is a compact working copy: the source stays the reference. It is written with x264, grey values in the luma
plane over their full range, or with MPEG-4 Part 2 where x264 is not built in.

References
----------
ITU-T H.264 (08/2021). PSNR: 10 log10(255^2 / MSE), as in ITU-T J.340.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.errors import DamagedFileError, NotAnImageError

FRAMES_PER_S = 10
CODECS = ("libx264", "mpeg4")
"""The preferred one first."""
CRF = 18
"""x264's quality for the default: 0 is lossless, 51 the coarsest."""


@dataclass(frozen=True, slots=True)
class VideoLoss:
    """How far what comes back is from what went in.

    Parameters
    ----------
    psnr_db:
        Peak signal-to-noise ratio; infinite where nothing was lost.
    mean_abs_error:
        In grey values of 255.
    codec:
        Which was used.
    size_bytes:
        Of the file.
    """

    psnr_db: float
    mean_abs_error: float
    codec: str
    size_bytes: int


def write_video(clip: NDArray[np.uint8], path: Path, *, lossless: bool = False) -> VideoLoss:
    """Write a clip, read it back, and tell what was lost.

    Parameters
    ----------
    clip:
        (frames, rows, columns). Odd sizes are padded in the file and cut again by :func:`read_video`.
    lossless:
        Ask x264 for no loss at all; MPEG-4 Part 2 cannot, and does its best.

    Raises
    ------
    ValueError
        The clip is empty or has another form.
    """
    if clip.ndim != 3 or clip.dtype != np.uint8 or not clip.size:
        raise ValueError(f"clip of {clip.shape} and {clip.dtype}: expected (frames, rows, columns) of uint8")
    codec = _codec()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    try:
        _encode(clip, draft, codec, lossless)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return _loss(clip, read_video(path), codec, path.stat().st_size)


def read_video(path: Path) -> NDArray[np.uint8]:
    """The frames of a video as (frames, rows, columns) of grey values.

    Raises
    ------
    NotAnImageError
        It is no video.
    DamagedFileError
        It holds no frame that can be decoded.
    """
    import av  # noqa: PLC0415 - heavy

    try:
        with av.open(str(path)) as container:
            size = container.metadata.get("comment", "")
            frames = [_grey(frame) for frame in container.decode(video=0)]
    except (av.error.InvalidDataError, IndexError, ValueError) as error:
        raise NotAnImageError(
            "The file is no video.", given=f"{path.name}: {error}", expected="an MP4 file with one picture track"
        ) from error
    if not frames:
        raise DamagedFileError("The video has no frames.", given=path.name, expected="one frame or more")
    clip = np.stack(frames)
    rows, _, columns = size.partition("x")
    if rows.isdecimal() and columns.isdecimal():
        clip = clip[:, : int(rows), : int(columns)]
    return np.ascontiguousarray(clip)


def _codec() -> str:
    import av  # noqa: PLC0415 - heavy

    return next(name for name in CODECS if name in av.codecs_available)


def _encode(clip: NDArray[np.uint8], path: Path, codec: str, lossless: bool) -> None:
    import av  # noqa: PLC0415 - heavy

    count, rows, columns = clip.shape
    padded = np.zeros((count, rows + rows % 2, columns + columns % 2), dtype=np.uint8)
    padded[:, :rows, :columns] = clip
    if codec == "libx264":
        options = {"qp": "0"} if lossless else {"crf": str(CRF)}
    else:
        options = {"qmin": "1", "qmax": "1"} if lossless else {"qmin": "2", "qmax": "2"}
    with av.open(str(path), mode="w", format="mp4") as container:
        container.metadata["comment"] = f"{rows}x{columns}"
        stream: Any = container.add_stream(codec, rate=Fraction(FRAMES_PER_S), options=options)
        stream.width, stream.height, stream.pix_fmt = padded.shape[2], padded.shape[1], "yuv420p"
        for index, page in enumerate(padded):
            frame = av.VideoFrame(padded.shape[2], padded.shape[1], "yuv420p")
            _fill(frame.planes[0], page)
            for plane in frame.planes[1:]:
                _fill(plane, np.full((plane.height, plane.width), 128, dtype=np.uint8))
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _fill(plane: Any, values: NDArray[np.uint8]) -> None:
    """Write values (rows, columns) into a plane, whose lines may be longer."""
    lines = np.zeros((plane.height, plane.line_size), dtype=np.uint8)
    lines[:, : values.shape[1]] = values
    plane.update(lines.tobytes())


def _grey(frame: Any) -> NDArray[np.uint8]:
    """The luma plane of a frame as it is; other formats are converted."""
    if not frame.format.name.startswith(("yuv", "gray")) or frame.format.components[0].bits != 8:
        return np.asarray(frame.to_ndarray(format="gray"), dtype=np.uint8)
    plane = frame.planes[0]
    lines = np.frombuffer(plane, dtype=np.uint8).reshape(-1, plane.line_size)
    return lines[: frame.height, : frame.width].copy()


def _loss(before: NDArray[np.uint8], after: NDArray[np.uint8], codec: str, size: int) -> VideoLoss:
    gap = before.astype(np.float64) - after[: len(before)]
    error = float(np.mean(gap**2))
    psnr = math.inf if error == 0 else 10 * math.log10(255**2 / error)
    return VideoLoss(psnr, float(np.abs(gap).mean()), codec, size)
