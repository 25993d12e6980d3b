"""From an ONNX file to a TensorRT plan, with `tensorrt` 10.3 to 11 or `tensorrt_rtx`: the same calls.

Networks are strongly typed: the precision is what the ONNX file says, no builder flag lowers it.
"""

import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vb_perception.errors import EngineError, EngineMismatchError, EngineUnavailableError
from vb_perception.runtime.contract import PROMPTS, Port, check_ports, generator_ports
from vb_perception.runtime.engine import EngineSpec
from vb_perception.runtime.options import Progress, silent
from vb_perception.runtime.tensorrt_listeners import make_logger, make_monitor

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
    "IBuilderConfig.set_flag",
    "IBuilderConfig.set_memory_pool_limit",
    "IBuilderConfig.set_timing_cache",
    "DynamicShapesKernelSpecializationStrategy.EAGER",
    "ICudaEngine.create_execution_context",
    "ICudaEngine.create_runtime_config",
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
    "IRuntimeConfig.dynamic_shapes_kernel_specialization_strategy",
    "ITensor.shape",
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


Shapes = Mapping[str, tuple[int, ...]]
"""Of inputs whose sizes are free in the graph."""


def parse(trt: Any, file: Path, spec: EngineSpec, logger: Any) -> tuple[Any, Any, Any]:  # noqa: ANN401
    """Builder, network and parser (which must outlive the network) of a generator's ONNX file.

    Raises:
        EngineMismatchError: TensorRT cannot parse it (names the node), or it is another graph than `spec` describes.
    """
    builder, network, parser = parse_any(trt, file, logger)
    inputs, outputs = generator_ports(spec)
    check_ports(file, _ports(trt, [network.get_input(i) for i in range(network.num_inputs)]), inputs)
    check_ports(file, _ports(trt, [network.get_output(i) for i in range(network.num_outputs)]), outputs)
    return builder, network, parser


def parse_any(trt: Any, file: Path, logger: Any) -> tuple[Any, Any, Any]:  # noqa: ANN401
    """As `parse`, of any ONNX file."""
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
    return builder, network, parser


def build_plan(
    trt: Any,  # noqa: ANN401 - a module without types
    file: Path,
    spec: EngineSpec,
    wanted: Build,
    progress: Progress,
    timing_cache: bytes = b"",
) -> Plan:
    """Compile a generator; minutes on a small device.

    Raises:
        EngineMismatchError: TensorRT cannot parse it, or it is another graph than `spec` describes.
        EngineError: the build failed; says whether it lacked memory, and which parameter limits it.
    """
    logger = make_logger(trt)
    progress("parsing", 0.0)
    parsed = parse(trt, file, spec, logger)
    profile = parsed[0].create_optimization_profile()
    shape = spec.max_tokens, spec.token_dim
    profile.set_shape(PROMPTS, (1, *shape), (wanted.prompts, *shape), (wanted.prompts, *shape))
    return _compiled(trt, file, parsed, profile, wanted, progress, logger, timing_cache)


def build_part(trt: Any, file: Path, shapes: Shapes, wanted: Build) -> bytes:  # noqa: ANN401 - a module without types
    """Compile a graph around the generator (`on_device.GRAPHS`) for these shapes alone.  Raises as `build_plan`."""
    logger = make_logger(trt)
    parsed = parse_any(trt, file, logger)
    network = parsed[1]
    for port in (network.get_input(i) for i in range(network.num_inputs)):
        if port.name in shapes:
            port.shape = shapes[port.name]
    return _compiled(trt, file, parsed, None, wanted, silent, logger).content


def execution_context(trt: Any, plan: Any) -> Any:  # noqa: ANN401 - classes of a module without types
    """What runs a plan; None if there is no memory.

    TensorRT-RTX would begin with kernels for any shape, and put better ones in their place while it runs: a CUDA graph
    captured in between would keep the slow ones.
    """
    if trt.__name__ != "tensorrt_rtx":
        return plan.create_execution_context()
    config = plan.create_runtime_config()
    config.dynamic_shapes_kernel_specialization_strategy = trt.DynamicShapesKernelSpecializationStrategy.EAGER
    return plan.create_execution_context(config)


def _compiled(
    trt: Any,  # noqa: ANN401 - a module without types
    file: Path,
    parsed: tuple[Any, Any, Any],
    profile: Any,  # noqa: ANN401 - an IOptimizationProfile, or None
    wanted: Build,
    progress: Progress,
    logger: Any,  # noqa: ANN401 - of `make_logger`
    timing_cache: bytes = b"",
) -> Plan:
    builder, network, parser = parsed
    config = builder.create_builder_config()
    if wanted.workspace_mb:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, wanted.workspace_mb * MB)
    if profile is not None:
        config.add_optimization_profile(profile)
    if hasattr(trt.BuilderFlag, "REQUIRE_USER_ALLOCATION"):
        config.set_flag(trt.BuilderFlag.REQUIRE_USER_ALLOCATION)  # TensorRT-RTX: or a run may not be captured
    config.progress_monitor = make_monitor(trt, progress)
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
