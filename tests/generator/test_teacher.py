"""The teacher begins as the student that it was made from."""

import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from torch import Tensor  # noqa: E402

from vb_perception.generator.config import GeneratorConfig  # noqa: E402
from vb_perception.generator.sampling import noised  # noqa: E402
from vb_perception.generator.student import Generator, Painted  # noqa: E402
from vb_perception.generator.teacher import Teacher, TeacherSizes  # noqa: E402
from vb_perception.generator.text import TextEncoder  # noqa: E402
from vb_perception.tasks import InstanceSegmentation, MetricDepth, SurfaceNormals  # noqa: E402
from vb_perception.training.validate import prompt_tensor  # noqa: E402

CONFIG = GeneratorConfig()
SIZES = TeacherSizes(trunk_width=32, trunk_layers=1, steps=2)
Inputs = tuple[Tensor, Tensor, Tensor]


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    torch.manual_seed(0)
    text = TextEncoder(CONFIG)
    with torch.no_grad():
        prompts = [prompt_tensor(text, t) for t in (MetricDepth(), SurfaceNormals(), InstanceSegmentation("cup"))]
    return torch.rand(1, 3, 64, 64) * 2 - 1, torch.rand(1, 2, 64, 64), torch.stack(prompts)


@pytest.fixture(scope="module")
def student() -> Generator:
    torch.manual_seed(0)
    return Generator(CONFIG).eval()


def teacher_of(student: Generator) -> Teacher:
    teacher = Teacher(CONFIG, sizes=SIZES).eval()
    missing, unexpected = teacher.load_state_dict(student.state_dict(), strict=False)
    assert not unexpected
    assert missing
    return teacher


def awake(teacher: Teacher) -> Teacher:
    """With something in the weights that begin at zero."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in teacher.parameters():
            if not parameter.any():
                parameter.normal_(std=0.1)
    return teacher


@torch.no_grad()
def test_with_the_students_weights_it_paints_the_students_picture_however_the_noise_falls(
    student: Generator, inputs: Inputs
) -> None:
    teacher, expected = teacher_of(student), student(*inputs)
    noisy, time = torch.randn(3, 3, 64, 64), torch.tensor([0.4, 1.0, 0.0])
    for answer in (teacher.clean(teacher.look(*inputs), noisy, time), teacher.sampled(*inputs, 1)):
        assert isinstance(answer, Painted)
        for ours, theirs in zip(answer, expected, strict=True):
            torch.testing.assert_close(ours, theirs)


@torch.no_grad()
def test_a_mask_is_read_off_the_noisy_picture_from_the_beginning(student: Generator, inputs: Inputs) -> None:
    teacher = teacher_of(student)
    colours = torch.tensor([t.colour for t in InstanceSegmentation("cup").tokens[3:]]) / 127.5 - 1
    clean = colours[5][None, :, None, None].expand(3, 3, 64, 64)
    at = torch.full((3,), 0.4)
    seen, noisy = teacher.look(*inputs), noised(clean, at, torch.Generator().manual_seed(0))
    assert (teacher.clean(seen, noisy, at).logits[2].argmax(0) == 3 + 5).float().mean() > 0.99
    assert (student(*inputs).logits[2].argmax(0) == 3 + 5).float().mean() < 0.5


@torch.no_grad()
def test_once_awake_it_reads_the_noisy_picture_but_not_where_there_is_only_noise(
    student: Generator, inputs: Inputs
) -> None:
    teacher = awake(teacher_of(student))
    seen = teacher.look(*inputs)
    one, other = torch.randn(2, 3, 3, 64, 64)

    def differ(time: float) -> bool:
        at = torch.full((3,), time)
        return not torch.allclose(teacher.clean(seen, one, at).rgb, teacher.clean(seen, other, at).rgb, atol=1e-4)

    assert differ(0.5)
    assert not differ(0)


@torch.no_grad()
def test_a_sample_depends_on_its_seed_alone(student: Generator, inputs: Inputs) -> None:
    teacher = awake(teacher_of(student))
    first = teacher.sampled(*inputs, 3, seed=5).rgb
    assert torch.equal(teacher.sampled(*inputs, 3, seed=5).rgb, first)
    assert not torch.allclose(teacher.sampled(*inputs, 3, seed=6).rgb, first, atol=1e-4)
    assert torch.equal(teacher(*inputs).rgb, teacher.sampled(*inputs, SIZES.steps, seed=0).rgb)


def test_it_is_larger_than_the_student(student: Generator) -> None:
    def size(module: Generator) -> int:
        return sum(p.numel() for p in module.parameters())

    assert size(Teacher(CONFIG)) > 1.3 * size(student)


def test_every_weight_can_be_learnt(student: Generator, inputs: Inputs) -> None:
    teacher = awake(teacher_of(student))
    answer = teacher.clean(teacher.look(*inputs), torch.randn(3, 3, 64, 64), torch.tensor([0.2, 0.4, 0.6]))
    (answer.rgb.square().mean() + answer.place.square().mean() + answer.free.square().mean()).backward()
    idle = [name for name, p in teacher.named_parameters() if p.grad is None or not p.grad.any()]
    assert [
        name for name in idle if name.split(".")[0] in {"time", "time_to_task", "trunk", "more", "from_noisy"}
    ] == []
