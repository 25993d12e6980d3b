"""A frame's whole way on the GPU that is not there: the same answers as the host's way, or the host's way."""

import ctypes
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.runtime.fake_gpu import FakeContext, FakeCuda
from tests.runtime.test_on_device import blots, compare
from vb_perception.camera import CameraIntrinsics, Letterbox
from vb_perception.canvas import rays_input
from vb_perception.errors import EngineError, InferenceError, NonFiniteError
from vb_perception.frame import Frame
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.engine import Engine
from vb_perception.runtime.on_device import FrameQuestion
from vb_perception.runtime.options import EngineOptions
from vb_perception.runtime.tensorrt_frames import KEPT_RUNS
from vb_perception.runtime.text import PromptEncoder
from vb_perception.tasks import InstanceSegmentation, MetricDepth, ReferringSegmentation, SurfaceNormals, Task

pytestmark = pytest.mark.usefixtures("empty_cache", "cuda")
TASKS: tuple[Task, ...] = (
    MetricDepth(),
    InstanceSegmentation("cup"),
    SurfaceNormals(),
    ReferringSegmentation("cup"),
)
FOUR = EngineOptions(prompts=4)


def frame(width: int = 100, height: int = 75, seed: int = 0, focal: float = 0.8) -> Frame:
    camera = CameraIntrinsics(width, height, focal * width, focal * width, width / 2, height / 2)
    return Frame(blots(height, width, seed), seed, "camera", camera)


def pipeline_of(toy_dir: Path, engine: Engine) -> PerceptionPipeline:
    return PerceptionPipeline(engine, PromptEncoder(toy_dir, engine.spec))


@pytest.fixture
def reference(toy_dir: Path) -> Iterator[PerceptionPipeline]:
    with open_engine(toy_dir, "onnxruntime") as engine:
        yield pipeline_of(toy_dir, engine)


def test_answers_are_those_of_the_host_and_cost_one_launch(
    toy_dir: Path,
    reference: PerceptionPipeline,
    cuda: FakeCuda,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with open_engine(toy_dir, "tensorrt", options=FOUR) as engine:
        pipeline = pipeline_of(toy_dir, engine)
        for i, given in enumerate((frame(), frame(seed=1), frame(seed=1, focal=1.4), frame(161, 90), frame(24, 40))):
            launches = cuda.launches
            seen, expected = pipeline.perceive(given, TASKS), reference.perceive(given, TASKS)
            assert cuda.launches == launches + (1 if i in {1, 2} else 2)  # two: where it had to prove itself
            for task in TASKS:
                found = seen.predictions[task.name]
                off = np.abs(seen.generated[task.name].astype(int) - expected.generated[task.name])
                assert off.mean() < 1
                assert found.confidence.shape == (given.height, given.width)
            kept = {name: of.confidence.copy() for name, of in seen.predictions.items()}
            pipeline.perceive(frame(given.width, given.height, seed=9), TASKS)
            assert all(np.array_equal(of.confidence, kept[name]) for name, of in seen.predictions.items())
    assert "on the CPU from now on" not in caplog.text


def test_what_is_read_is_what_the_host_reads_in_the_same_picture(toy_dir: Path) -> None:
    with open_engine(toy_dir, "tensorrt", options=FOUR) as engine:
        pipeline = pipeline_of(toy_dir, engine)
        painted = pipeline.paint(frame(), TASKS)
        assert [of is not None for of in painted.on_device] == [True, False, True, True]
        on_host = dataclasses.replace(painted, on_device=(None,) * 4)
        found, expected = pipeline.read(painted).predictions, pipeline.read(on_host).predictions
        for task in TASKS:
            compare(found[task.name], expected[task.name])


def test_only_the_image_goes_up_again(
    toy_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    cuda: FakeCuda,
) -> None:
    sizes: list[int] = []
    with open_engine(toy_dir, "tensorrt", options=FOUR) as engine:
        pipeline = pipeline_of(toy_dir, engine)
        pipeline.perceive(frame(), TASKS)
        copy = cuda.cudaMemcpyAsync

        def counted(target: int, source: int, size: int, kind: int, stream: int) -> Any:  # noqa: ANN401
            sizes.append(size)
            return copy(target, source, size, kind, stream)

        monkeypatch.setattr(cuda, "cudaMemcpyAsync", counted)
        pipeline.perceive(frame(seed=1), TASKS)
        assert sizes == []  # the image's own copy is within the graph
        pipeline.perceive(frame(focal=1.4), TASKS)
        assert sizes == [2 * 4 * engine.spec.height * engine.spec.width]  # the rays of another camera


def test_plans_are_built_once_for_a_size_of_camera(toy_dir: Path, parts: list[str]) -> None:
    for _ in range(2):
        with open_engine(toy_dir, "tensorrt", options=FOUR) as engine:
            pipeline = pipeline_of(toy_dir, engine)
            pipeline.warm_up(TASKS)
            pipeline.perceive(frame(), TASKS[:3])
            pipeline.perceive(frame(), TASKS[1:3])
    assert sorted(parts) == ["levels", "levels", "prepare", "read_depth", "read_normals"]  # levels: of 3 and 2 tasks


def test_the_oldest_runs_are_freed(toy_dir: Path, cuda: FakeCuda) -> None:
    with open_engine(toy_dir, "tensorrt", options=FOUR) as engine:
        pipeline = pipeline_of(toy_dir, engine)
        held = []
        for width in range(60, 60 + 2 * (KEPT_RUNS + 4), 2):
            pipeline.perceive(frame(width, 40), TASKS[:1])
            held.append(len(cuda.held))
        assert held[-1] == held[KEPT_RUNS]


def test_more_prompts_than_the_plan_takes(toy_dir: Path, builds: list[int]) -> None:
    for options, built in ((EngineOptions(overflow="split"), [3]), (EngineOptions(overflow="rebuild"), [3, 4])):
        with open_engine(toy_dir, "tensorrt", options=options) as engine:
            pipeline = pipeline_of(toy_dir, engine)
            pipeline.perceive(frame(), TASKS)
            painted = pipeline.paint(frame(), TASKS)
        assert any(painted.on_device) == (len(built) > 1)
        assert builds == built


def test_a_device_that_reads_something_else_is_left(
    toy_dir: Path, reference: PerceptionPipeline, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def meddling(context: FakeContext) -> None:
        if "row_share" in context.shapes:  # what reads a picture reads from elsewhere in it
            context.addresses["painted"] += 96

    monkeypatch.setattr(FakeContext, "before", meddling)
    with open_engine(toy_dir, "tensorrt", options=FOUR) as engine:
        pipeline = pipeline_of(toy_dir, engine)
        for seed in range(2):
            seen, expected = (p.perceive(frame(seed=seed), TASKS) for p in (pipeline, reference))
            for task in TASKS:
                assert np.array_equal(
                    seen.predictions[task.name].confidence, expected.predictions[task.name].confidence
                )
    assert caplog.text.count("on the CPU from now on") == 1
    assert "of the pixels of a" in caplog.text


def test_another_engine_has_to_prove_itself_again(toy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def meddling(context: FakeContext) -> None:
        if "row_share" in context.shapes:
            context.addresses["painted"] += 96

    with (
        open_engine(toy_dir, "tensorrt", options=FOUR) as engine,
        open_engine(toy_dir, "tensorrt", options=FOUR) as other,
    ):
        pipeline = pipeline_of(toy_dir, engine)
        assert any(pipeline.paint(frame(), TASKS).on_device)
        monkeypatch.setattr(pipeline, "_engine", other)  # as ReloadingEngine replaces its own
        monkeypatch.setattr(type(other), "backend", "tensorrt 10.3.0 another")
        monkeypatch.setattr(FakeContext, "before", meddling)
        assert not any(pipeline.paint(frame(), TASKS).on_device)


def test_an_id_without_a_name_is_no_answer(
    toy_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def meddling(context: FakeContext) -> None:
        if "ids" in context.addresses:
            ctypes.c_uint8.from_address(context.addresses["ids"]).value = 15

    monkeypatch.setattr(FakeContext, "after", meddling)
    with open_engine(toy_dir, "tensorrt", options=FOUR) as engine:
        seen = pipeline_of(toy_dir, engine).perceive(frame(), TASKS)
    assert set(seen.predictions) == {task.name for task in TASKS}
    assert "segment id 15 has no name" in caplog.text


def test_what_fails_while_it_is_captured_leaves_nothing_behind(
    toy_dir: Path, monkeypatch: pytest.MonkeyPatch, cuda: FakeCuda, caplog: pytest.LogCaptureFixture
) -> None:
    with open_engine(toy_dir, "tensorrt", options=FOUR) as engine:
        pipeline = pipeline_of(toy_dir, engine)
        execute = FakeContext.execute_async_v3

        def refusing(self: FakeContext, stream: int) -> bool:
            return cuda.recording is None and execute(self, stream)

        monkeypatch.setattr(FakeContext, "execute_async_v3", refusing)
        with pytest.raises(InferenceError, match="TensorRT refused to run"):
            pipeline.paint(frame(), TASKS)
        assert cuda.recording is None
    assert "on the CPU from now on" in caplog.text


def test_what_other_cameras_hold_makes_room(toy_dir: Path, cuda: FakeCuda, caplog: pytest.LogCaptureFixture) -> None:
    with open_engine(toy_dir, "tensorrt", options=FOUR) as engine:
        pipeline = pipeline_of(toy_dir, engine)
        assert any(pipeline.paint(frame(), TASKS).on_device)
        cuda.free_bytes = 100_000
        assert any(pipeline.paint(frame(80, 60), TASKS).on_device)
    assert "on the CPU from now on" not in caplog.text


def test_a_frame_that_does_not_fit_its_question(toy_dir: Path) -> None:
    with open_engine(toy_dir, "tensorrt", options=FOUR) as engine:
        spec, given = engine.spec, frame()
        box = Letterbox(given.width, given.height, spec.width, spec.height)
        prompts = np.zeros((1, spec.max_tokens, spec.token_dim), np.float32)
        with pytest.raises(InferenceError, match=r"prompts of a frame is float32 \(1, .*expected float32 \(3, "):
            engine.answer_frame(FrameQuestion(given.rgb, box, rays_input(given, box, 60), prompts, (None,) * 3))


def test_a_plan_that_cannot_be_built_is_done_without(
    toy_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> bytes:
        msg = "no workspace"
        raise EngineError(msg)

    monkeypatch.setattr("vb_perception.runtime.tensorrt_frames.build_part", fails)
    with open_engine(toy_dir, "tensorrt", options=FOUR) as engine:
        painted = pipeline_of(toy_dir, engine).paint(frame(), TASKS)
    assert not any(painted.on_device)
    assert "no workspace" in caplog.text


def test_what_is_not_finite_is_rejected(toy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def overflowing(context: FakeContext) -> None:
        if "prompts" in context.shapes:
            (ctypes.c_float * 4).from_address(context.addresses["rgb"])[2] = float("nan")

    with open_engine(toy_dir, "tensorrt", options=FOUR) as engine:
        pipeline = pipeline_of(toy_dir, engine)
        pipeline.perceive(frame(), TASKS)
        monkeypatch.setattr(FakeContext, "after", overflowing)
        with pytest.raises(NonFiniteError, match="NaN or infinite"):
            pipeline.perceive(frame(), TASKS)
        monkeypatch.setattr(FakeContext, "after", lambda _: None)
        assert any(pipeline.paint(frame(), TASKS).on_device)


def test_asking_a_closed_engine(toy_dir: Path) -> None:
    engine = open_engine(toy_dir, "tensorrt", options=FOUR)
    spec, given = engine.spec, frame()
    box = Letterbox(given.width, given.height, spec.width, spec.height)
    prompts = np.zeros((1, spec.max_tokens, spec.token_dim), np.float32)
    engine.close()
    with pytest.raises(InferenceError, match="after close"):
        engine.answer_frame(FrameQuestion(given.rgb, box, rays_input(given, box, 60), prompts, (None,)))
