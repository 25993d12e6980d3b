"""From noise to picture: the convention, the times, and what an oracle makes of it."""

import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from torch import Tensor  # noqa: E402

from vb_perception.errors import ConfigError  # noqa: E402
from vb_perception.generator import sampling  # noqa: E402
from vb_perception.generator.config import GeneratorConfig  # noqa: E402
from vb_perception.generator.student import Painted  # noqa: E402
from vb_perception.generator.text import TextEncoder  # noqa: E402
from vb_perception.runtime.text import COLOUR  # noqa: E402
from vb_perception.tasks import InstanceSegmentation, MetricDepth, SurfaceNormals  # noqa: E402
from vb_perception.training.validate import prompt_tensor  # noqa: E402


def painted(rgb: Tensor) -> Painted:
    count, _, *size = rgb.shape
    return Painted(rgb, torch.zeros(count, 16, *size), rgb, torch.zeros(count, 2, *size))


def test_a_schedule_goes_from_noise_to_picture_and_dwells_near_the_noise() -> None:
    assert sampling.schedule(1) == [0, 1]
    times = sampling.schedule(8)
    assert (times[0], times[-1], len(times)) == (0, 1, 9)
    assert times == sorted(times)
    assert times[4] < 0.25
    with pytest.raises(ConfigError, match=r"0 steps .* expected at least 1"):
        sampling.schedule(0)


def test_times_to_train_at_lie_between_noise_and_picture_and_some_at_the_start() -> None:
    times = sampling.draw_times(4000, torch.Generator().manual_seed(0))
    assert times.min() == 0
    assert times.max() < 1
    assert (times == 0).float().mean().item() == pytest.approx(sampling.NOISE_SHARE, abs=0.03)


def test_time_0_is_noise_and_time_1_the_picture() -> None:
    clean = torch.full((2, 3, 8, 8), 0.25)
    noisy = sampling.noised(clean, torch.tensor([0.0, 1.0]), torch.Generator().manual_seed(0))
    assert torch.allclose(noisy[1], clean[1], atol=1e-6)
    assert noisy[0].std().item() == pytest.approx(1, abs=0.2)


def test_the_linear_estimate_sees_nothing_at_0_everything_at_1_and_more_with_more_pixels() -> None:
    clean = torch.full((1, 3, 16, 16), 0.5)
    random = torch.Generator().manual_seed(0)

    def error(time: float, stride: int) -> float:
        at = torch.tensor([time])
        estimate = sampling.linear_estimate(sampling.noised(clean, at, random), at, stride)
        return (estimate - 0.5).square().mean().item()

    assert error(0, 1) == 0.25
    assert error(1, 1) == pytest.approx(0, abs=1e-12)
    assert error(0.3, 8) < error(0.3, 2) < error(0.3, 1)


@pytest.mark.parametrize("steps", [1, 2, 8])
def test_whoever_knows_the_picture_arrives_at_it(steps: int) -> None:
    truth = torch.rand(1, 3, 8, 8) * 2 - 1
    seen = []

    def clean(noisy: Tensor, time: Tensor) -> Painted:
        seen.append((noisy, time.item()))
        return painted(truth)

    columns = torch.zeros(1, 16, 11)
    assert torch.equal(sampling.sample(clean, columns, (8, 8), steps, seed=1).rgb, truth)
    assert [time for _, time in seen] == pytest.approx(sampling.schedule(steps)[:-1])
    noise = seen[0][0]
    for noisy, time in seen:  # on the straight line from the noise to the picture
        assert torch.allclose(noisy, (1 - time) * noise + time * truth, atol=1e-5)


def test_what_is_unsure_is_taken_out_of_depth_and_of_nothing_else() -> None:
    text = TextEncoder(GeneratorConfig())
    with torch.no_grad():
        rows = torch.stack([prompt_tensor(text, task) for task in (MetricDepth(), SurfaceNormals())])
    columns = rows[..., GeneratorConfig().embedding_dim :]
    task = MetricDepth()
    stop, unsure = (torch.tensor(c[2]) / 127.5 - 1 for c in (task.codec.stops, task.codec.unsure_stops))
    place = torch.full((2, 2, 1, 1), 2 / (len(task.codec.stops) - 1))  # at the third stop
    place[:, 1] = 0.5
    rgb = (stop + 0.5 * (unsure - stop))[None, :, None, None].repeat(2, 1, 1, 1)
    sure = sampling.sure_colours(Painted(rgb, rgb, rgb, place), columns)
    assert torch.allclose(sure[0, :, 0, 0], stop, atol=1e-5)
    assert torch.equal(sure[1], rgb[1])


def test_a_sample_heads_for_the_mean_of_the_instances_that_may_be_meant() -> None:
    text = TextEncoder(GeneratorConfig())
    with torch.no_grad():
        rows = torch.stack([prompt_tensor(text, task) for task in (InstanceSegmentation("cup"), SurfaceNormals())])
    columns = rows[..., GeneratorConfig().embedding_dim :]
    logits = torch.full((2, 16, 4, 4), -1e4)
    logits[:, 3:5] = torch.tensor([1.0, 0.0])[:, None, None]  # two of the colours, the first e times as likely
    sharp = Painted(torch.rand(2, 3, 4, 4), logits, torch.rand(2, 3, 4, 4), torch.zeros(2, 2, 4, 4))
    mean = sampling.expected_colours(sharp, columns)
    one, other = columns[0, 3, COLOUR], columns[0, 4, COLOUR]
    share = torch.sigmoid(torch.tensor(1.0))
    assert torch.allclose(mean[0, :, 0, 0], share * one + (1 - share) * other, atol=1e-5)
    assert torch.equal(mean[1], sharp.rgb[1])
