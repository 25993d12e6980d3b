"""The generator on ONNX Runtime, and the session that the text encoder shares."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import EngineMismatchError, EngineUnavailableError, InferenceError
from vb_perception.runtime.contract import IMAGE, PROMPTS, RAYS, CheckedEngine, Port, check_ports, generator_ports
from vb_perception.runtime.engine import EngineSpec, Float, Variant

ELEMENT_TYPES = {"tensor(float)": "float32", "tensor(int64)": "int64"}
FAILURES = (
    "EPFail",
    "Fail",
    "InvalidArgument",
    "InvalidGraph",
    "InvalidProtobuf",
    "NoModel",
    "NoSuchFile",
    "NotImplemented",
    "RuntimeException",
)
"""What ONNX Runtime raises; they have no common base but Exception."""


def usable_cores() -> int:
    """How many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class OnnxSession:
    """One ONNX file on the CPU: arrays by name in, its one output out."""

    def __init__(self, file: Path, inputs: Mapping[str, Port], outputs: Mapping[str, Port], threads: int) -> None:
        """Load `file`, whose ports must be the given ones; `threads` 0 takes one a core.

        Raises:
            EngineUnavailableError: ONNX Runtime is not installed.
            EngineMismatchError: not a readable ONNX file, or another graph than expected.
        """
        try:
            import onnxruntime as ort
            from onnxruntime.capi import onnxruntime_pybind11_state as state
        except ImportError as error:
            msg = f"ONNX Runtime cannot be imported ({error}); install it with `pip install onnxruntime`"
            raise EngineUnavailableError(msg) from error
        options = ort.SessionOptions()
        # Left to itself ONNX Runtime pins a thread to each physical core, also where this process may use fewer.
        options.intra_op_num_threads = threads or usable_cores()
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 4  # fatal only: everything else is also raised
        self.backend = f"onnxruntime {ort.__version__}"
        self._failures = (RuntimeError, *(getattr(state, name) for name in FAILURES if hasattr(state, name)))
        try:
            self._session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except self._failures as error:
            msg = f"{self.backend} cannot load {file}: {error}; reinstall the package or run `vb-perception export`"
            raise EngineMismatchError(msg) from error
        check_ports(file, _ports(self._session.get_inputs()), inputs)
        check_ports(file, _ports(self._session.get_outputs()), outputs)

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> Float:
        """The output, freshly allocated; InferenceError if ONNX Runtime fails."""
        try:
            (output,) = self._session.run(None, dict(inputs))
        except self._failures as error:
            msg = f"{self.backend} failed: {error}"
            raise InferenceError(msg) from error
        return np.asarray(output)


class OnnxEngine(CheckedEngine):
    """A graph of a model folder on ONNX Runtime's CPU provider."""

    def __init__(self, model_dir: Path, threads: int = 0, variant: Variant | None = None) -> None:
        """Load and check the file of `variant` (default: the spec's own); `threads` 0 takes one a core.

        Raises:
            EngineUnavailableError: ONNX Runtime is not installed.
            EngineMismatchError: the file is missing, damaged or not what spec.json describes.
        """
        spec = EngineSpec.read(model_dir)
        variant = variant or spec.choose(spec.precision)
        file = spec.verify_graph(model_dir, variant)
        spec = spec.at(variant)
        self._session = OnnxSession(file, *generator_ports(spec), threads)
        super().__init__(spec, f"{self._session.backend} {variant.precision}")

    def _run(self, image: Float, rays: Float, prompts: Float) -> Float:
        return self._session.run({IMAGE: image, RAYS: rays, PROMPTS: prompts})

    def _release(self) -> None:
        del self._session


def _ports(arguments: Iterable[Any]) -> dict[str, Port]:
    """Names, element types and shapes; a size that ONNX Runtime gives as a name (or not at all) is free."""
    return {
        argument.name: (
            ELEMENT_TYPES.get(argument.type, argument.type),
            tuple(size if isinstance(size, int) else None for size in argument.shape),
        )
        for argument in arguments
    }
