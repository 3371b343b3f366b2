import pytest

from data.deletion import delete_patient
from data.errors import ConflictError
from data.records import BatchItem, JobState, Mode, Purpose, Reader, ReadRequest, RoundKind, RoundState
from tests.reading_home import TASK, reading


@pytest.fixture
def made(home):
    found = reading(home, None, count=2)
    found.store.reads.add_reader(Reader("a", "A"))
    return found


def card_of(made, study):
    return made.store.cards.of_patient(study.patient.patient_id).card_id


def test_a_hidden_second_read_holds_its_study_like_the_batch_does(made):
    first, second = made.studies
    made.store.rounds.open(TASK, [BatchItem(first.study_id, Purpose.ACQUISITION, Mode.INDEPENDENT, 0, "")], {}, "")
    hidden = ReadRequest("rq", f"{TASK}-r1", TASK, second.study_id, "a", Purpose.REREAD, Mode.INDEPENDENT)
    made.store.reads.plan([hidden])
    with pytest.raises(ConflictError, match=f"{TASK}-r1 is opened"):
        delete_patient(made.store, made.loop.blobs, card_of(made, second))
    made.store.rounds.move(f"{TASK}-r1", RoundState.CANCELLED, expected=[RoundState.OPENED])
    gone = delete_patient(made.store, made.loop.blobs, card_of(made, second))
    assert (gone.studies, gone.requests) == ((second.study_id,), ("rq",))


def test_a_qualification_that_is_closed_holds_nothing(made):
    study = made.studies[0]
    item = BatchItem(study.study_id, Purpose.QUALIFICATION, Mode.INDEPENDENT, 0, "")
    current = made.store.rounds.open(TASK, [item], {}, "", kind=RoundKind.QUALIFICATION)
    with pytest.raises(ConflictError, match="opened"):
        delete_patient(made.store, made.loop.blobs, card_of(made, study))
    made.store.rounds.move(current.round_id, RoundState.CLOSED, expected=[RoundState.OPENED])
    assert delete_patient(made.store, made.loop.blobs, card_of(made, study)).studies == (study.study_id,)


def test_what_was_measured_of_the_readers_goes_as_well(made):
    study, store, blobs = made.studies[0], made.store, made.loop.blobs
    kept = blobs.put(f'{{"cases": ["{study.study_id}"]}}'.encode())
    job = store.jobs.add("consensus.measure", {"task": TASK})
    store.jobs.lease(job.job_id, "test", seconds=5)
    store.jobs.finish(job.job_id, "test", {"overview": kept})
    assert store.jobs.get(job.job_id).state == JobState.DONE
    delete_patient(store, blobs, card_of(made, study))
    assert [j.kind for j in store.jobs.all()] == []
    assert not blobs.path(kept).exists()
