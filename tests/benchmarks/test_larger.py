"""A gain counts only where chance does not explain it, by what two seeds of one run differ in all figures together."""

import math

import numpy as np
import pytest
from chance import spread, word
from larger import KINDS, table, told

FIGURES = ("abs_rel", "delta1", "normals_deg", "overlap_f", "boundary_f", "miou")


@pytest.mark.parametrize(
    ("figure", "large", "verdict"),
    [
        ("abs_rel", 0.11, "0.110 better"),
        ("abs_rel", 0.19, "0.190 within chance"),
        ("abs_rel", 0.31, "0.310 worse"),
        ("miou", 0.31, "0.310 better"),
        ("miou", 0.11, "0.110 worse"),
    ],
)
def test_the_verdict_knows_which_way_is_better_and_what_chance_does(figure: str, large: float, verdict: str) -> None:
    values = {"small": [0.2, 0.22], "large": [large], "taught": [0.2, 0.24]}
    assert told("large", figure, ".3f", values, 0.1) == verdict
    assert told("small", figure, ".3f", values, 0.1) == "0.210 (0.020)"


def test_a_figure_without_truth_has_no_row() -> None:
    of = dict.fromkeys(FIGURES[:-1], 0.5) | {"miou": float("nan")}
    rows = table({run: {"a set": of} for run in [f"{kind}-1" for kind in KINDS] + ["small-2"]}, {"a set": "some"})
    assert [row.split(" |")[0] for row in rows[2:-2]] == [f"| some, {figure}" for figure in FIGURES[:-1]]
    assert all("within chance" in row for row in rows[2:-2])


def test_the_spread_is_that_of_a_pair_whatever_the_unit() -> None:
    first, second = {"a": {"abs_rel": 0.11, "normals_deg": 30.0}}, {"a": {"abs_rel": 0.09, "normals_deg": 30.0}}
    assert spread(first, second) == pytest.approx(0.2 / math.sqrt(2))
    second["a"]["normals_deg"] = math.nan
    assert spread(first, second) == pytest.approx(0.2)


def test_where_nothing_changed_hardly_anything_is_called_better_or_worse() -> None:
    rng = np.random.default_rng(0)
    sets = [f"set {i}" for i in range(4)]
    words = []
    for _ in range(200):
        one, two, three = ({s: {f: rng.normal(1, 0.05) for f in FIGURES} for s in sets} for _ in range(3))
        chance = spread(one, two)
        words += [word(f, three[s][f], (one[s][f] + two[s][f]) / 2, chance) for s in sets for f in FIGURES]
    assert words.count("within chance") > 0.99 * len(words)
