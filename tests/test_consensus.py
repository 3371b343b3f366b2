import csv
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.adjudication import adjudicate, needs_adjudication
from active_learning.consensus import agree
from active_learning.disputes import dispute, disputes
from active_learning.numbering import alike
from data.answers import (
    STUDY,
    Answer,
    Choice,
    Findings,
    Form,
    Grade,
    Mask,
    MaskValue,
    Measurement,
    Question,
    Site,
    lesion_sites,
)  # fmt: skip
from data.blobs import Blobs
from data.errors import RoundError
from data.records import (
    Annotation,
    ConsensusState,
    Mode,
    Prediction,
    Purpose,
    QuestionPrediction,
)

AGREED, DISPUTED, ADJUDICATED = ConsensusState.AGREED, ConsensusState.DISPUTED, ConsensusState.ADJUDICATED
BORDERS = Question("borders", "Cut off?", Choice(("complete", "cut_off")))
VIEW = Question("view", "View?", Choice(("frontal", "lateral")))
TURNED = Question("turned", "Turned?", Choice(("straight", "turned")), asked_if=("view", "lateral"))
GRADE = Question("grade", "Grade?", Grade(("none", "mild", "moderate", "severe")))
SIGNS = Question("signs", "Signs?", Findings(("scoliosis", "dense_aorta")))
SIZE = Question("size", "Diameter?", Measurement("mm"))
LESION = Question("lesion", "Outline", Mask(("lesion",)))


def read(reader, study="s1", *, mode=Mode.INDEPENDENT, purpose=Purpose.ACQUISITION, skipped=False, **values):
    answers = tuple(
        a if isinstance(a, Answer) else Answer(question, STUDY, a)
        for question, given_ in values.items()
        for a in (given_ if isinstance(given_, list) else [given_])
    )
    return Annotation(
        f"an-{study}-{reader}", "task", study, reader, mode, answers, purpose=purpose, skipped=skipped
    )


def outcomes(reads, *questions, **options):
    return agree(reads, Form(questions), task="task", study_id="s1", round_id="r1", **options)


def panel(question, *values, **options):
    return [read(f"r{i}", **{question: value}, **options) for i, value in enumerate(values)]


def only(found):
    (record,) = found
    return record


@pytest.mark.parametrize(
    ("given_", "state", "value", "support"),
    [
        (["cut_off", "cut_off", "complete"], AGREED, "cut_off", 2 / 3),
        (["cut_off", "complete"], DISPUTED, None, 1 / 2),
        (["complete"] * 4, AGREED, "complete", 1.0),
        (["cut_off", "cut_off", "complete", "complete"], DISPUTED, None, 1 / 2),
    ],
)
def test_a_choice_needs_more_than_half(given_, state, value, support):
    record = only(outcomes(panel("borders", *given_), BORDERS))
    assert (record.state, record.value, record.support) == (state, value, pytest.approx(support))
    assert record.annotations == tuple(f"an-s1-r{i}" for i in range(len(given_)))
    assert (record.task, record.study_id, record.round_id, record.method) == ("task", "s1", "r1", "majority")


def test_grades_are_not_averaged():
    assert only(outcomes(panel("grade", 0, 1, 2), GRADE)).state == DISPUTED
    assert only(outcomes(panel("grade", 0, 3, 3), GRADE)).value == 3
    seven = only(outcomes(panel("grade", 2, 2, 2, 2, 0, 1, 3), GRADE))
    assert (seven.value, seven.support) == (2, pytest.approx(4 / 7))


def test_most_of_those_who_answered_is_not_enough_without_most_of_all():
    reads = [*panel("borders", "cut_off", "cut_off", "complete"), read("r8"), read("r9")]
    assert only(outcomes(reads, BORDERS)).state == DISPUTED


def test_skipped_reads_are_no_votes():
    reads = [*panel("borders", "cut_off", "cut_off"), read("r8", skipped=True), read("r9", skipped=True)]
    record = only(outcomes(reads, BORDERS))
    assert (record.value, record.support, len(record.annotations)) == ("cut_off", 1.0, 2)


def test_one_read_decides_only_where_one_was_asked_for():
    alone = panel("borders", "cut_off")
    few = only(outcomes(alone, BORDERS))
    assert (few.state, few.method) == (DISPUTED, "majority: too few reads")
    assert only(outcomes(alone, BORDERS, reads_expected=1)).value == "cut_off"
    assert only(outcomes([], BORDERS, reads_expected=1)).state == DISPUTED


def test_assisted_reads_count_for_training_cases_alone_and_only_where_the_task_says_so():
    reads = [*panel("borders", "complete", mode=Mode.ASSISTED), read("x", borders="complete")]
    assert only(outcomes(reads, BORDERS)).method == "majority: too few reads"
    assert only(outcomes(reads, BORDERS, count_assisted=True)).value == "complete"
    for purpose in (Purpose.TEST, Purpose.CALIBRATION, Purpose.VALIDATION):
        tested = [*reads, read("y", purpose=purpose, skipped=True)]
        assert only(outcomes(tested, BORDERS, count_assisted=True)).method == "majority: too few reads"


def test_of_a_readers_two_reads_the_independent_one_counts():
    seen = Annotation("b", "task", "s1", "r0", Mode.ASSISTED, (Answer("borders", STUDY, "complete"),))
    blind = Annotation("a", "task", "s1", "r0", Mode.INDEPENDENT, (Answer("borders", STUDY, "cut_off"),))
    reads = [seen, blind, read("r1", borders="cut_off")]
    record = only(outcomes(reads, BORDERS, count_assisted=True))
    assert (record.value, record.annotations) == ("cut_off", ("a", "an-s1-r1"))


def test_a_conditional_question_is_decided_by_those_who_agreed_to_its_condition():
    reads = [
        read("a", view="lateral", turned="turned"),
        read("b", view="lateral", turned="turned"),
        read("c", view="frontal"),
    ]
    view, turned = outcomes(reads, VIEW, TURNED)
    assert (view.value, turned.value, turned.support) == ("lateral", "turned", pytest.approx(2 / 3))
    frontal = [*reads[1:], read("d", view="frontal")]
    assert [o.question for o in outcomes(frontal, VIEW, TURNED)] == ["view"]
    split = reads[1:]
    assert [o.state for o in outcomes(split, VIEW, TURNED)] == [DISPUTED]


def test_findings_stand_one_by_one():
    both, one, none = frozenset({"scoliosis", "dense_aorta"}), frozenset({"scoliosis"}), frozenset()
    record = only(outcomes(panel("signs", both, one, none), SIGNS))
    assert (record.value, record.support) == (one, pytest.approx(2 / 3))
    assert only(outcomes(panel("signs", both, one), SIGNS)).state == DISPUTED
    nothing = [read("a", signs=one), read("b"), read("c")]
    assert only(outcomes(nothing, SIGNS)).value == none


def test_a_measurement_is_the_median():
    record = only(outcomes(panel("size", 10.0, 30.0, 11.0), SIZE))
    assert (record.value, record.support) == (11.0, 1.0)
    assert only(outcomes([read("a", size=10.0), read("b")], SIZE)).state == DISPUTED


def test_sites_are_decided_apart_and_lesions_only_where_somebody_saw_one():
    sites = (Site.lesion(1), Site.lesion(2), Site.level("L4/L5"))
    question = Question("kind", "Kind?", Choice(("benign", "malignant")), sites=sites)
    first = [Answer("kind", sites[0], "benign"), Answer("kind", sites[2], "benign")]
    second = [Answer("kind", sites[0], "benign"), Answer("kind", sites[2], "malignant")]
    found = outcomes([read("a", kind=first), read("b", kind=second)], question)
    assert {o.site: o.state for o in found} == {sites[0]: AGREED, sites[2]: DISPUTED}


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["frontal", "lateral"]), st.booleans(), st.integers(0, 3)), max_size=7),
    st.randoms(use_true_random=False),
)
def test_the_order_of_reads_has_no_say(rows, random):
    reads = [
        read(
            f"r{i}",
            view=view,
            grade=grade,
            **({"turned": "turned" if t else "straight"} if view == "lateral" else {}),
        )
        for i, (view, t, grade) in enumerate(rows)
    ]
    shuffled = list(reads)
    random.shuffle(shuffled)
    found = outcomes(reads, VIEW, TURNED, GRADE)
    assert outcomes(shuffled, VIEW, TURNED, GRADE) == found
    for record in found:
        if record.state == AGREED:
            assert record.support > 0.5


def mask(blobs, index, *rows, question="lesion"):
    pixels = np.zeros((4, 4), dtype=bool)
    pixels[list(rows)] = True
    return Answer(question, Site.page(index), MaskValue((4, 4), (("lesion", blobs.put_mask(pixels)),)))


def test_masks_by_pixel(tmp_path):
    blobs = Blobs(tmp_path)
    reads = [
        read("a", lesion=[mask(blobs, 3, 0, 1), mask(blobs, 4, 0)]),
        read("b", lesion=[mask(blobs, 3, 1, 2)]),
        read("c"),
    ]
    third, fourth = outcomes(reads, LESION, blobs=blobs)
    assert isinstance(third.value, MaskValue)
    agreed = blobs.get_mask(third.value.blob("lesion"), third.value.shape)
    assert agreed.tolist() == [[False] * 4, [True] * 4, [False] * 4, [False] * 4]
    assert (fourth.site, fourth.value, fourth.state) == (Site.page(4), MaskValue((4, 4)), AGREED)
    # Dice: a 2 x 4 / (12 + 4), b 2 x 4 / (8 + 4), c 0
    assert third.support == pytest.approx((8 / 16 + 8 / 12 + 0) / 3)


def test_masks_that_do_not_meet_are_disputed_and_no_mask_is_an_answer(tmp_path):
    blobs = Blobs(tmp_path)
    apart = [read("a", lesion=[mask(blobs, 0, 0)]), read("b", lesion=[mask(blobs, 0, 3)]), read("c")]
    assert only(outcomes(apart, LESION, blobs=blobs)).state == DISPUTED
    half = [read("a", lesion=[mask(blobs, 0, 0)]), read("b")]
    assert only(outcomes(half, LESION, blobs=blobs)).state == DISPUTED
    nothing = only(outcomes([read("a"), read("b")], LESION))
    assert (nothing.state, nothing.site, nothing.value) == (AGREED, STUDY, MaskValue(()))
    with pytest.raises(ValueError, match="blobs"):
        outcomes([read("a", lesion=[mask(blobs, 0, 0)]), read("b", lesion=[mask(blobs, 0, 1)])], LESION)


def test_an_adjudicator_settles_what_is_disputed_and_nothing_else():
    form = Form((BORDERS, GRADE))
    reads = [read("a", borders="complete", grade=1), read("b", borders="complete", grade=2)]
    before = outcomes(reads, BORDERS, GRADE)
    assert needs_adjudication(before)
    decision = read("z", purpose=Purpose.ADJUDICATION, borders="cut_off", grade=2)
    borders, grade = adjudicate(before, decision, form, annotations=reads)
    assert borders == before[0]
    assert (grade.state, grade.value, grade.method, grade.support) == (ADJUDICATED, 2, "adjudication", 0.5)
    assert grade.annotations == ("an-s1-a", "an-s1-b", "an-s1-z")
    assert not needs_adjudication([borders, grade])
    assert adjudicate(before, read("z", skipped=True), form) == before


def test_an_adjudicator_answers_what_opens_only_now():
    form = Form((VIEW, TURNED))
    before = outcomes([read("a", view="lateral", turned="turned"), read("b", view="frontal")], VIEW, TURNED)
    decision = read("z", purpose=Purpose.ADJUDICATION, view="lateral", turned="straight")
    view, turned = adjudicate(before, decision, form)
    assert (view.value, turned.value, turned.state) == ("lateral", "straight", ADJUDICATED)


def test_an_adjudicated_mask_is_settled_on_every_page(tmp_path):
    blobs = Blobs(tmp_path)
    reads = [read("a", lesion=[mask(blobs, 0, 0)]), read("b", lesion=[mask(blobs, 1, 0)])]
    before = outcomes(reads, LESION, blobs=blobs)
    own = mask(blobs, 1, 2)
    after = adjudicate(before, read("z", lesion=[own]), Form((LESION,)), annotations=reads)
    assert [(o.site, o.value) for o in after] == [(Site.page(0), MaskValue((4, 4))), (Site.page(1), own.value)]
    nothing = adjudicate(before, read("z"), Form((LESION,)), annotations=reads)
    assert not needs_adjudication(nothing)


def test_who_voted_does_not_adjudicate():
    reads = panel("borders", "complete", "cut_off")
    before = outcomes(reads, BORDERS)
    with pytest.raises(RoundError, match="had a vote"):
        adjudicate(before, read("r0", borders="complete"), Form((BORDERS,)))
    again = Annotation("other", "task", "s1", "r0", Mode.INDEPENDENT, reads[0].answers)
    with pytest.raises(RoundError, match="had a vote"):
        adjudicate(before, again, Form((BORDERS,)), annotations=reads)


def said(question, value, **probabilities):
    return Prediction("task", "s1", "v1", (QuestionPrediction(question, STUDY, value, probabilities, 0.4),))


def test_a_dispute_in_words():
    form = Form((BORDERS,))
    model = said("borders", "complete", complete=0.91, cut_off=0.09)
    found = dispute(panel("borders", "cut_off", "cut_off", "complete"), model, form)
    assert found is not None
    assert found.reason == "2 of 3 readers say cut off, the model 0.91 complete"
    assert found.score == pytest.approx(2 / 3)  # of three pairs of readers two differ; the model: 2/3 x 0.82
    alone = dispute(panel("borders", "cut_off"), model, form)
    assert alone is not None
    assert (alone.reason, alone.score) == ("the reader says cut off, the model 0.91 complete", pytest.approx(0.82))
    among = dispute(panel("borders", "cut_off", "complete"), None, form)
    assert among is not None
    assert (among.reason, among.score) == ("1 of 2 readers says complete, 1 cut off", 1.0)


def test_no_dispute_where_all_say_the_same():
    model = said("borders", "complete", complete=0.55, cut_off=0.45)
    assert dispute(panel("borders", "complete", "complete"), model, Form((BORDERS,))) is None
    assert dispute([], model, Form((BORDERS,))) is None


def test_disputes_of_findings_and_grades_name_what_is_disputed():
    form = Form((SIGNS, GRADE))
    reads = [read(r, signs=frozenset({"dense_aorta"}), grade=g) for r, g in (("a", 1), ("b", 1), ("c", 2))]
    model = Prediction(
        "task",
        "s1",
        "v1",
        (QuestionPrediction("signs", STUDY, frozenset(), {"scoliosis": 0.1, "dense_aorta": 0.04}, 0.3),),
    )
    found = disputes(reads, model, form)
    assert [d.reason for d in found] == [
        "dense aorta: all 3 readers say present, the model 0.96 absent",
        "grade: 2 of 3 readers say mild, 1 moderate",
    ]
    assert found[0].score == pytest.approx(0.92)


@pytest.mark.real
def test_the_majority_of_five_radiologists_against_their_adjudicated_consensus(real_data):
    """The published consensus was adjudicated, so that it differs a little from the majority."""
    folder = real_data / "B_cxr" / "nih_chestxray14"
    reads: dict[str, list[Annotation]] = {}
    counts: dict[tuple[str, str], int] = {}
    labels: tuple[str, ...] = ()
    with (folder / "readers_all_findings.csv").open() as table:
        for row in csv.DictReader(table):
            labels = tuple(name for name in row if name not in ("Image ID", "Patient ID", "Reader ID", "Abnormal"))
            present = frozenset(label for label in labels if row[label] == "YES")
            study = row["Image ID"]
            reads.setdefault(study, []).append(read(row["Reader ID"], study, signs=present))
            for label in labels:
                counts[study, label] = counts.get((study, label), 0) + (label in present)
    form = Form((Question("signs", "Signs?", Findings(labels)),))
    assert len(reads) == 260
    found = {}
    for study, given_ in reads.items():
        record = only(agree(given_, form, task="task", study_id=study))
        assert len(record.annotations) == 5
        assert record.value == frozenset(label for label in labels if counts[study, label] >= 3)
        found[study] = record.value
    with (folder / "consensus_all_findings.csv").open() as table:
        published = {row["Image ID"]: row for row in csv.DictReader(table)}
    for label in labels:
        shared = [s for s in found if s in published]
        same = np.mean([(label in found[s]) == (published[s][label] == "YES") for s in shared])
        assert 0.90 <= same <= 1.0


FOUND = Question("found", "Lesion?", Choice(("no", "yes")))
DRAWN = Question("drawn", "Outline each", Mask(("lesion_1", "lesion_2", "lesion_3")), asked_if=("found", "yes"))
KIND = Question(
    "kind", "Kind?", Choice(("benign", "malignant")), sites=lesion_sites(DRAWN.kind), asked_if=("found", "yes"),
    drawn_in="drawn",
)  # fmt: skip
LESIONS = Form((FOUND, DRAWN, KIND))
COLUMNS = {"left": 0, "right": 3, "middle": 1}


def lesions(blobs, reader, *named, purpose=Purpose.ACQUISITION):
    """A read with lesions (where, kind), numbered as they come."""
    masks, kinds = [], []
    for number, (where, kind) in enumerate(named, 1):
        plane = np.zeros((4, 4), bool)
        plane[:, COLUMNS[where]] = True
        masks.append((f"lesion_{number}", blobs.put_mask(plane)))
        kinds.append(Answer("kind", Site.lesion(number), kind))
    drawn = [Answer("drawn", Site.page(2), MaskValue((4, 4), tuple(masks)))] if masks else []
    return read(reader, found="yes" if masks else "no", drawn=drawn, kind=kinds, purpose=purpose)


def kinds_of(annotations):
    return {o.site.key: (o.value, o.state) for o in annotations if o.question == "kind"}


def test_lesions_are_compared_where_they_lie_and_not_by_number(tmp_path):
    blobs = Blobs(tmp_path)
    reads = [
        lesions(blobs, "a", ("left", "benign"), ("right", "malignant")),
        lesions(blobs, "b", ("right", "malignant"), ("left", "benign")),
        lesions(blobs, "c", ("right", "malignant"), ("left", "benign"), ("middle", "benign")),
    ]
    by_number = outcomes(reads, FOUND, DRAWN, KIND, blobs=blobs)
    assert kinds_of(by_number)["lesion:1"][0] == "malignant"  # though it is another one for each
    for order in itertools.permutations(reads):
        numbered = {a.reader_id: a for a in alike(order, LESIONS, blobs)}
        assert [a.annotation_id for a in alike(order, LESIONS, blobs)] == [a.annotation_id for a in order]
        found = outcomes(list(numbered.values()), FOUND, DRAWN, KIND, blobs=blobs)
        assert kinds_of(found)["lesion:1"] == ("benign", AGREED)
        assert kinds_of(found)["lesion:2"] == ("malignant", AGREED)
        drawn = next(o.value for o in found if o.question == "drawn")
        assert blobs.get_mask(drawn.blob("lesion_1"), (4, 4))[:, 0].all()
        assert {a.site.key for a in numbered["c"].answers if a.question == "kind"} == {
            "lesion:1", "lesion:2", "lesion:3",
        }  # fmt: skip
    assert reads[1].answers == lesions(blobs, "b", ("right", "malignant"), ("left", "benign")).answers


def test_an_adjudicators_lesions_get_the_readers_numbers(tmp_path):
    blobs = Blobs(tmp_path)
    reads = [
        lesions(blobs, "a", ("left", "benign"), ("right", "malignant")),
        lesions(blobs, "b", ("left", "malignant"), ("right", "malignant")),
        lesions(blobs, "0", ("right", "malignant"), ("left", "benign"), purpose=Purpose.ADJUDICATION),
    ]
    decision = alike(reads, LESIONS, blobs)[2]
    assert {a.site.key: a.value for a in decision.answers if a.question == "kind"} == {
        "lesion:1": "benign", "lesion:2": "malignant",
    }  # fmt: skip


def test_a_lesion_that_the_adjudicator_does_not_draw_is_no_longer_in_dispute(tmp_path):
    blobs = Blobs(tmp_path)
    reads = [
        lesions(blobs, "a", ("left", "benign"), ("right", "benign")),
        lesions(blobs, "b", ("left", "malignant")),
    ]
    before = outcomes(reads, FOUND, DRAWN, KIND, blobs=blobs)
    assert {site for site, (_, state) in kinds_of(before).items() if state == DISPUTED} >= {"lesion:1"}
    judge = lesions(blobs, "0", ("left", "malignant"), purpose=Purpose.ADJUDICATION)
    after = adjudicate(before, judge, LESIONS, annotations=reads)
    assert kinds_of(after) == {"lesion:1": ("malignant", ADJUDICATED)}
    assert not needs_adjudication(after)
    agreed = [lesions(blobs, "a", ("left", "benign")), lesions(blobs, "b", ("left", "malignant"))]
    before = outcomes(agreed, FOUND, DRAWN, KIND, blobs=blobs)
    kind = read("0", purpose=Purpose.ADJUDICATION, found="yes", kind=[Answer("kind", Site.lesion(1), "benign")])
    assert kinds_of(adjudicate(before, kind, LESIONS, annotations=agreed)) == {"lesion:1": ("benign", ADJUDICATED)}


def test_a_lesion_without_a_number_left_is_left_out(tmp_path):
    blobs = Blobs(tmp_path)
    three = lesions(blobs, "a", ("left", "benign"), ("right", "benign"), ("middle", "benign"))
    plane = np.zeros((4, 4), bool)
    plane[0, 2] = True
    more = [Answer("drawn", Site.page(2), MaskValue((4, 4), (("lesion_1", blobs.put_mask(plane)),)))]
    fourth = read("b", found="yes", drawn=more, kind=[Answer("kind", Site.lesion(1), "malignant")])
    left = alike([three, fourth], LESIONS, blobs)[1]
    assert [a.question for a in left.answers] == ["found"]
