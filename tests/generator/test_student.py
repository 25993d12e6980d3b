from functools import partial
from pathlib import Path

import numpy as np
import pytest

from vb_perception.camera import CameraIntrinsics
from vb_perception.codecs.colour_maps import COLOUR_MAPS, colours_at
from vb_perception.codecs.depth import DepthCodec
from vb_perception.errors import ConfigError

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from torch import Tensor  # noqa: E402

from vb_perception.generator.config import GeneratorConfig  # noqa: E402
from vb_perception.generator.painter import DECIDED  # noqa: E402
from vb_perception.generator.student import Generator, Painted, reduced  # noqa: E402
from vb_perception.generator.teacher import FEATURES  # noqa: E402
from vb_perception.generator.text import TextEncoder, phrase_rows  # noqa: E402
from vb_perception.tasks import (  # noqa: E402
    InstanceSegmentation,
    MetricDepth,
    PromptToken,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)
from vb_perception.training import train  # noqa: E402
from vb_perception.training.settings import TrainSettings  # noqa: E402
from vb_perception.training.validate import prompt_tensor  # noqa: E402

CONFIG = GeneratorConfig()


@pytest.fixture(scope="module")
def model() -> tuple[Generator, TextEncoder]:
    torch.manual_seed(0)
    return Generator(CONFIG).eval(), TextEncoder(CONFIG).eval()


@torch.no_grad()
def painted(model: tuple[Generator, TextEncoder], *tasks: Task) -> Painted:
    generator, text = model
    probe = torch.Generator().manual_seed(1)
    image = torch.rand(1, 3, 64, 96, generator=probe) * 2 - 1
    prompts = torch.stack([prompt_tensor(text, t) for t in tasks])
    return generator(image, torch.zeros(1, 2, 64, 96), prompts)


def test_stays_inside_the_budget() -> None:
    generator, text = Generator(CONFIG), TextEncoder(CONFIG)
    assert sum(p.numel() for m in (generator, text) for p in m.parameters()) <= 6_000_000


def test_the_edge_recipe_is_of_its_class_and_the_same_graph() -> None:
    values = TrainSettings.read(Path(train.__file__).with_name("edge.yaml")).generator
    config = GeneratorConfig.with_values(values)
    generator, text = Generator(config).eval(), TextEncoder(config).eval()
    parameters = sum(p.numel() for module in (generator, text) for p in module.parameters())
    assert 30e6 < parameters < 60e6
    seen = painted((generator, text), MetricDepth(), InstanceSegmentation("cup"))
    assert seen.rgb.shape == (2, 3, 64, 96)


def test_an_encoder_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="image encoder 'lite9': expected one of lite0, lite2"):
        Generator(GeneratorConfig(encoder="lite9"))


@pytest.mark.parametrize(
    ("size", "overview"),
    [
        ((192, 256), (192, 256)),
        ((256, 256), (256, 256)),
        ((480, 640), (192, 256)),
        ((384, 512), (192, 256)),
        ((480, 864), (160, 288)),
        ((64, 3200), (32, 1568)),
    ],
)
def test_a_large_picture_is_looked_at_as_a_whole_at_one_size(size: tuple[int, int], overview: tuple[int, int]) -> None:
    with torch.device("meta"):
        assert Generator(CONFIG).overview(*size) == overview


def test_a_large_picture_is_understood_as_its_small_copy_is() -> None:
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(overview_px=64 * 96)).eval()
    probe = torch.Generator().manual_seed(1)
    small = torch.rand(1, 3, 64, 96, generator=probe) * 2 - 1
    large = small.repeat_interleave(5, 2).repeat_interleave(5, 3)
    prompts = torch.randn(2, CONFIG.max_tokens, CONFIG.token_dim, generator=probe)
    rays = torch.rand(1, 2, 64, 96, generator=probe)
    with torch.no_grad():
        one = generator.look(small, rays, prompts)
        other = generator.look(large, rays.repeat_interleave(5, 2).repeat_interleave(5, 3), prompts)
        answer = generator(large, rays.repeat_interleave(5, 2).repeat_interleave(5, 3), prompts)
    assert torch.allclose(one.features, other.features, atol=1e-5)
    assert [tuple(m.shape[2:]) for m in other.maps] == [(160, 240), (16, 24), (8, 12), (4, 6), (2, 3)]
    assert answer.rgb.shape == (2, 3, 320, 480)


@pytest.mark.parametrize("size", [(32, 48), (20, 30), (64, 96), (48, 96)])
def test_what_is_reduced_keeps_its_mean_and_its_slopes(size: tuple[int, int]) -> None:
    rows, columns = torch.linspace(0, 1, 64)[:, None].expand(64, 96), torch.linspace(0, 1, 96).expand(64, 96)
    small = reduced(torch.stack((rows, columns))[None], size)
    assert small.shape == (1, 2, *size)
    assert torch.allclose(small.mean((2, 3)), torch.tensor(0.5), atol=2e-3)
    steps = small[0, 1, 0].diff()
    assert torch.allclose(steps[1:-1], torch.tensor(96 / size[1] / 95), atol=2e-3)


def test_each_prompt_is_answered_as_if_alone(model: tuple[Generator, TextEncoder]) -> None:
    tasks = (MetricDepth(), SemanticSegmentation((("table", (255, 0, 0)),)))
    together = painted(model, *tasks).rgb
    for i, task in enumerate(tasks):
        assert torch.allclose(painted(model, task).rgb[0], together[i], atol=1e-4)


def test_a_legend_is_painted_in_the_colours_it_asks_for(model: tuple[Generator, TextEncoder]) -> None:
    one = SemanticSegmentation((("table", (255, 0, 0)), ("cup", (0, 255, 0))))
    other = SemanticSegmentation((("table", (0, 0, 255)), ("cup", (255, 255, 255))))
    answers = painted(model, one, other)
    # What is seen does not depend on the colours, only what is painted does.
    assert torch.allclose(answers.logits[0], answers.logits[1], atol=1e-4)
    assert answers.rgb[0, 2].max() < -0.99  # no blue was asked for
    assert answers.rgb[1, 2].max() > -0.9


class Uncoloured(InstanceSegmentation):
    """A noun that leaves the colour to the generator."""

    @property
    def tokens(self) -> tuple[PromptToken, ...]:
        return tuple(t for t in super().tokens if t.role != "instance")


def test_instances_have_the_colours_of_the_prompt_and_the_noun_none(model: tuple[Generator, TextEncoder]) -> None:
    task = InstanceSegmentation("cup", background=(255, 255, 255))
    answer = painted(model, task)
    weight = torch.softmax(answer.logits[0] * DECIDED, 0)
    assert weight[[0, 2]].max() < 1e-4  # neither the task nor the noun paints
    colours = torch.tensor([t.colour for t in task.tokens[3:]]) / 127.5 - 1
    expected = torch.einsum("tc,thw->chw", colours, weight[3 : 3 + len(colours)]) + weight[1]
    assert torch.allclose(answer.rgb[0], expected, atol=1e-4)


def test_a_thing_without_colour_is_painted_freely(model: tuple[Generator, TextEncoder]) -> None:
    answer = painted(model, Uncoloured("cup"))
    weight = torch.softmax(answer.logits[0], 0)
    assert torch.allclose(weight[0], torch.zeros_like(weight[0]), atol=1e-4)  # the task itself paints nothing
    expected = weight[2] * answer.free[0] - weight[1]  # the cup's own colour over black (-1)
    assert torch.allclose(answer.rgb[0], expected, atol=1e-4)


def test_depth_lies_on_the_colour_map_that_the_prompt_brings(model: tuple[Generator, TextEncoder]) -> None:
    for name in COLOUR_MAPS:
        codec = DepthCodec(colour_map=name)
        answer = painted(model, MetricDepth(codec), SurfaceNormals())
        f, unsure = answer.place[0].numpy()
        sure, off = (colours_at(f, stops).astype(float) for stops in (codec.stops, codec.unsure_stops))
        levels = (answer.rgb[0].permute(1, 2, 0).numpy() + 1) * 127.5
        assert np.abs(levels - (sure + unsure[..., None] * (off - sure))).max() < 1.5
        assert torch.allclose(answer.rgb[1], answer.free[1], atol=1e-4)  # normals bring no colours


def test_without_stops_depth_is_regressed() -> None:
    torch.manual_seed(0)
    config = GeneratorConfig(paints_stops=False)
    answer = painted((Generator(config).eval(), TextEncoder(config).eval()), MetricDepth())
    assert torch.allclose(answer.rgb, answer.free, atol=1e-4)


def test_rays_are_read_unless_the_configuration_says_no() -> None:
    for reads in (True, False):
        torch.manual_seed(0)
        config = GeneratorConfig(reads_rays=reads)
        generator, text = Generator(config).eval(), TextEncoder(config).eval()
        with torch.no_grad():
            prompts = prompt_tensor(text, SurfaceNormals())[None]
            image = torch.zeros(1, 3, 64, 96)
            wide, narrow = (generator(image, torch.full((1, 2, 64, 96), float(r)), prompts).rgb for r in (1, 0))
        assert torch.allclose(wide, narrow) is not reads


def nothing_seen(channels: int, c16: Tensor, *_: object) -> Tensor:
    return torch.zeros(len(c16), channels, *c16.shape[2:])


@pytest.mark.parametrize("prompts", [1, 2])
def test_twice_the_focal_length_is_about_twice_as_far_in_the_canonical_camera(prompts: int) -> None:
    torch.manual_seed(0)
    config = GeneratorConfig(canonical_camera=True)
    generator, text = Generator(config).eval(), TextEncoder(config).eval()
    with torch.no_grad():
        generator.painter.zoom.fill_(1)
        generator.denoiser.features = partial(nothing_seen, FEATURES)  # what else reads the rays
        rows = prompt_tensor(text, MetricDepth())[None].repeat(2 * prompts, 1, 1)
        rays = torch.from_numpy(CameraIntrinsics.from_fov(96, 64, 58).rays())[None]
        both = torch.cat((rays, rays / 2))
        place = generator(torch.zeros(2, 3, 64, 96), both, rows).place[:, 0].mean((1, 2))
    codec = DepthCodec()
    near_m, far_m = (float(codec.inverse_curve(place[i].item())) for i in (0, prompts))
    assert torch.allclose(place[:prompts], place[0])
    assert near_m == pytest.approx(1.2, rel=0.3)  # as every generator begins
    assert far_m / near_m == pytest.approx(2, rel=0.1)


def test_padding_does_not_change_an_embedding(model: tuple[Generator, TextEncoder]) -> None:
    _, text = model
    with torch.no_grad():
        long = text(phrase_rows(["cup"], CONFIG.phrase_bytes))
        pair = text(phrase_rows(["cup", "a much longer phrase"], CONFIG.phrase_bytes))
    assert torch.allclose(long[0], pair[0], atol=1e-5)
    assert not torch.allclose(pair[0], pair[1], atol=1e-2)
