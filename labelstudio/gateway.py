"""What the loop asks of a labelling server, done by Label Studio: push reads, pull answers, withdraw.

Each reader has a project of their own for each form. What is on the server is found again by keys, never by
counters or names: a project by its description, a task by the request's id in its data, an answer by its row.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from filelock import FileLock

from data.answers import Answer, Form
from data.blobs import Blobs
from data.errors import AnswerError, ForeignAnswerError, LabelServerError
from data.records import Mode, PulledRead, Reader, ReadPackage, ReadRequest, RefusedRead, RequestState
from labelstudio.client import LabelProject, LabelStudioClient, LabelTask
from labelstudio.convert import asked_only, declined, from_result, remark_of, to_result
from labelstudio.interface import interface
from labelstudio.server import LabelStudioServer
from labelstudio.users import ensure_reader_user
from labelstudio.webhook import register

CHUNK = 25
"""Tasks in one import: predicted masks make them large, and progress is shown between imports."""
TITLE_LONGEST = 50

PageShapes: TypeAlias = Callable[[str], tuple[tuple[int, int], ...]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PullReport:
    """What a pull brought: answers, and answers that cannot be taken with the reason."""

    reads: tuple[PulledRead, ...]
    refused: tuple[RefusedRead, ...]


class LabelStudioGateway:
    """The gateway to the server of a home.

    Parameters
    ----------
    server:
        It must run.
    blobs:
        Where masks lie and are kept.
    readers:
        The reader with an id.
    """

    def __init__(self, server: LabelStudioServer, blobs: Blobs, readers: Callable[[str], Reader]) -> None:
        self.server = server
        self.blobs = blobs
        self.readers = readers

    def push(
        self,
        packages: Sequence[ReadPackage],
        form: Form,
        *,
        title: str,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[ReadRequest]:
        """Give reads to their readers. A read that is there already is found, not given twice.

        Only pseudonym, request id and pixels leave; a prediction goes along with assisted reads alone.

        Parameters
        ----------
        title:
            Of the clinical task, as the reader sees it.
        progress:
            Called with (done, all).

        Returns
        -------
        list[ReadRequest]
            In the order of the packages: pushed, with the server's ids.

        Raises
        ------
        LabelServerError
            The server cannot be reached or refuses; what was pushed until then is found by the next call.
        """
        done: dict[str, ReadRequest] = {}
        groups: dict[tuple[str, str, bool], list[ReadPackage]] = {}
        for package in packages:
            key = (package.request.task, package.request.reader_id, len(package.pages) > 1)
            groups.setdefault(key, []).append(package)
        with FileLock(self.server.home.labelstudio / "push.lock"), self._client() as client:
            for (task, reader_id, several), group in groups.items():
                xml = interface(form, pages=2 if several else 1, title=title)
                project = self._project(client, task, self.readers(reader_id), title, xml)
                there = {str(t.data.get("request_id")): t for t in client.tasks(project.project_id, answers=False)}
                new = [package for package in group if package.request.request_id not in there]
                ids = {name: found.task_id for name, found in there.items()}
                for start in range(0, len(new), CHUNK):
                    chunk = new[start : start + CHUNK]
                    drafts = [self._draft(package, form, project) for package in chunk]
                    made = client.import_tasks(project.project_id, drafts)
                    ids |= {p.request.request_id: number for p, number in zip(chunk, made, strict=True)}
                    if progress is not None:
                        progress(len(done) + len(group) - len(new) + start + len(chunk), len(packages))
                for package in group:
                    done[package.request.request_id] = replace(
                        package.request,
                        state=RequestState.PUSHED,
                        external_project=project.project_id,
                        external_task=ids[package.request.request_id],
                    )
            self._hear_of(client, {request.external_project for request in done.values()})
        if progress is not None:
            progress(len(packages), len(packages))
        return [done[package.request.request_id] for package in packages]

    def pull(self, requests: Sequence[ReadRequest], form: Form, shapes: PageShapes) -> PullReport:
        """What the readers answered so far. Rows are read, never counters; asking again brings the same.

        The newest annotation by the reader who was asked counts. One by anybody else is refused, and so is one
        that somebody else changed later or that does not fit the form.

        Parameters
        ----------
        requests:
            Those that were never pushed are passed over.
        shapes:
            (rows, columns) of each page of a study, by its id.

        Raises
        ------
        LabelServerError
            The server cannot be reached.
        """
        reads: list[PulledRead] = []
        refused: list[RefusedRead] = []
        pushed = [r for r in requests if r.external_project is not None and r.external_task is not None]
        with self._client() as client:
            self._hear_of(client, {r.external_project for r in pushed})
            users = {reader_id: self._user_id(reader_id) for reader_id in {r.reader_id for r in pushed}}
            for number in sorted({r.external_project for r in pushed if r.external_project is not None}):
                tasks = {task.task_id: task for task in client.tasks(number, answers=True)}
                for request in (r for r in pushed if r.external_project == number):
                    task = tasks.get(request.external_task or 0)
                    if task is None:
                        message = "Its task is gone from the labelling server: push the read again."
                        refused.append(RefusedRead(request.request_id, f"{request.external_task}:", message))
                        continue
                    own, foreign = _sort_out(request, task, users[request.reader_id])
                    refused += foreign
                    if own is not None:
                        found = self._take(request, task, own, form, shapes)
                        (reads if isinstance(found, PulledRead) else refused).append(found)  # type: ignore[arg-type]
        return PullReport(tuple(reads), tuple(refused))

    def withdraw(self, requests: Iterable[ReadRequest]) -> list[ReadRequest]:
        """Take back reads that nobody answered, skipped ones counting as answered.

        Returns
        -------
        list[ReadRequest]
            Those that were taken back, or were gone already, with that state.
        """
        gone: list[ReadRequest] = []
        with self._client() as client:
            for request in requests:
                if request.external_project is None or request.external_task is None:
                    gone.append(replace(request, state=RequestState.WITHDRAWN))
                    continue
                task = client.task_or_none(request.external_task)
                if task is not None and task.data.get("request_id") == request.request_id:
                    if task.annotations:
                        continue
                    client.delete_task(task.task_id)
                self._remove_pages(request)
                gone.append(replace(request, state=RequestState.WITHDRAWN))
        return gone

    def link(self, request: ReadRequest) -> str:
        """Where the reader answers a request that was pushed.

        Raises
        ------
        LabelServerError
            It was not.
        """
        if request.external_project is None or request.external_task is None:
            raise LabelServerError(
                "That read is not on the labelling server.",
                given=request.request_id,
                expected="a read that was pushed",
                do="push the round",
            )
        return f"{self.server.url}/projects/{request.external_project}/data?task={request.external_task}"

    def _client(self) -> LabelStudioClient:
        return LabelStudioClient(self.server.url, self.server.token)

    def _hear_of(self, client: LabelStudioClient, projects: Iterable[int | None]) -> None:
        """Have the server tell of new answers in projects; without that they come by polling all the same."""
        try:
            register(client, self.server.home, {number for number in projects if number is not None})
        except (LabelServerError, OSError, ValueError) as error:
            _log.warning("no webhook, answers come by polling: %s", error)

    def _user_id(self, reader_id: str) -> int:
        return ensure_reader_user(self.server, self.readers(reader_id)).user_id

    def _project(self, client: LabelStudioClient, task: str, reader: Reader, title: str, xml: str) -> LabelProject:
        """The reader's project for an interface, found by its key or made, with its folder of pages."""
        ensure_reader_user(self.server, reader)
        key = f"consilium {task} {reader.reader_id} {hashlib.sha256(xml.encode()).hexdigest()[:12]}"
        project = next((p for p in client.projects() if p.description == key), None)
        if project is None:
            full = f"{title} · {reader.name}"
            short = full if len(full) <= TITLE_LONGEST else full[: TITLE_LONGEST - 1] + "…"
            project = client.create_project(title=short.ljust(3, "."), description=key, interface=xml)
        folder = self._folder(project)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        client.ensure_storage(project.project_id, folder)
        return project

    def _folder(self, project: LabelProject) -> Path:
        return self.server.files / hashlib.sha256(project.description.encode()).hexdigest()[:16]

    def _draft(self, package: ReadPackage, form: Form, project: LabelProject) -> dict[str, Any]:
        """A task for the server; its pages are written first."""
        request = package.request
        folder = self._folder(project)
        urls = []
        for index, page in enumerate(package.pages):
            path = folder / f"{_stem(request.request_id)}-{index}.png"
            _write(path, page)
            urls.append(f"/data/local-files/?d={folder.name}/{path.name}")
        shown: dict[str, Any] = {"images": urls} if len(urls) > 1 else {"image": urls[0]}
        task: dict[str, Any] = {"data": {**shown, "label": package.label, "request_id": request.request_id}}
        if request.mode is Mode.ASSISTED and package.prefill:
            prefill = asked_only(form, package.prefill)
            result = to_result(form, prefill, package.shapes, self.blobs)
            score = package.prefill_score
            task["predictions"] = [{"model_version": package.prefill_version, "score": score, "result": result}]
        return task

    def _remove_pages(self, request: ReadRequest) -> None:
        for page in self.server.files.glob(f"*/{_stem(request.request_id)}-*.png"):
            page.unlink(missing_ok=True)

    def _take(
        self, request: ReadRequest, task: LabelTask, row: Mapping[str, Any], form: Form, shapes: PageShapes
    ) -> PulledRead | RefusedRead:
        """A row as a read, or why it cannot be one."""
        external = f"{task.task_id}:{row['id']}"
        skipped = bool(row["was_cancelled"]) or declined(row["result"])
        try:
            answers: tuple[Answer, ...] = ()
            if not skipped:
                answers = from_result(form, row["result"], shapes(request.study_id), self.blobs)
        except (AnswerError, ForeignAnswerError) as error:
            return RefusedRead(request.request_id, external, str(error))
        lead = row.get("lead_time")
        return PulledRead(
            request_id=request.request_id,
            external_id=external,
            answers=answers,
            skipped=skipped,
            lead_time_s=None if lead is None else float(lead),
            updated_at=str(row["updated_at"]),
            raw=json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(),
            remark=remark_of(row["result"]),
        )


def _sort_out(
    request: ReadRequest, task: LabelTask, user_id: int
) -> tuple[Mapping[str, Any] | None, list[RefusedRead]]:
    """The reader's newest row, and the rows that are not theirs."""
    own: list[Mapping[str, Any]] = []
    refused: list[RefusedRead] = []
    for row in task.annotations:
        author, changed_by = row.get("completed_by"), row.get("updated_by")
        if author == user_id and changed_by in (None, user_id):
            own.append(row)
            continue
        who = f"user {author}" if author != user_id else f"the reader, and changed by user {changed_by}"
        error = ForeignAnswerError(
            "An annotation is not by the reader who was asked.",
            given=f"annotation {row['id']} of task {task.task_id} by {who}",
            expected=f"one by {request.reader_id} (user {user_id})",
            do="find out who wrote it; the read stays open",
        )
        refused.append(RefusedRead(request.request_id, f"{task.task_id}:{row['id']}", str(error)))
    newest = max(own, key=lambda row: (str(row["updated_at"]), int(row["id"])), default=None)
    return newest, refused


def _stem(request_id: str) -> str:
    """A request's id as part of a file's name."""
    safe = re.fullmatch(r"[A-Za-z0-9_-]{1,100}", request_id)
    return request_id if safe else hashlib.sha256(request_id.encode()).hexdigest()[:32]


def _write(path: Path, content: bytes) -> None:
    """Write a page: whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as draft:
        draft.write(content)
    Path(draft.name).replace(path)
