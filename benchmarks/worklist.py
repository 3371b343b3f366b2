"""The worklist over a million studies: milliseconds of a page by what is asked, beside a query over the records.

``python -m benchmarks.worklist [--studies 1000000] [--home FOLDER] [--json]``

The studies are made up: rows of a database without pixels. ``ratio`` is the time of the plain query (filter, sort
and count over the records, as a worklist without kept rows would do it) over ours, medians of the same kind.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from data.home import Home
from data.records import Part
from data.store import Store
from workbench.worklist import neighbours, ready, worklist
from workbench.worklist_filter import PAGE_SIZE, Filter, Sort, Standing

TASK, VERSION, MODALITIES = "cxr_quality", "cxr_quality-v1", frozenset({"DX"})
DESCRIPTIONS = ("Chest PA and lateral", "Chest portable", "Thorax AP supine", "Ribs", "Chest follow-up")
VIEWS = 1000
"""Page views over which memory is watched."""


def build(home: Home, count: int) -> Store:
    """A home with so many studies, predictions for most, reads, requests and labels for some."""
    store = Store.of(home)
    if store.studies.count() == count:
        return store
    draw = random.Random(0)  # noqa: S311 - no secret
    with store.write() as db:
        db.execute("INSERT INTO versions VALUES (?, ?, 1, 'tiny', '', '', '', '')", [VERSION, TASK])
        db.execute("INSERT INTO readers (reader_id, name, kind, role) VALUES ('r', 'R', 'person', 'reader')")
        db.execute(
            """INSERT INTO rounds (round_id, task, number, state, plan, champion, candidate, outcome, opened_at,
            updated_at) VALUES ('round', ?, 1, 'pushed', '{}', '', '', '{}', '', '')""", [TASK],
        )  # fmt: skip
        parts = [p.value for p in Part]
        db.conn.executemany(
            "INSERT INTO patients VALUES (?, ?, ?)",
            ((f"x:{n}", f"P-{n * 2654435761 % 2**32:08X}{n:07d}", draw.choices(parts, (70, 10, 10, 10))[0])
             for n in range(count)),
        )  # fmt: skip
        db.conn.executemany(
            "INSERT INTO studies VALUES (?, ?, 'DX', ?, '', NULL, '', ?, ?, 0, ?)",
            (_study(draw, n) for n in range(count)),
        )
        db.conn.executemany(
            "INSERT INTO predictions VALUES (?, ?, ?, ?, ?, '', '[]')",
            ((TASK, f"study-{n:08x}", VERSION, _results(draw), draw.random()) for n in range(count) if n % 10),
        )
        db.conn.executemany(
            "INSERT INTO reference_labels VALUES (?, ?, 'projection', 'study', '\"frontal\"', '')",
            ((TASK, f"study-{n:08x}") for n in range(0, count, 12)),
        )
        db.conn.executemany(
            """INSERT INTO requests (request_id, round_id, task, study_id, reader_id, purpose, mode, state)
            VALUES (?, 'round', ?, ?, 'r', 'acquisition', 'independent', 'pushed')""",
            ((f"rq-{n}", TASK, f"study-{n:08x}") for n in range(5, count, 400)),
        )
    return store


def _study(draw: random.Random, n: int) -> tuple[str, ...]:
    view = draw.choices(("PA", "AP", "LL"), (60, 25, 15))[0]
    held = "burnt-in text" if draw.random() < 0.001 else ""
    came_in = f"2026-{1 + n % 12:02d}-{1 + n % 28:02d}T{n % 24:02d}:00:00.{n % 1000000:06d}"
    return (f"study-{n:08x}", f"x:{n}", view, draw.choice(DESCRIPTIONS), held, came_in)


def _results(draw: random.Random) -> str:
    said = {"projection": draw.choices(("frontal", "lateral"), (85, 15))[0],
            "borders_frontal": draw.choices(("complete", "cut_off"), (93, 7))[0],
            "rotation": draw.choices(("straight", "rotated"), (80, 20))[0]}  # fmt: skip
    return json.dumps([
        {"question": name, "site": "study", "value": value, "probabilities": {value: 0.9}, "uncertainty": 0.3}
        for name, value in said.items()
    ])  # fmt: skip


def requests(draw: random.Random, pages: int) -> Iterator[tuple[str, Filter]]:
    """Requests as people make them, each with its kind, evenly over the kinds."""
    sorts, views = [s.value for s in Sort], ("PA", "AP", "LL")
    while True:
        sort = draw.choice(sorts)
        yield "first page", Filter(sort=sort)
        yield "any page", Filter(sort=sort, page=draw.randint(1, pages))
        yield "last page", Filter(sort=sort, page=pages)
        yield "one filter", Filter(sort=sort, view=draw.choice(views), page=draw.choice((1, 2, 500)))
        yield "any page of a filter", Filter(sort=sort, view=draw.choice(views), page=draw.randint(1, pages))
        yield "two filters", Filter(sort=sort, view=draw.choice(views), part=draw.choice([p.value for p in Part]))
        yield "state", Filter(sort=sort, standing=draw.choice([s.value for s in Standing]))
        yield (
            "model's answer",
            Filter(sort=sort, answer=draw.choice(("projection=lateral", "borders_frontal=cut_off"))),
        )
        yield "held", Filter(sort=sort, held=True)
        number = draw.randrange(pages * PAGE_SIZE)
        yield "search of a patient", Filter(sort=sort, text=f"{number:07d}")
        yield "search of a word", Filter(sort=sort, text=draw.choice(("portable", "supine", "chest")))
        yield "search and filter", Filter(sort=sort, text="portable", view=draw.choice(views))
        first = date(2026, 1, 1) + timedelta(days=draw.randrange(330))
        days: dict[str, Any] = {
            "since": first.isoformat(),
            "until": (first + timedelta(days=draw.choice((0, 6, 30)))).isoformat(),
        }
        yield "days", Filter(sort=sort, **days, page=draw.choice((1, 2, 200)))
        yield "from a day on", Filter(sort=sort, since=days["since"], page=draw.choice((1, 2, 200)))
        yield "any page of a range", Filter(sort=sort, since=days["since"], page=draw.randint(1, pages))
        doubt = draw.choice((0.5, 0.8, 0.95, 0.99))
        yield "uncertainty", Filter(sort=sort, doubt=doubt, page=draw.choice((1, 2, 200)))
        yield "days and uncertainty", Filter(sort=sort, **days, doubt=doubt)
        yield (
            "days and uncertainty, deep",
            Filter(sort=sort, since=days["since"], doubt=0.5, page=draw.randint(1, 2000)),
        )
        yield "days, uncertainty, filter", Filter(sort=sort, **days, doubt=doubt, view=draw.choice(views))
        yield "days and a word", Filter(sort=sort, **days, text=draw.choice(("portable", "supine")))


def plain(store: Store, filtered: Filter) -> None:
    """The same page and count by a query over the records alone."""
    clauses = ["1"]
    values: dict[str, Any] = {"task": TASK, "version": VERSION, "text": filtered.text.lower(), "limit": PAGE_SIZE}
    values["offset"] = (filtered.page - 1) * PAGE_SIZE
    for name in ("part", "view", "standing"):
        if wanted := getattr(filtered, name):
            clauses.append(f"{name} = :{name}")
            values[name] = wanted
    clauses += ["held <> ''"] if filtered.held else []
    for name, bound in (("since", "ingested_at >= :since"), ("until", "substr(ingested_at, 1, 10) <= :until"),
                        ("doubt", "uncertainty >= :doubt")):  # fmt: skip
        if wanted := getattr(filtered, name):
            clauses.append(bound)
            values[name] = wanted
    clauses += (
        ["instr(lower(pseudonym || ' ' || study_id || ' ' || view || ' ' || description), :text) > 0"]
        if filtered.text
        else []
    )
    if filtered.answer:
        values["question"], values["answer"] = filtered.answer.split("=")
        clauses.append(
            """EXISTS (SELECT 1 FROM json_each(results) one WHERE json_extract(one.value, '$.question') = :question
            AND CAST(json_extract(one.value, '$.value') AS TEXT) = :answer)"""
        )
    order = {"newest first": "ingested_at DESC", "oldest first": "ingested_at", "pseudonym": "pseudonym",
             "uncertain first": "uncertainty IS NULL, uncertainty DESC",
             "certain first": "uncertainty IS NULL, uncertainty"}[filtered.sort]  # fmt: skip
    listed = """WITH listed AS (SELECT s.*, p.pseudonym, p.part, r.results, r.uncertainty, CASE
        WHEN EXISTS (SELECT 1 FROM requests q WHERE q.study_id = s.study_id AND q.task = :task
            AND q.state IN ('planned', 'pushed')) THEN 'in round'
        WHEN EXISTS (SELECT 1 FROM consensus c WHERE c.study_id = s.study_id AND c.task = :task
            AND c.value IS NOT NULL) THEN 'reference'
        WHEN EXISTS (SELECT 1 FROM reference_labels l WHERE l.study_id = s.study_id AND l.task = :task)
            THEN 'reference'
        WHEN EXISTS (SELECT 1 FROM annotations a WHERE a.study_id = s.study_id AND a.task = :task) THEN 'read'
        ELSE 'pool' END AS standing
        FROM studies s JOIN patients p USING (patient_id)
        LEFT JOIN predictions r ON r.study_id = s.study_id AND r.version = :version)"""
    where = " AND ".join(clauses)
    counted = f"{listed} SELECT count(*) FROM listed WHERE {where}"  # noqa: S608
    page = f"{listed} SELECT * FROM listed WHERE {where} ORDER BY {order} LIMIT :limit OFFSET :offset"  # noqa: S608
    for sql in (counted, page):
        store.db.execute(sql, values).fetchall()


def _ms(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def measure(store: Store, count: int, *, rounds: int = 40, of_plain: int = 1) -> dict[str, Any]:
    """Milliseconds by kind of request, ours and plain, and memory over :data:`VIEWS` page views."""
    draw, pages = random.Random(1), max(1, count // PAGE_SIZE)  # noqa: S311
    ours: dict[str, list[float]] = {}
    others: dict[str, list[float]] = {}
    made = requests(draw, pages)
    kinds = 20

    def look(filtered: Filter) -> object:
        return worklist(store, TASK, VERSION, filtered, modalities=MODALITIES)

    for _ in range(kinds * rounds):
        kind, filtered = next(made)
        ours.setdefault(kind, []).append(_ms(lambda f=filtered: look(f)))  # type: ignore[misc]
        rows = worklist(store, TASK, VERSION, filtered, modalities=MODALITIES).rows
        if rows:
            beside = [lambda f=filtered, s=rows[0].study_id: neighbours(store, TASK, VERSION, f, s,
                                                                        modalities=MODALITIES)]  # fmt: skip
            ours.setdefault("previous and next", []).append(_ms(beside[0]))
    for _ in range(kinds * of_plain):
        kind, filtered = next(made)
        others.setdefault(kind, []).append(_ms(lambda f=filtered: plain(store, f)))  # type: ignore[misc]
    gc.collect()
    before = _resident_mb()
    for _ in range(VIEWS):
        look(next(made)[1])
    gc.collect()
    every = [one for kind in ours.values() for one in kind]
    return {
        "studies": count,
        "p50_ms": round(float(np.percentile(every, 50)), 2),
        "p95_ms": round(float(np.percentile(every, 95)), 2),
        "p99_ms": round(float(np.percentile(every, 99)), 2),
        "load": round(os.getloadavg()[0], 1),
        "memory_before_mb": round(before, 1),
        "memory_after_mb": round(_resident_mb(), 1),
        "page_views": VIEWS,
        "kinds": {
            kind: {
                "p50_ms": round(float(np.percentile(times, 50)), 2),
                "p95_ms": round(float(np.percentile(times, 95)), 2),
                **(
                    {"ratio": round(float(np.median(others[kind]) / np.median(times)), 1)}
                    if kind in others
                    else {}
                ),
            }
            for kind, times in ours.items()
        },
    }


def _resident_mb() -> float:
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


@contextmanager
def _folder(named: str) -> Iterator[Path]:
    if named:
        yield Path(named)
    else:
        with tempfile.TemporaryDirectory() as made:
            yield Path(made)


def main() -> None:
    """Build, bring the rows up to date, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=1_000_000)
    parser.add_argument("--home", default="", help="keeps the home there, so that a second run is quick")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with _folder(asked.home) as folder:
        start = time.perf_counter()
        store = build(Home(folder).prepare(), asked.studies)
        built = time.perf_counter() - start
        start = time.perf_counter()
        ready(store, TASK, VERSION, MODALITIES)
        while store.worklists.refresh(TASK, limit_s=5):
            print(".", end="", file=sys.stderr, flush=True)
        found = {**measure(store, asked.studies), "built_s": round(built, 1),
                 "rows_brought_up_s": round(time.perf_counter() - start, 1)}  # fmt: skip
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    said = ", ".join(f"{name} {found[f'{name}_ms']} ms" for name in ("p50", "p95", "p99"))
    print(f"\n{found['studies']:,} studies: {said}; load of the machine {found['load']}")
    print(f"memory {found['memory_before_mb']} MB before, {found['memory_after_mb']} MB after {VIEWS} page views")
    for kind, row in found["kinds"].items():
        print(f"  {kind:25} p50 {row['p50_ms']:8} ms   p95 {row['p95_ms']:8} ms   ratio {row.get('ratio', '-')}")


if __name__ == "__main__":
    main()
