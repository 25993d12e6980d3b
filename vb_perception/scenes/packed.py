"""The solids of a scene as the flat arrays that a graphics card reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from vb_perception.errors import ConfigError
from vb_perception.scenes.classes import CLASS_IDS
from vb_perception.scenes.scene import PATTERNS, Solid

if TYPE_CHECKING:  # see `render._open_context`
    import moderngl

_ATTRIBUTES = {"in_position": 3, "in_normal": 3, "in_local": 3, "in_local_normal": 3, "in_solid": 1}


@dataclass(frozen=True, slots=True, eq=False)
class PackedSolids:
    """Vertices (V, 13) float32, triangles (T * 3,) int32, materials (solids, 5, 4) float32.

    The first `casting_indices` of the triangles belong to solids that cast shadows.
    """

    vertices: NDArray[np.float32]
    triangles: NDArray[np.int32]
    casting_indices: int
    materials: NDArray[np.float32]

    @classmethod
    def of(cls, solids: Sequence[Solid]) -> Self:
        """Pack them; ConfigError where a class or a pattern is unknown or there is nothing to draw."""
        if not solids:
            msg = "a scene without solids cannot be drawn; give it at least one"
            raise ConfigError(msg)
        ordered = sorted(solids, key=lambda s: not s.casts_shadow)
        vertices, triangles = [], []
        first = casting = 0
        for index, solid in enumerate(ordered):
            mesh, pose = solid.mesh, solid.world_from_body.astype(np.float32)
            turn = pose[:3, :3].T
            number = np.full((len(mesh.positions), 1), index, np.float32)
            world = mesh.positions @ turn + pose[:3, 3]
            vertices.append(np.hstack((world, mesh.normals @ turn, mesh.positions, mesh.normals, number)))
            triangles.append(mesh.triangles.ravel() + np.int32(first))
            first += len(mesh.positions)
            casting += mesh.triangles.size * solid.casts_shadow
        materials = np.array([_material_row(s) for s in ordered], np.float32)
        return cls(np.concatenate(vertices), np.concatenate(triangles), casting, materials)

    @staticmethod
    def layout(vertex_buffer: "moderngl.Buffer", program: "moderngl.Program") -> "tuple[moderngl.Buffer | str, ...]":
        """Which floats of a vertex go to which input of the program; the linker drops inputs that it does not use."""
        used = [name for name in _ATTRIBUTES if name in program]
        form = " ".join(f"{n}f" if name in used else f"{4 * n}x" for name, n in _ATTRIBUTES.items())
        return (vertex_buffer, form, *used)


def _material_row(solid: Solid) -> list[tuple[float, ...]]:
    material = solid.material
    if solid.class_name not in CLASS_IDS:
        msg = f"unknown class {solid.class_name!r}: expected one of {', '.join(CLASS_IDS)}"
        raise ConfigError(msg)
    if material.pattern not in PATTERNS:
        msg = f"unknown pattern {material.pattern!r}: expected one of {', '.join(PATTERNS)}"
        raise ConfigError(msg)
    first, second, third = material.colours
    reach_m = float(np.abs(solid.mesh.positions[:, :2]).max())
    return [
        (*first, PATTERNS.index(material.pattern)),
        (*second, material.repeat_m),
        (*third, material.shine),
        (CLASS_IDS[solid.class_name], solid.instance_id, material.seed, float(material.wraps)),
        (material.angle_rad, material.grain, reach_m, material.glow),
    ]
