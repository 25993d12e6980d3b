"""Levels of detail: a mesh without the triangles that are smaller than what can be seen of it."""

import numpy as np
from numpy.typing import NDArray

from vb_perception.scenes.coarsening import with_area
from vb_perception.scenes.scene import Mesh

CELLS = (24, 48, 96, 192)
"""Along the longest side of a mesh, in each of its levels."""
FEWEST_TRIANGLES = 300  # below, there is nothing to save


def triangles_at(mesh: Mesh, size_m: float, cell_m: float) -> NDArray[np.int32]:
    """The mesh's triangles (T, 3) where vertices nearer than about `cell_m` may be one; they use the same vertices.

    `size_m` is the mesh's longest side.  Meshes without `levels` have only one.
    """
    if mesh.levels is None or len(mesh.triangles) < FEWEST_TRIANGLES:
        return mesh.triangles
    cells = next((c for c in CELLS if size_m <= c * cell_m), None)
    if cells is None:
        return mesh.triangles
    if cells not in mesh.levels:
        mesh.levels[cells] = _clustered(mesh, size_m / cells)
    return mesh.levels[cells]


def _clustered(mesh: Mesh, cell_m: float) -> NDArray[np.int32]:
    """Points in one cell of a grid become one (vertex clustering: Rossignac and Borrel 1993)."""
    cell = np.floor(mesh.positions / cell_m).astype(np.int64)
    cell -= cell.min(axis=0)
    sides = cell.max(axis=0) + 1
    key = (cell[:, 0] * sides[1] + cell[:, 1]) * sides[2] + cell[:, 2]
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    merged = first[inverse.reshape(-1)][mesh.triangles]
    return np.ascontiguousarray(merged[with_area(merged)], np.int32)
