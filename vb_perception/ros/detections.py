"""An instance mask -> the instances that it shows."""

import math

import numpy as np
from numpy.typing import NDArray
from std_msgs.msg import Header

from vb_perception.camera import CameraIntrinsics
from vb_perception.msg import Detection, Detections
from vb_perception.predictions import DepthMap, SegmentMap


def detections_message(
    header: Header,
    class_name: str,
    segments: SegmentMap,
    depth: DepthMap | None,
    camera: CameraIntrinsics | None,
) -> Detections:
    """One Detection for every id above 0; positions only where the frame has depth and the camera a calibration."""
    ids = segments.ids
    count = int(ids.max(initial=0)) + 1
    flat = ids.ravel()
    area = np.bincount(flat, minlength=count)
    score = np.bincount(flat, segments.confidence.ravel(), count) / np.maximum(area, 1)
    columns, rows = _spans(ids, count), _spans(ids.T, count)
    found = []
    for i in range(1, count):
        if not area[i]:
            continue
        (left, right), (top, bottom) = columns[i], rows[i]
        one = Detection(instance=i, class_name=class_name, score=float(score[i]), area_px=int(area[i]))
        one.left_px, one.top_px = int(left), int(top)
        one.width_px, one.height_px = int(right - left + 1), int(bottom - top + 1)
        box = np.s_[top : bottom + 1, left : right + 1]
        x, y, z = _position(ids[box] == i, depth, camera, (left, top), box)
        one.position.x, one.position.y, one.position.z = x, y, z
        found.append(one)
    return Detections(header=header, detections=found)


def _spans(ids: NDArray[np.uint16], count: int) -> NDArray[np.int64]:
    """First and last column (count, 2) that each id has."""
    present = np.zeros((count, ids.shape[1]), np.bool_)
    present[ids, np.arange(ids.shape[1])[None]] = True
    first = present.argmax(axis=1)
    last = ids.shape[1] - 1 - present[:, ::-1].argmax(axis=1)
    spans: NDArray[np.int64] = np.stack((first, last), 1)
    return spans


def _position(
    inside: NDArray[np.bool_],
    depth: DepthMap | None,
    camera: CameraIntrinsics | None,
    corner: tuple[int, int],
    box: tuple[slice, slice],
) -> tuple[float, float, float]:
    if depth is None or camera is None:
        return math.nan, math.nan, math.nan
    z_m = depth.depth_m[box]
    rows, columns = np.nonzero(inside & np.isfinite(z_m))
    if not len(rows):
        return math.nan, math.nan, math.nan
    z = z_m[rows, columns]
    x = (columns + corner[0] - camera.cx) / camera.fx * z
    y = (rows + corner[1] - camera.cy) / camera.fy * z
    return float(np.median(x)), float(np.median(y)), float(np.median(z))
