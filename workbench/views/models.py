"""Models: the champion and a candidate side by side, what their comparison rests on, promotion and roll back."""

from __future__ import annotations

import streamlit as st

from data.records import ModelVersion, Part, Round, RoundState
from models.config import ProfileName
from models.curves import Curves
from models.evaluation import Evaluation
from workbench.views.parts import charts, jobs, promotion_drift, promotion_evidence, words
from workbench.views.parts.choice import choose
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import empty, failures, framed, header, note, section, show
from workbench.views.parts.markup import Html, chip, facts, join, table, tag, tone


@framed
def page() -> None:
    """Show the champion, and a version beside it."""
    place = here()
    versions, champion = place.store.versions.all(place.task.name), place.champion
    header("Models", tag("span", f"{place.task.title} · {len(versions)} versions", cls="c-quiet"))
    if not versions:
        empty("No version yet", "A version appears here once the task was trained.",
              f"consilium train {place.task.name}")  # fmt: skip
        _train(place)
        return
    others = [v for v in versions if champion is None or v.version != champion.version]
    candidate = _candidate(others)
    compared = _compared(place, candidate)
    _sentence(compared)
    sides = [side for side in (champion, candidate) if side is not None]
    for column, side in zip(st.columns(2, gap="medium"), sides, strict=False):
        with column:
            _side(place, side, champion)
    found = {side.version: e for side in sides if (e := evaluation(place, side.version)) is not None}
    if found:
        _measured(place, found)
    if compared is not None:
        promotion_evidence.evidence(compared, place.task.primary, place.task.config.promotion)
    _decide(place, champion, candidate)
    promotion_drift.drift(place)
    _train(place)
    _history(place)


def evaluation(place: Here, version: str) -> Evaluation | None:
    """How a version does on the locked test patients, as it was kept."""
    raw = place.store.versions.evaluation(version, Part.TEST)
    return None if raw is None else Evaluation.from_dict(raw)


def _candidate(others: list[ModelVersion]) -> ModelVersion | None:
    if not others:
        return None
    by_name = {v.version: v for v in others}
    return by_name[choose("Beside the champion", {name: name for name in by_name}, key="beside", width=320)]


def _compared(place: Here, candidate: ModelVersion | None) -> Round | None:
    """The round that compared the candidate or, where none did, the one that compared the champion."""
    compared = {r.candidate: r for r in reversed(place.store.rounds.all(place.task.name)) if r.outcome}
    names = [version.version for version in (candidate, place.champion) if version is not None]
    return next((compared[name] for name in names if name in compared), None)


def _sentence(found: Round | None) -> None:
    """One sentence above: how the candidate compared."""
    if found is not None:
        better = bool(found.outcome.get("better"))
        who = f"Round {found.number}, {found.candidate} against {found.champion or 'none'}: "
        note(join((tag("b", who), str(found.outcome.get("sentence", "")))), "good" if better else "doubt")


def _side(place: Here, version: ModelVersion, champion: ModelVersion | None) -> None:
    leads = champion is not None and champion.version == version.version
    role = chip("champion", "accent") if leads else chip("candidate")
    found = evaluation(place, version.version)
    measured = f"{found.patients} test patients, {found.studies} studies" if found else "not measured yet"
    tiny = chip("tiny: tests the machinery, no figures to trust", "doubt") if version.profile == "tiny" else ""
    show(
        tag("div", tag("b", version.version), " ", role, " ", tiny),
        facts([("profile", version.profile), ("trained", words.moment(version.created_at)),
               ("comes from", version.round_id or "trained by hand"), ("replaces", version.parent or "—"),
               ("measured on", measured)]),
    )  # fmt: skip
    if found is None:
        running = jobs.follow(place.home, jobs.latest_about(place.store, "evaluate", version=version.version))
        if st.button("Measure on the test patients", key=f"measure {version.version}", disabled=running):
            jobs.ask(place.home, "evaluate", task=place.task.name, version=version.version)


_ON_ONE_AXIS = frozenset({"auc", "mean_auc", "kappa", "dice"})


def _measured(place: Here, found: dict[str, Evaluation]) -> None:
    """Overall figures first; then, for one question, its figures and its curves."""
    names = list(dict.fromkeys(name for e in found.values() for name in e.metrics))
    section("On the locked test patients, 95% intervals over patients")
    left, right = st.columns([1.3, 1], gap="medium")
    shares = [n for n in names if n.rsplit(".", 1)[-1] in _ON_ONE_AXIS]
    sides = {
        version: {_name(n): (m.value, m.low, m.high, m.n) for n in shares if (m := e.metrics.get(n))}
        for version, e in found.items()
    }
    with left:
        _figures(found, shares)
    with right:
        st.plotly_chart(charts.intervals([_name(n) for n in shares], sides), theme=None, config=charts.CONFIG,
                        key="intervals", alt="figures with intervals")  # fmt: skip
    asked = [q.name for q in place.task.form.questions if any(n.startswith(f"{q.name}.") for n in names)]
    if not asked:
        return
    chosen = st.segmented_control("Question", asked, default=asked[0], format_func=words.short, key="question",
                                  required=True) or asked[0]  # fmt: skip
    _figures(found, [n for n in names if n.startswith(f"{chosen}.")], below=f"{chosen}.")
    _plots(found, chosen)


def _figures(found: dict[str, Evaluation], names: list[str], *, below: str = "") -> None:
    rows = []
    for name in names:
        row: list[object] = [tag("span", _name(name.removeprefix(below)), cls="c-nowrap")]
        for one in found.values():
            metric = one.metrics.get(name)
            row += [_figure(one, name), "—" if metric is None else metric.n]
        rows.append(row)
    heads = ["Figure", *(head for version in found for head in (version, "patients"))]
    show(tag("div", table(heads, rows, numeric=tuple(range(1, len(heads)))), cls="c-narrow"))


def _name(metric: str) -> str:
    said = words.short(metric).replace(".", " · ")
    return " ".join(_CAPITALS.get(word, word) for word in said.split(" "))


_CAPITALS = {"auc": "AUC", "f1": "F1"}


def _figure(found: Evaluation, name: str) -> Html:
    metric = found.metrics.get(name)
    if metric is None:
        return tone("—", "faint")
    known = metric.low is not None and metric.high is not None
    between = f" ({metric.low:.3f} – {metric.high:.3f})" if known else " (no interval)"
    value = tag("span", f"{metric.value:.3f}", title=found.detail.get(name, ""))
    return tag("span", value, tag("span", between, cls="c-quiet"), cls="c-nowrap")


def _plots(found: dict[str, Evaluation], question: str) -> None:
    """The curves of a question, the champion's at the left, on the same axes."""
    for column, (version, one) in zip(st.columns(2, gap="medium"), found.items(), strict=False):
        drawn = {name: curves for name, curves in one.curves.items() if name.split(".", 1)[0] == question}
        with column:
            show(tag("div", version, cls="c-small c-quiet"))
            if not drawn:
                show(tone("This version was not measured on that question.", "quiet"))
            for name, curves in drawn.items():
                if len(drawn) > 1:
                    show(tag("div", _name(name), cls="c-small"))
                _curves(curves, f"{version} {name}")


def _curves(curves: Curves, key: str) -> None:
    figures = {"confusion": charts.confusion(curves)}
    if curves.reliability:
        figures = {"calibration": charts.reliability(curves), **figures}
    if curves.roc:
        figures = {"ROC": charts.roc(curves), **figures}
    for place, (name, figure) in zip(st.columns(len(figures)), figures.items(), strict=True):
        place.plotly_chart(figure, theme=None, config=charts.CONFIG, key=f"{key} {name}", alt=f"{name}, {key}")
    if curves.calibration_error is not None:
        show(tag("span", f"mean gap of calibration {curves.calibration_error:.3f}", cls="c-small c-quiet"))


def _decide(place: Here, champion: ModelVersion | None, candidate: ModelVersion | None) -> None:
    """Promotion and roll back, each with a reason that the log keeps."""
    history = place.store.versions.championships(place.task.name)
    earlier = next((c.version for c in history[1:] if history and c.version != history[0].version), None)
    if candidate is None and earlier is None:
        return
    section("Decide")
    with st.form("decide", border=False):
        reason = st.text_input("Why", placeholder="a sentence that the log keeps")
        left, right, _ = st.columns([1.2, 1.2, 3])
        promote = left.form_submit_button(f"Promote {candidate.version}", width="stretch") if candidate else False
        back = right.form_submit_button(f"Roll back to {earlier}", width="stretch") if earlier else False
    if not (promote or back):
        return
    if not reason.strip():
        note("Say why in a sentence; nothing was changed.", "wrong")
        return
    with failures():
        if back:
            from workbench.work import loop  # noqa: PLC0415 - loads the loop

            loop(place.home, place.task.name).rollback(reason.strip())
            st.rerun()
        elif candidate is not None:
            _promote(place, candidate, reason.strip())


def _promote(place: Here, candidate: ModelVersion, reason: str) -> None:
    """Through the round that waits for the decision, where there is one; else by hand."""
    waiting = next((r for r in place.store.rounds.all(place.task.name)
                    if r.candidate == candidate.version and r.state == RoundState.COMPARED), None)  # fmt: skip
    if waiting is not None:
        jobs.ask(place.home, "round.step", round_id=waiting.round_id, step="promote", reason=reason,
                 force=not waiting.outcome.get("better"))  # fmt: skip
        return
    place.store.versions.crown(place.task.name, candidate.version, reason)
    st.rerun()


def _train(place: Here) -> None:
    section("Train by hand")
    running = jobs.follow(place.home, jobs.latest_about(place.store, "train", task=place.task.name))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        profile = st.selectbox("Profile", [p.value for p in ProfileName], index=1, key="train profile", width=160)
        if st.button("Train", disabled=running):
            jobs.ask(place.home, "train", task=place.task.name, profile=profile)


def _history(place: Here) -> None:
    history = place.store.versions.championships(place.task.name)
    if history:
        section("Champions, the newest first")
        show(
            table(["Version", "Since (UTC)", "Why"], [[c.version, words.moment(c.at), c.reason] for c in history])
        )
