"""A gain counts only where it is more than two seeds of one run differ by."""

import pytest
from larger import KINDS, table, told


@pytest.mark.parametrize(
    ("figure", "large", "verdict"),
    [
        ("abs_rel", 0.11, "0.110 better"),
        ("abs_rel", 0.19, "0.190 within the seeds"),
        ("abs_rel", 0.31, "0.310 worse"),
        ("miou", 0.31, "0.310 better"),
        ("miou", 0.11, "0.110 worse"),
    ],
)
def test_the_verdict_knows_which_way_is_better_and_what_chance_does(figure: str, large: float, verdict: str) -> None:
    values = {"small": [0.2, 0.22], "large": [large], "taught": [0.2, 0.24]}
    assert told("large", figure, ".3f", values) == verdict
    assert told("small", figure, ".3f", values) == "0.210 (0.020)"


def test_a_figure_without_truth_has_no_row() -> None:
    of = dict.fromkeys(("abs_rel", "delta1", "normals_deg", "overlap_f", "boundary_f"), 0.5) | {"miou": float("nan")}
    rows = table({run: {"a set": of} for run in [f"{kind}-1" for kind in KINDS] + ["small-2"]})
    assert [row.split(" |")[0] for row in rows[2:]] == [f"| a set, {figure}" for figure in list(of)[:-1]]
    assert all("within the seeds" in row for row in rows[2:])
