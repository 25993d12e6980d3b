from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vb_perception.codecs.guided import EPSILON, follow_picture
from vb_perception.errors import FrameError

Ids = NDArray[np.uint16]
Picture = NDArray[np.uint8]


def two_boxes(left: int) -> tuple[Ids, Picture]:
    """A red and a brown box that touch at column 64, with a camera's noise; painted as if they met at `left`."""
    random = np.random.default_rng(0)
    ids, picture = np.zeros((96, 128), np.uint16), np.full((96, 128, 3), 130, np.float32)
    picture[24:72, 32:64], picture[24:72, 64:96] = (180, 60, 50), (120, 80, 60)
    ids[24:72, 32:left], ids[24:72, left:96] = 1, 2
    return ids, np.clip(picture + random.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("off_px", [-2, -1, 1, 2])
def test_a_border_moves_to_the_edge_of_the_picture(off_px: int) -> None:
    painted, picture = two_boxes(64 + off_px)
    true, _ = two_boxes(64)
    found = follow_picture(painted, picture, 6)
    assert np.count_nonzero(found != true) <= 0.25 * np.count_nonzero(painted != true)


def test_a_border_on_the_edge_of_the_picture_stays() -> None:
    true, picture = two_boxes(64)
    assert np.count_nonzero(follow_picture(true, picture, 6) != true) <= 0.002 * true.size


def test_what_is_printed_on_a_box_makes_no_hole_in_it() -> None:
    ids, picture = np.zeros((96, 128), np.uint16), np.full((96, 128, 3), 130, np.uint8)
    ids[20:80, 30:100], picture[20:80, 30:100] = 1, (180, 60, 50)
    picture[22:26, 34:60] = 130  # as the table, near its border
    found = follow_picture(ids, picture, 6)
    assert np.array_equal(found, ids)


@pytest.mark.parametrize("at", [(0, 0), (40, 50)])
@pytest.mark.parametrize("shape", [(8, 8), (12, 12), (5, 60)])
def test_what_is_small_does_not_vanish_in_glaring_light(at: tuple[int, int], shape: tuple[int, int]) -> None:
    (top, left), (height, width) = at, shape
    ids = np.zeros((96, 128), np.uint16)
    ids[top : top + height, left : left + width] = 4
    ids[70:90, 20:100] = 2
    picture = np.full((96, 128, 3), 255, np.uint8)
    picture[70:90, 20:100] = 90
    found = follow_picture(ids, picture, 6)
    assert np.count_nonzero(found[ids == 4] == 4) > 0.25 * height * width


def test_without_an_edge_in_the_picture_a_straight_border_stays() -> None:
    ids = np.zeros((48, 64), np.uint16)
    ids[:, 30:] = 7
    assert np.array_equal(follow_picture(ids, np.full((48, 64, 3), 90, np.uint8), 5), ids)


def test_one_id_alone_and_no_radius_change_nothing() -> None:
    painted, picture = two_boxes(61)
    assert follow_picture(painted, picture, 0) is painted
    alone = np.full((96, 128), 3, np.uint16)
    assert follow_picture(alone, picture, 6) is alone


def reference(ids: Ids, picture: Picture, radius_px: int) -> Ids:
    """The guided filter as it is written down, at full size, in double precision."""
    guide, side = picture / 255, (2 * radius_px + 1,) * 2

    def mean(values: NDArray[Any]) -> NDArray[Any]:
        blurred: NDArray[Any] = cv2.blur(values, side)
        return blurred

    centre = mean(guide)
    outer = guide[..., :, None] * guide[..., None, :]
    covariance = mean(outer.reshape(*ids.shape, 9)[..., :4]), mean(outer.reshape(*ids.shape, 9)[..., 4:])
    matrix = np.concatenate(covariance, 2).reshape(*ids.shape, 3, 3) - centre[..., :, None] * centre[..., None, :]
    shares = []
    present = np.unique(ids)
    for one in present:
        member = (ids == one).astype(np.float64)
        together = mean(guide * member[..., None]) - centre * mean(member)[..., None]
        slope = np.linalg.solve(matrix + EPSILON * np.eye(3), together[..., None])[..., 0]
        offset = mean(member) - (slope * centre).sum(2)
        shares.append((mean(slope) * guide).sum(2) + mean(offset))
    return np.asarray(present[np.argmax(shares, 0)], np.uint16)


@pytest.mark.parametrize("grey", [False, True])
def test_where_nothing_is_reduced_it_is_the_guided_filter(*, grey: bool) -> None:
    random = np.random.default_rng(1)
    coarse = random.integers(0, 5, (6, 8)).astype(np.uint16)
    ids = np.kron(coarse, np.ones((10, 10), np.uint16))
    picture = np.asarray(cv2.GaussianBlur(random.integers(0, 256, (60, 80, 3), dtype=np.uint8), (0, 0), 3), np.uint8)
    if grey:
        picture = picture[..., :1].repeat(3, axis=2)
    assert np.count_nonzero(follow_picture(ids, picture, 3) != reference(ids, picture, 3)) <= 0.002 * ids.size


@pytest.mark.parametrize("seed", range(5))
def test_a_picture_of_strong_contrast_that_is_nearly_grey_is_no_harder(seed: int) -> None:
    grey = np.zeros((60, 80, 1))
    grey[:, 40:], grey[20:40, 10:60] = 250, 120
    chroma = np.random.default_rng(seed).integers(0, 3, (60, 80, 3))
    picture = np.clip(grey + chroma, 0, 255).astype(np.uint8)
    ids = np.zeros((60, 80), np.uint16)
    ids[:, 38:], ids[22:41, 12:57] = 1, 2
    assert np.array_equal(follow_picture(ids, picture, 3), reference(ids, picture, 3))


@settings(deadline=None, max_examples=50)
@given(
    height=st.integers(1, 40), width=st.integers(1, 40), radius_px=st.integers(1, 12), seed=st.integers(0, 2**32 - 1)
)
def test_any_ids_beside_any_picture_keep_their_size_and_gain_none(
    height: int, width: int, radius_px: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    ids = random.integers(0, random.integers(1, 13), (height, width)).astype(np.uint16)
    picture = random.integers(0, random.integers(1, 256), (height, width, 3), dtype=np.uint8)
    found = follow_picture(ids, picture, radius_px)
    assert found.shape == ids.shape
    assert found.dtype == np.uint16
    assert set(np.unique(found)) <= set(np.unique(ids))


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        (np.zeros((48, 64, 3), np.uint8), "picture of .48, 64. beside ids of .96, 128."),
        (np.zeros((96, 128, 3), np.float32), "expected uint8"),
    ],
)
def test_a_picture_of_another_size_or_kind_is_refused(picture: NDArray[np.generic], told: str) -> None:
    ids, _ = two_boxes(64)
    with pytest.raises(FrameError, match=told):
        follow_picture(ids, picture, 6)  # type: ignore[arg-type] # that is what is tested
