"""What a configured node holds: settings, a stream a camera, the engine's room; in time a worker and the inputs."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial

from rclpy.node import Node

from vb_perception.errors import ConfigError
from vb_perception.instructions.phrases import untaught
from vb_perception.ros import parameters
from vb_perception.ros.camera_input import CameraInput
from vb_perception.ros.camera_stream import CameraStream
from vb_perception.ros.engine_room import EngineRoom
from vb_perception.ros.reporter import Report, Reporter
from vb_perception.ros.settings import Settings
from vb_perception.ros.worker import HANGS, InferenceWorker
from vb_perception.runtime.engine import EngineSpec
from vb_perception.runtime.text import PromptEncoder
from vb_perception.tasks import Task


@dataclass(slots=True)
class Equipment:
    """Made by `equip`; `close` gives everything back.  The worker comes with the engine; inputs while it is active."""

    settings: Settings
    prompts: PromptEncoder
    room: EngineRoom
    streams: dict[str, CameraStream]
    closing: ExitStack
    warn: Callable[[str], object]
    worker: InferenceWorker | None = None
    inputs: dict[str, CameraInput] = field(default_factory=dict)

    def take_engine(self) -> None:
        """Make the worker of the engine that the room has opened.

        Raises:
            ConfigError: it could not be opened.
            RuntimeError: because of a defect of ours.
        """
        if self.room.defect:
            msg = f"a defect while the model was loaded, please report it:\n{self.room.defect}"
            raise RuntimeError(msg)
        if self.room.pipeline is None:
            raise ConfigError(self.room.refusal)
        room = self.room
        self.worker = InferenceWorker(self.room.pipeline, room.maker, self.streams, lambda: room.building)

    def open_inputs(self, node: Node, reporter: Reporter) -> None:
        """Subscribe to what each camera sends once; the images follow when somebody listens."""
        for name, stream in self.streams.items():
            trouble = partial(reporter.qos_trouble, name)
            self.inputs[name] = CameraInput(node, stream.settings, stream, trouble)

    def listen(self) -> None:
        """Subscribe to the images of cameras with listeners, and to no others; let go of what waited too long."""
        for name, camera in self.inputs.items():
            camera.listen(wanted=self.streams[name].wanted)
            camera.expire()

    def close_inputs(self) -> dict[str, CameraInput]:
        """End the subscriptions; returns the inputs that were, of which the last report still tells."""
        inputs, self.inputs = self.inputs, {}
        for camera in inputs.values():
            camera.close()
        return inputs

    def report(self, state: str, inputs: Mapping[str, CameraInput]) -> Report:
        """What is to be reported of it in this state of the node."""
        limits = self.settings.processing_time_warn_ms, self.settings.processing_time_error_ms
        return Report(state, self.room.backend, list(self.streams.values()), inputs, *limits)

    def adopt(self, settings: Settings) -> None:
        """Go on with other settings from the next frame on; raises, with nothing changed, if they cannot be."""
        plans = []
        for camera in settings.cameras:
            stream = self.streams[camera.name]
            if camera.tasks != stream.tasks:
                check_prompts(self.prompts, camera.tasks)
            if camera != stream.settings:
                plans.append((stream, camera, stream.plan(camera)))
        for stream, camera, plan in plans:
            stream.adopt(camera, plan)
            tell_untaught(self.prompts, stream, self.warn)
        self.settings = replace(self.settings, cameras=settings.cameras)

    def in_words(self) -> str:
        """What runs on what."""
        told = [camera.told(", ".join(task.name for task in camera.tasks)) for camera in self.settings.cameras]
        return f"{'; '.join(told)} on {self.room.backend}"

    @property
    def hangs(self) -> bool:
        """Whether the worker was stopped and has not ended."""
        return self.worker is not None and self.worker.hangs

    def unready(self) -> str:
        """Why it cannot be activated now; "" if it can."""
        if self.worker is None:
            return f"the model is still loading ({self.room.progress}); activate when /diagnostics says inactive"
        return HANGS if self.hangs else ""

    def close(self) -> None:
        """Give the topics and the engine back; what a thread that hangs still uses is left to the process's end."""
        if self.hangs:
            self.closing.pop_all()
        self.closing.close()


def equip(node: Node, reporter: Reporter) -> Equipment:
    """Read the parameters, which are settled, make the topics and begin to open the engine.

    Raises:
        ConfigError: a parameter cannot be used; nothing is held then.
        EngineError: neither can the model.
    """
    settings = parameters.read(node)
    spec = EngineSpec.read(settings.model_dir)
    spec = spec.at(spec.choose(size=settings.engine.size))
    with ExitStack() as closing:
        prompts = PromptEncoder(settings.model_dir, spec)
        streams = {}
        for camera in settings.cameras:
            check_prompts(prompts, camera.tasks)
            tell, notify = partial(reporter.complain, camera.name), partial(reporter.notify, camera.name)
            tell_qos = partial(reporter.qos_trouble, camera.name)
            stream = CameraStream(node, camera, settings.latency_window, tell, notify, tell_qos)
            closing.callback(stream.destroy)
            streams[camera.name] = stream
            tell_untaught(prompts, stream, node.get_logger().warning)
        tasks = [camera.tasks for camera in settings.cameras]
        room = EngineRoom(settings.model_dir, settings.backend, settings.threads, settings.engine, tasks)
        closing.callback(room.close)
        room.start()
        reporter.open(settings.cameras)
        return Equipment(settings, prompts, room, streams, closing.pop_all(), node.get_logger().warning)


def check_prompts(prompts: PromptEncoder, tasks: tuple[Task, ...]) -> None:
    """Raises ConfigError, or what the text encoder fails with, if the generator cannot be asked one of the tasks."""
    for task in tasks:
        prompts.encode(task.tokens)


def tell_untaught(prompts: PromptEncoder, stream: CameraStream, warn: Callable[[str], object]) -> None:
    """Have it known which phrases of a camera's tasks the generator was never taught; `warn` hears of new ones."""
    unknown = ((task.name, prompts.unknown(task.tokens)) for task in stream.tasks)
    told = "; ".join(untaught(task, phrases) for task, phrases in unknown if phrases)
    if told and told != stream.untaught:
        warn(stream.settings.told(told))
    stream.untaught = told
