"""The best scale and shift, against numpy's and scikit-learn's own fits."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression

from vb_perception.metrics.depth import DepthPairs, depth_pairs, pair_scores
from vb_perception.metrics.depth_alignment import affine_aligned, affine_aligned_inverse, median_aligned, shape_scores


def _pairs() -> DepthPairs:
    rng = np.random.default_rng(3)
    g: NDArray[np.float32] = rng.uniform(0.5, 8, (40, 50)).astype(np.float32)
    return depth_pairs((0.4 * g + 1.3 + rng.normal(0, 0.05, g.shape)).astype(np.float32), g)


def test_affine_alignment_is_the_least_squares_fit() -> None:
    pairs = _pairs()
    column = pairs.prediction_m[:, None].astype(float)
    fitted = LinearRegression().fit(column, pairs.truth_m).predict(column)
    np.testing.assert_allclose(affine_aligned(pairs).prediction_m, fitted, rtol=1e-4)


def test_affine_alignment_undoes_scale_and_shift() -> None:
    pairs = _pairs()
    skewed = pairs._replace(prediction_m=7 * pairs.truth_m + 2)
    assert pair_scores(affine_aligned(skewed))["abs_rel"] == pytest.approx(0, abs=1e-5)


def test_median_alignment_brings_the_medians_together_and_undoes_scale() -> None:
    pairs = _pairs()
    assert np.median(median_aligned(pairs).prediction_m) == pytest.approx(np.median(pairs.truth_m), rel=1e-6)
    scaled = pairs._replace(prediction_m=3 * pairs.truth_m)
    assert pair_scores(median_aligned(scaled))["abs_rel"] == pytest.approx(0, abs=1e-6)


def test_a_constant_prediction_becomes_the_mean() -> None:
    pairs = _pairs()
    flat = affine_aligned(pairs._replace(prediction_m=np.full_like(pairs.truth_m, 2.5)))
    np.testing.assert_allclose(flat.prediction_m, pairs.truth_m.mean(), rtol=1e-5)


def test_what_falls_behind_the_camera_is_set_before_it() -> None:
    g = np.array([0.01, 5, 5, 5], np.float32)
    aligned = affine_aligned(DepthPairs(np.array([1, 3, 2.9, 2], np.float32), g, 1.0))
    assert aligned.prediction_m.min() >= 1e-3


@pytest.mark.parametrize("align", [median_aligned, affine_aligned, affine_aligned_inverse])
def test_nothing_to_align(align: object) -> None:
    empty = depth_pairs(np.full((2, 2), np.nan, np.float32), np.ones((2, 2), np.float32))
    assert callable(align)
    assert align(empty).coverage == 0
    assert not align(empty).prediction_m.size


def test_disparity_up_to_scale_and_shift_is_aligned_in_disparity() -> None:
    pairs = _pairs()
    disparity = 3 / pairs.truth_m + 0.7
    aligned = affine_aligned_inverse(pairs._replace(prediction_m=np.reciprocal(disparity)))
    np.testing.assert_allclose(aligned.prediction_m, pairs.truth_m, rtol=1e-3)


def test_disparity_of_zero_and_below_is_aligned_like_any_other() -> None:
    pairs = _pairs()
    pairs.truth_m[0] = 4
    disparity = 1 / pairs.truth_m - np.float32(0.25)
    assert disparity.min() < 0
    with np.errstate(divide="ignore"):
        aligned = affine_aligned_inverse(pairs._replace(prediction_m=np.reciprocal(disparity)))
    np.testing.assert_allclose(aligned.prediction_m, pairs.truth_m, rtol=1e-3)


def test_the_figures_of_shape_are_those_of_depth() -> None:
    whole, shape = pair_scores(_pairs()), shape_scores(_pairs())
    assert shape == pytest.approx({name: whole[name] for name in shape}, rel=1e-5)
    empty = depth_pairs(np.full((2, 2), np.nan, np.float32), np.ones((2, 2), np.float32))
    assert np.isnan(list(shape_scores(empty).values())).all()
