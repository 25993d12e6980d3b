"""Flow matching: from noise to a painted picture in as many steps as there is time for.

The convention, everywhere: x_t = (1 - t) noise + t clean, t from 0 (noise) to 1 (the picture), so dx/dt = clean - noise
(Lipman et al. 2023, with sigma_min = 0; Liu et al. 2023).  The network says what is clean, and the velocity follows:
(clean - x_t) / (1 - t), as in Li and He 2025 (arXiv 2511.13720).  At t = 0 nothing is seen but noise, so the first
step alone is the network's best single answer.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from vb_perception.errors import ConfigError
from vb_perception.generator.painter import colour_steps, painting_rows
from vb_perception.generator.student import Painted
from vb_perception.runtime.text import COLOUR, STOP

SHIFT = 4.0
"""Pictures here are flat: a mean over some pixels sees through much noise, so that what is still open is decided near
t = 0.  Times are moved there, as for larger images in Esser et al. 2024 (arXiv 2403.03206, s. 5.3.2)."""
NOISE_SHARE = 0.2
"""Of the examples at t = 0, where every sample begins."""
SIGNAL_VARIANCE = 0.5
"""Of the colours of a picture in [-1, 1], about."""
LEAST_NOISE = 0.05
"""No colour is taken for surer than under so much noise: the network's own pictures are never quite clean."""
Clean = Callable[[Tensor, Tensor], Painted]
"""(x_t (N, 3, H, W), t (N,)) -> the clean picture as the network sees it."""


def shifted(time: Tensor) -> Tensor:
    """Times in [0, 1] moved towards the noise; 0 and 1 stay."""
    return time / (time + SHIFT * (1 - time))


def schedule(steps: int) -> list[float]:
    """The times 0 ... 1 between which `steps` Euler steps are made."""
    if steps < 1:
        msg = f"{steps} steps from noise to picture: expected at least 1"
        raise ConfigError(msg)
    return [float(t) for t in shifted(torch.linspace(0, 1, steps + 1, dtype=torch.float64))]


def draw_times(count: int, random: torch.Generator) -> Tensor:
    """Times (count,) to train at: logit-normal (Esser et al. 2024), moved as the schedule, some of them exactly 0."""
    device = random.device
    time = shifted(torch.sigmoid(torch.randn(count, generator=random, device=device)))
    return time * (torch.rand(count, generator=random, device=device) >= NOISE_SHARE)


def noised(clean: Tensor, time: Tensor, random: torch.Generator) -> Tensor:
    """x_t of a clean picture (N, 3, H, W) in [-1, 1] at time (N,); the noise is drawn where `random` is."""
    noise = torch.randn(clean.shape, generator=random, device=random.device).to(clean)
    return noise + time[:, None, None, None].to(clean) * (clean - noise)


def linear_estimate(noisy: Tensor, time: Tensor, stride: int) -> Tensor:
    """What x_t says of the clean picture at 1/stride, by the best linear guess (N, 3, H / stride, W / stride).

    The mean over stride x stride pixels keeps the signal and loses noise; its weight is Wiener's (c_skip of Karras et
    al. 2022), zero at t = 0.
    """
    t = time[:, None, None, None].to(noisy)
    weight = t * SIGNAL_VARIANCE / (t.square() * SIGNAL_VARIANCE + ((1 - t) / stride).square())
    return nn.functional.avg_pool2d(noisy, stride) * weight


def colour_evidence(noisy: Tensor, time: Tensor, columns: Tensor, stride: int) -> Tensor:
    """How much likelier stride x stride pixels of x_t are if they are in the colour of a row, (N, T, H / stride, ...).

    Bayes' rule in nats: x_t is normal around t c with deviation 1 - t.  Zero for rows without a colour, and at t = 0.
    `columns` (N, T, 11) are the prompts' after the embedding.
    """
    has_colour, *_ = painting_rows(columns)
    colours = columns[..., COLOUR] * has_colour[..., None]
    t, mean = time[:, None, None].to(noisy), nn.functional.avg_pool2d(noisy, stride)
    nearness = torch.bmm(colours, mean.flatten(2)) - t / 2 * colours.square().sum(-1, keepdim=True)
    evidence = nearness * (stride**2 * t / (1 - t).clamp(min=LEAST_NOISE).square())
    return evidence.unflatten(2, mean.shape[2:])


def sure_colours(painted: Painted, columns: Tensor) -> Tensor:
    """The picture (N, 3, H, W) without what says "unsure" of depth: nothing of it is ever in a clean picture.

    `columns` (N, T, 11) are the prompts' after the embedding.
    """
    first, steps, count = colour_steps(columns)
    at = painted.place[:, :1].flatten(2) * (count - 1)[..., None] + 1
    ramp = (at - columns[..., STOP, None]).clamp(0, 1)
    off = first[:, 3:, None] + torch.bmm(steps[..., 3:].transpose(1, 2), ramp.to(steps))
    return painted.rgb - painted.place[:, 1:] * off.unflatten(2, painted.rgb.shape[2:])


def expected_colours(painted: Painted, columns: Tensor) -> Tensor:
    """The mean (N, 3, H, W) of the pictures that may be meant, which is where flow matching heads for.

    As `sure_colours`, and masks as undecided as they are: they are painted more decidedly (`painter.DECIDED`), and
    who heads for the likeliest picture alone has chosen it after the first step.
    """
    sure = sure_colours(painted, columns)
    has_colour, _, decided = painting_rows(columns)
    sharpened = (decided[:, 0] > 1).nonzero()[:, 0]
    colours = (columns[..., COLOUR] * has_colour[..., None])[sharpened].transpose(1, 2)
    weight = torch.softmax(painted.logits[sharpened].flatten(2).to(colours), dim=1)
    mean = torch.bmm(colours, weight).unflatten(2, painted.rgb.shape[2:])
    return sure.index_copy(0, sharpened, mean.to(sure))


def sample(clean: Clean, columns: Tensor, size: tuple[int, int], steps: int, seed: int) -> Painted:
    """One picture for each prompt, by Euler steps from noise that depends on the seed alone.

    Args:
        clean: the network, asked `steps` times.
        columns: (N, T, 11) of the prompts, after the embedding.
        size: height and width in pixels.
        steps: 1 or more.
        seed: of the noise.

    Raises:
        ConfigError: no step at all.
    """
    random = torch.Generator().manual_seed(seed)
    x = torch.randn((len(columns), 3, *size), generator=random).to(columns.device)
    for time, following in pairwise(schedule(steps)):
        painted = clean(x, x.new_full((len(x),), time))
        velocity = (expected_colours(painted, columns).float() - x) / (1 - time)
        x = x + (following - time) * velocity
    return painted
