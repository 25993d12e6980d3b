"""Arrays -> pictures that a person can judge: depth, normals, masks over the image, the cloud from another place.

Every picture is (H, W, 3) uint8 RGB.
"""

import math
from collections.abc import Sequence

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.codecs.normals import encode_normals
from vb_perception.codecs.palette import Colour, distinct_colours

RGB = NDArray[np.uint8]
UNKNOWN: Colour = (38, 40, 46)
_CLASS_COLOURS: tuple[Colour, ...] = ((0, 0, 0), (66, 135, 245), (255, 146, 43))
_MANY = 24
_MASK_OPACITY = 0.55
_EDGE_SHARE = 0.04  # a step in depth of more than this share of it is an edge: its pixels belong to neither side
CLOUD_WIDTH_PX = 480
_YAW_DEG, _PITCH_DEG = 24.0, 16.0
_BACKDROP_TOP, _BACKDROP_BOTTOM = np.array([24, 27, 34]), np.array([44, 48, 58])


def depth_colours(count: int = 256) -> NDArray[np.uint8]:
    """The colour map of depth (count, 3) uint8, near to far: warm to cold."""
    return _levels("turbo_r", np.linspace(0.04, 0.96, count))


def depth_range_m(depths_m: Sequence[NDArray[np.float32]]) -> tuple[float, float]:
    """One range for all: the 1st to the 99th percentile of what is known, widened to steps of 0.1 m."""
    known = [d[np.isfinite(d)][::17] for d in depths_m]
    pooled = np.concatenate([k for k in known if k.size] or [np.array([0.0, 1.0], np.float32)])
    low, high = np.percentile(pooled, (1, 99))
    return math.floor(low * 10) / 10, max(math.ceil(high * 10) / 10, math.floor(low * 10) / 10 + 0.1)


def depth_picture(depth_m: NDArray[np.float32], range_m: tuple[float, float]) -> RGB:
    """Depth (H, W) in metres on a fixed range; dark where unknown."""
    near, far = range_m
    level = np.clip((np.nan_to_num(depth_m, nan=near, posinf=far) - near) / (far - near), 0, 1)
    picture: RGB = depth_colours()[(level * 255).astype(np.uint8)]
    picture[np.isnan(depth_m)] = UNKNOWN
    return picture


def normals_picture(normals: NDArray[np.float32]) -> RGB:
    """Normals (H, W, 3) in the colours that the generator paints them with; dark where unknown."""
    picture = encode_normals(normals)
    picture[np.isnan(normals).any(-1)] = UNKNOWN
    return picture


def class_colours(count: int) -> tuple[Colour, ...]:
    """Colours of ids 0 (background, black) to `count` - 1: the first two fixed, then far apart, then from the start."""
    if count <= len(_CLASS_COLOURS):
        return _CLASS_COLOURS[:count]
    many = distinct_colours(_MANY, avoid=((0, 0, 0), (255, 255, 255)))
    return (_CLASS_COLOURS[0], *(many[i % _MANY] for i in range(count - 1)))


def mask_picture(rgb: RGB, ids: NDArray[np.integer], colours: Sequence[Colour]) -> RGB:
    """Ids (H, W) as colours over the image, with a light outline; 0 and below show the grey image."""
    grey = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB).astype(np.float32)
    known = np.clip(ids, 0, len(colours) - 1).astype(np.intp)
    paint = np.asarray(colours, np.float32)[known]
    shown = (known > 0)[..., None]
    picture = np.where(shown, grey * (1 - _MASK_OPACITY) + paint * _MASK_OPACITY, grey * 0.75)
    outline = cv2.morphologyEx(known.astype(np.uint16), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    picture[outline] = 245
    return picture.round().astype(np.uint8)


def confidence_picture(confidence: NDArray[np.float32]) -> RGB:
    """Confidence (H, W) in [0, 1], dark to bright."""
    return _levels("cividis", np.linspace(0, 1, 256))[(np.clip(confidence, 0, 1) * 255).astype(np.uint8)]


def cloud_picture(rgb: RGB, depth_m: NDArray[np.float32], camera: CameraIntrinsics) -> RGB:
    """The coloured points as a second camera sees them that looks at the middle of the scene from the upper right.

    Points at edges of depth are left out: they hang between two surfaces.  The picture is
    at most `CLOUD_WIDTH_PX` wide.  Ours: a z-ordered splat of squares.
    """
    if camera.width > CLOUD_WIDTH_PX:
        camera = camera.resized(CLOUD_WIDTH_PX, round(CLOUD_WIDTH_PX * camera.height / camera.width))
    height, width = camera.height, camera.width
    rgb = np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    depth_m = np.asarray(cv2.resize(depth_m, (width, height), interpolation=cv2.INTER_NEAREST), np.float32)
    canvas = _backdrop(height, width)
    keep = np.isfinite(depth_m) & (depth_m > 0) & ~_edges(depth_m)
    if not keep.any():
        return canvas
    points = camera.unproject(depth_m)[keep].astype(np.float64)
    colours = rgb[keep]
    pivot = np.array([0.0, 0.0, np.median(points[:, 2])])
    yaw, pitch = math.radians(_YAW_DEG), math.radians(_PITCH_DEG)
    turn = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    tilt = np.array([[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]])
    seen = (points - pivot) @ (tilt @ turn).T + pivot * 1.12
    in_front = seen[:, 2] > 0.05 * pivot[2]
    seen, colours = seen[in_front], colours[in_front]
    order = np.argsort(-seen[:, 2])
    seen, colours = seen[order], colours[order]
    u = np.rint(camera.fx * seen[:, 0] / seen[:, 2] + width / 2).astype(np.intp)
    v = np.rint(camera.fy * seen[:, 1] / seen[:, 2] + height / 2).astype(np.intp)
    # Far to near, each square whole before nearer ones: numpy keeps the last of several writes to one pixel.
    steps = [(du, dv) for dv in (-1, 0, 1) for du in (-1, 0, 1)]
    columns = (u[:, None] + np.array([du for du, _ in steps])).reshape(-1)
    rows = (v[:, None] + np.array([dv for _, dv in steps])).reshape(-1)
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    canvas[rows[inside], columns[inside]] = np.repeat(colours, len(steps), axis=0)[inside]
    return canvas


def _levels(colour_map: str, at: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(mpl.colormaps[colour_map](at)[:, :3] * 255), np.uint8)


def _backdrop(height: int, width: int) -> RGB:
    share = np.linspace(0, 1, height)[:, None, None]
    column = _BACKDROP_TOP * (1 - share) + _BACKDROP_BOTTOM * share
    return np.broadcast_to(column, (height, width, 3)).round().astype(np.uint8).copy()


def _edges(depth_m: NDArray[np.float32]) -> NDArray[np.bool_]:
    known = np.nan_to_num(depth_m, nan=0.0, posinf=0.0)
    ring = np.ones((3, 3), np.uint8)
    step = cv2.dilate(known, ring) - cv2.erode(known, ring)
    return np.asarray(step > _EDGE_SHARE * known, np.bool_)
