"""What the teacher is trained for: to say what is clean in a noisy picture of the true answer.

The losses are the student's, on the answer that the network gives.  Where they ask for a mean (masks, normals) that
answer is the one that flow matching wants; of depth it is the median.

A teacher that has only ever seen noised truth trusts what it is shown, and repeats its own mistakes when it is
sampled.  So half of the time it is shown its own first picture under noise, and asked for the truth all the same (the
self-aligned denoising of Ji et al. 2023, arXiv 2303.17559).
"""

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from vb_perception.codecs.slots import SLOTS
from vb_perception.generator.config import GeneratorConfig
from vb_perception.generator.sampling import draw_times, expected_colours, noised
from vb_perception.generator.student import Painted
from vb_perception.generator.teacher import Teacher
from vb_perception.runtime.text import COLOUR
from vb_perception.training.matching import FIRST_SLOT_ROW, assigned, instance_means, slot_cost
from vb_perception.training.objective import Model, losses
from vb_perception.training.recognise import RecogniserModel, recogniser_terms
from vb_perception.training.stream import KINDS, Batch

Terms = Callable[[Model, Batch, GeneratorConfig, torch.Generator], dict[str, Tensor]]
"""The loss terms of a batch, from the model (as `accelerate` prepared it) and a source of randomness."""


OWN_SHARE = 0.5
"""Of the batches, those in which the teacher is shown its own picture."""


class TeacherModel(Model):
    """The teacher and its text encoder."""

    generator: Teacher

    def __init__(self, config: GeneratorConfig, *, pretrained: bool = False) -> None:
        """`pretrained`: image encoder from ImageNet."""
        super().__init__(config, pretrained=False)
        self.generator = Teacher(config, pretrained=pretrained)

    def forward(self, batch: Batch, noisy: Tensor | None = None, time: Tensor | None = None) -> Painted:
        """The clean pictures that `noisy` (N, 3, H, W) at time (N,) shows; without them, a sample."""
        prompts = self.prompts(batch)
        if noisy is None or time is None:
            painted: Painted = self.generator(batch.image, batch.rays, prompts)
            return painted
        return self.generator.clean(self.generator.look(batch.image, batch.rays, prompts), noisy, time)


def student_terms(model: Model, batch: Batch, config: GeneratorConfig, _random: torch.Generator) -> dict[str, Tensor]:
    """Of the one-step generator: the losses of what it paints."""
    return losses(model(batch), batch, config)


def teacher_terms(model: Model, batch: Batch, config: GeneratorConfig, random: torch.Generator) -> dict[str, Tensor]:
    """Of the teacher: the losses of what it sees in a picture under noise of a random strength, the true or its own."""
    own = torch.rand(1, generator=random, device=random.device).item() < OWN_SHARE
    return own_terms(model, batch, config, random) if own else true_terms(model, batch, config, random)


def true_terms(model: Model, batch: Batch, config: GeneratorConfig, random: torch.Generator) -> dict[str, Tensor]:
    """Of what it sees in the true picture, whose instances have colours at random."""
    batch = with_random_slots(batch, random)
    time = draw_times(len(batch.kinds), random).to(batch.target.device)
    # What is not known stays noise at every time: no colour that means "unknown" is ever learnt.
    seen = time[:, None, None, None] * batch.valid[:, None]
    noise = noised(torch.zeros_like(batch.target), torch.zeros_like(time), random)
    return losses(model(batch, noise + seen * (batch.target - noise), time), batch, config, chosen=True)


def own_terms(model: Model, batch: Batch, config: GeneratorConfig, random: torch.Generator) -> dict[str, Tensor]:
    """Of what it sees in its own first picture, as a sample's second step does; instances may be in any colours."""
    time = draw_times(len(batch.kinds), random).to(batch.target.device)
    noise = noised(torch.zeros_like(batch.target), torch.zeros_like(time), random)
    with torch.no_grad():
        first = expected_colours(model(batch, noise, torch.zeros_like(time)), batch.columns).float()
    return losses(model(batch, noise + time[:, None, None, None] * (first - noise), time), batch, config)


def with_random_slots(batch: Batch, random: torch.Generator) -> Batch:
    """The batch with its instances in colours drawn at random: rows and target of the prompts of instances.

    Which colours they have is seen in the noisy picture.  A slot whose place is near is likelier, as a student would
    choose it (`matching.instance_rows`): by Gumbel noise on the same costs.
    """
    of = (batch.kinds == KINDS.index("instances")).nonzero()[:, 0]
    rows, target = batch.rows.clone(), batch.target.clone()
    own = rows[of].clamp(min=1)
    inside = batch.valid[of] & (own > 1)
    if not inside.any():
        rows[of] = own
        return dataclasses.replace(batch, rows=rows)
    pixels, place, _ = instance_means(own, inside, target[of])
    uniform = torch.rand((*pixels.shape, SLOTS), generator=random, device=random.device).clamp(min=1e-6).cpu()
    table = assigned(pixels, place, slot_cost(place) + torch.log(-torch.log(uniform))).to(own.device)
    slot = table.gather(1, own.clamp(max=table.shape[1] - 1).flatten(1)).unflatten(1, own.shape[1:])
    rows[of] = torch.where(inside, slot + FIRST_SLOT_ROW, 1)
    colours = batch.columns[of][..., COLOUR].transpose(1, 2)
    target[of] = colours.gather(2, rows[of].flatten(1)[:, None].expand(-1, 3, -1)).unflatten(2, own.shape[1:])
    return dataclasses.replace(batch, rows=rows, target=target)


NETWORKS: dict[str, tuple[type[Model], Terms]] = {
    "student": (Model, student_terms),
    "teacher": (TeacherModel, teacher_terms),
    "recogniser": (RecogniserModel, recogniser_terms),
}
