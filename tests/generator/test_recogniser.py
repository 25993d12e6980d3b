"""Evidence from the encoder's maps for what a legend names, and for nothing else."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from torch import Tensor  # noqa: E402

from vb_perception.generator.config import GeneratorConfig  # noqa: E402
from vb_perception.generator.recogniser import Recogniser, legend_rows  # noqa: E402
from vb_perception.generator.student import Generator  # noqa: E402
from vb_perception.runtime.text import prompt_rows  # noqa: E402
from vb_perception.tasks import (  # noqa: E402
    EdgeMap,
    InstanceSegmentation,
    MetricDepth,
    ReferringSegmentation,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)

CONFIG = GeneratorConfig()
LEGEND = SemanticSegmentation((("cup", (255, 0, 0)), ("table", (0, 255, 0))))


def _prompt(task: Task) -> Tensor:
    words = np.random.default_rng(0).normal(0, 1, (len(task.tokens), CONFIG.embedding_dim)).astype(np.float32)
    return torch.from_numpy(prompt_rows(task.tokens, words, CONFIG))


def _painted(generator: Generator, *tasks: Task, size: tuple[int, int] = (64, 96)) -> Tensor:
    probe = torch.Generator().manual_seed(1)
    image, rays = torch.rand(1, 3, *size, generator=probe) * 2 - 1, torch.zeros(1, 2, *size)
    with torch.no_grad():
        rgb: Tensor = generator(image, rays, torch.stack([_prompt(task) for task in tasks])).rgb
    return rgb


def _taught(generator: Generator) -> Generator:
    """With words that mean something to the recogniser."""
    assert generator.recogniser is not None
    with torch.no_grad():
        for parameter in generator.recogniser.phrase.parameters():
            parameter.normal_(0, 1)
    return generator


@pytest.mark.parametrize(
    ("task", "rows"),
    [
        (LEGEND, [0, 1, 1, 1]),
        (ReferringSegmentation("the left cup"), [0, 1, 1]),
        (EdgeMap(), [0, 1, 1]),
        (InstanceSegmentation("cup"), []),
        (MetricDepth(), []),
        (SurfaceNormals(), []),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_rows_of_a_legend(task: Task, rows: list[int]) -> None:
    found = legend_rows(_prompt(task)[None, :, CONFIG.embedding_dim :])
    assert found[0].tolist() == rows + [0] * (CONFIG.max_tokens - len(rows))


def test_untaught_it_changes_nothing_and_taught_only_legends() -> None:
    torch.manual_seed(0)
    generator = Generator(CONFIG).eval()
    torch.manual_seed(0)
    without = Generator(GeneratorConfig(recognises=False)).eval()
    without.load_state_dict({k: v for k, v in generator.state_dict().items() if not k.startswith("recogniser.")})
    tasks = (LEGEND, MetricDepth(), SurfaceNormals(), InstanceSegmentation("cup"))
    before = _painted(without, *tasks)
    assert torch.equal(_painted(generator, *tasks), before)
    after = _painted(_taught(generator), *tasks)
    assert torch.equal(after[1:], before[1:])
    assert float((after[0] - before[0]).abs().max()) > 0.1


def test_evidence_is_of_places_and_phrases() -> None:
    torch.manual_seed(0)
    recogniser = Recogniser(CONFIG, CONFIG.embedding_dim)
    with torch.no_grad():
        for parameter in recogniser.parameters():
            parameter.normal_(0, 0.2)
        maps = [torch.randn(2, c, 64 // s, 96 // s) for c, s in ((16, 2), (24, 4), (40, 8), (112, 16), (320, 32))]
        rows = _prompt(LEGEND)[:, CONFIG.embedding_dim :].expand(4, -1, -1)
        tokens = torch.randn(4, CONFIG.max_tokens, CONFIG.embedding_dim)
        found, trust = recogniser(maps, tokens, rows)
        assert found.shape == (4, CONFIG.max_tokens, 8, 12)
        other = tokens.clone()
        other[:, [2, 3]] = tokens[:, [3, 2]]  # the two things change places in the prompt
        assert torch.allclose(recogniser(maps, other, rows).nats[:, [3, 2]], found[:, [2, 3]], atol=1e-5)
        shifted = [m.roll(1, 0) for m in maps]  # the two images change places
        assert torch.allclose(recogniser(shifted, tokens.roll(2, 0), rows).nats, found.roll(2, 0), atol=1e-5)
    assert not found[:, 4:].any()
    assert (trust[:, [0, 4, 5]] == 1).all()
    assert (trust[:, 1:4] != 1).all()


def test_a_large_picture_is_recognised_at_the_size_of_its_overview() -> None:
    torch.manual_seed(0)
    generator = _taught(Generator(GeneratorConfig(overview_px=64 * 96)).eval())
    seen = generator.look(torch.rand(1, 3, 192, 288), torch.zeros(1, 2, 192, 288), _prompt(LEGEND)[None])
    assert seen.evidence is not None
    assert seen.evidence.nats.shape == (1, CONFIG.max_tokens, 8, 12)
    assert _painted(generator, LEGEND, size=(192, 288)).shape == (1, 3, 192, 288)
