"""The recogniser alone: what it finds in the encoder's maps for the rows of a legend, before anything is painted.

Without denoiser and painter a step costs a third, and whatever the painter is sure of, rightly or not, hides nothing
from it.  How much each of both counts is then learnt from what is painted (`network: student`).
"""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from vb_perception.errors import ConfigError
from vb_perception.generator.checkpoint import load_into, read_tensors
from vb_perception.generator.config import GeneratorConfig
from vb_perception.generator.image_encoder import ImageEncoder
from vb_perception.generator.painter import MASKED
from vb_perception.generator.recogniser import legend_rows
from vb_perception.training.losses import overlap_loss, pointing_loss
from vb_perception.training.objective import OVERLAP_SHARE, Model
from vb_perception.training.stream import KINDS, Batch

STRIDE = 4
"""Of the pixels, those that are asked about: twice as fine as what is found."""

DENOISER_HELD = 10.0
"""As many times as the painter's detail: how far away a table is moved with a twentieth of what the denoiser reads."""
MOVED_EVERYWHERE = 4.0
"""Beside each place's own: what moves alike in all of a picture moves its scale."""


class Found(NamedTuple):
    """Logits of the legends' rows (N, T, H/4, W/4), and how far what others read of the maps has moved, if held."""

    logits: Tensor
    moved: Tensor | None


class RecogniserModel(Model):
    """The student, of which only the recogniser answers."""

    def __init__(self, config: GeneratorConfig, *, pretrained: bool = False) -> None:
        """See Model."""
        super().__init__(config, pretrained=pretrained)
        self._before: list[ImageEncoder] = []  # in a list: no weights of the model

    def hold_to(self, path: Path) -> None:
        """Hold what denoiser and painter read of the encoder's maps to what they read with these weights.

        Raises:
            CheckpointError: there are none of this encoder.
        """
        encoder = ImageEncoder(self.config.encoder)
        tensors = {k.removeprefix("average."): v for k, v in read_tensors(path)[0].items()}
        load_into(encoder, tensors, "generator.encoder.")
        device = next(self.parameters()).device
        self._before.append(encoder.requires_grad_(requires_grad=False).eval().to(device))

    def _read(self, maps: list[Tensor], rays: Tensor) -> list[Tensor]:
        """What painter and denoiser make of the maps first, (B, C, h, w) each; the denoiser's last."""
        denoiser = self.generator.denoiser
        laterals = [r for name, r in self.generator.readers().items() if name.startswith("painter.")]
        read = [lateral(x).float() for lateral, x in zip(laterals, maps, strict=False)]
        return [*read, denoiser.unet.conv_in(denoiser.features(maps[3], maps[4], rays)).float()]

    def _moved(self, batch: Batch, maps: list[Tensor]) -> Tensor | None:
        """How far what others read of the maps has moved, over its variance before; the mean of the readers."""
        if not self._before:
            return None
        with torch.no_grad():
            was = self._read(self._before[0](batch.image), batch.rays)
        shares = []
        for new, old in zip(self._read(maps, batch.rays), was, strict=True):
            moved = new - old
            everywhere = moved.mean((2, 3)).square().mean()
            shares.append((moved.square().mean() + MOVED_EVERYWHERE * everywhere) / old.var())
        shares[-1] = DENOISER_HELD * shares[-1]
        return torch.stack(shares).mean()

    def forward(self, batch: Batch) -> Found:  # type: ignore[override]  # nothing is painted
        """Other rows and other prompts have no logits."""
        prompts = self.prompts(batch)
        seen = self.generator.look(batch.image, batch.rays, prompts)
        if seen.evidence is None:
            msg = "network: recogniser, of a generator with recognises: false: expected one that recognises"
            raise ConfigError(msg)
        nats = torch.nn.functional.interpolate(seen.evidence.nats.float(), scale_factor=8.0 / STRIDE, mode="bilinear")
        logits = nats + ((1 - legend_rows(seen.rows)) * MASKED)[..., None, None]
        return Found(logits, self._moved(batch, seen.maps))


def recogniser_terms(
    model: Model, batch: Batch, _config: GeneratorConfig, _random: torch.Generator
) -> dict[str, Tensor]:
    """How well the recogniser alone answers the legends of a batch."""
    legends = (batch.kinds == KINDS.index("legend")).nonzero()[:, 0]
    some = (legends, slice(STRIDE // 2, None, STRIDE), slice(STRIDE // 2, None, STRIDE))
    found = model(batch)
    asked = found.logits[legends], batch.rows[some], batch.valid[some]
    terms = {"pointing": pointing_loss(*asked, border_weight=1.0) + OVERLAP_SHARE * overlap_loss(*asked)}
    return terms if found.moved is None else terms | {"held": found.moved}
