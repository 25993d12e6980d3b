"""Where things stand: the table, and what is level with it, in a picture with depth."""

import numpy as np
from numpy.typing import NDArray

from vb_perception.scenes.sample import Sample

TOP_COS = 0.95
"""Something can stand where a normal is this near to the table's."""
FEWEST_TABLE_PX = 1000
Plane = NDArray[np.float64]
"""1 / depth = a u + b v + c, in 1/m over px: (a, b, c).  What is level with it is so many times that."""


def table_plane(sample: Sample) -> Plane | None:
    """The table of a picture, by least squares; None if too little of it is seen."""
    if "table" not in sample.class_names:
        return None
    on_table = (sample.class_ids == sample.class_names.index("table")) & np.isfinite(sample.depth_m)
    if np.count_nonzero(on_table) < FEWEST_TABLE_PX:
        return None
    some = np.flatnonzero(on_table)
    some = some[:: max(1, len(some) // 5000)]
    v, u = np.divmod(some, on_table.shape[1])
    rows = np.stack((u, v, np.ones_like(u)), 1).astype(np.float64)
    inverse_depth = 1 / sample.depth_m.ravel()[some].astype(np.float64)
    return np.asarray(np.linalg.lstsq(rows, inverse_depth, rcond=None)[0], np.float64)


def inverse_depth(plane: Plane, v: int, u: int) -> float:
    """1 / depth of the plane, in 1/m, at row v and column u of the picture."""
    return max(float(plane @ (u, v, 1)), 1e-3)


def level_tops(sample: Sample, table: Plane) -> NDArray[np.bool_]:
    """Where the objects of `sample` are flat and level as the table is, (H, W): something can stand on them there."""
    camera = sample.intrinsics
    # Where 1 / depth = a u + b v + c, points X have n X = 1 for n = (a fx, b fy, a cx + b cy + c), which points away.
    away = np.array((table[0] * camera.fx, table[1] * camera.fy, table @ (camera.cx, camera.cy, 1)))
    up = (-away / np.linalg.norm(away)).astype(np.float32)
    return (sample.instance_ids > 0) & np.isfinite(sample.depth_m) & (sample.normals @ up > TOP_COS)
