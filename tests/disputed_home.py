"""A home with cases on which readers differ, given to an adjudicator: options, findings, grades, outlines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from active_learning.adjudication import needs_adjudication
from active_learning.closing import Closing
from active_learning.plan import RoundPlan
from active_learning.surroundings import Surroundings
from data.answers import STUDY, Answer, MaskValue, Site
from data.blobs import Blobs
from data.home import Home
from data.records import (
    Annotation,
    BatchItem,
    Layout,
    Mode,
    Prediction,
    Purpose,
    QuestionPrediction,
    Reader,
    ReaderRole,
    ReadRequest,
    RequestState,
    Round,
    RoundState,
    Series,
    Study,
)
from data.splits import patient
from data.store import Store
from models.task import get_task
from tests.filled_home import manifest_of

READERS = (
    Reader("ann", "Dr Ahn", experience_y=12.0),
    Reader("ben", "Dr Berg"),
    Reader("cem", "Dr Cem"),
    Reader("senior", "Prof Dahl", role=ReaderRole.ADJUDICATOR),
    Reader("second", "Prof Ek", role=ReaderRole.ADJUDICATOR),
)
NAMES = ("ann", "ben", "cem")
SIZE, PAGES = 96, 8
STEP = (0.0, 0.0, 0.9, 0.0, 0.0, 0.9, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
Said = Mapping[str, Sequence[Answer]]
"""By study."""


def fill(home: Home) -> Store:
    """Rounds of three tasks that are read, their consensus formed, their disputes given to ``senior``."""
    store = Store.of(home)
    for reader in READERS:
        store.reads.add_reader(reader)
    quality(home)
    findings(home)
    lesions(home)
    grades(home)
    return store


def quality(home: Home) -> Round:
    """``q-view``: the projection is disputed. ``q-border``: the borders are. ``q-agreed``: nothing is."""

    def said(projection: str, name: str, option: str) -> list[Answer]:
        rotated = [Answer("rotation_lateral", STUDY, "straight")] if projection == "lateral" else []
        return [Answer("projection", STUDY, projection), Answer(name, STUDY, option), *rotated]

    frontal = said("frontal", "borders_frontal", "complete")
    cut = said("frontal", "borders_frontal", "cut_off")
    lateral = said("lateral", "borders_lateral", "complete")
    studies = [_image(home, name, index) for index, name in enumerate(("q-view", "q-border", "q-agreed"))]
    current = _opened(home, "cxr_quality", studies, readers=NAMES[:2])
    for reader, of in (("ann", {"q-view": frontal, "q-border": frontal, "q-agreed": frontal}),
                       ("ben", {"q-view": lateral, "q-border": cut, "q-agreed": frontal})):  # fmt: skip
        _read(home, current, reader, of)
    _predict(home, "cxr_quality", [
        ("q-view", QuestionPrediction("projection", STUDY, "frontal", {"frontal": 0.83, "lateral": 0.17}, 0.6)),
    ])  # fmt: skip
    return _judged(home, current)


def findings(home: Home) -> Round:
    """``f-one``: of two readers one saw scoliosis; both saw a dense aorta."""
    both = frozenset({"dense_aorta"})
    current = _opened(home, "cxr_findings", [_image(home, "f-one", 5)], readers=NAMES[:2])
    _read(home, current, "ann", {"f-one": [Answer("findings", STUDY, both)]})
    _read(home, current, "ben", {"f-one": [Answer("findings", STUDY, both | {"scoliosis"})]})
    return _judged(home, current)


def lesions(home: Home) -> Round:
    """``c-kind``: the phenotype of a lesion is disputed. ``c-more``: one reader drew a second lesion besides."""

    def drawn(*kinds: str, at: Sequence[Sequence[tuple[int, int, int]]]) -> list[Answer]:
        pages: dict[int, list[tuple[str, str]]] = {}
        for number, places in enumerate(at, 1):
            for page, row, column in places:
                pages.setdefault(page, []).append((f"lesion_{number}", blobs.put_mask(disc(row, column))))
        masks = [Answer("lesions", Site.page(page), MaskValue((SIZE, SIZE), tuple(of)))
                 for page, of in pages.items()]  # fmt: skip
        named = [Answer("phenotype", Site.lesion(n), kind) for n, kind in enumerate(kinds, 1)]
        return [Answer("finding", STUDY, "lesion"), *masks, *named]

    blobs = Blobs.of(home)
    one, near, far = [(3, 40, 40), (4, 42, 42)], [(4, 46, 46), (5, 46, 46)], [(2, 70, 60), (3, 70, 60)]
    current = _opened(home, "adrenal_ct", [_stack(home, "c-kind"), _stack(home, "c-more")], readers=NAMES[:2])
    _read(home, current, "ann", {"c-kind": drawn("benign", at=[one]), "c-more": drawn("benign", at=[one])})
    _read(home, current, "ben", {"c-kind": drawn("malignant", at=[near]),
                                 "c-more": drawn("benign", "malignant", at=[near, far])})  # fmt: skip
    current = _judged(home, current)
    _predict(home, "adrenal_ct", [
        ("c-more", QuestionPrediction("finding", STUDY, "lesion", {"no_lesion": 0.2, "lesion": 0.8}, 0.5)),
        ("c-more", QuestionPrediction(
            "lesions", Site.page(4),
            MaskValue((SIZE, SIZE), (("lesion_1", blobs.put_mask(disc(43, 44, 12))),)), {"lesion_1": 0.8}, 0.4)),
    ])  # fmt: skip
    return current


def grades(home: Home) -> Round:
    """``l-one``: one level is graded 1 by one reader and 2 by the other."""
    study = _image(home, "l-one", 9, modality="MR")
    current = _opened(home, "lumbar_stenosis", [study], readers=NAMES[:2])
    for reader, last in (("ann", 1), ("ben", 2)):
        sites = get_task("lumbar_stenosis").form["central"].sites
        said = [Answer("central", site, 0) for site in sites[:-1]] + [Answer("central", sites[-1], last)]
        sides = [Answer(name, site, 0) for name in ("recess", "foraminal")
                 for site in get_task("lumbar_stenosis").form[name].sites]  # fmt: skip
        _read(home, current, reader, {"l-one": [*said, *sides]})
    return _judged(home, current)


def disc(row: int, column: int, radius: int = 9) -> NDArray[np.bool_]:
    """A mask of a page."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return np.asarray((rows - row) ** 2 + (columns - column) ** 2 <= radius**2)


def _image(home: Home, name: str, index: int, *, modality: str = "DX") -> Study:
    rows, columns = np.mgrid[-1:1:320j, -1:1:288j]
    body = np.clip(1.1 - rows**2 * 0.7 - (columns - 0.04 * index) ** 2, 0, 1)
    for centre in (-0.4, 0.4):
        body -= 0.6 * np.clip(1 - ((columns - centre) / 0.3) ** 2 - ((rows + 0.1) / 0.6) ** 2, 0, 1)
    pixels = (np.clip(body, 0, 1) * 4095).astype(np.uint16)
    series = Series(f"{name}-1", name, modality, Layout.IMAGE, pixels.shape, Blobs.of(home).put_array(pixels),
                    spacing_mm=(1.2, 1.2), window=(2048.0, 4096.0))  # fmt: skip
    return _kept(home, name, modality, series, view="PA" if modality == "DX" else "")


def _stack(home: Home, name: str) -> Study:
    rows, columns = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    body = np.where(rows**2 + columns**2 < 0.8, 40, -900) + np.zeros((PAGES, 1, 1))
    for page in (3, 4, 5):
        body[page][disc(43, 43, 8)] = 90
    noise = np.random.default_rng(3).normal(0, 14, body.shape)
    pixels = (body + noise).astype(np.int16)
    series = Series(f"{name}-1", name, "CT", Layout.VOLUME, pixels.shape, Blobs.of(home).put_array(pixels),
                    affine=STEP, spacing_mm=(3.0, 0.9, 0.9), window=(40.0, 400.0))  # fmt: skip
    return _kept(home, name, "CT", series, view="")


def _kept(home: Home, name: str, modality: str, series: Series, *, view: str) -> Study:
    study = Study(name, patient(home.secret("key"), f"hospital:{name}"), modality, (series,), view=view,
                  ingested_at="2026-03-01T08:00:00+00:00")  # fmt: skip
    Store.of(home).studies.add(study, {})
    return study


def _opened(home: Home, task: str, studies: Sequence[Study], *, readers: Sequence[str]) -> Round:
    store = Store.of(home)
    items = [BatchItem(s.study_id, Purpose.ACQUISITION, Mode.INDEPENDENT, 0.5, "unsure") for s in studies]
    plan = RoundPlan(tuple(readers), adjudicator="senior", readers_per_case=len(readers), budget=len(studies))
    current = store.rounds.open(task, items, plan.as_dict(), "")
    store.rounds.move(current.round_id, RoundState.PUSHED, expected=[RoundState.OPENED])
    return store.rounds.get(current.round_id)


def _read(home: Home, current: Round, reader: str, said: Said) -> None:
    store = Store.of(home)
    for study_id, answers in said.items():
        name = f"{current.task}-{study_id}-{reader}"
        store.reads.plan([ReadRequest(f"rq-{name}", current.round_id, current.task, study_id, reader,
                                      Purpose.ACQUISITION, Mode.INDEPENDENT)])  # fmt: skip
        checked = get_task(current.task).form.check(answers)
        store.reads.keep(
            Annotation(f"an-{name}", current.task, study_id, reader, Mode.INDEPENDENT, checked, f"rq-{name}",
                       current.round_id, lead_time_s=30.0)
        )  # fmt: skip


def _judged(home: Home, current: Round) -> Round:
    """The consensus, and the disputes given to the adjudicator."""
    store = Store.of(home)
    current = store.rounds.move(current.round_id, RoundState.READ, expected=[RoundState.PUSHED])
    closing = Closing(Surroundings(home, get_task(current.task)))
    outcomes = closing.form(current)
    asked = closing.ask(current, [name for name, records in outcomes.items() if needs_adjudication(records)])
    store.reads.set_requests(
        replace(r, state=RequestState.PUSHED, external_project=7, external_task=i) for i, r in enumerate(asked, 1)
    )
    return current


def _predict(home: Home, task: str, results: Sequence[tuple[str, QuestionPrediction]]) -> None:
    store = Store.of(home)
    version = store.versions.add(
        task=task, profile="demo", manifest=manifest_of(Blobs.of(home), task, phantoms=0)
    ).version
    by_study: dict[str, list[QuestionPrediction]] = {}
    for study_id, result in results:
        by_study.setdefault(study_id, []).append(result)
    store.versions.put_predictions(
        Prediction(task, name, version, tuple(of), "2026-03-02T08:00:00+00:00") for name, of in by_study.items()
    )
    store.versions.crown(task, version, "to be looked at")
