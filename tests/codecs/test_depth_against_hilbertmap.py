"""The depth codec against the independent implementation `hilbertmap` of PyPI."""

import hilbertmap
import numpy as np

from vb_perception.codecs.depth import LAST, DepthCodec, nearest_on_walk

DEPTH_M = np.geomspace(0.3, 80.0, 20_000).reshape(100, 200)


def test_curve_agrees_with_hilbertmap() -> None:
    for lam, scale_m in ((-3.0, 10 / 3), (-2.0, 1.0), (-7.5, 4.0)):
        codec = DepthCodec(lam, scale_m)
        np.testing.assert_allclose(
            codec.curve(DEPTH_M), hilbertmap.depth_to_normalized(DEPTH_M, lam, scale_m), atol=1e-12
        )
        f = np.linspace(0, 0.999, 500)
        np.testing.assert_allclose(codec.inverse_curve(f), hilbertmap.normalized_to_depth(f, lam, scale_m), rtol=1e-9)


def test_encode_agrees_with_hilbertmap_to_the_rounding_of_one_level() -> None:
    theirs = np.rint(255 * hilbertmap.depth_to_rgb(DEPTH_M))
    difference = np.abs(DepthCodec().encode(DEPTH_M) - theirs)
    assert difference.max() <= 1
    assert (difference == 0).mean() > 0.999


def test_decode_agrees_with_hilbertmap_on_any_colour() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    position, distance2 = nearest_on_walk(rgb)
    theirs = hilbertmap.project(rgb / 255.0)
    their_distance2 = np.square(255 * hilbertmap.walk(theirs) - rgb).sum(axis=2)
    np.testing.assert_allclose(distance2, their_distance2, atol=1e-6)
    # where two edges are equally near, rounding decides theirs and the earlier edge ours
    same = np.isclose(position / LAST, theirs, rtol=0, atol=1e-9)
    assert same.mean() > 0.99
    np.testing.assert_allclose(
        np.square(255 * hilbertmap.walk(position / LAST) - rgb).sum(axis=2), distance2, atol=1e-6
    )
    codec = DepthCodec(max_range_m=1000.0)
    depth_m, _ = codec.decode(rgb)
    known = same & (position > 0) & np.isfinite(depth_m)
    np.testing.assert_allclose(depth_m[known], hilbertmap.normalized_to_depth(theirs[known]), rtol=1e-5)
