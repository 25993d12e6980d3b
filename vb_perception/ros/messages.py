"""Arrays -> ROS messages.  Headers are those of the camera image.

Messages are filled through `array.array`: assigning bytes or a numpy array to a ROS 2 Python message is 10 to 1000
times slower.
"""

import array
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField
from std_msgs.msg import Header

from vb_perception.encodings import fields_from_array
from vb_perception.errors import FrameError
from vb_perception.frame import Frame
from vb_perception.pointcloud import CloudFields
from vb_perception.ros.inputs import NS_PER_S

MAX_16UC1_M = np.float32(65.535)


def header_of(frame: Frame) -> Header:
    """The header of the camera image, stamp and frame_id unchanged."""
    header = Header(frame_id=frame.frame_id)
    header.stamp.sec, header.stamp.nanosec = divmod(frame.stamp_ns, NS_PER_S)
    return header


def image_message(frame: Frame, pixels: NDArray[Any], encoding: str, kept: "KeptBytes | None" = None) -> Image:
    """`pixels` (H, W[, C]) in the encoding's own dtype, with the frame's header."""
    fields = fields_from_array(pixels, encoding)
    out = Image(header=header_of(frame), height=fields.height, width=fields.width, encoding=encoding, step=fields.step)
    out.is_bigendian = int(fields.is_bigendian)
    out.data = (kept or KeptBytes()).holding(np.frombuffer(fields.data, np.uint8))
    return out


def depth_message(frame: Frame, depth_m: NDArray[np.float32], encoding: str, kept: "KeptBytes | None" = None) -> Image:
    """Metres as 32FC1, or millimetres as 16UC1: 0 where unknown, beyond range or beyond 65.535 m (REP-118)."""
    if encoding == "32FC1":
        return image_message(frame, depth_m, encoding, kept)
    return image_message(frame, millimetres(depth_m), "16UC1", kept)


def millimetres(depth_m: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Depth (H, W) [m] in millimetres: 0 where it is unknown, beyond range or beyond 65.535 m."""
    with np.errstate(invalid="ignore"):
        fits = (depth_m > 0) & (depth_m <= MAX_16UC1_M)
    return np.rint(np.where(fits, depth_m, np.float32(0)) * np.float32(1000)).astype(np.uint16)


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


def cloud_message(frame: Frame, cloud: CloudFields, frame_id: str = "", kept: "KeptBytes | None" = None) -> PointCloud2:
    """A packed cloud with the frame's stamp, in the frame's own frame_id unless another is given."""
    fields = [PointField(name=f.name, offset=f.offset, datatype=f.datatype, count=f.count) for f in cloud.fields]
    out = PointCloud2(header=header_of(frame), height=cloud.height, width=cloud.width, fields=fields)
    if frame_id:
        out.header.frame_id = frame_id
    out.point_step, out.row_step, out.is_dense = cloud.point_step, cloud.row_step, cloud.is_dense
    out.data = (kept or KeptBytes()).holding(cloud.data)
    return out


class KeptBytes:
    """The bytes of one topic's messages, kept from one to the next: fresh megabytes cost more than what is put in.

    What it hands out holds until the next message of the topic is filled; publishing copies it.  One owner: the thread
    that publishes.
    """

    def __init__(self) -> None:
        self._kept = array.array("B")

    def room(self, size: int) -> NDArray[np.uint8]:
        """So many bytes to be written into (size,)."""
        if len(self._kept) != size:
            self._kept = array.array("B", bytes(size))
        return np.frombuffer(self._kept, np.uint8)

    def holding(self, content: NDArray[np.uint8]) -> "array.array[int]":
        """The bytes as a message takes them; copied unless they were written into `room`."""
        room = self.room(content.size)
        if not np.may_share_memory(room, content):
            room[:] = content
        return self._kept
