"""MP4 and back: sizes, order, and what is lost."""

import math

import numpy as np
import pytest

from data.errors import NotAnImageError
from data.video import CODECS, read_video, write_video


def clip(frames=12, rows=64, columns=80):
    """Smooth discs that move, with a little noise, as CT frames are."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:rows, :columns]
    pages = [120 + 80 * np.exp(-((y - 20 - 2 * i) ** 2 + (x - 40) ** 2) / 150) for i in range(frames)]
    return np.clip(np.stack(pages) + rng.normal(0, 3, (frames, rows, columns)), 0, 255).astype(np.uint8)


def test_default_quality_loses_little_and_is_small(tmp_path):
    given = clip()
    loss = write_video(given, tmp_path / "clip.mp4")
    back = read_video(tmp_path / "clip.mp4")
    assert back.shape == given.shape
    assert loss.codec in CODECS
    assert 34 < loss.psnr_db < 60
    assert 0 < loss.mean_abs_error < 4
    assert loss.mean_abs_error == pytest.approx(np.abs(back.astype(int) - given).mean())
    assert loss.size_bytes == (tmp_path / "clip.mp4").stat().st_size < given.nbytes
    tops = [int(page.mean(axis=1).argmax()) for page in back]
    assert tops == sorted(tops)
    assert tops[-1] - tops[0] > 15
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


def test_lossless_loses_nothing_with_x264(tmp_path):
    given = clip()
    loss = write_video(given, tmp_path / "clip.mp4", lossless=True)
    if loss.codec == "libx264":
        assert math.isinf(loss.psnr_db)
        assert loss.mean_abs_error == 0
        assert np.array_equal(read_video(tmp_path / "clip.mp4"), given)
    else:
        assert loss.psnr_db > 38


def test_full_range_and_odd_sizes_come_back(tmp_path):
    given = np.zeros((3, 33, 47), dtype=np.uint8)
    given[:, :, 20:] = 255
    write_video(given, tmp_path / "odd.mp4", lossless=True)
    back = read_video(tmp_path / "odd.mp4")
    assert back.shape == given.shape
    assert np.abs(back.astype(int) - given).max() <= 2


def test_what_is_no_video_is_refused(tmp_path):
    (tmp_path / "text.mp4").write_bytes(b"no video at all" * 50)
    with pytest.raises(NotAnImageError, match="no video"):
        read_video(tmp_path / "text.mp4")
    with pytest.raises(ValueError, match="expected"):
        write_video(np.zeros((3, 4), np.uint8), tmp_path / "flat.mp4")
