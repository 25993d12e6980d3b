"""Where clouds are put: in the image's own frame, in one that lies fixed to it, or in one that TF knows."""

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.time import Time

from vb_perception.errors import ConfigError, FrameError
from vb_perception.frame import Perception
from vb_perception.ros.inputs import NS_PER_S
from vb_perception.ros.settings import CloudFrame

TF_WAIT_S = 0.1
"""An answer may be there before the transform of its image's stamp: odometry comes late, and in steps of 10 to 50 ms.
More would hold up the answers that come next."""


def pose_from_quaternion(position: tuple[float, ...], quaternion: tuple[float, ...]) -> NDArray[np.float64]:
    """The matrix (4, 4) of a position x, y, z [m] and a unit quaternion x, y, z, w."""
    x, y, z, w = quaternion
    pose = np.eye(4)
    pose[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    pose[:3, 3] = position
    return pose


class ToCloudFrame:
    """The pose of the optical frame in the clouds' frame, for each frame's stamp."""

    def __init__(self, node: Node, target: CloudFrame | None) -> None:
        """Listen to TF, if the pose is not given.

        Raises:
            ConfigError: tf2_ros is not installed.
        """
        self.frame_id = "" if target is None else target.frame_id
        self._static: NDArray[np.float64] | None = None
        self._buffer: Any = None
        self._listener: Any = None
        self._missed_ns: int | None = None
        if target is not None and target.extrinsics is not None:
            self._static = pose_from_quaternion(target.extrinsics[:3], target.extrinsics[3:])
        elif target is not None:
            try:
                tf2_ros = import_module("tf2_ros")
            except ImportError as error:
                msg = (
                    f"cloud_frame {target.frame_id!r} without cloud_extrinsics needs tf2_ros ({error}): install the "
                    "distribution's tf2_ros_py, or give cloud_extrinsics"
                )
                raise ConfigError(msg) from error
            self._buffer = tf2_ros.Buffer()
            self._listener = tf2_ros.TransformListener(self._buffer, node)

    def pose(self, perception: Perception) -> NDArray[np.float64] | None:
        """The optical frame in the clouds' frame (4, 4) at the frame's stamp; None if they are the same.

        Waits for TF, once a frame however many clouds ask: never in the executor's thread, which receives TF, nor under
        a lock that it takes.

        Raises:
            FrameError: TF does not know it.
        """
        if self._buffer is None or self.frame_id == perception.frame.frame_id:
            return self._static
        source, stamp_ns = perception.frame.frame_id, perception.frame.stamp_ns
        wait = Duration() if stamp_ns == self._missed_ns else Duration(seconds=TF_WAIT_S)
        exceptions = import_module("tf2_ros").TransformException
        try:
            found = self._buffer.lookup_transform(self.frame_id, source, Time(nanoseconds=stamp_ns), wait).transform
        except exceptions as error:
            self._missed_ns = stamp_ns
            msg = (
                f"TF cannot tell {source!r} in cloud_frame {self.frame_id!r} at {stamp_ns / NS_PER_S:.3f} s: {error}; "
                "publish that transform, or leave cloud_frame empty"
            )
            raise FrameError(msg) from error
        p, q = found.translation, found.rotation
        return pose_from_quaternion((p.x, p.y, p.z), (q.x, q.y, q.z, q.w))

    def clear(self) -> None:
        """Forget the transforms so far: after a jump back in time they would be those of the run before."""
        if self._buffer is not None:
            self._buffer.clear()
            self._missed_ns = None

    def close(self) -> None:
        """Stop listening to TF."""
        if self._listener is not None:
            self._listener.unregister()
        self._buffer = self._listener = None
