import json
import os
import socket
import stat
from pathlib import Path

import httpx
import pytest

from data.errors import LabelServerError, PortBusyError
from data.home import Home
from data.records import Reader
from labelstudio.client import LabelStudioClient
from labelstudio.installation import SERVER_REQUIREMENT, Installation
from labelstudio.server import PORT, LabelStudioServer
from labelstudio.users import ensure_reader_user
from workbench.jobs import Work
from workbench.labelling_work import start

pytestmark = pytest.mark.labelstudio


def test_a_second_start_finds_the_first(label_server: LabelStudioServer) -> None:
    first = label_server.status()
    assert first.running
    assert first.installed
    assert first.version.startswith("1.23.")
    again = LabelStudioServer(label_server.home, port=label_server.port + 7).start()
    assert again == first


def test_a_busy_port_is_named_and_left_alone(label_server: LabelStudioServer, tmp_path: Path) -> None:
    home = Home(tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        server = LabelStudioServer(home, port=port)
        server.installation = label_server.installation
        with pytest.raises(PortBusyError, match=str(port)) as caught:
            server.start()
    assert "another port" in caught.value.do
    assert not (home.labelstudio / "server.json").exists()
    # the port of a server of another home is busy too, and that server is not taken for our own
    stranger = LabelStudioServer(home, port=label_server.status().port)
    stranger.installation = label_server.installation
    assert not stranger.status().running
    with pytest.raises(PortBusyError):
        stranger.start()


def test_another_process_is_never_taken_for_the_server(label_server: LabelStudioServer, tmp_path: Path) -> None:
    home = Home(tmp_path).prepare()
    home.labelstudio.mkdir()
    record = home.labelstudio / "server.json"
    record.write_text(json.dumps({"pid": os.getpid(), "began": "1", "port": label_server.port}))
    server = LabelStudioServer(home)
    assert server.status().pid is None
    server.stop()  # must not end this very process, which has that number now
    assert server.status().port == label_server.port  # where it listened last


def test_it_starts_where_it_listened_last(tmp_path: Path) -> None:
    home = Home(tmp_path).prepare()
    assert LabelStudioServer(home).port == PORT
    home.labelstudio.mkdir()
    (home.labelstudio / "server.json").write_text(json.dumps({"pid": 1, "began": "0", "port": 9123}))
    assert LabelStudioServer(home).url.endswith(":9123")
    assert LabelStudioServer(home, port=9124).port == 9124


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc, which this system does not have")
def test_it_sends_nothing_and_hides_its_secrets(label_server: LabelStudioServer) -> None:
    process = Path(f"/proc/{label_server.status().pid}")
    pairs = (pair.partition("=") for pair in (process / "environ").read_text().split("\0") if pair)
    variables = {name: value for name, _, value in pairs}
    assert variables["COLLECT_ANALYTICS"] == "false"
    assert variables["LATEST_VERSION_CHECK"] == "false"
    assert variables["SENTRY_DSN"] == variables["FRONTEND_SENTRY_DSN"] == ""
    assert variables["LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK"] == "true"
    command = (process / "cmdline").read_text()
    home = label_server.home
    secrets = [path for path in home.secrets.iterdir() if not path.name.startswith(".")]
    assert {"labelstudio-password", "labelstudio-token"} <= {path.name for path in secrets}
    for path in secrets:
        assert path.read_text() not in command
        assert path.read_text() not in label_server.log.read_text(errors="replace")
    for path in (*secrets, label_server.log):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(label_server.token) == 40


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads /proc, which this system does not have")
def test_it_listens_on_the_loopback_alone(label_server: LabelStudioServer) -> None:
    port = f":{label_server.status().port:04X}"
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert [row[1] for row in rows if row[1].endswith(port) and row[3] == "0A"] == [f"0100007F{port}"]


def test_nobody_signs_up_without_an_invitation(label_server: LabelStudioServer) -> None:
    with httpx.Client(base_url=label_server.url) as session:
        session.get("/user/signup/")
        form = {
            "email": "x@y.example",
            "password": "long-enough-1",
            "csrfmiddlewaretoken": session.cookies["csrftoken"],
        }
        refused = session.post("/user/signup/", data=form, headers={"Referer": f"{label_server.url}/user/signup/"})
    assert refused.status_code == httpx.codes.FORBIDDEN


def test_a_reader_has_one_user_even_where_a_call_broke_off(label_server: LabelStudioServer) -> None:
    reader = Reader("reader-1", "Dr Ж. Ünal")
    first = ensure_reader_user(label_server, reader)
    assert first.email == "reader-1@readers.consilium.invalid"
    assert first.password not in repr(first)
    assert first.token not in repr(first)
    (label_server.home.secrets / "reader-reader-1-token").unlink()  # killed before the token was kept
    assert ensure_reader_user(label_server, reader) == first
    (label_server.home.secrets / "reader-reader-1-token").write_text("0" * 40)  # a token that is not known
    assert ensure_reader_user(label_server, reader) == first
    with LabelStudioClient(label_server.url, label_server.token) as client:
        assert [user.email for user in client.users()].count(first.email) == 1
    with pytest.raises(LabelServerError, match=r"\.\./x"):
        ensure_reader_user(label_server, Reader("../x", "X"))


def test_a_restart_keeps_users_and_tokens(label_server: LabelStudioServer) -> None:
    reader = Reader("reader-2", "Dr Two")
    before = ensure_reader_user(label_server, reader)
    pid = label_server.status().pid
    label_server.stop()
    stopped = label_server.status()
    assert (stopped.running, stopped.pid) == (False, None)
    label_server.stop()  # once more does nothing
    with pytest.raises(LabelServerError, match="cannot be reached"):
        LabelStudioClient(label_server.url, label_server.token).whoami()
    url = start(Work(label_server.home, lambda share, said: None))["url"]  # as a button has it started
    after = label_server.status()
    assert after.running
    assert (after.url, stopped.url) == (url, url)
    assert after.pid != pid
    assert ensure_reader_user(label_server, reader) == before
    with LabelStudioClient(label_server.url, before.token) as client:
        assert client.whoami().user_id == before.user_id


def test_refusals_say_what_to_do(label_server: LabelStudioServer) -> None:
    with LabelStudioClient(label_server.url, label_server.token) as client:
        with pytest.raises(LabelServerError, match="404") as caught:
            client.task(987654)
        assert "push" in caught.value.do
        assert client.task_or_none(987654) is None
    with LabelStudioClient(label_server.url, "0" * 40) as client, pytest.raises(LabelServerError, match="401"):
        client.whoami()


def test_a_start_that_fails_shows_the_log(tmp_path: Path) -> None:
    command = tmp_path / "env" / "bin" / "label-studio"
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\necho the database is locked\nexit 3\n")
    command.chmod(0o755)
    (tmp_path / "env" / "consilium-installed").write_text(SERVER_REQUIREMENT)
    server = LabelStudioServer(Home(tmp_path / "home"), port=0)
    server.installation = Installation(tmp_path / "env")
    with pytest.raises(LabelServerError, match="the database is locked"):
        server.start()


def test_what_counts_as_installed(label_server: LabelStudioServer, tmp_path: Path) -> None:
    assert label_server.installation.complete
    empty = Installation(tmp_path / "none")
    assert (empty.complete, empty.version) == (False, "")
    other = tmp_path / "photos"
    other.mkdir()
    (other / "cat.jpg").touch()
    with pytest.raises(LabelServerError, match="cannot be installed there"):
        Installation(other).install()
    assert (other / "cat.jpg").exists()
    by_hand = tmp_path / "env"
    (by_hand / "bin").mkdir(parents=True)
    (by_hand / "bin" / "label-studio").touch()
    metadata = by_hand / "lib/python3.11/site-packages/label_studio-1.23.4.dist-info/METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: label-studio\nVersion: 1.23.4\n")
    assert Installation(by_hand).complete
    assert (by_hand / "consilium-installed").read_text() == SERVER_REQUIREMENT
    (tmp_path / ".env.installing").touch()  # broke off
    assert not Installation(by_hand).complete
    (tmp_path / ".env.installing").unlink()
    (by_hand / "consilium-installed").unlink()
    metadata.write_text("Metadata-Version: 2.1\nName: label-studio\nVersion: 1.24.0\n")
    assert not Installation(by_hand).complete


def test_a_server_that_is_not_there_says_what_to_do(home: Home) -> None:
    server = LabelStudioServer(home, port=9)  # the port of the discard service, where nobody answers
    with pytest.raises(LabelServerError) as caught:
        ensure_reader_user(server, Reader("nobody", "Nobody"))
    assert "consilium labelstudio start" in caught.value.do
