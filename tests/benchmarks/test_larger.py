"""A gain counts only where chance does not explain it, by what two seeds of one run differ in that figure."""

import math

import numpy as np
import pytest
from chance import margins, word
from larger import KINDS, table, told
from scipy.stats import t

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


def test_the_margin_is_that_of_a_pair_in_one_figure_whatever_the_unit() -> None:
    first = {"a": {"abs_rel": 0.11, "normals_deg": 30.0}, "b": {"abs_rel": 9.0, "normals_deg": math.nan}}
    second = {"a": {"abs_rel": 0.09, "normals_deg": 30.0}, "b": {"abs_rel": 11.0, "normals_deg": math.nan}}
    assert margins([[first, second]]) == pytest.approx({"abs_rel": 0.2 * t.ppf(0.995, 2), "normals_deg": 0.0})


def test_where_nothing_changed_hardly_anything_is_called_better_or_worse() -> None:
    rng = np.random.default_rng(0)
    sets, sizes = [f"set {i}" for i in range(4)], dict(zip(FIGURES, (0.001, 0.01, 0.02, 0.05, 0.1, 0.15), strict=True))
    words = []
    for _ in range(200):
        one, two, three = ({s: {f: rng.normal(1, sizes[f]) for f in FIGURES} for s in sets} for _ in range(3))
        chance = margins([[one, two]])
        words += [word(f, three[s][f], (one[s][f] + two[s][f]) / 2, chance[f]) for s in sets for f in FIGURES]
    assert words.count("within chance") > 0.985 * len(words)


def test_what_is_steady_shows_a_small_gain() -> None:
    one, two = ({s: {"normals_deg": 30 + off * i, "miou": 0.5 + off} for i, s in enumerate("abcd")} for off in (0, 0.1))
    assert word("normals_deg", 29.0, 30.0, margins([[one, two]])["normals_deg"]) == "better"
    assert word("miou", 0.52, 0.5, margins([[one, two]])["miou"]) == "within chance"
