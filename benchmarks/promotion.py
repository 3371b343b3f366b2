"""How often a version that is no better is promoted, and how often one that is better.

    python -m benchmarks.promotion [--pairs 1000] [--out FOLDER] [--json]

Versions are simulated by the binormal model: patients have a score in common, which makes cases hard or easy for
both, and each version adds its own; sex, age and manufacturer are drawn apart. What is judged goes through
:func:`active_learning.promotion.judge`, as in the product.

- ``false_promotions``: of so many tasks of ten successive rounds, each with a candidate that is exactly as good as
  the champion, the share with one promotion or more. The guarded metrics and the subgroups are left out here: they
  can only hold back. ``at_95_each_round`` is the same had each round been held to a 95% interval, and
  ``percentile`` the same with percentile intervals at the levels of the looks, over a quarter of the tasks.
- ``power``: the share of pairs in which a candidate that is better by ``effect`` is promoted at the first look,
  with the guarded metrics (sensitivity and specificity, 0.05) and all subgroups; ``power_by_look`` at later ones.
  The curve is over other effects, with a quarter of the pairs each; ``--out`` keeps it as a table and a plot.
- ``subgroup_held_back``: of candidates that are better on the whole, but much worse on the images of one
  manufacturer (a third of the patients), and would have been promoted without the subgroups, the share that is
  not.

It takes about six minutes of processor time, on two cores.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from active_learning.looks import look_after
from active_learning.promotion import Judgement, Trial, judge
from active_learning.promotion_evidence import Draws, Pair
from models.bootstrap import BoolArray, FloatArray, replicates, subtracted
from models.config import Promotion
from models.metrics import Measure, auc, mean

ROUNDS, PATIENTS, NULL_PATIENTS, POSITIVE = 10, 600, 300, 0.4
CHAMPION_AUC, EFFECT, COMMON = 0.80, 0.05, 0.7
"""The champion's AUC, the stated gain, and the correlation of both versions' scores of a patient."""
WORSE_BY = 0.10
"""What the candidate loses on one manufacturer's images, in AUC."""
EFFECTS = (0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08)
RULES = Promotion(effect=EFFECT)
SHARES = {"sex": {"F": 0.5, "M": 0.5}, "age": {"under 40": 0.25, "40 to 59": 0.35, "60 and over": 0.4},
          "manufacturer": {"A": 1 / 3, "B": 1 / 3, "C": 1 / 3}}  # fmt: skip
LATER = (1, 2, 3, 5, 10)
PROCESSES = 2
Result = TypeVar("Result")


@dataclass(frozen=True)
class Drawn:
    """Patients and what is the same for every version: which are positive, how hard each is, their subgroups."""

    positive: BoolArray
    common: FloatArray
    groups: Mapping[str, NDArray[np.str_]]
    patients: tuple[str, ...]

    @classmethod
    def of(cls, n: int, rng: np.random.Generator) -> Drawn:
        """``n`` patients."""
        positive = rng.permutation(np.arange(n) < round(POSITIVE * n))
        groups = {
            kind: rng.choice(list(shares), size=n, p=list(shares.values())) for kind, shares in SHARES.items()
        }
        return cls(positive, rng.normal(size=n), groups, tuple(f"p{i:04d}" for i in range(n)))

    def scores(self, area: FloatArray | float, rng: np.random.Generator) -> FloatArray:
        """(patients,) scores of a version with an AUC, of each patient's kind where there are several."""
        shift = np.sqrt(2) * norm.ppf(area)
        own = rng.normal(size=len(self.common))
        scores: FloatArray = (
            shift * (self.positive - 0.5) + np.sqrt(COMMON) * self.common + np.sqrt(1 - COMMON) * own
        )
        return scores


def primary(drawn: Drawn, champion: FloatArray, candidate: FloatArray) -> Pair:
    """The AUC of both."""
    sides = [auc(scores, drawn.positive, drawn.patients) for scores in (champion, candidate)]
    assert sides[0] is not None and sides[1] is not None  # noqa: PT018 - both classes are there
    return Pair("case.auc", sides[0], sides[1])


def trial(drawn: Drawn, champion: FloatArray, candidate: FloatArray) -> Trial:
    """The AUC, sensitivity and specificity as guarded metrics, and the AUC in every subgroup."""
    pair, guarded = primary(drawn, champion, candidate), []
    for name, where in (("sensitivity", drawn.positive), ("specificity", ~drawn.positive)):
        sides = [_right(drawn, scores, where) for scores in (champion, candidate)]
        guarded.append((f"case.{name}", Pair(f"case.{name}", sides[0], sides[1]), 0.05, ""))
    owners = np.array(drawn.patients)
    groups = tuple(
        (kind, value, pair.within(frozenset(owners[drawn.groups[kind] == value])))
        for kind, shares in SHARES.items()
        for value in shares
    )
    return Trial(pair, tuple(guarded), groups)


def _right(drawn: Drawn, scores: FloatArray, where: BoolArray) -> Measure:
    measure = mean(((scores > 0) == drawn.positive).astype(np.float64), drawn.patients, where)
    assert measure is not None
    return measure


def of_equals(seed: int, *, percentile: bool) -> tuple[list[bool], list[bool], list[bool]]:
    """Ten rounds of candidates that are no better: promoted at the looks' levels, at 95% each, by percentiles."""
    rng = np.random.default_rng([1, seed])
    drawn = Drawn.of(NULL_PATIENTS, rng)
    champion = drawn.scores(CHAMPION_AUC, rng)
    by_look, plain, by_rank = [], [], []
    for number in range(1, ROUNDS + 1):
        pair = primary(drawn, champion, drawn.scores(CHAMPION_AUC, rng))
        look, draws = look_after((False,) * (number - 1), RULES.false_promotions), Draws(seed=number)
        found = judge(Trial(pair), RULES, look, draws=draws)
        by_look.append(found.better)
        low = found.difference.at(0.95).low
        plain.append(low is not None and low > 0)
        if percentile:
            both = subtracted(pair.candidate.statistic, pair.champion.statistic, len(drawn.patients))
            values = replicates(both, pair.patients, draws.resamples, draws.seed, required=pair.required)
            by_rank.append(bool(np.quantile(values, look.alpha) > 0))
    return by_look, plain, by_rank


def of_better(seed: int, *, effect: float, worse: float = 0.0) -> Judgement:
    """One pair: a candidate that is better by so much and, if asked, worse on one manufacturer's images."""
    rng = np.random.default_rng([2, seed])
    drawn = Drawn.of(PATIENTS, rng)
    area = np.full(PATIENTS, CHAMPION_AUC + effect)
    if worse:
        area[:] = CHAMPION_AUC + 2 * effect
        area[drawn.groups["manufacturer"] == "B"] = CHAMPION_AUC - worse
    made = trial(drawn, drawn.scores(CHAMPION_AUC, rng), drawn.scores(area, rng))
    return judge(made, RULES, look_after((), RULES.false_promotions), draws=Draws(seed=seed))


def passed(found: Judgement, look: int) -> bool:
    """Whether a judgement would have been a promotion at a later look, nothing passed before."""
    low = found.difference.at(look_after((False,) * (look - 1), RULES.false_promotions).level).low
    return low is not None and low > 0 and not any(c.holds_back for c in (*found.guarded, *found.subgroups))


def main() -> None:
    """Run the simulations."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=1000, help="tasks of ten rounds, and pairs")
    parser.add_argument("--out", type=Path, help="a folder for the power curve, as CSV and HTML")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    options = parser.parse_args()
    began, quarter = time.perf_counter(), max(1, options.pairs // 4)
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        run = partial(_spread, pool)
        equals = run("equal candidates", partial(of_equals, percentile=False), range(quarter, options.pairs))
        ranked = run("equal candidates, with percentiles", partial(of_equals, percentile=True), range(quarter))
        better = run("better candidates", partial(of_better, effect=EFFECT), range(options.pairs))
        curve = {
            effect: run(f"effect {effect}", partial(of_better, effect=effect), range(10_000, 10_000 + quarter))
            for effect in EFFECTS
        }
        mixed = run("worse in a subgroup", partial(of_better, effect=EFFECT, worse=WORSE_BY), range(quarter))
    equals += ranked
    otherwise = [f for f in mixed if f.difference.low is not None and f.difference.low > 0
                 and not any(c.holds_back for c in f.guarded)]  # fmt: skip
    points = {effect: _share([f.better for f in found]) for effect, found in curve.items()}
    result = {
        "false_promotions": _share([any(e[0]) for e in equals]),
        "at_95_each_round": _share([any(e[1]) for e in equals]),
        "percentile": _share([any(e[2]) for e in ranked]),
        "tasks": options.pairs,
        "rounds": ROUNDS,
        "patients_of_a_task": NULL_PATIENTS,
        "levels": [round(look_after((False,) * k, RULES.false_promotions).level, 5) for k in range(ROUNDS)],
        "power": _share([f.better for f in better]),
        "effect": EFFECT,
        "patients": PATIENTS,
        "pairs": options.pairs,
        "power_by_look": {str(k): _share([passed(f, k) for f in better]) for k in LATER},
        "power_curve": {str(effect): share for effect, share in points.items()},
        "subgroup_held_back": _share([not f.better for f in otherwise]),
        "subgroup_pairs": len(otherwise),
        "verdicts_of_subgroup_pairs": {v: sum(f.verdict == v for f in otherwise) for v in
                                       sorted({f.verdict for f in otherwise})},
        "seconds": round(time.perf_counter() - began, 1),
    }  # fmt: skip
    if options.out is not None:
        _written(options.out, points)
    print(json.dumps(result) if options.json else "\n".join(f"{key}: {value}" for key, value in result.items()))


def _spread(
    pool: ProcessPoolExecutor, said: str, work: Callable[[int], Result], seeds: Sequence[int]
) -> list[Result]:
    began = time.perf_counter()
    found = list(pool.map(work, seeds, chunksize=max(1, len(seeds) // (8 * PROCESSES))))
    print(f"{said}: {len(found)} in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return found


def _share(flags: Sequence[bool]) -> float | None:
    return round(sum(flags) / len(flags), 4) if flags else None


def _written(folder: Path, points: dict[float, float | None]) -> None:
    """The power curve as a table and a plot."""
    import plotly.graph_objects as go

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "power.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(["gain in AUC", "promoted", "test patients"])
        table.writerows([effect, share, PATIENTS] for effect, share in points.items())
    figure = go.Figure(go.Scatter(x=list(points), y=list(points.values()), mode="lines+markers"))
    figure.add_hline(y=0.8, line={"dash": "dot"})
    figure.update_layout(
        template="plotly_white",
        title=f"How often a better version is promoted at the first look, {PATIENTS} test patients",
        xaxis_title=f"gain in AUC over {CHAMPION_AUC}",
        yaxis={"title": "promoted", "range": [0, 1]},
    )
    figure.write_html(folder / "power.html", include_plotlyjs=True)


if __name__ == "__main__":
    main()
