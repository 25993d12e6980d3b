"""The one-step generator: image, rays and prompts in, one painted image a prompt out."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from vb_perception.generator.config import GeneratorConfig
from vb_perception.generator.denoiser import Denoiser
from vb_perception.generator.image_encoder import ImageEncoder
from vb_perception.generator.painter import Painter, per_prompt


class Painted(NamedTuple):
    """rgb (N, 3, H, W) in about [-1, 1], and for the losses what it was mixed from.

    The pointing logits (N, T, H, W), the free colour as rgb, place on the colour map and unsureness (N, 2, H, W).
    """

    rgb: Tensor
    logits: Tensor
    free: Tensor
    place: Tensor


class Seen(NamedTuple):
    """What is made of image and prompts before anything is painted; B images, N prompts.

    image (B, 3, H, W); maps of the encoder, finest first; features (N, C, H/16, W/16); tokens (N, T, D); task (N, D);
    rows (N, T, 11), the columns of the prompts that follow the embedding.
    """

    image: Tensor
    maps: list[Tensor]
    features: Tensor
    tokens: Tensor
    task: Tensor
    rows: Tensor


class Generator(nn.Module):
    """The shipped student.  Colours are values of the last attention only: they never sway what is seen."""

    def __init__(self, config: GeneratorConfig, *, pretrained: bool = False) -> None:
        """`pretrained` starts the image encoder from ImageNet."""
        super().__init__()
        self.config = config
        width = config.embedding_dim
        self.encoder = ImageEncoder(pretrained=pretrained)
        self.token = nn.Sequential(nn.Linear(width + 3, width), nn.SiLU(), nn.Linear(width, width))
        self.denoiser = Denoiser(config, width)
        self.painter = Painter(config, width)

    def look(self, image: Tensor, rays: Tensor, prompts: Tensor) -> Seen:
        """Encode each image and each token once."""
        width = self.config.embedding_dim
        rows = prompts[..., width:]
        # Phrase and role; the stops of a colour map are nothing to look for.
        tokens = self.token(torch.cat((prompts[..., :width], rows[..., -3:]), dim=-1))
        maps = self.encoder(image)
        features = self.denoiser.features(maps[3], maps[4], rays if self.config.reads_rays else torch.zeros_like(rays))
        features = per_prompt(features, prompts.shape[0] // image.shape[0])
        return Seen(image, maps, features, tokens, tokens[:, 0], rows)

    def forward(self, image: Tensor, rays: Tensor, prompts: Tensor) -> Painted:
        """Image (B, 3, H, W), rays (B, 2, H, W), prompts (B * n, T, D) grouped by image -> Painted of B * n images."""
        seen = self.look(image, rays, prompts)
        x = self.denoiser(seen.features, seen.tokens, seen.task)
        return Painted(*self.painter(x, seen.maps, image, seen.tokens, seen.task, seen.rows))
