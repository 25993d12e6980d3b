"""The one-step generator: image, rays and prompts in, one painted image a prompt out.

What is where, and how far away, is told at one size whatever size is painted: a larger picture is looked at as a whole
once, reduced to `GeneratorConfig.overview_px`, and adds the finest map of the encoder at its own size.  So its depth
has the scale of the smaller one (all of the network at 480x640 had an AbsRel of .069 where 192x256 has .026, on the
same five frames), and the denoiser costs the same.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vb_perception.generator.config import GeneratorConfig
from vb_perception.generator.denoiser import Denoiser
from vb_perception.generator.image_encoder import DETAIL_MAPS, STRIDE, ImageEncoder
from vb_perception.generator.painter import Painter, per_prompt
from vb_perception.generator.recogniser import Recogniser
from vb_perception.generator.seen import Seen

REDUCES_FROM = 1.5
"""A picture of more than so many times `overview_px` is reduced for the overview."""


CANONICAL_SPAN = 1.1
"""x/z at the right edge of the canonical camera's picture less that at its left: 58 degrees of view."""
LEAST_SPAN = 0.1


class Painted(NamedTuple):
    """rgb (N, 3, H, W) in about [-1, 1], and for the losses what it was mixed from.

    The pointing logits (N, T, H, W), the free colour as rgb, place on the colour map and unsureness (N, 2, H, W).
    """

    rgb: Tensor
    logits: Tensor
    free: Tensor
    place: Tensor


class Generator(nn.Module):
    """The shipped student.  Colours are values of the last attention only: they never sway what is seen."""

    def __init__(self, config: GeneratorConfig, *, pretrained: bool = False) -> None:
        """`pretrained` starts the image encoder from ImageNet."""
        super().__init__()
        self.config = config
        width = config.embedding_dim
        self.encoder = ImageEncoder(config.encoder, pretrained=pretrained)
        self.token = nn.Sequential(nn.Linear(width + 3, width), nn.SiLU(), nn.Linear(width, width))
        self.denoiser = Denoiser(config, width)
        self.painter = Painter(config, width)
        self.recogniser = Recogniser(config, width) if config.recognises else None

    def readers(self) -> dict[str, nn.Conv2d]:
        """By name what reads the encoder's maps, finest map first; the recogniser beside them reads whole maps."""
        levels = {f"painter.levels.{i}.lateral": level.lateral for i, level in enumerate(self.painter.levels)}
        coarse = {"denoiser.from_16": self.denoiser.from_16, "denoiser.from_32": self.denoiser.from_32}
        return dict(reversed(levels.items())) | coarse

    def overview(self, height: int, width: int) -> tuple[int, int]:
        """The size at which a picture of this size is looked at as a whole: multiples of 32."""
        larger = height * width / self.config.overview_px
        if larger <= REDUCES_FROM:
            return height, width
        factor = math.sqrt(larger) * STRIDE
        return max(round(height / factor), 1) * STRIDE, max(round(width / factor), 1) * STRIDE

    def look(self, image: Tensor, rays: Tensor, prompts: Tensor) -> Seen:
        """Encode each image, its overview and each token once."""
        width = self.config.embedding_dim
        rows = prompts[..., width:]
        # Phrase and role; the stops of a colour map are nothing to look for.
        tokens = self.token(torch.cat((prompts[..., :width], rows[..., -3:]), dim=-1))
        size = self.overview(image.shape[2], image.shape[3])
        maps = self.encoder(reduced(image, size))
        if size != image.shape[2:]:
            maps[:DETAIL_MAPS] = self.encoder(image, DETAIL_MAPS)
        rays = reduced(rays if self.config.reads_rays else torch.zeros_like(rays), size)
        features = self.denoiser.features(maps[3], maps[4], rays)
        features = per_prompt(features, prompts.shape[0] // image.shape[0])
        zoom = log_zoom(rays) if self.config.reads_rays else rays.new_zeros(len(rays))
        zoom = zoom.repeat_interleave(prompts.shape[0] // image.shape[0], 0)
        evidence = None if self.recogniser is None else self.recogniser(maps, tokens, rows)
        return Seen(image, maps, features, tokens, tokens[:, 0], rows, zoom, evidence)

    def forward(self, image: Tensor, rays: Tensor, prompts: Tensor) -> Painted:
        """Image (B, 3, H, W), rays (B, 2, H, W), prompts (B * n, T, D) grouped by image -> Painted of B * n images."""
        seen = self.look(image, rays, prompts)
        x = self.denoiser(seen.features, seen.tokens, seen.task)
        return Painted(*self.painter(x, seen))


def log_zoom(rays: Tensor) -> Tensor:
    """Log of how many times the focal length of the canonical camera each picture's is (B,), from rays (B, 2, H, W)."""
    span = (rays[:, 0, :, -1] - rays[:, 0, :, 0]).mean(1)
    return torch.log(CANONICAL_SPAN / span.clamp(min=LEAST_SPAN))


def reduced(x: Tensor, size: tuple[int, int]) -> Tensor:
    """X (B, C, H, W) at `size`: means of whole pixels first, so that nothing fine is missed, then bilinearly."""
    whole = tuple(
        next(d for d in range(max(n // m, 1), 0, -1) if n % d == 0) for n, m in zip(x.shape[2:], size, strict=True)
    )
    if max(whole) > 1:
        x = nn.functional.avg_pool2d(x, whole)
    return x if x.shape[2:] == size else nn.functional.interpolate(x, size=size, mode="bilinear")
