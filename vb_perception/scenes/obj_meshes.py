"""Parts of an OBJ -> meshes: the box around them, fewer triangles, each vertex once."""

import numpy as np

from vb_perception.scenes import coarsening
from vb_perception.scenes.obj_file import Matrix, ObjPart
from vb_perception.scenes.scene import Mesh

_LEAST_AREA_M2 = 1e-10


def box_around(parts: list[ObjPart]) -> tuple[Matrix, Matrix]:
    """The lowest and the highest corner, (3,) each, of the box around all triangles."""
    points = np.concatenate([p.positions[p.triangles.ravel()] for p in parts])
    return points.min(axis=0), points.max(axis=0)


def coarsened(parts: list[ObjPart], most: int) -> list[ObjPart]:
    """The parts with at most `most` triangles together, where that can be: all on one grid, so that they still touch.

    They are changed in place, and lose the normals that the file told.
    """
    first = np.cumsum([0, *(len(p.positions) for p in parts)])
    points = np.concatenate([p.positions for p in parts])
    triangles = np.concatenate([p.triangles + start for p, start in zip(parts, first, strict=False)])
    kept = coarsening.coarser(points, triangles, most)
    if kept is None:
        return parts
    for part, start in zip(parts, first, strict=False):
        own = kept[start : start + len(part.positions)]
        part.triangles = part.triangles[coarsening.with_area(own[part.triangles])]
        part.positions, part.normals = points[own], None
    return parts


def mesh_of(part: ObjPart) -> Mesh:
    """Vertices that differ in point, normal or uv, each once; triangles without area dropped.  Positions in metres."""
    face, area = coarsening.face_normals(part.positions, part.triangles)
    whole = area > _LEAST_AREA_M2
    triangles, face = part.triangles[whole], face[whole]
    flat = triangles.ravel()
    if part.normals is None:
        normals = coarsening.crease_normals(part.positions, triangles).reshape(-1, 3)
    else:
        normals = part.normals[flat]
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = np.where(length > 1e-9, normals / np.maximum(length, 1e-9), np.repeat(face, 3, axis=0))  # noqa: PLR2004
    rows = [part.positions[flat], np.round(normals, 3)]
    if part.uv is not None:
        rows.append(part.uv[flat])
    vertices, index = np.unique(np.hstack(rows).astype(np.float32), axis=0, return_inverse=True)
    uv = None
    if part.uv is not None:
        uv = np.stack((vertices[:, 6], 1 - vertices[:, 7]), axis=1)  # OBJ counts v from the bottom
        uv -= np.floor(uv.min(axis=0, initial=0.0))
    return Mesh(
        np.ascontiguousarray(vertices[:, :3]),
        np.ascontiguousarray(vertices[:, 3:6]),
        index.reshape(-1, 3).astype(np.int32),
        uv,
    )
