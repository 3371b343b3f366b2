"""Readers as users of the labelling server: one user a reader, with a password and a token of its own."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, field

import httpx

from data.errors import LabelServerError
from data.home import Home
from data.records import Reader
from labelstudio.client import LabelStudioClient
from labelstudio.server import LabelStudioServer

DOMAIN = "readers.consilium.invalid"
"""A domain that never exists (RFC 6761): nothing can be mailed there."""
SESSION = "sessionid"
"""The cookie of a session on the server."""


@dataclass(frozen=True, slots=True)
class ReaderCredentials:
    """How a reader signs in."""

    user_id: int
    email: str
    password: str = field(repr=False)
    token: str = field(repr=False)


def ensure_reader_user(server: LabelStudioServer, reader: Reader) -> ReaderCredentials:
    """The reader's user, made on the first call.

    The password is kept before the user is made, so that a call that broke off is completed by the next one.

    Raises
    ------
    LabelServerError
        The reader's id is malformed, or the server refuses.
    """
    if not re.fullmatch(r"[a-z0-9-]{1,64}", reader.reader_id):
        raise LabelServerError(
            "That id cannot become a user of the labelling server.",
            given=reader.reader_id,
            expected="lower-case letters, digits and -",
            do="give the reader such an id",
        )
    home = server.home
    email = f"{reader.reader_id}@{DOMAIN}"
    password = home.secret(f"reader-{reader.reader_id}-password", length=16)
    token_file = home.secrets / f"reader-{reader.reader_id}-token"
    token = token_file.read_text().strip() if token_file.exists() else ""
    if token:
        with LabelStudioClient(server.url, token) as client:
            user = client.whoami_or_none()
        if user is not None and user.email == email:
            return ReaderCredentials(user.user_id, email, password, token)
    token = _sign_in(server, email, password)
    with LabelStudioClient(server.url, token) as client:
        user_id = client.whoami().user_id
    with LabelStudioClient(server.url, server.token) as service:
        service.name_user(user_id, reader.name)
    _keep(home, token_file.name, token)
    return ReaderCredentials(user_id, email, password, token)


def session_of(server: LabelStudioServer, reader: Reader, known: str = "") -> str:
    """A session on the labelling server in which the reader is signed in; the value of the cookie :data:`SESSION`.

    Parameters
    ----------
    known:
        A session of the same browser; it serves where it is the reader's own and has not ended.

    Raises
    ------
    LabelServerError
        The server cannot be reached, or does not let the reader in.
    """
    credentials = ensure_reader_user(server, reader)
    try:
        with httpx.Client(base_url=server.url, timeout=30.0) as session:
            if known:
                said = session.get("/api/current-user/whoami", headers={"Cookie": f"{SESSION}={known}"})
                if said.status_code == httpx.codes.OK and said.json().get("email") == credentials.email:
                    return known
                session.cookies.clear()
            if _post(session, "/user/login/", credentials.email, credentials.password):
                return str(session.cookies[SESSION])
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise _silent(server, error) from error
    raise LabelServerError(
        "A reader cannot sign in to the labelling server.",
        given=credentials.email,
        expected="the password under secrets/",
        do="delete that user on the server's page Organization and try again",
    )


def _silent(server: LabelStudioServer, error: Exception) -> LabelServerError:
    return LabelServerError(
        "The labelling server does not answer.",
        given=f"{server.url}: {error}",
        expected="a running server",
        do="start it with `consilium labelstudio start`",
    )


def _sign_in(server: LabelStudioServer, email: str, password: str) -> str:
    """The token of a user, who is signed up by invitation where there is none."""
    try:
        return _token(server, email, password)
    except httpx.HTTPError as error:
        raise _silent(server, error) from error


def _token(server: LabelStudioServer, email: str, password: str) -> str:
    with httpx.Client(base_url=server.url, timeout=30.0) as session:
        if not _post(session, "/user/login/", email, password):
            with LabelStudioClient(server.url, server.token) as service:
                invitation = service.invitation()
            if not _post(session, invitation, email, password):
                raise LabelServerError(
                    "A reader cannot sign in to the labelling server.",
                    given=email,
                    expected="a new user, or the password under secrets/",
                    do="delete that user on the server's page Organization and try again",
                )
        answer = session.get("/api/current-user/token")
        answer.raise_for_status()
        return str(answer.json()["token"])


def _post(session: httpx.Client, page: str, email: str, password: str) -> bool:
    """Fill in a page with e-mail and password; True where it let us in."""
    session.get(page).raise_for_status()
    form = {"email": email, "password": password, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
    answer = session.post(page, data=form, headers={"Referer": str(session.base_url.join(page))})
    return answer.status_code == httpx.codes.FOUND


def _keep(home: Home, name: str, value: str) -> None:
    """Write a secret that the server gave: whole or not at all, mode 600."""
    draft = home.secrets / f".{name}.{secrets.token_hex(4)}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(value)
    draft.replace(home.secrets / name)
