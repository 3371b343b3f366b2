"""How Label Studio tells the workbench that answers have come: one webhook a project, with a secret.

Label Studio calls it within the reader's own request, waits one second and never tries again; it shows a webhook's
headers to every user of the server. So the call is only a hint to fetch, nothing of what it says is read, and the
worst that somebody with the secret can do is to have answers fetched early.
"""

from __future__ import annotations

import hmac
import logging
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from data.errors import LabelServerError
from data.home import Home
from labelstudio.client import LabelStudioClient, LabelWebhook

ADDRESS = "/hooks/labelstudio"
"""Where the workbench's API takes the hint."""
HEADER = "X-Consilium-Hook"
"""The header that carries the secret."""
ACTIONS = ("ANNOTATIONS_CREATED", "ANNOTATIONS_DELETED", "ANNOTATION_CREATED", "ANNOTATION_UPDATED")
"""What Label Studio tells of: one annotation, several at once, a change, and what was deleted."""
LOCK_TIMEOUT_S = 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hook:
    """The whole address, and the secret without which nobody is heard there."""

    url: str
    secret: str = field(repr=False)


def announce(home: Home, origin: str) -> None:
    """Note where the workbench's API of a home listens, such as ``http://127.0.0.1:8501``."""
    home.prepare()
    home.labelstudio.mkdir(exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile("w", dir=home.labelstudio, prefix=".", delete=False) as draft:
        draft.write(origin.rstrip("/") + ADDRESS)
    Path(draft.name).replace(_note(home))


def hook_of(home: Home) -> Hook | None:
    """The hook of a home; None where its API has not listened anywhere yet."""
    try:
        return Hook(_note(home).read_text(), _secret(home))
    except FileNotFoundError:
        return None


def is_admitted(home: Home, secret: str) -> bool:
    """Whether a secret is the home's own; compared in the same time wherever it differs."""
    return hmac.compare_digest(secret.encode(), _secret(home).encode())


def register(client: LabelStudioClient, home: Home, projects: Collection[int]) -> int:
    """Give projects their webhook: made where there is none, corrected where it differs, never a second one.

    Parameters
    ----------
    projects:
        Their ids on the server. Webhooks of other projects, and those of others, are left alone.

    Returns
    -------
    int
        How many were made, corrected or removed; 0 as well where the API has not listened anywhere yet.

    Raises
    ------
    LabelServerError
        The server cannot be reached. What it refuses for one project is logged, and the others go on.
    OSError
        Another process has been registering for 10 s.
    """
    hook = hook_of(home)
    if hook is None or not projects:
        return 0
    changes = 0
    with FileLock(home.labelstudio / "webhook.lock", timeout=LOCK_TIMEOUT_S):
        own = [found for found in client.webhooks() if _is_own(found)]
        for project in sorted(set(projects)):
            wanted = LabelWebhook(None, project, hook.url, {HEADER: hook.secret}, ACTIONS)
            there = [found for found in own if found.project_id == project]
            first = there[0] if there else None
            try:
                if first is None or not first.does_the_same(wanted):
                    client.put_webhook(wanted, webhook_id=first.webhook_id if first else None)
                    changes += 1
                for double in there[1:]:
                    client.delete_webhook(double)
                    changes += 1
            except LabelServerError as error:  # such as a project that somebody has deleted
                _log.warning("no webhook on project %d, its answers come by polling: %s", project, error)
    return changes


def _is_own(found: LabelWebhook) -> bool:
    return any(name.lower() == HEADER.lower() for name in found.headers)


def _note(home: Home) -> Path:
    return home.labelstudio / "hook"


def _secret(home: Home) -> str:
    return home.secret("labelstudio-hook")
