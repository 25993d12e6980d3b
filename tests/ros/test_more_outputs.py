"""Outputs that the defaults leave out, and what the node says of itself."""

import math

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import Image, PointCloud2
from vb_perception.msg import Detections

from tests.ros.bench import CX, CY, FX, FY, HEIGHT, WIDTH, Bench, pixels
from vb_perception.camera import CameraIntrinsics
from vb_perception.ros.machine_load import MachineMeter
from vb_perception.runtime.fake import plane_depth_m, thing_mask

CAMERA = CameraIntrinsics(WIDTH, HEIGHT, FX, FY, CX, CY)


def _one(bench: Bench, heard: list[list[object]]) -> None:
    bench.connect()
    bench.spin_until(lambda: bench.heard_outputs() >= len(heard), "every output has its listener")
    bench.send()
    bench.spin_until(lambda: all(heard), "every topic has a message")


def test_obstacles_leave_out_the_classes_that_are_none(bench: Bench) -> None:
    clouds = bench.listen("obstacles", PointCloud2)
    bench.add_node(obstacle_exclude=["table"])  # the fake engine's thing has the first class
    _one(bench, [clouds])
    cloud: PointCloud2 = clouds[0]
    xyz = np.frombuffer(cloud.data, "<f4").reshape(-1, 3)
    assert ([f.name for f in cloud.fields], cloud.height, cloud.is_dense) == (["x", "y", "z"], 1, True)
    assert len(xyz) == cloud.width == (~thing_mask(HEIGHT, WIDTH)).sum()
    u, v = xyz[:, 0] / xyz[:, 2] * FX + CX, xyz[:, 1] / xyz[:, 2] * FY + CY
    assert not thing_mask(HEIGHT, WIDTH)[np.rint(v).astype(int), np.rint(u).astype(int)].any()


def test_depth_in_millimetres(bench: Bench) -> None:
    heard: list[Image] = bench.listen("depth/image_rect")
    bench.add_node(depth_encoding="16UC1")
    _one(bench, [heard])
    assert heard[0].encoding == "16UC1"
    np.testing.assert_allclose(pixels(heard[0], np.uint16) / 1000, plane_depth_m(CAMERA.rays()), rtol=0.01)


def test_clouds_can_be_put_into_a_fixed_frame(bench: Bench) -> None:
    clouds = bench.listen("points", PointCloud2)
    half = math.sqrt(0.5)
    pose = [1.0, 2.0, 3.0, -half, 0.0, 0.0, half]  # the optical z axis becomes y
    bench.add_node(cloud_frame="base", cloud_extrinsics=pose, cloud_fields=[""])
    _one(bench, [clouds])
    assert clouds[0].header.frame_id == "base"
    xyz = np.frombuffer(clouds[0].data, "<f4").reshape(HEIGHT, WIDTH, 3)
    x, y, z = np.moveaxis(CAMERA.unproject(plane_depth_m(CAMERA.rays())), -1, 0)
    np.testing.assert_allclose(xyz, np.stack((1 + x, 2 + z, 3 - y), -1), rtol=0.02, atol=0.03)


def test_instances_are_detected_with_their_place(bench: Bench) -> None:
    found = bench.listen("instances/detections", Detections)
    depth = bench.listen("depth/image_rect")
    bench.add_node(tasks=["depth", "Segment all the mugs, color them differently."])
    _one(bench, [found, depth])
    (one,) = found[0].detections
    inside = thing_mask(HEIGHT, WIDTH)
    assert (one.area_px, one.left_px, one.top_px) == (inside.sum(), WIDTH // 4, HEIGHT // 4)
    middle = np.median(CAMERA.unproject(plane_depth_m(CAMERA.rays()))[inside], axis=0)
    np.testing.assert_allclose((one.position.x, one.position.y, one.position.z), middle, rtol=0.02, atol=0.02)


def test_the_latencies_are_drawn_and_told_by_task(bench: Bench) -> None:
    bench.watch()
    depth, views = bench.listen("depth/image_rect"), bench.listen("latency_view")
    bench.add_node()
    _one(bench, [depth])
    bench.spin_until(lambda: any(s.task == "depth" and s.stage == "decode" for s in bench.ledger().stages), "by task")
    bench.spin_until(lambda: bool(views), "a picture")
    before = pixels(views[0], np.uint8, 3)
    bench.spin_until(lambda: not np.array_equal(pixels(views[-1], np.uint8, 3), before), "the picture changes")
    assert bench.ledger().machine.process_memory_mib > 10


def test_slow_processing_is_a_warning(bench: Bench) -> None:
    bench.watch()
    depth = bench.listen("depth/image_rect")
    bench.add_node(processing_time_warn_ms=1.0, backend="fake:latency_ms=5")
    _one(bench, [depth])
    bench.spin_until_status(DiagnosticStatus.WARN, "above processing_time_warn_ms = 1")


def test_what_cannot_be_read_of_the_machine_is_nan() -> None:
    load = MachineMeter().read()
    assert load.process_memory_mib > 10
    assert math.isnan(load.gpu_percent) or 0 <= load.gpu_percent <= 100
