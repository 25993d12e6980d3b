from pathlib import Path

import numpy as np
import pytest

from vb_perception.errors import InferenceError, NonFiniteError
from vb_perception.runtime.contract import CheckedEngine
from vb_perception.runtime.engine import EngineSpec, Float
from vb_perception.runtime.reloading import ReloadingEngine


class Overflowing(CheckedEngine):
    """Answers NaN in the runs that `bad` names, counted from 0."""

    def __init__(self, spec: EngineSpec, bad: range) -> None:
        super().__init__(spec, "overflowing")
        self.bad, self.runs = bad, 0

    def _run(self, image: Float, rays: Float, prompts: Float) -> Float:  # noqa: ARG002
        answer = np.zeros((len(prompts), 3, self.spec.height, self.spec.width), np.float32)
        if self.runs in self.bad:
            answer[0, 0, 0, 0] = np.nan
        self.runs += 1
        return answer


def question(spec: EngineSpec) -> tuple[Float, Float, Float]:
    return (
        np.zeros((1, 3, spec.height, spec.width), np.float32),
        np.zeros((1, 2, spec.height, spec.width), np.float32),
        np.zeros((1, spec.max_tokens, spec.token_dim), np.float32),
    )


def test_two_bad_answers_are_rejected_and_the_third_is_asked_again_in_fp32(
    toy_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spec = EngineSpec.read(toy_dir)
    reduced, exact = Overflowing(spec, range(1, 100)), Overflowing(spec, range(0))
    with ReloadingEngine(reduced, lambda: exact) as engine:
        given = question(spec)
        assert np.isfinite(engine.infer(*given)).all()
        for _ in range(2):
            with pytest.raises(NonFiniteError):
                engine.infer(*given)
        assert np.isfinite(engine.infer(*given)).all()
        assert engine.non_finite == 3
        assert exact.runs == 1
        with pytest.raises(InferenceError, match="after close"):
            reduced.infer(*given)
    assert "reloaded in fp32" in caplog.text


def test_bad_answers_apart_from_each_other_do_not_add_up(toy_dir: Path) -> None:
    spec = EngineSpec.read(toy_dir)
    engine = ReloadingEngine(Overflowing(spec, range(0, 20, 2)), lambda: pytest.fail("reloaded"))
    for run in range(20):
        if run % 2:
            engine.infer(*question(spec))
        else:
            with pytest.raises(NonFiniteError):
                engine.infer(*question(spec))
    assert engine.non_finite == 10


def test_fp32_that_overflows_too_stays_an_error(toy_dir: Path) -> None:
    spec = EngineSpec.read(toy_dir)
    bad = range(100)
    engine = ReloadingEngine(Overflowing(spec, bad), lambda: Overflowing(spec, bad))
    for _ in range(6):
        with pytest.raises(NonFiniteError):
            engine.infer(*question(spec))
