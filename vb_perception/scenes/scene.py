"""What a renderer draws: solids with materials, a camera, light."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics

PATTERNS = (
    "plain",
    "checker",
    "stripes",
    "wood",
    "speckle",
    "print",
    "cloth",
    "tiles",
    "planks",
    "marble",
    "bands",
)
"""Procedural textures by name; the fragment shader knows them by their index here."""

Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Triangles (T, 3) int32 over positions (V, 3) float32 m and unit normals (V, 3) float32, in body axes.

    Triangles may be wound either way and normals may point to either side: the renderer turns them towards the camera.
    `uv` (V, 2) float32 places an image: (0, 0) its top left corner, (1, 1) its bottom right one, repeating beyond.
    A mesh that is drawn again and again has `levels`, empty at first: `levels` keeps its coarser triangles there.
    """

    positions: NDArray[np.float32]
    normals: NDArray[np.float32]
    triangles: NDArray[np.int32]
    uv: NDArray[np.float32] | None = None
    levels: dict[int, NDArray[np.int32]] | None = None


@dataclass(frozen=True, slots=True)
class Material:
    """How a surface looks: a pattern of up to three sRGB colours in 0..1.

    `repeat_m` is the pattern's period, `grain` (0..1) the strength of the noise laid over it, `shine` (0..1) that of
    the highlight; `wraps` lays the pattern around the body's z axis (cans, bottles) instead of on its faces.

    `image` is a layer of the renderer's images, multiplied by the first colour, and takes the place of the pattern: it
    lies where the mesh's `uv` says, or in metres like a pattern, one picture `repeat_m` wide.  `saturation` scales how
    colourful it is, 0 is grey.
    """

    pattern: str
    colours: tuple[Rgb, Rgb, Rgb]
    repeat_m: float = 0.1
    angle_rad: float = 0.0
    grain: float = 0.1
    shine: float = 0.1
    wraps: bool = False
    glow: float = 0.0
    seed: float = 0.0
    image: int | None = None
    saturation: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """A mesh somewhere in the world (z up, metres): world_from_body (4, 4) float64, rotation and translation only.

    `instance_id` 0 means that it is no object of its own (walls, the table in front of the camera).
    """

    mesh: Mesh
    world_from_body: NDArray[np.float64]
    material: Material
    class_name: str
    instance_id: int = 0
    casts_shadow: bool = True


@dataclass(frozen=True, slots=True)
class Lighting:
    """A soft sky, one directional light with shadows, one lamp without; linear colours, 1 lights white paper fully.

    `sun_direction` points from the world towards the light.  The shadow map covers `shadow_radius_m` around
    `shadow_centre_m`.
    """

    sky: Rgb = (0.5, 0.5, 0.5)
    ground: Rgb = (0.3, 0.28, 0.26)
    sun: Rgb = (0.6, 0.58, 0.55)
    sun_direction: tuple[float, float, float] = (0.3, 0.2, 0.9)
    lamp: Rgb = (0.3, 0.3, 0.3)
    lamp_position_m: tuple[float, float, float] = (0.0, 0.0, 2.3)
    shadow_centre_m: tuple[float, float, float] = (0.0, 0.0, 0.8)
    shadow_radius_m: float = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Backdrop:
    """What is infinitely far: an equirectangular picture (H, 2 H, 3) uint8 sRGB, row 0 the zenith.

    Its left edge lies in the direction x of the world, turned by `yaw_rad` about z; who looks at it from inside sees
    its columns go to the right, or to the left where it is `mirrored`.  Its linear light is multiplied by `gain`.
    """

    image: NDArray[np.uint8]
    yaw_rad: float = 0.0
    gain: Rgb = (1.0, 1.0, 1.0)
    mirrored: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything that one picture shows.

    world_from_camera (4, 4) float64 takes the optical frame (x right, y down, z forward) to the world.  `contacts`
    (K, 4) float32: circles (x, y, z, radius) in metres where a body stands on something and darkens its surroundings.
    Where nothing else is, the `backdrop` is seen; it has no depth, normal, class or instance.
    """

    name: str
    solids: tuple[Solid, ...]
    intrinsics: CameraIntrinsics
    world_from_camera: NDArray[np.float64]
    lighting: Lighting = field(default_factory=Lighting)
    contacts: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    backdrop: Backdrop | None = None
