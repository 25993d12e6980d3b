import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ros.bench import CX, CY, FX, FY, HEIGHT, WIDTH, image_message, info_message
from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import FrameError
from vb_perception.rectification import intrinsics_from_info, needs_rectifying
from vb_perception.ros.inputs import (
    IMAGES_KEPT,
    INFOS_KEPT,
    NS_PER_S,
    Arrival,
    InfoMatcher,
    StampGuard,
    frame_from_arrival,
    stamp_ns,
)


def _matcher(*, latched: bool = False, wait_for_first: bool = True, wait_ns: int = 100) -> InfoMatcher:
    return InfoMatcher(latched=latched, wait_ns=wait_ns, wait_for_first=wait_for_first)


def _told(arrivals: list[Arrival]) -> list[tuple[int, int | None]]:
    """Stamps of image and camera_info."""
    return [(stamp_ns(a.image), None if a.camera is None else stamp_ns(a.camera)) for a in arrivals]


def test_projection_of_a_rectified_camera_wins_over_k() -> None:
    camera = info_message(0)
    assert intrinsics_from_info(camera) == CameraIntrinsics(WIDTH, HEIGHT, FX, FY, CX, CY)
    camera.p = [50.0, 0.0, 30.0, -5.0, 0.0, 51.0, 20.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    assert intrinsics_from_info(camera) == CameraIntrinsics(WIDTH, HEIGHT, 50.0, 51.0, 30.0, 20.0)


def test_distortion_or_a_p_that_is_not_k_asks_for_rectification() -> None:
    camera = info_message(0)
    assert not needs_rectifying(camera)
    camera.d = [0.0] * 5
    assert not needs_rectifying(camera)
    camera.p = [FX, 0.0, CX, -5.0, 0.0, FY, CY, 0.0, 0.0, 0.0, 1.0, 0.0]  # the right camera of a pair
    assert not needs_rectifying(camera)
    camera.p[0] = FX / 2
    assert needs_rectifying(camera)
    camera.p[0], camera.d = FX, [0.0, 0.1]
    assert needs_rectifying(camera)


def test_a_bgr_image_becomes_an_rgb_frame() -> None:
    image = image_message(7)
    image.encoding = "bgr8"
    frame = frame_from_arrival(Arrival(image, 0, info_message(7)))
    sent = np.frombuffer(image.data, np.uint8).reshape(HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(frame.rgb, sent[..., ::-1])
    assert (frame.stamp_ns, frame.frame_id) == (7, "optical")


def test_exact_matching_waits_for_the_info_of_the_stamp() -> None:
    matcher = _matcher()
    assert matcher.add_camera(info_message(1)) == []
    assert _told(matcher.add_image(image_message(1), 0)) == [(1, 1)]
    assert matcher.add_image(image_message(2), 0) == []
    assert matcher.add_camera(info_message(3)) == []
    assert _told(matcher.add_camera(info_message(2))) == [(2, 2)]


def test_images_overtaken_by_a_matched_one_leave_before_it_without_info() -> None:
    matcher = _matcher()
    matcher.add_image(image_message(1), 0)
    matcher.add_image(image_message(2), 0)
    assert _told(matcher.add_camera(info_message(2))) == [(1, None), (2, 2)]


def test_images_wait_only_so_long_and_only_so_many() -> None:
    matcher = _matcher(wait_ns=100)
    matcher.add_image(image_message(1), 0)
    assert matcher.expire(100) == []
    assert _told(matcher.expire(101)) == [(1, None)]
    left = [a for i in range(IMAGES_KEPT + 2) for a in matcher.add_image(image_message(10 + i), 0)]
    assert _told(left) == [(10, None), (11, None)]


def test_at_the_rate_of_a_camera_images_wait_as_long_as_they_may() -> None:
    period_ns, late = NS_PER_S // 30, 54  # 1.8 s
    matcher = _matcher(wait_ns=2 * NS_PER_S)
    left: list[Arrival] = []
    for i in range(2 * late):
        left += matcher.expire(i * period_ns) + matcher.add_image(image_message(i, 4, 4), i * period_ns)
        if i >= late:
            left += matcher.add_camera(info_message(i - late))
    assert _told(left) == [(i, i) for i in range(late)]


def test_latched_matching_takes_the_latest_info() -> None:
    matcher = _matcher(latched=True)
    assert matcher.add_image(image_message(5), 0) == []
    assert _told(matcher.add_camera(info_message(1))) == [(5, 1)]
    matcher.add_camera(info_message(2))
    assert _told(matcher.add_image(image_message(6), 0)) == [(6, 2)]


def test_images_do_not_wait_for_a_first_info_that_is_not_required() -> None:
    assert _told(_matcher(wait_for_first=False).add_image(image_message(1), 0)) == [(1, None)]


def test_infos_are_forgotten_at_last() -> None:
    matcher = _matcher()
    for stamp in range(INFOS_KEPT + 1):
        matcher.add_camera(info_message(stamp))
    assert matcher.add_image(image_message(0), 0) == []
    assert _told(matcher.add_image(image_message(INFOS_KEPT), 0))[-1] == (INFOS_KEPT, INFOS_KEPT)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), max_size=40), st.booleans())
def test_every_image_leaves_once_and_in_order(events: list[tuple[bool, int]], latched: bool) -> None:  # noqa: FBT001
    matcher = _matcher(latched=latched)
    entered, left = [], []
    for is_image, stamp in events:
        if is_image:
            image = image_message(stamp, 1, 1)
            entered.append(image)
            left += matcher.add_image(image, 0)
        else:
            left += matcher.add_camera(info_message(stamp))
    left += matcher.clear()
    assert [id(a.image) for a in left] == [id(image) for image in entered]
    if not latched:
        assert all(a.camera is None or stamp_ns(a.camera) == stamp_ns(a.image) for a in left)


def test_stamps_must_rise_unless_they_jump_far_back() -> None:
    guard = StampGuard(jump_ns=100)
    assert [guard.is_new_run(stamp) for stamp in (1000, 1001, 900)] == [False, False, True]
    for stamp, words in ((900, "twice"), (899, "0.000 ms after"), (800, "after a later one")):
        with pytest.raises(FrameError, match=words):
            guard.is_new_run(stamp)
    assert not guard.is_new_run(901)
    guard.clear()
    assert not guard.is_new_run(5)
