"""Rigid transforms of bodies and cameras; world axes: z up, metres; matrices (4, 4) float64, read right to left."""

import math

import numpy as np
from numpy.typing import NDArray


def translation(x_m: float, y_m: float, z_m: float) -> NDArray[np.float64]:
    """Shift by (x, y, z)."""
    out = np.eye(4)
    out[:3, 3] = (x_m, y_m, z_m)
    return out


def rotation(axis: int, angle_rad: float) -> NDArray[np.float64]:
    """Right-handed turn about axis 0 (x), 1 (y) or 2 (z)."""
    out = np.eye(4)
    u, v = (axis + 1) % 3, (axis + 2) % 3
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    out[u, u], out[u, v], out[v, u], out[v, v] = cos, -sin, sin, cos
    return out


def standing(x_m: float, y_m: float, z_m: float, yaw_rad: float = 0.0) -> NDArray[np.float64]:
    """world_from_body of an upright body whose origin is at (x, y, z)."""
    return translation(x_m, y_m, z_m) @ rotation(2, yaw_rad)


def looking_at(eye_m: NDArray[np.float64], target_m: NDArray[np.float64], roll_rad: float = 0.0) -> NDArray[np.float64]:
    """world_from_camera (optical frame) of a camera at `eye_m` that looks at `target_m`, level but for its roll."""
    forward = (target_m - eye_m) / np.linalg.norm(target_m - eye_m)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    out = np.eye(4)
    out[:3, 0], out[:3, 1], out[:3, 2], out[:3, 3] = right, np.cross(forward, right), forward, eye_m
    return out @ rotation(2, roll_rad)
