from pathlib import Path

import cv2
import numpy as np
import pytest
from accuracy_goals import OSD, Goal
from scaling import draw, line, read, record

GOAL = Goal(OSD, "abs_rel", "depth AbsRel", ".3f", at_most=0.04)


def figures(mean: float) -> dict[str, dict[str, dict[str, float]]]:
    return {OSD: {"abs_rel": {"mean": mean, "sd": 0.03, "frames": 9}}}


def test_points_of_a_run_come_in_the_order_of_images(tmp_path: Path) -> None:
    path = tmp_path / "scaling.json"
    for name, seen, mean in (("long@20k", 20_000, 0.1), ("long@3k", 3_000, 0.2), ("other", 5_000, 0.3)):
        record(name, seen, figures(mean), path)
    record("long@20k again", 20_000, figures(0.05), path)
    runs = read(path)
    assert set(runs) == {"long", "other"}
    images, means, errors = line(runs["long"], GOAL)
    assert images == [3_000, 20_000]
    assert means == [0.2, 0.05]
    assert errors == pytest.approx([0.01, 0.01])


def test_a_figure_that_was_not_measured_has_no_points() -> None:
    assert line({"10": {}}, GOAL) == ([], [], [])


def test_the_picture_is_written(tmp_path: Path) -> None:
    draw({"a": {"10": figures(0.1), "100": figures(0.05)}}, tmp_path / "s.png", [(OSD, "abs_rel")])
    assert np.asarray(cv2.imread(str(tmp_path / "s.png"))).std() > 5
