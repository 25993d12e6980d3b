import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from vb_perception.errors import EngineMismatchError
from vb_perception.predictions import DepthMap
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.contract import CheckedEngine
from vb_perception.runtime.engine import EngineSpec, Float
from vb_perception.runtime.golden import Golden, write_golden
from vb_perception.runtime.options import EngineOptions
from vb_perception.runtime.self_test import BOUNDS, differences, self_test
from vb_perception.tasks import MetricDepth

HEIGHT, WIDTH = 48, 64


class Off(CheckedEngine):
    """Answers what it is told to, whatever it is asked."""

    def __init__(self, spec: EngineSpec, answer: Float) -> None:
        super().__init__(spec, "off")
        self._answer = answer

    def _run(self, image: Float, rays: Float, prompts: Float) -> Float:  # noqa: ARG002
        return self._answer


@pytest.fixture
def plane() -> Golden:
    """A depth picture that means something: a floor from 1 to 5 m, and a mask of two halves."""
    depth_m = np.repeat(np.linspace(5, 1, HEIGHT, dtype=np.float32)[:, None], WIDTH, 1)
    depth = MetricDepth().encode(DepthMap(depth_m, np.ones_like(depth_m)))
    mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    mask[:, WIDTH // 2 :] = (255, 0, 0)
    rgb = (np.stack((depth, mask)).transpose(0, 3, 1, 2) / 127.5 - 1).astype(np.float32)
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    camera, prompts = np.array((60.0, 60.0, 31.5, 23.5)), np.zeros((2, 16, 27), np.float32)
    palette = np.array(((0, 0, 0), (255, 0, 0)), np.uint8)
    return Golden(image, camera, prompts, ("depth", "segmentation"), palette, rgb)


def test_the_same_answer_differs_in_nothing(plane: Golden) -> None:
    same = differences(plane.rgb, plane)
    assert (same.colour, same.depth_abs_rel, same.mask) == (0, 0, 0)
    assert np.isnan(same.normals_deg)
    assert not same.beyond(BOUNDS["fp32"])


def test_figures_are_what_they_say(plane: Golden) -> None:
    answer = plane.rgb.copy()
    nearer = np.repeat(np.linspace(5, 1, HEIGHT, dtype=np.float32)[:, None], WIDTH, 1) * np.float32(0.9)
    painted = MetricDepth().encode(DepthMap(nearer, np.ones_like(nearer)))
    answer[0] = painted.transpose(2, 0, 1) / np.float32(127.5) - 1
    answer[1, :, : HEIGHT // 4, WIDTH // 2 :] = -1  # a quarter of the thing is missing: an eighth of the image
    found = differences(answer, plane)
    assert found.depth_abs_rel == pytest.approx(0.1, abs=0.005)
    assert found.mask == pytest.approx(0.125)
    said = "; ".join(found.beyond(BOUNDS["int8"]))
    assert "depth_abs_rel 0.1, allowed 0.03" in said
    assert "mask 0.12, allowed 0.02" in said


def test_normals_are_compared_as_angles(plane: Golden) -> None:
    towards = np.full((3, HEIGHT, WIDTH), -1 / 3, np.float32)
    towards[:] = np.array((0, 0, 1), np.float32)[:, None, None]  # (1 - n) / 2 of n = (0, 0, -1), in [-1, 1]
    leaning = towards.copy()
    angle = np.radians(10)
    leaning[0], leaning[2] = -np.sin(angle), np.cos(angle)
    golden = dataclasses.replace(plane, kinds=("normals",), rgb=towards[None], prompts=plane.prompts[:1])
    assert differences(leaning[None], golden).normals_deg == pytest.approx(10, abs=0.5)


def test_a_golden_file_comes_back_as_it_was(plane: Golden, tmp_path: Path, toy_dir: Path) -> None:
    spec = EngineSpec.read(toy_dir)
    sha256 = write_golden(tmp_path, "golden.npz", plane)
    assert sha256 == write_golden(tmp_path, "again.npz", plane)
    variant = dataclasses.replace(spec.choose(), golden="golden.npz", golden_sha256=sha256)
    found = Golden.read(tmp_path, spec, variant)
    assert found.kinds == plane.kinds
    assert np.array_equal(found.image, plane.image)
    assert np.abs(found.rgb - plane.rgb).max() < 2e-5
    with pytest.raises(EngineMismatchError, match="expected 2 answers of 96x64 pixels"):
        Golden.read(tmp_path, spec, dataclasses.replace(variant, height=96))


def test_an_engine_that_computes_something_else_is_refused_with_figures(toy_dir: Path) -> None:
    spec = EngineSpec.read(toy_dir)
    golden = Golden.read(toy_dir, spec, spec.choose())
    wrong = np.clip(golden.rgb + 0.02, -1, 1)
    with pytest.raises(
        EngineMismatchError, match=r"off failed its self-test on generator.onnx: colour 0.0\d+, allowed"
    ):
        self_test(Off(spec, wrong), toy_dir, spec, spec.choose())
    assert self_test(Off(spec, golden.rgb), toy_dir, spec, spec.choose()) is not None


def test_a_precision_without_a_bound_is_refused(toy_dir: Path) -> None:
    spec = EngineSpec.read(toy_dir)
    engine = Off(spec, Golden.read(toy_dir, spec, spec.choose()).rgb)
    engine.computed = "fp8"
    with pytest.raises(EngineMismatchError, match="in precision 'fp8', expected one of fp32, fp16, bf16, int8"):
        self_test(engine, toy_dir, spec, spec.choose())


def test_a_model_without_a_golden_input_is_used_with_a_warning(
    toy_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Path(shutil.copytree(toy_dir, tmp_path / "old"))
    spec = dataclasses.replace(EngineSpec.read(folder), golden="", golden_sha256="")
    (folder / "spec.json").write_text(spec.to_json())
    with open_engine(folder, "onnxruntime", 1) as engine:
        assert engine.backend.startswith("onnxruntime ")
    assert "has no golden input" in caplog.text


def with_other_golden(toy_dir: Path, folder: Path) -> Path:
    """A model whose graph does not compute what its golden file says, though every digest fits."""
    folder = Path(shutil.copytree(toy_dir, folder))
    spec = EngineSpec.read(folder)
    golden = Golden.read(folder, spec, spec.choose())
    sha256 = write_golden(folder, "golden.npz", dataclasses.replace(golden, rgb=-golden.rgb))
    (folder / "spec.json").write_text(dataclasses.replace(spec, golden_sha256=sha256).to_json())
    return folder


@pytest.mark.parametrize("fallback", [False, True])
def test_no_backend_passes_with_another_golden(
    toy_dir: Path, tmp_path: Path, *, fallback: bool, caplog: pytest.LogCaptureFixture
) -> None:
    folder = with_other_golden(toy_dir, tmp_path / "other")
    with pytest.raises(EngineMismatchError, match="failed its self-test"):
        open_engine(folder, "onnxruntime", 1, EngineOptions(fallback=fallback))
    assert ("FALLING BACK" in caplog.text) == fallback
