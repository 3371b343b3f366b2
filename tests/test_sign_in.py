"""The way into the labelling server: signed addresses, a session of the reader's own, errors as pages."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from data.home import Home
from data.records import ReadRequest, RequestState
from labelstudio.server import LabelStudioServer
from labelstudio.users import SESSION, ensure_reader_user, session_of
from tests.labelstudio_server import home_beside
from tests.ports import free_port
from tests.reading_home import Reading, champion, reading
from workbench import labelling
from workbench.labelling import VALID_S, reading_link
from workbench.serve import create_api


def asked(made: Reading, *readers: str) -> list[ReadRequest]:
    """The cases of a round that was sent, as the store has them."""
    made.add(*readers)
    champion(made)
    return made.send(readers)


def api(home: Home, host: str = "127.0.0.1") -> TestClient:
    return TestClient(create_api(home), base_url=f"http://{host}:8501", follow_redirects=False)


def test_only_what_was_sent_has_a_link_and_another_name_of_this_machine_leads_to_the_servers(home: Home) -> None:
    request = asked(reading(home, None), "ann")[0]
    assert reading_link(home, replace(request, state=RequestState.PLANNED, external_task=None)) == ""
    assert reading_link(home, replace(request, state=RequestState.WITHDRAWN)) == ""
    link = reading_link(home, request)
    answer = api(home, "localhost").get(link)
    assert (answer.status_code, answer.headers["location"]) == (303, f"http://127.0.0.1:8501{link}")


def test_an_address_of_another_home_or_of_yesterday_is_a_page_that_says_what_to_do(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = asked(reading(home, None), "ann")[0]
    link = reading_link(home, request)
    forged = api(home).get(link[:-3] + ("abc" if link[-3:] != "abc" else "cba"))
    assert (forged.status_code, "no longer valid" in forged.text) == (404, True)
    assert "open the page My reading" in forged.text
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + VALID_S + 5)
    assert api(home).get(link).status_code == 404
    assert SESSION not in forged.cookies


def test_a_server_that_does_not_run_is_told_as_a_page(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LabelStudioServer.__init__.__kwdefaults__, "port", free_port())  # another home's may run
    link = reading_link(home, asked(reading(home, None), "ann")[0])
    answer = api(home).get(link)
    assert answer.status_code == 503
    assert "consilium labelstudio start" in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.labelstudio
def test_the_link_gives_the_readers_own_session_and_no_password(
    label_server: LabelStudioServer, tmp_path: Path
) -> None:
    home = home_beside(label_server, tmp_path / "beside")
    made = reading(home, label_server)
    made.add("sign-ann", "sign-ben")
    champion(made)
    made.loop.push(made.open(["sign-ann", "sign-ben"]).round_id)
    ann, ben = (made.store.reads.requests(reader_id=name)[0] for name in ("sign-ann", "sign-ben"))
    client = api(home)
    answer = client.get(reading_link(home, ann))
    place = f"{label_server.url}/projects/{ann.external_project}/data?task={ann.external_task}"
    assert (answer.status_code, answer.headers["location"]) == (303, place)
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    secret = ensure_reader_user(label_server, made.store.reads.reader("sign-ann"))
    assert secret.password not in answer.text + str(answer.headers)
    session = answer.cookies[SESSION]
    assert whose(label_server, session) == secret.email
    assert session_of(label_server, made.store.reads.reader("sign-ann"), session) == session  # it serves again
    other = client.get(reading_link(home, ben), headers={"Cookie": f"{SESSION}={session}"}).cookies[SESSION]
    assert whose(label_server, other).startswith("sign-ben@")
    assert whose(label_server, session) == secret.email
    assert labelling.PREFIX in reading_link(home, ann)


def whose(server: LabelStudioServer, session: str) -> str:
    """The e-mail address of whoever a session belongs to."""
    answer = httpx.get(f"{server.url}/api/current-user/whoami", headers={"Cookie": f"{SESSION}={session}"})
    return str(answer.json()["email"])
