"""Which engine runs a model folder, proved by its self-test before anybody uses it."""

import logging
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from vb_perception.errors import ConfigError, EngineError, EngineUnavailableError
from vb_perception.runtime import tensorrt_engine, trial
from vb_perception.runtime.contract import CheckedEngine
from vb_perception.runtime.engine import FP32, Engine, EngineSpec, Variant
from vb_perception.runtime.fake import FakeEngine
from vb_perception.runtime.manifest import BuildKey
from vb_perception.runtime.onnx_engine import OnnxEngine
from vb_perception.runtime.openvino_engine import OpenVinoEngine, OpenVinoPrecision, cpu_flags
from vb_perception.runtime.options import EngineOptions
from vb_perception.runtime.reloading import ReloadingEngine
from vb_perception.runtime.self_test import self_test
from vb_perception.runtime.trial import Candidate

_log = logging.getLogger(__name__)

PREFERENCE = ("openvino", "onnxruntime")
"""What "auto" tries on a machine without a GPU, by the name under which it is imported."""
TENSORRT = "tensorrt"
BACKENDS = ("auto", *PREFERENCE, TENSORRT, "fake")


def open_engine(
    model_dir: Path, backend: str = "auto", threads: int = 0, options: EngineOptions | None = None
) -> Engine:
    """Load a generator of `model_dir` and test it with its golden input; `threads` 0 takes one a core.

    `backend` is one of `BACKENDS`.  "auto" takes TensorRT where there is a GPU for it, else the fastest of `PREFERENCE`
    by a short trial whose result is kept.  "fake" takes options: "fake:latency_ms=20,fail_every=10" (see `FakeEngine`).

    Raises:
        ConfigError: unknown backend or option.
        EngineUnavailableError: the backend is not installed; names what to install.
        EngineMismatchError: the folder holds no model that fits its spec.json, or the self-test failed.
    """
    if threads < 0:
        msg = f"{threads} inference threads: expected 0 (one a core) or more"
        raise ConfigError(msg)
    options = options or EngineOptions()
    name, _, extra = backend.partition(":")
    if name == "fake":
        return _open_fake(model_dir, extra)
    if name not in BACKENDS or extra:
        msg = f"unknown backend {backend!r}: expected one of {', '.join(BACKENDS)}"
        raise ConfigError(msg)
    spec = EngineSpec.read(model_dir)
    candidates = _candidates(spec, name, options)
    first = candidates[0]
    if len(candidates) > 1:
        options.progress("choosing a backend", 0.0)
        first = trial.choose(
            model_dir, candidates, _trial_key(spec, candidates, options, threads), threads, options.prompts
        )
    elif name == "auto":
        _log.warning("backend auto: %s was chosen, there is no other", first)
    try:
        return _opened(model_dir, spec, first, threads, options)
    except EngineError as error:
        if not options.fallback:
            raise
        return _fall_back(model_dir, spec, first, threads, options, error)


def open_candidate(model_dir: Path, which: Candidate, threads: int, options: EngineOptions) -> Engine:
    """Load and test just this one, without a trial and without falling back: what a trial runs in its own process.

    Raises:
        EngineError: as `open_engine`.
    """
    return _opened(model_dir, EngineSpec.read(model_dir), which, threads, options)


def _fall_back(
    model_dir: Path, spec: EngineSpec, failed: Candidate, threads: int, options: EngineOptions, error: EngineError
) -> Engine:
    """The first in fp32 that runs; raises the first error if none does."""
    for name in PREFERENCE:
        other = Candidate(name, "fp32")
        if other == failed or find_spec(name) is None:
            continue
        _log.error("%s failed: %s; FALLING BACK to %s, as the parameter allows", failed, error, other)
        try:
            return _opened(model_dir, spec, other, threads, replace(options, precision="fp32"))
        except EngineError as also:
            _log.error("%s failed too: %s", other, also)
    raise error


def _candidates(spec: EngineSpec, name: str, options: EngineOptions) -> list[Candidate]:
    """What could run this model as asked; never empty."""
    if name == "auto" and options.precision in {"auto", "fp32", "fp16", "int8"} and tensorrt_engine.usable():
        name = TENSORRT
    if name == TENSORRT:
        return [
            Candidate(
                name, "fp16" if options.precision == "auto" and _has(spec, "fp16", options) else _graph_of(options)
            )
        ]
    names = [n for n in PREFERENCE if find_spec(n) is not None] if name == "auto" else [name]
    if not names:
        msg = f"none of {', '.join(PREFERENCE)} is installed; install one with `pip install {PREFERENCE[0]}`"
        raise EngineUnavailableError(msg)
    if options.precision != "auto":
        return [Candidate(n, options.precision) for n in names]
    found = [Candidate(n, "auto") for n in names]  # what the graph says, or bf16 where OpenVINO finds it in the CPU
    if "openvino" in names and _has(spec, "int8", options):
        found.append(Candidate("openvino", "int8"))
    return found


def _has(spec: EngineSpec, precision: str, options: EngineOptions) -> bool:
    size = options.size or (spec.height, spec.width)
    return any((v.precision, v.height, v.width) == (precision, *size) for v in spec.graphs())


def _graph_of(options: EngineOptions) -> str:
    return "fp32" if options.precision in {"auto", "bf16"} else options.precision


def _opened(model_dir: Path, spec: EngineSpec, which: Candidate, threads: int, options: EngineOptions) -> Engine:
    """Load and test one candidate; a reduced precision that overflows later is replaced by fp32."""
    precision = which.precision
    variant = spec.choose("fp32" if precision in {"auto", "bf16"} else precision, options.size)
    engine = _load(model_dir, variant, which, threads, options)
    try:
        measured = self_test(engine, model_dir, spec, variant)
    except BaseException:
        engine.close()
        raise
    if measured is not None:
        _log.info("%s passed its self-test: %s", engine.backend, measured)
    if engine.computed == FP32:
        return engine
    exact = Candidate(which.backend, "fp32")
    return ReloadingEngine(engine, lambda: _opened(model_dir, spec, exact, threads, options))


def _load(model_dir: Path, variant: Variant, which: Candidate, threads: int, options: EngineOptions) -> CheckedEngine:
    if which.backend == "openvino":
        hints: dict[str, OpenVinoPrecision] = {FP32: "f32", "bf16": "bf16"}
        return OpenVinoEngine(model_dir, threads, hints.get(which.precision, "auto"), variant, options.prompts)
    if which.backend == TENSORRT:
        return tensorrt_engine.TensorRtEngine(model_dir, variant, options)
    if which.precision == "bf16":
        msg = "ONNX Runtime computes no bf16 on a CPU: expected precision auto, fp32, fp16 or int8; or use openvino"
        raise ConfigError(msg)
    return OnnxEngine(model_dir, threads, variant)


def _trial_key(spec: EngineSpec, candidates: list[Candidate], options: EngineOptions, threads: int) -> BuildKey:
    """What the outcome of a trial depends on."""
    height, width = options.size or (spec.height, spec.width)
    return BuildKey(
        onnx_sha256=" ".join(variant.sha256 for variant in spec.graphs()),
        weights_sha256=spec.graph_weights_sha256,
        runtime=", ".join(f"{name} {_version(name)}" for name in PREFERENCE),
        device=cpu_flags(),
        driver="",
        profile=f"{height}x{width}, {options.prompts} prompts",
        precision=", ".join(map(str, candidates)),
        flags=f"threads={threads}",
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


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
