"""The matrices of a picture: the camera's view, the sun's, and the rays of its pixels."""

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.scenes.scene import Lighting

NEAR_M, FAR_M = 0.03, 120.0
"""What is nearer or farther along the optical axis is not drawn."""


def clip_from_camera(camera: CameraIntrinsics) -> NDArray[np.float64]:
    """OpenGL clip space from the optical frame [m], (4, 4), y kept down: pixel (0, 0) is texel (0, 0)."""
    out = np.zeros((4, 4))
    out[0, 0], out[0, 2] = 2 * camera.fx / camera.width, (2 * camera.cx + 1) / camera.width - 1
    out[1, 1], out[1, 2] = 2 * camera.fy / camera.height, (2 * camera.cy + 1) / camera.height - 1
    out[2, 2] = (FAR_M + NEAR_M) / (FAR_M - NEAR_M)
    out[2, 3] = -2 * FAR_M * NEAR_M / (FAR_M - NEAR_M)
    out[3, 2] = 1
    return out


def camera_from_pixel(camera: CameraIntrinsics, painted_width: int) -> NDArray[np.float64]:
    """Rays (x/z, y/z, 1) of (column, row, 1) in the painted picture, whose pixel centres lie at halves; (3, 3).

    `painted_width` [px] may be another than the camera's: the picture is painted larger than it will be.
    """
    scale = camera.width / painted_width
    return np.array(
        (
            (scale / camera.fx, 0.0, -(camera.cx + 0.5) / camera.fx),
            (0.0, scale / camera.fy, -(camera.cy + 0.5) / camera.fy),
            (0.0, 0.0, 1.0),
        )
    )


def shadow_from_world(light: Lighting) -> NDArray[np.float64]:
    """Orthographic view along the sun's rays, (4, 4), from the world [m] onto [-1, 1] in each axis."""
    forward = -np.asarray(light.sun_direction, np.float64) / np.linalg.norm(light.sun_direction)
    right = np.cross(forward, (0.3, 1.0, 0.1))
    right /= np.linalg.norm(right)
    out = np.eye(4)
    out[:3, :3] = np.stack((right, np.cross(forward, right), forward)) / light.shadow_radius_m
    out[2, :3] /= 4  # deep enough for tall bodies between the sun and the place
    out[:3, 3] = -out[:3, :3] @ np.asarray(light.shadow_centre_m)
    return out
