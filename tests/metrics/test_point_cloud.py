"""Cloud figures against scikit-learn's nearest neighbours."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from vb_perception.errors import ConfigError
from vb_perception.metrics.point_cloud import cloud_scores


def test_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    g = rng.uniform(-1, 1, (400, 3))
    p = g[:300] + rng.normal(0, 0.04, (300, 3))
    from_p = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(g).kneighbors(p)[0][:, 0]
    from_g = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(p).kneighbors(g)[0][:, 0]
    precision, recall = np.mean(from_p < 0.05), np.mean(from_g < 0.05)
    scores = cloud_scores(p, g)
    assert scores["chamfer_m"] == pytest.approx((from_p.mean() + from_g.mean()) / 2)
    assert scores["f_5cm"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert 0.1 < scores["f_5cm"] < 0.9


def test_points_that_are_nowhere_do_not_count() -> None:
    g = np.random.default_rng(1).uniform(0, 1, (50, 3))
    holes = np.vstack([g, np.full((9, 3), np.nan)])
    assert cloud_scores(holes, holes) == {"chamfer_m": 0, "f_5cm": 1}


def test_far_away_and_nothing() -> None:
    g = np.zeros((5, 3))
    assert cloud_scores(g + 1, g) == pytest.approx({"chamfer_m": np.sqrt(3), "f_5cm": 0})
    assert np.isnan(list(cloud_scores(g, g * np.nan).values())).all()
    blind = cloud_scores(g * np.nan, g, within_m=0.1)
    assert np.isnan(blind["chamfer_m"])
    assert blind["f_10cm"] == 0


def test_one_point_at_infinity_is_not_all_that_is_told() -> None:
    g = np.random.default_rng(1).uniform(0, 1, (100, 3))
    p = g.copy()
    p[0] = 1e7
    assert cloud_scores(p, g)["chamfer_m"] == pytest.approx(10 / 100 / 2, abs=0.01)


def test_an_image_of_points_is_refused() -> None:
    with pytest.raises(ConfigError, match="reshape"):
        cloud_scores(np.zeros((4, 5, 3)), np.zeros((4, 5, 3)))
