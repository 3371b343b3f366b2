"""The page Adjudication: who sees which case, what is asked, what is decided, and the appeal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from active_learning.outlines import MaskRule
from data.answers import STUDY, Answer, Choice, Findings, Form, Mask, MaskValue, Question, Site
from data.blobs import Blobs
from data.errors import AnswerError
from data.home import HOME_VARIABLE, Home
from data.records import (
    Annotation,
    Consensus,
    ConsensusState,
    JobState,
    Mode,
    Part,
    Purpose,
    ReaderRole,
    RequestState,
    RoundState,
)
from data.store import Store
from models.task import get_task
from tests.disputed_home import READERS
from tests.shared_homes import copied
from tests.test_faces import APP, show, words
from workbench import jobs
from workbench.adjudicating import (
    Voice,
    asked,
    case_of,
    in_order,
    may_appeal,
    missing,
    open_findings,
    queue,
    submission,
    voices_of,
)
from workbench.blindness import Blindness
from workbench.outlines_compared import dice, differing, joined, nothing_drawn
from workbench.views.places import PLACES, first_place, seen_by

QUALITY, ADRENAL = get_task("cxr_quality"), get_task("adrenal_ct")
NAMES = ("Dr Ahn", "Dr Berg")
SENIOR, SECOND = READERS[3], READERS[4]


@pytest.fixture
def home(disputed: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A disputed home that its test may change."""
    own = copied(disputed, tmp_path)
    monkeypatch.setenv(HOME_VARIABLE, str(own.path))
    return own


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    """Its store."""
    opened = Store.of(home)
    yield opened
    opened.close()


def pick(page: AppTest, key: str, option: str) -> None:
    """Choose an option of the radio buttons whose key ends so."""
    radio = next(radio for radio in page.radio if str(radio.key).endswith(key))
    radio.set_value(option)
    page.run()
    assert not page.exception


def press(page: AppTest, label: str) -> None:
    next(button for button in page.button if button.label == label).click()
    page.run()
    assert not page.exception


def write(page: AppTest, text: str, label: str = "Why") -> None:
    next(area for area in page.text_area if area.label == label).input(text)


def work(home: Home, kind: str) -> JobState:
    """Do the newest job of a kind, as a worker does."""
    store = Store.of(home)
    job = next(job for job in store.jobs.all() if job.kind == kind)
    jobs.run(home, job.job_id)
    return store.jobs.get(job.job_id).state


def decide(home: Home, study: str, **picks: str) -> None:
    """Decide on a case of ``cxr_quality`` as the adjudicator who has it."""
    page = show("adjudication", reader="senior", study=study, task="cxr_quality")
    for question, option in picks.items():
        pick(page, f"{question} study", option)
    write(page, "The spine overlies the heart.")
    press(page, "Decide")
    assert work(home, "case.decide") == JobState.DONE


# -- who sees what ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("task", "study"), [("cxr_quality", "q-view"), ("adrenal_ct", "c-more"),
                                             ("cxr_findings", "f-one"), ("lumbar_stenosis", "l-one")])  # fmt: skip
def test_an_adjudicator_sees_the_answers_and_no_reader(at_disputed: Home, task: str, study: str) -> None:
    page = show("adjudication", reader="senior", task=task, study=study)
    said = words(page)
    assert not page.exception
    assert "Reader 1" in said
    assert "Reader 2" in said
    assert not [name for name in (*NAMES, "data-reader", ">ann<", ">ben<") if name in said]
    for name in ("study", "worklist"):
        assert not [one for one in NAMES if one in words(show(name, reader="senior", task=task, study=study))]


def test_an_adjudicator_sees_only_the_own_cases(store: Store) -> None:
    said = words(show("adjudication", reader="second", task="cxr_quality"))
    assert "No disputed case" in said
    assert [r.study_id for r in queue(store, "cxr_quality", "senior")] == ["q-view", "q-border"]
    assert queue(store, "cxr_quality", "second") == []
    hidden = Blindness(store, "cxr_quality", SECOND).sight("q-view", Part.TRAIN)
    assert (hidden.model, hidden.others, hidden.names) == (False, False, False)


def test_a_disputed_case_needs_no_torch_in_the_web_process(disputed: Home) -> None:
    script = f"""
import sys
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash
page = AppTest.from_file({str(APP)!r}, default_timeout=60)
page._page_hash = calc_hash("adjudication")
page.query_params["as"], page.query_params["task"], page.query_params["study"] = "senior", "adrenal_ct", "c-more"
page.run()
assert not page.exception
assert any("STAPLE" in option for radio in page.radio for option in radio.options)
print(sorted(m for m in ("torch", "torchvision", "timm", "label_studio_sdk") if m in sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False,
        cwd=APP.parent.parent, env={**os.environ, HOME_VARIABLE: str(disputed.path)},
    )  # fmt: skip
    assert done.stdout.strip().splitlines()[-1:] == ["[]"], done.stderr[-2000:]


def test_a_page_is_for_whoever_has_work_there() -> None:
    reader, adjudicator = READERS[0], SENIOR
    assert [first_place(one) for one in (None, reader, adjudicator)] == ["loop", "reading", "adjudication"]
    seen = {one.role: {name for name in PLACES if seen_by(PLACES[name], one)} for one in (reader, adjudicator)}
    assert "adjudication" not in seen[ReaderRole.READER]
    assert "reading" not in seen[ReaderRole.ADJUDICATOR]
    assert not {"loop", "readers", "health"} & (seen[ReaderRole.READER] | seen[ReaderRole.ADJUDICATOR])
    assert all(seen_by(place, None) for place in PLACES.values())


def test_the_curator_looks_on_and_decides_nothing(at_disputed: Home) -> None:
    page = show("adjudication", task="cxr_quality", study="q-view")
    assert not page.exception
    assert "It waits for its adjudicator" in words(page)
    assert "Decide" not in {button.label for button in page.button}


def test_readers_stand_in_another_order_in_every_case() -> None:
    def order(study: str) -> list[str]:
        reads = [Annotation(f"an-{r}", "t", study, r, Mode.INDEPENDENT, (), round_id="t-r1") for r in "abcd"]
        assert in_order(reads) == in_order(reads[::-1])
        return [read.reader_id for read in in_order(reads)]

    orders = [order(f"s{number}") for number in range(200)]
    first = {reader: sum(one[0] == reader for one in orders) for reader in "abcd"}
    assert min(first.values()) > 30  # 50 each on average
    assert all(sorted(one) == list("abcd") for one in orders)


def test_who_declined_has_no_column_and_is_heard() -> None:
    reads = [
        Annotation("an-a", "t", "s", "a", Mode.INDEPENDENT, (Answer("view", STUDY, "x"),)),
        Annotation("an-b", "t", "s", "b", Mode.INDEPENDENT, (), skipped=True, remark="motion"),
        Annotation("an-z", "t", "s", "z", Mode.INDEPENDENT, (), purpose=Purpose.ADJUDICATION),
        Annotation("an-r", "t", "s", "a", Mode.INDEPENDENT, (), purpose=Purpose.REREAD),
    ]
    assert [voice.annotation.annotation_id for voice in voices_of(reads)] == ["an-a"]


# -- what is asked ---------------------------------------------------------------------------------------------


def test_what_opens_by_a_decision_is_asked_and_what_is_agreed_is_not(store: Store, home: Home) -> None:
    request = queue(store, "cxr_quality", "senior")[0]
    case = case_of(store, Blobs.of(home), QUALITY, request)
    form, outcomes = QUALITY.form, case.outcomes

    def open_(**chosen: str) -> list[str]:
        given = {(name, STUDY): value for name, value in chosen.items()}
        return [one.question.name for one in asked(form, outcomes, given)]

    assert open_() == ["projection"]
    assert open_(projection="frontal") == ["projection", "borders_frontal"]
    assert open_(projection="lateral") == ["projection", "borders_lateral", "rotation_lateral"]
    stale = {("projection", STUDY): "frontal", ("borders_lateral", STUDY): "complete"}
    assert [(q.name, site) for q, site in missing(form, outcomes, stale)] == [("borders_frontal", STUDY)]
    full = stale | {("borders_frontal", STUDY): "cut_off"}
    assert submission(form, outcomes, full) == (
        Answer("projection", STUDY, "frontal"), Answer("borders_frontal", STUDY, "cut_off"),
    )  # fmt: skip
    second = case_of(store, Blobs.of(home), QUALITY, queue(store, "cxr_quality", "senior")[1])
    assert [one.question.name for one in asked(form, second.outcomes, {})] == ["borders_frontal"]
    given = submission(form, second.outcomes, {("borders_frontal", STUDY): "complete"})
    assert Answer("projection", STUDY, "frontal") in given  # agreed, and what the answer leans on


def test_an_answer_that_does_not_fit_is_refused() -> None:
    form = Form((Question("view", "Which?", Choice(("a", "b"))),))
    open_ = [Consensus("t", "s", "r", "view", STUDY, ConsensusState.DISPUTED, None, "majority", 0.5, ())]
    with pytest.raises(AnswerError, match="no choice"):
        submission(form, open_, {("view", STUDY): "c"})


def test_only_lesions_of_the_chosen_outline_are_asked_about(store: Store, home: Home) -> None:
    blobs = Blobs.of(home)
    requests = {r.study_id: r for r in queue(store, "adrenal_ct", "senior")}
    case = case_of(store, blobs, ADRENAL, requests["c-more"])
    drawn = {voice.annotation.reader_id: voice for voice in case.voices}
    lesions = ADRENAL.form["lesions"]

    def open_(reader: str) -> list[tuple[str, tuple[str, ...]]]:
        answers = drawn[reader].annotation.answers
        chosen = {(a.question, a.site): a.value for a in answers if a.question == "lesions"}
        found = asked(ADRENAL.form, case.outcomes, chosen)
        return [(one.question.name, tuple(site.key for site in one.sites)) for one in found]

    assert open_("ann") == [("lesions", ("study",))]
    assert open_("ben") == [("lesions", ("study",)), ("phenotype", ("lesion:2",))]
    nothing = {("lesions", site): value for site, value in nothing_drawn(case.voices, lesions).items()}
    assert nothing == {("lesions", Site.page(2)): MaskValue((96, 96))}
    assert not missing(ADRENAL.form, case.outcomes, nothing)
    kind = case_of(store, blobs, ADRENAL, requests["c-kind"])
    given = submission(ADRENAL.form, kind.outcomes, {("phenotype", Site.lesion(1)): "benign"})
    assert {a.question for a in given} == {"finding", "lesions", "phenotype"}  # else the lesion has no number


def test_findings_are_open_where_the_readers_are_split() -> None:
    labels = ("a", "b", "c")
    assert open_findings([frozenset("ab"), frozenset("a")], labels) == (("b",), frozenset("a"))
    three = [frozenset("ab"), frozenset("a"), frozenset("a")]
    assert open_findings(three, labels) == (("b",), frozenset("a"))  # no tie: then where they differ at all
    assert open_findings([frozenset("a"), frozenset("a")], labels) == (labels, frozenset())


# -- outlines --------------------------------------------------------------------------------------------------

OUTLINE = Question("drawn", "Outline", Mask(("one", "two")))


def voices(blobs: Blobs, *marked: dict[str, np.ndarray]) -> tuple[Voice, ...]:
    """Readers who drew these labels on page 1."""
    found = []
    for place, masks in enumerate(marked):
        shape = next(iter(masks.values())).shape if masks else (4, 4)
        value = MaskValue(shape, tuple((label, blobs.put_mask(mask)) for label, mask in sorted(masks.items())))
        answers = (Answer("drawn", Site.page(1), value),) if masks else ()
        read = Annotation(f"an-{place}", "t", "s", f"r{place}", Mode.INDEPENDENT, answers)
        found.append(Voice(f"Reader {place + 1}", place, read))
    return tuple(found)


def columns(*wanted: int) -> np.ndarray:
    mask = np.zeros((4, 4), dtype=bool)
    mask[:, wanted] = True
    return mask


def test_outlines_joined_are_of_those_who_drew(tmp_path: Path) -> None:
    blobs, form = Blobs(tmp_path), Form((OUTLINE,))
    three = voices(blobs, {"one": columns(0, 1)}, {"one": columns(1, 2)}, {"one": columns(1), "two": columns(3)})
    for rule in MaskRule:
        (value,) = joined(three, OUTLINE, form, blobs, rule).values()
        assert [label for label, _ in value.masks] == ["one"]  # one of three drew the other
        assert (blobs.get_mask(value.blob("one"), (4, 4)) == columns(1)).all()
    half = voices(blobs, {"two": columns(3)}, {})
    (value,) = joined(half, OUTLINE, form, blobs, MaskRule.MAJORITY).values()
    assert (blobs.get_mask(value.blob("two"), (4, 4)) == columns(3)).all()
    assert joined(voices(blobs, {"one": columns(0)}, {"one": columns(3)}), OUTLINE, form, blobs,
                  MaskRule.MAJORITY) == {}  # fmt: skip


def test_outlines_are_compared_in_pairs_and_where_they_differ(tmp_path: Path) -> None:
    blobs, form = Blobs(tmp_path), Form((OUTLINE,))
    three = voices(blobs, {"one": columns(0, 1)}, {"one": columns(1)}, {})
    assert dice(three, OUTLINE, blobs) == {"one": {(0, 1): pytest.approx(2 / 3), (0, 2): 0.0, (1, 2): 0.0}}
    split = differing(three[:2], [OUTLINE], form, blobs)
    assert list(split) == [1]
    assert (split[1] == columns(0)).all()
    everywhere = differing(three, [OUTLINE], form, blobs)  # the third was asked and marked nothing
    assert (everywhere[1] == columns(0, 1)).all()


def scene_of(page: AppTest) -> dict[str, Any]:
    """What the viewer of a page is told."""
    (found,) = [one for one in page.get("bidi_component") if one.proto.component_name == "consilium_viewer"]
    return dict(json.loads(found.proto.json))


def test_the_viewer_has_each_reader_without_a_name_and_the_model_only_once_it_is_asked_for(
    at_disputed: Home,
) -> None:
    page = show("adjudication", reader="senior", study="c-more", task="adrenal_ct")
    (pane,) = scene_of(page)["panes"]
    hands = {layer["group"]: layer["who"] for layer in pane["layers"]}
    assert set(hands.values()) == {"Reader 1", "Reader 2"}
    assert pane["compare"] == list(hands)
    assert not any(name in json.dumps(pane) for name in (*NAMES, "ann", "ben"))
    assert pane["start"][1] in (2, 3, 4, 5)
    assert "The readers' outlines differ on pages" in words(page)
    next(toggle for toggle in page.toggle if str(toggle.key).startswith("model ")).set_value(True)
    page.run()
    (pane,) = scene_of(page)["panes"]
    assert [layer["slices"] for layer in pane["layers"] if layer["dashed"]] == [[4]]


# -- deciding --------------------------------------------------------------------------------------------------


def test_a_decision_needs_answers_and_a_reason_and_keeps_both(store: Store, home: Home) -> None:
    page = show("adjudication", reader="senior", study="q-view", task="cxr_quality")
    press(page, "Decide")
    assert "Still to be answered: projection" in words(page)
    pick(page, "projection study", "lateral")
    assert "Are the lung borders complete on the lateral view?" in words(page)
    pick(page, "borders_lateral study", "complete")
    pick(page, "rotation_lateral study", "rotated")
    press(page, "Decide")
    assert "A decision needs a reason" in words(page)
    assert not [job for job in store.jobs.all() if job.kind == "case.decide"]
    write(page, "The spine overlies the heart.")
    press(page, "Decide")
    (job,) = [job for job in store.jobs.all() if job.kind == "case.decide"]
    assert job.arguments["answers"] == [
        {"question": "projection", "site": "study", "value": "lateral"},
        {"question": "borders_lateral", "site": "study", "value": "complete"},
        {"question": "rotation_lateral", "site": "study", "value": "rotated"},
    ]
    assert work(home, "case.decide") == JobState.DONE
    (decision,) = store.decisions.all("cxr_quality")
    assert (decision.reader_id, decision.why) == ("senior", "The spine overlies the heart.")
    page.run()
    said = words(page)
    assert "1 of 2 decided" in said
    assert "is decided." in said
    assert "lung borders complete on the frontal" in said  # the next case
    states = {c.question: c.state for c in store.labels.consensus("cxr_quality", study_id="q-view")}
    assert set(states.values()) == {ConsensusState.ADJUDICATED}


def test_nothing_typed_is_lost_when_the_decision_fails(store: Store) -> None:
    page = show("adjudication", reader="senior", study="q-border", task="cxr_quality")
    pick(page, "borders_frontal study", "cut_off")
    write(page, "Both costophrenic angles are missing.")
    press(page, "Decide")
    job = next(job for job in store.jobs.all() if job.kind == "case.decide")
    store.jobs.lease(job.job_id, "test", seconds=5)
    store.jobs.fail(job.job_id, "test", {"error": "The disk is full.", "do": "make room"})
    page.run()
    assert "The disk is full." in words(page)
    assert (
        next(area for area in page.text_area if area.label == "Why").value
        == "Both costophrenic angles are missing."
    )
    assert [radio.value for radio in page.radio] == ["cut_off"]
    assert "0 of 2 decided" in words(page)


def test_the_model_is_shown_on_demand_alone(at_disputed: Home) -> None:
    page = show("adjudication", reader="senior", study="q-view", task="cxr_quality")
    assert "P = 0.83" not in words(page)
    next(toggle for toggle in page.toggle if "model" in toggle.label).set_value(True)
    page.run()
    assert "P = 0.83" in words(page)
    assert "model" not in page.query_params


def test_an_outline_is_taken_over_with_the_lesion_that_it_opens(store: Store, home: Home) -> None:
    page = show("adjudication", reader="senior", study="c-more", task="adrenal_ct")
    radio = next(radio for radio in page.radio if str(radio.key).endswith("lesions"))
    assert radio.options[:4] == [
        f"{whose} outline" for whose in ("Reader 1's", "Reader 2's", "the majority's", "STAPLE's")
    ]
    assert radio.options[4:] == ["nothing is to be outlined", "draw it in Label Studio"]
    assert "Dice, all pages" in words(page)
    case = case_of(store, Blobs.of(home), ADRENAL, next(
        r for r in queue(store, "adrenal_ct", "senior") if r.study_id == "c-more"))  # fmt: skip
    two = next(voice for voice in case.voices if voice.annotation.reader_id == "ben")
    pick(page, "lesions", f"reader {two.position}")
    pick(page, "phenotype lesion:2", "malignant")
    write(page, "Two lesions.")
    press(page, "Decide")
    assert work(home, "case.decide") == JobState.DONE
    records = store.labels.consensus("adrenal_ct", study_id="c-more")
    assert not [r for r in records if r.state == ConsensusState.DISPUTED]
    agreed = {(r.question, r.site): r.value for r in records}
    assert agreed["phenotype", Site.lesion(2)] == "malignant"
    drawn = {a.site: a.value for a in two.annotation.answers if a.question == "lesions"}
    assert {site: value for (name, site), value in agreed.items() if name == "lesions" and value.masks} == drawn


def test_what_is_to_be_drawn_is_decided_in_label_studio(at_disputed: Home) -> None:
    page = show("adjudication", reader="senior", study="c-more", task="adrenal_ct")
    pick(page, "lesions", "draw")
    labels = {button.label for button in page.button}
    assert "Fetch the decision" in labels
    assert "Decide" not in labels
    assert re.search(r"href=\"/api/labelling/[\w.-]+\"", words(page))


def test_findings_are_decided_one_by_one(store: Store, home: Home) -> None:
    page = show("adjudication", reader="senior", task="cxr_findings")
    assert "Agreed to be present: dense aorta" in words(page)
    pick(page, "findings study scoliosis", "present")
    write(page, "The spine is bent.")
    press(page, "Decide")
    assert work(home, "case.decide") == JobState.DONE
    (record,) = store.labels.consensus("cxr_findings", study_id="f-one")
    assert record.value == frozenset({"dense_aorta", "scoliosis"})
    assert isinstance(get_task("cxr_findings").form["findings"].kind, Findings)


def test_only_the_disputed_level_is_graded(store: Store, home: Home) -> None:
    page = show("adjudication", reader="senior", task="lumbar_stenosis")
    assert [str(radio.key).split()[-1] for radio in page.radio] == ["level:L5/S1"]
    pick(page, "level:L5/S1", "moderate")
    write(page, "The sac is narrowed by half.")
    press(page, "Decide")
    assert work(home, "case.decide") == JobState.DONE
    states = [r for r in store.labels.consensus("lumbar_stenosis") if r.state == ConsensusState.ADJUDICATED]
    assert [(r.site.key, r.value) for r in states] == [("level:L5/S1", 2)]


# -- appeal ----------------------------------------------------------------------------------------------------


def test_a_decision_is_appealed_once_and_another_adjudicator_gets_the_case(store: Store, home: Home) -> None:
    decide(home, "q-view", projection="frontal", borders_frontal="complete")
    page = show("adjudication", study="q-view", task="cxr_quality")
    press(page, "Appeal")
    assert "An appeal needs a reason" in words(page)
    write(page, "It is mirrored.", "What was overlooked")
    press(page, "Appeal")
    work(home, "case.appeal")  # no labelling server runs: the appeal stands, and is decided here
    (decision,) = store.decisions.all("cxr_quality")
    assert store.decisions.appeal(decision.decision_id).reason == "It is mirrored."  # type: ignore[union-attr]
    assert not may_appeal(store, decision, None)
    page.run()
    assert "Appeal" not in {button.label for button in page.button}
    first = words(show("adjudication", reader="senior", study="q-view", task="cxr_quality"))
    assert "another adjudicator has the case" in first
    second = show("adjudication", reader="second", task="cxr_quality")
    assert "It is mirrored." in words(second)
    assert "Prof Dahl" not in words(second)
    pick(second, "projection study", "lateral")
    pick(second, "borders_lateral study", "complete")
    pick(second, "rotation_lateral study", "straight")
    write(second, "The appeal is right.")
    press(second, "Decide")
    assert work(home, "case.decide") == JobState.DONE
    records = {r.question: r.value for r in store.labels.consensus("cxr_quality", study_id="q-view")}
    assert records["projection"] == "lateral"
    assert [bool(d.appeal_of) for d in store.decisions.all("cxr_quality")] == [False, True]


def test_a_reader_of_the_case_may_appeal_once_the_round_is_closed(store: Store, home: Home) -> None:
    decide(home, "q-view", projection="frontal", borders_frontal="complete")
    (decision,) = store.decisions.all("cxr_quality")
    assert [may_appeal(store, decision, who) for who in ("ann", "cem", "senior", None)] == [
        True,
        False,
        False,
        True,
    ]
    during = words(show("reading", reader="ann", task="cxr_quality"))
    assert "The spine overlies the heart." not in during + words(show("study", reader="ann", study="q-view"))
    store.rounds.move("cxr_quality-r1", RoundState.CLOSED, expected=[RoundState.READ])
    for name in ("reading", "study"):
        page = show(name, reader="ann", task="cxr_quality", study="q-view")
        said = words(page)
        assert "The spine overlies the heart." in said
        assert "Appeal" in {button.label for button in page.button}
    assert "Appeal" not in {
        b.label for b in show("study", reader="cem", task="cxr_quality", study="q-view").button
    }
    write(page, "It is mirrored.", "What was overlooked")
    press(page, "Appeal")
    job = next(job for job in store.jobs.all() if job.kind == "case.appeal")
    assert dict(job.arguments) == {
        "decision_id": decision.decision_id, "reader_id": "ann", "reason": "It is mirrored.",
    }  # fmt: skip


def test_an_appealed_case_is_blind_again_for_who_decides_on_it(store: Store, home: Home) -> None:
    decide(home, "q-view", projection="frontal", borders_frontal="complete")
    store.rounds.move("cxr_quality-r1", RoundState.CLOSED, expected=[RoundState.READ])
    seen = Blindness(store, "cxr_quality", SECOND).sight("q-view", Part.TRAIN)
    (decision,) = store.decisions.all("cxr_quality")
    jobs.enqueue(home, "case.appeal", decision_id=decision.decision_id, reader_id="", reason="It is mirrored.")
    work(home, "case.appeal")
    (request,) = queue(store, "cxr_quality", "second")
    assert request.state in (RequestState.PLANNED, RequestState.PUSHED)
    hidden = Blindness(store, "cxr_quality", SECOND).sight("q-view", Part.TRAIN)
    assert [(s.model, s.others, s.names) for s in (seen, hidden)] == [(True, True, False), (False, False, False)]
