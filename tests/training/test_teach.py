"""What the teacher is shown, and what it is asked for."""

import dataclasses
import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from torch import Generator, Tensor, nn  # noqa: E402

from tests.training.test_train import settings, weights  # noqa: E402, F401 (a fixture)
from vb_perception.codecs.slots import SLOTS, slot_colours  # noqa: E402
from vb_perception.generator.config import GeneratorConfig  # noqa: E402
from vb_perception.generator.student import Painted  # noqa: E402
from vb_perception.predictions import SegmentMap  # noqa: E402
from vb_perception.scenes.sample import Sample  # noqa: E402
from vb_perception.tasks import InstanceSegmentation  # noqa: E402
from vb_perception.training.settings import TrainSettings  # noqa: E402
from vb_perception.training.stream import Batch, collate  # noqa: E402
from vb_perception.training.targets import Target, normals_target  # noqa: E402
from vb_perception.training.teach import own_terms, teacher_terms, true_terms, with_random_slots  # noqa: E402
from vb_perception.training.train import Run  # noqa: E402

CONFIG = GeneratorConfig()
MakeSample = Callable[[int, int, int], Sample]


def batch_of(sample: Sample, instance_ids: np.ndarray[Any, Any]) -> Batch:
    """Normals, then the instances of `instance_ids` (H, W), -1 unknown."""
    task = InstanceSegmentation("cup")
    ids = np.maximum(instance_ids, 0).astype(np.uint16)
    names = tuple(str(i) for i in range(int(ids.max()) + 1))
    answer = SegmentMap(ids, names, np.ones(ids.shape, np.float32))
    target = Target("instances", task, answer, instance_ids >= 0, (ids + 1).astype(np.int8))
    return collate([(sample, [normals_target(sample), target])], CONFIG)


def random(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def test_instances_get_colours_of_their_own_at_random(random_sample: MakeSample) -> None:
    ids = np.repeat(np.arange(-1, 3), 16)[:, None] * np.ones((1, 64), np.int64)  # unknown, background, two cups
    batch = batch_of(random_sample(0, 64, 64), ids)
    drawn = with_random_slots(batch, random())
    rows = drawn.rows[1]
    assert (rows[16:32] == 1).all()
    first, second = int(rows[32, 0]), int(rows[48, 0])
    assert first != second
    assert {first, second} <= set(range(3, 3 + SLOTS))
    colours = torch.tensor(slot_colours((0, 0, 0))) / 127.5 - 1
    assert torch.allclose(drawn.target[1, :, 40, 5], colours[first - 3])
    assert torch.allclose(drawn.target[1, :, 20, 5], -torch.ones(3))
    assert torch.equal(drawn.valid, batch.valid)
    assert torch.equal(drawn.target[0], batch.target[0])
    again, other = with_random_slots(batch, random()), with_random_slots(batch, random(1))
    assert torch.equal(again.rows, drawn.rows)
    assert not torch.equal(other.rows, drawn.rows)


def test_more_instances_than_colours_share_them(random_sample: MakeSample) -> None:
    ids = np.arange(64)[:, None] // 4 * np.ones((1, 64), np.int64)  # 15 cups
    batch = batch_of(random_sample(0, 64, 64), ids)
    drawn = with_random_slots(batch, random())
    slots = drawn.rows[1, ::4, 0].tolist()[1:]
    assert set(slots) == set(range(3, 3 + SLOTS))
    assert all(a != b for a, b in itertools.pairwise(slots))  # never with a neighbour
    assert torch.equal(drawn.valid, batch.valid)


class Watching(nn.Module):
    """Remembers what it was shown."""

    def forward(self, batch: Batch, noisy: Tensor, time: Tensor) -> Painted:
        self.batch, self.noisy, self.time = batch, noisy, time
        count, _, *size = batch.target.shape
        return Painted(noisy, torch.zeros(count, CONFIG.max_tokens, *size), noisy, torch.full((count, 2, *size), 0.5))


def test_what_is_unknown_stays_noise_at_every_time(random_sample: MakeSample) -> None:
    ids = np.full((64, 64), 1)
    ids[:32] = -1
    shown: Any = Watching()
    batch = batch_of(random_sample(0, 64, 64), ids)
    terms = true_terms(shown, batch, CONFIG, random(5))
    assert all(torch.isfinite(term) for term in terms.values())
    assert shown.time[1] > 0
    unknown, known = shown.noisy[1][:, :32], shown.noisy[1][:, 32:]
    assert unknown.std().item() == pytest.approx(1, abs=0.05)
    colour = shown.batch.target[1][:, 40, 0]
    assert torch.allclose(known.mean((1, 2)), shown.time[1] * colour, atol=0.1)
    assert known[0].std().item() == pytest.approx(1 - shown.time[1].item(), abs=0.05)
    repeated: Any = Watching()
    true_terms(repeated, batch, CONFIG, random(5))
    assert torch.equal(repeated.noisy, shown.noisy)


def test_its_own_first_picture_is_shown_everywhere_and_learns_nothing_by_being_made(random_sample: MakeSample) -> None:
    class Answering(Watching):
        """Answers in one colour, and remembers what it was shown first, and whether it was to learn from it."""

        def forward(self, batch: Batch, noisy: Tensor, time: Tensor) -> Painted:
            self.learning = [*getattr(self, "learning", []), torch.is_grad_enabled()]
            self.times = [*getattr(self, "times", []), time]
            answer = super().forward(batch, noisy, time)
            return answer._replace(rgb=torch.full_like(noisy, 0.25))

    ids = np.full((64, 64), 1)
    ids[:32] = -1
    shown: Any = Answering()
    own_terms(shown, batch_of(random_sample(0, 64, 64), ids), CONFIG, random(3))
    assert shown.learning == [False, True]
    assert not shown.times[0].any()
    time = shown.times[1][0].item()  # of normals: what is painted is what may be meant
    assert time > 0
    for part in (shown.noisy[0][:, :32], shown.noisy[0][:, 32:]):
        assert part.mean().item() == pytest.approx(0.25 * time, abs=0.05)
        assert part.std().item() == pytest.approx(1 - time, abs=0.05)


def test_both_pictures_are_shown_about_equally_often(random_sample: MakeSample) -> None:
    batch, source = batch_of(random_sample(0, 64, 64), np.full((64, 64), 1)), random(1)
    calls = []
    for _ in range(40):
        counted: Any = Watching()
        counted.register_forward_hook(lambda *_: calls.append(0))
        teacher_terms(counted, batch, CONFIG, source)
    assert 40 + 10 <= len(calls) <= 40 + 30  # one look at the true picture, two at its own


@pytest.mark.slow
def test_a_killed_teacher_ends_like_one_that_was_not(
    settings: TrainSettings,  # noqa: F811
    tmp_path: Path,
) -> None:
    run = partial(Run, dataclasses.replace(settings, network="teacher", validation_size=(64, 64)))
    whole = run(tmp_path / "whole")
    whole.run()
    assert (tmp_path / "whole" / "pictures" / "osd" / "0000004.png").exists()
    first = run(tmp_path / "killed")
    first.run_until(4)
    first.save()
    second = run(tmp_path / "killed")
    assert second.images == 4
    second.run()
    torch.testing.assert_close(weights(second), weights(whole), rtol=1e-4, atol=1e-5)
