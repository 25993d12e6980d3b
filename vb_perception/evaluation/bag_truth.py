"""What a bag knows of a frame: depth, normals, class and instance masks, the camera's pose, each on its own topic."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from vb_perception.encodings import array_from_fields, depth_m_from_compressed, depth_m_from_fields
from vb_perception.errors import BagError, FrameError
from vb_perception.evaluation.bag_samples import (
    LEGEND_TOPIC,
    TRUE_CLASSES_TOPIC,
    TRUE_DEPTH_PNG_TOPIC,
    TRUE_DEPTH_TOPIC,
    TRUE_INSTANCES_TOPIC,
    TRUE_NORMALS_TOPIC,
    TRUE_POSE_TOPIC,
    UNLABELLED_CLASS,
    UNLABELLED_INSTANCE,
    UNLABELLED_WIDE_CLASS,
)
from vb_perception.evaluation.bags import bag_topics
from vb_perception.evaluation.camera_topics import COMPRESSED, IMAGE
from vb_perception.evaluation.lens import Lens
from vb_perception.evaluation.message_types import Message, image_fields
from vb_perception.evaluation.stamped import Moment
from vb_perception.frame import Frame
from vb_perception.scenes.normals_from_depth import normals_from_depth
from vb_perception.scenes.sample import Sample

MOST_ID = int(np.iinfo(np.int16).max)
SHORTEST_QUATERNION = 1e-6  # what is shorter was never set: it tells no direction
_KINDS = {
    "depth": (IMAGE, COMPRESSED), "normals": (IMAGE,), "classes": (IMAGE,), "instances": (IMAGE,),
    "pose": ("geometry_msgs/msg/PoseStamped",), "legend": ("std_msgs/msg/String",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TruthTopics:
    """Where a bag's truth lies; types and encodings as `bag_samples` tells.  None: the layout's own, where it is there.

    `depth` is an Image or a CompressedImage.  A topic that is named must be in the bag; see `check`.
    """

    depth: str | None = None
    normals: str | None = None
    classes: str | None = None
    instances: str | None = None
    pose: str | None = None
    legend: str | None = None

    def check(self, path: Path | str) -> None:
        """Raise BagError, with the candidates, unless every named topic is there and of a type that can be read."""
        there = {topic: entry.msgtype for topic, entry in bag_topics(path).items() if entry.messages}
        for what, kinds in _KINDS.items():
            topic = getattr(self, what)
            if topic is not None and there.get(topic) not in kinds:
                found = f"carries {there[topic]}" if topic in there else "is not in it or is empty"
                candidates = ", ".join(t for t, kind in there.items() if kind in kinds) or "none"
                msg = f"bag {path}: {topic}, named for true {what}, {found}; candidates ({kinds[0]}): {candidates}"
                raise BagError(msg)

    def topics(self) -> set[str]:
        """All topics with a header that may hold truth."""
        return {*self.depths, self._normals, self.class_masks, self._instances, self._pose}

    @property
    def depths(self) -> tuple[str, ...]:
        """Topics of true depth, the first that has a message counts."""
        return (self.depth,) if self.depth else (TRUE_DEPTH_TOPIC, TRUE_DEPTH_PNG_TOPIC)

    @property
    def class_masks(self) -> str:
        """The topic of the class ids."""
        return self.classes or TRUE_CLASSES_TOPIC

    @property
    def legend_topic(self) -> str:
        """The topic of the class names."""
        return self.legend or LEGEND_TOPIC

    @property
    def _normals(self) -> str:
        return self.normals or TRUE_NORMALS_TOPIC

    @property
    def _instances(self) -> str:
        return self.instances or TRUE_INSTANCES_TOPIC

    @property
    def _pose(self) -> str:
        return self.pose or TRUE_POSE_TOPIC

    def truth_of(self, frame: Frame, moment: Moment, lens: Lens) -> Sample | None:
        """What the bag knows of a calibrated frame, None if nothing; unknown parts are NaN or -1.

        `lens` has just straightened the frame, and does the same to what was not so before.  Class ids without a legend
        mean nothing, and are unlabelled.

        Raises:
            FrameError: A part has another size than the image, an encoding that cannot be read, is no pose, or has a
                class id that the legend does not name.
            BagError: The legend is none.
        """
        messages = moment.messages
        if not messages.keys() & self.topics() - {self._pose} or frame.intrinsics is None:
            return None
        size = (frame.height, frame.width)

        def read(what: str, topics: Sequence[str], of: Callable[[Message], NDArray[Any]], unknown: float) -> Any:  # noqa: ANN401
            topic = next((topic for topic in topics if topic in messages), None)
            if topic is None:
                return None
            array = of(messages[topic])
            if array.shape[:2] != size:
                msg = f"true {what} are {array.shape[1]}x{array.shape[0]}, the image {frame.width}x{frame.height}"
                raise FrameError(msg)
            moved = lens.measured(array, topic, unknown)
            if frame.unseen is not None:  # truth of its own may know what the lens never saw: nobody can answer that
                moved = np.where(frame.unseen.reshape(size + (1,) * (moved.ndim - 2)), moved.dtype.type(unknown), moved)
            return moved

        depth_m = read("depth", self.depths, _depth_m, np.nan)
        depth_m = np.full(size, np.nan, np.float32) if depth_m is None else depth_m
        normals = read("normals", (self._normals,), _normals, np.nan)
        legend = moment.latched.get(self.legend_topic)
        names = _class_names(legend, self.legend_topic)
        masks = () if legend is None else (self.class_masks,)
        classes = read("class ids", masks, partial(_class_ids, names=names), -1)
        instances = read("instance ids", (self._instances,), _instance_ids, -1)
        unlabelled = np.full(size, -1, np.int16)
        return Sample(
            name="",  # a bag keeps stamps, not names
            rgb=frame.rgb,
            intrinsics=frame.intrinsics,
            depth_m=depth_m,
            normals=normals_from_depth(depth_m, frame.intrinsics) if normals is None else normals,
            class_ids=unlabelled if classes is None else classes,
            instance_ids=unlabelled if instances is None else instances,
            class_names=names,
            world_from_camera=_world_from_camera(messages.get(self._pose)),
        )


def _depth_m(message: Message) -> NDArray[np.float32]:
    if hasattr(message, "format"):
        return depth_m_from_compressed(message.format, message.data)
    return depth_m_from_fields(*image_fields(message))


def _normals(image: Message) -> NDArray[np.float32]:
    if image.encoding != "32FC3":
        msg = f"true normals are {image.encoding}; expected 32FC3, unit vectors in the optical frame"
        raise FrameError(msg)
    return array_from_fields(*image_fields(image)).astype(np.float32)


def _class_ids(image: Message, names: Sequence[str]) -> NDArray[np.int16]:
    """255 is a class only of 16 bits, and where the legend goes so far: masks of few classes come in 16 bits too."""
    stored = _stored_ids(image)
    wide = stored.dtype.itemsize > 1 and len(names) > UNLABELLED_CLASS
    ids = _ids(stored, (UNLABELLED_WIDE_CLASS,) if wide else (UNLABELLED_CLASS, UNLABELLED_WIDE_CLASS))
    if ids.max(initial=-1) >= len(names):
        msg = f"class id {ids.max()} is true, but the legend names {len(names)} classes: name every id"
        raise FrameError(msg)
    return ids


def _instance_ids(image: Message) -> NDArray[np.int16]:
    return _ids(_stored_ids(image), (UNLABELLED_INSTANCE,))


def _stored_ids(image: Message) -> NDArray[np.integer]:
    stored = array_from_fields(*image_fields(image))
    if stored.ndim != 2 or not np.issubdtype(stored.dtype, np.integer):  # noqa: PLR2004 -- one number a pixel
        msg = f"true ids are {image.encoding}; expected mono8, mono16 or 16UC1, one id a pixel"
        raise FrameError(msg)
    return stored


def _ids(stored: NDArray[np.integer], unlabelled: Sequence[int]) -> NDArray[np.int16]:
    ids = stored.astype(np.int32)
    for value in unlabelled:
        ids[stored == value] = -1
    if ids.max(initial=0) > MOST_ID:
        nothing = " or ".join(map(str, unlabelled))
        msg = f"true ids go up to {ids.max()}; expected at most {MOST_ID}, and {nothing} where nothing is known"
        raise FrameError(msg)
    return ids.astype(np.int16)


def _class_names(legend: Message, topic: str) -> tuple[str, ...]:
    """The names of the class ids; none where the bag has no legend."""
    if legend is None:
        return ()
    try:
        return tuple(str(name) for name in json.loads(legend.data)["classes"])
    except (ValueError, KeyError, TypeError) as error:
        msg = f'legend on {topic} is {legend.data!r}; expected JSON {{"classes": [name of id 0, ...]}}'
        raise BagError(msg) from error


def _world_from_camera(message: Message) -> NDArray[np.float64] | None:
    if message is None:
        return None
    q, at = message.pose.orientation, message.pose.position
    turn, place = (q.x, q.y, q.z, q.w), (at.x, at.y, at.z)
    if not np.isfinite((*turn, *place)).all() or np.linalg.norm(turn) < SHORTEST_QUATERNION:
        msg = f"true pose has quaternion {turn} and position {place}; expected finite numbers, and a turn of length 1"
        raise FrameError(msg)
    out = np.eye(4)
    out[:3, :3] = Rotation.from_quat(turn).as_matrix()
    out[:3, 3] = place
    return out
