"""How far the student's picture is from the teacher's: the losses of `losses.py`, with an answer in the place of truth.

Nothing is unknown to a teacher, so every pixel counts.  What the teacher does not decide it says softly: a mean of
places, a short normal, probabilities of things; that is what the student is asked to say too.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vb_perception.codecs.slots import SLOTS
from vb_perception.generator.student import Painted
from vb_perception.training.losses import (
    ERROR_UNIT,
    STEP_SHARE,
    STEP_STRIDES,
    balanced,
    colour_loss,
    depth_m,
    masked_mean,
    neighbour_steps,
    normal_loss,
)
from vb_perception.training.matching import FIRST_SLOT_ROW, instance_rows
from vb_perception.training.objective import CODEC
from vb_perception.training.stream import KINDS, Batch

PREFIX = "teacher "
"""Of the names of these terms."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the teacher says of N prompts, as far as the student is to say the same.

    rgb (N, 3, H, W); log_depth (N, H, W) of metres; weight (N, T, H, W), the share of each row of the prompt.  How
    unsure the teacher is of depth is no part of it: it is as sure as the noisy picture lets it be, which the student
    does not see.
    """

    rgb: Tensor
    log_depth: Tensor
    weight: Tensor

    @classmethod
    def of(cls, painted: Painted) -> "Answer":
        """What one picture says."""
        place = painted.place.float()
        return cls(
            rgb=painted.rgb.float(),
            log_depth=torch.log(depth_m(place[:, 0], CODEC)),
            weight=torch.softmax(painted.logits.float(), 1),
        )


def mean_answer(answers: list[Answer], batch: Batch) -> Answer:
    """The mean of several samples: of log-depth, of normals as vectors, of probabilities.

    Two samples may give one instance two colours, of which no mean means anything: of instances it is the first sample.
    """
    first = answers[0]
    mean = Answer(*(torch.stack([getattr(a, name) for a in answers]).mean(0) for name in Answer.__slots__))
    instances = batch.kinds == KINDS.index("instances")
    mean.weight[instances] = first.weight[instances]
    return mean


def disagreement(painted: Painted, answer: Answer, batch: Batch, *, same_slots: bool) -> dict[str, Tensor]:
    """Terms as `objective.losses` has them, named with PREFIX, of the student's picture against an answer.

    Args:
        painted: by the student.
        answer: the teacher's, of the same prompts; it gets no gradient.
        batch: the prompts and what kind each is.
        same_slots: the teacher saw in which colours the student paints each instance; otherwise any other colouring is
            as good (`matching.instance_rows`).
    """
    kinds = {kind: (batch.kinds == KINDS.index(kind)).nonzero()[:, 0] for kind in KINDS}
    depth, normals, instances = kinds["depth"], kinds["normals"], kinds["instances"]
    rgb, place, all_pixels = painted.rgb.float(), painted.place.float(), torch.ones_like(batch.valid)
    residual = torch.log(depth_m(place[depth][:, 0], CODEC)) - answer.log_depth[depth]
    known = all_pixels[depth]
    normals_said = answer.rgb[normals], all_pixels[normals], batch.rows[normals]
    steps = sum((neighbour_steps(residual[:, ::s, ::s], known[:, ::s, ::s]) for s in STEP_STRIDES), rgb.new_zeros(()))
    weight = answer.weight
    if not same_slots:
        weight = weight.clone()
        weight[instances] = _in_slots_of(painted.logits[instances], weight[instances])
    legends = kinds["legend"]
    return {
        f"{PREFIX}colour": colour_loss(rgb[normals], *normals_said),
        f"{PREFIX}depth": (masked_mean(residual.abs(), known) + STEP_SHARE * steps) / ERROR_UNIT,
        f"{PREFIX}normals": normal_loss(rgb[normals], *normals_said),
        f"{PREFIX}pointing": _soft_pointing(painted.logits[legends], weight[legends]),
        f"{PREFIX}instances": _soft_pointing(painted.logits[instances], weight[instances]),
    }


def _soft_pointing(logits: Tensor, weight: Tensor) -> Tensor:
    """Kullback-Leibler divergence from the teacher's shares (N, T, H, W), weighted as in `pointing_loss`."""
    log_share = torch.log_softmax(logits.float(), 1)
    divergence = nn.functional.kl_div(log_share, weight, reduction="none").sum(1)
    rows = weight.argmax(1)
    return (divergence * balanced(rows, torch.ones_like(rows, dtype=torch.bool))).sum() / max(len(logits), 1)


def _in_slots_of(logits: Tensor, weight: Tensor) -> Tensor:
    """The teacher's instances (N, T, H, W) as hard shares of the slots that the student (logits) is nearest to."""
    rows = weight.argmax(1)
    first, last = FIRST_SLOT_ROW, FIRST_SLOT_ROW + SLOTS
    counted = torch.where((rows >= first) & (rows < last), rows - first + 2, 1)  # as in `Target.rows`
    matched = instance_rows(logits, counted, torch.ones_like(rows, dtype=torch.bool))
    return nn.functional.one_hot(matched, logits.shape[1]).permute(0, 3, 1, 2).to(weight)
