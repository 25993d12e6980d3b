"""Any ONNX file, not only one of ours: arrays by name in, arrays by name out."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import EngineMismatchError, EngineUnavailableError, InferenceError


class ForeignPort(NamedTuple):
    """Element type as ONNX Runtime names it, and shape; None is a free size."""

    element: str
    shape: tuple[int | None, ...]


class ForeignOnnx:
    """An ONNX file on ONNX Runtime's CPU provider; nothing is assumed of its ports."""

    def __init__(self, file: Path, threads: int = 0) -> None:
        """Load `file`; `threads` 0 takes one a core.

        Raises:
            EngineUnavailableError: ONNX Runtime is not installed.
            EngineMismatchError: no readable ONNX file.
        """
        try:
            import onnxruntime as ort
            from onnxruntime.capi import onnxruntime_pybind11_state as state
        except ImportError as error:
            msg = f"ONNX Runtime cannot be imported ({error}); install it with `pip install onnxruntime`"
            raise EngineUnavailableError(msg) from error
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4  # fatal only: everything else is also raised
        # Its errors have no common base but Exception; all of them are classes of this module.
        kinds = [kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception)]
        self._failures: tuple[type[Exception], ...] = (RuntimeError, ValueError, *kinds)
        self.backend = f"onnxruntime {ort.__version__}"
        try:
            self._session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except self._failures as error:
            msg = f"{self.backend} cannot load {file}: {error}; expected an ONNX file that its own tools can run"
            raise EngineMismatchError(msg) from error
        self.inputs = {port.name: _port(port.type, port.shape) for port in self._session.get_inputs()}
        self.outputs = {port.name: _port(port.type, port.shape) for port in self._session.get_outputs()}

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """All outputs by name; InferenceError if ONNX Runtime fails."""
        try:
            answers = self._session.run(None, dict(inputs))
        except self._failures as error:
            msg = f"{self.backend} failed: {error}"
            raise InferenceError(msg) from error
        return dict(zip(self.outputs, map(np.asarray, answers), strict=True))


def _port(element: str, shape: list[object]) -> ForeignPort:
    return ForeignPort(element, tuple(size if isinstance(size, int) else None for size in shape))
