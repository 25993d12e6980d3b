"""What the node says of the engine that answers: the precision that runs, and the digest of its graph."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from vb_perception.msg import LabelInfo, ModelInfo

from tests.ros.bench import Bench
from vb_perception.ros import engine_room
from vb_perception.ros.audit import maker_of
from vb_perception.runtime.engine import EngineSpec, Float, Variant
from vb_perception.runtime.fake import FakeEngine
from vb_perception.runtime.reloading import ReloadingEngine
from vb_perception.runtime.toy_model import write_toy_model


class Named(FakeEngine):
    """Runs one graph of a model on a runtime called toy; overflows if it is told to."""

    def __init__(self, model_dir: Path, precision: str, runs: str = "") -> None:
        super().__init__(model_dir)
        self._spec = self._spec.at(self._spec.choose(precision))
        self.computed = runs or precision
        self._backend = f"toy 1.0 {self.computed}"
        self.overflows = False

    def _run(self, image: Float, rays: Float, prompts: Float) -> Float:
        return super()._run(image, rays, prompts) * np.float32(np.nan if self.overflows else 1)


@pytest.fixture
def model(tmp_path: Path) -> EngineSpec:
    """Written to `tmp_path`: a model with graphs of two precisions."""
    spec = write_toy_model(tmp_path)
    spec = replace(spec, variants=(Variant("int8.onnx", "int8", spec.height, spec.width, "8" * 64, 0.0),))
    (tmp_path / "spec.json").write_text(spec.to_json(), encoding="utf-8")
    return spec


@pytest.fixture
def reduced(tmp_path: Path, model: EngineSpec, monkeypatch: pytest.MonkeyPatch) -> Named:
    """The engine in int8 that the node opens."""
    assert model.variants
    engine = Named(tmp_path, "int8")

    def opened(*_: object) -> ReloadingEngine:
        return ReloadingEngine(engine, lambda: Named(tmp_path, "fp32"))

    monkeypatch.setattr(engine_room, "open_engine", opened)
    return engine


def test_an_engine_that_is_reloaded_in_fp32_is_told_anew(
    bench: Bench, tmp_path: Path, model: EngineSpec, reduced: Named
) -> None:
    bench.watch()
    depth, mask = bench.listen("depth/image_rect"), bench.listen("segmentation/mask")
    models = bench.listen("model_info", ModelInfo, "transient_local")
    labels = bench.listen("segmentation/label_info", LabelInfo, "transient_local")
    bench.add_node(model=str(tmp_path))
    bench.connect()
    bench.spin_until(lambda: bench.heard_outputs() == 5, "the outputs and the statistics have their listener")
    first = bench.send()
    bench.spin_until(bench.processed(1), "the image is processed")
    bench.spin_until(lambda: len(models) == 1, "the model is told")
    assert (models[0].precision, models[0].generator_sha256) == ("int8", "8" * 64)
    assert models[0].backend == bench.ledger().backend == "toy 1.0 int8"
    assert models[0].header.stamp.sec == 0

    reduced.overflows = True
    for failures in (1, 2):
        bench.send()
        bench.spin_until(lambda failures=failures: bench.ledger().failed == failures, "the answer is refused")  # type: ignore[misc]
    last = bench.send()
    bench.spin_until(lambda: len(models) == 2, "the model is told anew")
    assert (models[1].precision, models[1].generator_sha256) == ("fp32", model.generator_sha256)
    assert models[1].backend == "toy 1.0 fp32"
    assert models[1].header.stamp == last.header.stamp
    bench.spin_until(lambda: bench.ledger().backend == "toy 1.0 fp32", "the statistics tell it too")
    bench.spin_until(
        lambda: any(row.value == "toy 1.0 fp32" for row in bench.status().values if row.key == "backend"),
        "and the diagnostics",
    )
    bench.spin_until(lambda: len(depth) == len(mask) == 2, "the images before and after are answered")
    assert [message.header for message in depth] == [first.header, last.header]
    assert len(labels) == 1  # the names of the ids are what they were


def test_bf16_is_told_with_the_digest_of_the_graph_that_it_runs(tmp_path: Path, model: EngineSpec) -> None:
    spec = maker_of(Named(tmp_path, "fp32", runs="bf16"), model).spec
    assert (spec.precision, spec.generator_sha256) == ("bf16", model.generator_sha256)
