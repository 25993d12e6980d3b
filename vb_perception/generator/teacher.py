"""The teacher: the student's graph, larger, that also sees a noisy picture of the answer and how noisy it is.

A conditional flow-matching generator (`sampling.py` has the convention) that says what the clean picture is, through
the student's own last layer: its answer is a `Painted`, and the student's losses hold for it.  Its modules have the
student's names, so that the student's weights load.  What is new ends in weights that are zero at first: with the
student's weights it paints the student's picture, and where the prompt brings colours, what the noisy picture shows of
them is added to it by Bayes' rule.  (The network never sees these colours: without that it cannot read a mask.)
"""

from dataclasses import dataclass

import torch
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.embeddings import get_timestep_embedding
from torch import Tensor, nn

from vb_perception.generator.config import GeneratorConfig
from vb_perception.generator.denoiser import IMAGE_CHANNELS, Denoiser, places
from vb_perception.generator.painter import grown, per_prompt
from vb_perception.generator.sampling import colour_evidence, linear_estimate, sample
from vb_perception.generator.seen import Evidence, Seen
from vb_perception.generator.student import Generator, Painted

FEATURES = 2 * IMAGE_CHANNELS + 2
COARSE, POOLED = 16, 4
"""The denoiser's stride; the noisy picture comes to it averaged over 4x4, and 4x4 of those means a place."""
NOISY_CHANNELS = 3 * (COARSE // POOLED) ** 2
TIME_SCALE = 1000.0
EVIDENCE_GAINS = {1: 1.0, 4: 0.5, 8: 0.25}
"""By stride: neighbours mostly are in one colour, but not all of them; the teacher learns how much each is worth."""
MOST_EVIDENCE = 20.0
NORM_GROUPS = 4


@dataclass(frozen=True, slots=True)
class TeacherSizes:
    """What the teacher has more than the student."""

    time_dim: int = 64
    trunk_width: int = 192
    trunk_layers: int = 3
    steps: int = 4
    """Of a sample, where nobody says how many."""


class Trunk(nn.Module):
    """A transformer at 1/16, beside the UNet: features and noisy picture -> what to add to the UNet's answer."""

    def __init__(self, sizes: TeacherSizes, token_width: int, out: int) -> None:
        """Self-attention, cross-attention to the prompt's tokens, and an MLP a layer."""
        super().__init__()
        width = sizes.trunk_width
        self.enter = nn.Conv2d(FEATURES + NOISY_CHANNELS + 2, width, 1)
        self.from_time = nn.Linear(sizes.time_dim, width)
        self.from_task = nn.Linear(token_width, width)
        self.layers = nn.ModuleList(
            BasicTransformerBlock(width, width // 32, 32, cross_attention_dim=token_width, activation_fn="gelu")
            for _ in range(sizes.trunk_layers)
        )
        self.leave = zeroed(nn.Conv2d(width, out, 1))

    def forward(self, x: Tensor, tokens: Tensor, task: Tensor, time: Tensor) -> Tensor:
        """X (N, C, h, w), tokens (N, T, D), task (N, D), time (N, time_dim) -> (N, out, h, w)."""
        size = x.shape[2:]
        place = places(x).expand(len(x), -1, -1, -1)
        y = self.enter(torch.cat((x, place), 1)) + (self.from_time(time) + self.from_task(task))[:, :, None, None]
        y = y.flatten(2).transpose(1, 2)
        for layer in self.layers:
            y = layer(y, encoder_hidden_states=tokens)
        out: Tensor = self.leave(y.transpose(1, 2).unflatten(2, size))
        return out


class NoisyBlock(nn.Module):
    """After a level of the painter: the noisy picture at its size, and one more residual block."""

    def __init__(self, channels: int, token_width: int) -> None:
        """Modulated by task and time as the painter's own levels are."""
        super().__init__()
        self.from_noisy = zeroed(nn.Conv2d(3, channels, 3, padding=1))
        self.norm = nn.GroupNorm(NORM_GROUPS, channels)
        self.film = zeroed(nn.Linear(token_width, 2 * channels))
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = zeroed(nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Tensor, noisy: Tensor, task: Tensor) -> Tensor:
        """X (N, C, h, w), noisy (N, 3, h, w), task (N, D) with the time in it."""
        x = x + self.from_noisy(noisy)
        scale, shift = self.film(task)[:, :, None, None].chunk(2, dim=1)
        y = nn.functional.silu(self.norm(x) * (1 + scale) + shift)
        out: Tensor = x + self.second(nn.functional.silu(self.first(y)))
        return out


class Teacher(Generator):
    """A generator that can be asked again and again, with a less noisy picture each time."""

    def __init__(self, config: GeneratorConfig, *, pretrained: bool = False, sizes: TeacherSizes | None = None) -> None:
        """`pretrained` starts the image encoder from ImageNet."""
        super().__init__(config, pretrained=pretrained)
        self.sizes = sizes or TeacherSizes()
        self.steps, time_dim, width = self.sizes.steps, self.sizes.time_dim, config.embedding_dim
        self.denoiser = Denoiser(config, width, time_dim)
        self.time = nn.Sequential(nn.Linear(time_dim, time_dim), nn.SiLU(), nn.Linear(time_dim, time_dim))
        self.time_to_task = zeroed(nn.Linear(time_dim, width))
        self.from_noisy = zeroed(nn.Conv2d(NOISY_CHANNELS, FEATURES, 1))
        self.trunk = Trunk(self.sizes, width, config.denoiser_channels[0])
        self.evidence_gains = nn.Parameter(torch.tensor(list(EVIDENCE_GAINS.values())))
        self.more = nn.ModuleList(NoisyBlock(channels, width) for channels in config.decoder_channels)

    def overview(self, height: int, width: int) -> tuple[int, int]:
        """The whole picture: the noisy one comes at its size."""
        return height, width

    def clean(self, seen: Seen, noisy: Tensor, time: Tensor) -> Painted:
        """The clean pictures (N, 3, H, W) that x_t = `noisy` at time (N,) shows; the image was looked at before."""
        embedded = self.time(get_timestep_embedding(time * TIME_SCALE, self.sizes.time_dim).to(seen.features))
        means = linear_estimate(noisy, time, POOLED)
        coarse = nn.functional.pixel_unshuffle(means, COARSE // POOLED)
        x = self.denoiser(seen.features + self.from_noisy(coarse), seen.tokens, seen.task, embedded)
        x = x + self.trunk(torch.cat((seen.features, coarse), 1), seen.tokens, seen.task, embedded)
        task = seen.task + self.time_to_task(embedded)
        prompts = len(x) // len(seen.image)
        painter, more = self.painter, list(self.more)
        for level, block, detail, stride in zip(painter.levels, more, reversed(seen.maps[:3]), (8, 4, 2), strict=False):
            x = block(level(x, detail, task, prompts), linear_estimate(noisy, time, stride), task)
        x = more[-1](painter.finest(x, per_prompt(seen.image, prompts)), linear_estimate(noisy, time, 1), task)
        nats = self.evidence(noisy, time, seen.rows)
        evidence = Evidence(nats, nats.new_ones(nats.shape[:2]))
        if seen.evidence is not None:
            evidence = Evidence(nats + grown(seen.evidence.nats, nats), seen.evidence.trust)
        return Painted(*painter.colours(x, seen._replace(task=task, evidence=evidence)))

    def evidence(self, noisy: Tensor, time: Tensor, rows: Tensor) -> Tensor:
        """For each row of the prompts, at each pixel (N, T, H, W), in nats: what the noisy picture says."""
        size = noisy.shape[2:]
        total = noisy.new_zeros(())
        for gain, stride in zip(self.evidence_gains, EVIDENCE_GAINS, strict=True):
            found = colour_evidence(noisy, time, rows, stride)
            total = total + gain * nn.functional.interpolate(found, size=size, mode="bilinear")
        return total.clamp(-MOST_EVIDENCE, MOST_EVIDENCE)

    def sampled(self, image: Tensor, rays: Tensor, prompts: Tensor, steps: int, seed: int = 0) -> Painted:
        """Asked as the student is (`Generator.forward`): one sample of `steps` steps; noise of the seed alone."""
        seen = self.look(image, rays, prompts)
        height, width = image.shape[2:]
        return sample(lambda x, t: self.clean(seen, x, t), seen.rows, (height, width), steps, seed)

    def forward(self, image: Tensor, rays: Tensor, prompts: Tensor) -> Painted:
        """One sample of `self.steps` steps: whatever asks a generator can ask the teacher."""
        return self.sampled(image, rays, prompts, self.steps)


def zeroed(module: nn.Conv2d | nn.Linear) -> nn.Conv2d | nn.Linear:
    """The module with weights and bias of zero: it changes nothing until it has learnt to."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module
