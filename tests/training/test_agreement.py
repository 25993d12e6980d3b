"""A student that says what the teacher says has nothing to learn."""

from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from torch import Tensor  # noqa: E402

from vb_perception.generator.config import GeneratorConfig  # noqa: E402
from vb_perception.generator.student import Painted  # noqa: E402
from vb_perception.predictions import SegmentMap  # noqa: E402
from vb_perception.scenes.sample import Sample  # noqa: E402
from vb_perception.tasks import InstanceSegmentation, MetricDepth, SemanticSegmentation  # noqa: E402
from vb_perception.training.agreement import PREFIX, Answer, disagreement, mean_answer  # noqa: E402
from vb_perception.training.stream import Batch, collate  # noqa: E402
from vb_perception.training.targets import Target, depth_target, normals_target  # noqa: E402

MakeSample = Callable[[int, int, int], Sample]
KINDS = ("depth", "normals", "pointing", "instances")


@pytest.fixture
def batch(random_sample: MakeSample) -> Batch:
    """One image: depth, normals, a legend of two, instances."""
    sample = random_sample(0, 32, 32)
    depth, normals = depth_target(sample, MetricDepth()), normals_target(sample)
    legend, cups = SemanticSegmentation((("table", (255, 0, 0)), ("cup", (0, 255, 0)))), InstanceSegmentation("cup")
    nothing = SegmentMap(np.zeros((32, 32), np.uint16), ("0",), np.ones((32, 32), np.float32))
    masks = [Target("legend", legend, nothing, depth.valid, depth.rows)]
    masks += [Target("instances", cups, nothing, depth.valid, depth.rows)]
    return collate([(sample, [depth, normals, *masks])], GeneratorConfig())


def painted(left: int, right: int, *, sure: float = 20.0) -> Painted:
    """Half of the picture in one row of the prompt, half in another; depth and colour of some noise."""
    random = torch.Generator().manual_seed(0)
    rgb = torch.rand(4, 3, 32, 32, generator=random) - 0.5
    logits = torch.full((4, 16, 32, 32), -sure)
    logits[:, left, :, :16] = sure
    logits[:, right, :, 16:] = sure
    return Painted(rgb, logits, rgb, torch.rand(4, 2, 32, 32, generator=random))


def terms(student: Painted, teacher: Painted, batch: Batch, *, same_slots: bool = True) -> dict[str, float]:
    found = disagreement(student, Answer.of(teacher), batch, same_slots=same_slots)
    return {name.removeprefix(PREFIX): term.item() for name, term in found.items()}


def test_nothing_to_learn_from_ones_own_picture(batch: Batch) -> None:
    same = terms(painted(1, 3), painted(1, 3), batch)
    assert set(same) == {"colour", *KINDS}
    assert max(same.values()) < 1e-4


def test_every_term_sees_its_own_prompts_and_moves_them_alone(batch: Batch) -> None:
    teacher = painted(1, 3)
    student = Painted(*(field.clone().requires_grad_() for field in painted(1, 2, sure=1.0)))
    found = disagreement(student, Answer.of(teacher), batch, same_slots=True)
    moved: dict[str, Tensor] = {"normals": student.rgb, "pointing": student.logits, "instances": student.logits}
    for index, (kind, field) in enumerate(moved.items(), 1):
        (gradient,) = torch.autograd.grad(found[PREFIX + kind], field, retain_graph=True)
        others = [i for i in range(4) if i != index]
        assert not gradient[others].any()
        assert kind == "normals" or gradient[index].any()


def test_depth_farther_from_the_teachers_costs_more(batch: Batch) -> None:
    teacher = painted(1, 3)

    def loss(shift: float) -> float:
        place = teacher.place * 0.5 + 0.2
        return terms(teacher._replace(place=place + shift), teacher._replace(place=place), batch)["depth"]

    assert loss(0) == 0
    assert loss(0.01) < loss(0.05) < loss(0.1)


def test_another_colouring_of_instances_is_as_good_unless_the_teacher_saw_it(batch: Batch) -> None:
    student, teacher = painted(4, 9), painted(9, 4)
    assert terms(student, teacher, batch, same_slots=False)["instances"] < 1e-4
    assert terms(student, teacher, batch, same_slots=True)["instances"] > 1
    assert terms(student, painted(4, 4), batch, same_slots=False)["instances"] > 1


def test_the_mean_of_samples_is_soft_but_of_instances_one_sample(batch: Batch) -> None:
    mean = mean_answer([Answer.of(painted(1, 3)), Answer.of(painted(3, 1))], batch)
    legend, instances = mean.weight[2], mean.weight[3]
    assert legend[[1, 3]].mean().item() == pytest.approx(0.5, abs=1e-3)
    assert torch.equal(instances, Answer.of(painted(1, 3)).weight[3])
