"""Meshes of simple bodies, in metres, body axes with z up."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vb_perception.scenes.scene import Mesh

CREASE_DEG = 22.0

_CUBE_NORMALS = np.repeat(np.concatenate((np.eye(3), -np.eye(3))), 4, axis=0)  # four corners for each of the six faces
_CUBE_CORNERS = _CUBE_NORMALS + np.concatenate(
    [
        u * np.roll(np.eye(3)[axis], 1) + v * np.roll(np.eye(3)[axis], 2)
        for axis in (0, 1, 2, 0, 1, 2)
        for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
).reshape(24, 3)
_CUBE_TRIANGLES = (4 * np.arange(6)[:, None, None] + np.array(((0, 1, 2), (0, 2, 3)))).reshape(-1, 3)


def box(size_x_m: float, size_y_m: float, size_z_m: float) -> Mesh:
    """A cuboid that stands on z = 0, centred in x and y."""
    half = np.array((size_x_m, size_y_m, size_z_m)) / 2
    return _mesh(_CUBE_CORNERS * half + (0, 0, half[2]), _CUBE_NORMALS, _CUBE_TRIANGLES)


def lathe(profile_m: Sequence[tuple[float, float]], segments: int = 32) -> Mesh:
    """A body of revolution about z.

    Args:
        profile_m: (radius, z) from the axis below, around the outside, to the axis above (or inside); corners sharper
            than CREASE_DEG stay sharp.
        segments: Number of flat sides around.
    """
    profile = np.asarray(profile_m, np.float64)
    length = np.linalg.norm(np.diff(profile, axis=0), axis=1, keepdims=True)
    keep = length[:, 0] > 0
    start, end, length = profile[:-1][keep], profile[1:][keep], length[keep]
    step = end - start
    normal = np.stack((step[:, 1], -step[:, 0]), axis=1) / length
    smooth = (normal[:-1] * normal[1:]).sum(axis=1) > math.cos(math.radians(CREASE_DEG))
    # Weighted by length, so that a long straight side keeps its normal beside a short rounding.
    joint = normal[:-1] * length[:-1] + normal[1:] * length[1:]
    joint /= np.maximum(np.linalg.norm(joint, axis=1, keepdims=True), 1e-9)
    first, last = normal.copy(), normal.copy()
    first[1:][smooth] = joint[smooth]
    last[:-1][smooth] = joint[smooth]
    ring = np.stack((start, end), axis=1).reshape(-1, 2)
    ring_normal = np.stack((first, last), axis=1).reshape(-1, 2)
    angle = np.linspace(0, 2 * math.pi, segments + 1)
    cos, sin = np.cos(angle), np.sin(angle)

    def turned(rz: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = rz[:, :1] * cos, rz[:, :1] * sin
        return np.stack((x, y, np.broadcast_to(rz[:, 1:], x.shape)), axis=2).reshape(-1, 3)

    return _mesh(turned(ring), turned(ring_normal), _strips(len(start), segments + 1))


def cylinder(radius_m: float, height_m: float, segments: int = 32) -> Mesh:
    """A closed cylinder that stands on z = 0."""
    return lathe(((0, 0), (radius_m, 0), (radius_m, height_m), (0, height_m)), segments)


def ball(radius_m: float) -> Mesh:
    """A sphere that rests on z = 0."""
    angle = np.linspace(-math.pi / 2, math.pi / 2, 19)
    profile = np.stack((np.cos(angle), 1 + np.sin(angle)), axis=1) * radius_m
    profile[[0, -1], 0] = 0
    return lathe([(float(r), float(z)) for r, z in profile])


def cushion(size_x_m: float, size_y_m: float, size_z_m: float, roundness: float = 0.35) -> Mesh:
    """A cuboid with soft edges (a superellipsoid) that rests on z = 0; roundness in (0, 1], 1 is an ellipsoid."""
    latitude = np.linspace(-math.pi / 2, math.pi / 2, 17)[:, None]
    longitude = np.linspace(-math.pi, math.pi, 33)[None, :]

    def powered(value: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
        return np.sign(value) * np.abs(value) ** exponent

    def surface(exponent: float) -> NDArray[np.float64]:
        ring = powered(np.cos(latitude), exponent)
        x = ring * powered(np.cos(longitude), exponent)
        y = ring * powered(np.sin(longitude), exponent)
        z = np.broadcast_to(powered(np.sin(latitude), exponent), x.shape)
        return np.stack((x, y, z), axis=2).reshape(-1, 3)

    half = np.array((size_x_m, size_y_m, size_z_m)) / 2
    normals = surface(2 - roundness) / half
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    rows, columns = latitude.size, longitude.size
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    triangles = np.concatenate((np.stack((a, b, c), -1).reshape(-1, 3), np.stack((a, c, d), -1).reshape(-1, 3)))
    return _mesh(surface(roundness) * half + (0, 0, half[2]), normals, triangles)


def tube(centres_m: NDArray[np.float64], radius_m: float, segments: int = 10) -> Mesh:
    """A round bar along a curve (K, 3) that lies in the plane y = 0; its ends are open (hide them in other bodies)."""
    along = np.gradient(centres_m, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.array((0.0, 1.0, 0.0))
    out = np.cross(along, side)
    angle = np.linspace(0, 2 * math.pi, segments + 1)
    normals = np.cos(angle)[None, :, None] * out[:, None] + np.sin(angle)[None, :, None] * side
    positions = centres_m[:, None] + radius_m * normals
    rows, columns = len(centres_m), segments + 1
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    triangles = np.concatenate((np.stack((a, b, c), -1).reshape(-1, 3), np.stack((a, c, d), -1).reshape(-1, 3)))
    return _mesh(positions.reshape(-1, 3), normals.reshape(-1, 3), triangles)


def _strips(count: int, columns: int) -> NDArray[np.int64]:
    """Triangles of `count` bands, each between two rows of `columns` vertices of its own."""
    row = np.arange(columns - 1)
    first = (2 * columns * np.arange(count))[:, None] + row
    a, b, c, d = first, first + 1, first + columns + 1, first + columns
    return np.concatenate((np.stack((a, b, c), -1).reshape(-1, 3), np.stack((a, c, d), -1).reshape(-1, 3)))


def _mesh(positions: NDArray[np.float64], normals: NDArray[np.float64], triangles: NDArray[np.int64]) -> Mesh:
    return Mesh(positions.astype(np.float32), normals.astype(np.float32), triangles.astype(np.int32))
