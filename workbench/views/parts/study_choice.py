"""Which version of a study is shown and what stands beside it, kept in the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from data.answers import Form, Site
from data.records import Prediction, Study
from workbench.blindness import Sight
from workbench.language import _
from workbench.viewer.shown import Shown, seen
from workbench.views.parts import growth
from workbench.views.parts.context import Here

VERSIONS, BESIDE = "versions", "beside"
"""Query parameters: one or two versions, as ``v6,v7``; and another study."""
_SHOWN, _OTHER = "study version", "study beside"
_NOTHING, _STUDY = "", "study "


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is shown of a study.

    Parameters
    ----------
    shown:
        The version's prediction at the left; None where there is none, or none may be seen.
    other:
        Another version's, beside it.
    beside:
        Another study, beside it.
    """

    shown: Prediction | None = None
    other: Prediction | None = None
    beside: Study | None = None


def short_name(version: str) -> str:
    """A version in the address: ``v7`` of ``adrenal_ct-v7``."""
    return version.rpartition("-")[2]


def named(predictions: Sequence[Prediction], names: str) -> list[Prediction]:
    """The predictions that an address names, in its order, two at the most; unknown names are passed over."""
    by_name = {short_name(p.version): p for p in predictions} | {p.version: p for p in predictions}
    wanted = [by_name[name.strip()] for name in names.split(",") if name.strip() in by_name]
    return list({p.version: p for p in wanted}.values())[:2]


def chosen(place: Here, study: Study, predictions: Sequence[Prediction], others: Sequence[Study]) -> Chosen:
    """What the address names; else the champion's prediction, or the newest, alone.

    Parameters
    ----------
    predictions:
        Those that may be seen.
    others:
        The patient's other studies.
    """
    wanted = named(predictions, st.query_params.get(VERSIONS, ""))
    champion = place.champion
    first = next((p for p in predictions if champion and p.version == champion.version), None)
    shown = wanted[0] if wanted else first or next(iter(predictions), None)
    beside = next((s for s in others if s.study_id == st.query_params.get(BESIDE)), None)
    return Chosen(shown, wanted[1] if len(wanted) > 1 and beside is None else None, beside)


def controls(now: Chosen, predictions: Sequence[Prediction], study: Study, others: Sequence[Study]) -> None:
    """The two choices: which version, and what beside it; nothing where there is nothing to choose."""
    several = len(predictions) > 1
    if not several and not others:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if several:
            versions = [p.version for p in predictions]
            st.session_state[_SHOWN] = now.shown.version if now.shown else versions[0]
            st.selectbox(_("Version"), versions, key=_SHOWN, on_change=_keep, width=240)
        options = _beside(now, predictions, study, others)
        taken = f"{_STUDY}{now.beside.study_id}" if now.beside else now.other.version if now.other else _NOTHING
        st.session_state[_OTHER] = taken if taken in options else _NOTHING
        st.selectbox(_("Beside it"), list(options), format_func=options.__getitem__, key=_OTHER, on_change=_keep,
                     width=300)  # fmt: skip


def _beside(
    now: Chosen, predictions: Sequence[Prediction], study: Study, others: Sequence[Study]
) -> Mapping[str, str]:
    versions = {p.version: p.version for p in predictions if now.shown and p.version != now.shown.version}
    studies = {f"{_STUDY}{s.study_id}": f"{s.modality} {s.view} · {_apart(study, s)}" for s in others}
    return {_NOTHING: _("nothing"), **studies, **versions}


def _apart(study: Study, other: Study) -> str:
    """How far apart two studies of a patient are; of another patient's, whose it is."""
    if other.patient.patient_id == study.patient.patient_id:
        return growth.apart(study, other)
    return _("another patient: {patient}", patient=other.label)


def _keep() -> None:
    """Put what was chosen into the address; what is as by default stands in none."""
    first, other = str(st.session_state.get(_SHOWN, "")), str(st.session_state.get(_OTHER, ""))
    st.query_params.pop(BESIDE, None)
    st.query_params.pop("at", None)
    names = [first]
    if other.startswith(_STUDY):
        st.query_params[BESIDE] = other.removeprefix(_STUDY)
    elif other and other != first:
        names.append(other)
    put(names)


def put(versions: Sequence[str]) -> None:
    """Name versions in the address."""
    given = ",".join(short_name(version) for version in versions if version)
    if given:
        st.query_params[VERSIONS] = given
    else:
        st.query_params.pop(VERSIONS, None)


def drawn(place: Here, study: Study, sight: Sight, version: str, *, alone: bool = False) -> Shown:
    """What is drawn over a study's pictures: what may be seen, this version's first.

    Parameters
    ----------
    alone:
        Whether no other version is offered: two versions stand side by side.
    """
    own = place.reader.reader_id if place.reader else ""
    found = seen(place.store, place.task.name, version, study, sight, own=own)
    if not alone:
        return found
    return replace(found, predictions=tuple(p for p in found.predictions if p.version == version))


def site_named(form: Form, key: str) -> Site | None:
    """The site that the address names, where the form has one of that name."""
    return next((site for question in form.questions for site in question.sites if site.key == key), None)


def on_page(shown: Shown, page: int | None) -> Shown:
    """The same, starting on a page."""
    return shown if page is None else replace(shown, page=page)
