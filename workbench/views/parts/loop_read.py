"""The readers of a round: how far each is, who has not begun, when answers were last fetched; and the disputes."""

from __future__ import annotations

from active_learning.numbering import alike
from active_learning.pace import pace_s
from data.records import Consensus, Mode, RequestState, Round
from workbench.fetching import last_fetch
from workbench.language import _, n_, told
from workbench.views.parts import agreement, answers, words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import section, show
from workbench.views.parts.loop_standing import DONE, Standing
from workbench.views.parts.markup import Html, bar, image, join, reader_dot, table, tag, text, tone
from workbench.views.parts.rows import rows
from workbench.views.places import go


def readers(standing: Standing) -> None:
    """Show how far each reader is, what was declined, and how far they agree."""
    place, current = standing.place, standing.current
    assert current is not None  # noqa: S101 - shown only of an open round
    body = [_reader(standing, one.reader_id) for one in place.store.reads.readers()
            if any(q.reader_id == one.reader_id for q in standing.requests)]  # fmt: skip
    if not body:
        show(tone(_("The batch has not been sent yet."), "quiet"))
    else:
        at = last_fetch(place.home, current.round_id)
        fetched = (
            _("Answers were last fetched {when}.", when=words.ago(at))
            if at
            else _("Answers were not fetched yet.")
        )
        heads = [_("Reader"), _("Role"), _("Read"), _("Left"), _("Independent"), _("Skipped"), _("Median a case")]
        show(table(heads, body, numeric=(4, 5, 6)), tag("p", fetched, cls="c-small c-quiet"))
    _declined(place, current)
    agreement.of_round(place, current)


def _reader(standing: Standing, reader_id: str) -> list[object]:
    place, current = standing.place, standing.current
    assert current is not None  # noqa: S101
    known = place.store.reads.readers()
    reader = next(one for one in known if one.reader_id == reader_id)
    own = [r for r in standing.requests if r.reader_id == reader_id]
    done = sum(r.state in DONE for r in own)
    taken = sorted(a.lead_time_s for a in place.store.reads.annotations(
        place.task.name, round_id=current.round_id, reader_id=reader_id) if a.lead_time_s)  # fmt: skip
    waiting = sum(r.state == RequestState.PUSHED for r in own)
    left: object = words.minutes(waiting * pace_s(place.store, place.task, reader_id)) if waiting else _("nothing")
    if waiting and not done:
        left = tone(_("not begun, {left}", left=left), "doubt")
    return [
        join((reader_dot(reader_id, known), " ", words.reader_name(reader))), _(reader.role.value),
        join((bar(done / max(len(own), 1)), _("{done} of {total}", done=done, total=len(own)))), left,
        sum(r.mode == Mode.INDEPENDENT for r in own), sum(r.state == RequestState.SKIPPED for r in own),
        _("{n:.0f} s", n=taken[len(taken) // 2]) if taken else "—",
    ]  # fmt: skip


def _declined(place: Here, current: Round) -> None:
    """The cases that readers declined, and why."""
    declined = [r for r in place.store.reads.annotations(place.task.name, round_id=current.round_id) if r.skipped]
    if not declined:
        return
    labels = {s.study_id: s.label for s in place.store.studies.find(study_ids=[r.study_id for r in declined])}
    known = place.store.reads.readers()
    names = {reader.reader_id: words.reader_name(reader) for reader in known}
    body = [
        [tag("a", labels.get(r.study_id, r.study_id), href=f"/study?study={r.study_id}"),
         join((reader_dot(r.reader_id, known), " ", names.get(r.reader_id, r.reader_id))),
         told(r.remark) or tone(_("no reason given"), "quiet")]
        for r in declined
    ]  # fmt: skip
    section(_("Declined ({n})", n=len(declined)))
    show(table([_("Patient"), _("Reader"), _("Why")], body))


def disputes(standing: Standing) -> None:
    """Show disputed cases: picture, answers as coloured shapes, the reason in a sentence."""
    place, current, found = standing.place, standing.current, standing.disputed
    assert current is not None  # noqa: S101
    if not found:
        show(tone(_("No disputed case in this round."), "quiet"))
        return
    cases = len({dispute.study_id for dispute in found})
    said = n_("{n} case is disputed.", "{n} cases are disputed.", cases)
    show(tag("p", said, " ", tag("a", _("See who differs and why on Consensus"), target="_self",
                                 href=f"/consensus?task={place.task.name}"), cls="c-small"))  # fmt: skip
    _rows(place, current, list(found))


def _rows(place: Here, current: Round, found: list[Consensus]) -> None:
    labels = {s.study_id: s.label for s in place.store.studies.find(study_ids=[d.study_id for d in found])}
    known = place.store.reads.readers()
    kept = place.store.reads.annotations(place.task.name, round_id=current.round_id)
    reads = alike((read for read in kept if read.study_id in labels), place.task.form, place.blobs)
    body: list[list[Html]] = []
    for dispute in found:
        said = []
        for read in (read for read in reads if read.study_id == dispute.study_id):
            for answer in read.answers:
                if (answer.question, answer.site) == (dispute.question, dispute.site):
                    given = answers.said(place.task.form, answer.question, answer.value)
                    said.append(join((reader_dot(read.reader_id, known), " ", given)))
        label = labels.get(dispute.study_id, dispute.study_id)
        why = _("no strict majority: {share:.0%} agree at the most", share=dispute.support)
        body.append([
            image(f"/api/studies/{dispute.study_id}/picture.png?size=80",
                  alt=_("Picture of {label}", label=label), cls="c-thumb"),
            tag("a", label, href=f"/study?study={dispute.study_id}"),
            text(answers.where(dispute.question, words.site(dispute.site))), join(said, text("   ")),
            tone(why, "doubt"),
        ])  # fmt: skip
    heads = ["", _("Patient"), _("Question"), _("Answers"), _("Why")]
    opened = rows(table(heads, body, opens=[d.study_id for d in found]), key=f"disputes {current.round_id}")
    if opened:
        go("study", study=opened)
