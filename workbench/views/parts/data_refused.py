"""Data, what was refused: grouped by reason, with what to do about each, and the files of one of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

import streamlit as st

from data.holdings import Holdings, refusal_groups, refused
from workbench.language import N_, _, n_, number, told
from workbench.views.parts import words
from workbench.views.parts.choice import choose
from workbench.views.parts.context import Here
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import table, tag, tone

PAGE = 50
"""Files on a page."""
FROM = "refused-from"
REASONS: Mapping[str, tuple[str, str]] = {
    "not an image": (N_("no image"), N_("Nothing need be done: documents and other files stay where they are.")),
    "damaged": (N_("damaged"), N_("Export or copy the file again; it ends early or contradicts itself.")),
    "unsupported": (N_("not supported"), N_("Convert it, or unpack the archive, and take it in again.")),
    "geometry": (N_("no one volume"), N_("Export the whole series again: slices are missing or do not fit.")),
    "unsafe archive": (N_("unsafe archive"), N_("Unpack it yourself, look at it, and take the folder in.")),
    "refused": (N_("refused"), N_("See what is said of each file.")),
}
"""Class of refusal -> its name, and what to do; the classes are those of :mod:`data.errors`."""


def refusals(place: Here, found: Holdings) -> None:
    """Show the classes of refusal and the files of one of them."""
    groups = refusal_groups(place.store)
    total = sum(group.count for group in groups)
    section(_("Refused: {refused} of {seen} files", refused=number(total), seen=number(total + found.files)))
    if not groups:
        show(tone("● ", "good"), _("Nothing was refused."), " ",
             tone(_("A file that cannot come in is named here with what to do; the others come in all the same."),
                  "quiet"), " ", tag("code", "consilium ingest FOLDER"))  # fmt: skip
        return
    body = [
        [tone(f"▲ {name(group.reason)}", "doubt"), number(group.count), words.moment(group.last),
         _(REASONS.get(group.reason, REASONS["refused"])[1])]
        for group in groups
    ]  # fmt: skip
    show(table([_("Reason"), _("Files"), _("Last (UTC)"), _("What to do")], body, numeric=(1,)))
    show(tone(_("What has come in since under the same content is no longer named here. To try again:"), "quiet"),
         " ", tag("code", "consilium ingest FOLDER"))  # fmt: skip
    chosen = choose(_("Files refused as"), {group.reason: name(group.reason) for group in groups}, key="reason",
                    changed=_back, width=320)  # fmt: skip
    _files(place, chosen, next(group.count for group in groups if group.reason == chosen))


def name(reason: str) -> str:
    """A class of refusal as people read it."""
    return _(REASONS[reason][0]) if reason in REASONS else reason


def _files(place: Here, reason: str, count: int) -> None:
    given = st.query_params.get(FROM, "")
    start = int(given) // PAGE * PAGE if given.isdecimal() and int(given) < count else 0
    found = refused(place.store, reason, limit=PAGE, offset=start)
    body = [
        [tag("span", PurePath(one.path).name, cls="c-mono", title=str(PurePath(one.path).parent)),
         told(one.message), tag("span", words.moment(one.at), cls="c-nowrap c-quiet")]
        for one in found
    ]  # fmt: skip
    show(table([_("File"), _("What was wrong, what to do"), _("When (UTC)")], body))
    if count > PAGE:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(_("Newer"), disabled=start == 0, on_click=_move, args=(start - PAGE,))
            st.button(_("Older"), disabled=start + PAGE >= count, on_click=_move, args=(start + PAGE,))
            show(tone(n_("{first} to {last} of {n} file", "{first} to {last} of {n} files", count,
                         first=start + 1, last=start + len(found)), "quiet"))  # fmt: skip


def _back() -> None:
    _move(0)


def _move(start: int) -> None:
    if start > 0:
        st.query_params[FROM] = str(start)
    else:
        st.query_params.pop(FROM, None)
