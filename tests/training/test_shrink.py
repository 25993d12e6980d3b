"""What is shrunk is what a camera of fewer pixels would have seen, with truth of single pixels."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from vb_perception.generator.config import GeneratorConfig  # noqa: E402
from vb_perception.scenes.sample import Sample  # noqa: E402
from vb_perception.tasks import MetricDepth  # noqa: E402
from vb_perception.training.agreement import Answer  # noqa: E402
from vb_perception.training.setting_parts import Large, Stage  # noqa: E402
from vb_perception.training.shrink import shrunk, shrunk_answer  # noqa: E402
from vb_perception.training.stream import Batch, collate  # noqa: E402
from vb_perception.training.targets import depth_target, normals_target  # noqa: E402

MakeSample = Callable[[int, int, int], Sample]


@pytest.fixture
def batch(random_sample: MakeSample) -> Batch:
    sample = random_sample(0, 96, 192)
    return collate([(sample, [depth_target(sample, MetricDepth()), normals_target(sample)])], GeneratorConfig())


def test_colours_and_rays_are_means_and_truth_is_of_the_pixel_in_the_middle(batch: Batch) -> None:
    small = shrunk(batch, 3)
    assert small.image.shape == (1, 3, 32, 64)
    torch.testing.assert_close(small.image[0, :, 5, 7], batch.image[0, :, 15:18, 21:24].mean((1, 2)))
    for name in ("target", "depth_m", "valid", "rows"):
        assert torch.equal(getattr(small, name)[..., 5, 7], getattr(batch, name)[..., 16, 22])
    for name in ("kinds", "phrases", "phrase_of", "columns"):
        assert torch.equal(getattr(small, name), getattr(batch, name))
    assert shrunk(batch, 1) is batch


def test_rays_are_those_of_the_camera_with_fewer_pixels(random_sample: MakeSample, batch: Batch) -> None:
    camera = random_sample(0, 96, 192).intrinsics
    fewer = dataclasses.replace(
        camera,
        width=64,
        height=32,
        fx=camera.fx / 3,
        fy=camera.fy / 3,
        cx=(camera.cx + 0.5) / 3 - 0.5,
        cy=(camera.cy + 0.5) / 3 - 0.5,
    )
    np.testing.assert_allclose(shrunk(batch, 3).rays[0].numpy(), fewer.rays(), atol=1e-5)


def test_an_answer_says_what_the_larger_one_says_in_the_mean() -> None:
    random = torch.Generator().manual_seed(0)
    weight = torch.softmax(torch.randn(2, 16, 6, 12, generator=random), 1)
    large = Answer(torch.rand(2, 3, 6, 12, generator=random), torch.rand(2, 6, 12, generator=random), weight)
    small = shrunk_answer(large, 3)
    torch.testing.assert_close(small.rgb[1, :, 1, 2], large.rgb[1, :, 3:6, 6:9].mean((1, 2)))
    torch.testing.assert_close(small.log_depth[0, 1, 3], large.log_depth[0, 3:6, 9:12].mean())
    torch.testing.assert_close(small.weight.sum(1), torch.ones(2, 2, 4))
    assert shrunk_answer(large, 1) is large


def test_a_stage_is_enlarged_in_both_its_sizes() -> None:
    stage = Stage(64, 96, 16, 100, Large(128, 192, 4, 5)).enlarged(3)
    assert stage == Stage(192, 288, 16, 100, Large(384, 576, 4, 5))
    assert Stage(64, 96, 16, 100).enlarged(2) == Stage(128, 192, 16, 100)
