"""The recogniser learns to name by itself, and nothing else of the generator changes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from torch import Tensor, nn  # noqa: E402

from vb_perception.errors import ConfigError  # noqa: E402
from vb_perception.generator.checkpoint import write_tensors  # noqa: E402
from vb_perception.generator.config import GeneratorConfig  # noqa: E402
from vb_perception.generator.painter import MASKED  # noqa: E402
from vb_perception.scenes.sample import Sample  # noqa: E402
from vb_perception.training.asked import Asked  # noqa: E402
from vb_perception.training.recognise import STRIDE, RecogniserModel, recogniser_terms  # noqa: E402
from vb_perception.training.starting import learnt  # noqa: E402
from vb_perception.training.stream import Batch, collate  # noqa: E402
from vb_perception.training.targets import Target, semantic_target  # noqa: E402

CONFIG = GeneratorConfig()


def _batch(
    random_sample: Callable[[int, int, int], Sample], targets: Callable[[Sample, np.random.Generator], list[Target]]
) -> Batch:
    samples = [random_sample(seed, 64, 96) for seed in range(2)]
    for sample in samples:  # a left and a right half, and pictures that tell them apart
        sample.class_ids[:, :48], sample.class_ids[:, 48:] = 1, 2
        sample.rgb[:, :48] //= 4
    rng = np.random.default_rng(0)
    return collate([(sample, targets(sample, rng)) for sample in samples], CONFIG)


def _legends(sample: Sample, rng: np.random.Generator) -> list[Target]:
    return [semantic_target(sample, rng) for _ in range(4)]


def _right(model: RecogniserModel, batch: Batch) -> float:
    """Of the pixels that are asked about, those that are given to the right row."""
    with torch.no_grad():
        found = model(batch).logits.argmax(1)
    middle = slice(STRIDE // 2, None, STRIDE)
    known = batch.valid[:, middle, middle]
    return float((found == batch.rows[:, middle, middle])[known].float().mean())


@pytest.mark.slow
def test_it_learns_to_name(random_sample: Callable[[int, int, int], Sample]) -> None:
    torch.manual_seed(0)
    model, batch = RecogniserModel(CONFIG), _batch(random_sample, _legends)
    for module in model.generator.encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train().momentum = 1.0  # statistics of these pictures: at random weights little else gets through
    with torch.no_grad():
        model.generator.encoder(batch.image)
    model.train()
    parameters = learnt(model, ("generator.recogniser",))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    optimizer = torch.optim.AdamW(parameters, 0.01)
    right_before = _right(model, batch)
    for _ in range(30):
        loss = recogniser_terms(model, batch, CONFIG, torch.Generator())["pointing"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert right_before < 0.5
    assert _right(model, batch) > 0.9
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert changed == {k for k in before if k.startswith("generator.recogniser.")}


def test_the_encoder_is_held_to_what_others_read(
    random_sample: Callable[[int, int, int], Sample], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model, batch = RecogniserModel(CONFIG), _batch(random_sample, Asked(words=2).targets)
    model.train()
    assert set(recogniser_terms(model, batch, CONFIG, torch.Generator())) == {"pointing"}
    write_tensors(tmp_path / "before.safetensors", {f"average.{k}": v for k, v in model.state_dict().items()}, {})
    model.hold_to(tmp_path / "before.safetensors")
    names = set(model.state_dict())
    with torch.no_grad():
        assert recogniser_terms(model, batch, CONFIG, torch.Generator())["held"] == 0
        last = model.generator.encoder.blocks[-1]._bn2.bias  # noqa: SLF001 (no public name)
        _, _, read = torch.linalg.svd(model.generator.denoiser.from_32.weight[:, :, 0, 0])
        last += 10 * read[-1]  # where the denoiser does not look
        assert recogniser_terms(model, batch, CONFIG, torch.Generator())["held"] < 1e-6
        last += 10 * read[0]
    held = recogniser_terms(model, batch, CONFIG, torch.Generator())["held"]
    assert held > 0.1
    held.backward()
    assert last.grad is not None
    assert set(model.state_dict()) == names  # what it is held to is none of its weights


def test_what_moves_alike_everywhere_and_what_the_denoiser_reads_is_held_most(
    random_sample: Callable[[int, int, int], Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model, batch = RecogniserModel(CONFIG).eval(), _batch(random_sample, Asked(words=2).targets)
    write_tensors(tmp_path / "before.safetensors", {f"average.{k}": v for k, v in model.state_dict().items()}, {})
    model.hold_to(tmp_path / "before.safetensors")
    maps = [torch.randn_like(x) for x in model.generator.encoder(batch.image)]
    monkeypatch.setattr(model._before[0], "forward", lambda _image: maps)  # noqa: SLF001 (its own are nearly 0)
    signs = [torch.ones_like(x) for x in maps]
    for sign in signs:
        sign[..., ::2] = -1

    def held(moved: int, signs: list[Tensor]) -> float:
        """With one of the maps off by as much at every place."""
        off = [x + 0.3 * sign if i == moved else x for i, (x, sign) in enumerate(zip(maps, signs, strict=True))]
        monkeypatch.setattr(model.generator.encoder, "forward", lambda _image: off)
        with torch.no_grad():
            return float(recogniser_terms(model, batch, CONFIG, torch.Generator())["held"])

    everywhere = [sign.abs() for sign in signs]
    for moved in range(5):
        assert held(moved, everywhere) > 2 * held(moved, signs) > 0
    assert held(3, signs) > 3 * held(0, signs)


def test_it_has_nothing_to_say_of_other_prompts(random_sample: Callable[[int, int, int], Sample]) -> None:
    torch.manual_seed(0)
    model, batch = RecogniserModel(CONFIG), _batch(random_sample, Asked(segmentations=2).targets)
    with torch.no_grad():
        logits = model(batch).logits
    assert logits.shape == (8, CONFIG.max_tokens, 64 // STRIDE, 96 // STRIDE)
    assert (logits[[0, 1, 4, 5]] == MASKED).all()  # depth and normals
    without = GeneratorConfig(recognises=False)
    with pytest.raises(ConfigError, match="expected one that recognises"):
        RecogniserModel(without)(batch)
