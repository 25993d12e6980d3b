"""Meshes as artists leave them -> meshes with normals and a bearable number of triangles."""

import numpy as np
from numpy.typing import NDArray

CREASE_DEG = 40.0
_MOST_NEIGHBOURS = 48
_FINEST, _COARSEST = 400, 12  # cells along the longest side


def face_normals(
    positions: NDArray[np.float64], triangles: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The unit normal of each triangle, (T, 3), zero where it has no area, and the areas (T,)."""
    corners = positions[triangles]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(cross, axis=1)
    return cross / np.maximum(length, 1e-30)[:, None], length / 2


def crease_normals(
    positions: NDArray[np.float64], triangles: NDArray[np.int64], crease_deg: float = CREASE_DEG
) -> NDArray[np.float64]:
    """A unit normal for each corner of each triangle, (T, 3, 3): smooth but for edges sharper than the crease.

    The faces around a corner's point are averaged by area, those that turn away by more than the crease left out.
    """
    face, area = face_normals(positions, triangles)
    _, point = np.unique(np.round(positions / (np.ptp(positions) * 1e-6 + 1e-20)), axis=0, return_inverse=True)
    owner = point.reshape(-1)[triangles].ravel()
    order = np.argsort(owner, kind="stable")
    owner = owner[order]
    normal, weighted = np.repeat(face, 3, axis=0)[order], np.repeat(face * area[:, None], 3, axis=0)[order]
    total = weighted.copy()
    limit = np.cos(np.radians(crease_deg))
    for step in range(1, _MOST_NEIGHBOURS):
        together = owner[step:] == owner[:-step]
        if not together.any():
            break
        together &= (normal[step:] * normal[:-step]).sum(axis=1) > limit
        total[step:][together] += weighted[:-step][together]
        total[:-step][together] += weighted[step:][together]
    out = np.empty_like(total)
    out[order] = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-30)
    return out.reshape(-1, 3, 3)


def coarser(positions: NDArray[np.float64], triangles: NDArray[np.int64], most: int) -> NDArray[np.int64] | None:
    """For each vertex the vertex that takes its place so that at most `most` triangles keep an area; None if not so.

    Points in one cell of a grid become one (vertex clustering: Rossignac and Borrel 1993); the finest grid that does
    it is taken.
    """
    low, size = positions.min(axis=0), float(np.ptp(positions, axis=0).max())
    cells = _FINEST
    while cells >= _COARSEST:
        cell = np.floor((positions - low) / size * cells).astype(np.int64)
        key = (cell[:, 0] * (cells + 1) + cell[:, 1]) * (cells + 1) + cell[:, 2]
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        kept: NDArray[np.int64] = first[inverse.reshape(-1)]
        if with_area(kept[triangles]).sum() <= most:
            return kept
        cells = int(cells * 0.85)
    return None


def with_area(triangles: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the triangles (T, 3) have three different vertices, (T,)."""
    a, b, c = triangles.T
    return np.asarray((a != b) & (b != c) & (c != a))
