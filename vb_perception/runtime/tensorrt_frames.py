"""A frame's whole way on the GPU with TensorRT: small plans around the generator's, all of them in one CUDA graph."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vb_perception.camera import Letterbox
from vb_perception.errors import InferenceError
from vb_perception.runtime.contract import IMAGE, PROMPTS, RAYS, RGB, Port
from vb_perception.runtime.cuda_device import GraphRun
from vb_perception.runtime.engine import EngineSpec
from vb_perception.runtime.manifest import BuildKey, CacheEntry
from vb_perception.runtime.on_device import GRAPHS, Array, FrameAnswer, FrameQuestion, Reading, shrinking, taps
from vb_perception.runtime.tensorrt_plan import Build, Shapes, build_part, execution_context

_log = logging.getLogger(__name__)

CAMERA, PAINTED, FINITE = "camera", "painted", "finite"
PREPARE, LEVELS = "prepare", "levels"
OUTPUTS: dict[str, dict[str, tuple[str, tuple[int, ...]]]] = {
    "read_depth": {"depth_m": ("float32", ()), "confidence": ("float32", ())},
    "read_normals": {"normals": ("float32", (3,)), "confidence": ("float32", ())},
    "read_segments": {"ids": ("uint8", ()), "confidence": ("float32", ())},
}
"""What each graph that reads gives: element type, and sizes after the camera's height and width."""
KEPT_RUNS, KEPT_PLANS = 16, 64
"""Sets of tasks and cameras whose memory on the GPU is kept while there is any, and sizes of cameras times graphs."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a CUDA graph is captured for: the camera's image on the canvas, and the graph that reads each prompt."""

    box: Letterbox
    graphs: tuple[str | None, ...]


Context = Callable[[int], Any]
"""Makes an execution context of the generator's plan for so many prompts."""


class FrameRuns:
    """Answers frames with the plan of a generator; one run for each situation, the latest `KEPT_RUNS` of them."""

    def __init__(self, trt: Any, cuda: Any, runtime: Any, key: BuildKey, spec: EngineSpec) -> None:  # noqa: ANN401
        """`key` is that of the generator's plan: the others are for the same device."""
        self._trt, self._cuda, self._runtime, self._key, self._spec = trt, cuda, runtime, key, spec
        self._plans: dict[BuildKey, Any] = {}
        self._runs: dict[Situation, GraphRun] = {}

    def answer(self, question: FrameQuestion, generator: Context) -> tuple[FrameAnswer, bool]:
        """What the device says, and whether all that was painted was finite.

        Raises:
            EngineError: a plan cannot be built, or the device fails.
        """
        graphs = tuple(reading.graph if reading else None for reading in question.readings)
        situation = Situation(question.box, graphs)
        run = self._runs.pop(situation, None) or self._made_room(situation, question.readings, generator)
        self._runs[situation] = run
        found = run.run(self._inputs(question))
        read = tuple(
            tuple(found[f"{i} {name}"] for name in OUTPUTS[reading.graph]) if reading else None
            for i, reading in enumerate(question.readings)
        )
        return FrameAnswer(np.asarray(found[PAINTED], np.uint8), read), bool(found[FINITE].all())

    def _inputs(self, question: FrameQuestion) -> dict[str, Array]:
        inputs: dict[str, Array] = {CAMERA: question.rgb, RAYS: question.rays, PROMPTS: question.prompts}
        for i, reading in enumerate(question.readings):
            inputs |= {f"{i} {name}": of for name, of in reading.constants.items()} if reading else {}
        return {**inputs, **shrinking(question.box), **taps(question.box)}

    def _made_room(self, situation: Situation, readings: tuple[Reading | None, ...], generator: Context) -> GraphRun:
        """As `_prepared`; where that fails, once more with all the memory that other situations hold."""
        while len(self._runs) >= KEPT_RUNS:
            self._runs.pop(next(iter(self._runs))).close()
        try:
            return self._prepared(situation, readings, generator)
        except InferenceError:
            if not self._runs:
                raise
            self.close()
            return self._prepared(situation, readings, generator)

    def _prepared(self, situation: Situation, readings: tuple[Reading | None, ...], generator: Context) -> GraphRun:
        """Memory, contexts and the captured graph; plans that are not in the cache are built first."""
        box, spec, count = situation.box, self._spec, len(readings)
        size, camera = (spec.height, spec.width), (box.source_height, box.source_width)
        lens, resampling = _ports(shrinking(box)), _ports(taps(box))
        inputs: dict[str, Port] = {
            CAMERA: ("uint8", (*camera, 3)),
            RAYS: ("float32", (1, 2, *size)),
            PROMPTS: ("float32", (count, spec.max_tokens, spec.token_dim)),
            **lens,
            **resampling,
        }
        inner: dict[str, Port] = {IMAGE: ("float32", (1, 3, *size)), RGB: ("float32", (count, 3, *size))}
        outputs: dict[str, Port] = {PAINTED: ("uint8", (count, *size, 3)), FINITE: ("float32", (1, 1, 1, 1))}
        steps = [
            self._step(PREPARE, {CAMERA: inputs[CAMERA], **lens}, {IMAGE: IMAGE}),
            self._made(generator(count), {name: name for name in (IMAGE, RAYS, PROMPTS, RGB)}),
            self._step(LEVELS, {RGB: inner[RGB]}, {PAINTED: PAINTED, FINITE: FINITE}),
        ]
        for i, reading in enumerate(readings):
            if reading is None:
                continue
            own = {f"{i} {name}": port for name, port in _ports(reading.constants).items()}
            given = {f"{i} {n}": (dtype, (*camera, *more)) for n, (dtype, more) in OUTPUTS[reading.graph].items()}
            inputs, outputs = {**inputs, **own}, {**outputs, **given}
            picture = {PAINTED: ("uint8", (*size, 3)), **resampling}
            names = {name.partition(" ")[2]: name for name in (*own, *given)}
            steps.append(self._step(reading.graph, picture, names, offset=i * spec.height * spec.width * 3))

        def enqueue(addresses: Mapping[str, int], stream: int) -> bool:
            return all(step(addresses, stream) for step in steps)

        kept = inputs.keys() - {CAMERA}
        return GraphRun(self._cuda, inputs, outputs, enqueue, inner, kept)

    def _step(
        self, graph: str, inputs: Mapping[str, Port], names: Mapping[str, str], offset: int = 0
    ) -> Callable[[Mapping[str, int], int], bool]:
        """One of the small plans, for `inputs` whose sizes are free in the graph; `names` are those of its other ports.

        `offset` in bytes leads to the picture that it reads.
        """
        shapes = {name: tuple(size or 1 for size in shape) for name, (_, shape) in inputs.items()}
        context = execution_context(self._trt, self._plan(graph, shapes))
        if context is None:
            msg = f"{self._trt.__name__} has no memory for a frame's way; free some, or ask for fewer tasks"
            raise InferenceError(msg)
        return self._made(context, {name: name for name in inputs} | dict(names), offset)

    def _made(
        self,
        context: Any,  # noqa: ANN401 - an IExecutionContext
        names: Mapping[str, str],
        offset: int = 0,
    ) -> Callable[[Mapping[str, int], int], bool]:
        def step(addresses: Mapping[str, int], stream: int) -> bool:
            ready = all(
                context.set_tensor_address(own, addresses[name] + (offset if own == PAINTED else 0))
                for own, name in names.items()
            )
            return ready and bool(context.execute_async_v3(stream))

        return step

    def _plan(self, graph: str, shapes: Shapes) -> Any:  # noqa: ANN401 - a class of the module
        file = GRAPHS / f"{graph}.onnx"
        key = BuildKey(
            onnx_sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
            weights_sha256="",
            runtime=self._key.runtime,
            device=self._key.device,
            driver=self._key.driver,
            profile=", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in shapes.items()),
            precision="fp32",
            flags=self._key.flags,
        )
        if key not in self._plans:
            entry = CacheEntry(f"{graph}-{self._trt.__name__}", key)

            def built() -> bytes:
                _log.warning("%s is built for this size of camera, once", graph)
                return build_part(self._trt, file, shapes, Build(1))

            plan = self._runtime.deserialize_cuda_engine(entry.load_or_build(built))
            if plan is None:
                entry.discard("the runtime refuses it")
                plan = self._runtime.deserialize_cuda_engine(entry.load_or_build(built))
            if plan is None:
                msg = f"{self._trt.__name__} refuses the plan of {graph} that it has just built; update the driver"
                raise InferenceError(msg)
            while len(self._plans) >= KEPT_PLANS:
                self._plans.pop(next(iter(self._plans)))
            self._plans[key] = plan
        return self._plans[key]

    def close(self) -> None:
        """Free the memory of every run; plans stay for the next."""
        for run in self._runs.values():
            run.close()
        self._runs.clear()


def _ports(arrays: Mapping[str, Array]) -> dict[str, Port]:
    return {name: (array.dtype.name, array.shape) for name, array in arrays.items()}
