"""The renderer: a scene -> its picture, exact depth, normals, class and instance ids (OpenGL 3.3, no window)."""

from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import ConfigError, EngineUnavailableError
from vb_perception.scenes import shaders
from vb_perception.scenes.classes import CLASS_NAMES
from vb_perception.scenes.packed import PackedSolids
from vb_perception.scenes.sample import Sample
from vb_perception.scenes.scene import Lighting, Scene

if TYPE_CHECKING:  # imported by `_open_context`, since only who renders needs it
    import moderngl

NEAR_M, FAR_M = 0.03, 120.0
SHADOW_SIZE_PX = 768
MULTISAMPLES = 4
MAX_CONTACTS = 24


class Renderer:
    """Draws scenes of one size; a context manager that owns an EGL context (a GPU, or Mesa's software renderer).

    Depth is z-depth in metres and normals are in the optical frame, towards the camera, both taken at pixel centres;
    only the colours are antialiased.  A pixel that nothing covers is black, of class background, with infinite depth.
    Use it in the thread that made it.

    Raises:
        EngineUnavailableError: moderngl or EGL is missing.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._context = _open_context()
        context, size = self._context, (width, height)
        self._paint = context.program(vertex_shader=shaders.VERTEX, fragment_shader=shaders.COLOUR_FRAGMENT)
        self._measure = context.program(vertex_shader=shaders.VERTEX, fragment_shader=shaders.TRUTH_FRAGMENT)
        self._cast = context.program(vertex_shader=shaders.SHADOW_VERTEX, fragment_shader=shaders.SHADOW_FRAGMENT)
        self._shadow_map = context.depth_texture((SHADOW_SIZE_PX, SHADOW_SIZE_PX))
        self._shadow_map.compare_func = "<="
        self._shadow_map.repeat_x = self._shadow_map.repeat_y = False
        self._shadow_buffer = context.framebuffer(depth_attachment=self._shadow_map)
        self._multisampled = context.framebuffer(
            color_attachments=[context.renderbuffer(size, 4, samples=MULTISAMPLES)],
            depth_attachment=context.depth_renderbuffer(size, samples=MULTISAMPLES),
        )
        self._picture = context.framebuffer(color_attachments=[context.renderbuffer(size, 4)])
        self._surface = context.texture(size, 4, dtype="f4")
        self._ids = context.texture(size, 2, dtype="u2")
        self._truth = context.framebuffer(
            color_attachments=[self._surface, self._ids], depth_attachment=context.depth_renderbuffer(size)
        )

    def __enter__(self) -> Self:
        """The renderer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the context and everything in it."""
        self.close()

    def close(self) -> None:
        """Release the context and everything in it."""
        self._context.release()

    def render(self, scene: Scene) -> Sample:
        """The picture and the truth of a scene; see `Sample` and `classes.CLASS_NAMES`.

        Raises:
            ConfigError: The scene's camera has another size than the renderer, or a class or pattern is unknown.
        """
        camera = scene.intrinsics
        if (camera.width, camera.height) != (self.width, self.height):
            msg = (
                f"the scene's camera is {camera.width}x{camera.height}, the renderer {self.width}x{self.height}; "
                "open one Renderer for each size"
            )
            raise ConfigError(msg)
        context = self._context
        context.enable(context.DEPTH_TEST)
        packed = PackedSolids.of(scene.solids)
        vertex_buffer = context.buffer(packed.vertices.tobytes())
        index_buffer = context.buffer(packed.triangles.tobytes())
        table = packed.materials
        materials = context.texture(table.shape[1::-1], 4, table.tobytes(), dtype="f4")
        materials.use(0)
        self._cast_shadows(scene.lighting, vertex_buffer, index_buffer, packed.casting_indices)
        camera_from_world = np.linalg.inv(scene.world_from_camera)
        self._light(scene)
        for program, target in ((self._paint, self._multisampled), (self._measure, self._truth)):
            _set(program, "clip_from_world", _clip_from_camera(camera) @ camera_from_world)
            _set(program, "camera_from_world", camera_from_world)
            target.use()
            target.clear()
            array = context.vertex_array(program, [packed.layout(vertex_buffer, program)], index_buffer)
            array.render()
            array.release()
        context.copy_framebuffer(self._picture, self._multisampled)
        for resource in (vertex_buffer, index_buffer, materials):
            resource.release()
        return self._sample(scene)

    def _cast_shadows(
        self, lighting: Lighting, vertices: "moderngl.Buffer", triangles: "moderngl.Buffer", count: int
    ) -> None:
        """Draw the solids that cast shadows, which come first in `triangles`, as the sun sees them."""
        shadow_from_world = _shadow_from_world(lighting)
        for program in (self._cast, self._paint):
            _set(program, "shadow_from_world", shadow_from_world)
        self._shadow_buffer.use()
        self._shadow_buffer.clear()
        if count:
            array = self._context.vertex_array(self._cast, [(vertices, "3f 40x", "in_position")], triangles)
            array.render(vertices=count)
            array.release()
        self._shadow_map.use(1)

    def _light(self, scene: Scene) -> None:
        light, paint = scene.lighting, self._paint
        kept = scene.contacts[:MAX_CONTACTS].tolist()
        paint["contacts"] = [*kept, *([(0.0, 0.0, 0.0, 0.0)] * (MAX_CONTACTS - len(kept)))]
        paint["contact_count"] = len(kept)
        paint["shadow_map"] = 1
        sun = np.asarray(light.sun_direction) / np.linalg.norm(light.sun_direction)
        paint["sun_direction"] = tuple(sun)
        paint["eye"] = tuple(scene.world_from_camera[:3, 3])
        paint["lamp_position"] = light.lamp_position_m
        for name in ("sky", "ground", "sun", "lamp"):
            paint[name] = getattr(light, name)

    def _sample(self, scene: Scene) -> Sample:
        """Read the targets; row 0 of each is the top row of the picture, since `_clip_from_camera` keeps y down."""
        shape = (self.height, self.width)
        rgb = np.frombuffer(self._picture.read(components=3, alignment=1), np.uint8).reshape(*shape, 3)
        surface = np.frombuffer(self._surface.read(), np.float32).reshape(*shape, 4).copy()
        ids = np.frombuffer(self._ids.read(), np.uint16).reshape(*shape, 2).astype(np.int16)
        empty = surface[..., 3] == 0
        surface[empty] = (np.nan, np.nan, np.nan, np.inf)
        ids[empty] = 0
        return Sample(
            name=scene.name,
            rgb=rgb.copy(),
            intrinsics=scene.intrinsics,
            depth_m=np.ascontiguousarray(surface[..., 3]),
            normals=np.ascontiguousarray(surface[..., :3]),
            class_ids=np.ascontiguousarray(ids[..., 0]),
            instance_ids=np.ascontiguousarray(ids[..., 1]),
            class_names=CLASS_NAMES,
        )


def _open_context() -> "moderngl.Context":
    install = "install them with `pip install moderngl` and `apt install libegl1 libgl1-mesa-dri`"
    settings: dict[str, Any] = {"backend": "egl"}
    try:
        import moderngl  # noqa: PLC0415
    except ImportError as error:
        msg = f"rendering needs moderngl and EGL, but moderngl cannot be imported ({error}); {install}"
        raise EngineUnavailableError(msg) from error
    try:
        return moderngl.create_context(standalone=True, require=330, **settings)
    except Exception as error:  # glcontext raises bare Exception for every failure
        msg = f"no OpenGL 3.3 context could be opened through EGL ({error}); {install}"
        raise EngineUnavailableError(msg) from error


def _set(program: "moderngl.Program", name: str, matrix: NDArray[np.floating]) -> None:
    """Write a 4x4 matrix (OpenGL wants columns first); the linker drops uniforms that a program does not need."""
    if name in program:
        program[name] = tuple(matrix.T.ravel())


def _clip_from_camera(camera: CameraIntrinsics) -> NDArray[np.float64]:
    """OpenGL clip space from the optical frame, y kept down: pixel (0, 0) is texel (0, 0)."""
    out = np.zeros((4, 4))
    out[0, 0], out[0, 2] = 2 * camera.fx / camera.width, (2 * camera.cx + 1) / camera.width - 1
    out[1, 1], out[1, 2] = 2 * camera.fy / camera.height, (2 * camera.cy + 1) / camera.height - 1
    out[2, 2] = (FAR_M + NEAR_M) / (FAR_M - NEAR_M)
    out[2, 3] = -2 * FAR_M * NEAR_M / (FAR_M - NEAR_M)
    out[3, 2] = 1
    return out


def _shadow_from_world(light: Lighting) -> NDArray[np.float64]:
    """Orthographic view along the sun's rays, onto [-1, 1] in each axis."""
    forward = -np.asarray(light.sun_direction, np.float64) / np.linalg.norm(light.sun_direction)
    right = np.cross(forward, (0.3, 1.0, 0.1))
    right /= np.linalg.norm(right)
    out = np.eye(4)
    out[:3, :3] = np.stack((right, np.cross(forward, right), forward)) / light.shadow_radius_m
    out[2, :3] /= 4  # deep enough for tall bodies between the sun and the place
    out[:3, 3] = -out[:3, :3] @ np.asarray(light.shadow_centre_m)
    return out
