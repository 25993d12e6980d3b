import array

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, PointCloud2

from tests.ros.bench import (
    HEIGHT,
    IMAGE_TOPIC,
    INFO_TOPIC,
    NS_PER_S,
    START_NS,
    WIDTH,
    Bench,
    image_message,
    info_message,
    pixels,
)
from vb_perception.ros import reporter, status
from vb_perception.ros.inputs import IMAGES_KEPT, stamp_ns
from vb_perception.ros.qos import qos_profile


def test_the_camera_is_subscribed_to_only_while_somebody_listens(bench: Bench) -> None:
    bench.watch()
    bench.add_node()
    bench.spin_until_status(DiagnosticStatus.OK, "nobody listens")
    assert bench.images.get_subscription_count() == 0
    bench.listen("normals/image")
    bench.connect()
    bench.send()
    bench.spin_until(lambda: bench.ledger().processed == 1, "the image is processed")
    for subscription in list(bench.helper.subscriptions):
        if subscription.topic_name.endswith("normals/image"):
            bench.helper.destroy_subscription(subscription)
    bench.spin_until(lambda: bench.images.get_subscription_count() == 0, "the node ends its subscription")
    bench.spin_until(lambda: bench.infos.get_subscription_count() == 0, "and that to camera_info")


def test_compressed_images_are_taken(bench: Bench) -> None:
    camera = bench.compressed_publisher()
    view = bench.listen("segmentation/mask")
    bench.add_node(image_transport="compressed")
    bench.spin_until(lambda: bool(camera.get_subscription_count()), "the node subscribes to the compressed image")
    bench.spin_until(lambda: bool(bench.infos.get_subscription_count()), "the node subscribes to camera_info")
    stamp = bench.next_stamp()
    jpeg = cv2.imencode(".jpg", np.zeros((HEIGHT, WIDTH, 3), np.uint8))[1].tobytes()
    bench.infos.publish(info_message(stamp))
    camera.publish(CompressedImage(header=info_message(stamp).header, format="jpeg", data=array.array("B", jpeg)))
    bench.spin_until(lambda: bool(view), "a mask comes")
    assert view[0].header.stamp == info_message(stamp).header.stamp
    assert pixels(view[0], np.uint8).max() == 1


def test_a_latched_camera_info_serves_every_image(bench: Bench) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    once = bench.helper.create_publisher(type(info_message(0)), INFO_TOPIC, qos_profile("transient_local"))
    once.publish(info_message(0))  # before the node exists: only transient_local delivers it
    bench.helper.destroy_publisher(bench.infos)
    bench.add_node(sync_info="latched", camera_info_qos="transient_local")
    bench.spin_until(lambda: bench.images.get_subscription_count() > 0, "the node subscribes to the image")
    for count in (1, 2):
        bench.send_alone(image_message(bench.next_stamp()))
        bench.spin_until(bench.processed(count), "the image is processed")


def test_a_camera_info_that_comes_after_its_image_is_waited_for(bench: Bench) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    bench.add_node(camera_info_wait_s=10.0)
    bench.connect()
    stamp = bench.next_stamp()
    bench.send_alone(image_message(stamp))
    bench.spin_until(lambda: bench.ledger().waiting == 1, "the image waits")
    bench.infos.publish(info_message(stamp))
    bench.spin_until(lambda: bench.ledger().processed == 1, "the image is processed")


def test_an_image_that_too_many_others_push_out_is_told_so(bench: Bench) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    bench.add_node(camera_info_wait_s=10.0)
    bench.connect()
    for count in range(1, IMAGES_KEPT + 2):
        bench.send_alone(image_message(bench.next_stamp()))
        if count % 5 == 0:  # no more than the subscription holds
            bench.spin_until(bench.received(count), "the images are there")
    bench.spin_until(lambda: bench.ledger().rejected == 1, "the first one may wait no longer")
    bench.spin_until_status(DiagnosticStatus.WARN, f"camera_info_wait_s says, for {IMAGES_KEPT} newer images wait too")


def test_a_weaker_publisher_is_reported_while_it_is_there(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, "COMPLAINT_KEPT_S", 0.5)
    bench.watch()
    bench.listen("depth/image_rect")
    weak = bench.helper.create_publisher(type(image_message(0)), IMAGE_TOPIC, qos_profile("sensor_data"))
    bench.add_node(input_qos="reliable")
    bench.spin_until_status(DiagnosticStatus.WARN, "set input_qos to sensor_data")
    bench.spin_for(1)
    assert "set input_qos to sensor_data" in bench.status().message
    bench.helper.destroy_publisher(weak)
    bench.send()
    bench.spin_until_status(DiagnosticStatus.OK, "active")


def test_a_stronger_listener_is_reported_while_it_is_there(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, "COMPLAINT_KEPT_S", 0.5)
    bench.watch()
    bench.add_node(output_qos="sensor_data")
    topic = "/perception_node/output/depth/image_rect"
    strong = bench.helper.create_subscription(type(image_message(0)), topic, print, qos_profile("reliable"))
    bench.spin_until_status(DiagnosticStatus.WARN, "set output_qos to reliable")
    bench.spin_for(1)
    assert "set output_qos to reliable" in bench.status().message
    bench.helper.destroy_subscription(strong)
    bench.spin_until_status(DiagnosticStatus.OK, "nobody listens")


def test_a_topic_that_nobody_publishes_is_reported(bench: Bench) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    bench.helper.destroy_publisher(bench.images)
    bench.add_node()
    bench.spin_until_status(DiagnosticStatus.WARN, f"nobody publishes {IMAGE_TOPIC}: remap ~/input/image")


def test_a_clock_that_jumps_back_starts_a_new_run(bench: Bench) -> None:
    clock = bench.helper.create_publisher(Clock, "/clock", qos_profile("reliable"))
    bench.watch()
    bench.listen("depth/image_rect")
    node = bench.add_node(use_sim_time=True)
    bench.connect()

    def set_clock(time_ns: int) -> None:
        clock.publish(Clock(clock=info_message(time_ns).header.stamp))
        bench.spin_until(lambda: node.get_clock().now().nanoseconds == time_ns, "the node knows the time")

    set_clock(START_NS + 5 * NS_PER_S)
    stamp = bench.next_stamp()
    bench.send(image_message(stamp))
    bench.spin_until(bench.processed(1), "the image is processed")
    set_clock(START_NS)
    bench.send(image_message(stamp - 1))  # without the jump of the clock a stamp that does not rise
    bench.spin_until(bench.processed(2), "the image after the jump is processed")
    assert {stage.stage: stage.count for stage in bench.ledger().stages}["age"] == 1


def test_size_and_intrinsics_may_change_while_running(bench: Bench) -> None:
    bench.watch()
    depth, cameras = bench.listen("depth/image_rect"), bench.listen("depth/camera_info", CameraInfo)
    clouds = bench.listen("points", PointCloud2)
    bench.add_node()
    bench.connect()
    bench.spin_until(lambda: bench.heard_outputs() == 4, "the outputs and the statistics have their listener")
    for i, (width, height) in enumerate(((WIDTH, HEIGHT), (2 * WIDTH, 2 * HEIGHT), (WIDTH, HEIGHT))):
        stamp = bench.next_stamp()
        camera = info_message(stamp, width, height)
        camera.k[0] += i
        bench.send(image_message(stamp, width, height), camera)
        bench.spin_until(lambda: bool(depth and cameras and clouds), "it is answered")
        answers = [heard.pop() for heard in (depth, cameras, clouds)]
        assert {(answer.width, answer.height) for answer in answers} == {(width, height)}
        assert answers[1].k[0] == camera.k[0]


def test_a_camera_whose_images_are_not_wanted_is_not_silent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "SILENT_S", 0.5)
    bench.watch()
    bench.listen("depth/image_rect")
    bench.add_node(max_rate_hz=0.01)
    bench.connect()
    bench.send()
    bench.spin_until(bench.processed(1), "the first image is processed")
    bench.heard["/diagnostics"].clear()
    for _ in range(10):
        bench.send()
        bench.spin_for(0.1)
    told = [message.status[0].message for message in bench.heard["/diagnostics"]]
    assert set(told) == {"active"}
    assert bench.ledger().skipped >= 9
    bench.spin_until_status(DiagnosticStatus.WARN, "come no more: look at the camera")


DISTORTED = [0.1, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("rectification", "words"),
    [("auto", "images are rectified here"), ("assume_rectified", "remap ~/input/image to the rectified topic")],
)
def test_distortion_is_told_once(
    bench: Bench, capfd: pytest.CaptureFixture[str], rectification: str, words: str
) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    bench.add_node(rectification=rectification)
    bench.connect()
    for count in (1, 2):
        image = image_message(bench.next_stamp())
        camera = info_message(stamp_ns(image))
        camera.d, camera.distortion_model = DISTORTED, "plumb_bob"
        bench.send(image, camera)
        bench.spin_until(bench.processed(count), "the image is processed")
    assert capfd.readouterr().err.count(words) == 1


def test_distortion_can_be_refused(bench: Bench) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    bench.add_node(rectification="refuse")
    bench.connect()
    image = image_message(bench.next_stamp())
    camera = info_message(stamp_ns(image))
    camera.d, camera.distortion_model = DISTORTED, "plumb_bob"
    bench.send(image, camera)
    bench.spin_until(lambda: bench.ledger().rejected == 1, "the image is rejected")
    bench.spin_until_status(DiagnosticStatus.WARN, "rectification is refuse")


def test_an_approximate_camera_info_is_taken(bench: Bench) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    bench.add_node(sync_info="approximate", sync_slop_s=0.01, camera_info_wait_s=0.1)
    bench.connect()
    stamp = bench.next_stamp()
    bench.send(image_message(stamp), info_message(stamp + 9_000_000))
    bench.spin_until(bench.processed(1), "the image is processed")
    stamp = bench.next_stamp()
    bench.send(image_message(stamp), info_message(stamp + 11_000_000))
    bench.spin_until(lambda: bench.ledger().rejected == 1, "the image is rejected")
    bench.spin_until_status(DiagnosticStatus.WARN, "raise sync_slop_s")
