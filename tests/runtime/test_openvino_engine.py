"""In which precision OpenVINO really computes."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.runtime.test_engines import inputs
from vb_perception.errors import ConfigError
from vb_perception.runtime.openvino_engine import OpenVinoEngine

needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed: pip install it")


def test_an_unknown_precision(toy_dir: Path) -> None:
    with pytest.raises(ConfigError, match="'int4': expected one of auto, f32, bf16"):
        OpenVinoEngine(toy_dir, precision="int4")  # type: ignore[arg-type]


@needs_openvino
def test_reduced_precision_stays_near(toy_dir: Path) -> None:
    with OpenVinoEngine(toy_dir, 1, precision="f32") as exact, OpenVinoEngine(toy_dir, 1, precision="bf16") as reduced:
        given = inputs(toy_dir, exact.spec)
        assert np.abs(exact.infer(*given) - reduced.infer(*given)).max() < 0.1


@needs_openvino
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
def test_openvino_names_the_precision_that_it_ran_in_not_the_one_it_was_expected_to(
    toy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenVinoEngine(toy_dir, 1, precision="f32") as engine:
        monkeypatch.setitem(engine._settings, "INFERENCE_PRECISION_HINT", "bf16")  # noqa: SLF001
        assert engine.computed == "fp32"
        engine.infer(*inputs(toy_dir, engine.spec))
        assert engine.computed == "bf16"
