"""A bag -> camera frames, each with its truth where the bag holds any (topics: see `bag_samples`)."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.encodings import (
    array_from_fields,
    depth_m_from_compressed,
    depth_m_from_fields,
    rgb_from_compressed,
    rgb_from_fields,
)
from vb_perception.errors import BagError, FrameError
from vb_perception.evaluation.bag_samples import (
    LEGEND_TOPIC,
    TRUE_CLASSES_TOPIC,
    TRUE_DEPTH_PNG_TOPIC,
    TRUE_DEPTH_TOPIC,
    TRUE_INSTANCES_TOPIC,
    UNLABELLED_CLASS,
    UNLABELLED_INSTANCE,
)
from vb_perception.evaluation.bags import bag_topics, read_typed
from vb_perception.evaluation.camera_topics import COMPRESSED, CameraTopics, find_camera
from vb_perception.evaluation.message_types import Message, stamp_of
from vb_perception.frame import Frame
from vb_perception.scenes.normals_from_depth import normals_from_depth
from vb_perception.scenes.sample import Sample

WAIT_NS = 2_000_000_000  # how much later than its image, by time of recording, a frame's truth may arrive
_TRUTH = (TRUE_DEPTH_TOPIC, TRUE_DEPTH_PNG_TOPIC, TRUE_CLASSES_TOPIC, TRUE_INSTANCES_TOPIC)


@dataclass(slots=True)
class _Parts:
    """The messages of one stamp as they come in, by topic, and the legend that held then."""

    recorded_ns: int
    messages: dict[str, Message] = field(default_factory=dict)
    class_names: tuple[str, ...] = ()


def refuse(reason: str) -> NoReturn:
    """What `read_frames` does with an unusable frame unless told otherwise: raise BagError."""
    raise BagError(reason)


def read_frames(
    path: Path | str, camera: CameraTopics | None = None, on_unusable: Callable[[str], object] = refuse
) -> Iterator[tuple[Frame, Sample | None]]:
    """The frames of a bag in order of recording, with the truth of the same stamp or None.

    A frame takes the camera_info of its stamp, else the latest one before it (a latched one).  Without calibration
    (K[0] == 0) its intrinsics are None.  True normals are derived from true depth by `normals_from_depth`.

    Args:
        path: A bag; see `open_bag`.
        camera: Its camera topics; None: `find_camera`.
        on_unusable: Called with one sentence for each image that is no frame (corrupt, of another size than its
            camera_info, ...), which is then left out.

    Raises:
        BagError: As `find_camera` and `read_messages`, and from `refuse`.
    """
    camera = camera or find_camera(path)
    there = bag_topics(path)
    truth_topics = [topic for topic in _TRUTH if topic in there]
    topics = [camera.image, camera.camera_info, *truth_topics, *([LEGEND_TOPIC] if LEGEND_TOPIC in there else [])]
    pending: dict[int, _Parts] = {}
    latest_info: Message = None
    class_names: tuple[str, ...] = ()
    complete = {camera.image, camera.camera_info, *truth_topics}
    for topic, recorded_ns, message in read_typed(path, topics):
        if topic == LEGEND_TOPIC:
            class_names = tuple(json.loads(message.data)["classes"])
            continue
        stamp_ns = stamp_of(message)
        parts = pending.setdefault(stamp_ns, _Parts(recorded_ns))
        parts.messages[topic] = message
        parts.class_names = class_names
        for stamp_ns, parts in _leading(pending, complete, recorded_ns):
            latest_info = parts.messages.get(camera.camera_info, latest_info)
            yield from _frame(camera, stamp_ns, parts, latest_info, on_unusable)
    for stamp_ns, parts in pending.items():
        latest_info = parts.messages.get(camera.camera_info, latest_info)
        yield from _frame(camera, stamp_ns, parts, latest_info, on_unusable)


def _leading(pending: dict[int, _Parts], complete: set[str], now_ns: int) -> Iterator[tuple[int, _Parts]]:
    """Take from the front of `pending` what is complete or has waited long enough, so that the order is kept."""
    while pending:
        stamp_ns, parts = next(iter(pending.items()))
        if not parts.messages.keys() >= complete and now_ns - parts.recorded_ns <= WAIT_NS:
            return
        del pending[stamp_ns]
        yield stamp_ns, parts


def _frame(
    camera: CameraTopics,
    stamp_ns: int,
    parts: _Parts,
    info: Message,
    on_unusable: Callable[[str], object],
) -> Iterator[tuple[Frame, Sample | None]]:
    """The frame of one stamp, if its image came and is usable."""
    image = parts.messages.get(camera.image)
    if image is None:
        return
    try:
        if camera.msgtype == COMPRESSED:
            rgb = rgb_from_compressed(image.format, image.data)
        else:
            rgb = rgb_from_fields(*_fields(image))
        intrinsics = _intrinsics(info)
        frame = Frame(rgb, stamp_ns, image.header.frame_id, intrinsics)
        truth = _truth(frame, parts) if intrinsics else None
    except FrameError as error:
        on_unusable(f"image of stamp {stamp_ns} ns on {camera.image}: {error}")
        return
    yield frame, truth


def _intrinsics(info: Message) -> CameraIntrinsics | None:
    if info is None:
        msg = "no camera_info came before it; expected one with its stamp or a latched one at the start"
        raise FrameError(msg)
    if info.k[0] == 0:
        return None
    return CameraIntrinsics(info.width, info.height, *(float(info.k[i]) for i in (0, 4, 2, 5)))


def _fields(image: Message) -> tuple[str, int, int, int, Any, int]:
    return image.encoding, image.height, image.width, image.step, image.data, image.is_bigendian


def _truth(frame: Frame, parts: _Parts) -> Sample | None:
    """What the bag knows of a calibrated frame; unknown parts are NaN or -1."""
    messages = parts.messages
    if not messages.keys() & set(_TRUTH) or frame.intrinsics is None:
        return None
    size = (frame.height, frame.width)
    depth_m = np.full(size, np.nan, np.float32)
    if TRUE_DEPTH_TOPIC in messages:
        depth_m = depth_m_from_fields(*_fields(messages[TRUE_DEPTH_TOPIC]))
    elif TRUE_DEPTH_PNG_TOPIC in messages:
        png = messages[TRUE_DEPTH_PNG_TOPIC]
        depth_m = depth_m_from_compressed(png.format, png.data)
    classes = _ids(messages.get(TRUE_CLASSES_TOPIC), UNLABELLED_CLASS, size)
    instances = _ids(messages.get(TRUE_INSTANCES_TOPIC), UNLABELLED_INSTANCE, size)
    for name, array in (("depth", depth_m), ("class ids", classes), ("instance ids", instances)):
        if array.shape != size:
            msg = f"true {name} are {array.shape[1]}x{array.shape[0]}, the image {frame.width}x{frame.height}"
            raise FrameError(msg)
    return Sample(
        name=f"{frame.stamp_ns / 1e9:.3f} s",
        rgb=frame.rgb,
        intrinsics=frame.intrinsics,
        depth_m=depth_m,
        normals=normals_from_depth(depth_m, frame.intrinsics),
        class_ids=classes,
        instance_ids=instances,
        class_names=parts.class_names,
    )


def _ids(image: Message, unlabelled: int, size: tuple[int, int]) -> NDArray[np.int16]:
    if image is None:
        return np.full(size, -1, np.int16)
    stored = array_from_fields(*_fields(image)).astype(np.int32)
    return np.where(stored == unlabelled, -1, stored).astype(np.int16)
