"""Samples with truth -> a bag: the layout that the demo plays and the scorer reads back.

======================================  =================  ==========================================================
`/camera/image_raw/compressed`          CompressedImage    the image as JPEG
`/camera/camera_info`                   CameraInfo         its intrinsics, no distortion; one message an image
`/truth/depth/image_rect`               Image              true z-depth, 16UC1 millimetres (0 unknown) or 32FC1 metres
`/truth/depth/image_rect/compressed`    CompressedImage    the same as 16-bit PNG, where the bag has to be small
`/truth/segmentation/mask`              Image, mono8       true class ids, 255 unlabelled; mono16, 65535
                                                           unlabelled, of a legend that a byte cannot hold
`/truth/instances/mask`                 Image, mono16      true instance ids, 0 no object, 65535 unlabelled
`/truth/normals`                        Image, 32FC3       true unit normals, optical frame, NaN unknown;
                                                           written where asked for: else derived from depth
`/truth/pose`                           PoseStamped        pose of the optical frame in a fixed one
`/truth/legend`                         String, latched    JSON {"classes": [name of id 0, name of id 1, ...]}
======================================  =================  ==========================================================

A truth that a sample does not have (all NaN, all unlabelled) is not written.  All messages of a sample bear its stamp.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from vb_perception.camera import CameraIntrinsics
from vb_perception.encodings import fields_from_array
from vb_perception.errors import BagError
from vb_perception.evaluation.bag_writer import BagWriter
from vb_perception.evaluation.message_types import Message, message_types
from vb_perception.scenes.sample import Sample

IMAGE_TOPIC = "/camera/image_raw/compressed"
INFO_TOPIC = "/camera/camera_info"
TRUE_DEPTH_TOPIC = "/truth/depth/image_rect"
TRUE_DEPTH_PNG_TOPIC = "/truth/depth/image_rect/compressed"
TRUE_CLASSES_TOPIC = "/truth/segmentation/mask"
TRUE_INSTANCES_TOPIC = "/truth/instances/mask"
TRUE_NORMALS_TOPIC = "/truth/normals"
TRUE_POSE_TOPIC = "/truth/pose"
LEGEND_TOPIC = "/truth/legend"
OPTICAL_FRAME = "camera_optical_frame"
UNLABELLED_CLASS = 255
UNLABELLED_WIDE_CLASS = 65535
UNLABELLED_INSTANCE = 65535
NS_PER_S = 10**9
STAMPS_END_NS = 2**31 * NS_PER_S
"""The first time after all that builtin_interfaces/Time can tell: its seconds are an int32."""
DepthForm = Literal["16UC1", "32FC1", "png"]

_MAX_MM = 65535


def write_samples(
    path: Path | str,
    samples: Iterable[Sample],
    rate_hz: float = 15.0,
    start_ns: int = 1_000_000_000,
    depth: DepthForm = "16UC1",
    jpeg_quality: int = 90,
    *,
    normals: bool = False,
) -> int:
    """Write samples to an .mcap file, `rate_hz` of them a second from `start_ns` on; how many there were.

    With `normals` they are written too; left out, who reads the bag derives them from depth.

    Raises:
        BagError: There is no sample, or their stamps would be no stamps or not differ at that rate.
    """
    if not 0 < rate_hz <= NS_PER_S:
        msg = f"a bag of {rate_hz} frames a second: expected a rate above zero, at most {NS_PER_S:g}, one a nanosecond"
        raise BagError(msg)
    count = 0
    with BagWriter(path) as bag:
        legend: tuple[str, ...] = ()
        for sample in samples:
            stamp_ns = start_ns + round(count * NS_PER_S / rate_hz)
            if stamp_ns >= STAMPS_END_NS:
                msg = f"frame {count + 1} at {rate_hz} frames a second is later than a stamp can be: raise the rate"
                raise BagError(msg)
            if _labelled(sample) and sample.class_names != legend:
                legend = sample.class_names
                bag.write_typed(LEGEND_TOPIC, legend_message(legend), stamp_ns, latched=True)
            write_sample(bag, sample, stamp_ns, depth, jpeg_quality)
            if normals and np.isfinite(sample.normals).any():
                bag.write_typed(TRUE_NORMALS_TOPIC, image_message(sample.normals, "32FC3", stamp_ns), stamp_ns)
            count += 1
        if not count:
            msg = f"nothing to write to {path}: no frames were given"
            raise BagError(msg)
    return count


def write_sample(bag: BagWriter, sample: Sample, stamp_ns: int, depth: DepthForm, jpeg_quality: int) -> None:
    """Write one sample's messages, all stamped and recorded at `stamp_ns`."""
    bag.write_typed(INFO_TOPIC, camera_info_message(sample.intrinsics, stamp_ns), stamp_ns)
    bag.write_typed(IMAGE_TOPIC, picture_message(sample.rgb, stamp_ns, jpeg_quality), stamp_ns)
    if np.isfinite(sample.depth_m).any():
        _write_depth(bag, sample.depth_m, stamp_ns, depth)
    if _labelled(sample):
        instances = np.where(sample.instance_ids < 0, UNLABELLED_INSTANCE, sample.instance_ids).astype(np.uint16)
        bag.write_typed(TRUE_CLASSES_TOPIC, _classes_message(sample, stamp_ns), stamp_ns)
        bag.write_typed(TRUE_INSTANCES_TOPIC, image_message(instances, "mono16", stamp_ns), stamp_ns)
    if sample.world_from_camera is not None:
        bag.write_typed(TRUE_POSE_TOPIC, _pose(sample.world_from_camera, stamp_ns), stamp_ns)


def picture_message(rgb: NDArray[np.uint8], stamp_ns: int, jpeg_quality: int = 90) -> Message:
    """A picture (H, W, 3) as a sensor_msgs/CompressedImage."""
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality])[1]
    return _compressed("rgb8; jpeg compressed bgr8", jpeg, stamp_ns)


def _labelled(sample: Sample) -> bool:
    return bool((sample.class_ids >= 0).any())


def _classes_message(sample: Sample, stamp_ns: int) -> Message:
    ids = sample.class_ids
    if max(len(sample.class_names) - 1, int(ids.max())) < UNLABELLED_CLASS:
        return image_message(np.where(ids < 0, UNLABELLED_CLASS, ids).astype(np.uint8), "mono8", stamp_ns)
    return image_message(np.where(ids < 0, UNLABELLED_WIDE_CLASS, ids).astype(np.uint16), "mono16", stamp_ns)


def _write_depth(bag: BagWriter, depth_m: NDArray[np.float32], stamp_ns: int, form: DepthForm) -> None:
    if form == "32FC1":
        bag.write_typed(TRUE_DEPTH_TOPIC, image_message(depth_m, form, stamp_ns), stamp_ns)
        return
    millimetres = np.rint(np.nan_to_num(depth_m.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0) * 1000)
    stored = np.where((millimetres > 0) & (millimetres <= _MAX_MM), millimetres, 0).astype(np.uint16)
    if form == "16UC1":
        bag.write_typed(TRUE_DEPTH_TOPIC, image_message(stored, form, stamp_ns), stamp_ns)
    else:
        png = cv2.imencode(".png", stored, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
        bag.write_typed(TRUE_DEPTH_PNG_TOPIC, _compressed("16UC1; png compressed", png, stamp_ns), stamp_ns)


def _header(stamp_ns: int, frame_id: str = OPTICAL_FRAME) -> Message:
    types = message_types().types
    seconds, nanoseconds = divmod(stamp_ns, 10**9)
    stamp = types["builtin_interfaces/msg/Time"](sec=seconds, nanosec=nanoseconds)
    return types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame_id)


def image_message(array: NDArray[Any], encoding: str, stamp_ns: int) -> Message:
    """A sensor_msgs/Image of the camera's frame and that stamp."""
    fields = fields_from_array(array, encoding)
    return message_types().types["sensor_msgs/msg/Image"](
        header=_header(stamp_ns),
        height=fields.height,
        width=fields.width,
        encoding=fields.encoding,
        is_bigendian=0,
        step=fields.step,
        data=np.frombuffer(fields.data, np.uint8),
    )


def _compressed(form: str, data: NDArray[np.uint8], stamp_ns: int) -> Message:
    compressed_image = message_types().types["sensor_msgs/msg/CompressedImage"]
    return compressed_image(header=_header(stamp_ns), format=form, data=data.reshape(-1))


def camera_info_message(camera: CameraIntrinsics, stamp_ns: int) -> Message:
    """The sensor_msgs/CameraInfo of a rectified camera."""
    types = message_types().types
    k = np.array([camera.fx, 0, camera.cx, 0, camera.fy, camera.cy, 0, 0, 1], np.float64)
    p = np.hstack([k.reshape(3, 3), np.zeros((3, 1))]).reshape(-1)
    whole = types["sensor_msgs/msg/RegionOfInterest"](x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
    return types["sensor_msgs/msg/CameraInfo"](
        header=_header(stamp_ns),
        height=camera.height,
        width=camera.width,
        distortion_model="plumb_bob",
        d=np.zeros(5),
        k=k,
        r=np.eye(3).reshape(-1),
        p=p,
        binning_x=0,
        binning_y=0,
        roi=whole,
    )


def _pose(world_from_camera: NDArray[np.float64], stamp_ns: int) -> Message:
    types = message_types().types
    x, y, z, w = (float(v) for v in Rotation.from_matrix(world_from_camera[:3, :3]).as_quat())
    position = types["geometry_msgs/msg/Point"](*(float(v) for v in world_from_camera[:3, 3]))
    pose = types["geometry_msgs/msg/Pose"](position, types["geometry_msgs/msg/Quaternion"](x=x, y=y, z=z, w=w))
    return types["geometry_msgs/msg/PoseStamped"](header=_header(stamp_ns, frame_id="world"), pose=pose)


def legend_message(names: tuple[str, ...]) -> Message:
    """The class names as JSON."""
    return message_types().types["std_msgs/msg/String"](data=json.dumps({"classes": list(names)}))
