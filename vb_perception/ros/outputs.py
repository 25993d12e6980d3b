"""Perception out: which topics there are, which task each needs, and how its message is filled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import cv2
import numpy as np
from rclpy.publisher import Publisher
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from vb_perception.frame import Perception
from vb_perception.msg import Detections
from vb_perception.pointcloud import CloudOptions
from vb_perception.predictions import DepthMap, NormalMap, SegmentMap
from vb_perception.ros import cloud_outputs
from vb_perception.ros.detections import detections_message
from vb_perception.ros.messages import (
    KeptBytes,
    camera_message,
    cloud_message,
    depth_message,
    header_of,
    image_message,
)
from vb_perception.tasks import InstanceSegmentation, MetricDepth, SurfaceNormals, Task

__all__ = ["Output", "OutputOptions", "camera_message", "cloud_message", "image_message", "outputs_of", "tasks_of"]

Message: TypeAlias = Image | CameraInfo | PointCloud2 | Detections

Wanted: TypeAlias = "list[tuple[Output, Publisher]]"


def _own_frame(_: Perception) -> None:
    return None


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How the outputs of one camera are filled; `pose` tells the optical frame in `cloud_frame_id`, None: the same."""

    depth_encoding: str = "32FC1"
    cloud: CloudOptions = field(default_factory=CloudOptions)
    obstacle_exclude: tuple[str, ...] = ()
    cloud_frame_id: str = ""
    pose: cloud_outputs.Pose = _own_frame


@dataclass(frozen=True, slots=True)
class Output:
    """One topic below `~/output/`: what it carries, the tasks it needs, and whether it needs a calibrated camera."""

    topic: str
    kind: type[Any]
    tasks: tuple[Task, ...]
    fill: Callable[[Perception], Message]
    needs_camera: bool = False


def outputs_of(tasks: Sequence[Task], options: OutputOptions | None = None) -> tuple[Output, ...]:
    """All outputs of a camera with these tasks.

    Raises:
        ConfigError: the clouds are asked for what none of the tasks tells.
    """
    chosen = options or OutputOptions()
    rows: list[Output] = []
    for task in tasks:
        rows += _outputs_of_task(task, chosen)
    sources = cloud_outputs.sources_of(tuple(tasks))
    if sources is not None:
        rows += _clouds(sources, chosen)
    return tuple(rows)


def tasks_of(wanted: Wanted) -> tuple[Task, ...]:
    """The tasks that these outputs need, each once, in the order of the outputs."""
    return tuple({task.name: task for output, _ in wanted for task in output.tasks}.values())


def _clouds(sources: cloud_outputs.CloudSources, options: OutputOptions) -> list[Output]:
    cloud, frame_id, pose = sources.possible(options.cloud), options.cloud_frame_id, options.pose
    excluded = options.obstacle_exclude
    cloud_outputs.check_excluded(sources, excluded)
    fill = cloud_outputs.points(sources, cloud, frame_id, pose)
    rows = [Output("points", PointCloud2, sources.of(cloud), fill, needs_camera=True)]
    needed = {task.name: task for task in (sources.depth, sources.labels if excluded else None) if task is not None}
    if cloud.grazing_deg > 0 and sources.normals is not None:
        needed[sources.normals.name] = sources.normals
    free = cloud_outputs.obstacles(sources, cloud, excluded, frame_id, pose)
    rows.append(Output("obstacles", PointCloud2, tuple(needed.values()), free, needs_camera=True))
    return rows


def _outputs_of_task(task: Task, options: OutputOptions) -> list[Output]:  # noqa: C901 - a row a topic
    name, needs = task.name, (task,)

    kept = {suffix: KeptBytes() for suffix in ("view", "confidence", "main")}

    def row(suffix: str, fill: Callable[[Perception], Image]) -> Output:
        return Output(f"{name}/{suffix}", Image, needs, fill)

    def view(p: Perception) -> Image:
        return image_message(p.frame, task.encode(p.predictions[name]), "rgb8", kept["view"])

    def confidence(p: Perception) -> Image:
        levels = cv2.convertScaleAbs(p.predictions[name].confidence, alpha=255)  # rounds
        return image_message(p.frame, levels, "mono8", kept["confidence"])

    def depth(p: Perception) -> Image:
        depth_m = cast("DepthMap", p.predictions[name]).depth_m
        return depth_message(p.frame, depth_m, options.depth_encoding, kept["main"])

    def normals(p: Perception) -> Image:
        return image_message(p.frame, cast("NormalMap", p.predictions[name]).normals, "32FC3", kept["main"])

    def mask(p: Perception) -> Image:
        ids = cast("SegmentMap", p.predictions[name]).ids
        # Instances may be more than 255; classes never are.
        if isinstance(task, InstanceSegmentation):
            return image_message(p.frame, ids, "mono16", kept["main"])
        return image_message(p.frame, ids.astype(np.uint8), "mono8", kept["main"])

    rows = [row("view", view), row("confidence", confidence), _generated(task)]
    if isinstance(task, MetricDepth):
        return [row("image_rect", depth), _camera_info(task), *rows]
    if isinstance(task, SurfaceNormals):
        return [row("image", normals), *rows]
    if isinstance(task, InstanceSegmentation):
        return [row("mask", mask), *rows, _detections(task)]
    return [row("mask", mask), *rows]


def _generated(task: Task) -> Output:
    def fill(p: Perception) -> Image:
        return image_message(p.frame, p.generated[task.name], "rgb8")

    return Output(f"generated/{task.name}", Image, (task,), fill)


def _camera_info(task: Task) -> Output:
    def fill(p: Perception) -> CameraInfo:
        return camera_message(p.frame)

    return Output(f"{task.name}/camera_info", CameraInfo, (task,), fill, needs_camera=True)


def _detections(task: InstanceSegmentation) -> Output:
    def fill(p: Perception) -> Detections:
        depth = next((found for found in p.predictions.values() if isinstance(found, DepthMap)), None)
        segments = cast("SegmentMap", p.predictions[task.name])
        return detections_message(header_of(p.frame), task.noun, segments, depth, p.frame.intrinsics)

    return Output(f"{task.name}/detections", Detections, (task,), fill)
