"""A bag -> camera frames, each with its truth where the bag holds any (topics: see `bag_samples`)."""

import json
from collections.abc import Callable, Collection, Iterator
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
from vb_perception.evaluation.camera_topics import COMPRESSED, CameraTopics, find_camera
from vb_perception.evaluation.message_types import Message
from vb_perception.evaluation.stamped import Moment, read_moments
from vb_perception.frame import Frame
from vb_perception.scenes.normals_from_depth import normals_from_depth
from vb_perception.scenes.sample import Sample

_TRUTH = (TRUE_DEPTH_TOPIC, TRUE_DEPTH_PNG_TOPIC, TRUE_CLASSES_TOPIC, TRUE_INSTANCES_TOPIC)
Report = Callable[[str], object]
Fields = tuple[str, int, int, int, Any, int]


def refuse(reason: str) -> NoReturn:
    """What reading a bag does with an unusable frame unless told otherwise: raise BagError."""
    raise BagError(reason)


def read_frames(
    path: Path | str, camera: CameraTopics | None = None, on_unusable: Report = refuse
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
    for frame, truth, _ in read_frame_moments(path, camera or find_camera(path), (), on_unusable):
        yield frame, truth


def read_frame_moments(
    path: Path | str, camera: CameraTopics, also: Collection[str], on_unusable: Report = refuse
) -> Iterator[tuple[Frame, Sample | None, Moment]]:
    """`read_frames`, each with its moment: the messages of its stamp, among them those on the topics in `also`."""
    latest_info: Message = None
    for moment in read_moments(path, {camera.image, camera.camera_info, *_TRUTH, *also}, (LEGEND_TOPIC,)):
        latest_info = moment.messages.get(camera.camera_info, latest_info)
        if camera.image not in moment.messages:
            continue
        try:
            frame = _frame(camera, moment, latest_info)
            truth = _truth(frame, moment)
        except FrameError as error:
            on_unusable(f"image of stamp {moment.stamp_ns} ns on {camera.image}: {error}")
            continue
        yield frame, truth, moment


def image_fields(image: Message) -> Fields:
    """The fields of a sensor_msgs/Image in the order in which `encodings` takes them."""
    return image.encoding, image.height, image.width, image.step, image.data, image.is_bigendian


def _frame(camera: CameraTopics, moment: Moment, info: Message) -> Frame:
    image = moment.messages[camera.image]
    if info is None:
        msg = "no camera_info came before it; expected one with its stamp or a latched one at the start"
        raise FrameError(msg)
    intrinsics = CameraIntrinsics.from_matrices(info.width, info.height, info.k, info.p)
    if camera.msgtype == COMPRESSED:
        rgb = rgb_from_compressed(image.format, image.data)
    else:
        rgb = rgb_from_fields(*image_fields(image))
    return Frame(rgb, moment.stamp_ns, image.header.frame_id, intrinsics)


def _truth(frame: Frame, moment: Moment) -> Sample | None:
    """What the bag knows of a calibrated frame; unknown parts are NaN or -1."""
    messages = moment.messages
    if not messages.keys() & set(_TRUTH) or frame.intrinsics is None:
        return None
    size = (frame.height, frame.width)
    depth_m = np.full(size, np.nan, np.float32)
    if TRUE_DEPTH_TOPIC in messages:
        depth_m = depth_m_from_fields(*image_fields(messages[TRUE_DEPTH_TOPIC]))
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
        name="",  # a bag keeps stamps, not names
        rgb=frame.rgb,
        intrinsics=frame.intrinsics,
        depth_m=depth_m,
        normals=normals_from_depth(depth_m, frame.intrinsics),
        class_ids=classes,
        instance_ids=instances,
        class_names=_class_names(moment.latched.get(LEGEND_TOPIC)),
    )


def _class_names(legend: Message) -> tuple[str, ...]:
    """The names of the class ids; none where the bag has no legend."""
    if legend is None:
        return ()
    try:
        return tuple(str(name) for name in json.loads(legend.data)["classes"])
    except (ValueError, KeyError, TypeError) as error:
        msg = f'legend on {LEGEND_TOPIC} is {legend.data!r}; expected JSON {{"classes": [name of id 0, ...]}}'
        raise BagError(msg) from error


def _ids(image: Message, unlabelled: int, size: tuple[int, int]) -> NDArray[np.int16]:
    if image is None:
        return np.full(size, -1, np.int16)
    stored = array_from_fields(*image_fields(image)).astype(np.int32)
    return np.where(stored == unlabelled, -1, stored).astype(np.int16)
