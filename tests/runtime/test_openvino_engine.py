"""In which precision OpenVINO really computes."""

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.runtime.test_engines import inputs
from vb_perception.errors import ConfigError, EngineError, EngineMismatchError
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.openvino_engine import PATIENCE, OpenVinoEngine

needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed: pip install it")


def test_an_unknown_precision(toy_dir: Path) -> None:
    with pytest.raises(ConfigError, match="'int4': expected one of auto, f32, bf16"):
        OpenVinoEngine(toy_dir, precision="int4")  # type: ignore[arg-type]


@needs_openvino
def test_reduced_precision_stays_near(toy_dir: Path) -> None:
    with OpenVinoEngine(toy_dir, 1, precision="f32") as exact, OpenVinoEngine(toy_dir, 1, precision="bf16") as reduced:
        given = inputs(toy_dir, exact.spec)
        assert np.abs(exact.infer(*given) - reduced.infer(*given)).max() < 0.1


# Without AVX-512 OpenVINO computes in fp32 whatever it is asked for, and the engine says so.
computes_bf16 = pytest.mark.skipif(
    "avx512f" not in Path("/proc/cpuinfo").read_text(), reason="OpenVINO computes in bf16 on CPUs with AVX-512 alone"
)


@needs_openvino
@computes_bf16
@pytest.mark.usefixtures("empty_cache")
def test_bf16_that_the_cpu_lacks_is_imitated_loudly_and_judged_as_bf16(
    toy_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import openvino  # noqa: PLC0415 - may be absent

    real = openvino.Core.get_property

    def without_bf16(core: Any, device: str, name: str) -> Any:  # noqa: ANN401 - as OpenVINO's own
        found = real(core, device, name)
        return [one for one in found if one != "BF16"] if name == "OPTIMIZATION_CAPABILITIES" else found

    monkeypatch.setattr(openvino.Core, "get_property", without_bf16)
    for _ in range(2):  # compiled, and from the cache
        with OpenVinoEngine(toy_dir, 1, precision="bf16") as engine:
            engine.infer(*inputs(toy_dir, engine.spec))
            assert (engine.computed, engine.backend.split()[-1]) == ("bf16", "bf16")
    assert "no bf16 instructions" in caplog.text


@needs_openvino
@computes_bf16
def test_openvino_names_the_precision_that_it_ran_in_not_the_one_it_was_expected_to(
    toy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenVinoEngine(toy_dir, 1, precision="f32") as engine:
        monkeypatch.setitem(engine._settings, "INFERENCE_PRECISION_HINT", "bf16")  # noqa: SLF001
        assert engine.computed == "fp32"
        engine.infer(*inputs(toy_dir, engine.spec))
        assert engine.computed == "bf16"


def on_a_cpu_that_chooses(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As OpenVINO's plugin for a CPU that is not here: its compiled models say `chosen`."""
    import openvino  # noqa: PLC0415 - may be absent

    real = openvino.CompiledModel.get_property

    def get_property(compiled: Any, name: str) -> Any:  # noqa: ANN401 - as OpenVINO's own
        found = real(compiled, name)
        return SimpleNamespace(to_string=lambda: chosen) if name == "INFERENCE_PRECISION_HINT" else found

    monkeypatch.setattr(openvino.CompiledModel, "get_property", get_property)


@needs_openvino
def test_an_arm_cpu_computes_in_fp16_and_is_judged_as_such(toy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_cpu_that_chooses("f16", monkeypatch)
    with open_engine(toy_dir, "openvino", 1) as engine:
        assert (engine.computed, engine.backend.split()[-1]) == ("fp16", "fp16")


@needs_openvino
def test_a_precision_that_nothing_is_known_of(toy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_cpu_that_chooses("f8e4m3", monkeypatch)
    with pytest.raises(EngineMismatchError, match=r"computes generator.onnx in 'f8e4m3' .*one of f32, f16, bf16; ask"):
        open_engine(toy_dir, "openvino", 1)


@needs_openvino
@pytest.mark.usefixtures("empty_cache")
def test_fewer_prompts_are_answered_by_the_graph_for_more_until_they_last(
    toy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenVinoEngine(toy_dir, 1, precision="f32") as engine:
        compiled: list[int] = []
        real = engine._compiled_once  # noqa: SLF001

        def counting(prompts: int) -> Any:  # noqa: ANN401 - as OpenVINO's own
            compiled.append(prompts)
            return real(prompts)

        monkeypatch.setattr(engine, "_compiled_once", counting)
        image, rays, prompts = inputs(toy_dir, engine.spec)
        three = np.concatenate((prompts, prompts, prompts))[:3]
        whole = engine.infer(image, rays, three)
        for _ in range(PATIENCE - 1):
            np.testing.assert_allclose(engine.infer(image, rays, three[:1]), whole[:1], atol=1e-5)
        assert compiled == [3]
        engine.infer(image, rays, three[:1])
        (beside,) = engine._beside  # noqa: SLF001
        beside.join()
        assert compiled == [3, 1]
        answer = engine.infer(image, rays, three[:1])
        np.testing.assert_allclose(answer, whole[:1], atol=1e-4)
        assert answer.shape == whole[:1].shape


@needs_openvino
@pytest.mark.usefixtures("empty_cache")
def test_a_graph_that_does_not_fit_in_is_done_without(
    toy_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: int) -> None:
        raise EngineError("no memory")  # noqa: EM101, TRY003

    with OpenVinoEngine(toy_dir, 1, precision="f32") as engine:
        image, rays, prompts = inputs(toy_dir, engine.spec)
        pair = np.concatenate((prompts, prompts))[:2]
        engine.infer(image, rays, pair)
        monkeypatch.setattr(engine, "_compiled_once", full)
        for _ in range(PATIENCE + 3):
            assert len(engine.infer(image, rays, pair[:1])) == 1
        (beside,) = engine._beside  # noqa: SLF001
        beside.join()
    assert "1 prompts go on with the graph for more: no memory" in caplog.text
