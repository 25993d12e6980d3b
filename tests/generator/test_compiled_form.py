from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402

from vb_perception.generator.compiled_form import CompiledForm, ScaleShiftNorm  # noqa: E402
from vb_perception.generator.config import GeneratorConfig  # noqa: E402
from vb_perception.generator.student import Generator  # noqa: E402
from vb_perception.runtime.text import prompt_rows  # noqa: E402
from vb_perception.tasks import (  # noqa: E402
    InstanceSegmentation,
    MetricDepth,
    ReferringSegmentation,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)

TASKS: tuple[Task, ...] = (
    MetricDepth(),
    SurfaceNormals(),
    SemanticSegmentation((("cup", (255, 0, 0)), ("table", (0, 255, 0)))),
    InstanceSegmentation("cup"),
    ReferringSegmentation("the left cup"),
)


CONFIGS = (
    GeneratorConfig(),
    GeneratorConfig(paints_stops=False),
    GeneratorConfig(overview_px=32 * 64),
    GeneratorConfig(light_painter=False, decoder_channels=(64, 48, 32, 12)),
    GeneratorConfig(canonical_camera=False),
    GeneratorConfig(recognises=False),
)


@pytest.mark.parametrize(
    "config", CONFIGS, ids=("shipped", "regressed", "overview", "full", "rays alone", "painter alone")
)
def test_every_task_is_painted_as_the_generator_paints_it(config: GeneratorConfig) -> None:
    torch.manual_seed(0)
    generator = Generator(config).eval()
    with torch.no_grad():
        for parameter in generator.parameters():  # also those that begin at zero
            parameter.add_(0.02 * torch.randn_like(parameter))
    random = np.random.default_rng(0)
    rows = [
        prompt_rows(t.tokens, random.normal(0, 1, (len(t.tokens), config.embedding_dim)).astype(np.float32), config)
        for t in TASKS
    ]
    prompts = torch.from_numpy(np.stack(rows))
    image, rays = torch.rand(1, 3, 64, 96) * 2 - 1, torch.rand(1, 2, 64, 96) - 0.5
    with torch.no_grad():
        expected = generator(image, rays, prompts).rgb.clamp(-1, 1)
        found = CompiledForm(generator).eval()(image, rays, prompts)
    assert expected.std() > 0.05
    for task, one, other in zip(TASKS, expected, found, strict=True):
        assert float((one - other).abs().max()) < 2e-5, task.name


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_normalisation_by_scale_and_shift(offset: float) -> None:
    torch.manual_seed(0)
    norm = torch.nn.GroupNorm(4, 16)
    with torch.no_grad():
        norm.weight.normal_()
        norm.bias.normal_()
    x = torch.randn(3, 16, 8, 10) * torch.linspace(0.1, 3, 16)[:, None, None] + offset
    gain, shift = torch.randn(2, 3, 16, 1, 1)
    expected = norm(x) * gain + shift
    assert torch.allclose(ScaleShiftNorm(norm)(x, gain, shift), expected, atol=1e-5 if offset == 0 else 3e-2)


class HostWork(TorchDispatchMode):
    """Names the operations that take a tensor of the host."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(
        self,
        operation: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        given = [t for t in tree_leaves((args, kwargs or {})) if isinstance(t, torch.Tensor)]
        if any(t.device.type == "cpu" for t in given):
            self.seen.append(str(operation))
        return operation(*args, **(kwargs or {}))


@pytest.mark.parametrize("size", [(192, 256), (480, 640)])
def test_nothing_comes_from_the_host_once_it_runs(size: tuple[int, int]) -> None:
    """A CUDA graph refuses to capture such a copy; the meta device stands for the GPU."""
    config = GeneratorConfig()
    form = CompiledForm(Generator(config).eval()).to("meta")
    image, rays = (torch.empty((1, channels, *size), device="meta") for channels in (3, 2))
    with HostWork() as host, torch.inference_mode():
        painted = form(image, rays, torch.empty((3, config.max_tokens, config.token_dim), device="meta"))
    assert painted.shape == (3, 3, *size)
    assert host.seen == []
