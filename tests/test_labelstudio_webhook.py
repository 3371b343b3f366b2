"""The labelling server tells of new answers: the real server, the real API, and nothing that it says is read."""

from __future__ import annotations

import io
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn
from PIL import Image

from data.answers import STUDY, Answer, Choice, Form, Question
from data.blobs import Blobs
from data.home import Home
from data.records import Mode, Purpose, Reader, ReaderKind, ReadPackage, ReadRequest
from labelstudio import webhook
from labelstudio.client import LabelStudioClient, LabelWebhook
from labelstudio.gateway import LabelStudioGateway
from labelstudio.scripted import ScriptedReader
from labelstudio.server import LabelStudioServer
from tests.filled_home import TASK, fill
from tests.ports import free_port
from workbench.guard import Guard
from workbench.serve import HOSTS, create_api

pytestmark = pytest.mark.labelstudio

NAMES = ("told-a", "told-b", "told-c", "told-d")  # a reader's projects are their own
READERS = {name: Reader(name, f"Dr {name}", ReaderKind.SCRIPTED) for name in NAMES}
FORM = Form((Question("usable", "Usable?", Choice(("yes", "no"))),))
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def home(label_server: LabelStudioServer) -> Iterator[Home]:
    """The server's own home, whose API is taken to listen somewhere during the test alone."""
    yield label_server.home
    (label_server.home.labelstudio / "hook").unlink(missing_ok=True)


@pytest.fixture
def gateway(label_server: LabelStudioServer, home: Home) -> LabelStudioGateway:
    return LabelStudioGateway(label_server, Blobs.of(home), READERS.__getitem__)


def push(gateway: LabelStudioGateway, name: str, reader: str = "told-a") -> ReadRequest:
    stream = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(stream, "PNG")
    request = ReadRequest(name, "r1", "webhook_test", "study", reader, Purpose.ACQUISITION, Mode.INDEPENDENT)
    package = ReadPackage(request, "P-1", (stream.getvalue(),), ((8, 8),))
    return gateway.push([package], FORM, title="Webhook test")[0]


def hooks(server: LabelStudioServer, project: int | None) -> list[LabelWebhook]:
    with LabelStudioClient(server.url, server.token) as client:
        return [found for found in client.webhooks() if found.project_id == project]


@contextmanager
def listening(home: Home) -> Iterator[str]:
    """The API of a home, as it is served; its origin."""
    port = free_port()
    config = uvicorn.Config(Guard(create_api(home), hosts=HOSTS), port=port, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    within(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def within(condition: Callable[[], bool], *, timeout_s: float = 20.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def test_each_change_of_an_answer_wakes_the_fetch(
    label_server: LabelStudioServer, gateway: LabelStudioGateway, home: Home, tmp_path: Path
) -> None:
    served = Home(tmp_path / "served").prepare()  # with an open round; its secret is the server's home's
    home.secret("labelstudio-hook")
    shutil.copy(home.secrets / "labelstudio-hook", served.secrets)
    store = fill(served)

    def asked() -> list[str]:
        """The fetches that wait; they are called off, so that the next one is a new one."""
        waiting = [job for job in store.jobs.all() if job.kind == "round.fetch" and job.state == "waiting"]
        for job in waiting:
            store.jobs.cancel(job.job_id)
        return [job.arguments["round_id"] for job in waiting]

    with listening(served) as origin:
        webhook.announce(home, origin)
        request = push(gateway, "wakes")
        assert asked() == []  # making projects and tasks tells nothing
        reader = ScriptedReader(label_server, READERS["told-a"], FORM, Blobs.of(home))
        number = reader.answer(request, [Answer("usable", STUDY, "no")], lead_time_s=2.0)
        within(lambda: asked() == [f"{TASK}-r2"])
        with LabelStudioClient(label_server.url, reader.credentials.token) as client:
            client.request("PATCH", f"/api/annotations/{number}/", json={"lead_time": 3.0})
            within(lambda: asked() == [f"{TASK}-r2"])
            client.request("DELETE", f"/api/annotations/{number}/")
            within(lambda: asked() == [f"{TASK}-r2"])
        for headers in ({}, {webhook.HEADER: "0" * 64}, {webhook.HEADER: "ü"}):
            refused = httpx.post(
                origin + webhook.ADDRESS, headers=[(k.encode(), v.encode()) for k, v in headers.items()]
            )
            assert refused.status_code == 403
            assert refused.json()["error"] == "The secret is missing or wrong."
        assert asked() == []
    store.close()


def test_a_project_has_one_webhook_which_follows_the_port(
    label_server: LabelStudioServer, gateway: LabelStudioGateway, home: Home
) -> None:
    request = push(gateway, "before", "told-d")  # the API has not listened anywhere yet
    project = request.external_project
    assert hooks(label_server, project) == []
    webhook.announce(home, f"{NOWHERE}/")
    push(gateway, "first", "told-d")
    [made] = hooks(label_server, project)
    assert made.url == f"{NOWHERE}/hooks/labelstudio"
    assert made.headers == {webhook.HEADER: home.secret("labelstudio-hook")}
    assert made.actions == webhook.ACTIONS
    assert (made.sends_payload, made.is_active) == (False, True)
    push(gateway, "again", "told-d")
    gateway.pull([request], FORM, lambda _: ((8, 8),))
    assert hooks(label_server, project) == [made]
    webhook.announce(home, "http://127.0.0.1:10")
    gateway.pull([request], FORM, lambda _: ((8, 8),))  # a fetch is enough
    assert hooks(label_server, project) == [replace(made, url="http://127.0.0.1:10/hooks/labelstudio")]


def test_doubles_go_and_what_others_made_stays(
    label_server: LabelStudioServer, gateway: LabelStudioGateway, home: Home
) -> None:
    webhook.announce(home, NOWHERE)
    project = push(gateway, "doubled", "told-b").external_project
    [own] = hooks(label_server, project)
    other = LabelWebhook(None, project, f"{NOWHERE}/other", {}, ("ANNOTATION_CREATED",))
    with LabelStudioClient(label_server.url, label_server.token) as client:
        client.put_webhook(replace(own, headers={webhook.HEADER.lower(): "old"}, is_active=False))
        client.put_webhook(other)
        assert len(hooks(label_server, project)) == 3
        assert webhook.register(client, home, {project or 0}) == 1
        first, second = hooks(label_server, project)
        assert (first, replace(second, webhook_id=None)) == (own, other)
        client.put_webhook(
            replace(own, actions=("ANNOTATION_CREATED",), is_active=False), webhook_id=own.webhook_id
        )
        assert webhook.register(client, home, {project or 0}) == 1
    assert hooks(label_server, project)[0] == own


def test_without_a_webhook_the_push_goes_through(
    label_server: LabelStudioServer, gateway: LabelStudioGateway, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    webhook.announce(home, "no address")
    request = push(gateway, "unheard", "told-c")
    assert request.external_task is not None
    assert "its answers come by polling" in caplog.text
    with LabelStudioClient(label_server.url, label_server.token) as client:
        webhook.announce(home, NOWHERE)
        assert webhook.register(client, home, {0, 999_999, request.external_project or 0}) == 1
    [made] = hooks(label_server, request.external_project)
    assert made.url == f"{NOWHERE}/hooks/labelstudio"
    assert home.secret("labelstudio-hook") not in caplog.text


def test_the_server_calls_this_machine_alone(label_server: LabelStudioServer, gateway: LabelStudioGateway) -> None:
    project = push(gateway, "alone").external_project
    with LabelStudioClient(label_server.url, label_server.token) as client:
        for host in ("127.0.0.2", "10.0.0.1", "8.8.8.8", "169.254.169.254"):
            answer = httpx.post(
                f"{label_server.url}/api/webhooks/",
                headers={"Authorization": f"Token {label_server.token}"},
                json={"url": f"http://{host}/", "project": project},
            )
            assert answer.status_code == 403
            assert "reserved network address" in answer.text
        assert all("127.0.0.1" in found.url for found in client.webhooks())


def test_the_secret_is_kept_to_its_owner(tmp_path: Path) -> None:
    own = Home(tmp_path / "own")
    assert webhook.hook_of(own) is None
    webhook.announce(own, NOWHERE)
    found = webhook.hook_of(own)
    assert found is not None
    assert stat.S_IMODE((own.secrets / "labelstudio-hook").stat().st_mode) == 0o600
    assert webhook.is_admitted(own, found.secret)
    assert not webhook.is_admitted(own, found.secret[:-1])
    assert not webhook.is_admitted(own, "")
    assert found.secret not in repr(found)
