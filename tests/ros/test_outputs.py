import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from vb_perception.msg import Detections

from tests.ros.bench import CX, CY, FX, FY, HEIGHT, WIDTH, Bench, image_message, info_message, pixels
from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import FrameError
from vb_perception.frame import Frame
from vb_perception.ros.outputs import camera_message, outputs_of
from vb_perception.runtime.fake import PLANE_NORMAL, plane_depth_m, thing_mask
from vb_perception.tasks import InstanceSegmentation, MetricDepth, SemanticSegmentation, SurfaceNormals

CAMERA = CameraIntrinsics(WIDTH, HEIGHT, FX, FY, CX, CY)
IMAGES = (
    "depth/image_rect", "depth/confidence", "normals/image", "normals/view", "normals/confidence", "segmentation/mask",
    "segmentation/view", "segmentation/confidence", "generated/depth", "generated/normals", "generated/segmentation",
)  # fmt: skip


def test_every_output_carries_what_the_fake_engine_painted(bench: Bench) -> None:
    heard = {topic: bench.listen(topic) for topic in IMAGES}
    heard["points"] = bench.listen("points", PointCloud2)
    heard["depth/camera_info"] = bench.listen("depth/camera_info", CameraInfo)
    bench.add_node()
    bench.connect()
    everything = len(IMAGES) + 2
    bench.spin_until(lambda: bench.heard_outputs() == everything, "every output has its listener")
    sent = bench.send(image_message(bench.next_stamp(), frame_id="left_optical"))
    bench.spin_until(lambda: all(heard.values()), "every topic has a message")
    got = {topic: messages[0] for topic, messages in heard.items()}

    for topic, message in got.items():
        assert message.header == sent.header, topic
        assert (message.height, message.width) == (HEIGHT, WIDTH), topic

    depth_m = pixels(got["depth/image_rect"], np.float32)
    np.testing.assert_allclose(depth_m, plane_depth_m(CAMERA.rays()), rtol=0.01)
    assert got["depth/image_rect"].encoding == "32FC1"
    assert got["depth/image_rect"].step == 4 * WIDTH
    assert pixels(got["depth/confidence"], np.uint8).min() == 255  # painted exactly on the walk

    normals = pixels(got["normals/image"], np.float32, 3)
    assert got["normals/image"].encoding == "32FC3"
    np.testing.assert_allclose(normals, np.broadcast_to(PLANE_NORMAL, normals.shape), atol=0.01)
    x, y, z = np.array(PLANE_NORMAL)
    painted = np.array([x, -y, -z]) * 127.5 + 127.5
    np.testing.assert_allclose(pixels(got["normals/view"], np.uint8, 3)[0, 0], painted, atol=1.5)

    mask = pixels(got["segmentation/mask"], np.uint8)
    assert got["segmentation/mask"].encoding == "mono8"
    np.testing.assert_array_equal(mask, thing_mask(HEIGHT, WIDTH))  # the first class is id 1
    view = pixels(got["segmentation/view"], np.uint8, 3)
    np.testing.assert_array_equal(view, np.where(mask[..., None] == 1, (255, 0, 0), (0, 0, 0)))
    np.testing.assert_array_equal(pixels(got["generated/segmentation"], np.uint8, 3), view)
    assert pixels(got["segmentation/confidence"], np.uint8).min() == 255

    info = got["depth/camera_info"]
    np.testing.assert_array_equal(info.k, [FX, 0, CX, 0, FY, CY, 0, 0, 1])
    np.testing.assert_array_equal(info.p, [FX, 0, CX, 0, 0, FY, CY, 0, 0, 0, 1, 0])
    np.testing.assert_array_equal(info.r, np.eye(3).ravel())

    cloud = got["points"]
    assert [f.name for f in cloud.fields] == ["x", "y", "z", "rgb", "label"]
    assert cloud.row_step == WIDTH * cloud.point_step
    assert not cloud.is_dense
    points = np.frombuffer(
        cloud.data, [("xyz", "<f4", 3), ("bgr0", "u1", 4), ("label", "<u4")]
    ).reshape(HEIGHT, WIDTH)  # fmt: skip
    np.testing.assert_allclose(points["xyz"], CAMERA.unproject(depth_m), rtol=1e-5)
    np.testing.assert_array_equal(points["bgr0"][..., 2::-1], pixels(sent, np.uint8, 3))
    np.testing.assert_array_equal(points["label"], mask)


def test_outputs_have_the_size_of_the_image_and_its_camera(bench: Bench) -> None:
    depth, info = bench.listen("depth/image_rect"), bench.listen("depth/camera_info", CameraInfo)
    bench.add_node()
    bench.connect()
    bench.spin_until(lambda: bench.heard_outputs() == 2, "both outputs have their listeners")
    stamp = bench.next_stamp()
    bench.send(image_message(stamp, 128, 96), info_message(stamp, 128, 96))
    bench.spin_until(lambda: bool(depth and info), "depth and camera_info come")
    assert (depth[0].width, depth[0].height) == (info[0].width, info[0].height) == (128, 96)
    assert info[0].header == depth[0].header
    expected_m = plane_depth_m(CameraIntrinsics(128, 96, FX, FY, CX, CY).rays())
    inner = np.s_[4:-4, 4:-4]  # the border repeats the last generated pixel
    np.testing.assert_allclose(pixels(depth[0], np.float32)[inner], expected_m[inner], rtol=0.03)


def test_an_instruction_in_words_gets_topics_of_its_own(bench: Bench) -> None:
    mask = bench.listen("instances/mask")
    bench.add_node(tasks=["Segment all the mugs, color them differently."])
    bench.connect()
    bench.send()
    bench.spin_until(lambda: bool(mask), "an instance mask comes")
    assert mask[0].encoding == "mono16"
    np.testing.assert_array_equal(pixels(mask[0], np.uint16) > 0, thing_mask(HEIGHT, WIDTH))


def test_points_need_depth_and_take_labels_of_classes_before_those_of_instances() -> None:
    classes = SemanticSegmentation((("mug", (255, 0, 0)),))
    instances = InstanceSegmentation("mug")

    def needs_of_points(
        *tasks: MetricDepth | SurfaceNormals | SemanticSegmentation | InstanceSegmentation,
    ) -> list[str]:
        return [task.name for output in outputs_of(tasks) if output.topic == "points" for task in output.tasks]

    assert needs_of_points(SurfaceNormals(), MetricDepth(), instances, classes) == ["depth", "segmentation"]
    assert needs_of_points(MetricDepth(), instances) == ["depth", "instances"]
    assert needs_of_points(MetricDepth()) == ["depth"]
    assert needs_of_points(classes) == []


def test_topics_are_unique() -> None:
    tasks = (MetricDepth(), SurfaceNormals(), SemanticSegmentation((("a", (255, 0, 0)),)), InstanceSegmentation("b"))
    topics = [output.topic for output in outputs_of(tasks)]
    assert len(topics) == len(set(topics))
    assert {output.kind for output in outputs_of(tasks)} == {Image, CameraInfo, PointCloud2, Detections}


def test_no_camera_info_for_a_camera_without_intrinsics() -> None:
    with pytest.raises(FrameError, match="without intrinsics: publish"):
        camera_message(Frame(np.zeros((2, 2, 3), np.uint8), 0, "f"))
