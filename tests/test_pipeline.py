"""The straight line end to end, on engines that give known answers."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics, Letterbox
from vb_perception.canvas import decode, reduced_picture
from vb_perception.errors import ConfigError, EngineMismatchError, InferenceError
from vb_perception.frame import Frame, Perception
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.predictions import DepthMap, NormalMap, SegmentMap
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.contract import CheckedEngine
from vb_perception.runtime.engine import EngineSpec, Float
from vb_perception.runtime.fake import PLANE_NORMAL, FakeEngine, plane_depth_m
from vb_perception.runtime.text import PromptEncoder
from vb_perception.runtime.toy_model import write_toy_model
from vb_perception.tasks import InstanceSegmentation, MetricDepth, SemanticSegmentation, SurfaceNormals

TASKS = (
    MetricDepth(),
    SurfaceNormals(),
    SemanticSegmentation((("mug", (255, 0, 0)), ("table", (0, 255, 0)))),
    InstanceSegmentation("mug"),
)
SIZES = {"4:3": (640, 480), "16:9": (1280, 720), "portrait": (240, 400), "small": (80, 60), "as generated": (128, 96)}


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    write_toy_model(folder, height=96, width=128)
    return folder


@pytest.fixture(scope="module")
def spec(model_dir: Path) -> EngineSpec:
    return EngineSpec.read(model_dir)


def frame(width: int, height: int, *, calibrated: bool = True) -> Frame:
    rgb = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    camera = CameraIntrinsics(width, height, 0.8 * width, 0.8 * width, 0.45 * width, 0.52 * height)
    return Frame(rgb, 123, "camera_optical", camera if calibrated else None)


def perceive(model_dir: Path, given: Frame) -> Perception:
    with FakeEngine(model_dir) as engine:
        return PerceptionPipeline(engine, PromptEncoder(model_dir, engine.spec)).perceive(given, TASKS)


@pytest.mark.parametrize("size", SIZES)
def test_known_answers_come_out_at_the_size_of_the_image(model_dir: Path, size: str) -> None:
    width, height = SIZES[size]
    given = frame(width, height)
    assert given.intrinsics is not None
    seen = perceive(model_dir, given)
    assert seen.frame is given
    depth, normals, segments, instances = (seen.predictions[task.name] for task in TASKS)
    for prediction in seen.predictions.values():
        assert prediction.confidence.shape == (height, width)
    assert isinstance(depth, DepthMap)
    assert np.allclose(depth.depth_m, plane_depth_m(given.intrinsics.rays()), rtol=0.015)
    assert isinstance(normals, NormalMap)
    assert np.allclose(normals.normals, PLANE_NORMAL, atol=0.01)
    assert isinstance(segments, SegmentMap)
    assert segments.names == ("background", "mug", "table")
    assert isinstance(instances, SegmentMap)
    assert instances.names == ("background", "mug 1")
    for ids in (segments.ids, instances.ids):
        assert ids[height // 2, width // 2] == 1
        assert set(np.unique(ids)) == {0, 1}
        assert not np.concatenate([ids[[0, -1], [0, -1]], ids[[0, -1], [-1, 0]]]).any()


def test_nothing_is_answered_where_the_lens_saw_nothing(model_dir: Path) -> None:
    given = frame(320, 240)
    unseen = np.zeros((240, 320), np.bool_)
    unseen[:, :120] = unseen[:100] = True
    whole, seen = perceive(model_dir, given), perceive(model_dir, dataclasses.replace(given, unseen=unseen))
    for task in TASKS:
        known, hidden = whole.predictions[task.name], seen.predictions[task.name]
        np.testing.assert_array_equal(hidden.confidence, np.where(unseen, 0, known.confidence))
        if isinstance(hidden, SegmentMap) and isinstance(known, SegmentMap):
            assert known.ids[unseen].any()
            np.testing.assert_array_equal(hidden.ids, np.where(unseen, 0, known.ids))
            continue
        for answer, before in zip(dataclasses.astuple(hidden)[:1], dataclasses.astuple(known)[:1], strict=True):
            assert np.isfinite(before).all()
            assert np.isnan(answer[unseen]).all()
            np.testing.assert_array_equal(answer[~unseen], before[~unseen])


def test_the_thing_stands_where_it_was_painted(model_dir: Path) -> None:
    segments = perceive(model_dir, frame(640, 480)).predictions["segmentation"]
    assert isinstance(segments, SegmentMap)
    rows, columns = np.nonzero(segments.ids)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (120, 359, 160, 479)


def test_the_generated_images_are_handed_on_as_painted(model_dir: Path) -> None:
    given, box = frame(640, 480), Letterbox(640, 480, 128, 96)
    seen = perceive(model_dir, given)
    assert list(seen.generated) == [task.name for task in TASKS]
    for task in TASKS:
        rgb = seen.generated[task.name]
        assert rgb.dtype == np.uint8
        assert rgb.shape == (96, 128, 3)
        again = decode(task, rgb, box, reduced_picture(given.rgb, box))
        assert np.array_equal(again.confidence, seen.predictions[task.name].confidence)


def test_an_uncalibrated_camera_has_the_default_field_of_view(model_dir: Path, spec: EngineSpec) -> None:
    depth = perceive(model_dir, frame(640, 480, calibrated=False)).predictions["depth"]
    assert isinstance(depth, DepthMap)
    assumed = CameraIntrinsics.from_fov(640, 480, spec.default_fov_deg)
    assert np.allclose(depth.depth_m, plane_depth_m(assumed.rays()), rtol=0.015)


class Margins(CheckedEngine):
    """Paints the margins of a letterboxed 16:9 image as one more instance."""

    def _run(self, image: Float, rays: Float, prompts: Float) -> Float:  # noqa: ARG002 - always the same picture
        rgb = np.full((len(prompts), 3, self.spec.height, self.spec.width), -1, np.float32)
        rgb[:, 0, :12] = rgb[:, 0, 84:] = 1
        rgb[:, 1, 40:50, 40:60] = 1
        return rgb


def test_margins_are_no_instance(model_dir: Path, spec: EngineSpec) -> None:
    pipeline = PerceptionPipeline(Margins(spec, "margins"), PromptEncoder(model_dir, spec))
    seen = pipeline.perceive(frame(1280, 720), [InstanceSegmentation("mug")]).predictions["instances"]
    assert isinstance(seen, SegmentMap)
    assert seen.names == ("background", "mug 1")
    rows, columns = np.nonzero(seen.ids)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (280, 379, 400, 599)


def test_stages_are_timed(model_dir: Path) -> None:
    with open_engine(model_dir, "fake:latency_ms=30") as engine:
        pipeline = PerceptionPipeline(engine, PromptEncoder(model_dir, engine.spec))
        times = pipeline.perceive(frame(64, 48), TASKS).times
    assert times.infer_ns >= 30_000_000
    assert times.prepare_ns > 0
    assert times.decode_ns > 0
    assert times.receive_ns == times.publish_ns == times.age_ns == 0


def test_no_tasks_no_work(model_dir: Path, spec: EngineSpec) -> None:
    with open_engine(model_dir, "fake:fail_every=1") as engine:
        given = frame(64, 48)
        seen = PerceptionPipeline(engine, PromptEncoder(model_dir, spec)).perceive(given, [])
    assert seen.frame is given
    assert (dict(seen.predictions), dict(seen.generated)) == ({}, {})


def test_two_tasks_of_one_name(model_dir: Path) -> None:
    with FakeEngine(model_dir) as engine:
        pipeline = PerceptionPipeline(engine, PromptEncoder(model_dir, engine.spec))
        with pytest.raises(ConfigError, match="tasks named depth, depth: give each task a name of its own"):
            pipeline.perceive(frame(64, 48), [MetricDepth(), MetricDepth()])
        with pytest.raises(ConfigError, match="tasks named depth, depth"):
            pipeline.warm_up([MetricDepth(), MetricDepth()])


def test_parts_of_two_exports(model_dir: Path, spec: EngineSpec) -> None:
    other = dataclasses.replace(spec, name="another", default_fov_deg=80.0)
    with (
        FakeEngine(model_dir) as engine,
        pytest.raises(EngineMismatchError, match=r"toy .* another.* same model folder"),
    ):
        PerceptionPipeline(engine, PromptEncoder(model_dir, other))


def test_a_failed_inference_passes_through_and_the_next_frame_is_fine(model_dir: Path) -> None:
    with open_engine(model_dir, "fake:fail_every=2") as engine:
        pipeline = PerceptionPipeline(engine, PromptEncoder(model_dir, engine.spec))
        given = frame(64, 48)
        pipeline.perceive(given, TASKS[:1])
        with pytest.raises(InferenceError):
            pipeline.perceive(given, TASKS[:1])
        assert pipeline.perceive(given, TASKS[:1]).predictions


def test_warming_up_finds_a_task_that_cannot_be_asked(model_dir: Path) -> None:
    with FakeEngine(model_dir) as engine:
        pipeline = PerceptionPipeline(engine, PromptEncoder(model_dir, engine.spec))
        pipeline.warm_up(TASKS)
        with pytest.raises(ConfigError, match=r"phrase 'mug mug .* say it in fewer words"):
            pipeline.warm_up([MetricDepth(), InstanceSegmentation("mug " * 40)])


def test_other_tasks_for_every_frame(model_dir: Path) -> None:
    with FakeEngine(model_dir) as engine:
        pipeline = PerceptionPipeline(engine, PromptEncoder(model_dir, engine.spec))
        for i in range(40):  # more sets of tasks than are kept
            colour: NDArray[np.uint8] = np.array([i, 255 - i, 100], np.uint8)
            legend = ((f"thing {i}", (i, 255 - i, 100)),)
            generated = pipeline.perceive(frame(64, 48), [SemanticSegmentation(legend)]).generated["segmentation"]
            assert np.array_equal(generated[48, 64], colour)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_the_line_runs_on_real_runtimes(model_dir: Path, backend: str) -> None:
    pytest.importorskip(backend, reason=f"{backend} is not installed: pip install {backend}")
    with open_engine(model_dir, backend, threads=1) as engine:
        seen = PerceptionPipeline(engine, PromptEncoder(model_dir, engine.spec)).perceive(frame(320, 240), TASKS)
    for prediction in seen.predictions.values():
        assert prediction.confidence.shape == (240, 320)
