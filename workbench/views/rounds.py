"""Loop: where each task stands, as a line of steps; the current one carries the button."""

from __future__ import annotations

import streamlit as st

from active_learning.numbering import alike
from active_learning.rounds import NEXT_STEP
from data.records import (
    OPEN_ROUND,
    Consensus,
    ConsensusState,
    Mode,
    Purpose,
    RequestState,
    Round,
    RoundState,
)
from workbench.order import in_order
from workbench.views.parts import agreement, answers, batch_preview, jobs, learning_curves, plan_form, words
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import framed, header, note, section, show
from workbench.views.parts.markup import Html, bar, chip, image, join, reader_dot, table, tag, text, tone
from workbench.views.parts.rows import rows
from workbench.views.places import go


@framed
def page() -> None:
    """Show each task's round."""
    place = here()
    tasks = in_order(place.store)
    header("Loop", tag("span", "choose, read, agree, train, compare, promote", cls="c-quiet"))
    for task in tasks.values():
        _task(Here(place.home, place.store, place.blobs, task, place.reader))


def _task(place: Here) -> None:
    task, latest = place.task, place.store.rounds.latest(place.task.name)
    current = latest if latest is not None and latest.state in NEXT_STEP else None
    champion = place.champion
    which = (
        f"round {current.number}" if current else (f"round {latest.number} ended" if latest else "no round yet")
    )
    version = f"champion {champion.version}" if champion else words.NO_CHAMPION
    with st.container(border=True):
        line, button = st.columns([5.2, 1], vertical_alignment="bottom", gap="small")
        with line:
            show(
                tag("b", task.title),
                " ",
                tag("span", f"{which} · {version}", cls="c-quiet"),
                _steps(place, current),
            )
        prepared = jobs.follow(place.home, jobs.latest(place.store, "demo.play", task=task.name), key="loop")
        if current is not None:
            running = prepared or jobs.follow(
                place.home, jobs.latest_about(place.store, "round.step", round_id=current.round_id)
            )
            with button:
                _button(place, current, running=running)
            _current(place, current, running=running)
        else:
            opening = jobs.follow(place.home, jobs.latest_about(place.store, batch_preview.OPEN, task=task.name))
            job, previewing = batch_preview.follow(place)
            running = opening or previewing
            _ended(latest)
            if not prepared:
                plan_form.choose(place, running=running)
                batch_preview.batch(place, job, running=running)
        _history(place)
        learning_curves.show(place)


def _steps(place: Here, current: Round | None) -> Html:
    now = words.STEP_OF[current.state] if current else 0
    details = ["" for _ in words.STEPS]
    if current is not None:
        details[0] = f"{len(place.store.rounds.batch(current.round_id).items)} cases"
        done, asked = _reads(place, current)
        details[1] = f"{done} of {asked} reads" if asked else "not sent yet"
        disputes = len(_disputed(place, current))
        details[2] = f"{disputes} disputed" if disputes else ""
        details[4] = current.candidate
    items = []
    for index, name in enumerate(words.STEPS):
        cls = "c-now" if index == now else ("c-done" if index < now else "")
        inner = [tag("b", name), tag("span", details[index] or Html("&nbsp;"))]
        items.append(tag("div", *inner, cls=f"c-step {cls}".strip(),
                         aria_current="step" if index == now else ""))  # fmt: skip
    return tag("div", *items, cls="c-steps")


def _reads(place: Here, current: Round) -> tuple[int, int]:
    """(reads that came, reads asked for), adjudication left out."""
    requests = [r for r in place.store.reads.requests(round_id=current.round_id)
                if r.purpose != Purpose.ADJUDICATION and r.state != RequestState.WITHDRAWN]  # fmt: skip
    return sum(r.state in (RequestState.ANSWERED, RequestState.SKIPPED) for r in requests), len(requests)


def _disputed(place: Here, current: Round) -> list[Consensus]:
    records = place.store.labels.consensus(place.task.name, round_id=current.round_id)
    return [record for record in records if record.state == ConsensusState.DISPUTED]


def _awaited(place: Here, current: Round) -> int:
    """Disputed cases that wait for the adjudicator."""
    pushed = place.store.reads.requests(round_id=current.round_id, states={RequestState.PUSHED})
    return sum(r.purpose == Purpose.ADJUDICATION for r in pushed)


def _ask(place: Here, current: Round, step: str, *, reason: str = "", force: bool = False) -> None:
    jobs.ask(place.home, "round.step", round_id=current.round_id, step=step, reason=reason, force=force)


def _button(place: Here, current: Round, *, running: bool) -> None:
    """The one next step."""
    step = NEXT_STEP[current.state]
    if step == "close" and _awaited(place, current):
        step = "pull"
    if step == "promote":
        return
    if st.button(words.BUTTONS[step], key=f"next {current.round_id}", type="primary", disabled=running,
                 width="stretch"):  # fmt: skip
        _ask(place, current, step)


def _current(place: Here, current: Round, *, running: bool) -> None:
    awaited = _awaited(place, current)
    if current.state == RoundState.READ and awaited:
        note(
            f"{awaited} disputed cases wait for the adjudicator. Fetch the answers, then form the consensus again."
        )
        if st.button(words.BUTTONS["close"], key=f"close {current.round_id}", disabled=running):
            _ask(place, current, "close")
    if current.state == RoundState.COMPARED:
        _decide(place, current, running=running)
    batch = place.store.rounds.batch(current.round_id)
    disputes = _disputed(place, current)
    names = [f"Batch ({len(batch.items)})", "Readers", f"Disputes ({len(disputes)})", "Give up"]
    first = names[2] if disputes and current.state == RoundState.READ else names[0]
    chosen = st.segmented_control(
        "Show", names, default=first, key=f"show {current.round_id}", label_visibility="collapsed"
    )
    if chosen == names[0]:
        _sheet(place, current)
    elif chosen == names[1]:
        _readers(place, current)
    elif chosen == names[2]:
        _disputes(place, current, disputes)
    elif chosen == names[3]:
        _give_up(place, current, running=running)


def _decide(place: Here, current: Round, *, running: bool) -> None:
    better = bool(current.outcome.get("better"))
    note(str(current.outcome.get("sentence", "")), "good" if better else "doubt")
    with st.form(f"decide {current.round_id}", border=False):
        reason = st.text_input("Why", placeholder="a sentence that the log keeps")
        left, right, _ = st.columns([1, 1, 3])
        promote = left.form_submit_button(f"Promote {current.candidate}",
                                          type="primary" if better else "secondary",
                                          disabled=running, width="stretch")  # fmt: skip
        keep = right.form_submit_button("Keep the champion", type="secondary" if better else "primary",
                                        disabled=running or better, width="stretch")  # fmt: skip
    if promote and not reason.strip():
        note("A promotion needs a reason. Say why in a sentence.", "wrong")
    elif promote:
        _ask(place, current, "promote", reason=reason.strip(), force=not better)
    elif keep:
        _ask(place, current, "promote", reason=reason.strip())


def _sheet(place: Here, current: Round) -> None:
    """The batch as a contact sheet, the reason under each picture."""
    items = place.store.rounds.batch(current.round_id).items
    labels = {s.study_id: s.label for s in place.store.studies.find(study_ids=[i.study_id for i in items])}
    cards = []
    for item in items:
        label = labels.get(item.study_id, item.study_id)
        chips = join((chip(words.PURPOSES[item.purpose]), answers.mode_chip(item.mode)), " ")
        cards.append(
            tag(
                "div",
                image(f"/api/studies/{item.study_id}/picture.png?size=320", alt=f"picture of {label}"),
                tag("a", label, href=f"/study?study={item.study_id}"),
                tag("div", chips, style="margin-top:3px"),
                tag("p", item.reason),
                cls="c-card",
                data_open=item.study_id,
            )
        )
    opened = rows(tag("div", *cards, cls="c-sheet"), key=f"sheet {current.round_id}")
    if opened:
        go("study", study=opened)


def _readers(place: Here, current: Round) -> None:
    requests = place.store.reads.requests(round_id=current.round_id)
    readers = place.store.reads.readers()
    body = []
    for reader in (r for r in readers if any(q.reader_id == r.reader_id for q in requests)):
        own = [r for r in requests if r.reader_id == reader.reader_id and r.state != RequestState.WITHDRAWN]
        done = sum(r.state in (RequestState.ANSWERED, RequestState.SKIPPED) for r in own)
        taken = sorted(a.lead_time_s for a in place.store.reads.annotations(
            place.task.name, round_id=current.round_id, reader_id=reader.reader_id) if a.lead_time_s)  # fmt: skip
        body.append([
            join((reader_dot(reader.reader_id, readers), " ", words.reader_name(reader))), reader.role.value,
            join((bar(done / max(len(own), 1)), f"{done} of {len(own)}")),
            sum(r.mode == Mode.INDEPENDENT for r in own), sum(r.state == RequestState.SKIPPED for r in own),
            f"{taken[len(taken) // 2]:.0f} s" if taken else "—",
        ])  # fmt: skip
    heads = ["Reader", "Role", "Read", "Independent", "Skipped", "Median a case"]
    show(table(heads, body, numeric=(3, 4, 5)) if body else tone("The batch has not been sent yet.", "quiet"))
    _declined(place, current)
    agreement.of_round(place, current)


def _declined(place: Here, current: Round) -> None:
    """The cases that readers declined, and why."""
    declined = [r for r in place.store.reads.annotations(place.task.name, round_id=current.round_id) if r.skipped]
    if not declined:
        return
    labels = {s.study_id: s.label for s in place.store.studies.find(study_ids=[r.study_id for r in declined])}
    readers = place.store.reads.readers()
    names = {reader.reader_id: words.reader_name(reader) for reader in readers}
    body = [
        [tag("a", labels.get(r.study_id, r.study_id), href=f"/study?study={r.study_id}"),
         join((reader_dot(r.reader_id, readers), " ", names.get(r.reader_id, r.reader_id))),
         r.remark or tone("no reason given", "quiet")]
        for r in declined
    ]  # fmt: skip
    section(f"Declined ({len(declined)})")
    show(table(["Patient", "Reader", "Why"], body))


def _disputes(place: Here, current: Round, disputes: list[Consensus]) -> None:
    """Disputed cases: picture, answers as coloured shapes, the reason in a sentence."""
    if not disputes:
        show(tone("No disputed case in this round.", "quiet"))
        return
    labels = {s.study_id: s.label for s in place.store.studies.find(study_ids=[d.study_id for d in disputes])}
    readers = place.store.reads.readers()
    kept = place.store.reads.annotations(place.task.name, round_id=current.round_id)
    reads = alike((read for read in kept if read.study_id in labels), place.task.form, place.blobs)
    body = []
    for dispute in disputes:
        said = []
        for read in (read for read in reads if read.study_id == dispute.study_id):
            for answer in read.answers:
                if (answer.question, answer.site) == (dispute.question, dispute.site):
                    given = answers.said(place.task.form, answer.question, answer.value)
                    said.append(join((reader_dot(read.reader_id, readers), " ", given)))
        body.append([
            image(f"/api/studies/{dispute.study_id}/picture.png?size=80", alt="", cls="c-thumb"),
            tag("a", labels.get(dispute.study_id, dispute.study_id), href=f"/study?study={dispute.study_id}"),
            answers.where(dispute.question, words.site(dispute.site)), join(said, text("   ")),
            tone(f"no strict majority: {100 * dispute.support:.0f}% agree at the most", "doubt"),
        ])  # fmt: skip
    opened = rows(table(["", "Patient", "Question", "Answers", "Why"], body,
                        opens=[d.study_id for d in disputes]), key=f"disputes {current.round_id}")  # fmt: skip
    if opened:
        go("study", study=opened)


def _give_up(place: Here, current: Round, *, running: bool) -> None:
    if current.state not in OPEN_ROUND:
        show(tone("The round has its consensus: it can be finished, not given up.", "quiet"))
        return
    note("Answers that came are kept; unread cases are taken off the labelling server.", "doubt")
    sure = st.checkbox("I want to give this round up", key=f"sure {current.round_id}")
    if st.button(words.BUTTONS["cancel"], key=f"cancel {current.round_id}", disabled=running or not sure):
        _ask(place, current, "cancel")


def _ended(latest: Round | None) -> None:
    if latest is None:
        return
    said = {RoundState.PROMOTED: f"{latest.candidate} became champion.", RoundState.KEPT: "The champion stayed.",
            RoundState.CANCELLED: "It was given up."}.get(latest.state, latest.state.value)  # fmt: skip
    why = str(latest.outcome.get("sentence", ""))
    show(tag("span", f"Round {latest.number}: {said} {why}", cls="c-small c-quiet"))


def _history(place: Here) -> None:
    past = [r for r in place.store.rounds.all(place.task.name) if r.state not in NEXT_STEP]
    if not past:
        return
    with st.expander(f"Rounds that ended ({len(past)})"):
        body = [[r.number, r.state.value, r.champion or "—", r.candidate or "—", r.outcome.get("sentence", ""),
                 words.day(r.updated_at)] for r in past]  # fmt: skip
        show(table(["Round", "End", "Champion then", "Candidate", "Comparison", "Ended"], body))
