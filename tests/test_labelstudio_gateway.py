import io
import json
from collections.abc import Sequence
from dataclasses import replace

import httpx
import numpy as np
import pytest
from PIL import Image

from data.answers import Answer, Choice, Findings, Form, Grade, Mask, MaskValue, Measurement, Question, Site
from data.blobs import Blobs
from data.errors import LabelServerError
from data.records import Mode, Purpose, Reader, ReaderKind, ReadPackage, ReadRequest, RequestState
from labelstudio.client import LabelStudioClient
from labelstudio.gateway import LabelStudioGateway, PullReport
from labelstudio.scripted import ScriptedReader
from labelstudio.server import LabelStudioServer

pytestmark = pytest.mark.labelstudio

STUDY = Site()
LEFT = Site.level("L4/L5", "left")
FORM = Form(
    (
        Question("usable", "Usable?", Choice(("yes", "no"))),
        Question("stenosis", "Stenosis", Grade(("none", "mild", "severe")), sites=(STUDY, LEFT)),
        Question("findings", "Findings", Findings(("nodule", "effusion"))),
        Question("ratio", "Ratio", Measurement("%", 10, 90)),
        Question("lesions", "Lesions", Mask(("Lesion 1", "Lesion 2"))),
    )
)
SHAPES = ((48, 64),) * 3
PREFILL = (Answer("usable", STUDY, "yes"), Answer("ratio", STUDY, 50.0))
READERS = {name: Reader(name, f"Dr {name}", ReaderKind.SCRIPTED) for name in ("anna", "boris", "clara")}


@pytest.fixture(scope="module")
def blobs(label_server: LabelStudioServer) -> Blobs:
    return Blobs.of(label_server.home)


@pytest.fixture
def gateway(label_server: LabelStudioServer, blobs: Blobs) -> LabelStudioGateway:
    return LabelStudioGateway(label_server, blobs, READERS.__getitem__)


def _request(name: str, reader: str = "anna", mode: Mode = Mode.INDEPENDENT) -> ReadRequest:
    return ReadRequest(name, "round-1", "gateway_test", f"study-of-{name}", reader, Purpose.ACQUISITION, mode)


def _package(request: ReadRequest, pages: int = 3, prefill: Sequence[Answer] = ()) -> ReadPackage:
    pictures = []
    for index in range(pages):
        stream = io.BytesIO()
        Image.fromarray(np.full(SHAPES[index], 40 * index, dtype=np.uint8)).save(stream, "PNG")
        pictures.append(stream.getvalue())
    return ReadPackage(request, "P-0412", tuple(pictures), SHAPES[:pages], tuple(prefill), "v7", 0.75)


def _push(gateway: LabelStudioGateway, *packages: ReadPackage) -> list[ReadRequest]:
    return gateway.push(packages, FORM, title="Gateway test")


def _answers(blobs: Blobs) -> tuple[Answer, ...]:
    rng = np.random.default_rng(5)
    pages = []
    for index in (0, 2):
        masks = [(label, blobs.put_mask(rng.random(SHAPES[index]) < 0.2)) for label in ("Lesion 1", "Lesion 2")]
        pages.append(Answer("lesions", Site.page(index), MaskValue(SHAPES[index], tuple(masks))))
    return (
        Answer("usable", STUDY, "no"),
        Answer("stenosis", STUDY, 2),
        Answer("stenosis", LEFT, 0),
        Answer("findings", STUDY, frozenset({"effusion"})),
        Answer("ratio", STUDY, 48.37),
        *pages,
    )


def _pull(gateway: LabelStudioGateway, requests: list[ReadRequest]) -> PullReport:
    return gateway.pull(requests, FORM, lambda _study: SHAPES)


def _service(server: LabelStudioServer) -> LabelStudioClient:
    return LabelStudioClient(server.url, server.token)


def test_every_kind_of_answer_comes_back(
    label_server: LabelStudioServer, gateway: LabelStudioGateway, blobs: Blobs
) -> None:
    [request] = _push(gateway, _package(_request("kinds")))
    assert request.state is RequestState.PUSHED
    assert _pull(gateway, [request]).reads == ()
    reader = ScriptedReader(label_server, READERS["anna"], FORM, blobs)
    answers = FORM.check(_answers(blobs), complete=True)
    number = reader.answer(request, answers, lead_time_s=12.5)
    assert reader.answer(request, answers, lead_time_s=99.0) == number  # not posted twice
    report = _pull(gateway, [request])
    assert report.refused == ()
    [read] = report.reads
    assert read.answers == answers  # masks by the SHA-256 of their bits: exact to the pixel
    assert (read.request_id, read.skipped, read.lead_time_s) == ("kinds", False, 12.5)
    assert read.external_id == f"{request.external_task}:{number}"
    row = json.loads(read.raw)
    assert row["id"] == number
    assert read.raw == json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert _pull(gateway, [request]) == report


def test_one_page_and_many_pages_have_projects_of_their_own(gateway: LabelStudioGateway) -> None:
    one, many = _push(gateway, _package(_request("single"), pages=1), _package(_request("stack")))
    assert one.external_project != many.external_project


def test_the_same_push_again_makes_nothing_new(
    label_server: LabelStudioServer, gateway: LabelStudioGateway
) -> None:
    packages = [_package(_request(f"again-{index}", "boris")) for index in range(3)]
    seen: list[tuple[int, int]] = []
    first = gateway.push(
        packages[:2], FORM, title="Gateway test", progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (2, 2)
    # a kill before our own records were written: the requests come as if they had never been pushed
    second = _push(gateway, *packages)
    assert second[:2] == first
    assert len({request.external_project for request in second}) == 1
    with _service(label_server) as client:
        names = [task.data["request_id"] for task in client.tasks(first[0].external_project or 0, answers=False)]
        titles = [project.title for project in client.projects() if "boris" in project.description]
    assert sorted(name for name in names if name.startswith("again")) == ["again-0", "again-1", "again-2"]
    assert titles == ["Gateway test · Dr boris"]


def test_only_assisted_reads_carry_a_prediction(
    label_server: LabelStudioServer, gateway: LabelStudioGateway
) -> None:
    assisted, independent = _push(
        gateway,
        _package(_request("assisted", mode=Mode.ASSISTED), prefill=PREFILL),
        _package(_request("independent"), prefill=PREFILL),
    )
    with _service(label_server) as client:
        rows = [client.request("GET", f"/api/tasks/{r.external_task}/").json() for r in (assisted, independent)]
    [prediction] = rows[0]["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("v7", 0.75)
    assert [part["value"] for part in prediction["result"]] == [{"choices": ["yes"]}, {"number": 50.0}]
    assert rows[1]["predictions"] == []
    assert "v7" not in json.dumps(rows[1])


def test_nothing_but_pseudonym_request_and_pixels_leaves(
    label_server: LabelStudioServer, gateway: LabelStudioGateway
) -> None:
    [request] = _push(gateway, _package(_request("private")))
    with _service(label_server) as client:
        data = client.task(request.external_task or 0).data
    assert data.keys() == {"images", "label", "request_id"}
    assert (data["label"], data["request_id"]) == ("P-0412", "private")
    assert "study-of-private" not in json.dumps(data)
    assert len(data["images"]) == 3
    page = f"{label_server.url}{data['images'][1]}"
    assert httpx.get(page).status_code == httpx.codes.UNAUTHORIZED
    token = ScriptedReader(label_server, READERS["anna"], FORM, gateway.blobs).credentials.token
    shown = httpx.get(page, headers={"Authorization": f"Token {token}"})
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(shown.content))), np.full(SHAPES[1], 40))


def test_the_link_opens_the_task(label_server: LabelStudioServer, gateway: LabelStudioGateway) -> None:
    [request] = _push(gateway, _package(_request("linked")))
    project, task = request.external_project, request.external_task
    assert gateway.link(request) == f"{label_server.status().url}/projects/{project}/data?task={task}"
    with pytest.raises(LabelServerError, match="not on the labelling server"):
        gateway.link(_request("unknown"))


def test_a_readers_project_shows_nothing_of_another_reader(
    label_server: LabelStudioServer, gateway: LabelStudioGateway, blobs: Blobs
) -> None:
    anna, boris = _push(gateway, _package(_request("blind-a")), _package(_request("blind-b", "boris")))
    assert anna.external_project != boris.external_project
    ScriptedReader(label_server, READERS["boris"], FORM, blobs).answer(boris, _answers(blobs), lead_time_s=3)
    with _service(label_server) as client:
        tasks = list(client.tasks(anna.external_project or 0, answers=False))
        row = client.task(anna.external_task or 0)
    assert "blind-b" not in json.dumps([task.data for task in tasks])
    assert row.annotations == ()
    report = _pull(gateway, [anna, boris])
    assert [read.request_id for read in report.reads] == ["blind-b"]


def test_an_annotation_by_somebody_else_is_refused(
    label_server: LabelStudioServer, gateway: LabelStudioGateway, blobs: Blobs
) -> None:
    [request] = _push(gateway, _package(_request("foreign")))
    boris = ScriptedReader(label_server, READERS["boris"], FORM, blobs)
    number = boris.answer(request, _answers(blobs), lead_time_s=3)
    report = _pull(gateway, [request])
    assert report.reads == ()
    [refused] = report.refused
    assert (refused.request_id, refused.external_id) == ("foreign", f"{request.external_task}:{number}")
    assert f"user {boris.credentials.user_id}" in refused.message
    assert "anna" in refused.message
    # the reader who was asked is still heard
    anna = ScriptedReader(label_server, READERS["anna"], FORM, blobs)
    own = anna.answer(request, _answers(blobs), lead_time_s=3)
    report = _pull(gateway, [request])
    assert [read.external_id for read in report.reads] == [f"{request.external_task}:{own}"]
    assert len(report.refused) == 1


def test_forged_and_altered_annotations_are_refused(
    label_server: LabelStudioServer, gateway: LabelStudioGateway, blobs: Blobs
) -> None:
    forged, altered = _push(gateway, _package(_request("forged")), _package(_request("altered")))
    anna = ScriptedReader(label_server, READERS["anna"], FORM, blobs)
    number = anna.answer(altered, _answers(blobs), lead_time_s=3)
    boris = ScriptedReader(label_server, READERS["boris"], FORM, blobs).credentials
    with LabelStudioClient(label_server.url, boris.token) as client:
        body = {"result": [], "completed_by": anna.credentials.user_id}
        client.request("POST", f"/api/tasks/{forged.external_task}/annotations/", json=body)
        client.request("PATCH", f"/api/annotations/{number}/", json={"result": []})
    report = _pull(gateway, [forged, altered])
    assert report.reads == ()
    assert {refused.request_id for refused in report.refused} == {"forged", "altered"}
    assert all(f"changed by user {boris.user_id}" in refused.message for refused in report.refused)


def test_values_out_of_the_form_are_refused_and_named(
    label_server: LabelStudioServer, gateway: LabelStudioGateway, blobs: Blobs
) -> None:
    requests = _push(
        gateway, _package(_request("out-1")), _package(_request("out-2")), _package(_request("out-3"))
    )
    token = ScriptedReader(label_server, READERS["anna"], FORM, blobs).credentials.token
    control = {"id": "x", "to_name": "image", "type": "choices"}
    results = [
        [{**control, "from_name": "usable", "value": {"choices": ["perhaps"]}}],
        [{**control, "from_name": "diagnosis", "value": {"choices": ["yes"]}}],
        [],
    ]
    with LabelStudioClient(label_server.url, token) as client:
        for request, result in zip(requests, results, strict=True):
            client.annotate(request.external_task or 0, result, lead_time_s=1)
    report = _pull(gateway, requests)
    assert report.reads == ()
    for refused, named in zip(report.refused, ("perhaps", "diagnosis", "usable"), strict=True):
        assert named in refused.message


def test_a_skipped_read_has_no_answers(
    label_server: LabelStudioServer, gateway: LabelStudioGateway, blobs: Blobs
) -> None:
    [request] = _push(gateway, _package(_request("skipped", "clara")))
    clara = ScriptedReader(label_server, READERS["clara"], FORM, blobs)
    number = clara.skip(request, lead_time_s=2.0)
    assert clara.skip(request) == number
    [read] = _pull(gateway, [request]).reads
    assert (read.skipped, read.answers, read.lead_time_s) == (True, (), 2.0)
    with LabelStudioClient(label_server.url, clara.credentials.token) as client:  # the stream's own button
        [streamed] = _push(gateway, _package(_request("streamed", "clara")))
        client.annotate(streamed.external_task or 0, [], lead_time_s=3.0, skipped=True)
    [read] = _pull(gateway, [streamed]).reads
    assert (read.skipped, read.answers, read.remark) == (True, (), "")


def test_the_newest_annotation_of_a_reader_counts(
    label_server: LabelStudioServer, gateway: LabelStudioGateway, blobs: Blobs
) -> None:
    [request] = _push(gateway, _package(_request("newest", "clara")))
    clara = ScriptedReader(label_server, READERS["clara"], FORM, blobs)
    answers = _answers(blobs)
    first = clara.answer(request, answers, lead_time_s=1)
    with LabelStudioClient(label_server.url, clara.credentials.token) as client:
        row = client.request("GET", f"/api/annotations/{first}/").json()
        second = client.annotate(request.external_task or 0, row["result"], lead_time_s=2)
        [read] = _pull(gateway, [request]).reads
        assert read.external_id.endswith(f":{second}")
        changed = [part for part in row["result"] if part["from_name"] != "lesions"]
        client.request("PATCH", f"/api/annotations/{first}/", json={"result": changed})
    [read] = _pull(gateway, [request]).reads
    assert read.external_id.endswith(f":{first}")
    assert {answer.question for answer in read.answers} == {"usable", "stenosis", "findings", "ratio"}


def test_what_nobody_answered_is_withdrawn(
    label_server: LabelStudioServer, gateway: LabelStudioGateway, blobs: Blobs
) -> None:
    kept, gone = _push(gateway, _package(_request("kept", "clara")), _package(_request("gone", "clara")))
    ScriptedReader(label_server, READERS["clara"], FORM, blobs).skip(kept)
    pages = sorted(path.name for path in label_server.files.glob("*/gone-*.png"))
    assert pages == ["gone-0.png", "gone-1.png", "gone-2.png"]
    expected = [replace(gone, state=RequestState.WITHDRAWN)]
    assert gateway.withdraw([kept, gone]) == expected
    assert gateway.withdraw([kept, gone]) == expected  # once more finds it gone
    assert list(label_server.files.glob("*/gone-*.png")) == []
    report = _pull(gateway, [kept, gone])
    assert [read.request_id for read in report.reads] == ["kept"]
    [refused] = report.refused
    assert refused.request_id == "gone"
    assert "gone from the labelling server" in refused.message
