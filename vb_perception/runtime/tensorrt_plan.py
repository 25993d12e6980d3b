"""From an ONNX file to a TensorRT plan, with `tensorrt` 10.3 to 11 or `tensorrt_rtx`: the same calls.

Networks are strongly typed: the precision is what the ONNX file says, no builder flag lowers it.
"""

import importlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vb_perception.errors import EngineError, EngineMismatchError, EngineUnavailableError
from vb_perception.runtime.contract import PROMPTS, Port, check_ports, generator_ports
from vb_perception.runtime.engine import EngineSpec
from vb_perception.runtime.options import Progress

_log = logging.getLogger(__name__)

FLAVOURS = ("tensorrt", "tensorrt_rtx")
"""Modules, in the order of preference."""
OLDEST = (10, 3)
NEEDED_NAMES = (
    "Builder.build_serialized_network",
    "Builder.create_builder_config",
    "Builder.create_network",
    "Builder.create_optimization_profile",
    "IBuilderConfig.add_optimization_profile",
    "IBuilderConfig.create_timing_cache",
    "IBuilderConfig.get_timing_cache",
    "IBuilderConfig.progress_monitor",
    "IBuilderConfig.set_memory_pool_limit",
    "IBuilderConfig.set_timing_cache",
    "ICudaEngine.create_execution_context",
    "ICudaEngine.get_tensor_dtype",
    "ICudaEngine.get_tensor_mode",
    "ICudaEngine.get_tensor_name",
    "ICudaEngine.get_tensor_shape",
    "ICudaEngine.num_io_tensors",
    "IExecutionContext.execute_async_v3",
    "IExecutionContext.set_input_shape",
    "IExecutionContext.set_tensor_address",
    "ILogger.log",
    "INetworkDefinition.get_input",
    "INetworkDefinition.get_output",
    "IOptimizationProfile.set_shape",
    "IProgressMonitor.phase_finish",
    "IProgressMonitor.phase_start",
    "IProgressMonitor.step_complete",
    "MemoryPoolType.WORKSPACE",
    "NetworkDefinitionCreationFlag.STRONGLY_TYPED",
    "OnnxParser.get_error",
    "OnnxParser.parse_from_file",
    "Runtime.deserialize_cuda_engine",
    "TensorIOMode.INPUT",
    "nptype",
)
"""Everything asked of the module; a test looks them up in the real one."""
MB = 2**20
KEPT_LINES = 20
NO_MEMORY = re.compile(r"out of memory|outofmemory|insufficient (?:workspace|memory)|memory allocation", re.IGNORECASE)
BYTES = re.compile(r"(\d{6,})(?:\s*bytes)?|(\d+(?:\.\d+)?)\s*(?:MiB|MB)")


def import_flavour(flavour: str = "") -> Any:  # noqa: ANN401 - a module without types
    """TensorRT's module: `flavour`, or the first of `FLAVOURS` that is installed.

    Raises:
        EngineUnavailableError: none is installed, or it is too old.
    """
    names = [flavour] if flavour else [name for name in FLAVOURS if find_spec(name) is not None]
    if not names:
        msg = (
            f"neither {' nor '.join(FLAVOURS)} is installed: on a Jetson it comes with JetPack; elsewhere "
            "`pip install tensorrt` (NVIDIA's index), or `pip install tensorrt-rtx` for an RTX GPU"
        )
        raise EngineUnavailableError(msg)
    try:
        module = importlib.import_module(names[0])
    except (ImportError, OSError, RuntimeError) as error:
        msg = f"{names[0]} cannot be imported ({error}); install it again, with the libraries of its own version"
        raise EngineUnavailableError(msg) from error
    found = tuple(int(part) for part in re.findall(r"\d+", module.__version__)[:2])
    if names[0] == "tensorrt" and found < OLDEST:
        msg = f"tensorrt {module.__version__} is installed, expected {'.'.join(map(str, OLDEST))} or newer; update it"
        raise EngineUnavailableError(msg)
    return module


def make_logger(trt: Any) -> Any:  # noqa: ANN401 - a class derived from one of the module's
    """A logger that keeps the last errors in `.errors`: TensorRT returns None, and says why only there."""

    class Logger(trt.ILogger):  # type: ignore[misc]
        """TensorRT's lines."""

        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:  # noqa: ANN401 - the module's enumeration
            """Called by TensorRT, from any of its threads."""
            if severity in (trt.ILogger.Severity.INTERNAL_ERROR, trt.ILogger.Severity.ERROR):
                self.errors = [*self.errors, message][-KEPT_LINES:]
                _log.error("TensorRT: %s", message)
            elif severity == trt.ILogger.Severity.WARNING:
                _log.debug("TensorRT: %s", message)

    return Logger()


def _make_monitor(trt: Any, progress: Progress) -> Any:  # noqa: ANN401 - a class derived from one of the module's
    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        """Hands on the steps of the outermost phase."""

        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self._steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            """A phase of `num_steps` begins."""
            if not parent_phase:
                self._steps[phase_name] = num_steps
                progress(phase_name, 0.0)

        def phase_finish(self, phase_name: str) -> None:
            """A phase is over."""
            if self._steps.pop(phase_name, 0):
                progress(phase_name, 1.0)

        def step_complete(self, phase_name: str, step: int) -> bool:
            """A step is done; whether to go on."""
            if phase_name in self._steps:
                progress(phase_name, (step + 1) / max(1, self._steps[phase_name]))
            return True

    return Monitor()


@dataclass(frozen=True, slots=True)
class Build:
    """What a plan is built for.

    `prompts`: the most prompts that it takes (it takes fewer too, and is fastest at this number); `workspace_mb` 0 is
    all memory; `capability`, as "SM89", builds tensorrt_rtx plans for a GPU that is not here.
    """

    prompts: int
    workspace_mb: int = 0
    capability: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A serialised plan and the timing cache that makes the next build faster."""

    content: bytes
    timing_cache: bytes


def parse(trt: Any, file: Path, spec: EngineSpec, logger: Any) -> tuple[Any, Any, Any]:  # noqa: ANN401
    """Builder, network and parser (which must outlive the network) of an ONNX file.

    Raises:
        EngineMismatchError: TensorRT cannot parse it (names the node), or it is another graph than `spec` describes.
    """
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(file)):
        errors = [parser.get_error(i) for i in range(parser.num_errors)]
        said = "; ".join(f"node {error.node()} ({error.node_name()}): {error.desc()}" for error in errors)
        msg = (
            f"{trt.__name__} {trt.__version__} cannot parse {file}: {said or logger.errors[-1:]}; it is no ONNX file "
            "of this program, or needs a newer TensorRT: run `vb-perception export`, or use backend openvino or "
            "onnxruntime"
        )
        raise EngineMismatchError(msg)
    inputs, outputs = generator_ports(spec)
    check_ports(file, _ports(trt, [network.get_input(i) for i in range(network.num_inputs)]), inputs)
    check_ports(file, _ports(trt, [network.get_output(i) for i in range(network.num_outputs)]), outputs)
    return builder, network, parser


def build_plan(
    trt: Any,  # noqa: ANN401 - a module without types
    file: Path,
    spec: EngineSpec,
    wanted: Build,
    progress: Progress,
    timing_cache: bytes = b"",
) -> Plan:
    """Compile an ONNX file; minutes on a small device.

    Raises:
        EngineMismatchError: TensorRT cannot parse it, or it is another graph than `spec` describes.
        EngineError: the build failed; says whether it lacked memory, and which parameter limits it.
    """
    logger = make_logger(trt)
    progress("parsing", 0.0)
    builder, network, parser = parse(trt, file, spec, logger)
    config = builder.create_builder_config()
    if wanted.workspace_mb:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, wanted.workspace_mb * MB)
    profile = builder.create_optimization_profile()
    shape = spec.max_tokens, spec.token_dim
    profile.set_shape(PROMPTS, (1, *shape), (wanted.prompts, *shape), (wanted.prompts, *shape))
    config.add_optimization_profile(profile)
    config.progress_monitor = _make_monitor(trt, progress)
    if wanted.capability:
        config.num_compute_capabilities = 1
        config.set_compute_capability(getattr(trt.ComputeCapability, wanted.capability), 0)
    times_kernels = trt.__name__ == "tensorrt"  # tensorrt_rtx chooses its kernels when it runs: nothing to keep
    if times_kernels:
        config.set_timing_cache(config.create_timing_cache(timing_cache), ignore_mismatch=True)
    built = builder.build_serialized_network(network, config)
    if built is None:
        raise EngineError(_why(trt, file, wanted, logger.errors))
    kept = config.get_timing_cache() if times_kernels else None
    plan = Plan(bytes(built), bytes(kept.serialize()) if kept else b"")
    del parser
    return plan


def _why(trt: Any, file: Path, wanted: Build, errors: Sequence[str]) -> str:  # noqa: ANN401 - a module without types
    said = "; ".join(errors[-3:]) or "nothing"
    limit = f"{wanted.workspace_mb} MB" if wanted.workspace_mb else "all memory"
    lacking = next((line for line in reversed(errors) if NO_MEMORY.search(line)), "")
    remedy = "update TensorRT, or use backend openvino or onnxruntime"
    if lacking:
        sizes = [int(b) / MB if b else float(m) for b, m in BYTES.findall(lacking)]
        needed = f"{max(sizes):.0f} MB" if sizes else "more than there was"
        remedy = (
            f"it ran out of memory and needed {needed} (parameter workspace_mb allows {limit}): raise workspace_mb, "
            "close what else uses the memory, or ask for fewer prompts or a smaller size"
        )
    return (
        f"{trt.__name__} {trt.__version__} could not build {file.name} for {wanted.prompts} prompts: {said}; {remedy}"
    )


def _ports(trt: Any, tensors: Sequence[Any]) -> dict[str, Port]:  # noqa: ANN401 - a module without types
    return {
        tensor.name: (
            trt.nptype(tensor.dtype).__name__,
            tuple(None if size < 0 else int(size) for size in tensor.shape),
        )
        for tensor in tensors
    }
