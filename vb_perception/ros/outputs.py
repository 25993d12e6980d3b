"""Perception out: which topics there are, which task each needs, and how its message is filled.

Messages are filled through `array.array`: assigning bytes or a numpy array to a ROS 2 Python message is 10 to 1000
times slower.  Headers are those of the camera image.
"""

import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField
from std_msgs.msg import Header

from vb_perception.encodings import fields_from_array
from vb_perception.errors import FrameError
from vb_perception.frame import Frame, Perception
from vb_perception.pointcloud import cloud_from_depth
from vb_perception.predictions import DepthMap, NormalMap, SegmentMap
from vb_perception.ros.inputs import NS_PER_S
from vb_perception.ros.qos import incompatible_output, qos_profile
from vb_perception.tasks import InstanceSegmentation, MetricDepth, SurfaceNormals, Task

Message: TypeAlias = Image | CameraInfo | PointCloud2


Wanted: TypeAlias = "list[tuple[Output, Publisher]]"


@dataclass(frozen=True, slots=True)
class Output:
    """One topic below `~/output/`: what it carries, the tasks it needs, and whether it needs a calibrated camera."""

    topic: str
    kind: type[Any]
    tasks: tuple[Task, ...]
    fill: Callable[[Perception], Message]
    needs_camera: bool = False


def outputs_of(tasks: Sequence[Task]) -> tuple[Output, ...]:
    """All outputs of a node with these tasks."""
    rows: list[Output] = []
    depth = next((task for task in tasks if isinstance(task, MetricDepth)), None)
    segments = next((task for task in tasks if not isinstance(task, MetricDepth | SurfaceNormals)), None)
    for task in tasks:
        rows += _outputs_of_task(task)
    if depth is not None:
        needed: tuple[Task, ...] = (depth,) if segments is None else (depth, segments)
        rows.append(Output("points", PointCloud2, needed, lambda p: _cloud(p, depth, segments), needs_camera=True))
    return tuple(rows)


def header_of(frame: Frame) -> Header:
    """The header of the camera image, stamp and frame_id unchanged."""
    header = Header(frame_id=frame.frame_id)
    header.stamp.sec, header.stamp.nanosec = divmod(frame.stamp_ns, NS_PER_S)
    return header


def image_message(frame: Frame, pixels: NDArray[Any], encoding: str) -> Image:
    """`pixels` (H, W[, C]) in the encoding's own dtype, with the frame's header."""
    fields = fields_from_array(pixels, encoding)
    out = Image(header=header_of(frame), height=fields.height, width=fields.width, encoding=encoding, step=fields.step)
    out.is_bigendian = int(fields.is_bigendian)
    out.data = _bytes(fields.data)
    return out


def camera_message(frame: Frame) -> CameraInfo:
    """The rectified pinhole camera of the frame: K and P of the published size, no distortion."""
    camera = frame.intrinsics
    if camera is None:
        msg = "camera_info of a frame without intrinsics: publish a calibrated camera_info with the image"
        raise FrameError(msg)
    fx, fy, cx, cy = camera.fx, camera.fy, camera.cx, camera.cy
    return CameraInfo(
        header=header_of(frame),
        width=camera.width,
        height=camera.height,
        distortion_model="plumb_bob",
        d=[0.0] * 5,
        k=[fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
    )


class OutputPublishers:
    """The publishers of all outputs, and which of them somebody listens to."""

    def __init__(self, node: Node, tasks: Sequence[Task], qos: str, complain: Callable[[str], None]) -> None:
        self._node = node
        self._rows: list[tuple[Output, Publisher]] = []
        for output in outputs_of(tasks):
            topic = f"~/output/{output.topic}"
            tell = _teller(node.resolve_topic_name(topic), qos, complain)
            events = PublisherEventCallbacks(incompatible_qos=tell)
            publisher = node.create_publisher(output.kind, topic, qos_profile(qos), event_callbacks=events)
            self._rows.append((output, publisher))

    def wanted(self) -> Wanted:
        """The outputs with at least one listener."""
        return [(output, publisher) for output, publisher in self._rows if publisher.get_subscription_count() > 0]

    def destroy(self) -> None:
        """Take the topics back."""
        for _, publisher in self._rows:
            self._node.destroy_publisher(publisher)
        self._rows.clear()


def tasks_of(wanted: Wanted) -> tuple[Task, ...]:
    """The tasks that these outputs need, each once, in the order of the outputs."""
    return tuple({task.name: task for output, _ in wanted for task in output.tasks}.values())


def _outputs_of_task(task: Task) -> list[Output]:
    name, needs = task.name, (task,)

    def row(suffix: str, fill: Callable[[Perception], Image]) -> Output:
        return Output(f"{name}/{suffix}", Image, needs, fill)

    def view(p: Perception) -> Image:
        return image_message(p.frame, task.encode(p.predictions[name]), "rgb8")

    def confidence(p: Perception) -> Image:
        return image_message(p.frame, np.rint(p.predictions[name].confidence * 255).astype(np.uint8), "mono8")

    def depth(p: Perception) -> Image:
        return image_message(p.frame, cast("DepthMap", p.predictions[name]).depth_m, "32FC1")

    def normals(p: Perception) -> Image:
        return image_message(p.frame, cast("NormalMap", p.predictions[name]).normals, "32FC3")

    def mask(p: Perception) -> Image:
        ids = cast("SegmentMap", p.predictions[name]).ids
        # Instances may be more than 255; classes never are.
        if isinstance(task, InstanceSegmentation):
            return image_message(p.frame, ids, "mono16")
        return image_message(p.frame, ids.astype(np.uint8), "mono8")

    generated = Output(f"generated/{name}", Image, needs, lambda p: image_message(p.frame, p.generated[name], "rgb8"))
    rows = [row("confidence", confidence), generated]
    if isinstance(task, MetricDepth):
        camera = Output(f"{name}/camera_info", CameraInfo, needs, lambda p: camera_message(p.frame), needs_camera=True)
        return [row("image_rect", depth), camera, *rows]
    if isinstance(task, SurfaceNormals):
        return [row("image", normals), row("view", view), *rows]
    return [row("mask", mask), row("view", view), *rows]


def _cloud(p: Perception, depth: MetricDepth, segments: Task | None) -> PointCloud2:
    labels = None if segments is None else cast("SegmentMap", p.predictions[segments.name]).ids
    depth_m = cast("DepthMap", p.predictions[depth.name]).depth_m
    cloud = cloud_from_depth(depth_m, p.frame.intrinsics, p.frame.rgb, labels)
    fields = [PointField(name=f.name, offset=f.offset, datatype=f.datatype, count=f.count) for f in cloud.fields]
    out = PointCloud2(header=header_of(p.frame), height=cloud.height, width=cloud.width, fields=fields)
    out.point_step, out.row_step, out.is_dense = cloud.point_step, cloud.row_step, cloud.is_dense
    out.data = _bytes(cloud.data.data)
    return out


def _teller(topic: str, qos: str, complain: Callable[[str], None]) -> Callable[[Any], None]:
    return lambda event: complain(incompatible_output(topic, qos, event))


def _bytes(buffer: Any) -> "array.array[int]":  # noqa: ANN401 - whatever has the buffer protocol; no type before 3.12
    out = array.array("B")
    out.frombytes(buffer)
    return out
