"""One frame through the network, straight: prepare, infer, decode."""

from collections.abc import Sequence
from time import perf_counter_ns

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics, Letterbox
from vb_perception.errors import ConfigError, EngineMismatchError
from vb_perception.frame import Frame, Perception
from vb_perception.predictions import Prediction
from vb_perception.resample import resize_prediction
from vb_perception.runtime.engine import Engine, Float
from vb_perception.runtime.text import PromptEncoder
from vb_perception.tasks import PromptToken, Task
from vb_perception.timing import StageTimes

RGB = NDArray[np.uint8]
HALF_LEVELS = np.float32(127.5)
GREY = 128
KEPT_TASK_SETS = 32
"""How many sets of tasks keep their stacked prompts: listeners of a few topics come and go."""


class PerceptionPipeline:
    """Answers tasks about frames.  Not thread-safe: one owner."""

    def __init__(self, engine: Engine, prompts: PromptEncoder) -> None:
        """Join a generator and the text encoder of the same export.

        Raises:
            EngineMismatchError: they are from different model folders.
        """
        if engine.spec != prompts.spec:
            msg = (
                f"generator of {engine.spec.name} with the text encoder of {prompts.spec.name}: they were not exported "
                "together; open both from the same model folder"
            )
            raise EngineMismatchError(msg)
        self._engine = engine
        self._prompts = prompts
        self._stacked: dict[tuple[tuple[PromptToken, ...], ...], Float] = {}

    def perceive(self, frame: Frame, tasks: Sequence[Task]) -> Perception:
        """The answers to all tasks, at the size of the frame's image; an empty Perception if there are no tasks.

        Raises:
            ConfigError: two tasks have one name, or a prompt does not fit the generator.
            InferenceError: the network failed.
        """
        names = [task.name for task in tasks]
        if len(set(names)) != len(names):
            msg = f"tasks named {', '.join(names)}: give each task a name of its own"
            raise ConfigError(msg)
        if not tasks:
            return Perception(frame, {}, {}, StageTimes())
        spec = self._engine.spec
        box = Letterbox(frame.width, frame.height, spec.width, spec.height)

        started = perf_counter_ns()
        image, rays = image_input(frame.rgb, box), rays_input(frame, box, spec.default_fov_deg)
        prepared = perf_counter_ns()
        painted = self._engine.infer(image, rays, self._stack(tasks))
        inferred = perf_counter_ns()
        generated = dict(zip(names, rgb_images(painted), strict=True))
        predictions, parts = {}, []
        for task in tasks:
            begun = perf_counter_ns()
            predictions[task.name] = decode(task, generated[task.name], box)
            parts.append(("decode", task.name, perf_counter_ns() - begun))
        decoded = perf_counter_ns()

        times = StageTimes(
            prepare_ns=prepared - started,
            infer_ns=inferred - prepared,
            decode_ns=decoded - inferred,
            parts=tuple(parts),
        )
        unknown = {task.name: self._prompts.unknown(task.tokens) for task in tasks}
        return Perception(frame, predictions, generated, times, {k: v for k, v in unknown.items() if v})

    def warm_up(self, tasks: Sequence[Task]) -> None:
        """Answer one, two ... all of the tasks about a grey image, so that no later frame waits for a compiler.

        Raises what `perceive` raises: a task that this generator cannot be asked is found here, before the first frame.
        """
        spec = self._engine.spec
        grey = Frame(np.full((spec.height, spec.width, 3), GREY, np.uint8), stamp_ns=0, frame_id="warm-up")
        for count in range(1, len(tasks) + 1):
            self.perceive(grey, tasks[:count])

    def _stack(self, tasks: Sequence[Task]) -> Float:
        """Prompts (N, T, D) of a set of tasks; encoded once, for they change only when a listener comes or goes."""
        key = tuple(task.tokens for task in tasks)
        if key not in self._stacked:
            if len(self._stacked) >= KEPT_TASK_SETS:
                self._stacked.clear()
            self._stacked[key] = np.stack([self._prompts.encode(tokens) for tokens in key])
        return self._stacked[key]


def image_input(rgb: RGB, box: Letterbox) -> Float:
    """An image (h, w, 3) -> (1, 3, H, W) in [-1, 1]: aspect kept, the rest of the canvas grey (zero)."""
    size = (box.inner_width, box.inner_height)
    inner = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if box.scale < 1 else cv2.INTER_LINEAR)
    image = np.zeros((1, 3, box.height, box.width), np.float32)
    inside = image[0, :, box.top : box.top + box.inner_height, box.left : box.left + box.inner_width]
    np.multiply(inner.transpose(2, 0, 1), 1 / HALF_LEVELS, out=inside)
    inside -= 1
    return image


def rays_input(frame: Frame, box: Letterbox, default_fov_deg: float) -> Float:
    """Rays (1, 2, H, W) of the canvas' pixels; an uncalibrated camera is taken to have the default field of view."""
    camera = frame.intrinsics or CameraIntrinsics.from_fov(frame.width, frame.height, default_fov_deg)
    return box.intrinsics(camera).rays()[None]


def rgb_images(painted: Float) -> list[RGB]:
    """(N, 3, H, W) in [-1, 1] -> N images (H, W, 3), rounded to the nearest of 256 levels and clipped."""
    flat = painted.reshape(-1, painted.shape[-1])
    levels = cv2.addWeighted(flat, float(HALF_LEVELS), flat, 0, float(HALF_LEVELS), dtype=cv2.CV_8U)
    return [cv2.merge(list(planes)) for planes in levels.reshape(painted.shape)]


def decode(task: Task, generated: RGB, box: Letterbox) -> Prediction:
    """What the generated canvas means for the source image.

    The margins are cut off before decoding: whatever is painted there must not become an instance.
    """
    inside = generated[box.top : box.top + box.inner_height, box.left : box.left + box.inner_width]
    prediction = task.decode(np.ascontiguousarray(inside))
    return resize_prediction(prediction, box.source_width, box.source_height)
