"""The renderer: a scene -> its picture, exact depth, normals, class and instance ids (OpenGL 3.3, no window)."""

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import ConfigError, EngineUnavailableError
from vb_perception.scenes import shaders
from vb_perception.scenes.classes import CLASS_NAMES
from vb_perception.scenes.packed import PackedSolids
from vb_perception.scenes.sample import Sample
from vb_perception.scenes.scene import Backdrop, Lighting, Scene

if TYPE_CHECKING:  # moderngl is imported by `_open_context`, since only who renders needs it
    import moderngl
    from typing_extensions import Self

NEAR_M, FAR_M = 0.03, 120.0
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
        context = self._context
        view: dict[str, NDArray[Any]] = {"camera_from_world": np.linalg.inv(scene.world_from_camera)}
        view["clip_from_world"] = clip_from_camera(camera) @ view["camera_from_world"]
        view["shadow_from_world"] = shadow_from_world(scene.lighting)
        packed = PackedSolids.of(scene, view["clip_from_world"], view["shadow_from_world"], self._image_count)
        mesh = _Uploaded(context, packed)
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
        ray = scene.world_from_camera[:3, :3] @ _camera_from_pixel(scene.intrinsics, self._picture.width)
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


class _Uploaded:
    """The solids of one scene on the card."""

    def __init__(self, context: "moderngl.Context", packed: PackedSolids) -> None:
        self._context = context
        self._inputs = [
            (context.buffer(np.ascontiguousarray(array)), form, name)
            for array, form, name in (
                (packed.positions, "3f", "in_position"),
                (packed.normals, "3f", "in_normal"),
                (packed.uv, "2f", "in_uv"),
                (packed.numbers, "1f", "in_solid"),
            )
        ]
        self._seen = context.buffer(packed.seen) if packed.seen.size else None
        self._casting = context.buffer(packed.casting) if packed.casting.size else None
        self.rows = context.texture(packed.rows.shape[1::-1], 4, packed.rows.tobytes(), dtype="f4")

    def draw(self, program: "moderngl.Program", view: Mapping[str, NDArray[np.floating]], *run: int) -> None:
        """Draw what the camera may see, or a run of it (first index, indices)."""
        if self._seen is not None:
            self._render(program, view, self._seen, *(run or (0, -1)))

    def cast(self, program: "moderngl.Program", view: Mapping[str, NDArray[np.floating]]) -> None:
        """Draw what casts shadows."""
        if self._casting is not None:
            self._render(program, view, self._casting, 0, -1)

    def _render(
        self,
        program: "moderngl.Program",
        view: Mapping[str, NDArray[np.floating]],
        triangles: "moderngl.Buffer",
        first: int,
        count: int,
    ) -> None:
        """The linker drops the inputs and matrices that a program does not need: they are left out."""
        for name, matrix in view.items():
            if name in program:
                program[name] = tuple(matrix.T.ravel())  # OpenGL wants columns first
        array = self._context.vertex_array(program, [i for i in self._inputs if i[2] in program], triangles)
        array.render(vertices=count, first=first)
        array.release()

    def release(self) -> None:
        """Give the card's memory back."""
        for buffer in (*(i[0] for i in self._inputs), self._seen, self._casting):
            if buffer is not None:
                buffer.release()
        self.rows.release()


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


def clip_from_camera(camera: CameraIntrinsics) -> NDArray[np.float64]:
    """OpenGL clip space from the optical frame, y kept down: pixel (0, 0) is texel (0, 0)."""
    out = np.zeros((4, 4))
    out[0, 0], out[0, 2] = 2 * camera.fx / camera.width, (2 * camera.cx + 1) / camera.width - 1
    out[1, 1], out[1, 2] = 2 * camera.fy / camera.height, (2 * camera.cy + 1) / camera.height - 1
    out[2, 2] = (FAR_M + NEAR_M) / (FAR_M - NEAR_M)
    out[2, 3] = -2 * FAR_M * NEAR_M / (FAR_M - NEAR_M)
    out[3, 2] = 1
    return out


def _camera_from_pixel(camera: CameraIntrinsics, painted_width: int) -> NDArray[np.float64]:
    """Rays (x/z, y/z, 1) of (column, row, 1) in the painted picture, whose pixel centres lie at halves."""
    scale = camera.width / painted_width
    return np.array(
        (
            (scale / camera.fx, 0.0, -(camera.cx + 0.5) / camera.fx),
            (0.0, scale / camera.fy, -(camera.cy + 0.5) / camera.fy),
            (0.0, 0.0, 1.0),
        )
    )


def shadow_from_world(light: Lighting) -> NDArray[np.float64]:
    """Orthographic view along the sun's rays, onto [-1, 1] in each axis."""
    forward = -np.asarray(light.sun_direction, np.float64) / np.linalg.norm(light.sun_direction)
    right = np.cross(forward, (0.3, 1.0, 0.1))
    right /= np.linalg.norm(right)
    out = np.eye(4)
    out[:3, :3] = np.stack((right, np.cross(forward, right), forward)) / light.shadow_radius_m
    out[2, :3] /= 4  # deep enough for tall bodies between the sun and the place
    out[:3, 3] = -out[:3, :3] @ np.asarray(light.shadow_centre_m)
    return out
