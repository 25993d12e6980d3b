"""The recogniser alone: what it finds in the encoder's maps for the rows of a legend, before anything is painted.

Without denoiser and painter a step costs a third, and whatever the painter is sure of, rightly or not, hides nothing
from it.  How much each of both counts is then learnt from what is painted (`network: student`).
"""

import torch
from torch import Tensor

from vb_perception.errors import ConfigError
from vb_perception.generator.config import GeneratorConfig
from vb_perception.generator.painter import MASKED
from vb_perception.generator.recogniser import legend_rows
from vb_perception.training.losses import pointing_loss
from vb_perception.training.objective import Model
from vb_perception.training.stream import KINDS, Batch

STRIDE = 4
"""Of the pixels, those that are asked about: twice as fine as what is found."""


class RecogniserModel(Model):
    """The student, of which only the recogniser answers."""

    def forward(self, batch: Batch) -> Tensor:
        """Logits of the legends' rows (N, T, H/4, W/4); other rows and other prompts have none."""
        prompts = self.prompts(batch)
        seen = self.generator.look(batch.image, batch.rays, prompts)
        if seen.evidence is None:
            msg = "network: recogniser, of a generator with recognises: false: expected one that recognises"
            raise ConfigError(msg)
        nats = torch.nn.functional.interpolate(seen.evidence.nats.float(), scale_factor=8.0 / STRIDE, mode="bilinear")
        return nats + ((1 - legend_rows(seen.rows)) * MASKED)[..., None, None]


def recogniser_terms(
    model: Model, batch: Batch, _config: GeneratorConfig, _random: torch.Generator
) -> dict[str, Tensor]:
    """How well the recogniser alone answers the legends of a batch."""
    legends = (batch.kinds == KINDS.index("legend")).nonzero()[:, 0]
    some = (legends, slice(STRIDE // 2, None, STRIDE), slice(STRIDE // 2, None, STRIDE))
    return {"pointing": pointing_loss(model(batch)[legends], batch.rows[some], batch.valid[some])}
