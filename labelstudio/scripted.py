"""A scripted reader: answers as a person would, through the server's own interface and as a user of its own."""

from __future__ import annotations

import io
from collections.abc import Iterable

from PIL import Image

from data.answers import Answer, Form
from data.blobs import Blobs
from data.errors import LabelServerError
from data.records import Reader, ReadRequest
from labelstudio.client import LabelStudioClient, LabelTask
from labelstudio.convert import decline_to_result, remark_to_result, to_result
from labelstudio.server import LabelStudioServer
from labelstudio.users import ensure_reader_user


class ScriptedReader:
    """A reader for demonstrations and tests.

    Parameters
    ----------
    server:
        It must run.
    reader:
        Whose user the answers are posted as.
    form:
        Of the task that is read.
    blobs:
        Where the masks of the answers lie.
    """

    def __init__(self, server: LabelStudioServer, reader: Reader, form: Form, blobs: Blobs) -> None:
        self.server = server
        self.reader = reader
        self.form = form
        self.blobs = blobs
        self.credentials = ensure_reader_user(server, reader)

    def answer(
        self, request: ReadRequest, answers: Iterable[Answer], *, lead_time_s: float, remark: str = ""
    ) -> int:
        """Submit answers to a request; the annotation's id. Once answered or skipped, nothing is posted again.

        Raises
        ------
        LabelServerError
            The request was not pushed, or the server refuses.
        AnswerError
            An answer does not fit the form.
        """
        with self._client() as client:
            task = self._task(client, request)
            there = self._own(task)
            if there is not None:
                return there
            result = to_result(self.form, answers, self._shapes(client, task), self.blobs)
            written = remark_to_result(remark)
            return client.annotate(task.task_id, [*result, *written], lead_time_s=lead_time_s)

    def skip(self, request: ReadRequest, *, lead_time_s: float = 1.0, remark: str = "") -> int:
        """Decline a request; the annotation's id. Once answered or skipped, nothing is posted again."""
        with self._client() as client:
            task = self._task(client, request)
            there = self._own(task)
            if there is not None:
                return there
            written = [*decline_to_result(), *remark_to_result(remark)]
            return client.annotate(task.task_id, written, lead_time_s=lead_time_s)

    def _client(self) -> LabelStudioClient:
        return LabelStudioClient(self.server.url, self.credentials.token)

    def _task(self, client: LabelStudioClient, request: ReadRequest) -> LabelTask:
        if request.external_task is None:
            raise LabelServerError(
                "That read is not on the labelling server.",
                given=request.request_id,
                expected="a read that was pushed",
                do="push the round",
            )
        return client.task(request.external_task)

    def _own(self, task: LabelTask) -> int | None:
        """The annotation that this reader gave already."""
        ids = [int(row["id"]) for row in task.annotations if row["completed_by"] == self.credentials.user_id]
        return max(ids, default=None)

    def _shapes(self, client: LabelStudioClient, task: LabelTask) -> list[tuple[int, int]]:
        """(rows, columns) of the pages, from the pictures that the server shows."""
        shapes = []
        for url in task.data.get("images") or [task.data["image"]]:
            with Image.open(io.BytesIO(client.request("GET", str(url)).content)) as picture:
                shapes.append((picture.height, picture.width))
        return shapes
