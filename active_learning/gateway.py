"""What a labelling server must do for the loop: take reads, give answers back, let go of what nobody answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from data.answers import Form
from data.records import PulledRead, ReadPackage, ReadRequest, RefusedRead


class Pulled(Protocol):
    """What a pull brought."""

    @property
    def reads(self) -> tuple[PulledRead, ...]:
        """Answers that fit the form and are by the reader who was asked."""

    @property
    def refused(self) -> tuple[RefusedRead, ...]:
        """Answers that do not, and why."""


class Gateway(Protocol):
    """A labelling server. Every call can be repeated: what is there already is found by the request's id."""

    def push(
        self,
        packages: Sequence[ReadPackage],
        form: Form,
        *,
        title: str,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[ReadRequest]:
        """Give reads to their readers.

        Parameters
        ----------
        packages:
            Nothing in them names the patient; independent reads carry no prediction.
        title:
            The clinical task, as readers see it.
        progress:
            Called with how many are done, and of how many.

        Returns
        -------
        list[ReadRequest]
            In the order of the packages, pushed, with the server's own ids.

        Raises
        ------
        LabelServerError
            The server cannot be reached or refuses.
        """

    def pull(
        self, requests: Sequence[ReadRequest], form: Form, shapes: Callable[[str], tuple[tuple[int, int], ...]]
    ) -> Pulled:
        """What was answered so far.

        Parameters
        ----------
        shapes:
            (rows, columns) of each page of a study, by its id.

        Raises
        ------
        LabelServerError
            The server cannot be reached.
        """

    def withdraw(self, requests: Sequence[ReadRequest]) -> list[ReadRequest]:
        """Take back reads that nobody answered; those that are off the server come back as withdrawn."""

    def link(self, request: ReadRequest) -> str:
        """Where the reader answers a read that was pushed."""
