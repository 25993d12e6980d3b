"""Against the real TensorRT-RTX from PyPI, which parses and builds on machines without a GPU."""

import importlib
import operator
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from vb_perception.camera import Letterbox
from vb_perception.errors import EngineError, EngineMismatchError, EngineUnavailableError
from vb_perception.runtime import tensorrt_plan
from vb_perception.runtime.cuda_device import NEEDED_CALLS
from vb_perception.runtime.engine import EngineSpec
from vb_perception.runtime.on_device import GRAPHS, shrinking, taps
from vb_perception.runtime.tensorrt_frames import OUTPUTS
from vb_perception.runtime.tensorrt_listeners import make_logger
from vb_perception.runtime.tensorrt_plan import (
    NEEDED_NAMES,
    Build,
    build_part,
    build_plan,
    import_flavour,
    parse,
    parse_any,
)

MODELS = Path(tensorrt_plan.__file__).resolve().parents[1] / "models"
needs_rtx = pytest.mark.skipif(
    find_spec("tensorrt_rtx") is None, reason="tensorrt_rtx is not installed: pip install -r requirements/tensorrt.txt"
)
needs_cuda = pytest.mark.skipif(
    find_spec("cuda") is None, reason="cuda-bindings is not installed: pip install -r requirements/tensorrt.txt"
)
ADA = "SM89"


@pytest.fixture
def rtx() -> Any:  # noqa: ANN401 - a module without types
    return import_flavour("tensorrt_rtx")


@needs_rtx
@pytest.mark.parametrize("name", NEEDED_NAMES)
def test_every_name_that_is_asked_for_exists_in_the_real_module(rtx: Any, name: str) -> None:  # noqa: ANN401
    assert operator.attrgetter(name)(rtx) is not None


@needs_cuda
@pytest.mark.parametrize("name", NEEDED_CALLS)
def test_every_call_exists_in_the_real_cuda_bindings(name: str) -> None:
    runtime = importlib.import_module("cuda.bindings.runtime")
    assert callable(getattr(runtime, name))
    assert runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal is not None
    assert {"cudaMemcpyHostToDevice", "cudaMemcpyDeviceToHost"} <= set(dir(runtime.cudaMemcpyKind))
    assert {"cudaErrorInsufficientDriver", "cudaErrorMemoryAllocation"} <= set(dir(runtime.cudaError_t))


@needs_rtx
def test_every_graph_of_the_shipped_model_is_parsed(rtx: Any) -> None:  # noqa: ANN401
    folder = MODELS / "default"
    spec = EngineSpec.read(folder)
    for variant in spec.graphs():
        file = spec.verify_graph(folder, variant)
        _, network, _parser = parse(rtx, file, spec.at(variant), make_logger(rtx))
        assert network.num_outputs == 1


@needs_rtx
def test_a_plan_is_built_ahead_of_time_with_progress(rtx: Any, toy_dir: Path) -> None:  # noqa: ANN401
    told: list[tuple[str, float]] = []
    spec = EngineSpec.read(toy_dir)
    wanted = Build(prompts=3, workspace_mb=256, capability=ADA)
    plan = build_plan(rtx, toy_dir / "generator.onnx", spec, wanted, lambda what, share: told.append((what, share)))
    assert len(plan.content) > 1000
    assert told[0] == ("parsing", 0.0)
    assert max(share for _, share in told) == 1.0
    assert all(0 <= share <= 1 for _, share in told)


@needs_rtx
@pytest.mark.slow
def test_the_shipped_fp16_graph_is_built_ahead_of_time(rtx: Any) -> None:  # noqa: ANN401
    folder = MODELS / "default"
    spec = EngineSpec.read(folder)
    if "fp16" not in {variant.precision for variant in spec.graphs()}:
        pytest.skip("the shipped model was exported before there were variants")
    variant = spec.choose("fp16")
    wanted = Build(prompts=3, capability=ADA)
    plan = build_plan(rtx, spec.verify_graph(folder, variant), spec.at(variant), wanted, lambda *_: None)
    assert len(plan.content) > spec.parameters  # more than a byte a weight


@needs_rtx
@pytest.mark.parametrize("graph", ["prepare", "levels", *OUTPUTS])
def test_what_is_around_the_generator_is_built_ahead_of_time(rtx: Any, graph: str) -> None:  # noqa: ANN401
    box = Letterbox(640, 480, 256, 192)
    given: dict[str, tuple[int, ...]] = {"camera": (480, 640, 3), "rgb": (3, 3, 192, 256), "painted": (192, 256, 3)}
    given |= {name: of.shape for name, of in {**shrinking(box), **taps(box)}.items()}
    _, network, _parser = parse_any(rtx, GRAPHS / f"{graph}.onnx", make_logger(rtx))
    free = {
        port.name: given[port.name]
        for port in (network.get_input(i) for i in range(network.num_inputs))
        if -1 in tuple(port.shape)
    }
    assert free
    outputs = [network.get_output(i) for i in range(network.num_outputs)]
    if graph in OUTPUTS:
        assert {o.name: rtx.nptype(o.dtype).__name__ for o in outputs} == {n: t for n, (t, _) in OUTPUTS[graph].items()}
    assert len(build_part(rtx, GRAPHS / f"{graph}.onnx", free, Build(1, capability=ADA))) > 1000


@needs_rtx
def test_no_onnx_file_at_all(rtx: Any, toy_dir: Path, tmp_path: Path) -> None:  # noqa: ANN401
    (tmp_path / "generator.onnx").write_bytes(b"not a model")
    with pytest.raises(EngineMismatchError, match=r"cannot parse .*generator.onnx: .*vb-perception export"):
        parse(rtx, tmp_path / "generator.onnx", EngineSpec.read(toy_dir), make_logger(rtx))


@needs_rtx
def test_an_onnx_file_that_is_not_ours(rtx: Any, toy_dir: Path, tmp_path: Path) -> None:  # noqa: ANN401
    shutil.copy(toy_dir / "text.onnx", tmp_path / "generator.onnx")
    with pytest.raises(
        EngineMismatchError, match=r"cannot parse|has bytes int64 \(free, 64\), its spec.json describes"
    ):
        parse(rtx, tmp_path / "generator.onnx", EngineSpec.read(toy_dir), make_logger(rtx))


@needs_rtx
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Requested amount of GPU memory (4294967296 bytes) could not be allocated. Out of memory", "needed 4096 MB"),
        ("Insufficient workspace: 512 MiB needed", "needed 512 MB"),
        ("Could not find any implementation for node conv", "update TensorRT, or use backend openvino"),
    ],
)
def test_a_failed_build_says_what_it_lacked_and_which_parameter_limits_it(
    rtx: Any,  # noqa: ANN401
    toy_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    said: str,
) -> None:
    class Builder:
        """The real one, but that its build fails as it does where memory is short."""

        def __init__(self, logger: Any) -> None:  # noqa: ANN401
            self._logger = logger
            self._real = real(logger)

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401
            return getattr(self._real, name)

        def build_serialized_network(self, network: object, config: object) -> None:  # noqa: ARG002
            self._logger.log(rtx.ILogger.Severity.ERROR, line)

    real = rtx.Builder
    monkeypatch.setattr(rtx, "Builder", Builder)
    wanted = Build(prompts=3, workspace_mb=64)
    with pytest.raises(EngineError, match=said) as refused:
        build_plan(rtx, toy_dir / "generator.onnx", EngineSpec.read(toy_dir), wanted, lambda *_: None)
    assert ("workspace_mb allows 64 MB" in str(refused.value)) == ("needed" in said)


def test_no_tensorrt_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorrt_plan, "find_spec", lambda _: None)
    with pytest.raises(EngineUnavailableError, match=r"JetPack.*pip install tensorrt"):
        import_flavour()


def test_a_tensorrt_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    class Old:
        __version__ = "8.6.1"

    monkeypatch.setattr(importlib, "import_module", lambda _: Old)
    with pytest.raises(EngineUnavailableError, match=r"tensorrt 8.6.1 is installed, expected 10.3 or newer"):
        import_flavour("tensorrt")
