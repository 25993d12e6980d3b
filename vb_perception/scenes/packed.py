"""The solids of a scene as the flat arrays that a graphics card reads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import ConfigError
from vb_perception.scenes import bodies
from vb_perception.scenes.classes import CLASS_IDS
from vb_perception.scenes.levels import triangles_at
from vb_perception.scenes.scene import PATTERNS, Material, Scene, Solid

if TYPE_CHECKING:
    from typing_extensions import Self

MATERIAL_END = 9
_FINEST_PX = 0.8  # what is smaller in the picture is left out
_SHADOW_CELL_M = 0.02
LOOKS = (*PATTERNS, "image", "image_uv")
"""What the painting shader is compiled for: the patterns, an image laid in metres, an image laid by uv."""


@dataclass(frozen=True, slots=True, eq=False)
class PackedSolids:
    """All solids as one mesh, those of one look together.

    positions, normals (V, 3), uv (V, 2) float32 in body axes; numbers (V,) float32 the row of each vertex's solid in
    rows (solids, MATERIAL_END + contacts, 4) float32: its pose, its material, the contacts that darken it.  `seen`
    (T * 3,) int32 are the triangles of the solids that the camera may see, `runs` their (look, first index, indices);
    `casting` (U * 3,) int32 are the triangles that may cast a shadow into the view.
    """

    positions: NDArray[np.float32]
    normals: NDArray[np.float32]
    uv: NDArray[np.float32]
    numbers: NDArray[np.float32]
    rows: NDArray[np.float32]
    seen: NDArray[np.int32]
    runs: tuple[tuple[str, int, int], ...]
    casting: NDArray[np.int32]

    @classmethod
    def of(
        cls, scene: Scene, clip_from_world: NDArray[np.float64], shadow_from_world: NDArray[np.float64], images: int = 0
    ) -> "Self":
        """Pack its solids; ConfigError for an unknown class, pattern or image, or when there is nothing to draw.

        Args:
            scene: What is drawn.
            clip_from_world: The camera's view.
            shadow_from_world: The sun's.
            images: How many the renderer holds.
        """
        if not scene.solids:
            msg = "a scene without solids cannot be drawn; give it at least one"
            raise ConfigError(msg)
        for solid in scene.solids:
            _check(solid, images)
        solids = sorted(scene.solids, key=_look)
        meshes = [s.mesh for s in solids]
        counts = np.array([len(m.positions) for m in meshes])
        first = np.cumsum(counts) - counts
        positions = np.concatenate([m.positions for m in meshes], dtype=np.float32)
        poses = np.stack([s.world_from_body for s in solids])
        low, high = np.minimum.reduceat(positions, first), np.maximum.reduceat(positions, first)
        size_m = (high - low).max(axis=1).tolist()
        corners = bodies.corners(low, high, poses)
        seen = np.flatnonzero(bodies.in_view(corners, clip_from_world))
        casting = bodies.shading(corners, seen, clip_from_world, shadow_from_world)
        casting = casting[[solids[i].casts_shadow for i in casting]]
        finest_m = (bodies.nearest_m(corners, clip_from_world) * (_FINEST_PX / scene.intrinsics.fx)).tolist()
        drawn = [triangles_at(meshes[i], size_m[i], finest_m[i]) for i in seen]
        thrown = [triangles_at(meshes[i], size_m[i], max(_SHADOW_CELL_M, finest_m[i])) for i in casting]
        return cls(
            positions=positions,
            normals=np.concatenate([m.normals for m in meshes], dtype=np.float32),
            uv=np.concatenate(
                [np.zeros((len(m.positions), 2), np.float32) if m.uv is None else m.uv for m in meshes],
                dtype=np.float32,
            ),
            numbers=np.repeat(np.arange(len(meshes), dtype=np.float32), counts),
            rows=_rows(solids, poses, bodies.contacts_of(corners, scene.contacts)),
            seen=_indices(drawn, first[seen]),
            runs=tuple(_runs([_look(solids[i]) for i in seen], drawn)),
            casting=_indices(thrown, first[casting]),
        )


def _indices(triangles: Sequence[NDArray[np.int32]], first: NDArray[np.intp]) -> NDArray[np.int32]:
    """All triangles in one array; `first` is the first vertex of each of the meshes."""
    if not triangles:
        return np.zeros(0, np.int32)
    flat = np.concatenate([t.ravel() for t in triangles], dtype=np.int32)
    return flat + np.repeat(first.astype(np.int32), [t.size for t in triangles])


def _check(solid: Solid, image_count: int) -> None:
    material = solid.material
    if solid.class_name not in CLASS_IDS:
        msg = f"unknown class {solid.class_name!r}: expected one of {', '.join(CLASS_IDS)}"
        raise ConfigError(msg)
    if material.pattern not in PATTERNS:
        msg = f"unknown pattern {material.pattern!r}: expected one of {', '.join(PATTERNS)}"
        raise ConfigError(msg)
    if material.image is not None and not 0 <= material.image < image_count:
        msg = (
            f"a material names image {material.image}, but the renderer holds {image_count}; "
            "open it with the images that the scene was made with"
        )
        raise ConfigError(msg)


def _look(solid: Solid) -> str:
    if solid.material.image is None:
        return solid.material.pattern
    return "image" if solid.mesh.uv is None else "image_uv"


def _runs(looks: Sequence[str], triangles: Sequence[NDArray[np.int32]]) -> Iterator[tuple[str, int, int]]:
    """Neighbours that are drawn alike: (look, first index, number of indices)."""
    first = 0
    for look, run in groupby(zip(looks, triangles, strict=True), lambda pair: pair[0]):
        count = sum(t.size for _, t in run)
        yield look, first, count
        first += count


def _rows(
    solids: Sequence[Solid], poses: NDArray[np.float64], contacts: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """What the shaders look up for each solid: three rows of its pose, its material, its contacts (x, y, z, radius)."""
    out = np.zeros((len(solids), MATERIAL_END + max(len(c) for c in contacts), 4), np.float32)
    out[:, :3] = poses[:, :3]
    out[:, 3:MATERIAL_END] = [
        _material(s.material, (CLASS_IDS[s.class_name], s.instance_id), _reach_m(s), len(c))
        for s, c in zip(solids, contacts, strict=True)
    ]
    for row, darkening in zip(out, contacts, strict=True):
        row[MATERIAL_END : MATERIAL_END + len(darkening)] = darkening
    return out


def _reach_m(solid: Solid) -> float:
    """How far from the z axis a pattern that wraps around it lies."""
    return float(np.abs(solid.mesh.positions[:, :2]).max()) if solid.material.wraps else 0.0


def _material(material: Material, ids: tuple[int, int], reach_m: float, contacts: int) -> list[tuple[float, ...]]:
    first, second, third = material.colours
    return [
        (*ids, material.seed, float(material.wraps)),
        (*first, material.repeat_m),
        (*second, material.shine),
        (*third, material.grain),
        (material.angle_rad, reach_m, material.glow, material.saturation),
        (0.0 if material.image is None else material.image, contacts, 0.0, 0.0),
    ]
