"""Angles against scipy's rotations, figures by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from sklearn.metrics import mean_absolute_error, median_absolute_error, root_mean_squared_error

from vb_perception.errors import ConfigError
from vb_perception.metrics.normals import angles_deg, normal_scores


def _turned(angle_deg: NDArray[np.float64], seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Unit vectors (N, 3), and each turned by its angle about a random axis across it."""
    rng = np.random.default_rng(seed)
    n = rng.normal(size=(angle_deg.size, 3))
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    axis = np.cross(n, rng.normal(size=n.shape))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    turned = Rotation.from_rotvec(axis * np.radians(angle_deg)[:, None]).apply(n)
    return n.astype(np.float32), turned.astype(np.float32)


def test_angles_are_those_that_scipy_turned_by() -> None:
    angle = np.linspace(0, 180, 2000)
    n, turned = _turned(angle)
    np.testing.assert_allclose(angles_deg(turned, n), angle, atol=2e-4)  # also near 0 and 180, where arccos fails
    np.testing.assert_allclose(angles_deg(turned * 7, n * np.float32(0.2)), angle, atol=2e-4)


def test_figures_agree_with_scikit_learn() -> None:
    angle = np.random.default_rng(1).gamma(2, 10, 3001)
    n, turned = _turned(np.minimum(angle, 180))
    scores = normal_scores(turned.reshape(1, -1, 3), n.reshape(1, -1, 3))
    zero = np.zeros_like(angle)
    assert scores["mean_deg"] == pytest.approx(mean_absolute_error(zero, np.minimum(angle, 180)), abs=1e-4)
    assert scores["median_deg"] == pytest.approx(median_absolute_error(zero, angle), abs=1e-3)
    assert scores["rmse_deg"] == pytest.approx(root_mean_squared_error(zero, np.minimum(angle, 180)), rel=1e-5)
    for name, limit in (("share_5", 5), ("share_11_25", 11.25), ("share_22_5", 22.5), ("share_30", 30)):
        assert scores[name] == pytest.approx((angle < limit).mean(), abs=1e-3)
    assert scores["coverage"] == 1


def test_unknown_truth_does_not_count_and_an_unknown_prediction_lowers_coverage() -> None:
    n, turned = _turned(np.full(100, 20.0))
    n, turned = n.reshape(10, 10, 3), turned.reshape(10, 10, 3)
    n[0, :3], n[0, 3:5], n[0, 5:] = np.nan, 0, np.inf
    turned[1, :2], turned[1, 2:5], turned[1, 5:] = np.nan, 0, np.inf
    valid = np.ones((10, 10), bool)
    valid[9] = False
    turned[9] = -n[9]
    scores = normal_scores(turned, n, valid)
    assert scores["coverage"] == pytest.approx(70 / 80)
    assert scores["mean_deg"] == pytest.approx(20, abs=1e-3)
    assert (scores["share_11_25"], scores["share_22_5"]) == (0, 1)


def test_nothing_to_count_is_nan_not_zero() -> None:
    n, _ = _turned(np.zeros(6))
    n = n.reshape(2, 3, 3)
    unknown = np.full_like(n, np.nan)
    assert np.isnan(list(normal_scores(n, unknown).values())).all()
    blind = normal_scores(unknown, n)
    assert blind.pop("coverage") == 0
    assert np.isnan(list(blind.values())).all()


def test_shapes_that_do_not_fit_are_refused() -> None:
    n = np.ones((4, 5, 3), np.float32)
    with pytest.raises(ConfigError, match=r"\(4, 5\), expected \(H, W, 3\)"):
        normal_scores(n, n[..., 0])
    with pytest.raises(ConfigError, match="prediction has shape"):
        normal_scores(n[:3], n)
    with pytest.raises(ConfigError, match="valid has shape"):
        normal_scores(n, n, np.ones((4, 5, 3), bool))
