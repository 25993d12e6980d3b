"""The solids of a scene as the flat arrays that a graphics card reads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from vb_perception.errors import ConfigError
from vb_perception.scenes.classes import CLASS_IDS
from vb_perception.scenes.scene import PATTERNS, Material, Solid

LOOKS = (*PATTERNS, "image", "image_uv")
"""What the painting shader is compiled for: the patterns, an image laid in metres, an image laid by uv."""


@dataclass(frozen=True, slots=True, eq=False)
class PackedSolids:
    """All solids as one mesh, those of one look together.

    positions, normals (V, 3), uv (V, 2) float32 in body axes; numbers (V,) float32 the row of each vertex's solid in
    rows (solids, 9, 4) float32; triangles (T * 3,) int32.  `runs` are (look, casts shadow, first index, indices).
    """

    positions: NDArray[np.float32]
    normals: NDArray[np.float32]
    uv: NDArray[np.float32]
    numbers: NDArray[np.float32]
    triangles: NDArray[np.int32]
    rows: NDArray[np.float32]
    runs: tuple[tuple[str, bool, int, int], ...]

    @classmethod
    def of(cls, solids: Sequence[Solid], image_count: int = 0) -> Self:
        """Pack them; ConfigError for an unknown class, pattern or image, or when there is nothing to draw."""
        if not solids:
            msg = "a scene without solids cannot be drawn; give it at least one"
            raise ConfigError(msg)
        for solid in solids:
            _check(solid, image_count)
        ordered = sorted(solids, key=lambda s: (_look(s), s.casts_shadow))
        meshes = [s.mesh for s in ordered]
        counts = np.array([len(m.positions) for m in meshes])
        corners = np.array([m.triangles.size for m in meshes])
        first = np.cumsum(counts) - counts
        return cls(
            positions=np.concatenate([m.positions for m in meshes], dtype=np.float32),
            normals=np.concatenate([m.normals for m in meshes], dtype=np.float32),
            uv=np.concatenate(
                [np.zeros((len(m.positions), 2), np.float32) if m.uv is None else m.uv for m in meshes],
                dtype=np.float32,
            ),
            numbers=np.repeat(np.arange(len(meshes), dtype=np.float32), counts),
            triangles=np.concatenate([m.triangles.ravel() for m in meshes], dtype=np.int32)
            + np.repeat(first.astype(np.int32), corners),
            rows=_rows(ordered),
            runs=tuple(_runs(ordered, corners)),
        )


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


def _runs(solids: Sequence[Solid], corners: NDArray[np.intp]) -> Iterator[tuple[str, bool, int, int]]:
    """Neighbours that are drawn alike: (look, casts shadow, first index, number of indices)."""
    ends = np.cumsum(corners).tolist()
    last = 0
    for (look, casts), run in groupby(range(len(solids)), lambda i: (_look(solids[i]), solids[i].casts_shadow)):
        end = ends[max(run)]
        yield look, casts, last, end - last
        last = end


def _rows(solids: Sequence[Solid]) -> NDArray[np.float32]:
    """What the shaders look up for each solid: three rows of its pose, then its material."""
    out = np.empty((len(solids), 9, 4), np.float32)
    out[:, :3] = np.stack([s.world_from_body for s in solids])[:, :3]
    out[:, 3:] = [_material(s.material, CLASS_IDS[s.class_name], s.instance_id, _reach_m(s)) for s in solids]
    return out


def _reach_m(solid: Solid) -> float:
    """How far from the z axis a pattern that wraps around it lies."""
    return float(np.abs(solid.mesh.positions[:, :2]).max()) if solid.material.wraps else 0.0


def _material(material: Material, class_id: int, instance_id: int, reach_m: float) -> list[tuple[float, ...]]:
    first, second, third = material.colours
    return [
        (class_id, instance_id, material.seed, float(material.wraps)),
        (*first, material.repeat_m),
        (*second, material.shine),
        (*third, material.grain),
        (material.angle_rad, reach_m, material.glow, material.saturation),
        (0.0 if material.image is None else material.image, 0.0, 0.0, 0.0),
    ]
