"""Kept views of the worklist: a name for a filter, a sort and a size; one's own, and the curator's for all.

They are entries of the log, ``view.kept`` and ``view.removed``: what was kept and not removed is there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import uuid4

from data.errors import ConsiliumError
from data.schema_log import KIND
from data.store import Store
from workbench.worklist_filter import Filter

LONGEST = 60
"""Characters of a name."""
MOST = 30
"""Views that one person keeps in a task."""
CURATOR = ""
"""The owner whose views everybody sees."""


class ViewError(ConsiliumError):
    """A view cannot be kept, or is not there."""


@dataclass(frozen=True, slots=True)
class KeptView:
    """A filter under a name.

    Parameters
    ----------
    owner:
        The reader's id; :data:`CURATOR` for the curator.
    query:
        The filter's query parameters, without a page.
    """

    view_id: str
    task: str
    name: str
    owner: str
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def filtered(self) -> Filter:
        """What it shows, from the first page."""
        return Filter.of_query(self.query)


def views_of(store: Store, task: str, owner: str) -> list[KeptView]:
    """The views that somebody sees in a task, by name: their own and the curator's.

    Of the curator's a reader sees those alone that tell nothing of the model.
    """
    found = [
        view
        for view in _kept(store)
        if view.task == task and (view.owner == owner or (view.owner == CURATOR and not view.filtered.of_model))
    ]
    return sorted(found, key=lambda view: (view.name.casefold(), view.view_id))


def keep(store: Store, task: str, owner: str, name: str, filtered: Filter) -> KeptView:
    """Keep a filter under a name; its page has no say in it.

    Raises
    ------
    ViewError
        No name, too long a name, one that is taken among the views that the owner sees, or too many views.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST:
        raise ViewError(
            "A view needs a short name.", given=f"{len(name)} characters", expected=f"1 to {LONGEST} characters",
            do="give it another name",
        )  # fmt: skip
    view = KeptView(f"view-{uuid4().hex[:12]}", task, name, owner, replace(filtered, page=1).query())
    with store.write():
        seen = views_of(store, task, owner)
        if any(one.name.casefold() == name.casefold() for one in seen):
            raise ViewError(
                "There is a view of this name.", given=name, expected="a name that no other view has",
                do="give it another name, or remove that view first",
            )  # fmt: skip
        if sum(one.owner == owner for one in seen) >= MOST:
            raise ViewError(
                "These are too many views.", given=f"{MOST} views", expected=f"at most {MOST}",
                do="remove one that you do not need",
            )  # fmt: skip
        store.log.add("view.kept", view.view_id, task=task, name=name, reader=owner, query=dict(view.query))
    return view


def remove(store: Store, view_id: str, owner: str) -> KeptView:
    """Remove a view of one's own; returns it, so that it can be kept again.

    Raises
    ------
    ViewError
        There is no such view, or it is somebody else's.
    """
    with store.write():
        found = next((view for view in _kept(store) if view.view_id == view_id and view.owner == owner), None)
        if found is None:
            raise ViewError(
                "There is no such view of yours.", given=view_id, expected="the id of a view that you kept",
                do="load the page anew",
            )  # fmt: skip
        store.log.add("view.removed", view_id, task=found.task, name=found.name, reader=owner)
    return found


def _kept(store: Store) -> list[KeptView]:
    """All that were kept and not removed, the oldest first."""
    found: dict[str, KeptView] = {}
    sql = f"SELECT event, subject, detail FROM log WHERE {KIND} = 'view' ORDER BY sequence"  # noqa: S608 - constant
    for event, view_id, detail in store.db.execute(sql).fetchall():
        said = json.loads(detail)
        if event == "view.kept":
            found[view_id] = KeptView(view_id, said["task"], said["name"], said["reader"], said["query"])
        else:
            found.pop(view_id, None)
    return list(found.values())
