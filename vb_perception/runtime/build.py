"""Which engine runs a model folder."""

import logging
from importlib.util import find_spec
from pathlib import Path

from vb_perception.errors import ConfigError, EngineUnavailableError
from vb_perception.runtime.engine import Engine
from vb_perception.runtime.fake import FakeEngine
from vb_perception.runtime.onnx_engine import OnnxEngine
from vb_perception.runtime.openvino_engine import OpenVinoEngine

_log = logging.getLogger(__name__)

PREFERENCE = ("openvino", "onnxruntime")
"""What "auto" tries, in this order, by the name under which it is imported."""
BACKENDS = ("auto", *PREFERENCE, "fake")


def open_engine(model_dir: Path, backend: str = "auto", threads: int = 0) -> Engine:
    """Load the generator of `model_dir`; `threads` 0 takes one a core.

    `backend` is one of `BACKENDS`.  "fake" takes options: "fake:latency_ms=20,fail_every=10" (see `FakeEngine`).

    Raises:
        ConfigError: unknown backend or option.
        EngineUnavailableError: the backend is not installed; names what to install.
        EngineMismatchError: the folder holds no model that fits its spec.json.
    """
    if threads < 0:
        msg = f"{threads} inference threads: expected 0 (one a core) or more"
        raise ConfigError(msg)
    name, _, options = backend.partition(":")
    if name == "auto" and not options:
        name = _installed()
        _log.warning("backend auto: %s was chosen", name)
    if name == "openvino" and not options:
        return OpenVinoEngine(model_dir, threads)
    if name == "onnxruntime" and not options:
        return OnnxEngine(model_dir, threads)
    if name == "fake":
        return _open_fake(model_dir, options)
    msg = f"unknown backend {backend!r}: expected one of {', '.join(BACKENDS)}"
    raise ConfigError(msg)


def _installed() -> str:
    for name in PREFERENCE:
        if find_spec(name) is not None:
            return name
    msg = f"none of {', '.join(PREFERENCE)} is installed; install one with `pip install {PREFERENCE[0]}`"
    raise EngineUnavailableError(msg)


def _open_fake(model_dir: Path, options: str) -> FakeEngine:
    """Read "latency_ms=20,fail_every=10"; both may be left out."""
    given = dict(option.split("=", 1) for option in options.split(",") if "=" in option)
    try:
        latency_ms, fail_every = float(given.pop("latency_ms", "0")), int(given.pop("fail_every", "0"))
    except ValueError as error:
        msg = (
            f"options {options!r} of the fake backend: {error}; expected numbers, as in "
            "fake:latency_ms=20,fail_every=10"
        )
        raise ConfigError(msg) from error
    if given or (options and options.count("=") != options.count(",") + 1):
        msg = (
            f"options {options!r} of the fake backend: expected latency_ms=<number> and fail_every=<count>, with commas"
        )
        raise ConfigError(msg)
    return FakeEngine(model_dir, latency_ms, fail_every)
