"""The renderer: a scene -> its picture, exact depth, normals, class and instance ids (OpenGL 3.3, no window)."""

from types import TracebackType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import ConfigError, EngineUnavailableError
from vb_perception.scenes import shaders
from vb_perception.scenes.classes import CLASS_NAMES
from vb_perception.scenes.packed import PackedSolids
from vb_perception.scenes.projections import camera_from_pixel, clip_from_camera, shadow_from_world
from vb_perception.scenes.sample import Sample
from vb_perception.scenes.scene import Backdrop, Scene
from vb_perception.scenes.uploaded import UploadedSolids

if TYPE_CHECKING:  # moderngl is imported by `_open_context`, since only who renders needs it
    import moderngl
    from typing_extensions import Self

SHADOW_SIZE_PX = 768
OVERSAMPLING = 1.5


class Renderer:
    """Draws scenes of one size; a context manager that owns an EGL context (a GPU, or Mesa's software renderer).

    Depth is z-depth in metres and normals are in the optical frame, towards the camera, both taken at pixel centres;
    only the colours are antialiased.  A pixel that nothing covers shows the backdrop (black if there is
    none); it is of class background, with infinite depth and no normal.  Use it in the thread that made it.

    Args:
        width: Of every picture, px.
        height: Of every picture, px.
        images: (L, S, S, 3) uint8 sRGB, what `Material.image` counts; row 0 is the top.

    Raises:
        ConfigError: The images are no such array.
        EngineUnavailableError: moderngl or EGL is missing.
    """

    def __init__(self, width: int, height: int, images: NDArray[np.uint8] | None = None) -> None:
        _check_images(images)
        self.width, self.height = width, height
        self._context = _open_context()
        context, size = self._context, (width, height)
        self._measure = context.program(vertex_shader=shaders.VERTEX, fragment_shader=shaders.TRUTH_FRAGMENT)
        self._cast = context.program(vertex_shader=shaders.SHADOW_VERTEX, fragment_shader=shaders.EMPTY_FRAGMENT)
        self._cover = context.program(vertex_shader=shaders.VERTEX, fragment_shader=shaders.EMPTY_FRAGMENT)
        self._backdrop = context.program(
            vertex_shader=shaders.BACKDROP_VERTEX, fragment_shader=shaders.BACKDROP_FRAGMENT
        )
        self._triangle = context.buffer(np.array(((-1, -1), (3, -1), (-1, 3)), np.float32))
        self._paints: dict[str, moderngl.Program] = {}
        self._shadow_map = context.depth_texture((SHADOW_SIZE_PX, SHADOW_SIZE_PX))
        self._shadow_map.compare_func = "<="
        self._shadow_map.repeat_x = self._shadow_map.repeat_y = False
        self._shadow_buffer = context.framebuffer(depth_attachment=self._shadow_map)
        painted = (round(width * OVERSAMPLING), round(height * OVERSAMPLING))
        self._picture = context.framebuffer(
            color_attachments=[context.renderbuffer(painted, 4)], depth_attachment=context.depth_renderbuffer(painted)
        )
        self._surface = context.texture(size, 4, dtype="f4")
        self._ids = context.texture(size, 2, dtype="u2")
        self._truth = context.framebuffer(
            color_attachments=[self._surface, self._ids], depth_attachment=context.depth_renderbuffer(size)
        )
        self._image_count = 0 if images is None else len(images)
        self._images = _texture_array(context, images) if images is not None and len(images) else None

    def __enter__(self) -> "Self":
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
        with self._context:  # another renderer of this thread may be current
            return self._drawn(scene)

    def _drawn(self, scene: Scene) -> Sample:
        context, camera = self._context, scene.intrinsics
        view: dict[str, NDArray[Any]] = {"camera_from_world": np.linalg.inv(scene.world_from_camera)}
        view["clip_from_world"] = clip_from_camera(camera) @ view["camera_from_world"]
        view["shadow_from_world"] = shadow_from_world(scene.lighting)
        packed = PackedSolids.of(scene, view["clip_from_world"], view["shadow_from_world"], self._image_count)
        mesh = UploadedSolids(context, packed)
        context.enable(context.DEPTH_TEST)
        context.depth_func = "<"
        mesh.rows.use(0)
        self._shadow_buffer.use()
        self._shadow_buffer.clear()
        mesh.cast(self._cast, view)
        self._truth.use()
        self._truth.clear()
        mesh.draw(self._measure, view)
        self._picture.use()
        self._picture.clear()
        if scene.backdrop is not None:
            self._hang(scene.backdrop, scene)
        mesh.draw(self._cover, view)
        context.depth_func = "=="
        self._shadow_map.use(1)
        if self._images is not None:
            self._images.use(2)
        for look, first, count in packed.runs:
            program = self._paint(look)
            _light(program, scene)
            mesh.draw(program, view, first, count)
        mesh.release()
        return self._sample(scene)

    def _hang(self, backdrop: Backdrop, scene: Scene) -> None:
        """Fill the picture with the backdrop, behind everything."""
        context, image = self._context, backdrop.image
        panorama = context.texture(image.shape[1::-1], 3, np.ascontiguousarray(image), alignment=1)
        panorama.repeat_y = False
        panorama.use(3)
        context.disable(context.DEPTH_TEST)
        program = self._backdrop
        ray = scene.world_from_camera[:3, :3] @ camera_from_pixel(scene.intrinsics, self._picture.width)
        program["world_from_pixel"] = tuple(ray.T.ravel())
        program["gain_and_turn"] = (*backdrop.gain, backdrop.yaw_rad)
        program["mirror"] = -1.0 if backdrop.mirrored else 1.0
        program["panorama"] = 3
        array = context.vertex_array(program, [(self._triangle, "2f", "in_corner")])
        array.render(vertices=3)
        array.release()
        panorama.release()
        context.enable(context.DEPTH_TEST)

    def _paint(self, look: str) -> "moderngl.Program":
        """The program of a look, compiled when it is first seen."""
        if look not in self._paints:
            program = self._context.program(vertex_shader=shaders.VERTEX, fragment_shader=shaders.paint_fragment(look))
            program["shadow_map"] = 1
            if "images" in program:
                program["images"] = 2
            self._paints[look] = program
        return self._paints[look]

    def _sample(self, scene: Scene) -> Sample:
        """Read the targets; row 0 of each is the top row of the picture, since `clip_from_camera` keeps y down."""
        shape = (self.height, self.width)
        fine = (self._picture.height, self._picture.width, 3)
        rgb = np.frombuffer(self._picture.read(components=3, alignment=1), np.uint8).reshape(fine)
        surface = np.frombuffer(self._surface.read(), np.float32).reshape(*shape, 4).copy()
        ids = np.frombuffer(self._ids.read(), np.uint16).reshape(*shape, 2).astype(np.int16)
        empty = surface[..., 3] == 0
        surface[empty] = (np.nan, np.nan, np.nan, np.inf)
        ids[empty] = 0
        return Sample(
            name=scene.name,
            rgb=np.asarray(cv2.resize(rgb, shape[::-1], interpolation=cv2.INTER_AREA), np.uint8),
            intrinsics=scene.intrinsics,
            depth_m=np.ascontiguousarray(surface[..., 3]),
            normals=np.ascontiguousarray(surface[..., :3]),
            class_ids=np.ascontiguousarray(ids[..., 0]),
            instance_ids=np.ascontiguousarray(ids[..., 1]),
            class_names=CLASS_NAMES,
        )


def _light(program: "moderngl.Program", scene: Scene) -> None:
    light = scene.lighting
    sun = np.asarray(light.sun_direction) / np.linalg.norm(light.sun_direction)
    program["sun_direction"] = tuple(sun)
    program["eye"] = tuple(scene.world_from_camera[:3, 3])
    program["lamp_position"] = light.lamp_position_m
    for name in ("sky", "ground", "sun", "lamp"):
        program[name] = getattr(light, name)


def _check_images(images: NDArray[np.uint8] | None) -> None:
    if images is None:
        return
    square = images.ndim == 4 and images.shape[1] == images.shape[2] and images.shape[3] == 3  # noqa: PLR2004
    if images.dtype != np.uint8 or not square:
        msg = f"the renderer's images are {images.dtype} {images.shape}; expected uint8 (layers, size, size, 3)"
        raise ConfigError(msg)


def _texture_array(context: "moderngl.Context", images: NDArray[np.uint8]) -> "moderngl.TextureArray":
    """The images with their mipmaps; repeating."""
    count, size = images.shape[:2]
    out = context.texture_array((size, size, count), 3, np.ascontiguousarray(images), alignment=1)
    out.build_mipmaps()
    out.filter = (context.LINEAR_MIPMAP_LINEAR, context.LINEAR)
    return out


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
