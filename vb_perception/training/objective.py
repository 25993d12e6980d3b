"""What is trained, and what it is trained for."""

import torch
from torch import Tensor, nn

from vb_perception.codecs.depth import DepthCodec
from vb_perception.generator.config import GeneratorConfig
from vb_perception.generator.student import Generator, Painted
from vb_perception.generator.text import TextEncoder
from vb_perception.training.losses import (
    colour_loss,
    depth_loss,
    normal_loss,
    overlap_loss,
    pointing_loss,
    regressed_depth_loss,
)
from vb_perception.training.matching import instance_rows
from vb_perception.training.pairs import pair_loss
from vb_perception.training.stream import KINDS, Batch

CODEC = DepthCodec()
PAIR_SHARE, OVERLAP_SHARE = 0.5, 1.0
"""Of the loss of pairs of pixels within that of instances, and of overlaps within that of legends."""


class Model(nn.Module):
    """The generator and the text encoder, trained together."""

    def __init__(self, config: GeneratorConfig, *, pretrained: bool = False) -> None:
        """`pretrained`: image encoder from ImageNet."""
        super().__init__()
        self.config = config
        self.generator = Generator(config, pretrained=pretrained)
        self.text = TextEncoder(config)

    def forward(self, batch: Batch) -> Painted:
        """Paint every prompt of a batch."""
        painted: Painted = self.generator(batch.image, batch.rays, self.prompts(batch))
        return painted

    def prompts(self, batch: Batch) -> Tensor:
        """The rows of every prompt, (N, T, D)."""
        embeddings = self.text(batch.phrases)
        known = (batch.phrase_of >= 0).unsqueeze(-1)
        rows = embeddings[batch.phrase_of.clamp(min=0)] * known
        return torch.cat((rows, batch.columns), dim=-1)


def losses(painted: Painted, batch: Batch, config: GeneratorConfig, *, chosen: bool = False) -> dict[str, Tensor]:
    """The loss terms of a batch; every term averages over the prompts it applies to.

    With `chosen`, the rows of instances already are the slots that they should be painted in (`instance_rows`).
    """

    def of(*kinds: str) -> Tensor:
        wanted = torch.tensor([KINDS.index(k) for k in kinds], device=batch.kinds.device)
        return torch.isin(batch.kinds, wanted).nonzero()[:, 0]

    rgb, place = painted.rgb.float(), painted.place.float()
    depth, normals, legends, instances = of("depth"), of("normals"), of("legend"), of("instances")
    truth_m, known, things = batch.depth_m[depth], batch.valid[depth], batch.rows[depth]
    true_normals = batch.target[normals], batch.valid[normals], batch.rows[normals]
    asked = painted.logits[legends], batch.rows[legends], batch.valid[legends]
    # With a colour map as the last layer the colour follows from the place; without, it is what is regressed.
    paints_stops = config.paints_stops
    rows, coloured = batch.rows[instances], batch.valid[instances]
    if not chosen:
        rows = instance_rows(painted.logits[instances], rows, coloured)
    return {
        "colour": colour_loss(rgb[normals], *true_normals)
        + (0 if paints_stops else colour_loss(rgb[depth], batch.target[depth], known, things)),
        "depth": depth_loss(place[depth][:, 0], place[depth][:, 1], truth_m, known, things, CODEC)
        if paints_stops
        else regressed_depth_loss(rgb[depth], truth_m, known, things, CODEC),
        "normals": normal_loss(rgb[normals], *true_normals),
        "pointing": pointing_loss(*asked) + OVERLAP_SHARE * overlap_loss(*asked),
        "instances": pointing_loss(painted.logits[instances], rows, coloured)
        + PAIR_SHARE * pair_loss(painted.logits[instances], batch.rows[instances], coloured),
    }
