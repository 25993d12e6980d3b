"""A power law that is known must be found again, and what does not fall is out of sight."""

import math
from typing import Any

import pytest
from accuracy_goals import OSD, Goal
from learning_curve import SIGHT, Curve, _check_same_frames, _count, curve_of

AT_MOST = Goal(OSD, "abs_rel", "depth AbsRel", ".3f", at_most=0.04)
AT_LEAST = Goal(OSD, "overlap_f", "objects, overlap F", ".3f", at_least=0.9)
IMAGES = (1000, 3000, 10_000, 40_000)


def measured(figure: str, values: list[float]) -> list[tuple[int, dict[str, Any]]]:
    return [
        (n, {"models": {"default": {"sets": {OSD: {figure: {"mean": v}}}}}})
        for n, v in zip(IMAGES, values, strict=True)
    ]


def test_the_power_of_an_error_is_found_and_followed_to_the_goal() -> None:
    curve = curve_of(AT_MOST, measured("abs_rel", [n**-0.25 for n in IMAGES]))
    assert curve.power == pytest.approx(0.25)
    assert curve.standard_error == pytest.approx(0, abs=1e-9)
    assert curve.images_for(0.04, curve.power) == pytest.approx(0.04**-4)


def test_what_should_grow_is_followed_by_what_it_lacks() -> None:
    curve = curve_of(AT_LEAST, measured("overlap_f", [1 - n**-0.1 for n in IMAGES]))
    assert curve.power == pytest.approx(0.1)
    assert curve.images_for(0.1, curve.power) == pytest.approx(1e10)


def test_what_does_not_fall_is_out_of_sight() -> None:
    curve = curve_of(AT_MOST, measured("abs_rel", [0.1, 0.1, 0.11, 0.12]))
    assert math.isinf(curve.images_for(0.04, curve.power))
    assert _count(math.inf) == _count(SIGHT * 2) == "out of sight"
    assert _count(1_234_567) == "1,200,000"


def test_other_frames_are_refused() -> None:
    with pytest.raises(SystemExit, match="expected one value"):
        _check_same_frames([{"no image": {OSD: {"abs_rel": {"mean": m}}}} for m in (0.09, 0.1)])


def test_of_few_models_the_margin_is_that_of_students_t() -> None:
    assert Curve(AT_MOST, IMAGES, (1.0,) * 4, 0.1, 0.01).margin == pytest.approx(4.303 * 0.01, rel=1e-3)
