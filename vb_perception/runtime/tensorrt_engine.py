"""The generator on TensorRT or TensorRT-RTX: one plan, one CUDA graph for each number of prompts.

`tensorrt_frames.py` puts the rest of a frame's way around it.
"""

import logging
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from vb_perception.errors import EngineError, EngineMismatchError, EngineUnavailableError, InferenceError
from vb_perception.runtime.cache import cache_directory, write_whole
from vb_perception.runtime.contract import IMAGE, PROMPTS, RAYS, RGB, CheckedEngine, generator_ports, unreplaced
from vb_perception.runtime.cuda_device import Device, GraphRun, cuda_runtime, find_device
from vb_perception.runtime.engine import EngineSpec, Float, Variant
from vb_perception.runtime.manifest import BuildKey, CacheEntry
from vb_perception.runtime.on_device import FrameAnswer, FrameQuestion
from vb_perception.runtime.options import EngineOptions
from vb_perception.runtime.tensorrt_frames import FrameRuns
from vb_perception.runtime.tensorrt_listeners import make_logger
from vb_perception.runtime.tensorrt_plan import FLAVOURS, Build, build_plan, execution_context, import_flavour

_log = logging.getLogger(__name__)

TIMING_CACHE = "timing.cache"


def usable() -> bool:
    """Whether there is a TensorRT and a GPU for it; says why not in the log if only one of them is there."""
    if not any(find_spec(name) is not None for name in FLAVOURS):
        return False
    try:
        find_device(cuda_runtime())
    except EngineUnavailableError as error:
        _log.info("TensorRT is installed but not used: %s", error)
        return False
    return True


class TensorRtEngine(CheckedEngine):
    """A graph of a model folder as a plan, built on this device when it is first opened and kept in the cache.

    Not thread-safe: one owner, who also closes it.
    """

    def __init__(self, model_dir: Path, variant: Variant, options: EngineOptions) -> None:
        """Load the plan, or build it first: minutes, told to `options.progress`.

        Raises:
            EngineUnavailableError: no TensorRT, no cuda-python, no GPU, or a driver that is too old.
            EngineMismatchError: the ONNX file is missing, damaged or not what spec.json describes.
            EngineError: the build failed, or the cache cannot be used.
        """
        trt = import_flavour()
        self._trt, self._cuda = trt, cuda_runtime()
        self._gpu = find_device(self._cuda)
        spec = EngineSpec.read(model_dir)
        spec.verify_graph(model_dir, variant)
        self._model_dir, self._variant = model_dir, variant
        spec = spec.at(variant)
        super().__init__(spec, f"{trt.__name__} {trt.__version__} {variant.precision}")
        self._options = options
        self._logger = make_logger(trt)
        self._runtime = trt.Runtime(self._logger)
        self._runs: dict[int, GraphRun] = {}
        self._most = 0
        self._plan: Any = None
        key = plan_key(trt, self._gpu, spec, options.prompts)
        self._frames = FrameRuns(trt, self._cuda, self._runtime, key, spec)
        self._open_plan(options.prompts)

    def _open_plan(self, prompts: int) -> None:
        """Load a plan for up to `prompts` prompts; one that the runtime refuses is built again, once."""
        spec = self.spec
        entry = CacheEntry(f"{spec.name}-{self._trt.__name__}", plan_key(self._trt, self._gpu, spec, prompts))
        plan = self._loaded(entry.load_or_build(lambda: self._built(prompts)))
        if plan is None:
            entry.discard(f"the runtime refuses it: {'; '.join(self._logger.errors[-2:])}")
            plan = self._loaded(entry.load_or_build(lambda: self._built(prompts)))
        if plan is None:
            msg = (
                f"{self.backend} refuses the plan that it has just built for {self._gpu.name}: "
                f"{'; '.join(self._logger.errors[-2:])}; update the driver (CUDA {self._gpu.driver})"
            )
            raise EngineMismatchError(msg)
        self._close_runs()
        self._plan, self._most = plan, prompts

    def _loaded(self, content: bytes) -> Any:  # noqa: ANN401 - a class of the module
        return self._runtime.deserialize_cuda_engine(content)

    def _built(self, prompts: int) -> bytes:
        """Build, with the timings that earlier builds on this GPU took."""
        timing = timing_cache(self._trt, self._gpu)
        known = timing.read_bytes() if timing.exists() else b""
        wanted = Build(prompts, self._options.workspace_mb)
        _log.warning("%s is built for %s; this takes minutes, once", self._variant.file, self._gpu.name)
        with unreplaced(self._model_dir, self.spec, self._variant) as file:
            plan = build_plan(self._trt, file, self.spec, wanted, self._options.progress, known)
        if plan.timing_cache:
            write_whole(timing, plan.timing_cache)
        return plan.content

    def _run(self, image: Float, rays: Float, prompts: Float) -> Float:
        if not self._takes(len(prompts)):
            parts = range(0, len(prompts), self._most)
            return np.concatenate([self._run(image, rays, prompts[i : i + self._most]) for i in parts])
        answer = self._run_for(len(prompts)).run({IMAGE: image, RAYS: rays, PROMPTS: prompts})
        return np.asarray(answer[RGB], np.float32)

    def answer_frame(self, question: FrameQuestion) -> FrameAnswer | None:
        """As `Engine.answer_frame`; the first frame of a new size of camera waits for small plans to be built."""
        self._check_open()
        self._check_frame(question)
        if len(question.prompts) > self._most:
            return None  # `infer` splits them, or has the plan built again, and then the next frame comes here
        answer, finite = self._frames.answer(question, self._context)
        if not finite:
            count = "some"  # the device only says whether
            raise self._not_finite(count)
        return answer

    def _takes(self, prompts: int) -> bool:
        """Whether the plan takes so many prompts, after it was built again if it may be; not: they are to be split."""
        if prompts <= self._most:
            return True
        if self._options.overflow == "split":
            return False
        _log.warning("%d prompts, the plan takes %d: it is built again", prompts, self._most)
        try:
            self._open_plan(prompts)
        except EngineError as error:
            msg = (
                f"{prompts} prompts, the plan takes {self._most}, and a larger one failed: {error}; ask for "
                "fewer tasks, or set the parameter for more prompts than the plan takes to split"
            )
            kind = EngineMismatchError if isinstance(error, EngineMismatchError) else InferenceError
            raise kind(msg) from error
        return True

    def _context(self, prompts: int) -> Any:  # noqa: ANN401 - a class of the module
        context = execution_context(self._trt, self._plan)
        shape = (prompts, self.spec.max_tokens, self.spec.token_dim)
        if context is None or not context.set_input_shape(PROMPTS, shape):
            said = "; ".join(self._logger.errors[-2:])
            msg = f"{self.backend} has no memory for {prompts} prompts: {said}; free some, or ask for fewer tasks"
            raise InferenceError(msg)
        return context

    def _run_for(self, prompts: int) -> GraphRun:
        if prompts not in self._runs:
            context = self._context(prompts)
            inputs, outputs = generator_ports(self.spec)
            inputs[PROMPTS] = ("float32", (prompts, self.spec.max_tokens, self.spec.token_dim))
            answer = ("float32", (prompts, *outputs[RGB][1][1:]))

            def enqueue(addresses: Any, stream: int) -> bool:  # noqa: ANN401 - a mapping of addresses
                ready = all(context.set_tensor_address(name, address) for name, address in addresses.items())
                return ready and bool(context.execute_async_v3(stream))

            self._runs[prompts] = GraphRun(self._cuda, inputs, {RGB: answer}, enqueue)
        return self._runs[prompts]

    def _close_runs(self) -> None:
        for run in self._runs.values():
            run.close()
        self._runs.clear()
        self._frames.close()

    def _release(self) -> None:
        self._close_runs()
        self._plan = None
        del self._frames, self._runtime


def timing_cache(trt: Any, gpu: Device) -> Path:  # noqa: ANN401 - a module without types
    """The file of the times that kernels took on this kind of GPU: TensorRT is told not to mind if they are another's.

    Raises:
        EngineError: the cache directory cannot be trusted.
    """
    device = re.sub(r"[^A-Za-z0-9.]+", "_", f"{gpu.name} {gpu.capability}")
    return cache_directory() / f"{trt.__name__}-{trt.__version__}-{device}-{TIMING_CACHE}"


def plan_key(trt: Any, gpu: Device, spec: EngineSpec, prompts: int) -> BuildKey:  # noqa: ANN401 - a module without types
    """Everything that a plan depends on."""
    return BuildKey(
        onnx_sha256=spec.generator_sha256,
        weights_sha256=spec.graph_weights_sha256,
        runtime=f"{trt.__name__} {trt.__version__}",
        device=f"{gpu.name}, compute capability {gpu.capability}",
        driver=gpu.driver,
        profile=f"{spec.height}x{spec.width}, 1 to {prompts} prompts",
        precision=spec.precision,
        flags="strongly typed, fit to be captured",
    )
