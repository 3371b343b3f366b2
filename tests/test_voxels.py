"""What feeds the viewer: slabs, masks and heat maps by signed addresses equal numpy's; nobody else gets them."""

from __future__ import annotations

import gzip
import os
import string
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from data.blobs import Blobs
from data.deletion import delete_patient
from data.errors import GeometryError
from data.home import Home
from data.records import Layout, Series, Study
from data.splits import patient
from data.store import Store
from workbench.serve import create_api
from workbench.viewer import kept_slabs
from workbench.viewer.kept_slabs import KeptSlabs
from workbench.viewer.routes import takes_gzip
from workbench.viewer.slabs import SLAB_BYTES, dtype_of, full_window, layout, shape_of, slab
from workbench.viewer.tickets import HOUR_S, PREFIX, HeatMap, Masks, Tickets, Voxels

DRAWS = np.random.default_rng(3)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").prepare()


@pytest.fixture
def blobs(home: Home) -> Blobs:
    return Blobs.of(home)


@pytest.fixture
def client(home: Home) -> Iterator[TestClient]:
    with TestClient(create_api(home)) as client:
        yield client


def volume(*shape: int) -> NDArray[np.int16]:
    return DRAWS.integers(-1024, 3000, shape).astype(np.int16)


def test_every_slab_is_what_numpy_has(home: Home, blobs: Blobs, client: TestClient) -> None:
    array = volume(21, 30, 26)
    named = Voxels(blobs.put_array(array), image=False)
    address = Tickets.of(home).address(named)
    slabs = layout(blobs, named)
    assert slabs == ((0, 8), (8, 8), (16, 5))
    for number, (first, count) in enumerate(slabs):
        answer = client.get(f"{address}/{number}")
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["cache-control"] == f"private, max-age={HOUR_S}"
        assert answer.content == array[first : first + count].tobytes()
    plain = client.get(f"{address}/2", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == array[16:].tobytes()


@pytest.mark.parametrize(
    ("array", "sent"),
    [
        (volume(3, 4, 5).astype(">i2"), "int16"),
        (volume(3, 4, 5).astype(np.float64) / 7, "float32"),
        (DRAWS.random((3, 4, 5)) > 0.5, "uint8"),
        (volume(3, 4, 5).astype(np.int64) * 400, "int32"),
        (volume(3, 4, 5).astype(np.int64) * 2**40, "float32"),
        (DRAWS.integers(0, 2**32, (3, 4, 5), dtype=np.uint32) | np.uint32(2**31), "float32"),
        (np.arange(60, dtype=np.int8).reshape(3, 4, 5), "int16"),
        (np.asfortranarray(volume(3, 4, 5)), "int16"),
    ],
)
def test_odd_types_become_those_of_the_canvas(blobs: Blobs, array: NDArray[Any], sent: str) -> None:
    named = Voxels(blobs.put_array(array), image=False)
    assert dtype_of(blobs, named) == sent
    assert slab(blobs, named, 0) == np.ascontiguousarray(array.astype(f"<{np.dtype(sent).str[1:]}")).tobytes()


def test_colours_and_single_images(blobs: Blobs) -> None:
    frames = DRAWS.integers(0, 256, (9, 6, 7, 3)).astype(np.uint8)
    named = Voxels(blobs.put_array(frames), image=False)
    assert (dtype_of(blobs, named), shape_of(blobs, named)) == ("rgb", (9, 6, 7))
    assert slab(blobs, named, 1) == frames[8:].tobytes()
    picture = DRAWS.integers(0, 4096, (40, 30)).astype(np.uint16)
    one = Voxels(blobs.put_array(picture), image=True)
    assert (shape_of(blobs, one), layout(blobs, one)) == ((1, 40, 30), ((0, 1),))
    assert slab(blobs, one, 0) == picture.tobytes()
    with pytest.raises(GeometryError, match="0 to 0"):
        slab(blobs, one, 1)
    low, high = np.percentile(picture, (0.5, 99.5))
    centre, width = full_window(blobs, one)
    assert (centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2) == pytest.approx((low, high))
    assert full_window(blobs, named) == (128.0, 256.0)


def test_large_slices_come_in_smaller_slabs(blobs: Blobs) -> None:
    named = Voxels(blobs.put_array(np.zeros((5, 2048, 1100), dtype=np.uint16)), image=False)
    assert layout(blobs, named) == ((0, 1), (1, 1), (2, 1), (3, 1), (4, 1))
    assert SLAB_BYTES // (2048 * 1100 * 2) == 1


def test_masks_come_bit_by_bit_and_heat_maps_byte_by_byte(home: Home, blobs: Blobs, client: TestClient) -> None:
    masks = DRAWS.random((3, 11, 13)) > 0.7
    named = Masks(tuple(blobs.put_mask(mask) for mask in masks), (11, 13))
    answer = client.get(Tickets.of(home).address(named))
    assert answer.content == b"".join(np.packbits(mask.reshape(-1)).tobytes() for mask in masks)
    assert len(answer.content) == 3 * 18
    heat = DRAWS.integers(0, 256, (7, 9)).astype(np.uint8)
    answer = client.get(Tickets.of(home).address(HeatMap(blobs.put_array(heat))))
    assert answer.content == heat.tobytes()
    small = Masks(named.blobs, (11, 20))
    assert client.get(Tickets.of(home).address(small)).status_code == 410


def test_no_character_of_an_address_can_be_another(home: Home, blobs: Blobs, client: TestClient) -> None:
    address = Tickets.of(home).address(Voxels(blobs.put_array(volume(2, 3, 3)), image=False))
    ticket = address.removeprefix(f"{PREFIX}/")
    assert client.get(f"{address}/0").status_code == 200
    letters = string.ascii_letters + string.digits + "-_"
    for place, letter in enumerate(ticket):
        for other in (letters[(letters.index(letter) + step) % 64] for step in (1, 2, 4, 8, 16, 32)):
            refused = client.get(f"{PREFIX}/{ticket[:place]}{other}{ticket[place + 1 :]}/0")
            assert refused.status_code == 403
            assert set(refused.json()) == {"error", "given", "expected", "do"}
    for wrong in (ticket[:-1], ticket + "A", ticket + "=", "x", "ä" * 48):
        assert client.get(f"{PREFIX}/{wrong}/0").status_code == 403


def test_an_address_says_nothing_of_what_it_names(home: Home, blobs: Blobs) -> None:
    blob = blobs.put_array(volume(2, 3, 3))
    address = Tickets.of(home).address(Voxels(blob, image=False))
    assert blob[:8] not in address
    assert len(address) == len(PREFIX) + 1 + 48


def test_another_home_s_address_is_refused(home: Home, tmp_path: Path, client: TestClient) -> None:
    other = Home(tmp_path / "other").prepare()
    named = Voxels(Blobs.of(home).put_array(volume(2, 3, 3)), image=False)
    Blobs.of(other).put_array(volume(2, 3, 3))
    assert client.get(f"{Tickets.of(other).address(named)}/0").status_code == 403
    assert client.get(f"{Tickets.of(home).address(named)}/0").status_code == 200
    assert (home.secrets / "viewer").stat().st_mode & 0o777 == 0o600


def test_an_address_holds_for_twelve_hours_and_stays_the_same_within_one(home: Home, client: TestClient) -> None:
    named = Voxels(Blobs.of(home).put_array(volume(2, 3, 3)), image=False)
    tickets, now = Tickets.of(home), float(int(time.time() // HOUR_S) * HOUR_S)
    assert tickets.address(named, now_s=now) == tickets.address(named, now_s=now + HOUR_S - 1)
    assert tickets.address(named, now_s=now) != tickets.address(named, now_s=now + HOUR_S)
    ticket = tickets.address(named, now_s=now).removeprefix(f"{PREFIX}/")
    assert tickets.named(ticket, now_s=now + 13 * HOUR_S - 1) == named
    gone = client.get(f"{tickets.address(named, now_s=now - 13 * HOUR_S)}/0")
    assert (gone.status_code, gone.json()["do"]) == (410, "reload the page")
    assert client.get(f"{tickets.address(named, now_s=now - 12 * HOUR_S)}/0").status_code == 200


def test_an_address_that_the_process_forgot_says_reload(home: Home, client: TestClient) -> None:
    named = Voxels(Blobs.of(home).put_array(volume(2, 3, 3)), image=False)
    unknown = Tickets(Tickets.of(home).key).address(named)  # as another process would sign it
    answer = client.get(f"{unknown}/0")
    assert (answer.status_code, answer.json()["do"]) == (410, "reload the page")


def test_what_is_not_there_is_said(home: Home, blobs: Blobs, client: TestClient) -> None:
    named = Voxels(blobs.put_array(volume(9, 3, 3)), image=False)
    address = Tickets.of(home).address(named)
    assert client.get(f"{address}/2").status_code == 422
    assert client.get(f"{address}/-1").status_code == 422
    assert client.get(f"{address}/one").status_code == 422
    assert client.get(address).status_code == 404
    heat = Tickets.of(home).address(HeatMap(named.blob))
    assert client.get(f"{heat}/0").status_code == 404
    assert client.get(f"{address}/0").status_code == 200
    blobs.remove(named.blob)
    assert client.get(f"{address}/0").status_code == 410


def test_a_slab_is_compressed_once(home: Home, blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, named = KeptSlabs(home), Voxels(blobs.put_array(volume(9, 8, 8)), image=False)
    first = kept.get(named, 0)
    monkeypatch.setattr(kept_slabs, "slab", lambda *_: pytest.fail("compressed anew"))
    assert kept.get(named, 0) == first
    path = kept.path(named.blob, 0, 8)
    assert gzip.decompress(path.read_bytes()) == gzip.decompress(first)


def test_a_slab_that_was_cut_short_is_made_anew(home: Home, blobs: Blobs) -> None:
    kept, named = KeptSlabs(home), Voxels(blobs.put_array(volume(9, 8, 8)), image=False)
    first = kept.get(named, 0)
    path = kept.path(named.blob, 0, 8)
    for damaged in (b"", bytes(len(first)), first[:10]):
        path.write_bytes(damaged)
        assert kept.get(named, 0) == first


def test_the_least_recently_used_go_first(home: Home, blobs: Blobs) -> None:
    kept = KeptSlabs(home, limit_bytes=100_000)
    named = [Voxels(blobs.put_array(volume(8, 40, 40)), image=False) for _ in range(8)]
    for at, one in enumerate(named):
        kept.get(one, 0)
        stamp = time.time() - 5000 + at
        os.utime(kept.path(one.blob, 0, 8), (stamp, stamp))
        kept.get(named[0], 0)  # in use all the time
    there = [kept.path(one.blob, 0, 8).exists() for one in named]
    assert there[0]
    assert there[-1]
    assert not there[1]
    assert sum(path.stat().st_size for path in home.viewer.glob("*/*/*")) <= 100_000


def test_a_full_disk_hinders_nothing(home: Home, blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    array = volume(9, 8, 8)
    kept, named = KeptSlabs(home), Voxels(blobs.put_array(array), image=False)
    monkeypatch.setattr(kept_slabs.tempfile, "mkstemp", full)
    assert gzip.decompress(kept.get(named, 1)) == array[8:].tobytes()
    assert not list(home.viewer.glob("*/*/*"))


def test_a_deleted_study_takes_its_slabs_along(home: Home, blobs: Blobs, client: TestClient) -> None:
    store = Store.of(home)
    named = Voxels(blobs.put_array(volume(9, 8, 8)), image=False)
    series = Series("series", "study", "CT", Layout.VOLUME, (9, 8, 8), named.blob, (1.0, 1.0, 1.0))
    person = patient(home.secret("key"), "a:1")
    store.studies.add(Study("study", person, "CT", (series,)), {})
    address = Tickets.of(home).address(named)
    client.get(f"{address}/0")
    assert KeptSlabs(home).path(named.blob, 0, 8).exists()
    delete_patient(store, blobs, store.cards.of_patient(person.patient_id).card_id)
    assert client.get(f"{address}/0").status_code == 410
    assert not list(home.viewer.glob("*/*/*"))


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [("gzip, deflate, br", True), ("", False), ("identity", False), ("br, gzip;q=0", False), ("*", True),
     ("*;q=0.5, gzip;q=0", False), ("GZIP;q=0.1", True), ("gzip;q=x", False)],
)  # fmt: skip
def test_what_a_client_takes(accepted: str, taken: bool) -> None:
    assert takes_gzip(accepted) is taken


def test_a_part_of_a_volume_alone_is_read(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    named = Voxels(blobs.put_array(volume(64, 128, 128)), image=False)
    asked: list[int] = []
    whole = np.ascontiguousarray

    def watched(part: NDArray[Any], **more: Any) -> NDArray[Any]:
        asked.append(part.nbytes)
        return whole(part, **more)

    monkeypatch.setattr("workbench.viewer.slabs.np.ascontiguousarray", watched)
    slab(blobs, named, 3)
    assert asked == [8 * 128 * 128 * 2]
