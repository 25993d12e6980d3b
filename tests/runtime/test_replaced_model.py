"""A model whose files are replaced, as an export does, while an engine that came from them is open."""

import hashlib
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.runtime.test_engines import Float, inputs, resealed
from vb_perception.errors import EngineMismatchError
from vb_perception.runtime import cache
from vb_perception.runtime.engine import EngineSpec
from vb_perception.runtime.openvino_engine import PATIENCE, OpenVinoEngine

needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed: pip install it")
pytestmark = [needs_openvino, pytest.mark.usefixtures("empty_cache")]

WEIGHTS = "generator.weights"
REPLACED = r"the model at .* was replaced while it was open: sha256 .* reload it"


def export_anew(folder: Path) -> None:
    """Put another network's files in the place of these, the spec last."""
    import onnx  # noqa: PLC0415 - as in test_engines
    from onnx import numpy_helper  # noqa: PLC0415

    spec = EngineSpec.read(folder)
    model = onnx.load(folder / "generator.onnx")
    for weight in model.graph.initializer:
        if weight.name == "kernel":
            weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * -3, weight.name))
    write(folder, model, external=bool(spec.graph_weights))


def write(folder: Path, model: Any, *, external: bool) -> None:  # noqa: ANN401 - a protobuf
    import onnx  # noqa: PLC0415

    aside = folder / ".partial"
    aside.mkdir()
    file = aside / "generator.onnx"
    onnx.save(model, file, save_as_external_data=external, location=WEIGHTS, size_threshold=256)
    sealed = {"golden": ""}
    if external:
        sealed |= {
            "graph_weights": WEIGHTS,
            "graph_weights_sha256": hashlib.sha256((aside / WEIGHTS).read_bytes()).hexdigest(),
        }
    for part in list(aside.iterdir()):
        part.replace(folder / part.name)
    aside.rmdir()
    resealed(folder, **sealed)


@pytest.fixture(params=["weights inside", "weights beside"])
def model_dir(request: pytest.FixtureRequest, toy_dir: Path, tmp_path: Path) -> Path:
    """A toy of the test's own, its weights in the graph or in a file that the graph names, as the shipped model's."""
    import onnx  # noqa: PLC0415

    folder = Path(shutil.copytree(toy_dir, tmp_path / "model"))
    if request.param == "weights beside":
        write(folder, onnx.load(folder / "generator.onnx"), external=True)
    return folder


def first_of(engine: OpenVinoEngine, model_dir: Path, tasks: int) -> Float:
    """What the first of so many tasks is answered."""
    answer: Float = engine.infer(*inputs(model_dir, engine.spec, tasks))[0]
    return answer


def test_a_replaced_model_is_refused_and_never_kept_under_the_digest_of_the_old_one(
    model_dir: Path, tmp_path: Path
) -> None:
    old = Path(shutil.copytree(model_dir, tmp_path / "old"))
    with OpenVinoEngine(model_dir, 1, precision="f32") as engine:
        before = first_of(engine, model_dir, 3)
        export_anew(model_dir)
        with pytest.raises(EngineMismatchError, match=REPLACED):
            first_of(engine, model_dir, 4)
        assert np.array_equal(first_of(engine, model_dir, 3), before)  # what is compiled goes on
    with OpenVinoEngine(old, 1, precision="f32") as engine:
        assert np.abs(first_of(engine, old, 4) - before).max() < 1e-4
    with OpenVinoEngine(model_dir, 1, precision="f32") as engine:
        assert np.abs(first_of(engine, model_dir, 4) - before).max() > 0.1


def just_before(
    monkeypatch: pytest.MonkeyPatch, engine: OpenVinoEngine, step: str, replace: Callable[[Path], None], folder: Path
) -> None:
    """Have `replace` done when OpenVINO is asked for `step`: another process may be that quick."""
    real = engine._core  # noqa: SLF001

    class Core:
        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever OpenVINO has
            if name == step:
                replace(folder)
            return getattr(real, name)

    monkeypatch.setattr(engine, "_core", Core())


def write_over(folder: Path) -> None:
    """Zeros in the very files, as a copy over them would begin."""
    for name in ("generator.onnx", WEIGHTS):
        if (folder / name).exists():
            with (folder / name).open("r+b") as file:
                file.write(bytes((folder / name).stat().st_size))


def test_a_model_that_is_replaced_while_it_is_read(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with OpenVinoEngine(model_dir, 1, precision="f32") as engine:
        just_before(monkeypatch, engine, "read_model", export_anew, model_dir)
        with pytest.raises(EngineMismatchError, match=REPLACED):
            first_of(engine, model_dir, 3)
    assert not list(cache.cache_directory().rglob("compiled.bin"))


def test_what_was_read_is_what_is_compiled(model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = Path(shutil.copytree(model_dir, tmp_path / "old"))
    with OpenVinoEngine(model_dir, 1, precision="f32") as engine:
        just_before(monkeypatch, engine, "compile_model", write_over, model_dir)
        answer = first_of(engine, model_dir, 3)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "another"))
    with OpenVinoEngine(old, 1, precision="f32") as engine:
        assert np.array_equal(first_of(engine, old, 3), answer)


def test_without_a_cache_a_replaced_model_is_refused_alike(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "below"))
    with OpenVinoEngine(model_dir, 1, precision="f32") as engine:
        before = first_of(engine, model_dir, 3)
        write_over(model_dir)
        assert np.array_equal(first_of(engine, model_dir, 3), before)
        with pytest.raises(EngineMismatchError, match=REPLACED):
            first_of(engine, model_dir, 4)


def test_a_graph_that_would_fit_better_is_done_without(model_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    with OpenVinoEngine(model_dir, 1, precision="f32") as engine:
        before = first_of(engine, model_dir, 3)
        export_anew(model_dir)
        for _ in range(PATIENCE + 1):
            assert np.abs(first_of(engine, model_dir, 1) - before).max() < 1e-4
        (beside,) = engine._beside  # noqa: SLF001
        beside.join()
    assert "1 prompts go on with the graph for more: the model at" in caplog.text


def test_files_that_are_gone(model_dir: Path) -> None:
    with OpenVinoEngine(model_dir, 1, precision="f32") as engine:
        (model_dir / "generator.onnx").unlink()
        with pytest.raises(EngineMismatchError, match=r"generator.onnx cannot be read"):
            first_of(engine, model_dir, 3)
