"""Models that are not ours: adapter files, and what the answers of tiny ONNX networks become."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.evaluation.conftest import make_sample
from vb_perception.errors import ConfigError, EngineMismatchError
from vb_perception.evaluation.adapter import read_adapter
from vb_perception.evaluation.bag_frames import read_frames
from vb_perception.evaluation.bag_samples import write_samples
from vb_perception.evaluation.evaluate import evaluate
from vb_perception.evaluation.foreign import ForeignModel
from vb_perception.evaluation.frame_scores import score_frame
from vb_perception.evaluation.settings import Settings
from vb_perception.frame import Frame
from vb_perception.predictions import DepthMap, NormalMap, SegmentMap

onnx = pytest.importorskip("onnx", reason="builds the networks: `make test` installs it")

ADAPTER = """
model: net.onnx
input: {{width: 32, height: 24, mean: [0, 0, 0], std: [1, 1, 1], {more}}}
outputs:
{outputs}
"""
GRAPH = """
<ir_version: 9, opset_import: ["": 18]>
net (float[{shape}] image) => ({outputs}) {{
{body}
}}
"""


def _model(folder: Path, body: str, outputs: str, adapter: str, shape: str = "1, 3, 24, 32", more: str = "") -> Path:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    text = GRAPH.format(shape=shape, outputs=outputs, body=lines)
    (folder / "net.onnx").write_bytes(onnx.parser.parse_model(text).SerializeToString())
    (folder / "net.yaml").write_text(ADAPTER.format(outputs=adapter, more=more), encoding="utf-8")
    return folder / "net.yaml"


def _frame(width: int = 64, height: int = 48) -> Frame:
    rgb: NDArray[np.uint8] = np.zeros((height, width, 3), np.uint8)
    rgb[..., 0], rgb[: height // 2, :, 1] = 51, 255  # red everywhere a fifth, green above
    return Frame(rgb, 0, "camera")


RED = "red = Constant <value = int64[1] {0}> ()\nplane = Gather <axis = 1> (image, red)\n"


@pytest.mark.parametrize(
    ("means", "expected"),
    [("metres", 0.2), ("millimetres", 0.0002), ("inverse_metres", 5.0), ("relative", 0.2), ("relative_inverse", 5.0)],
)
def test_what_depth_means(tmp_path: Path, means: str, expected: float) -> None:
    body = RED + "depth = Identity (plane)"
    path = _model(tmp_path, body, "float[1, 1, 24, 32] depth", f"  depth: {{name: depth, means: {means}}}")
    answer = ForeignModel(path).perceive(_frame(), ()).predictions["depth"]
    assert isinstance(answer, DepthMap)
    np.testing.assert_allclose(answer.depth_m, np.full((48, 64), expected, np.float32), rtol=1e-5)


def test_normalisation_layout_and_channels(tmp_path: Path) -> None:
    adapter = "  depth: {name: depth, means: metres}"
    body = "last = Constant <value = int64[1] {2}> ()\ndepth = Gather <axis = 3> (image, last)"
    more = "layout: nhwc, channels: bgr, scale: 0.1, mean: [1, 1, 1.1], std: [1, 1, 2]"
    path = _model(tmp_path, body, "float[1, 24, 32, 1] depth", adapter, "1, 24, 32, 3", "")
    text = path.read_text(encoding="utf-8").replace("mean: [0, 0, 0], std: [1, 1, 1], ", "")
    path.write_text(text.replace("height: 24, ", f"height: 24, {more}"), encoding="utf-8")
    answer = ForeignModel(path).perceive(_frame(), ()).predictions["depth"]
    assert isinstance(answer, DepthMap)
    assert answer.depth_m[0, 0] == pytest.approx((51 * 0.1 - 1.1) / 2)  # red is last in BGR


def test_the_letterbox_is_cut_off_again(tmp_path: Path) -> None:
    body = RED + "depth = Identity (plane)"
    adapter = "  depth: {name: depth, means: metres}"
    path = _model(tmp_path, body, "float[1, 1, 24, 32] depth", adapter, more="resize: letterbox")
    answer = ForeignModel(path).perceive(_frame(40, 60), ()).predictions["depth"]
    assert isinstance(answer, DepthMap)
    assert answer.depth_m.shape == (60, 40)
    np.testing.assert_allclose(answer.depth_m, 0.2, rtol=1e-5)  # no grey margin


def test_an_id_without_a_name_is_told(tmp_path: Path) -> None:
    adapter = "  segmentation: {name: plane, means: ids, classes: [background, table]}"
    path = _model(tmp_path, RED, "float[1, 1, 24, 32] plane", adapter, more="scale: 1")
    with pytest.raises(ConfigError, match=r"output plane holds ids 51 to 51; the adapter names 2 classes"):
        ForeignModel(path).perceive(_frame(), ())


def test_normals_and_classes(tmp_path: Path) -> None:
    body = "normals = Identity (image)\nscores = Identity (image)"
    adapter = "  normals: {name: normals, means: opengl}\n"
    adapter += "  segmentation: {name: scores, means: scores, classes: [background, table, mug]}"
    outputs = "float[1, 3, 24, 32] normals, float[1, 3, 24, 32] scores"
    answers = ForeignModel(_model(tmp_path, body, outputs, adapter)).perceive(_frame(), ()).predictions
    normals, classes = answers["normals"], answers["segmentation"]
    assert isinstance(normals, NormalMap)
    assert isinstance(classes, SegmentMap)
    np.testing.assert_allclose(normals.normals[40, 5], (1, 0, 0), atol=1e-6)
    np.testing.assert_allclose(normals.normals[5, 5], np.array((0.2, -1, 0)) / np.hypot(0.2, 1), atol=1e-6)
    assert (classes.ids[40, 5], classes.ids[5, 5]) == (0, 1)
    assert classes.names == ("background", "table", "mug")


def test_relative_depth_is_scored_after_alignment_alone(tmp_path: Path) -> None:
    body = RED + "depth = Identity (plane)"
    path = _model(tmp_path, body, "float[1, 1, 24, 32] depth", "  depth: {name: depth, means: relative_inverse}")
    write_samples(tmp_path / "x.mcap", [make_sample()])
    outcome = evaluate(tmp_path / "x.mcap", Settings((("theirs", str(path)),)))
    figures = outcome.contestants["theirs"].figures()
    assert "depth" not in figures
    assert 0 < figures["depth_affine_aligned"]["abs_rel"] < 1
    assert outcome.contestants["theirs"].run_by.startswith("onnxruntime")


def test_a_relative_disparity_of_zero_is_answered(tmp_path: Path) -> None:
    body = "green = Constant <value = int64[1] {1}> ()\ndepth = Gather <axis = 1> (image, green)"  # 1 above, 0 below
    path = _model(tmp_path, body, "float[1, 1, 24, 32] depth", "  depth: {name: depth, means: relative_inverse}")
    sample = make_sample()
    sample.depth_m[:24], sample.depth_m[24:] = 1, 4
    write_samples(tmp_path / "x.mcap", [sample])
    net = ForeignModel(path)
    ((frame, truth),) = read_frames(tmp_path / "x.mcap")
    assert truth is not None
    answers = net.perceive(Frame(_frame().rgb, frame.stamp_ns, frame.frame_id), ()).predictions
    figures = score_frame(answers, truth, net.depth_means).figures["depth_affine_aligned"]
    assert figures == pytest.approx({"abs_rel": 0, "rmse": 0, "delta1": 1, "coverage": 1}, abs=1e-5)


def test_relative_depth_that_is_nan_everywhere_is_told(tmp_path: Path) -> None:
    body = RED + "nothing = Sub (plane, plane)\ndepth = Div (nothing, nothing)"
    path = _model(tmp_path, body, "float[1, 1, 24, 32] depth", "  depth: {name: depth, means: relative}")
    write_samples(tmp_path / "x.mcap", [make_sample()])
    outcome = evaluate(tmp_path / "x.mcap", Settings((("theirs", str(path)),)))
    assert outcome.problems == ("theirs: depth was unknown (NaN) in every pixel of every frame with truth",)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("width: 32", "widht: 32", "unknown key 'widht'; did you mean width?"),
        ("means: metres", "means: feet", "outputs.depth.means is 'feet'; expected one of metres"),
        ("width: 32", "width: wide", "expected width, height and scale as numbers"),
        ("width: 32", "width: 0", "must be above zero"),
        ("width: 32, height: 24", "width: 32", "input lacks height"),
        ("depth: {name: depth", "deepth: {name: depth", "did you mean depth?"),
        ("depth: {name: depth, means: metres}", "segmentation: {name: depth, means: ids}", "needs classes"),
        ("input: {", "input: {layout: chw, ", "input.layout is 'chw'"),
        ("model: net.onnx", "model: [", "expected YAML"),
    ],
)
def test_an_adapter_with_a_mistake_is_told(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = _model(
        tmp_path, RED + "depth = Identity (plane)", "float[1, 1, 24, 32] depth", "  depth: {name: depth, means: metres}"
    )
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        read_adapter(path)
    assert told in str(error.value)


def test_a_model_that_the_adapter_does_not_fit(tmp_path: Path) -> None:
    body, outputs = RED + "depth = Identity (plane)", "float[1, 1, 24, 32] depth"
    path = _model(tmp_path, body, outputs, "  depth: {name: disparity, means: metres}")
    with pytest.raises(ConfigError, match="answers disparity; the model takes image and answers depth"):
        ForeignModel(path)
    path = _model(
        tmp_path, "depth = Identity (image)", "float[1, 3, 24, 32] depth", "  depth: {name: depth, means: metres}"
    )
    with pytest.raises(ConfigError, match=r"shape \(1, 3, 24, 32\); as depth \(metres\) it needs 1 plane"):
        ForeignModel(path).perceive(_frame(), ())
    (tmp_path / "net.onnx").write_bytes(b"no network")
    with pytest.raises(EngineMismatchError, match="cannot load"):
        ForeignModel(path)
