"""Settings, readers: who has which role, and the way to the page where it is changed."""

from __future__ import annotations

from collections.abc import Mapping

from data.records import ReaderRole
from workbench.language import N_, _
from workbench.views.parts import words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import empty, section, show
from workbench.views.parts.markup import join, reader_dot, table, tag, tone

ROLES: Mapping[ReaderRole, tuple[str, str]] = {
    ReaderRole.READER: (N_("reader"), N_("answers the cases of a round")),
    ReaderRole.ADJUDICATOR: (N_("adjudicator"), N_("decides disputed cases, reads no others")),
    ReaderRole.CURATOR: (N_("curator"), N_("looks after rounds, reads nothing")),
}


def readers(place: Here) -> None:
    """Show the readers by role."""
    known = place.store.reads.readers()
    section(_("Readers and roles"))
    if not known:
        empty(_("No readers yet"), _("Readers are added on the page Readers, or by the command."),
              "consilium readers add NAME")  # fmt: skip
        return
    body = [
        [join((reader_dot(one.reader_id, known), " ", words.reader_name(one))),
         tag("span", one.reader_id, cls="c-mono c-faint"), _(ROLES[one.role][0]),
         tone(_(ROLES[one.role][1]), "quiet"), tone(_("active"), "good") if one.active else _("no longer")]
        for one in sorted(known, key=lambda one: list(ROLES).index(one.role))
    ]  # fmt: skip
    show(table([_("Reader"), _("Id"), _("Role"), "", _("Active")], body))
    link = tag("a", _("Add readers, change and qualify them"), href="/readers")
    show(tag("p", link, " · ", tag("code", "consilium readers --help"), cls="c-small"))
