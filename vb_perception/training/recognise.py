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

    def _moved(self, image: Tensor, maps: list[Tensor]) -> Tensor | None:
        """Mean square of how far each reader's values moved, over their variance before; the mean of the readers."""
        if not self._before:
            return None
        with torch.no_grad():
            before = self._before[0](image)
        shares = []
        for read, new, old in zip(self.generator.readers().values(), maps, before, strict=True):
            was = read(old).detach().float()
            shares.append((read(new).float() - was).square().mean() / was.var())
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
        return Found(logits, self._moved(batch.image, seen.maps))


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
