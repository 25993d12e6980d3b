"""One frame through the network: prepare and infer paint it, decode reads what was painted."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter_ns

import numpy as np

from vb_perception.camera import Letterbox
from vb_perception.canvas import RGB, decode, image_input, rays_input, reduced_picture, rgb_images
from vb_perception.errors import ConfigError, EngineError, EngineMismatchError, FrameError, NonFiniteError
from vb_perception.frame import Frame, Perception
from vb_perception.predictions import Prediction, where_seen
from vb_perception.runtime.engine import Engine, Float
from vb_perception.runtime.on_device import FrameQuestion, prediction, reading_of
from vb_perception.runtime.on_device_proof import disproof
from vb_perception.runtime.text import PromptEncoder
from vb_perception.tasks import PromptToken, Task
from vb_perception.timing import StageTimes

_log = logging.getLogger(__name__)

GREY = 128
KEPT_TASK_SETS = 32
"""How many sets of tasks keep their stacked prompts: listeners of a few topics come and go."""


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """What the generator painted of a frame for each task, (H, W, 3) uint8 with the margins of `box`; not yet read.

    `on_device` has what an engine with a GPU has already read there (`Engine.answer_frame`), None where it has not.
    `picture` is what the camera saw, (h, w, 3) uint8 at the size inside the margins; None if nothing is read of it.
    """

    frame: Frame
    tasks: tuple[Task, ...]
    box: Letterbox
    images: tuple[RGB, ...]
    times: StageTimes
    on_device: tuple[Prediction | None, ...] = ()
    picture: RGB | None = None


class PerceptionPipeline:
    """Answers tasks about frames.  One thread may `paint` while another `read`s; no more than one each."""

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
        self._asks_device = True
        self._proved: set[tuple[object, ...]] = set()

    def perceive(self, frame: Frame, tasks: Sequence[Task]) -> Perception:
        """The answers to all tasks, at the size of the frame's image; an empty Perception if there are no tasks.

        Raises:
            ConfigError: two tasks have one name, or a prompt does not fit the generator.
            InferenceError: the network failed.
        """
        return self.read(self.paint(frame, tasks))

    def paint(self, frame: Frame, tasks: Sequence[Task]) -> Painted:
        """The first half of `perceive`: prepare and infer; raises what `perceive` raises."""
        _check_names(tasks)
        spec = self._engine.spec
        box = Letterbox(frame.width, frame.height, spec.width, spec.height)
        if not tasks:
            return Painted(frame, (), box, (), StageTimes())
        answered = self._answered_on_device(frame, tuple(tasks), box)
        return answered or self._paint_on_host(frame, tuple(tasks), box)

    def _paint_on_host(self, frame: Frame, tasks: tuple[Task, ...], box: Letterbox) -> Painted:
        started = perf_counter_ns()
        picture = reduced_picture(frame.rgb, box)
        image, rays = image_input(picture, box), rays_input(frame, box, self._engine.spec.default_fov_deg)
        prepared = perf_counter_ns()
        painted = self._engine.infer(image, rays, self._stack(tasks))
        inferred = perf_counter_ns()
        images = tuple(rgb_images(painted))
        times = StageTimes(
            prepare_ns=prepared - started, infer_ns=inferred - prepared, decode_ns=perf_counter_ns() - inferred
        )
        return Painted(frame, tasks, box, images, times, (None,) * len(tasks), picture)

    def _answered_on_device(self, frame: Frame, tasks: tuple[Task, ...], box: Letterbox) -> Painted | None:
        """The engine's own way with the whole frame, if it has one and that has proved itself; None: the host's way."""
        if not self._asks_device:
            return None
        started = perf_counter_ns()
        rays, readings = rays_input(frame, box, self._engine.spec.default_fov_deg), tuple(map(reading_of, tasks))
        question = FrameQuestion(frame.rgb, box, rays, self._stack(tasks), readings)
        try:
            answer = self._engine.answer_frame(question)
            if answer is None:
                return None
            times = StageTimes(infer_ns=perf_counter_ns() - started)
            read = tuple(prediction(task, of) if of else None for task, of in zip(tasks, answer.read, strict=True))
            picture = None if all(read) else reduced_picture(frame.rgb, box)
            painted = Painted(frame, tasks, box, tuple(answer.painted), times, read, picture)
            wrong = self._disproof(painted)
        except NonFiniteError:
            raise
        except (EngineError, FrameError) as error:  # FrameError: what came back is no prediction
            wrong = [str(error)]
        if not wrong:
            return painted
        self._asks_device = False
        _log.error(
            "%s: images are prepared and read on the CPU from now on, which takes longer: %s",
            self._engine.backend,
            "; ".join(wrong),
        )
        return None

    def _disproof(self, painted: Painted) -> list[str]:
        """What is wrong with the device's way, by the host's; asked once of an engine, camera and set of readings."""
        tasks, box, read = painted.tasks, painted.box, painted.on_device
        situation = self._engine.backend, box, tuple(type(of) for of in read)
        if situation in self._proved:
            return []
        expected = self._paint_on_host(painted.frame, tasks, box).images
        rows = zip(tasks, painted.images, read, strict=True)
        again = [decode(task, image, box) if of else None for task, image, of in rows]
        wrong = disproof(painted.images, expected, read, again)
        if not wrong:
            self._proved.add(situation)
        return wrong

    def read(self, painted: Painted) -> Perception:
        """The second half of `perceive`: decode; needs nothing of the engine."""
        started = perf_counter_ns()
        tasks = painted.tasks
        images = zip(tasks, painted.images, painted.on_device, strict=True)
        decoded = [_timed_decode(task, image, painted, known) for task, image, known in images]
        parts = tuple(("decode", task.name, ns) for task, (_, ns) in zip(tasks, decoded, strict=True))
        times = replace(painted.times, decode_ns=painted.times.decode_ns + perf_counter_ns() - started, parts=parts)
        predictions = {task.name: found for task, (found, _) in zip(tasks, decoded, strict=True)}
        generated = {task.name: image for task, image in zip(tasks, painted.images, strict=True)}
        unknown = {task.name: self._prompts.unknown(task.tokens) for task in tasks}
        return Perception(painted.frame, predictions, generated, times, {k: v for k, v in unknown.items() if v})

    def warm_up(self, tasks: Sequence[Task]) -> None:
        """Answer all, all but one ... one of the tasks about a grey image, so that no later frame waits for a compiler.

        The most first: an engine may answer fewer with what it has compiled for more.

        Raises what `perceive` raises: a task that this generator cannot be asked is found here, before the first frame.
        """
        _check_names(tasks)
        spec = self._engine.spec
        grey = Frame(np.full((spec.height, spec.width, 3), GREY, np.uint8), stamp_ns=0, frame_id="warm-up")
        box = Letterbox(spec.width, spec.height, spec.width, spec.height)
        for count in range(len(tasks), 0, -1):
            self.read(self._paint_on_host(grey, tuple(tasks[:count]), box))

    def _stack(self, tasks: Sequence[Task]) -> Float:
        """Prompts (N, T, D) of a set of tasks; encoded once, for they change only when a listener comes or goes."""
        key = tuple(task.tokens for task in tasks)
        if key not in self._stacked:
            if len(self._stacked) >= KEPT_TASK_SETS:
                self._stacked.clear()
            stacked = np.stack([self._prompts.encode(tokens) for tokens in key])
            stacked.flags.writeable = False
            self._stacked[key] = stacked
        return self._stacked[key]


def _check_names(tasks: Sequence[Task]) -> None:
    names = [task.name for task in tasks]
    if len(set(names)) != len(names):
        msg = f"tasks named {', '.join(names)}: give each task a name of its own"
        raise ConfigError(msg)


def _timed_decode(task: Task, image: RGB, of: Painted, known: Prediction | None) -> tuple[Prediction, int]:
    begun = perf_counter_ns()
    found = where_seen(known or decode(task, image, of.box, of.picture), of.frame.unseen)
    return found, perf_counter_ns() - begun
