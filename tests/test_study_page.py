"""What the study page says of tasks whose answers are more than a choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from data.answers import STUDY, Site
from data.blobs import Blobs
from data.home import HOME_VARIABLE, Home
from data.records import Layout, Measured, Prediction, QuestionPrediction, Series, Study
from data.splits import patient
from data.store import Store
from tests import filled_home
from tests.filled_home import manifest_of
from tests.test_faces import show, words
from workbench.views import study as study_page
from workbench.worklist_filter import Filter

STEP = (0.0, 0.0, 2.0, 0.0, 0.0, 2.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)


@pytest.fixture
def store(home: Home, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv(HOME_VARIABLE, str(home.path))
    return Store.of(home)


def study(
    home: Home, name: str, modality: str, *, at: str = "", stack: bool = False, phantom: bool = False
) -> Study:
    """A study of the same patient as all others."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(-100, 100, (6, 32, 32) if stack else (32, 32)).astype(np.int16)
    series = Series(
        f"{name}-1", name, modality, Layout.VOLUME if stack else Layout.IMAGE, pixels.shape,
        Blobs.of(home).put_array(pixels), affine=STEP if stack else None, window=(0.0, 400.0),
    )  # fmt: skip
    made = Study(name, patient(home.secret("key"), "t:1"), modality, (series,), view="" if stack else "PA",
                 study_date=at, ingested_at="2026-03-01T08:00:00+00:00", phantom=phantom)  # fmt: skip
    Store.of(home).studies.add(made, {})
    return made


def champion(
    home: Home,
    task: str,
    predictions: Sequence[tuple[str, QuestionPrediction, Sequence[Measured]]],
    *,
    phantoms: int = 0,
) -> None:
    store = Store.of(home)
    manifest = manifest_of(Blobs.of(home), task, phantoms=phantoms)
    version = store.versions.add(task=task, profile="demo", manifest=manifest).version
    store.versions.put_predictions(
        Prediction(task, name, version, (result,), "2026-03-02T08:00:00+00:00", tuple(measured))
        for name, result, measured in predictions
    )
    store.versions.crown(task, version, "to be looked at")


def sized(off_mm: float, volume_ml: float) -> list[Measured]:
    lesion = Site.lesion(1)
    return [Measured("volume", lesion, volume_ml, "ml"), Measured("off_midline", lesion, off_mm, "mm")]


def test_a_lesion_is_shown_with_its_growth(home: Home, store: Store) -> None:
    found = QuestionPrediction("finding", STUDY, "lesion", {"no_lesion": 0.1, "lesion": 0.9}, 0.4)
    for name, at in (("first", "2025-01-10"), ("later", "2026-01-10"), ("undated", "")):
        study(home, name, "CT", at=at, stack=True)
    champion(home, "adrenal_ct", [
        ("first", found, sized(31.0, 2.0)), ("later", found, sized(34.0, 3.0)), ("undated", found, sized(34.0, 9)),
    ])  # fmt: skip
    page = show("study", study="later", task="adrenal_ct")
    said = words(page)
    assert not page.exception
    assert "Since the earlier study" in said
    assert "365 days before" in said
    assert "2025-01-10" not in said
    assert "+50%" in said
    assert "/study?study=first" in said
    for other in ("first", "undated"):
        assert "Since the earlier study" not in words(show("study", study=other, task="adrenal_ct"))


def test_each_finding_has_its_own_probability(home: Home, store: Store) -> None:
    shares = {"scoliosis": 0.12, "dense_aorta": 0.81, "unfolded_aorta": 0.4}
    result = QuestionPrediction("findings", STUDY, frozenset({"scoliosis", "dense_aorta"}), shares, 0.9)
    study(home, "chest", "DX")
    champion(home, "cxr_findings", [("chest", result, ())])
    page = show("study", study="chest", task="cxr_findings", heat="true")
    said = words(page)
    assert not page.exception
    places = [said.index(name) for name in ("dense aorta", "scoliosis", "unfolded aorta")]
    assert places == sorted(places)
    assert said.count(">present<") == 2
    assert "vascular hila" not in said  # nothing is said of what the version was not trained on
    (asked,) = [job for job in store.jobs.all() if job.kind == "explain"]
    assert asked.arguments["finding"] == "dense_aorta"


@pytest.mark.parametrize(("phantoms", "said"), [(9, True), (8, False)])
def test_a_version_that_knows_phantoms_alone_says_so(home: Home, store: Store, phantoms: int, said: bool) -> None:
    found = QuestionPrediction("projection", STUDY, "frontal", {"frontal": 0.9, "lateral": 0.1}, 0.4)
    study(home, "person", "DX")
    study(home, "made", "DX", phantom=True)
    champion(home, "cxr_quality", [("person", found, ()), ("made", found, ())], phantoms=phantoms)
    assert ("learnt from phantoms alone" in words(show("study", study="person", task="cxr_quality"))) is said
    assert "learnt from phantoms alone" not in words(show("study", study="made", task="cxr_quality"))


@pytest.mark.parametrize(
    "asked", [{"sort": "uncertain first"}, {"doubt": "0.4"}, {"answer": "projection:lateral"}]
)
def test_a_reader_does_not_walk_by_the_models_answers(
    asked: dict[str, str], home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(home.path))
    filled_home.fill(home).close()
    walked: list[Filter] = []
    real = study_page.neighbours

    def neighbours(store: Store, task: str, version: str, filtered: Filter, *rest: Any, **more: Any) -> Any:
        walked.append(filtered)
        return real(store, task, version, filtered, *rest, **more)

    monkeypatch.setattr(study_page, "neighbours", neighbours)
    for reader in ("", "reader-1"):
        assert not show("study", reader=reader, study="study-040", task=filled_home.TASK, **asked).exception
    assert [filtered.of_model for filtered in walked] == [True, False]
