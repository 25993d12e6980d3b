"""The generator on OpenVINO's CPU plugin."""

from pathlib import Path
from typing import Any, Literal

import numpy as np

from vb_perception.errors import ConfigError, EngineMismatchError, EngineUnavailableError, InferenceError
from vb_perception.runtime.contract import IMAGE, PROMPTS, RAYS, CheckedEngine, Port, check_ports, generator_ports
from vb_perception.runtime.engine import EngineSpec, Float

Precision = Literal["auto", "f32", "bf16"]
PRECISIONS = ("auto", "f32", "bf16")


class OpenVinoEngine(CheckedEngine):
    """`generator.onnx` of a model folder on OpenVINO.

    The graph is compiled, with static shapes, for each number of tasks that it meets, and kept: about half a second
    each for the shipped model.  With a free number of tasks OpenVINO 2026.4 fails or crashes when the number changes.
    """

    def __init__(self, model_dir: Path, threads: int = 0, precision: Precision = "auto") -> None:
        """Load and check the file; `threads` 0 takes one a core; precision "auto" is bf16 where the CPU has it.

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
        file = spec.verify(model_dir / "generator.onnx", spec.generator_sha256)
        self._settings: dict[str, str | int] = {"PERFORMANCE_HINT": "LATENCY"}
        if threads:
            self._settings["INFERENCE_NUM_THREADS"] = threads
        if precision != "auto":
            self._settings["INFERENCE_PRECISION_HINT"] = precision
        self._core = openvino.Core()
        try:
            self._model = self._core.read_model(file)
        except RuntimeError as error:
            msg = f"OpenVINO cannot load {file}: {error}; reinstall the package or run `vb-perception export`"
            raise EngineMismatchError(msg) from error
        inputs, outputs = generator_ports(spec)
        check_ports(file, _ports(self._model.inputs), inputs)
        check_ports(file, _ports(self._model.outputs), outputs)
        self._requests: dict[int, Any] = {}
        super().__init__(spec, f"openvino {openvino.__version__.split('-')[0]}")

    def _run(self, image: Float, rays: Float, prompts: Float) -> Float:
        try:
            request = self._request_for(len(prompts))
            outputs = request.infer(
                {IMAGE: image, RAYS: rays, PROMPTS: prompts},
                share_inputs=True,
                share_outputs=False,  # a copy: the request writes into the same memory next time
            )
        except RuntimeError as error:
            msg = f"{self.backend} failed: {error}"
            raise InferenceError(msg) from error
        return np.asarray(outputs[0])

    def _request_for(self, prompts: int) -> Any:  # noqa: ANN401 - OpenVINO's stubs are not relied on
        if prompts not in self._requests:
            model = self._model.clone()
            model.reshape({port.get_any_name(): self._static(port.get_any_name(), prompts) for port in model.inputs})
            compiled = self._core.compile_model(model, "CPU", self._settings)
            self._requests[prompts] = compiled.create_infer_request()
        return self._requests[prompts]

    def _static(self, name: str, prompts: int) -> list[int]:
        _, shape = generator_ports(self.spec)[0][name]
        return [prompts if size is None else size for size in shape]

    def _release(self) -> None:
        self._requests.clear()
        del self._model, self._core


def _ports(nodes: Any) -> dict[str, Port]:  # noqa: ANN401 - OpenVINO's stubs are not relied on
    return {
        node.get_any_name(): (
            np.dtype(node.get_element_type().to_dtype()).name,
            tuple(None if size.is_dynamic else size.get_length() for size in node.get_partial_shape()),
        )
        for node in nodes
    }
