import math

from accuracy_goals import GOALS, Goal, goal_table

from vb_perception.evaluation.paired import PairedDifference


def test_verdicts_say_by_how_much() -> None:
    low, high = Goal("s", "f", "l", ".3f", at_most=0.04), Goal("s", "f", "l", ".3f", at_least=0.6)
    assert low.verdict(0.04) == high.verdict(0.6) == "reached"
    assert low.verdict(0.058) == "missed by 0.018 (45%)"
    assert high.verdict(0.45) == "missed by 0.150 (25%)"
    assert (low.bound, high.bound) == ("<= 0.040", ">= 0.600")
    assert Goal("s", "f", "l", ".3f").verdict(1.0) == ""


def test_the_table_shows_models_side_by_side_and_what_is_missing() -> None:
    goals = (Goal("s", "f", "error", ".2f", at_most=0.5), Goal("t", "f", "other", ".2f", at_most=0.5))
    spread = {"mean": 0.4, "sd": 0.1, "q1": 0.3, "median": 0.4, "q3": 0.5, "frames": 7}
    table = goal_table({"s": {"f": {"mean": 0.9}}}, {"a": {"s": {"f": spread}}, "b": {}}, goals=goals).splitlines()
    assert table[0] == "| set (frames) | figure | no image | a | verdict | b | verdict | goal |"
    assert table[2] == "| s (7) | error | 0.90 | 0.40 ± 0.10 [0.30, 0.50] | reached |  | not measured | <= 0.50 |"
    assert "not measured" in table[3]
    assert all(row.count("|") == table[0].count("|") for row in table)


def test_a_difference_that_chance_does_not_explain_is_bold() -> None:
    goals = (Goal("s", "f", "error", ".2f"), Goal("s", "g", "other", ".2f"), Goal("s", "h", "third", ".2f"))
    changes = {"f": PairedDifference(-0.1, -0.2, -0.05, 9), "g": PairedDifference(0.1, -0.2, 0.4, 9)}
    rows = goal_table({}, {"a": {}, "b": {}}, {"s": changes}, goals).splitlines()
    assert rows[2].endswith("|  | **-0.10** [-0.20, -0.05] |")
    assert rows[3].endswith("|  | +0.10 [-0.20, +0.40] |")
    few = goal_table({}, {"a": {}, "b": {}}, {"s": {"f": PairedDifference(0.1, math.nan, math.nan, 3)}}, goals)
    assert few.splitlines()[2].endswith("|  | +0.10 (too few frames) |")
    assert all(row.count("|") == rows[0].count("|") for row in rows)


def test_every_figure_stands_in_the_table_once() -> None:
    assert len({(goal.set, goal.figure) for goal in GOALS}) == len(GOALS)
