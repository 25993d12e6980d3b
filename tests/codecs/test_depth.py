import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vb_perception.codecs.depth import LAST, WALK, DepthCodec, inverse_power_transform, power_transform
from vb_perception.errors import ConfigError, FrameError

# Subnormal numbers hold too few digits for a relative bound.
UP_TO_100 = st.floats(0, 100, allow_subnormal=False)
LAMBDAS = st.one_of(
    st.floats(-50, 50),
    st.sampled_from([-math.inf, math.inf, -1.0, 1.0, -0.5, 0.5, 0.0, -3.0, 3.0, 1e-300, -1e-300, 1e300, -1e300]),
)
X = np.array([0.0, 1e-9, 0.01, 0.3, 0.9, 2.5, 40.0])


def log_uniform_m(count: int, low_m: float = 0.3, high_m: float = 80.0) -> NDArray[np.float32]:
    logs = np.random.default_rng(0).uniform(math.log(low_m), math.log(high_m), (1, count))
    return np.exp(logs).astype(np.float32)


@pytest.mark.parametrize(
    ("lam", "expected"),
    [
        (-math.inf, 1 - np.exp(-X)),
        (-1, np.log1p(X)),
        (-0.5, np.sqrt(1 + 2 * X) - 1),
        (0, X),
        (0.5, X + X**2 / 2),
        (1, np.expm1(X)),
        # the paper's depth curve before it is rescaled to [0, 1)
        (-3, 1.5 * (1 - (1 + X / 3) ** -2)),
    ],
)
def test_power_transform_has_the_special_cases_of_the_paper(lam: float, expected: NDArray[np.float64]) -> None:
    np.testing.assert_allclose(power_transform(X, lam), expected, rtol=1e-12, atol=1e-15)


def test_power_transform_at_plus_infinity_is_the_logarithm_up_to_its_pole() -> None:
    x = np.array([0.0, 0.5, 0.999, 1.0, 7.0])
    np.testing.assert_allclose(power_transform(x, math.inf), [0, math.log(2), -math.log(0.001), math.inf, math.inf])


@pytest.mark.parametrize("lam", [-math.inf, -1.0, -0.5, 0.0, 0.5, 1.0, math.inf])
@pytest.mark.parametrize("side", [-1, 1])
def test_power_transform_is_continuous_in_lambda_at_the_special_cases(lam: float, side: int) -> None:
    beside = lam + side * 1e-9 if math.isfinite(lam) else math.copysign(1e9, lam)
    x = X[X < 0.95]
    np.testing.assert_allclose(power_transform(x, beside), power_transform(x, lam), rtol=1e-6)


@given(lam=LAMBDAS, x=UP_TO_100)
def test_power_transform_is_undone_by_the_opposite_lambda(lam: float, x: float) -> None:
    y, further = power_transform([x, x * (1 + 1e-6) + 1e-9], lam)
    if np.isfinite(further) and 1e-6 < (further - y) / (x * 1e-6 + 1e-9) < 1e6:  # elsewhere float64 has lost x
        np.testing.assert_allclose(inverse_power_transform(y, lam), x, rtol=1e-6, atol=1e-9)


@given(lam=LAMBDAS, other=LAMBDAS, x=UP_TO_100, more=UP_TO_100)
def test_power_transform_rises_with_x_and_with_lambda(lam: float, other: float, x: float, more: float) -> None:
    here = power_transform(x, lam)
    assert power_transform(x + more, lam) >= here
    low, high = sorted((lam, other))
    assert power_transform(x, low) <= power_transform(x, high) * (1 + 1e-12)


@given(lam=LAMBDAS)
def test_power_transform_starts_at_zero_with_slope_one(lam: float) -> None:
    assert power_transform(0.0, lam) == 0
    np.testing.assert_allclose(power_transform(1e-8, lam), 1e-8, rtol=1e-6)


def test_power_transform_refuses_negative_values_and_a_nan_lambda() -> None:
    with pytest.raises(ConfigError, match=r"-0\.5.*above"):
        power_transform([1.0, -0.5], -3)
    with pytest.raises(ConfigError, match="NaN"):
        power_transform(1.0, math.nan)
    assert math.isnan(float(power_transform(math.nan, -3)))


@given(lam=st.floats(-40, -1.01), scale_m=st.floats(0.1, 20), depth_m=st.floats(0, 500))
def test_curve_is_equation_1_for_any_lambda_and_scale(lam: float, scale_m: float, depth_m: float) -> None:
    expected = 1 - (1 - depth_m / (lam * scale_m)) ** (lam + 1)
    assert float(DepthCodec(lam, scale_m).curve(depth_m)) == pytest.approx(expected, abs=1e-12)


def test_curve_gives_the_depths_printed_in_figure_5_of_the_paper() -> None:
    printed_m = [
        0,
        0.2,
        0.5,
        0.8,
        1.1,
        1.5,
        1.8,
        2.2,
        2.7,
        3.2,
        3.8,
        4.5,
        5.3,
        6.2,
        7.3,
        8.7,
        10,
        13,
        16,
        22,
        36,
        np.inf,
    ]
    depth_m = DepthCodec().inverse_curve(np.arange(22) / 21)
    assert [float(f"{d:.1f}") if d < 10 else round(d) if np.isfinite(d) else d for d in depth_m] == printed_m


def test_curve_and_its_inverse_meet_at_the_ends() -> None:
    for codec in (DepthCodec(), DepthCodec(lam=-1.7, scale_m=0.9), DepthCodec(lam=-math.inf)):
        assert codec.curve([0.0, math.inf]).tolist() == [0, 1]
        assert codec.inverse_curve([0.0, 1.0]).tolist() == [0, math.inf]
        assert np.isnan(codec.inverse_curve(math.nan))


def test_walk_visits_every_corner_along_seven_edges_from_black_to_white() -> None:
    assert len({tuple(corner) for corner in WALK.tolist()}) == 8
    assert np.abs(np.diff(WALK.astype(int), axis=0)).sum(axis=1).tolist() == [1] * 7
    corners_m = DepthCodec().inverse_curve(np.arange(8) / 7).reshape(1, 8)
    assert (DepthCodec().encode(corners_m)[0] == WALK * 255).all()


def test_round_trip_through_eight_bits_loses_little_from_0_3_to_80_m() -> None:
    truth_m = log_uniform_m(200_000)
    codec = DepthCodec()
    depth_m, confidence = codec.decode(codec.encode(truth_m))
    assert np.isfinite(depth_m).all()
    assert np.mean(np.abs(depth_m - truth_m) / truth_m) <= 0.0015
    assert (confidence == 1).all()


@given(lam=st.floats(-20, -1.1), scale_m=st.floats(0.2, 10), depth_m=st.floats(0, 100))
def test_round_trip_is_within_half_a_level_for_any_lambda_and_scale(lam: float, scale_m: float, depth_m: float) -> None:
    codec = DepthCodec(lam, scale_m, max_range_m=1e6, beyond="inf")
    rgb = codec.encode(np.array([[depth_m]]))
    decoded_m, _ = codec.decode(rgb)
    black = not rgb.any()
    f = 0.0 if black else float(codec.curve(decoded_m[0, 0]))
    assert np.isnan(decoded_m[0, 0]) == black
    # beyond the range a colour reads as infinity, f = 1
    last_known = min(round(LAST * float(codec.curve(1e6))), LAST - 1)
    slack = 0.5 if round(LAST * float(codec.curve(depth_m))) <= last_known else LAST - last_known
    assert abs(f - float(codec.curve(depth_m))) * LAST <= slack + 1e-3


@pytest.mark.parametrize("max_range_m", [1.0, 5.2753, 10.0, 79.9, 80.0])
def test_depth_beyond_the_range_is_unknown_or_infinite(max_range_m: float) -> None:
    depth_m = np.array([[0.5 * max_range_m, max_range_m, 1.1 * max_range_m, 1e9, np.inf]])
    near, limit, *beyond = DepthCodec(max_range_m=max_range_m).decode(DepthCodec().encode(depth_m))[0][0]
    assert near == pytest.approx(0.5 * max_range_m, rel=0.02)
    assert limit == pytest.approx(max_range_m, rel=0.03)
    assert limit <= np.float32(max_range_m)
    assert np.isnan(beyond).all()
    infinite = DepthCodec(max_range_m=max_range_m, beyond="inf")
    decoded_m, confidence = infinite.decode(infinite.encode(depth_m))
    assert np.isposinf(decoded_m[0, 2:]).all()
    assert (confidence == 1).all()


def test_white_is_never_a_distance() -> None:
    codec = DepthCodec(max_range_m=1e9)
    depth_m, _ = codec.decode(np.array([[[255, 255, 255], [255, 254, 255]]], np.uint8))
    assert np.isnan(depth_m[0, 0])
    assert depth_m[0, 1] > 400


def test_unknown_depth_is_black_infinite_depth_is_white_and_black_is_unknown() -> None:
    codec = DepthCodec()
    rgb = codec.encode(np.array([[np.nan, np.inf, 1.0]], np.float32))
    assert rgb[0, 0].tolist() == [0, 0, 0]
    assert rgb[0, 1].tolist() == [255, 255, 255]
    depth_m, confidence = codec.decode(rgb)
    assert np.isnan(depth_m[0, :2]).all()
    assert confidence[0].tolist() == [0, 0, 1]


def test_confidence_falls_with_the_distance_from_the_walk() -> None:
    off_levels = np.arange(0, 100, 4)
    rgb = np.zeros((1, len(off_levels), 3), np.uint8)
    rgb[0, :, 0], rgb[0, :, 1] = 128, off_levels  # the middle of black to red, moved towards green
    depth_m, confidence = DepthCodec().decode(rgb)
    np.testing.assert_allclose(confidence[0], np.exp(-off_levels / 16), rtol=1e-6)
    assert len(set(depth_m[0].tolist())) == 1


def test_decode_reads_images_that_are_views() -> None:
    rgb = DepthCodec().encode(log_uniform_m(64).reshape(8, 8))
    whole = DepthCodec().decode(rgb)[0]
    np.testing.assert_array_equal(DepthCodec().decode(rgb[::2, ::-1])[0], whole[::2, ::-1])


@pytest.mark.parametrize(
    "settings",
    [
        {"lam": -1.0},
        {"lam": 2.0},
        {"lam": math.nan},
        {"scale_m": 0.0},
        {"max_range_m": -1.0},
        {"max_range_m": math.inf},
    ],
)
def test_codecs_without_an_end_or_a_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=r"depth codec with .*expected"):
        DepthCodec(**settings)  # type: ignore[arg-type]


def test_an_unknown_word_for_beyond_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'far'.*'nan'.*'inf'"):
        DepthCodec(beyond="far")  # type: ignore[arg-type]


def test_negative_depth_and_wrong_images_are_refused() -> None:
    with pytest.raises(FrameError, match=r"-2\.0 m"):
        DepthCodec().encode(np.array([[1.0, -2.0, np.nan]]))
    for shape, dtype in (((4, 4), np.uint8), ((4, 4, 4), np.uint8), ((4, 4, 3), np.float32), ((0, 4, 3), np.uint8)):
        with pytest.raises(FrameError, match="expected uint8"):
            DepthCodec().decode(np.zeros(shape, dtype))
