"""The two clouds of a camera: all points, and those that are obstacles."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2

from vb_perception.errors import ConfigError
from vb_perception.frame import Perception
from vb_perception.pointcloud import CloudLayers, CloudOptions, build_cloud
from vb_perception.predictions import DepthMap, NormalMap, SegmentMap
from vb_perception.ros.messages import KeptBytes, cloud_message
from vb_perception.tasks import InstanceSegmentation, MetricDepth, SurfaceNormals, Task

CLASSES = ("segmentation", "referring")

Pose = Callable[[Perception], NDArray[np.float64] | None]


@dataclass(frozen=True, slots=True)
class CloudSources:
    """Which of a camera's tasks a cloud takes what from."""

    depth: MetricDepth
    normals: SurfaceNormals | None
    labels: Task | None
    instances: InstanceSegmentation | None

    def of(self, options: CloudOptions) -> tuple[Task, ...]:
        """The tasks that a cloud with these options needs."""
        wanted = {
            "normals": self.normals if options.needs_normals else None,
            "label": self.labels if "label" in options.fields else None,
            "instance": self.instances if "instance" in options.fields else None,
        }
        return tuple({task.name: task for task in (self.depth, *wanted.values()) if task is not None}.values())

    def possible(self, options: CloudOptions) -> CloudOptions:
        """The options without the label where no task has ids: that field is a default and nobody may have meant it.

        Raises:
            ConfigError: another field, or the grazing filter, needs a task that the camera does not have.
        """
        if "label" in options.fields and self.labels is None:
            options = replace(options, fields=tuple(name for name in options.fields if name != "label"))
        if options.needs_normals and self.normals is None:
            msg = "cloud_fields or cloud_grazing_deg need the task normals: add it to tasks, or leave them out"
            raise ConfigError(msg)
        if "instance" in options.fields and self.instances is None:
            msg = 'cloud_fields has instance, but no task tells instances: add "Segment each mug differently."'
            raise ConfigError(msg)
        return options


def sources_of(tasks: tuple[Task, ...]) -> CloudSources | None:
    """What clouds can be made of; None without depth.  Labels: the first task with classes, else with any ids."""
    depth = next((task for task in tasks if isinstance(task, MetricDepth)), None)
    if depth is None:
        return None
    normals = next((task for task in tasks if isinstance(task, SurfaceNormals)), None)
    instances = next((task for task in tasks if isinstance(task, InstanceSegmentation)), None)
    with_ids = [task for task in tasks if not isinstance(task, MetricDepth | SurfaceNormals)]
    classes = [task for task in with_ids if task.name in CLASSES]
    return CloudSources(depth, normals, next(iter([*classes, *with_ids]), None), instances)


def points(
    sources: CloudSources, options: CloudOptions, frame_id: str, pose: Pose
) -> Callable[[Perception], PointCloud2]:
    """What fills `~/output/points`."""
    kept = KeptBytes()

    def fill(p: Perception) -> PointCloud2:
        cloud = build_cloud(_layers(p, sources), p.frame.intrinsics, options, pose(p), kept.room)
        return cloud_message(p.frame, cloud, frame_id, kept)

    return fill


def obstacles(
    sources: CloudSources, options: CloudOptions, excluded: tuple[str, ...], frame_id: str, pose: Pose
) -> Callable[[Perception], PointCloud2]:
    """What fills `~/output/obstacles`: x, y, z of the points whose class is not left out; compact, no NaN."""
    bare = replace(options, fields=(), organised=False)

    def fill(p: Perception) -> PointCloud2:
        layers = _layers(p, sources)
        if sources.labels is not None and excluded:
            segments = cast("SegmentMap", p.predictions[sources.labels.name])
            free = np.isin(np.arange(len(segments.names)), [segments.names.index(name) for name in excluded])
            layers = replace(layers, depth_m=np.where(free[segments.ids], np.float32(np.nan), layers.depth_m))
        return cloud_message(p.frame, build_cloud(layers, p.frame.intrinsics, bare, pose(p)), frame_id)

    return fill


def check_excluded(sources: CloudSources, excluded: tuple[str, ...]) -> None:
    """Raises ConfigError if a class that shall be no obstacle is not named by the task that gives the labels."""
    names = () if sources.labels is None else _names(sources.labels)
    missing = [name for name in excluded if name not in names]
    if missing:
        known = ", ".join(names) or "none"
        msg = f"obstacle_exclude names {', '.join(missing)}: expected classes that a task names ({known})"
        raise ConfigError(msg)


def _names(task: Task) -> tuple[str, ...]:
    blank = task.decode(np.zeros((1, 1, 3), np.uint8))
    return blank.names if isinstance(blank, SegmentMap) else ()


def _layers(p: Perception, sources: CloudSources) -> CloudLayers:
    depth = cast("DepthMap", p.predictions[sources.depth.name])
    normals = None if sources.normals is None else p.predictions.get(sources.normals.name)
    labels = None if sources.labels is None else p.predictions.get(sources.labels.name)
    instances = None if sources.instances is None else p.predictions.get(sources.instances.name)
    return CloudLayers(
        depth.depth_m,
        p.frame.rgb,
        None if labels is None else cast("SegmentMap", labels).ids,
        None if instances is None else cast("SegmentMap", instances).ids,
        None if normals is None else cast("NormalMap", normals).normals,
        depth.confidence,
    )
