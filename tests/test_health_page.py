"""The page Health: what is in need comes first, with the command; work by its state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from data.home import HOME_VARIABLE, Home
from data.store import Store
from labelstudio.server import LabelStudioServer
from tests.test_faces import show, words
from workbench.health import NAMES, check
from workbench.labelling_work import START
from workbench.lineage_work import VERIFY


@pytest.fixture
def store(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv(HOME_VARIABLE, str(home.path))
    opened = Store.of(home)
    yield opened
    opened.close()


def verified(store: Store, *, sound: bool) -> None:
    job = store.jobs.add(VERIFY, {})
    store.jobs.lease(job.job_id, "test", seconds=60)
    result = {"sound": sound, "found": 0 if sound else 3, "newest": 17, "entries": 17, "records": 1, "files": 0}
    store.jobs.finish(job.job_id, "test", result)


def parts(home: Home) -> dict[str, tuple[bool, str, str]]:
    return {part.name: (part.ok, part.detail, part.do) for part in check(home)}


def test_every_part_has_a_name_that_is_translated(home: Home, store: Store) -> None:
    assert set(parts(home)) == set(NAMES)


def test_what_is_in_need_comes_first_with_its_command(store: Store) -> None:
    said = words(show("health"))
    assert "need you" in said
    assert said.index("consilium worker") < said.index("Libraries")
    assert said.index("▲") < said.index('c-good">●')


def test_a_log_that_was_altered_is_red(home: Home, store: Store) -> None:
    assert parts(home)["Log"] == (True, "not verified yet", "")
    verified(store, sound=True)
    assert parts(home)["Log"][:2] == (True, "verified up to entry 17: nothing was altered")
    verified(store, sound=False)
    ok, detail, do = parts(home)["Log"]
    assert (ok, detail) == (False, "3 findings up to entry 17")
    assert "`consilium verify`" in do
    assert "<code>consilium verify</code>" in words(show("health"))


def test_a_home_that_others_may_read_is_red(home: Home, store: Store) -> None:
    home.path.chmod(0o700)
    assert parts(home)["Rights"][0]
    home.path.chmod(0o755)
    ok, _detail, do = parts(home)["Rights"]
    assert not ok
    assert do == f"take their rights with `chmod 700 {home.path}`"
    home.path.chmod(0o700)


@pytest.mark.parametrize(
    ("version", "running", "said"),
    [
        ("1.23.2", True, "1.23.2 at http://127.0.0.1:8085"),
        ("", True, "runs at http://127.0.0.1:8085"),
        ("1.23.2", False, "1.23.2 is installed and does not run"),
        ("", False, "not installed"),
    ],
)
def test_a_labelling_server_that_runs_is_never_said_to_be_missing(
    home: Home, monkeypatch: pytest.MonkeyPatch, version: str, running: bool, said: str
) -> None:
    server = LabelStudioServer(home)
    found = replace(server.status(), version=version, running=running)
    monkeypatch.setattr(LabelStudioServer, "status", lambda self: found)
    assert parts(home)["Label Studio"][:2] == (running, said)


@pytest.mark.parametrize(("version", "offered"), [("1.23.2", True), ("", False)])
def test_a_labelling_server_that_is_installed_is_started_by_a_button(
    store: Store, monkeypatch: pytest.MonkeyPatch, version: str, *, offered: bool
) -> None:
    found = replace(LabelStudioServer(Home.default()).status(), version=version, running=False)
    monkeypatch.setattr(LabelStudioServer, "status", lambda self: found)
    page = show("health")
    buttons = [button for button in page.button if button.label == "Start Label Studio"]
    assert bool(buttons) == offered
    if buttons:
        buttons[0].click().run()
        assert [job.kind for job in store.jobs.all()] == [START]
        assert not [button for button in page.button if button.label == "Start Label Studio"]


def test_work_that_was_done_again_and_again_is_one_row(store: Store) -> None:
    for turn, kind in enumerate(["round.fetch"] * 3 + ["evaluate"] + ["round.fetch"]):
        job = store.jobs.add(kind, {"turn": turn})
        store.jobs.lease(job.job_id, "test", seconds=60)
        store.jobs.finish(job.job_id, "test", {})
    said = words(show("health"))
    assert said.count("fetching answers") == 2
    assert said.index("fetching answers") < said.index("measuring on the test patients") < said.index("× 3")


def test_work_is_listed_by_its_state(store: Store) -> None:
    assert "No work yet." in words(show("health"))
    store.jobs.add("evaluate", {"task": "t"})
    failed = store.jobs.add("train", {"task": "t"})
    store.jobs.lease(failed.job_id, "test", seconds=60)
    store.jobs.fail(failed.job_id, "test", {"error": "There is too little to train on.", "do": "import more"})
    said = words(show("health"))
    assert "measuring on the test patients" in said
    assert "There is too little to train on." in said
    now = words(show("health", work="now"))
    assert "measuring on the test patients" in now
    assert "There is too little to train on." not in now
    assert "measuring on the test patients" not in words(show("health", work="failed"))
