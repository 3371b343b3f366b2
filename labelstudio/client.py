"""A thin client of Label Studio's REST API: its rows as records, its refusals as typed errors.

Label Studio counts annotations wrongly when several people write at once, so rows are listed and counted here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from data.errors import LabelServerError

RETRIES = 4
BACKOFF_S = 0.25
PAGE_ROWS = 100
ROW_FIELDS = "id,result,completed_by,was_cancelled,created_at,updated_at,lead_time,task,project,updated_by"
ORIGIN_FIELDS = "parent_prediction,parent_annotation,last_action,draft_created_at"


@dataclass(frozen=True, slots=True)
class LabelUser:
    """A user of the server."""

    user_id: int
    email: str


@dataclass(frozen=True, slots=True)
class LabelProject:
    """A project; ``description`` holds the key by which it is found again."""

    project_id: int
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class LabelTask:
    """A task with its data and its annotations as the server's own JSON objects, skipped ones included."""

    task_id: int
    data: dict[str, Any]
    annotations: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class LabelWebhook:
    """An address that the server calls after some actions in a project.

    Parameters
    ----------
    webhook_id:
        None before it is on the server.
    headers:
        Go along with each call.
    actions:
        In the server's words, such as ``ANNOTATION_CREATED``; in alphabetical order.
    sends_payload:
        Whether a call carries rows, or the action's name alone.
    """

    webhook_id: int | None
    project_id: int | None
    url: str
    headers: dict[str, str]
    actions: tuple[str, ...]
    sends_payload: bool = False
    is_active: bool = True

    def does_the_same(self, other: LabelWebhook) -> bool:
        """Whether both differ in nothing but their id."""
        return replace(self, webhook_id=None) == replace(other, webhook_id=None)


class NotOnServerError(LabelServerError):
    """The server has no such row (any more)."""


class LabelStudioClient:
    """A connection as one user.

    Parameters
    ----------
    url:
        The server, such as ``http://127.0.0.1:8085``.
    token:
        The user's (legacy) token.
    timeout_s:
        For one answer.
    """

    def __init__(self, url: str, token: str, *, timeout_s: float = 120.0) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Token {token}"}, timeout=timeout_s)

    def __enter__(self) -> LabelStudioClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def request(self, method: str, path: str, *, json: Any = None, **query: Any) -> httpx.Response:
        """One request.

        What can be repeated without harm (GET, PATCH, DELETE) is, up to 4 times, where the connection breaks or
        the server fails; what makes something new is repeated only where the connection was never made.

        Raises
        ------
        LabelServerError
            The server cannot be reached, fails or refuses.
        """
        repeatable = method in ("GET", "PATCH", "DELETE")
        for attempt in range(RETRIES + 1):
            last = attempt == RETRIES
            try:
                answer = self._http.request(method, path, json=json, params=query or None)
            except httpx.TransportError as error:
                if last or not (repeatable or isinstance(error, httpx.ConnectError)):
                    raise self._unreachable(error) from error
            else:
                if answer.status_code < 500 or last or not repeatable:
                    return self._checked(answer)
            time.sleep(BACKOFF_S * 2**attempt)
        raise AssertionError("unreachable")

    def _unreachable(self, error: Exception) -> LabelServerError:
        return LabelServerError(
            "The labelling server cannot be reached.",
            given=f"{self.url}: {error or type(error).__name__}",
            expected="a running server",
            do="start it with `consilium labelstudio start`",
        )

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_success:
            return answer
        remedy = {
            401: "remove the token's file under secrets/ and try again",
            403: "give that user the right, or ask as the service user",
            404: "push the round again; somebody may have deleted it on the server",
        }
        missing = answer.status_code == httpx.codes.NOT_FOUND
        raise (NotOnServerError if missing else LabelServerError)(
            f"The labelling server refuses ({answer.status_code}).",
            given=f"{answer.request.method} {answer.request.url.path}: {answer.text[:300]}",
            expected="an answer without an error",
            do=remedy.get(answer.status_code, "read the end of logs/labelstudio.log"),
        )

    def whoami(self) -> LabelUser:
        """The user of the token."""
        found = self.request("GET", "/api/current-user/whoami").json()
        return LabelUser(int(found["id"]), str(found["email"]))

    def whoami_or_none(self) -> LabelUser | None:
        """The user of the token; None where the server does not know it."""
        answer = self._http.get("/api/current-user/whoami")
        if answer.status_code in (401, 403):
            return None
        return self.whoami()

    def users(self) -> tuple[LabelUser, ...]:
        """Everybody whom the server knows."""
        found = self.request("GET", "/api/users/").json()
        return tuple(LabelUser(int(user["id"]), str(user["email"])) for user in found)

    def name_user(self, user_id: int, name: str) -> None:
        """The name that the server's pages show of a user."""
        self.request("PATCH", f"/api/users/{user_id}/", json={"first_name": name[:30], "last_name": ""})

    def invitation(self) -> str:
        """The path of the page where a new user signs up."""
        return str(self.request("GET", "/api/invite").json()["invite_url"])

    def projects(self) -> Iterator[LabelProject]:
        """Every project."""
        page: dict[str, Any] = {"next": True}
        number = 0
        while page["next"]:
            number += 1
            query = {"page": number, "page_size": PAGE_ROWS, "include": "id,title,description"}
            page = self.request("GET", "/api/projects/", **query).json()
            for row in page["results"]:
                yield LabelProject(int(row["id"]), str(row["title"]), str(row["description"] or ""))

    def create_project(self, *, title: str, description: str, interface: str) -> LabelProject:
        """Make a project for one reader: a task is read once, predictions are shown, skipping is allowed.

        Parameters
        ----------
        title:
            3 to 50 characters.
        """
        row = self.request(
            "POST",
            "/api/projects/",
            json={
                "title": title,
                "description": description,
                "label_config": interface,
                "maximum_annotations": 1,
                "show_skip_button": True,
                "show_collab_predictions": True,
                "enable_empty_annotation": True,
            },
        ).json()
        return LabelProject(int(row["id"]), str(row["title"]), str(row["description"] or ""))

    def set_interface(self, project_id: int, interface: str) -> None:
        """Give a project another interface."""
        self.request("PATCH", f"/api/projects/{project_id}/", json={"label_config": interface})

    def ensure_storage(self, project_id: int, folder: Path) -> None:
        """Let a project's members see the files of a folder under the document root."""
        found = self.request("GET", "/api/storages/localfiles", project=project_id).json()
        if not any(Path(row["path"]) == folder for row in found):
            storage = {"project": project_id, "path": str(folder), "title": "pages", "use_blob_urls": True}
            self.request("POST", "/api/storages/localfiles", json=storage)

    def import_tasks(self, project_id: int, tasks: Sequence[dict[str, Any]]) -> tuple[int, ...]:
        """Add tasks; their ids, in the same order."""
        path = f"/api/projects/{project_id}/import?return_task_ids=true"
        answer = self.request("POST", path, json=list(tasks))
        return tuple(int(number) for number in answer.json()["task_ids"])

    def tasks(self, project_id: int, *, answers: bool) -> Iterator[LabelTask]:
        """Every task of a project in the order of their ids.

        Parameters
        ----------
        answers:
            Whether with what the annotations hold, or with the data and the annotations' ids alone.
            Predictions never come along: theirs are the large ones.
        """
        fields = f"annotations,{ROW_FIELDS},{ORIGIN_FIELDS}" if answers else "id,data,annotations"
        number, seen, total = 0, 0, 1
        while seen < total:
            number += 1
            query = {"project": project_id, "fields": "all", "page": number, "page_size": PAGE_ROWS}
            page = self.request("GET", "/api/tasks", include=fields, **query).json()
            total = int(page["total"])
            if not page["tasks"]:
                return
            for row in page["tasks"]:
                seen += 1
                yield LabelTask(int(row["id"]), dict(row.get("data") or {}), tuple(row["annotations"]))

    def task(self, task_id: int) -> LabelTask:
        """One task with its annotations, skipped ones included."""
        row = self.request("GET", f"/api/tasks/{task_id}/").json()
        rows = tuple({**found, "completed_by": _user_id(found["completed_by"])} for found in row["annotations"])
        return LabelTask(int(row["id"]), dict(row["data"]), rows)

    def task_or_none(self, task_id: int) -> LabelTask | None:
        """One task; None where it is gone."""
        try:
            return self.task(task_id)
        except NotOnServerError:
            return None

    def delete_task(self, task_id: int) -> None:
        """Delete a task with all that belongs to it."""
        self.request("DELETE", f"/api/tasks/{task_id}/")

    def annotate(
        self, task_id: int, result: Sequence[dict[str, Any]], *, lead_time_s: float, skipped: bool = False
    ) -> int:
        """Submit (or skip) a task as the user of the token; the annotation's id."""
        body = {"result": list(result), "lead_time": lead_time_s, "was_cancelled": skipped}
        return int(self.request("POST", f"/api/tasks/{task_id}/annotations/", json=body).json()["id"])

    def webhooks(self) -> tuple[LabelWebhook, ...]:
        """Every project's webhooks, in the order of their ids."""
        rows = self.request("GET", "/api/webhooks/").json()
        return tuple(sorted((_webhook(row) for row in rows), key=lambda found: found.webhook_id or 0))

    def put_webhook(self, webhook: LabelWebhook, *, webhook_id: int | None = None) -> None:
        """Make a webhook, or change the one with an id into it."""
        body = {
            "url": webhook.url,
            "headers": webhook.headers,
            "actions": list(webhook.actions),  # the server forgets them when they are left out
            "send_for_all_actions": False,
            "send_payload": webhook.sends_payload,
            "is_active": webhook.is_active,
        }
        if webhook_id is None:
            self.request("POST", "/api/webhooks/", json={**body, "project": webhook.project_id})
        else:
            self.request("PATCH", f"/api/webhooks/{webhook_id}/", json=body)

    def delete_webhook(self, webhook: LabelWebhook) -> None:
        """Delete a webhook."""
        self.request("DELETE", f"/api/webhooks/{webhook.webhook_id}/")


def _webhook(row: Mapping[str, Any]) -> LabelWebhook:
    project = row["project"]
    return LabelWebhook(
        webhook_id=int(row["id"]),
        project_id=None if project is None else int(project),
        url=str(row["url"]),
        headers=dict(row["headers"]),
        actions=() if row["send_for_all_actions"] else tuple(sorted(row["actions"])),
        sends_payload=bool(row["send_payload"]),
        is_active=bool(row["is_active"]),
    )


def _user_id(found: Any) -> int | None:
    """A user's id; in the answers for one task the server gives the whole user."""
    number = found.get("id") if isinstance(found, dict) else found
    return None if number is None else int(number)
