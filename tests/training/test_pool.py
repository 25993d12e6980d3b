"""What is drawn from the pool is what was put in: the same truth, seen through a crop, a mirror and another light."""

import dataclasses
from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from torch import Tensor  # noqa: E402

from vb_perception.camera import CameraIntrinsics  # noqa: E402
from vb_perception.generator.config import GeneratorConfig  # noqa: E402
from vb_perception.predictions import SegmentMap  # noqa: E402
from vb_perception.scenes.sample import Sample  # noqa: E402
from vb_perception.tasks import InstanceSegmentation, MetricDepth, SemanticSegmentation  # noqa: E402
from vb_perception.training.asked import Asked  # noqa: E402
from vb_perception.training.pool import Pool, PooledBatches  # noqa: E402
from vb_perception.training.setting_parts import PoolSettings, Stage  # noqa: E402
from vb_perception.training.stream import KINDS, Batch, ExampleStream, Source, collate  # noqa: E402
from vb_perception.training.targets import Target, depth_target, normals_target  # noqa: E402
from vb_perception.training.views import pack  # noqa: E402

MakeSample = Callable[[int, int, int], Sample]
CONFIG = GeneratorConfig()
HEIGHT, WIDTH = 60, 80
CPU = torch.device("cpu")


def flat(height: int = HEIGHT, width: int = WIDTH) -> Sample:
    """A wall that is 1 m away on the left and 3 m on the right, smoothly, seen by a camera of 50 px focal length."""
    camera = CameraIntrinsics(width, height, 50.0, 50.0, (width - 1) / 2, (height - 1) / 2)
    depth_m = np.broadcast_to(np.linspace(1, 3, width, dtype=np.float32), (height, width)).copy()
    normals = np.broadcast_to(np.array((-0.6, 0.0, -0.8), np.float32), (height, width, 3)).copy()
    ids = np.broadcast_to((np.arange(width) >= width // 2).astype(np.int16), (height, width)).copy()
    rgb = np.full((height, width, 3), 90, np.uint8)
    return Sample("wall", rgb, camera, depth_m, normals, ids, ids.copy(), ("background", "cup"))


def of(sample: Sample, *, whole: bool = False) -> list[Target]:
    task = SemanticSegmentation((("cup", (255, 0, 0)),))
    answer = SegmentMap(sample.class_ids.astype(np.uint16), ("background", "cup"), np.ones((HEIGHT, WIDTH), np.float32))
    rows = (sample.class_ids + 1).astype(np.int8)
    masks = Target("legend", task, answer, np.ones((HEIGHT, WIDTH), np.bool_), rows, whole)
    return [depth_target(sample, MetricDepth()), normals_target(sample), masks]


def drawn(targets: list[Target], sample: Sample, size: tuple[int, int], count: int = 32) -> Batch:
    pool = Pool(16, CPU)
    pool.add(pack([(sample, targets)] * 16, CONFIG))
    return pool.batch(count, size, torch.Generator().manual_seed(0))


def test_a_whole_view_is_the_batch_that_it_would_have_been() -> None:
    sample = flat()
    targets = of(sample, whole=True)
    found, expected = drawn(targets, sample, (HEIGHT, WIDTH), 2), collate([(sample, targets)] * 2, CONFIG)
    assert torch.allclose(found.rays, expected.rays, atol=1e-5)
    assert torch.allclose(found.depth_m, expected.depth_m, rtol=1e-3)
    for name in ("valid", "rows", "kinds", "columns"):
        assert torch.equal(getattr(found, name), getattr(expected, name)), name
    assert float((found.target - expected.target).abs().max()) < 2 / 127.5
    said = found.phrases[found.phrase_of.clamp(min=0)] * (found.phrase_of >= 0)[..., None]
    meant = expected.phrases[expected.phrase_of.clamp(min=0)] * (expected.phrase_of >= 0)[..., None]
    assert torch.equal(said, meant)


def test_truth_and_rays_move_with_crop_and_mirror() -> None:
    sample = flat()
    batch = drawn(of(sample), sample, (30, 40))
    # In the view depth rises with the ray: x/z = (u - 39.5) / 50 and depth = 1 + 2 u / 79.
    u = 39.5 + 50 * batch.rays[:, 0]
    mirrored = batch.depth_m[::3, 0, 0] > batch.depth_m[::3, 0, -1]
    assert 4 < int(mirrored.sum()) < 28
    u = torch.where(mirrored[:, None, None], 79 - u, u)
    nearest_px = 0.5 * 2 / 79
    assert float((batch.depth_m[::3] - (1 + 2 * u / 79)).abs().max()) < nearest_px + 2e-3
    x = batch.target[1::3, 0, 0, 0] * torch.where(mirrored, -1, 1)
    assert float(x.std()) < 1e-6 < abs(float(x[0]))
    assert torch.equal(batch.rows[2::3] - 1, (u >= 39.5).long())
    spans = batch.rays[:, 0, 0, -1] - batch.rays[:, 0, 0, 0]
    assert float(spans.min()) < 0.85 * float(spans.max())


def test_a_prompt_about_places_is_asked_about_whole_views_only() -> None:
    sample = flat()
    batch = drawn(of(sample, whole=True), sample, (30, 40))
    assert bool((batch.depth_m[:, 0, 0] < batch.depth_m[:, 0, -1]).all())
    assert float(batch.rays.std(0).max()) < 1e-6


def test_no_two_drawings_look_alike() -> None:
    sample = flat()
    batch = drawn(of(sample, whole=True), sample, (30, 40))
    levels = ((batch.image + 1) * 127.5).mean((2, 3))
    assert float(levels.std(0).min()) > 2
    assert abs(float(levels.mean()) - 90) < 6


def test_what_is_unknown_stays_unknown() -> None:
    sample = flat()
    hidden = dataclasses.replace(sample, depth_m=np.full_like(sample.depth_m, np.nan))
    targets = [dataclasses.replace(t, valid=np.zeros_like(t.valid)) if t.kind == "legend" else t for t in of(hidden)]
    batch = drawn(targets, hidden, (30, 40))
    assert not batch.valid[::3].any()
    assert batch.valid[1::3].all()
    assert not batch.valid[2::3].any()
    assert all(bool(torch.isfinite(t).all()) for t in (batch.depth_m, batch.target, batch.image))


def test_the_oldest_go_first() -> None:
    pool = Pool(32, CPU)
    for level in (10, 20, 30):
        sample = dataclasses.replace(flat(), rgb=np.full((HEIGHT, WIDTH, 3), level, np.uint8))
        pool.add(pack([(sample, of(sample))] * 16, CONFIG))
    image = pool.batch(64, (30, 40), torch.Generator().manual_seed(0)).image
    levels = ((image + 1) * 127.5).mean((1, 2, 3))
    assert float(levels.min()) > 14
    assert {round(float(x) / 10) for x in levels} == {2, 3}


@pytest.mark.slow
def test_two_pools_of_a_seed_are_alike(random_sample: MakeSample) -> None:
    samples = [random_sample(i, 48, 64) for i in range(3)]

    def batches() -> list[Tensor]:
        stream = ExampleStream([Source("noise", samples, 1.0)], 48, 64, seed=4, asked=Asked(segmentations=2))
        settings = PoolSettings(48, 64, views=32, fewest=16, reuse=2.0, workers=2, segmentations=2)
        pooled = PooledBatches(stream, Stage(32, 32, 8, 100), settings, CONFIG, CPU, seed=4)
        return [b.image for b in islice(pooled, 6)]

    for one, other in zip(batches(), batches(), strict=True):
        assert torch.equal(one, other)


def test_instances_are_counted_on(random_sample: MakeSample) -> None:
    sample = random_sample(0, HEIGHT, WIDTH)
    task = InstanceSegmentation("cup")
    plain = of(dataclasses.replace(flat(), rgb=sample.rgb))
    rows = np.full((HEIGHT, WIDTH), 90, np.int8)
    many = Target("instances", task, plain[2].answer, np.ones((HEIGHT, WIDTH), np.bool_), rows)
    batch = drawn([plain[0], plain[1], many], flat(), (30, 40))
    assert bool((batch.rows[2::3] == 90).all())
    assert bool((batch.kinds[2::3] == KINDS.index("instances")).all())
