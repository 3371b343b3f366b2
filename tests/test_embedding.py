"""What a study looks like, as a vector: values, keeping, going on, and what it tells apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.errors import NotFoundError
from data.home import Home
from data.pixels import Pixels
from data.records import Layout, Series, Study
from data.store import Store
from models import embedding
from models.embedding import LENGTH, LENGTH_A_PAGE, describe, describe_study, embed, name_of
from models.task import get_task
from tests.filled_home import TASK, fill

ARRANGEMENT, EDGES = slice(0, 63), slice(63, 63 + 144)
EXPOSURE = slice(63 + 144, None)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home") / "home")
    fill(home, count=48)
    return home


def test_each_part_of_a_description_has_length_one() -> None:
    page = np.random.default_rng(0).integers(0, 256, (150, 201), dtype=np.uint8)
    found = describe(page)
    assert found.shape == (LENGTH_A_PAGE,) == (223,)
    assert found.dtype == np.float32
    assert [float(np.linalg.norm(found[part])) for part in (ARRANGEMENT, EXPOSURE)] == pytest.approx([1, 1])
    assert float(np.linalg.norm(found[EDGES])) == pytest.approx(1, abs=1e-5)
    counts = np.histogram(page, bins=16, range=(0, 256))[0]
    assert found[EXPOSURE] ** 2 == pytest.approx(counts / page.size, abs=1e-6)


def test_a_plain_page_has_an_exposure_alone() -> None:
    found = describe(np.full((80, 90), 200, dtype=np.uint8))
    assert not found[ARRANGEMENT].any()
    assert not found[EDGES].any()
    assert found[EXPOSURE].tolist() == [float(i == 200 // 16) for i in range(16)]


def test_a_wave_stands_at_its_frequency() -> None:
    across = np.cos(np.pi * 3 * (np.arange(64) + 0.5) / 64)  # the cosine transform's own third
    page = np.round(128 + 100 * np.tile(across, (64, 1))).astype(np.uint8)
    assert int(np.abs(describe(page)[ARRANGEMENT]).argmax()) == 3 - 1
    assert int(np.abs(describe(page.T)[ARRANGEMENT]).argmax()) == 3 * 8 - 1


def test_brightness_and_contrast_move_the_exposure_alone() -> None:
    page = np.random.default_rng(1).integers(0, 100, (64, 64), dtype=np.uint8)
    brighter = (2 * page.astype(int) + 20).astype(np.uint8)
    one, other = describe(page), describe(brighter)
    assert one[ARRANGEMENT] == pytest.approx(other[ARRANGEMENT], abs=1e-4)
    assert one[EDGES] == pytest.approx(other[EDGES], abs=1e-4)
    assert np.abs(one[EXPOSURE] - other[EXPOSURE]).max() > 0.1


def test_a_stack_is_described_by_its_thirds(filled: Home) -> None:
    store, pixels, task = Store.of(filled), Pixels.of(filled), get_task("chest_ct_norm")
    stack = np.random.default_rng(2).integers(0, 255, (30, 70, 70), dtype=np.uint8)
    series = Series("s", "ct", "CT", Layout.FRAMES, stack.shape, pixels.blobs.put_array(stack))
    study = Study("ct", store.studies.patients()[0], "CT", (series,))
    found = describe_study(task, study, pixels)
    pages = task.pages(study, pixels)
    expected = [
        np.mean([describe(pages[i]) for i in at], axis=0) for at in ((1, 5, 8), (11, 15, 18), (21, 25, 28))
    ]
    assert found.shape == (LENGTH,)
    assert found == pytest.approx(np.concatenate(expected), abs=1e-6)


def test_an_image_is_described_three_times_alike(filled: Home) -> None:
    store, pixels, task = Store.of(filled), Pixels.of(filled), get_task(TASK)
    study = store.studies.get("study-003")
    once = describe(task.pages(study, pixels)[0])
    assert describe_study(task, study, pixels) == pytest.approx(np.tile(once, 3), abs=1e-6)


def test_a_study_is_described_once_until_its_pixels_change(filled: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    store, pixels, task = Store.of(filled), Pixels.of(filled), get_task(TASK)
    monkeypatch.setattr(embedding, "KEEP_EVERY", 5)
    studies = store.studies.find()[:12]
    told: list[float] = []
    assert embed(store, task, studies[:7], pixels, progress=lambda share, _: told.append(share)) == 7
    assert told == pytest.approx([5 / 7, 1])
    assert embed(store, task, studies, pixels) == 5
    assert embed(store, task, studies, pixels) == 0
    darker = replace(studies[0].series[0], pixels=studies[1].series[0].pixels)
    assert embed(store, task, [replace(studies[0], series=(darker,))], pixels) == 1
    a, b = np.concatenate(list(store.embeddings.chunks(name_of(task), [s.study_id for s in studies[:2]])))
    assert a.tolist() == b.tolist()


def test_what_was_kept_before_a_kill_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path / "home")
    store, pixels, task = fill(home, count=48), Pixels.of(home), get_task(TASK)
    monkeypatch.setattr(embedding, "KEEP_EVERY", 4)

    def stop(share: float, words: str) -> None:
        if share > 0.3:
            raise KeyboardInterrupt

    studies = store.studies.find()[:24]
    with pytest.raises(KeyboardInterrupt):
        embed(store, task, studies, pixels, progress=stop)
    kept = store.embeddings.sources(name_of(task))
    assert len(kept) == 8
    assert embed(store, task, studies, pixels) == 16


def test_vectors_come_back_in_the_order_of_the_studies(filled: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.of(filled)
    monkeypatch.setattr("data.tables.embeddings.CHUNK", 3)
    names = [s.study_id for s in store.studies.find()][:8]
    given = np.arange(32, dtype=np.float32).reshape(8, 4)
    store.embeddings.put("any/1", [(n, "x", v) for n, v in zip(names, given, strict=True)])
    wanted = [5, 0, 7, 7, 2, 1, 3]
    chunks = list(store.embeddings.chunks("any/1", [names[i] for i in wanted]))
    assert [len(chunk) for chunk in chunks] == [3, 3, 1]
    assert np.concatenate(chunks).tolist() == given[wanted].tolist()
    with pytest.raises(NotFoundError, match="has not been described"):
        list(store.embeddings.chunks("any/2", names))


def test_views_lie_apart_without_a_label(filled: Home) -> None:
    store, pixels, task = Store.of(filled), Pixels.of(filled), get_task(TASK)
    studies = store.studies.find()
    vectors = np.stack([describe_study(task, study, pixels) for study in studies])
    lateral = np.array([study.view == "LL" for study in studies])
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (lateral[distances.argmin(axis=1)] == lateral).all()
