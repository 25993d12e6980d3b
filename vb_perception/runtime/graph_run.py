"""One ONNX graph in memory, on ONNX Runtime, for the export: without a file, a spec or a contract."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import InferenceError
from vb_perception.runtime.engine import Float
from vb_perception.runtime.onnx_engine import FAILURES


def run_graph(content: bytes, frames: Sequence[Mapping[str, NDArray[np.generic]]]) -> list[Float]:
    """The one output of the graph for each of `frames`.

    Raises:
        InferenceError: ONNX Runtime cannot load or run it, or an answer is not finite.
    """
    import onnxruntime as ort
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    failures = tuple(getattr(state, name) for name in FAILURES if hasattr(state, name))
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        answers = [np.asarray(session.run(None, dict(frame))[0]) for frame in frames]
    except failures as error:
        msg = f"the graph does not run on onnxruntime {ort.__version__}: {error}; export again"
        raise InferenceError(msg) from error
    if not all(np.isfinite(answer).all() for answer in answers):
        msg = "the graph's answer holds NaN or infinity; keep more of it in fp32"
        raise InferenceError(msg)
    return answers
