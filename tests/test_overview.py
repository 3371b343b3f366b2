"""What a curator sees of readers: its figures are those that the readers were told, and each names its state."""

from __future__ import annotations

import json
from dataclasses import replace

import krippendorff
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import recall_score

from active_learning.methods import estimate
from active_learning.next_read import next_reads
from active_learning.overview import Asked, Case, Doubt, Outlined, Overview, stamp_of
from active_learning.overview_cases import METHOD, believe, worth_reading
from active_learning.overview_measure import leaning, measure, measure_outlines
from active_learning.ratings import NOT_READ, Ratings
from data.answers import STUDY, Answer, Form, Grade, MaskValue, Question, Site
from data.blobs import Blobs
from data.errors import RatingsError
from data.home import Home
from data.records import (
    Annotation,
    BatchItem,
    Consensus,
    ConsensusState,
    Layout,
    Mode,
    Part,
    Patient,
    Prediction,
    Purpose,
    QuestionPrediction,
    Reader,
    ReadRequest,
    RequestState,
    Series,
    Study,
)
from data.store import Store
from models.task import Trained, get_task
from models.versions import save
from tests import panel_home
from tests.panel_home import LEVELS, READERS, TASK, Told

FORM = Form((Question("grade", "How much?", Grade(("none", "some", "much"))),))


@pytest.fixture(scope="module")
def told() -> Told:
    return panel_home.tell()


@pytest.fixture(scope="module")
def panel(told: Told, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("panel")).prepare()
    panel_home.fill(home, told).close()
    return home


@pytest.fixture(scope="module")
def overview(panel: Home) -> Overview:
    return measure(Store.of(panel), Blobs.of(panel), get_task(TASK), draws=20)


@pytest.fixture(scope="module")
def central(overview: Overview) -> Asked:
    (found,) = [one for one in overview.asked if one.view.name == "central"]
    return found


def majority(columns: NDArray[np.int_]) -> NDArray[np.int_]:
    """(readers, items) -> (items,): what more than half said, or -1."""
    counts = np.stack([(columns == grade).sum(axis=0) for grade in range(panel_home.GRADES)])
    return np.where(2 * counts.max(axis=0) > len(columns), counts.argmax(axis=0), -1)


def test_agreement_is_that_of_what_was_told_whole_and_level_by_level(told: Told, central: Asked) -> None:
    def alpha(columns: NDArray[np.int_]) -> float:
        return float(krippendorff.alpha(columns, level_of_measurement="ordinal", value_domain=range(4)))

    assert central.panel.figures["krippendorff_alpha"].value == pytest.approx(alpha(told.readers))
    for level in LEVELS:
        kept = np.array([item.endswith(level) for item in told.items])
        found = central.levels[level]
        assert found["krippendorff_alpha"].value == pytest.approx(alpha(told.readers[:, kept]))
        assert found["percent_agreement"].n == 40
    assert set(central.levels) == set(LEVELS)


def test_readers_stand_against_the_reference_and_the_others(
    told: Told, overview: Overview, central: Asked
) -> None:
    held = {one.name: one for one in central.answerers}
    for number, reader in enumerate(READERS):
        truth = told.without(number)
        kept = truth >= 0
        right, said = truth[kept] >= 2, told.readers[number][kept] >= 2
        assert held[reader].binary["sensitivity"].value == pytest.approx(recall_score(right, said))
        others = majority(np.delete(told.readers, number, axis=0))
        both = others >= 0
        (profile,) = [one for one in overview.profiles if one.part.reader_id == reader]
        assert profile.agreement is not None
        assert profile.agreement.value == pytest.approx(np.mean(told.readers[number][both] == others[both]))
        higher = np.mean(told.readers[number][both] > others[both])
        lower = np.mean(told.readers[number][both] < others[both])
        assert central.leanings[reader].share.value == pytest.approx(max(higher, lower))
        way = "higher" if higher > lower else "lower"
        assert central.leanings[reader].words == f"grades {way} than the panel"
    assert (held["lumbar_stenosis-v1"].kind, len(overview.profiles)) == ("model", 8 - 1)


def test_second_reads_and_assisted_ones_stand_apart(told: Told, overview: Overview, central: Asked) -> None:
    (again,) = central.rereads
    read = told.again[0] >= 0
    assert again.reader == READERS[0]
    assert again.figures["percent_agreement"].value == pytest.approx(
        np.mean(told.again[0][read] == told.readers[0][read])
    )
    (shown,) = [one for one in overview.assisted if one.view.name == "central"]
    assert shown.panel.figures["krippendorff_alpha"].value == pytest.approx(
        krippendorff.alpha(told.shown, level_of_measurement="ordinal", value_domain=range(4))
    )


def test_every_disagreement_is_there_and_ranked(told: Told, overview: Overview) -> None:
    differ = (told.readers != told.readers[0]).any(axis=0)
    found = {f"{case.study_id} {case.site}": case for case in overview.cases}
    assert len(found) == len(overview.cases) == overview.found
    assert {told.items[row] for row in np.flatnonzero(differ)} <= set(found)
    scores = [case.score for case in overview.cases]
    assert scores == sorted(scores, reverse=True)
    levels = ("absent", "mild", "moderate", "severe")
    for row in np.flatnonzero(differ):
        case = found[told.items[row]]
        assert dict(case.said) == {r: levels[g] for r, g in zip(READERS, told.readers[:, row], strict=True)}
        assert (case.model, case.model_p) == (
            levels[told.model[row].argmax()],
            pytest.approx(told.model[row].max(), abs=1e-5),
        )
    for item in set(found) - {told.items[row] for row in np.flatnonzero(differ)}:
        assert found[item].model != found[item].likely  # the readers say one thing, the model another


def test_what_is_kept_is_what_was_measured(overview: Overview) -> None:
    written = json.dumps(overview.as_dict())
    assert Overview.from_dict(json.loads(written)) == overview
    assert panel_home.IDENTITY not in written
    with pytest.raises(RatingsError, match="cannot be read"):
        Overview.from_dict({"task": "cxr_quality"})


def table(rows: list[list[int]], readers: tuple[str, ...] = ("a", "b", "c")) -> Ratings:
    items = tuple(f"s{number} study" for number in range(len(rows)))
    return Ratings(("none", "some", "much"), readers, items, items, np.array(rows, dtype=np.int16))


def test_a_leaning_is_the_commonest_way_to_differ() -> None:
    ratings = table([[2, 0, 0], [1, 0, 0], [0, 1, 1], [0, 0, 0], [2, 1, NOT_READ]])
    higher = leaning(ratings, "a", ordered=True, draws=0, seed=0)
    named = leaning(ratings, "a", ordered=False, draws=0, seed=0)
    assert higher is not None
    assert named is not None
    assert (higher.words, higher.share.value) == ("grades higher than the panel", pytest.approx(3 / 5))
    assert (named.words, named.share.value) == ("says some where the panel says none", pytest.approx(1 / 5))
    same = table([[0, 0, 0], [1, 1, 1]])
    assert leaning(same, "a", ordered=True, draws=0, seed=0) is None


def test_of_two_options_a_leaning_names_one() -> None:
    ratings = Ratings(("absent", "present"), ("a", "b", "c"), ("1", "2"), ("1", "2"),
                      np.array([[1, 0, 0], [0, 0, 0]], dtype=np.int16))  # fmt: skip
    found = leaning(ratings, "a", ordered=False, draws=0, seed=0)
    assert found is not None
    assert (found.words, found.share.value) == ("says present where the panel does not", pytest.approx(0.5))


def case(**given: float | None) -> Case:
    chances = {"model_wrong": None, "reader_wrong": 0.0, "ambiguous": 0.0, **given}
    return Case("s", "grade", "study", "", (("a", "none"),), "", None, "none", 1.0, suspect="a", score=0.0,
                reason="", **chances)  # type: ignore[arg-type] # fmt: skip


def test_the_likeliest_to_be_wrong_is_named() -> None:
    assert case(model_wrong=0.9, reader_wrong=0.4, ambiguous=0.3).doubt == Doubt.MODEL
    assert case(model_wrong=0.5, reader_wrong=0.5, ambiguous=0.3).doubt == Doubt.READER
    assert case(reader_wrong=0.2, ambiguous=0.3).doubt == Doubt.CASE


# -- where the next read helps -----------------------------------------------------------------------------------


SOME = [[0, 1, NOT_READ], [0, 0, NOT_READ], [2, 2, 2], [1, NOT_READ, NOT_READ], [1, 1, 1], [0, 0, 0], [0, 0, 1],
        [2, 2, 2], [1, 1, 0]]  # fmt: skip
"""Of nine cases two are worth another read: one on which two readers differ, and one that was read once."""


@pytest.fixture
def small(store: Store) -> Store:
    """Four readers, three of whom read; studies of training and test patients; a model."""
    for reader in ("a", "b", "c", "new"):
        store.reads.add_reader(Reader(reader, reader.upper()))
    for number in range(8):
        part = Part.TRAIN if number < 7 else Part.TEST
        store.studies.add(
            Study(f"s{number}", Patient(f"hospital:{number}", f"P-{number:010}", part), "DX",
                  ingested_at="2026-03-01T08:00:00+00:00"), {},
        )  # fmt: skip
    return store


def test_the_gain_of_a_case_is_that_of_its_answers(small: Store) -> None:
    ratings = table(SOME)
    believed = believe(FORM, {("grade", ""): ratings}, {})
    found = {one.study_id: one for one in worth_reading(small, "task", believed, "", most=9)}
    known = estimate(METHOD, ratings, None)
    expected = next_reads({"grade": ratings}, {"grade": known}, 9)
    assert {s: one.gain for s, one in found.items()} == pytest.approx(
        {one.item.split()[0]: one.gain for one in expected if one.gain > 0}
    )
    assert list(found) == ["s3", "s0"]
    assert (found["s3"].reads, found["s0"].reads) == (1, 2)
    assert found["s3"].reason == next(one.reason for one in expected if one.item == "s3 study")
    assert (found["s3"].reader, found["s0"].reader) == ("c", "c")  # has read seven, the others nine and eight


def test_a_read_that_is_asked_for_already_is_not_asked_again(small: Store) -> None:
    believed = believe(FORM, {("grade", ""): table(SOME)}, {})
    before = {one.study_id for one in worth_reading(small, "task", believed, "", most=9)}
    item = BatchItem("s0", Purpose.ACQUISITION, Mode.INDEPENDENT, 0.5, "because")
    small.rounds.open("task", [item], {}, "")
    request = ReadRequest("rq", "task-r1", "task", "s0", "c", Purpose.ACQUISITION, Mode.INDEPENDENT)
    small.reads.plan([replace(request, state=RequestState.PUSHED)])
    after = {one.study_id for one in worth_reading(small, "task", believed, "", most=9)}
    assert before - after == {"s0"}  # c was the only one who had not read it
    small.reads.update_reader("c", active=False)
    (left,) = worth_reading(small, "task", believed, "", most=9)
    assert (left.study_id, left.reader) == ("s3", "b")


def predicted(study_id: str, version: str, *shares: float) -> Prediction:
    options = dict(zip(("none", "some", "much"), shares, strict=True))
    value = max(range(3), key=lambda n: shares[n])
    return Prediction("task", study_id, version, (QuestionPrediction("grade", STUDY, value, options, 0.5),))


def test_unread_cases_are_weighed_where_they_are_not_drawn_at_random(small: Store) -> None:
    manifest = save(Blobs(small.path.parent / "blobs"), "task", Trained({}, {}, ()))
    version = small.versions.add(task="task", profile="demo", manifest=manifest).version
    made = [predicted(f"s{n}", version, 0.4, 0.35, 0.25) for n in range(8)]
    small.versions.put_predictions(made)
    small.studies.update("s5", held="text at the edge")
    ratings = table([[0, 1, 0], [0, 0, 0], [2, 2, 1], [1, 1, 1]])
    believed = believe(FORM, {("grade", ""): ratings}, {p.study_id: p for p in made[:4]})
    found = worth_reading(small, "task", believed, version, most=9)
    assert {one.study_id for one in found} == {"s4", "s6"}  # s5 is held, s7 is a test patient's
    assert {one.reason for one in found} == {"not read yet; grade: the model 0.40 none, 0.35 some"}
    assert {one.reads for one in found} == {0}
    assert len({one.reader for one in found}) == 2  # the second goes to whoever has then read least


# -- outlines, and the state that something was measured of -------------------------------------------------------

SHAPE = (4, 24, 20)
"""Of a volume with 1 x 1 x 3 mm."""


def boxed(blobs: Blobs, study_id: str, reader: str, rows: slice) -> Annotation:
    """A lesion of a reader: a box through pages 1 and 2."""
    mask = np.zeros(SHAPE[1:], dtype=bool)
    mask[rows, 4:12] = True
    value = MaskValue(mask.shape, (("lesion_1", blobs.put_mask(mask)),))
    answers = (Answer("finding", STUDY, "lesion"), *(Answer("lesions", Site.page(page), value) for page in (1, 2)))
    return Annotation(f"an-{reader}-{study_id}", "adrenal_ct", study_id, reader, Mode.INDEPENDENT, answers)


@pytest.fixture
def drawn(home: Home, store: Store) -> Home:
    """Two readers who outlined a lesion of one study, eight of ten rows alike."""
    blobs = Blobs.of(home)
    pixels = blobs.put_array(np.zeros(SHAPE, dtype=np.int16))
    series = Series("ct", "s", "CT", Layout.VOLUME, SHAPE, pixels, spacing_mm=(3.0, 1.0, 1.0))
    store.studies.add(
        Study("s", Patient("hospital:1", "P-0000000001", Part.TRAIN), "CT", (series,),
              ingested_at="2026-03-01T08:00:00+00:00"), {},
    )  # fmt: skip
    for reader, rows in (("a", slice(4, 14)), ("b", slice(6, 16))):
        store.reads.add_reader(Reader(reader, reader.upper()))
        store.reads.keep(boxed(blobs, "s", reader, rows))
    return home


def test_outlines_are_measured_in_the_volume_that_was_read(drawn: Home) -> None:
    found = measure_outlines(Store.of(drawn), Blobs.of(drawn), get_task("adrenal_ct"), draws=0)
    (panel,) = found.outlines
    assert panel.figures["dice"].value == pytest.approx(2 * 8 / 20)
    assert panel.figures["volume_difference_abs_ml"].value == pytest.approx(0.0)
    assert panel.figures["hd95_mm"].value == pytest.approx(2.0)
    (detections,) = found.detections
    assert detections.agreement.figures["agreement"].value == pytest.approx(1.0)
    assert detections.agreement.matched == 1
    assert Outlined.from_dict(json.loads(json.dumps(found.as_dict()))) == found


def test_a_stamp_changes_with_reads_consensus_and_champion(drawn: Home, store: Store) -> None:
    def now() -> str:
        return stamp_of(store, "adrenal_ct").text

    stamps = [now()]
    again = boxed(Blobs.of(drawn), "s", "b", slice(4, 14))
    store.reads.keep(again)  # changed: a second revision
    stamps.append(now())
    reads = stamp_of(store, "adrenal_ct").of_reads
    store.reads.keep(again)  # the same once more
    assert now() == stamps[-1]
    store.labels.put_consensus(
        [Consensus("adrenal_ct", "s", "", "finding", STUDY, ConsensusState.AGREED, "lesion", "majority", 1.0, ())]
    )
    stamps.append(now())
    manifest = save(Blobs.of(drawn), "adrenal_ct", Trained({}, {}, ()))
    version = store.versions.add(task="adrenal_ct", profile="demo", manifest=manifest)
    assert now() == stamps[-1]
    store.versions.crown("adrenal_ct", version.version, "the first")
    stamps.append(now())
    assert len(set(stamps)) == len(stamps) == 4
    assert stamp_of(store, "adrenal_ct").of_reads == reads  # what outlines are measured of
    assert stamp_of(store, "adrenal_ct", "adrenal_ct-r1").reads == 0


def test_nobody_has_read_anything(home: Home, store: Store) -> None:
    with pytest.raises(RatingsError, match="Nobody has read"):
        measure(store, Blobs.of(home), get_task("adrenal_ct"))
    empty = measure_outlines(store, Blobs.of(home), get_task("adrenal_ct"))
    assert (empty.outlines, empty.detections) == ((), ())
