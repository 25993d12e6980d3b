"""A Wavefront OBJ with its MTL and images -> one part a material, as the file tells it."""

import io
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import ConfigError
from vb_perception.scenes.scene import Rgb

_SEE_THROUGH = 0.06

Matrix = NDArray[np.float64]


@dataclass(slots=True, eq=False)
class ObjPart:
    """What the OBJ says of one material's triangles, in its own axes and unit.

    positions, normals (V, 3), uv (V, 2) from the bottom left, triangles (T, 3); normals and uv are None where it says
    nothing.  `cut_out`: mostly seen through, as glass and leaves are.
    """

    positions: Matrix
    triangles: NDArray[np.int64]
    normals: Matrix | None
    uv: Matrix | None
    colour: Rgb
    shine: float
    image: NDArray[np.uint8] | None
    cut_out: bool


def read_obj(files: Mapping[str, bytes], path: str) -> list[ObjPart]:
    """The parts of the OBJ at `path`, by the names of their materials; `files` holds it and what it refers to.

    Raises:
        ConfigError: trimesh is missing.
        KeyError: there is no such file.
    """
    try:
        import trimesh  # noqa: PLC0415
    except ImportError as error:
        msg = f"reading furniture needs trimesh, which cannot be imported ({error}); pip install trimesh"
        raise ConfigError(msg) from error
    logging.getLogger("trimesh").setLevel(logging.WARNING)  # it tells of every polygon
    resolver = trimesh.resolvers.ZipResolver(dict(files), namespace=str(PurePosixPath(path).parent))
    scene = trimesh.load_scene(io.BytesIO(files[path]), file_type="obj", resolver=resolver, process=False)
    out = []
    meshes = [m for m in scene.geometry.values() if len(getattr(m, "faces", ()))]
    for mesh in sorted(meshes, key=lambda m: str(getattr(getattr(m.visual, "material", None), "name", ""))):
        material = getattr(mesh.visual, "material", None)
        uv = getattr(mesh.visual, "uv", None)
        picture = getattr(material, "image", None) if uv is not None else None
        opacity = float(getattr(material, "kwargs", {}).get("d", ["1"])[0])
        alpha = np.asarray(picture.convert("RGBA"))[..., 3].mean() / 255 if picture is not None else 1.0
        known = mesh._cache  # noqa: SLF001  (mesh.vertex_normals would compute what the file does not say)
        told = known["vertex_normals"] if "vertex_normals" in known else None  # noqa: SIM401  (it is no dict)
        out.append(
            ObjPart(
                positions=np.asarray(mesh.vertices, np.float64),
                triangles=np.asarray(mesh.faces, np.int64),
                normals=None if told is None else np.asarray(told, np.float64),
                uv=None if picture is None else np.asarray(uv, np.float64),
                colour=_colour(material, textured=picture is not None),
                shine=_shine(material),
                image=None if picture is None else np.asarray(picture.convert("RGB"), np.uint8),
                cut_out=min(opacity, alpha) < (_SEE_THROUGH if picture is None else 0.7),
            )
        )
    return out


def _colour(material: object, *, textured: bool) -> Rgb:
    """The diffuse colour; under an image white, unless the file means to tint it."""
    told = np.asarray(getattr(material, "diffuse", (178, 178, 178, 255)), np.float64)[:3] / 255
    if textured:
        told = np.ones(3) if told.max() < 0.3 else np.minimum(told / max(told.max(), 1e-6), 1)  # noqa: PLR2004
    red, green, blue = (float(c) for c in np.clip(told, 0.02, 1))
    return red, green, blue


def _shine(material: object) -> float:
    """Of the specular colour and its exponent, 0..0.6."""
    specular = np.asarray(getattr(material, "specular", (0, 0, 0, 255)), np.float64)[:3].mean() / 255
    exponent = float(getattr(material, "glossiness", 1.0) or 1.0)
    return float(0.6 * specular * np.clip(exponent / 100, 0.1, 1))
