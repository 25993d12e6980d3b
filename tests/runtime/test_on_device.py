"""The graphs around the network against NumPy and OpenCV, on ONNX Runtime: the GPU computes what the host does."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from vb_perception.camera import Letterbox
from vb_perception.canvas import decode, image_input, reduced_picture, rgb_images
from vb_perception.codecs.depth import DepthCodec
from vb_perception.predictions import DepthMap, NormalMap, Prediction, SegmentMap
from vb_perception.runtime.on_device import GRAPHS, prediction, reading_of, shrinking, taps
from vb_perception.tasks import (
    EdgeMap,
    InstanceSegmentation,
    MetricDepth,
    ReferringSegmentation,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)

Array = NDArray[Any]
CAMERAS = [(640, 480), (1280, 720), (256, 192), (100, 75), (641, 479), (333, 500), (64, 2), (1024, 768)]
CANVAS = (256, 192)
LEGEND = (("table", (255, 0, 0)), ("cup", (0, 255, 0)), ("box", (10, 20, 30)))
TASKS: list[Task] = [
    MetricDepth(),
    MetricDepth(DepthCodec(max_range_m=2.0, beyond="inf")),
    SurfaceNormals(),
    SemanticSegmentation(LEGEND),
    ReferringSegmentation("cup"),
    EdgeMap(),
]


def run(name: str, feeds: Mapping[str, Array]) -> list[Array]:
    session = ort.InferenceSession(GRAPHS / f"{name}.onnx", providers=["CPUExecutionProvider"])
    return [np.asarray(a) for a in session.run(None, dict(feeds))]


def blots(height: int, width: int, seed: int = 0) -> Array:
    """A picture of areas, gradients and noise, in which everything occurs: colours on the walk, far from it, black."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (6, 8, 3)).astype(np.float64)
    picture = np.kron(coarse, np.ones((height // 6 + 1, width // 8 + 1, 1)))[:height, :width]
    picture[: height // 3] += np.linspace(-60, 60, width)[None, :, None]
    picture[height // 2 :] += random.normal(0, 12, (height - height // 2, width, 3))
    picture[height // 4 : height // 3, width // 4 : width // 2] = 0
    picture[height // 4 : height // 3, width // 2 : width * 3 // 4] = 128
    levels: Array = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return levels


@pytest.mark.parametrize("camera", CAMERAS)
def test_the_image_is_resized_as_on_the_host(camera: tuple[int, int]) -> None:
    box = Letterbox(*camera, *CANVAS)
    rgb = blots(camera[1], camera[0])
    (image,) = run("prepare", {"camera": rgb, **shrinking(box)})
    expected = image_input(reduced_picture(rgb, box), box)
    levels = np.abs(image - expected) * 127.5
    assert levels.max() < 1.01  # the host rounds once for each halving
    assert levels.mean() < 0.3
    margin = expected == 0
    assert (image[margin & (levels < 1e-3)] == 0).all()
    assert not image[0, :, : box.top].any()
    assert not image[0, :, :, : box.left].any()


def test_levels_are_rounded_as_on_the_host_and_what_is_not_finite_is_told() -> None:
    rgb = np.random.default_rng(0).uniform(-1.1, 1.1, (3, 3, 32, 64)).astype(np.float32)
    painted, finite = run("levels", {"rgb": rgb})
    assert finite.item() == 1
    assert np.abs(painted.astype(int) - np.stack(rgb_images(rgb)).astype(int)).max() == 0
    for bad in (np.nan, np.inf, -np.inf):
        rgb[1, 2, 5, 6] = bad
        assert run("levels", {"rgb": rgb})[1].item() == 0


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("task", TASKS, ids=[str(i) for i in range(len(TASKS))])
def test_a_picture_is_read_as_on_the_host(task: Task, camera: tuple[int, int]) -> None:
    box = Letterbox(*camera, *CANVAS)
    painted = blots(CANVAS[1], CANVAS[0], 1)
    if isinstance(task, MetricDepth):
        painted[100:] = task.codec.encode(np.linspace(0.2, 9, 256)[None].repeat(92, 0))
    reading = reading_of(task)
    assert reading is not None
    outputs = run(reading.graph, {"painted": painted, **taps(box), **reading.constants})
    found, expected = prediction(task, tuple(outputs)), decode(task, painted, box)
    assert type(found) is type(expected)
    np.testing.assert_allclose(found.confidence, expected.confidence, atol=2e-5)
    compare(found, expected)


def compare(found: Prediction, expected: Prediction) -> None:
    """Alike everywhere but at a few pixels where rounding decides which of two is nearer."""
    if isinstance(found, SegmentMap):
        assert isinstance(expected, SegmentMap)
        assert found.names == expected.names
        surely = expected.confidence > 1e-3
        np.testing.assert_array_equal(found.ids[surely], expected.ids[surely])
        return
    ours, theirs = (
        p.depth_m if isinstance(p, DepthMap) else p.normals for p in (found, expected) if not isinstance(p, SegmentMap)
    )
    assert isinstance(found, NormalMap | DepthMap)
    with np.errstate(invalid="ignore"):
        alike = np.isclose(ours, theirs, rtol=1e-4, atol=1e-4, equal_nan=True)
    assert alike.mean() > 0.9995


def test_what_no_graph_reads_is_left_to_the_host() -> None:
    assert reading_of(InstanceSegmentation("cup")) is None
    assert reading_of(MetricDepth(DepthCodec(colour_map="viridis"))) is None
