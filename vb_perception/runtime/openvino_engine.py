"""The generator on OpenVINO's CPU plugin."""

import io
import logging
import platform
import threading
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import numpy as np

from vb_perception.errors import ConfigError, EngineError, EngineMismatchError, EngineUnavailableError, InferenceError
from vb_perception.runtime.contract import (
    IMAGE,
    PROMPTS,
    RAYS,
    CheckedEngine,
    Port,
    check_ports,
    generator_ports,
    unreplaced,
)
from vb_perception.runtime.engine import FP32, EngineSpec, Float, Variant
from vb_perception.runtime.manifest import BuildKey, CacheEntry

_log = logging.getLogger(__name__)

OpenVinoPrecision = Literal["auto", "f32", "bf16"]
PRECISIONS = ("auto", "f32", "bf16")
COMPUTED = {"f32": FP32, "f16": "fp16", "bf16": "bf16"}
"""What OpenVINO may run a graph of fp32 in, by its own name: f16 is what its plugin for Arm chooses."""
DEVICE, HINT = "CPU", "INFERENCE_PRECISION_HINT"
PATIENCE = 10
"""So often fewer tasks are answered by a graph for more of them before one is compiled that fits."""


class OpenVinoEngine(CheckedEngine):
    """A graph of a model folder on OpenVINO.

    It is compiled, with static shapes, for each number of tasks that it is asked for, and kept, in memory and in the
    cache: 90 MB and two to three seconds of one core each for the shipped model, a third of that from the cache.  Fewer
    tasks than before are first answered by the graph for more, and by their own, compiled beside it, when they last.
    With a free number of tasks OpenVINO 2026.4 fails or crashes when the number changes.

    The model's files are read for each of these compiles.  When others have taken their place, a number of tasks that
    is not compiled yet is an EngineMismatchError; what is compiled goes on to answer.
    """

    def __init__(
        self,
        model_dir: Path,
        threads: int = 0,
        precision: OpenVinoPrecision = "auto",
        variant: Variant | None = None,
        expected: int = 0,
    ) -> None:
        """Load and check the file of `variant` (default: the spec's own).

        For the `expected` number of prompts a graph is compiled whenever it is asked for, whichever others there are.

        `threads` 0 takes one a core; precision "auto" is bf16 where the CPU has it, fp16 on Arm, what the graph says
        elsewhere.

        Raises:
            ConfigError: unknown precision.
            EngineUnavailableError: OpenVINO is not installed.
            EngineMismatchError: the file is missing, damaged or not what spec.json describes.
        """
        if precision not in PRECISIONS:
            msg = f"OpenVINO precision {precision!r}: expected one of {', '.join(PRECISIONS)}"
            raise ConfigError(msg)
        try:
            import openvino
        except ImportError as error:
            msg = f"OpenVINO cannot be imported ({error}); install it with `pip install openvino`"
            raise EngineUnavailableError(msg) from error
        spec = EngineSpec.read(model_dir)
        self._variant = variant or spec.choose(spec.precision)
        file = spec.verify_graph(model_dir, self._variant)
        self._model_dir = model_dir
        spec = spec.at(self._variant)
        self._settings: dict[str, str | int] = {"PERFORMANCE_HINT": "LATENCY"}
        if threads:
            self._settings["INFERENCE_NUM_THREADS"] = threads
        if precision != "auto":
            self._settings[HINT] = precision
        self._precision = precision
        self._version = openvino.__version__
        self._core = openvino.Core()
        self._core.set_property({"ENABLE_MMAP": False})  # else what is written over the weights later is computed with
        try:
            model = self._core.read_model(file)
        except RuntimeError as error:
            msg = f"OpenVINO cannot load {file}: {error}; reinstall the package or run `vb-perception export`"
            raise EngineMismatchError(msg) from error
        inputs, outputs = generator_ports(spec)
        check_ports(file, _ports(model.inputs), inputs)
        check_ports(file, _ports(model.outputs), outputs)
        self._requests: dict[int, Any] = {}
        self._expected = expected
        self._asked_of_larger: Counter[int] = Counter()
        self._beside: list[threading.Thread] = []
        super().__init__(spec, "")
        can_bf16 = "BF16" in self._core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
        self._computes("bf16" if precision == "bf16" or (can_bf16 and precision == "auto") else "f32")
        if precision == "bf16" and not can_bf16:
            _log.warning(
                "%s: this CPU has no bf16 instructions; imitated, or without AVX-512 fp32 is run: ask for fp32",
                self._backend,
            )

    def _computes(self, hint: str) -> None:
        """What OpenVINO runs what is fp32 in the graph in; a graph of another precision is named after its own.

        Raises:
            EngineMismatchError: a precision that nothing is known of; an answer in it cannot be judged.
        """
        own = self._variant.precision
        if own == FP32 and hint not in COMPUTED:
            msg = (
                f"OpenVINO {self._version} computes {self._variant.file} in {hint!r} on this CPU, expected one of "
                f"{', '.join(COMPUTED)}; ask for precision fp32, or use backend onnxruntime"
            )
            raise EngineMismatchError(msg)
        self.computed = COMPUTED[hint] if own == FP32 else own
        self._backend = f"openvino {self._version.split('-')[0]} {self.computed}"

    def _run(self, image: Float, rays: Float, prompts: Float) -> Float:
        count = len(prompts)
        size = self._size_for(count)
        if size > count:
            prompts = np.concatenate((prompts, np.zeros((size - count, *prompts.shape[1:]), prompts.dtype)))
        try:
            request = self._request_for(size)
            outputs = request.infer(
                {IMAGE: image, RAYS: rays, PROMPTS: prompts},
                share_inputs=True,
                share_outputs=False,  # a copy: the request writes into the same memory next time
            )
        except RuntimeError as error:
            msg = f"{self.backend} failed: {error}"
            raise InferenceError(msg) from error
        return np.asarray(outputs[0])[:count]

    def _size_for(self, prompts: int) -> int:
        """Of how many prompts the graph is that answers so many now."""
        larger = [size for size in list(self._requests) if size > prompts]
        if prompts in self._requests or prompts == self._expected or not larger:
            return prompts
        self._asked_of_larger[prompts] += 1
        if self._asked_of_larger[prompts] == PATIENCE:
            self._beside.append(threading.Thread(target=self._fit, args=(prompts,), daemon=True))
            self._beside[-1].start()
        return min(larger)

    def _fit(self, prompts: int) -> None:
        """Compile for so many prompts while others are answered."""
        try:
            self._requests[prompts] = self._compiled_once(prompts).create_infer_request()
        except (RuntimeError, EngineError) as error:
            _log.warning("%s: %d prompts go on with the graph for more: %s", self.backend, prompts, error)

    def _request_for(self, prompts: int) -> Any:  # noqa: ANN401 - OpenVINO's stubs are not relied on
        if prompts not in self._requests:
            compiled = self._compiled_once(prompts)
            self._computes(compiled.get_property(HINT).to_string())  # not what was asked for, nor what the CPU lists
            self._requests[prompts] = compiled.create_infer_request()
        return self._requests[prompts]

    def _compiled_once(self, prompts: int) -> Any:  # noqa: ANN401 - OpenVINO's stubs are not relied on
        """From the cache, or compiled and kept there; without a usable cache it is compiled at every start."""
        try:
            entry = CacheEntry(f"{self.spec.name}-openvino", self._key(prompts))
            content = entry.load_or_build(lambda: self._compiled(prompts).export_model().getvalue())
        except EngineMismatchError:  # of the model: of what lies in the cache nobody hears but the log
            raise
        except EngineError as error:
            _log.warning("%s compiles at every start: %s", self.backend, error)
            return self._compiled(prompts)
        try:
            return self._core.import_model(io.BytesIO(content), DEVICE, self._settings)
        except RuntimeError as error:
            entry.discard(str(error))
            return self._compiled(prompts)

    def _compiled(self, prompts: int) -> Any:  # noqa: ANN401 - OpenVINO's stubs are not relied on
        with unreplaced(self._model_dir, self.spec, self._variant) as file:
            model = self._core.read_model(file)
        model.reshape({port.get_any_name(): self._static(port.get_any_name(), prompts) for port in model.inputs})
        return self._core.compile_model(model, DEVICE, self._settings)

    def _key(self, prompts: int) -> BuildKey:
        name, features = (
            self._core.get_property(DEVICE, key) for key in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")
        )
        return BuildKey(
            onnx_sha256=self.spec.generator_sha256,
            weights_sha256=self.spec.graph_weights_sha256,
            runtime=f"openvino {self._version}",
            device=f"{name} ({platform.machine()}, {cpu_flags()}), {' '.join(features)}",
            driver="",
            profile=f"{self.spec.height}x{self.spec.width}, {prompts} prompts",
            precision=f"{self.spec.precision}, {self._precision}",
            flags=" ".join(f"{name}={value}" for name, value in sorted(self._settings.items())),
        )

    def _static(self, name: str, prompts: int) -> list[int]:
        _, shape = generator_ports(self.spec)[0][name]
        return [prompts if size is None else size for size in shape]

    def _release(self) -> None:
        for thread in self._beside:
            thread.join()
        self._requests.clear()
        del self._core


def cpu_flags() -> str:
    """The vector instructions of this CPU as Linux names them: what compiled code may not run without."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith(("flags", "Features"))), [])
    return " ".join(sorted(flag for flag in flags if flag.startswith(("avx", "amx", "sse4", "asimd", "sve"))))


def _ports(nodes: Any) -> dict[str, Port]:  # noqa: ANN401 - OpenVINO's stubs are not relied on
    return {
        node.get_any_name(): (
            np.dtype(node.get_element_type().to_dtype()).name,
            tuple(None if size.is_dynamic else size.get_length() for size in node.get_partial_shape()),
        )
        for node in nodes
    }
