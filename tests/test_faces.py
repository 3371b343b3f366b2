"""The pages, the demo and the API on an empty home and on a small filled one."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import numpy as np
import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given, settings
from PIL import Image
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from active_learning.agreement import fleiss_kappa
from active_learning.ratings import ratings_of
from data.home import HOME_VARIABLE, Home
from data.records import Annotation, JobState, Mode, Part, Purpose, RequestState, RoundState
from data.store import Store
from labelstudio.webhook import HEADER
from models.task import get_task
from tests.filled_home import READERS, SENTENCE, SOURCE_ID, TASK
from workbench import jobs
from workbench.blindness import ALL, Blindness
from workbench.guard import POLICY, Guard
from workbench.serve import create_api
from workbench.views.parts.context import SEAT
from workbench.views.parts.words import NOTICE
from workbench.views.places import PLACES
from workbench.work import loop
from workbench.worklist import neighbours, worklist
from workbench.worklist_filter import Filter, Sort, Standing

PAGES = [name for name, place in PLACES.items() if name != "home"]
APP = Path(__file__).parent.parent / "workbench" / "app.py"


def show(name: str, *, reader: str = "", **query: str) -> AppTest:
    """A page, as Streamlit runs it."""
    page = AppTest.from_file(str(APP), default_timeout=60)
    page._page_hash = calc_hash(name)
    for key, value in query.items():
        page.query_params[key] = value
    if reader:
        page.query_params[SEAT] = reader
    return page.run()


def words(page: AppTest) -> str:
    """Everything that a page says, the HTML of its tables included."""
    return unescape(re.sub(r"\\+([\"'])", r"\1", "\n".join(_deep(page.main))))  # protobuf escapes quotes


def _deep(block: object) -> Iterator[str]:
    for child in getattr(block, "children", {}).values():
        if hasattr(child, "children"):
            yield from _deep(child)
        else:
            yield str(child.proto)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_an_empty_home_says_what_belongs_there(name: str, home: Home) -> None:
    page = show(name)
    said = words(page)
    assert not page.exception
    assert NOTICE in said
    if name not in ("health", "study"):
        assert "consilium " in said  # the command that brings something


@pytest.mark.parametrize("reader", ["", "reader-1"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_a_filled_home_shows_no_identity(name: str, reader: str, at_filled: Home) -> None:
    page = show(name, reader=reader, study="study-001")
    assert not page.exception
    assert NOTICE in words(page)
    assert SOURCE_ID.split(":")[1] not in words(page)


def test_the_worklist_shows_what_the_champion_said(at_filled: Home) -> None:
    store = Store.of(at_filled)
    said = words(show("worklist"))
    first = worklist(store, TASK, "cxr_quality-v2", Filter()).rows[0]
    assert first.pseudonym in said
    assert f'data-open="{first.study_id}"' in said
    assert "50 of 64" in said


def test_the_worklist_is_filtered_by_its_address(at_filled: Home) -> None:
    said = words(show("worklist", view="LL", standing="pool"))
    rows = worklist(Store.of(at_filled), TASK, "cxr_quality-v2", Filter(view="LL", standing="pool")).rows
    assert said.count("<tr data-open=") == len(rows) > 0


def test_filters_give_what_they_say(filled: Home) -> None:
    store = Store.of(filled)

    def found(**given: object) -> list[str]:
        page = worklist(store, TASK, "cxr_quality-v2", Filter(**given), page_size=100)  # type: ignore[arg-type]
        return [row.study_id for row in page.rows]

    assert len(found()) == 64
    assert set(found(view="LL")) == {f"study-{i:03d}" for i in range(2, 64, 3)}
    assert found(held=True) == ["study-000"]
    assert found(text="STUDY-01") == sorted(found(text="study-01"), key=found().index)
    by_answer = found(answer="projection=frontal"), found(answer="projection=lateral")
    assert sorted([*by_answer[0], *by_answer[1]]) == sorted(found())
    assert all(by_answer)
    rows = worklist(store, TASK, "cxr_quality-v2", Filter(sort=Sort.UNCERTAIN), page_size=100).rows
    doubts = [row.uncertainty or 0 for row in rows]
    assert doubts == sorted(doubts, reverse=True)


def test_standing_is_the_most_urgent_one(filled: Home) -> None:
    rows = worklist(Store.of(filled), TASK, "cxr_quality-v2", Filter(), page_size=100).rows
    standing = {row.study_id: row.standing for row in rows}
    assert standing["study-001"] == Standing.REFERENCE  # imported
    assert standing["study-035"] == Standing.REFERENCE  # agreed
    assert standing["study-045"] == Standing.POOL
    assert standing["study-057"] == Standing.IN_ROUND
    assert standing["study-054"] == Standing.READ


def test_pages_and_neighbours_follow_the_same_order(filled: Home) -> None:
    store, filtered = Store.of(filled), Filter(sort=Sort.UNCERTAIN, view="PA")
    pages = [
        worklist(store, TASK, "cxr_quality-v2", Filter(sort=Sort.UNCERTAIN, view="PA", page=n), page_size=20)
        for n in (1, 2, 3)
    ]
    order = [row.study_id for page in pages for row in page.rows]
    assert len(order) == len(set(order)) == pages[0].total == 43
    assert neighbours(store, TASK, "cxr_quality-v2", filtered, order[7]) == (order[6], order[8])
    assert neighbours(store, TASK, "cxr_quality-v2", filtered, order[0]) == ("", order[1])
    assert neighbours(store, TASK, "cxr_quality-v2", filtered, "study-002") == ("", "")  # a lateral view


def test_a_filter_survives_its_address() -> None:
    given = Filter(text="P-7", answer="projection=frontal", held=True, sort=Sort.OLDEST, page=3)
    assert Filter.of_query(given.query()) == given
    assert Filter.of_query({"page": "-2", "sort": "<script>", "standing": "x"}) == Filter()


def independent(store: Store, mode: Mode = Mode.INDEPENDENT) -> str:
    """A study of the open round that is read in this mode, of a training patient."""
    items = store.rounds.batch(f"{TASK}-r2").items
    return next(i.study_id for i in items if i.mode == mode and i.purpose == Purpose.ACQUISITION)


def test_an_independent_reader_sees_neither_model_nor_others(changed: Store) -> None:
    study = independent(changed)
    blind, curator = words(show("study", reader="reader-1", study=study)), words(show("study", study=study))
    for secret in ("Model's answer", "Dr Berg", "Why it is in the queue", "cxr_quality-v", '"can_ask_heat": true'):
        assert secret not in blind
        assert secret in curator
    assert "You read this study independently" in blind
    asked = "cxr_quality-v1,cxr_quality-v2"
    named = words(show("study", reader="reader-1", study=study, versions=asked))
    assert "cxr_quality-v" not in named.replace(asked, "")  # the address that was asked for is shown
    assert "read it." not in named  # nor the history
    assert "Dr Ahn" in blind


def test_an_assisted_reader_sees_the_model_and_no_reader(changed: Store) -> None:
    said = words(show("study", reader="reader-1", study=independent(changed, Mode.ASSISTED)))
    assert "Model's answer" in said
    assert "Dr Berg" not in said


def test_blindness_ends_with_the_round(changed: Store) -> None:
    study, reader = independent(changed), READERS[0]
    before = Blindness(changed, TASK, reader).sight(study, Part.TRAIN)
    changed.rounds.move(f"{TASK}-r2", RoundState.READ, expected=[RoundState.PUSHED])
    during = Blindness(changed, TASK, reader).sight(study, Part.TRAIN)
    changed.rounds.move(f"{TASK}-r2", RoundState.CLOSED, expected=[RoundState.READ])
    after = Blindness(changed, TASK, reader).sight(study, Part.TRAIN)
    assert [s.model for s in (before, during, after)] == [False, False, True]
    assert after == ALL == Blindness(changed, TASK, None).sight(study, Part.TEST)


def test_patients_of_the_reference_standard_stay_blind_until_there_is_one(filled: Home) -> None:
    store = Store.of(filled)
    stranger = Blindness(store, TASK, READERS[3])
    assert not stranger.sight("study-045", Part.TEST).model
    assert stranger.sight("study-045", Part.TRAIN).model
    assert stranger.sight("study-035", Part.TEST).model  # it has a consensus


def test_the_queue_of_a_reader_says_why_only_where_it_gives_nothing_away(at_filled: Home) -> None:
    said = words(show("reading", reader="reader-1"))
    assert "8 of 10 read" in said
    assert said.count(">without the model") == said.count(">independent<")
    assert "drawn at random" not in said
    assert "labelstudio login" not in said  # the link signs in


def test_a_reader_is_not_offered_what_is_not_theirs(at_filled: Home) -> None:
    page = show("worklist", reader="reader-1")
    assert "Model's answer" not in {box.label for box in page.selectbox}
    sort = next(box for box in page.selectbox if box.label == "Sort")
    assert "uncertain first" not in sort.options


def test_scripted_readers_are_marked(at_filled: Home) -> None:
    assert "Script C (scripted)" in words(show("reading"))


def test_the_loop_shows_the_step_and_asks_the_worker(changed: Store) -> None:
    page = show("loop")
    assert "24 of 30 reads" in words(page)
    assert "1 disputed" in words(page)
    next(button for button in page.button if button.label == "Fetch answers").click()
    page.run()
    job = changed.jobs.all(limit=1)[0]
    assert (job.kind, job.arguments["step"], job.arguments["round_id"]) == ("round.step", "pull", f"{TASK}-r2")
    assert "No worker is running" in words(page)


def test_the_readers_of_a_round_are_shown_with_their_agreement(changed: Store) -> None:
    page = AppTest.from_file(str(APP), default_timeout=60)
    page._page_hash = calc_hash("loop")
    page.session_state[f"show {TASK}-r2"] = "readers"
    said = words(page.run())
    assert not page.exception
    assert "Krippendorff's alpha" in said
    reads = changed.reads.annotations(TASK, round_id=f"{TASK}-r2")
    asked = ratings_of(reads, get_task(TASK).form)
    for (question, _), ratings in asked.items():
        figure = fleiss_kappa(ratings)
        if figure is not None:
            assert question.replace("_", " ") in said
            assert f"{figure.value:.2f}" in said


def test_a_declined_case_is_listed_with_its_reason(changed: Store) -> None:
    page = AppTest.from_file(str(APP), default_timeout=60)
    page._page_hash = calc_hash("loop")
    page.session_state[f"show {TASK}-r2"] = "readers"
    assert "Declined" not in words(page.run())
    request = next(r for r in changed.reads.requests(round_id=f"{TASK}-r2") if r.state == RequestState.PUSHED)
    changed.reads.keep(
        Annotation(
            f"an-{request.request_id}", TASK, request.study_id, request.reader_id, request.mode, (),
            request_id=request.request_id, round_id=request.round_id, purpose=request.purpose, skipped=True,
            remark="a wrist, no chest",
        )
    )  # fmt: skip
    told = words(page.run())
    assert "Declined (1)" in told
    assert "a wrist, no chest" in told


def test_a_round_is_opened_with_its_plan(changed: Store) -> None:
    changed.rounds.move(f"{TASK}-r2", RoundState.CANCELLED, expected=[RoundState.PUSHED])
    page = show("loop")
    assert "of reading" in words(page)
    next(button for button in page.button if button.label == "Choose cases").click()
    page.run()
    job = changed.jobs.all(limit=1)[0]
    assert job.kind == "round.open"
    assert job.arguments["plan"]["readers"] == ["reader-1", "reader-2"]  # the scripted one is no person
    assert job.arguments["plan"]["adjudicator"] == "senior"


def test_while_a_demo_is_prepared_no_round_is_asked_for(changed: Store) -> None:
    changed.rounds.move(f"{TASK}-r2", RoundState.CANCELLED, expected=[RoundState.PUSHED])
    count = len([button for button in show("loop").button if button.label == "Choose cases"])
    jobs.enqueue(Home(changed.path.parent), "demo.play", task=TASK)
    page = show("loop")
    assert not page.exception
    assert "preparing the task's demo" in words(page)
    assert len([button for button in page.button if button.label == "Choose cases"]) == count - 1


def test_an_early_fetch_gives_way_to_who_is_at_a_step(changed: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("active_learning.rounds.LOCK_TIMEOUT_S", 0.05)
    home = Home(changed.path.parent)
    job = jobs.enqueue(home, "round.fetch", round_id=f"{TASK}-r2")
    with loop(home, TASK).lock:
        jobs.run(home, job.job_id)
    ended = changed.jobs.get(job.job_id)
    assert (ended.state, dict(ended.result)) == (JobState.DONE, {"round": f"{TASK}-r2", "busy": True})


def test_a_promotion_needs_a_reason(changed: Store) -> None:
    page = show("models")
    assert SENTENCE in words(page)
    next(button for button in page.button if button.label.startswith("Roll back")).click()
    page.run()
    assert "Say why in a sentence" in words(page)
    assert changed.versions.champion(TASK).version == f"{TASK}-v2"  # type: ignore[union-attr]
    page.text_input(key="why rollback").input("worse on portable images")
    next(button for button in page.button if button.label.startswith("Roll back")).click()
    page.run()
    assert changed.versions.champion(TASK).version == f"{TASK}-v1"  # type: ignore[union-attr]
    assert changed.versions.championships(TASK)[0].reason == "rolled back: worse on portable images"


def test_a_held_study_is_released_with_a_reason(changed: Store) -> None:
    page = show("study", study="study-000")
    release = next(button for button in page.button if button.label == "Release")
    release.click()
    page.run()
    assert changed.studies.get("study-000").held
    next(field for field in page.text_input if "released" in field.label).input("looked at: no name on it")
    next(button for button in page.button if button.label == "Release").click()
    page.run()
    assert changed.studies.get("study-000").held == ""
    entry = next(e for e in changed.log.entries(subject="study-000") if e.event == "study.released")
    assert entry.detail == {"reason": "looked at: no name on it"}


def test_a_heat_map_is_asked_for_once_and_never_made_in_the_page(changed: Store) -> None:
    for _ in range(2):
        page = show("study", study="study-001", heat="true")
        assert not page.exception
    asked = [job for job in changed.jobs.all() if job.kind == "explain"]
    assert len(asked) == 1
    assert asked[0].arguments["version"] == f"{TASK}-v2"


def test_a_failed_job_says_what_to_do(at_filled: Home) -> None:
    said = words(show("health"))
    assert "There is no such model version." in said
    assert "list the versions with" in said


def test_the_web_process_loads_no_torch(filled: Home) -> None:
    """Pages, demo and API in a process of their own: torch must stay out of it."""
    script = f"""
import shutil
import sys
from html import unescape
from pathlib import Path
from data.home import Home
from workbench import jobs
from workbench.serve import create_app
home = Home(Path({str(filled.path)!r}))
create_app(home)
assert "evaluate" in jobs.kinds()
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash
for name in {PAGES!r}:
    page = AppTest.from_file({str(APP)!r}, default_timeout=60)
    page._page_hash = calc_hash(name)
    page.query_params["study"] = "study-001"
    assert not page.run().exception, name
print(sorted(m for m in ("torch", "torchvision", "timm", "label_studio_sdk") if m in sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False,
        cwd=APP.parent.parent, env={**os.environ, HOME_VARIABLE: str(filled.path)},
    )  # fmt: skip
    assert done.stdout.strip().splitlines()[-1:] == ["[]"], done.stderr[-2000:]


# -- the API ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def api(filled: Home) -> FastAPI:
    """The API of the filled home."""
    return create_api(filled)


@pytest.fixture
def client(api: FastAPI) -> TestClient:
    """Somebody who calls it."""
    return TestClient(api)


def test_health_and_tasks(client: TestClient) -> None:
    health = client.get("/api/health").json()
    assert health["status"] == "degraded"
    assert {p["name"]: p["ok"] for p in health["parts"]}["Database"]
    (task,) = [t for t in client.get("/api/tasks").json() if t["name"] == TASK]
    assert task["champion"] == f"{TASK}-v2"
    assert task["questions"][0] == {
        "name": "projection", "title": "Which projection is it?", "kind": "choice",
        "options": ["frontal", "lateral"], "sites": ["study"],
    }  # fmt: skip


def test_studies_are_paged_and_hold_no_identity(client: TestClient) -> None:
    first = client.get("/api/studies", params={"page_size": 40}).json()
    second = client.get("/api/studies", params={"page_size": 40, "page": 2}).json()
    assert (first["total"], first["pages"], len(second["studies"])) == (64, 2, 24)
    assert SOURCE_ID.split(":")[1] not in client.get("/api/studies", params={"page_size": 100}).text
    study = client.get("/api/studies/study-001").json()
    assert [p["version"] for p in study["predictions"] if p["champion"]] == [f"{TASK}-v2"]
    assert "patient_id" not in study


def test_a_picture_is_scaled(client: TestClient) -> None:
    native = Image.open(io.BytesIO(client.get("/api/studies/study-001/picture.png").content))
    small = Image.open(io.BytesIO(client.get("/api/studies/study-001/picture.png?size=80").content))
    assert (native.size, small.size) == ((288, 320), (72, 80))
    dark = client.get("/api/studies/study-001/picture.png?centre=4000&width=10").content
    assert np.asarray(Image.open(io.BytesIO(dark))).mean() < np.asarray(native).mean()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/studies/none", 404),
        ("/api/studies/none/picture.png", 404),
        ("/api/studies/study-001/picture.png?page=7", 404),
        ("/api/studies?page=0", 422),
        ("/api/studies?task=none", 404),
        ("/api/jobs/none", 404),
        ("/api/nowhere", 404),
    ],
)
def test_errors_say_given_expected_and_do(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "given", "expected", "do"}
    assert answer.json()["error"]
    assert answer.json()["do"]


def test_a_wrong_method_is_named(client: TestClient) -> None:
    answer = client.delete("/api/health")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_predict_waits_only_as_long_as_it_is_told(client: TestClient, filled: Home) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(stream, format="PNG")
    answer = client.post("/api/predict?wait_s=0", files={"file": ("secret-name.png", stream.getvalue())})
    assert answer.status_code == 202
    job = client.get(f"/api/jobs/{answer.json()['job_id']}").json()
    assert (job["kind"], job["state"], job["error"]) == ("demo.predict", "waiting", None)
    assert "arguments" not in job
    assert "secret-name" not in str(Store.of(filled).jobs.get(job["job_id"]))
    Store.of(filled).jobs.cancel(job["job_id"])


def test_an_empty_upload_is_refused(client: TestClient) -> None:
    answer = client.post("/api/predict", files={"file": ("x", b"")})
    assert (answer.status_code, answer.json()["error"]) == (422, "The upload is empty.")


def test_the_hook_only_asks_to_fetch(changed: Store) -> None:
    home = Home(changed.path.parent)
    client = TestClient(create_api(home))
    secret = {HEADER: home.secret("labelstudio-hook")}
    answer = client.post("/hooks/labelstudio", headers=secret, json={"action": "ANNOTATION_CREATED"})
    again = client.post("/hooks/labelstudio", headers=secret, content=b"not even JSON")
    assert answer.json() == again.json() == {"rounds": [f"{TASK}-r2"]}
    pulls = [job for job in changed.jobs.all() if job.kind == "round.fetch"]
    assert [job.arguments["round_id"] for job in pulls] == [f"{TASK}-r2"]  # asked twice, one job


def test_the_documentation_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "/api/predict" in page
    assert "http" not in page.replace("http://127.0.0.1", "")


def test_the_guard_refuses_foreign_hosts_and_pages(api: FastAPI) -> None:
    guarded = TestClient(Guard(api, hosts=("127.0.0.1",)), base_url="http://127.0.0.1:8501")
    assert guarded.get("/api/tasks").headers["content-security-policy"] == POLICY
    assert guarded.get("/api/tasks", headers={"host": "evil.example:8501"}).status_code == 421
    foreign = guarded.post("/hooks/labelstudio", headers={"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 403


def test_the_api_keeps_its_own_description(api: FastAPI) -> None:
    """Whatever fits the description, and whatever does not, gets an answer that the description names."""
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", api)
    reads = schema.include(method="GET").exclude(path="/api/health")
    for operation in reads.get_all_operations():
        _try(operation.ok().as_strategy())


def _try(strategy: object) -> None:
    @given(case=strategy)  # type: ignore[arg-type]
    @settings(max_examples=15, deadline=None, derandomize=True)
    def check(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=[not_a_server_error, status_code_conformance, response_schema_conformance])

    check()
