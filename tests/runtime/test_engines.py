"""One suite for all engines: whatever runs the model, it keeps the same promises."""

import dataclasses
import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vb_perception.errors import EngineMismatchError, EngineUnavailableError, InferenceError
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.engine import Engine, EngineSpec
from vb_perception.runtime.openvino_engine import OpenVinoEngine
from vb_perception.runtime.text import PromptEncoder
from vb_perception.runtime.toy_model import write_toy_model
from vb_perception.tasks import MetricDepth, PromptToken, SemanticSegmentation, SurfaceNormals

Float = NDArray[np.float32]

needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed: pip install it")
NETWORKS = ["onnxruntime", pytest.param("openvino", marks=needs_openvino)]
ALL = ["fake", *NETWORKS]


def inputs(model_dir: Path, spec: EngineSpec, tasks: int = 3) -> tuple[Float, Float, Float]:
    random = np.random.default_rng(3)
    image = random.uniform(-1, 1, (1, 3, spec.height, spec.width)).astype(np.float32)
    rays = random.uniform(-0.5, 0.5, (1, 2, spec.height, spec.width)).astype(np.float32)
    encoder = PromptEncoder(model_dir, spec)
    known = (MetricDepth(), SurfaceNormals(), SemanticSegmentation((("mug", (255, 0, 0)),)))
    return image, rays, np.stack([encoder.encode(known[i % 3].tokens) for i in range(tasks)])


def resealed(folder: Path, **changes: object) -> EngineSpec:
    """Write a spec that vouches for the files as they lie there."""
    digests = {
        f"{name}_sha256": hashlib.sha256((folder / f"{name}.onnx").read_bytes()).hexdigest()
        for name in ("generator", "text")
    }
    spec = dataclasses.replace(EngineSpec.read(folder), **{**digests, **changes})  # type: ignore[arg-type]
    (folder / "spec.json").write_text(spec.to_json(), encoding="utf-8")
    return spec


@pytest.fixture
def copy(toy_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toy_dir, tmp_path / "copy"))


@pytest.mark.parametrize("backend", ALL)
def test_answers_are_images_for_any_number_of_tasks(toy_dir: Path, backend: str) -> None:
    with open_engine(toy_dir, backend, threads=1) as engine:
        assert engine.backend.startswith(backend)
        for tasks in (1, 3, 2, 1, 5):
            rgb = engine.infer(*inputs(toy_dir, engine.spec, tasks))
            assert rgb.dtype == np.float32
            assert rgb.shape == (tasks, 3, engine.spec.height, engine.spec.width)
            assert np.abs(rgb).max() <= 1
            assert rgb.std() > 0.1


@pytest.mark.parametrize("backend", ALL)
def test_a_task_is_answered_alike_alone_and_in_company(toy_dir: Path, backend: str) -> None:
    with open_engine(toy_dir, backend, threads=1) as engine:
        image, rays, prompts = inputs(toy_dir, engine.spec)
        together = engine.infer(image, rays, prompts)
        for i in range(len(prompts)):
            assert np.allclose(together[i], engine.infer(image, rays, prompts[i : i + 1])[0], atol=0.01)
        assert not np.allclose(together[0], together[1], atol=0.1)


@pytest.mark.parametrize("backend", ALL)
def test_an_answer_is_not_overwritten_by_the_next(toy_dir: Path, backend: str) -> None:
    with open_engine(toy_dir, backend, threads=1) as engine:
        image, rays, prompts = inputs(toy_dir, engine.spec)
        first = engine.infer(image, rays, prompts)
        kept = first.copy()
        engine.infer(-image, rays, prompts[::-1].copy())
        assert np.array_equal(first, kept)


@needs_openvino
def test_the_runtimes_agree(toy_dir: Path) -> None:
    with open_engine(toy_dir, "onnxruntime", 1) as onnx, OpenVinoEngine(toy_dir, 1, precision="f32") as openvino:
        for tasks in (1, 3):
            given = inputs(toy_dir, onnx.spec, tasks)
            assert np.abs(onnx.infer(*given) - openvino.infer(*given)).max() < 1e-4


WRONG: dict[str, Callable[[Float, Float, Float], tuple[Any, Any, Any]]] = {
    "image of another size": lambda i, r, p: (i[:, :, 1:], r, p),
    "two images": lambda i, r, p: (np.concatenate([i, i]), r, p),
    "image in float64": lambda i, r, p: (i.astype(np.float64), r, p),
    "image without a batch axis": lambda i, r, p: (i[0], r, p),
    "rays of another size": lambda i, r, p: (i, r[..., 1:], p),
    "prompts with fewer tokens": lambda i, r, p: (i, r, p[:, 1:]),
    "prompts with a column too many": lambda i, r, p: (i, r, np.pad(p, ((0, 0), (0, 0), (0, 1)))),
    "no prompts": lambda i, r, p: (i, r, p[:0]),
}


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("wrong", WRONG)
def test_inputs_that_do_not_fit_are_refused(toy_dir: Path, backend: str, wrong: str) -> None:
    with open_engine(toy_dir, backend, threads=1) as engine:
        good = inputs(toy_dir, engine.spec)
        with pytest.raises(InferenceError, match=r"input (image|rays|prompts) is .*, expected float32"):
            engine.infer(*WRONG[wrong](*good))
        assert engine.infer(*good).shape[0] == 3


@pytest.mark.parametrize("backend", NETWORKS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_answer_that_is_not_finite_is_an_error(copy: Path, backend: str, value: float) -> None:
    without_tanh(copy)
    with open_engine(copy, backend, threads=1) as engine:
        image, rays, prompts = inputs(copy, engine.spec)
        image[0, 0, 10, 10] = value
        with pytest.raises(InferenceError, match=r"output values are NaN or infinite"):
            engine.infer(image, rays, prompts)


def without_tanh(folder: Path) -> None:
    import onnx  # noqa: PLC0415 - only this test edits a graph

    model = onnx.load(folder / "generator.onnx")
    model.graph.node[-1].op_type = "Identity"
    onnx.save(model, folder / "generator.onnx")
    resealed(folder, golden="")  # which was another graph's


@pytest.mark.parametrize("backend", ALL)
def test_a_closed_engine_says_so(toy_dir: Path, backend: str) -> None:
    engine: Engine
    with open_engine(toy_dir, backend, threads=1) as engine:
        given = inputs(toy_dir, engine.spec)
    engine.close()
    with pytest.raises(InferenceError, match="after close"):
        engine.infer(*given)


@pytest.mark.parametrize("backend", ALL)
def test_a_folder_without_a_model(tmp_path: Path, backend: str) -> None:
    with pytest.raises(EngineMismatchError, match=r"no usable model in .*vb-perception export"):
        open_engine(tmp_path, backend)


@pytest.mark.parametrize("backend", NETWORKS)
def test_a_missing_generator(copy: Path, backend: str) -> None:
    (copy / "generator.onnx").unlink()
    with pytest.raises(EngineMismatchError, match=r"generator.onnx cannot be read.*reinstall"):
        open_engine(copy, backend)


@pytest.mark.parametrize("backend", NETWORKS)
def test_one_flipped_bit_is_noticed(copy: Path, backend: str) -> None:
    file = copy / "generator.onnx"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(EngineMismatchError, match=r"sha256 .* is damaged or from another export"):
        open_engine(copy, backend)


@pytest.mark.parametrize("backend", NETWORKS)
@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.99])
def test_a_file_that_is_no_onnx_is_named(copy: Path, backend: str, kept: float) -> None:
    file = copy / "generator.onnx"
    content = file.read_bytes()
    file.write_bytes(content[: int(kept * len(content)) if kept < 1 else int(kept)] or b"not a model")
    resealed(copy)
    with pytest.raises(EngineMismatchError, match=r"(?s)generator.onnx.*vb-perception export"):
        open_engine(copy, backend)


@pytest.mark.parametrize("backend", NETWORKS)
@pytest.mark.parametrize("changes", [{"height": 96}, {"max_tokens": 8}, {"token_dim": 24, "embedding_dim": 17}])
def test_a_graph_of_other_sizes_than_its_spec(copy: Path, backend: str, changes: dict[str, int]) -> None:
    resealed(copy, **changes)
    with pytest.raises(EngineMismatchError, match=r"has image float32 \(1, 3, 48, 64\).* its spec.json describes"):
        open_engine(copy, backend)


@pytest.mark.parametrize("backend", NETWORKS)
def test_another_graph_altogether(copy: Path, backend: str) -> None:
    shutil.copy(copy / "text.onnx", copy / "generator.onnx")
    resealed(copy)
    with pytest.raises(EngineMismatchError, match=r"has bytes int64 \(free, 64\), its spec.json describes image"):
        open_engine(copy, backend)


@pytest.mark.parametrize("backend", NETWORKS)
def test_a_model_of_another_codec_version(copy: Path, backend: str) -> None:
    resealed(copy, codec_version=99)
    with pytest.raises(EngineMismatchError, match="codec version 99"):
        open_engine(copy, backend)


@pytest.mark.parametrize(
    ("key", "value"), [("height", None), ("height", "192"), ("default_fov_deg", "58"), ("name", 3)]
)
def test_a_spec_of_other_types_is_refused(copy: Path, key: str, value: object) -> None:
    values = json.loads((copy / "spec.json").read_text())
    (copy / "spec.json").write_text(json.dumps({**values, key: value}))
    with pytest.raises(EngineMismatchError, match=f"{key} is {value!r}"):
        EngineSpec.read(copy)


@pytest.mark.parametrize("backend", NETWORKS)
def test_an_absent_runtime_is_named_with_its_remedy(
    toy_dir: Path, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, backend, None)  # what an import meets where nothing is installed
    with pytest.raises(EngineUnavailableError, match=f"pip install {backend}"):
        open_engine(toy_dir, backend)


def test_a_larger_model(tmp_path: Path) -> None:
    spec = write_toy_model(tmp_path, height=96, width=32)
    with open_engine(tmp_path, "onnxruntime", 1) as engine:
        assert engine.spec == spec
        assert engine.infer(*inputs(tmp_path, spec)).shape == (3, 3, 96, 32)


def test_the_toy_is_the_same_each_time(toy_dir: Path, tmp_path: Path) -> None:
    assert write_toy_model(tmp_path) == EngineSpec.read(toy_dir)


@pytest.mark.parametrize("backend", NETWORKS)
def test_every_input_reaches_the_answer(toy_dir: Path, backend: str) -> None:
    with open_engine(toy_dir, backend, threads=1) as engine:
        image, rays, prompts = inputs(toy_dir, engine.spec)
        token = PromptToken("thing", "another phrase", (1, 2, 3))
        other = PromptEncoder(toy_dir, engine.spec).encode([token])[None]
        before = engine.infer(image, rays, prompts[:1])
        for changed in ((-image, rays, prompts[:1]), (image, -rays, prompts[:1]), (image, rays, other)):
            assert np.abs(engine.infer(*changed) - before).max() > 0.1
