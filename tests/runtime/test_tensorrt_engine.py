"""The engine around TensorRT: caching, prompts, memory, refusals.  Building is tested with the real one beside this."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.runtime.fake_gpu import FakeCuda, FakeRuntime, Status
from tests.runtime.test_replaced_model import export_anew
from vb_perception.errors import EngineError, EngineMismatchError, EngineUnavailableError, InferenceError
from vb_perception.runtime import tensorrt_engine
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.cache import cache_directory
from vb_perception.runtime.cuda_device import find_device
from vb_perception.runtime.engine import EngineSpec, Float
from vb_perception.runtime.options import EngineOptions
from vb_perception.runtime.tensorrt_plan import Plan

pytestmark = pytest.mark.usefixtures("empty_cache", "cuda")


def question(spec: EngineSpec, prompts: int, seed: int = 0) -> tuple[Float, Float, Float]:
    random = np.random.default_rng(seed)
    return (
        random.uniform(-1, 1, (1, 3, spec.height, spec.width)).astype(np.float32),
        random.uniform(-1, 1, (1, 2, spec.height, spec.width)).astype(np.float32),
        random.normal(0, 1, (prompts, spec.max_tokens, spec.token_dim)).astype(np.float32),
    )


def test_answers_are_those_of_onnxruntime_and_cost_one_launch(toy_dir: Path, cuda: FakeCuda) -> None:
    with open_engine(toy_dir, "tensorrt") as engine, open_engine(toy_dir, "onnxruntime") as reference:
        assert engine.backend == "tensorrt 10.3.0 fp32"
        for prompts in (1, 3, 2):
            given = question(engine.spec, prompts, prompts)
            launches = cuda.launches
            first = engine.infer(*given)
            assert cuda.launches == launches + 1
            assert np.allclose(first, reference.infer(*given), atol=1e-6)
            kept = first.copy()
            engine.infer(*question(engine.spec, prompts, 9))
            assert np.array_equal(first, kept)


def test_a_plan_is_built_once_and_found_again(toy_dir: Path, builds: list[int]) -> None:
    for _ in range(2):
        open_engine(toy_dir, "tensorrt").close()
    assert builds == [3]
    open_engine(toy_dir, "tensorrt", options=EngineOptions(prompts=4)).close()
    assert builds == [3, 4]


@pytest.mark.parametrize(("overflow", "expected"), [("rebuild", [3, 5]), ("split", [3])])
def test_more_prompts_than_the_plan_takes(
    toy_dir: Path,
    builds: list[int],
    overflow: Any,  # noqa: ANN401
    expected: list[int],
) -> None:
    options = EngineOptions(prompts=3, overflow=overflow)
    with open_engine(toy_dir, "tensorrt", options=options) as engine, open_engine(toy_dir, "onnxruntime") as reference:
        given = question(engine.spec, 5)
        assert np.allclose(engine.infer(*given), reference.infer(*given), atol=1e-6)
    assert builds == expected


def test_a_replaced_model_is_not_built_as_the_old_one(toy_dir: Path, tmp_path: Path, builds: list[int]) -> None:
    model_dir = Path(shutil.copytree(toy_dir, tmp_path / "model"))
    with open_engine(model_dir, "tensorrt") as engine:
        before = engine.infer(*question(engine.spec, 3))
        export_anew(model_dir)
        with pytest.raises(EngineMismatchError, match=r"5 prompts, the plan takes 3.* was replaced while it was open"):
            engine.infer(*question(engine.spec, 5))
        assert np.array_equal(engine.infer(*question(engine.spec, 3)), before)
    assert builds == [3]
    with open_engine(toy_dir, "tensorrt", options=EngineOptions(prompts=5)) as engine:
        assert np.allclose(engine.infer(*question(engine.spec, 3)), before, atol=1e-6)
    assert builds == [3, 5]


def test_a_model_that_is_replaced_while_it_is_built(
    toy_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_dir = Path(shutil.copytree(toy_dir, tmp_path / "model"))
    real = vars(tensorrt_engine)["build_plan"]

    def slow(*arguments: Any) -> Plan:  # noqa: ANN401
        export_anew(model_dir)
        plan: Plan = real(*arguments)
        return plan

    monkeypatch.setattr(tensorrt_engine, "build_plan", slow)
    with pytest.raises(EngineMismatchError, match="was replaced while it was open"):
        open_engine(model_dir, "tensorrt")
    assert not list(cache_directory().rglob("compiled.bin"))


def test_a_plan_that_the_runtime_refuses_is_built_again_once(
    toy_dir: Path, builds: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    open_engine(toy_dir, "tensorrt").close()
    FakeRuntime.refuse = 1  # as after an update that changed no version
    open_engine(toy_dir, "tensorrt").close()
    assert builds == [3, 3]
    assert "plan not compatible" in caplog.text
    FakeRuntime.refuse = 2
    with pytest.raises(EngineMismatchError, match=r"refuses the plan that it has just built for NVIDIA Imaginary"):
        open_engine(toy_dir, "tensorrt")


def test_a_gpu_without_memory_says_so_and_keeps_none(toy_dir: Path, cuda: FakeCuda) -> None:
    cuda.free_bytes = 100_000
    with pytest.raises(InferenceError, match=r"cudaErrorMemoryAllocation; free GPU memory"):
        open_engine(toy_dir, "tensorrt")


@pytest.mark.parametrize(
    ("count", "driver", "said"),
    [
        (0, 0, "no NVIDIA driver is loaded"),
        (0, 11040, "too old for this runtime"),
        (0, 13000, "the driver sees no GPU"),
    ],
)
def test_no_gpu_names_the_cause(count: int, driver: int, said: str) -> None:
    with pytest.raises(EngineUnavailableError, match=said):
        find_device(FakeCuda(count=count, driver=driver))


def test_an_update_of_driver_or_tensorrt_changes_the_key(toy_dir: Path) -> None:
    spec = EngineSpec.read(toy_dir)
    module = SimpleNamespace(__name__="tensorrt", __version__="10.3.0")
    gpu = find_device(FakeCuda())
    newer = find_device(FakeCuda(driver=13010))
    key = tensorrt_engine.plan_key(module, gpu, spec, 3)
    assert tensorrt_engine.plan_key(module, newer, spec, 3).differs_from(key) == ["driver '13.0', expected '13.1'"]
    module.__version__ = "10.16.0"
    assert tensorrt_engine.plan_key(module, gpu, spec, 3).digest() != key.digest()


def test_kernels_that_were_timed_on_another_gpu_are_not_taken_for_this_one(
    toy_dir: Path, cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[bytes] = []
    real = vars(tensorrt_engine)["build_plan"]

    def build_plan(*arguments: Any) -> Plan:  # noqa: ANN401
        known.append(arguments[-1])
        plan: Plan = real(*arguments)
        return plan

    monkeypatch.setattr(tensorrt_engine, "build_plan", build_plan)
    for name, major, prompts in (
        (b"NVIDIA Imaginary", 8, 3),
        (b"NVIDIA Imaginary", 8, 4),
        (b"NVIDIA Imaginary", 9, 3),
        (b"NVIDIA Real/2", 8, 3),
    ):
        properties = SimpleNamespace(name=name, major=major, minor=9)
        monkeypatch.setattr(cuda, "cudaGetDeviceProperties", lambda _, found=properties: (Status.cudaSuccess, found))
        open_engine(toy_dir, "tensorrt", options=EngineOptions(prompts=prompts)).close()
    assert known == [b"", b"timings", b"", b""]


def test_a_failed_build_may_fall_back_loudly(
    toy_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> Plan:
        msg = "it ran out of memory"
        raise EngineError(msg)

    monkeypatch.setattr(tensorrt_engine, "build_plan", fails)
    with pytest.raises(EngineError, match="ran out of memory"):
        open_engine(toy_dir, "tensorrt")
    with open_engine(toy_dir, "tensorrt", options=EngineOptions(fallback=True)) as engine:
        assert engine.backend.startswith(("openvino", "onnxruntime"))
    assert "FALLING BACK" in caplog.text
