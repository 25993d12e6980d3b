"""Each unusable image: words that say what to do, one count in `rejected`, nothing published, and the node lives."""

import array
from collections.abc import Callable
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2

from tests.ros.bench import (
    HEIGHT,
    INFO_TOPIC,
    NS_PER_S,
    PERIOD_NS,
    START_NS,
    WIDTH,
    Bench,
    balances,
    image_message,
    info_message,
)
from vb_perception.ros.inputs import stamp_ns

Spoil = Callable[[Image, CameraInfo], None]


def _encoding(image: Image, _camera: CameraInfo) -> None:
    image.encoding = "rgb42"


def _step(image: Image, _camera: CameraInfo) -> None:
    image.step = 2 * WIDTH


def _zero_size(image: Image, _camera: CameraInfo) -> None:
    image.width = image.height = image.step = 0
    image.data = array.array("B")


def _truncated(image: Image, _camera: CameraInfo) -> None:
    image.data = image.data[: len(image.data) // 2]


def _nan_intrinsics(_image: Image, camera: CameraInfo) -> None:
    camera.k[0] = float("nan")


def _zero_intrinsics(_image: Image, camera: CameraInfo) -> None:
    camera.k = [0.0] * 9


def _negative_focal_length(_image: Image, camera: CameraInfo) -> None:
    camera.k[4] = -1.0


def _nan_projection(_image: Image, camera: CameraInfo) -> None:
    camera.p[0] = float("nan")


def _info_of_another_size(_image: Image, camera: CameraInfo) -> None:
    camera.width = 2 * WIDTH


def _info_of_another_stamp(_image: Image, camera: CameraInfo) -> None:
    camera.header.stamp.nanosec += 1


BAD: dict[str, tuple[Spoil, str]] = {
    "encoding": (_encoding, "rgb42"),
    "step": (_step, "step"),
    "zero size": (_zero_size, "0x0"),
    "truncated data": (_truncated, str(3 * WIDTH * HEIGHT // 2)),
    "NaN intrinsics": (_nan_intrinsics, "expected finite values"),
    "zero intrinsics": (_zero_intrinsics, "uncalibrated camera_info (K[0] is 0)"),
    "negative focal length": (_negative_focal_length, "(55.0, -1.0, 31.0, 24.0)"),
    "NaN projection": (_nan_projection, "expected finite values"),
    "info of another size": (_info_of_another_size, f"camera_info is for {2 * WIDTH}x{HEIGHT}, the image is {WIDTH}x"),
    "info of another stamp": (_info_of_another_stamp, "without a camera_info of its stamp"),
}


def _start(bench: Bench, **values: Any) -> list[Image]:  # noqa: ANN401 - as parameters are
    bench.watch()
    heard = bench.listen("depth/image_rect")
    bench.add_node(**values)
    bench.connect()
    return heard


@pytest.mark.parametrize("name", BAD)
def test_an_unusable_image_is_rejected_with_a_reason(bench: Bench, name: str) -> None:
    spoil, reason = BAD[name]
    heard = _start(bench, camera_info_wait_s=0.1)
    image = image_message(bench.next_stamp())
    camera = info_message(bench.next_stamp() - PERIOD_NS)
    spoil(image, camera)
    bench.send(image, camera)
    bench.spin_until(lambda: bench.ledger().rejected == 1, "the image is rejected")
    bench.spin_until_status(DiagnosticStatus.WARN, reason)
    assert not heard

    good = bench.send()
    bench.spin_until(lambda: bench.ledger().processed == 1 and bool(heard), "the next good image is processed")
    assert [message.header for message in heard] == [good.header]
    assert bench.ledger().received == 2
    assert balances(bench.ledger())


def test_an_image_without_any_camera_info_is_rejected(bench: Bench) -> None:
    _start(bench, camera_info_wait_s=0.1)
    bench.send_alone(image_message(bench.next_stamp()))
    bench.spin_until(lambda: bench.ledger().rejected == 1, "the image is rejected")
    bench.spin_until_status(DiagnosticStatus.WARN, "set sync_info to latched or require_camera_info to false")


def test_an_image_before_a_latched_camera_info_is_rejected(bench: Bench) -> None:
    _start(bench, camera_info_wait_s=0.1, sync_info="latched")
    bench.send_alone(image_message(bench.next_stamp()))
    bench.spin_until(lambda: bench.ledger().rejected == 1, "the image is rejected")
    bench.spin_until_status(DiagnosticStatus.WARN, f"before any camera_info on {INFO_TOPIC}")
    assert "set camera_info_qos: transient_local" in bench.status().message


def _send_uncalibrated(bench: Bench, k: list[float] | None) -> None:
    image = image_message(bench.next_stamp())
    if k is None:
        bench.send_alone(image)
    else:
        camera = info_message(stamp_ns(image))
        camera.k = k
        bench.send(image, camera)


@pytest.mark.parametrize("k", [None, [0.0] * 9], ids=["none", "uncalibrated"])
def test_without_required_camera_info_depth_comes_but_no_points(bench: Bench, k: list[float] | None) -> None:
    heard = _start(bench, require_camera_info=False)
    infos = bench.listen("depth/camera_info", CameraInfo)
    _send_uncalibrated(bench, k)
    bench.spin_until(lambda: bench.ledger().processed == 1 and bool(heard), "depth comes")
    bench.spin_until_status(DiagnosticStatus.WARN, "depth is a guess in scale from the model's default field of view")
    bench.spin_for(0.2)
    assert not infos


def test_an_uncalibrated_image_is_not_computed_for_those_who_cannot_have_it(bench: Bench) -> None:
    bench.watch()
    heard = bench.listen("points", PointCloud2), bench.listen("depth/camera_info", CameraInfo)
    bench.add_node(require_camera_info=False)
    bench.connect()
    bench.spin_until(lambda: bench.heard_outputs() == 2 + 1, "points, camera_info and latency have a listener")
    _send_uncalibrated(bench, None)
    bench.spin_until(lambda: bench.ledger().rejected == 1, "the image is rejected")
    bench.spin_until_status(DiagnosticStatus.WARN, "all that is listened to needs it")
    assert bench.ledger().processed == 0
    assert balances(bench.ledger())
    assert heard == ([], [])


@pytest.mark.parametrize(("back_ns", "reason"), [(0, "came twice"), (PERIOD_NS // 2, "50.000 ms after a later one")])
def test_a_stamp_that_does_not_rise_is_rejected(bench: Bench, back_ns: int, reason: str) -> None:
    heard = _start(bench)
    stamp = bench.next_stamp()
    bench.send(image_message(stamp))
    bench.send(image_message(stamp - back_ns))
    bench.spin_until(lambda: bench.ledger().rejected == 1, "the second image is rejected")
    bench.spin_until_status(DiagnosticStatus.WARN, reason)
    bench.spin_until(lambda: bench.ledger().processed == 1 and bool(heard), "the first image is processed")
    bench.spin_for(0.2)
    assert len(heard) == 1


def test_a_jump_back_starts_a_new_run_and_empties_the_window(bench: Bench) -> None:
    _start(bench)
    for count in (1, 2, 3):
        bench.send()
        bench.spin_until(bench.processed(count), "the image is processed")
    assert bench.ledger().stages[0].count == 3
    bench.send(image_message(START_NS - 10 * NS_PER_S))
    bench.spin_until(lambda: bench.ledger().processed == 4, "the image after the jump is processed")
    assert bench.ledger().stages[0].count == 1
    assert bench.ledger().rejected == 0
    assert balances(bench.ledger())


def test_an_old_image_is_dropped_when_an_age_is_given(bench: Bench) -> None:
    _start(bench, max_age_s=0.5)
    bench.send()
    bench.spin_until(lambda: bench.ledger().aged == 1, "the image is dropped")
    assert balances(bench.ledger())
    bench.spin_until_status(DiagnosticStatus.WARN, "more than max_age_s = 0.5")


def test_a_broken_jpeg_is_rejected(bench: Bench) -> None:
    camera = bench.compressed_publisher()
    bench.watch()
    heard = bench.listen("depth/image_rect")
    bench.add_node(image_transport="compressed")
    bench.spin_until(lambda: bool(camera.get_subscription_count()), "the node subscribes to the compressed image")
    bench.spin_until(lambda: bool(bench.infos.get_subscription_count()), "the node subscribes to camera_info")
    stamp = bench.next_stamp()
    bench.infos.publish(info_message(stamp))
    camera.publish(
        CompressedImage(header=info_message(stamp).header, format="jpeg", data=array.array("B", b"\xff\xd8junk"))
    )
    bench.spin_until(lambda: bench.ledger().rejected == 1, "the image is rejected")
    bench.spin_until_status(DiagnosticStatus.WARN, "jpeg")
    assert not heard
