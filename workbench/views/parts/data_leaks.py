"""Data, parts and leaks: every patient in one part, and nothing on both sides; a list that is empty or red."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from active_learning.leakage import PATIENT
from data.holdings import Holdings, SamePixels, pseudonyms, same_pixels
from data.leakage import CopyKind
from data.records import Job, Part
from data.splits import SHARES
from workbench.data_work import LEAKS
from workbench.language import N_, _, n_, number
from workbench.views.parts import jobs, words
from workbench.views.parts.context import Here
from workbench.views.parts.data_overview import nothing
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import Html, chip, join, table, tag, text, tone

KINDS: Mapping[str, str] = {
    PATIENT: N_("the same patient"),
    CopyKind.SAME.value: N_("the same pixels"),
    CopyKind.NEAR.value: N_("nearly the same pixels"),
}


def parts_and_leaks(place: Here, found: Holdings) -> None:
    """Show the parts, what was found on both sides, and copies under two patients."""
    if not found.studies:
        nothing()
        return
    last = jobs.latest_about(place.store, LEAKS, task=place.task.name)
    copies = same_pixels(place.store)
    _parts(found, last)
    _leaks(place, last, [one for one in copies if one.across])
    _within(place, [one for one in copies if not one.across])


def _parts(found: Holdings, last: Job | None) -> None:
    section(_("Parts, by patient"))
    body = [
        [
            words.part(part),
            number(found.parts[part]),
            _share(found.parts[part], found.patients),
            f"{share:.0%}",
        ]
        for part, share in SHARES
    ]
    heads = [_("Part"), _("Patients"), _("Share"), _("Drawn for")]
    show(tag("div", table(heads, body, numeric=(1, 2, 3)), cls="c-narrow"))
    if last is None or "moved" not in last.result:
        show(tone(_("Whether each patient is where the home's key draws them is looked at with the leaks."),
                  "quiet"))  # fmt: skip
    elif last.result["moved"]:
        moved = last.result["moved"]
        said = n_("{n} patient is in another part than the home's key draws.",
                  "{n} patients are in another part than the home's key draws.", len(moved))  # fmt: skip
        show(tone("▲ ", "wrong"), tag("b", said), " ", tag("span", ", ".join(moved[:20]), cls="c-mono"), " ",
             tone(_("Restore the home from a copy that verifies:"), "quiet"), " ",
             tag("code", "consilium verify"))  # fmt: skip
    else:
        show(tone("● ", "good"),
             n_("{n} patient is in one part, the one that the home's key draws.",
                "Each of {n} patients is in one part, the one that the home's key draws.",
                last.result["patients"]))  # fmt: skip


def _share(count: int, of: int) -> str:
    return f"{count / of:.1%}" if of else "—"


def _leaks(place: Here, last: Job | None, exact: Sequence[SamePixels]) -> None:
    left, right = st.columns([5, 1.2], vertical_alignment="bottom")
    with left:
        section(_("On both sides: learnt from, and measured on"))
    if right.button(_("Look for leaks"), type="primary", width="stretch"):
        jobs.ask(place.home, LEAKS, task=place.task.name)
    running = jobs.follow(place.home, last)
    rows = list(last.result.get("leaks", ())) if last is not None else []
    known = {(row["learnt"], row["measured"]) for row in rows}
    fresh = [one for one in exact if (one.one, one.other) not in known]
    if last is not None and last.result:
        show(_state(place, last, len(fresh)))
    elif not running:
        show(tone("○ ", "doubt"), tone(_("Near-copies were not looked for yet."), "doubt"), " ",
             tone(_("The same from a terminal:"), "quiet"), " ",
             tag("code", f"consilium leaks {place.task.name}"))  # fmt: skip
    rows += [{"kind": CopyKind.SAME.value, "learnt": one.one, "learnt_part": one.one_part.value,
              "measured": one.other, "measured_part": one.other_part.value, "likeness": 1.0, "versions": [],
              "rounds": []} for one in fresh]  # fmt: skip
    if rows:
        _table(place, rows)


def _state(place: Here, last: Job, fresh: int) -> Html:
    result = last.result
    found = int(result["found"]) + fresh
    compared = _("{learnt} studies to learn from and {measured} to measure on compared, {versions} versions",
                 learnt=number(result["learnt"]), measured=number(result["measured"]),
                 versions=result["versions"])  # fmt: skip
    (since,) = place.store.db.execute(
        "SELECT count(*) FROM studies WHERE ingested_at > ?", [last.created_at]
    ).fetchone()
    later = n_("{n} study has come in since", "{n} studies have come in since", since) if since else ""
    said = " · ".join(part for part in (compared, words.ago(last.updated_at), later) if part)
    if not found:
        head = join((tone("● ", "good"), tag("b", _("No leak"))))
    else:
        used = n_("{n} was learnt from", "{n} were learnt from", result["learnt_from"])
        head = join(
            (tone("▲ ", "wrong"), tag("b", n_("{n} leak", "{n} leaks", found)), tone(f" · {used}", "quiet"))
        )
    return tag("div", head, tag("div", said, cls="c-small c-quiet"))


def _table(place: Here, rows: Sequence[Mapping[str, Any]]) -> None:
    named = pseudonyms(place.store, [row[side] for row in rows for side in ("learnt", "measured")])
    body = [
        [tone(f"▲ {_(KINDS.get(row['kind'], row['kind']))}", "wrong"),
         _study(row["learnt"], row["learnt_part"], named), _study(row["measured"], row["measured_part"], named),
         "—" if row["likeness"] is None else f"{row['likeness']:.2f}",
         ", ".join(row["versions"]) or tone(_("none: kept out of training"), "quiet"),
         _beside(row["learnt"], row["measured"], named)]
        for row in rows
    ]  # fmt: skip
    heads = [_("What is the same"), _("Learnt from"), _("Measured on"), _("Likeness"),
             _("Versions that learnt it"), ""]  # fmt: skip
    show(tag("div", table(heads, body, numeric=(3,)), cls="c-wide-table"))
    show(tag("p", _("Training leaves a copy out by itself. A version that has learnt from one is to be trained "
                    "anew, and compared again."), cls="c-small c-quiet"))  # fmt: skip


def _study(study_id: str, part: str, named: Mapping[str, str]) -> Html:
    where = chip(words.part(Part(part)))
    if study_id in named:
        link = tag("a", named[study_id], href="/study?" + urlencode({"study": study_id}), title=study_id)
    else:  # a leak by patient names the pseudonym
        link = tag("a", study_id, href="/worklist?" + urlencode({"text": study_id}))
    return join((link, " ", where))


def _beside(one: str, other: str, named: Mapping[str, str]) -> Html:
    if one not in named or other not in named:
        return text("")
    address = "/study?" + urlencode({"study": one, "beside": other})
    return tag("a", _("Side by side"), href=address, target="_blank")


def _within(place: Here, copies: Sequence[SamePixels]) -> None:
    section(_("The same pixels under two patients of one side"))
    if not copies:
        show(tone("● ", "good"), _("None."))
        return
    named = pseudonyms(place.store, [study for one in copies for study in (one.one, one.other)])
    body = [
        [tone("▲ ", "doubt"), _study(one.one, one.one_part.value, named),
         _study(one.other, one.other_part.value, named), _beside(one.one, one.other, named)]
        for one in copies
    ]  # fmt: skip
    show(table(["", _("Study"), _("The same as"), ""], body))
    show(tag("p", _("One person may have come under two patients' ids: look at both, and take one of them out."),
             cls="c-small c-quiet"))  # fmt: skip
