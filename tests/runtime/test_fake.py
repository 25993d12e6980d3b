import hashlib
import json
import shutil
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import InferenceError
from vb_perception.predictions import DepthMap, NormalMap, SegmentMap
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.engine import Float
from vb_perception.runtime.fake import PLANE_NORMAL, FakeEngine, plane_depth_m, thing_mask
from vb_perception.runtime.text import PromptEncoder
from vb_perception.tasks import (
    RGB,
    EdgeMap,
    InstanceSegmentation,
    MetricDepth,
    PromptToken,
    ReferringSegmentation,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)

HEIGHT, WIDTH = 48, 64
CAMERA = CameraIntrinsics.from_fov(WIDTH, HEIGHT, 70)
IMAGE = np.zeros((1, 3, HEIGHT, WIDTH), np.float32)


def painted(folder: Path, task: Task) -> RGB:
    with FakeEngine(folder) as engine:
        prompt = PromptEncoder(folder, engine.spec).encode(task.tokens)
        rgb = engine.infer(IMAGE, CAMERA.rays()[None], prompt[None])[0]
    levels: RGB = np.rint((rgb.transpose(1, 2, 0) + 1) * 127.5).astype(np.uint8)
    return levels


def test_depth_and_normals_are_of_one_plane(toy_dir: Path) -> None:
    depth, normals = MetricDepth(), SurfaceNormals()
    seen = depth.decode(painted(toy_dir, depth))
    assert isinstance(seen, DepthMap)
    assert np.allclose(seen.depth_m, plane_depth_m(CAMERA.rays()), rtol=0.01)
    turned = normals.decode(painted(toy_dir, normals))
    assert isinstance(turned, NormalMap)
    assert np.allclose(turned.normals, PLANE_NORMAL, atol=0.01)
    points = CAMERA.unproject(seen.depth_m)
    assert np.allclose(points @ np.array(PLANE_NORMAL), -2.4, atol=0.03)


def test_edges_are_the_outline_of_the_thing(toy_dir: Path) -> None:
    task = EdgeMap()
    seen = task.decode(painted(toy_dir, task))
    assert isinstance(seen, SegmentMap)
    height, width = HEIGHT // 2, WIDTH // 2
    assert int((seen.ids == 1).sum()) == 2 * (height + width) - 4


@pytest.mark.parametrize(
    "task",
    [
        SemanticSegmentation((("unicorn", (10, 200, 30)),)),
        ReferringSegmentation("the unicorn"),
        InstanceSegmentation("unicorn"),
    ],
    ids=lambda task: str(task.name),
)
def test_what_was_not_taught_is_painted_nowhere(toy_dir: Path, tmp_path: Path, task: Task) -> None:
    folder = tmp_path / "model"
    shutil.copytree(toy_dir, folder)
    (folder / "words.txt").write_text("cup\n", encoding="utf-8")
    spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    spec["words_sha256"] = hashlib.sha256(b"cup\n").hexdigest()
    (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    seen = task.decode(painted(folder, task))
    assert isinstance(seen, SegmentMap)
    assert not seen.ids.any()


def test_rays_that_miss_the_plane_have_no_depth() -> None:
    rays = np.array([[[0, 0, 0]], [[0, -3, -4]]], np.float32)
    assert np.array_equal(np.isnan(plane_depth_m(rays)), [[False, False, True]])


@pytest.mark.parametrize(
    "task",
    [
        SemanticSegmentation((("mug", (10, 200, 30)), ("table", (200, 10, 10))), background=(9, 9, 90)),
        ReferringSegmentation("the left mug", colour=(0, 200, 255), background=(255, 255, 255)),
        InstanceSegmentation("mug"),
    ],
)
def test_the_first_thing_stands_in_the_middle(toy_dir: Path, task: Task) -> None:
    answer = task.decode(painted(toy_dir, task))
    assert isinstance(answer, SegmentMap)
    assert np.array_equal(answer.ids, thing_mask(HEIGHT, WIDTH))


def test_it_sleeps_without_holding_others_up(toy_dir: Path) -> None:
    with open_engine(toy_dir, "fake:latency_ms=300") as engine:
        prompt = PromptEncoder(toy_dir, engine.spec).encode(MetricDepth().tokens)
        thread = threading.Thread(target=engine.infer, args=(IMAGE, CAMERA.rays()[None], prompt[None]))
        started = time.perf_counter()
        thread.start()
        steps_meanwhile = 0
        while thread.is_alive():
            steps_meanwhile += 1
        assert time.perf_counter() - started >= 0.3
        assert steps_meanwhile > 1000


def test_it_fails_on_request(toy_dir: Path) -> None:
    with open_engine(toy_dir, "fake:fail_every=3,latency_ms=0") as engine:
        prompt = PromptEncoder(toy_dir, engine.spec).encode(MetricDepth().tokens)
        for run in range(1, 8):
            with pytest.raises(InferenceError, match=f"inference {run} fails") if run % 3 == 0 else nullcontext():
                engine.infer(IMAGE, CAMERA.rays()[None], prompt[None])


def test_it_does_not_guess_an_unknown_task(toy_dir: Path) -> None:
    with FakeEngine(toy_dir) as engine:
        prompts = PromptEncoder(toy_dir, engine.spec)
        strange: list[Float] = [
            prompts.encode([PromptToken("task", "paint a cat")]),
            prompts.encode([PromptToken("thing", "metric depth map")]),
        ]
        for prompt in strange:
            with pytest.raises(InferenceError, match="asks for none of metric depth map, surface normal map"):
                engine.infer(IMAGE, CAMERA.rays()[None], prompt[None])
