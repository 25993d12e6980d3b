"""Flicker: the camera's motion and a constant error do not count, trembling does."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import ConfigError
from vb_perception.metrics.flicker import label_flips, static_flicker, warped_flicker

CAMERA = CameraIntrinsics.from_fov(64, 48, 60)
Depth = NDArray[np.float32]


def _wall(distance_m: float) -> Depth:
    return np.full((48, 64), distance_m, np.float32)


def _nearer(by_m: float) -> NDArray[np.float64]:
    """Points of the earlier camera as the later one has them, after it went `by_m` forward."""
    pose = np.eye(4)
    pose[2, 3] = -by_m
    return pose


def test_perfect_answers_of_a_moving_camera_do_not_flicker() -> None:
    truth = _wall(3.0), _wall(2.5)
    assert warped_flicker(truth, truth, CAMERA, _nearer(0.5)) == pytest.approx(0, abs=1e-7)


def test_a_constant_error_does_not_flicker_and_a_changing_one_does() -> None:
    truth = _wall(3.0), _wall(2.5)
    too_far = truth[0] * np.float32(1.2), truth[1] * np.float32(1.2)
    assert warped_flicker(too_far, truth, CAMERA, _nearer(0.5)) == pytest.approx(0, abs=1e-6)
    trembling = truth[0], truth[1] * np.float32(1.1)
    assert warped_flicker(trembling, truth, CAMERA, _nearer(0.5)) == pytest.approx(np.log(1.1), rel=1e-4)


def test_points_that_were_hidden_do_not_count() -> None:
    truth = _wall(3.0), _wall(3.0)
    truth[0][:, :32] = 1.0  # something stood there
    answers = truth[0].copy(), truth[1].copy()
    answers[1][:, :32] *= 2
    assert warped_flicker(answers, truth, CAMERA, np.eye(4)) == pytest.approx(0, abs=1e-7)
    assert np.isnan(warped_flicker(answers, (_wall(1.0), _wall(3.0)), CAMERA, np.eye(4)))
    assert np.isnan(warped_flicker(answers, (_wall(np.nan), _wall(np.nan)), CAMERA, np.eye(4)))


def test_turned_away_sees_nothing_twice() -> None:
    behind = np.diag([-1.0, 1.0, -1.0, 1.0])
    assert np.isnan(warped_flicker((_wall(2), _wall(2)), (_wall(2), _wall(2)), CAMERA, behind))


def test_static_flicker_is_the_spread_over_time() -> None:
    rng = np.random.default_rng(0)
    frames = np.exp(rng.normal(0.5, 0.03, (40, 48, 64)))
    pairs = [static_flicker(a, b) for a, b in itertools.pairwise(frames)]
    expected = np.log(frames).std(axis=0, ddof=1).mean()  # numpy's own, over all frames at once
    assert np.mean(pairs) == pytest.approx(expected, rel=0.02)
    assert static_flicker(frames[0], frames[0]) == 0
    assert np.isnan(static_flicker(_wall(np.nan), _wall(1)))


def test_labels_that_flip() -> None:
    a = np.zeros((4, 4), np.uint16)
    b = a.copy()
    b[0] = 1
    assert label_flips(a, b) == 0.25
    with pytest.raises(ConfigError, match="shape"):
        label_flips(a, b[:2])
