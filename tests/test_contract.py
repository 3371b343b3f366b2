"""Every clinical task, from phantom to retraining, through the real labelling server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from active_learning.rounds import Loop
from data.answers import Choice, Grade, Mask
from data.blobs import Blobs
from data.home import Home
from data.pixels import Pixels
from data.records import Mode, Part, Purpose, RequestState, RoundState
from data.store import Store
from labelstudio.gateway import LabelStudioGateway
from labelstudio.server import LabelStudioServer
from models.config import ProfileName
from models.task import discover
from models.versions import load
from workbench.embedded import play
from workbench.report import Report
from workbench.welcome import READER, invite

pytestmark = pytest.mark.labelstudio
PHANTOMS = 50
KEY = f"{25:064x}"
"""Of the home: with it the test patients of every task show both classes."""


@pytest.fixture(scope="module", params=list(discover()))
def played(
    request: pytest.FixtureRequest, label_server: LabelStudioServer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Home, dict[str, Any]]:
    """A task's name, and a home in which its demo was played in the profile ``tiny``."""
    home = Home(tmp_path_factory.mktemp(request.param) / "home").prepare()
    (home.secrets / "key").write_text(KEY)
    report = Report(as_json=True)
    result = play(home, task=request.param, profile="tiny", phantoms=PHANTOMS, report=report, server=label_server)
    return request.param, home, result


def test_the_round_is_whole(played: tuple[str, Home, dict[str, Any]]) -> None:
    name, home, result = played
    store = Store.of(home)
    requests = store.reads.requests(round_id=result["round"])
    adjudications = [r for r in requests if r.purpose == Purpose.ADJUDICATION]
    assert result["rounds"] == 1
    assert result["pushed"] == result["annotations"] == 3 * result["studies"] + result["disputed"]
    assert result["disputed"] == len(adjudications)
    assert result["consensus"] == result["studies"]
    assert result["champion"]["version"] == f"{name}-v1"
    assert result["candidate"]["version"] == f"{name}-v2"
    # a version may withhold an answer (levels that it does not find), so that both need not have the same patients
    tested = len({p.patient_id for p in store.studies.patients() if p.part == Part.TEST})
    assert 0 < result["candidate"]["n"] <= tested
    assert 0 < result["champion"]["n"] <= tested
    assert 0.0 <= result["candidate"]["value"] <= 1.0
    champion = store.versions.champion(name)
    assert champion is not None
    assert champion.version == f"{name}-v{2 if result['promoted'] else 1}"


def test_playing_again_changes_nothing(
    played: tuple[str, Home, dict[str, Any]], label_server: LabelStudioServer
) -> None:
    name, home, result = played
    again = play(
        home, task=name, profile="tiny", phantoms=PHANTOMS, report=Report(as_json=True), server=label_server
    )
    assert {**again, "seconds": 0} == {**result, "seconds": 0}


def test_every_study_is_predicted_within_the_form(played: tuple[str, Home, dict[str, Any]]) -> None:
    name, home, _result = played
    store, task = Store.of(home), discover()[name]
    champion = store.versions.champion(name)
    assert champion is not None
    studies = [s for s in store.studies.find() if task.accepts(s)]
    predictions = store.versions.predictions(champion.version)
    assert set(predictions) == {s.study_id for s in studies}
    for prediction in predictions.values():
        task.form.check(r.answer for r in prediction.results)
        for r in prediction.results:
            if isinstance(task.form[r.question].kind, Choice | Grade):
                assert sum(r.probabilities.values()) == pytest.approx(1.0, abs=1e-5)
            assert all(0.0 <= p <= 1.0 for p in r.probabilities.values())
            assert 0.0 <= r.uncertainty <= 1.0


def test_an_answer_is_explained_in_native_pixels(played: tuple[str, Home, dict[str, Any]]) -> None:
    name, home, _result = played
    store, task, pixels = Store.of(home), discover()[name], Pixels(Blobs.of(home))
    champion = store.versions.champion(name)
    assert champion is not None
    model = load(store, Blobs.of(home), champion.version)
    some = [s for s in store.studies.find() if task.accepts(s)][:8]
    pairs = zip(some, model.predict(some, pixels), strict=True)
    said = [(study, result) for study, prediction in pairs for result in prediction.results]
    # masks explain themselves, but a version may withhold all else of a study
    said.sort(key=lambda pair: isinstance(task.form[pair[1].question].kind, Mask))
    study, first = said[0]
    found = model.explain(study, first.question, pixels, site=first.site)
    pages = task.pages(study, pixels)
    assert found.heat.shape == pages[found.page].shape
    assert tuple(page.shape for page in pages) == task.page_shapes(study)
    assert found.heat.dtype == np.float32
    assert 0.0 <= found.heat.min() <= found.heat.max() <= 1.0


def test_a_version_says_where_it_comes_from(played: tuple[str, Home, dict[str, Any]]) -> None:
    name, home, result = played
    store, blobs = Store.of(home), Blobs.of(home)
    version = store.versions.get(result["candidate"]["version"])
    manifest = json.loads(blobs.get(version.manifest, verify=True))
    assert version.parent == f"{name}-v1"
    assert version.round_id == result["round"]
    assert manifest["environment"]["libraries"]["torch"]
    assert manifest["stages"]
    task = discover()[name]
    names = [one.name for one in task.planned(task.profile(version.profile))]
    trained = [one["name"] for one in manifest["pace"]["networks"]]
    assert trained == [one for one in names if one in trained]  # those that lack examples are left out
    assert trained
    train = {p.pseudonym for p in store.studies.patients() if p.part == Part.TRAIN}
    assert set() < set(manifest["data"]["training"]["patients"]) <= train


def test_a_person_finds_a_few_cases_after_it(
    played: tuple[str, Home, dict[str, Any]], label_server: LabelStudioServer
) -> None:
    name, home, _result = played
    store = Store.of(home)
    loop = Loop(home, discover()[name], LabelStudioGateway(label_server, Blobs.of(home), store.reads.reader))
    waiting = invite(loop)
    assert waiting is not None
    asked = store.reads.requests(round_id=waiting.round_id)
    assert {(r.reader_id, r.state) for r in asked} == {(READER.reader_id, RequestState.PUSHED)}
    modes = [r.mode for r in asked]
    assert modes.count(Mode.ASSISTED) == modes.count(Mode.INDEPENDENT) == len(modes) / 2 > 0
    assert invite(loop) == waiting
    assert store.reads.requests(round_id=waiting.round_id) == asked
    store.rounds.move(waiting.round_id, RoundState.CANCELLED, expected=[RoundState.PUSHED])
    assert invite(loop) == store.rounds.get(waiting.round_id)  # it is not sent again


@pytest.mark.parametrize("task", list(discover()))
def test_every_task_has_a_configuration_and_a_place_in_the_readme(task: str) -> None:
    assert set(discover()[task].config.profiles) == set(ProfileName)
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    assert f"| `{task}` |" in readme
