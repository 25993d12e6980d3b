"""The training loop on a handful of small images: it learns, it stops where it should, it goes on where it stopped."""

import dataclasses
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from torch import Tensor  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from vb_perception.errors import CheckpointError, ConfigError  # noqa: E402
from vb_perception.generator.checkpoint import write_tensors  # noqa: E402
from vb_perception.scenes.sample import Sample, Samples  # noqa: E402
from vb_perception.training.corpus import write_corpus  # noqa: E402
from vb_perception.training.schedule import learning_rate  # noqa: E402
from vb_perception.training.setting_parts import Large, PoolSettings, SceneSettings, Stage  # noqa: E402
from vb_perception.training.settings import TrainSettings  # noqa: E402
from vb_perception.training.train import STATE, Run  # noqa: E402


@pytest.fixture
def settings(tmp_path: Path, random_sample: Callable[[int, int, int], Sample]) -> TrainSettings:
    """Six OSD-like frames of noise and two renders, one stage of four steps."""
    osd = tmp_path / "osd"
    osd.mkdir()
    rng = np.random.default_rng(0)
    for i in range(6):
        cv2.imwrite(str(osd / f"{i:03d}_rgb.jpg"), rng.integers(0, 256, (480, 640, 3), dtype=np.uint8))
        depth = np.full((480, 640), 900 + 10 * i, np.uint16)
        label = np.full((480, 640), 1, np.uint16)
        label[200:300, 200:300] = 20
        cv2.imwrite(str(osd / f"{i:03d}_depth.png"), depth)
        cv2.imwrite(str(osd / f"{i:03d}_label.png"), label)
    write_corpus(iter([random_sample(i, 64, 64) for i in range(2)]), 2, tmp_path / "renders")
    return TrainSettings(
        str(osd),
        str(tmp_path / "renders"),
        validation_frames=(5,),
        validation_renders=1,
        threads=1,
        stages=(Stage(64, 64, 2, 8),),
        warmup_images=2,
        validate_every_images=4,
    )


def names(samples: Samples) -> list[str]:
    return [samples[i].name for i in range(len(samples))]


def weights(run: Run) -> Tensor:
    return torch.cat([p.detach().ravel() for p in run.model.parameters()])


@pytest.mark.slow
def test_a_killed_run_ends_like_one_that_was_not(settings: TrainSettings, tmp_path: Path) -> None:
    whole = Run(settings, tmp_path / "whole")
    whole.run()
    assert whole.images == 8
    assert (tmp_path / "whole" / "pictures" / "osd" / "0000004.png").exists()

    first = Run(settings, tmp_path / "killed")
    first.run_until(4)
    first.save()
    second = Run(settings, tmp_path / "killed")
    assert second.images == 4
    second.run()
    torch.testing.assert_close(weights(second), weights(whole), rtol=1e-4, atol=1e-5)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(
    settings: TrainSettings, tmp_path: Path
) -> None:
    run = Run(settings, tmp_path / "run")
    run.save()
    before = (tmp_path / "run" / STATE).read_bytes()
    with torch.no_grad():
        run.model.generator.painter.colour.bias.fill_(float("nan"))
    with pytest.raises(CheckpointError, match="is intact: lower learning_rate"):
        run.run()
    assert (tmp_path / "run" / STATE).read_bytes() == before


def test_a_gradient_that_is_not_finite_stops_the_run_before_it_changes_a_weight(
    settings: TrainSettings, tmp_path: Path
) -> None:
    run = Run(settings, tmp_path / "run")
    before = weights(run)
    run.model.generator.painter.colour.bias.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(CheckpointError, match=r"norm of the gradient became .* no checkpoint yet: lower learning_rate"):
        run.run()
    assert torch.equal(weights(run), before)
    assert not (tmp_path / "run" / STATE).exists()


def test_learning_rate_warms_up_stays_and_cools_down(settings: TrainSettings) -> None:
    long = dataclasses.replace(settings, stages=(Stage(64, 64, 2, 10_000),), warmup_images=1000, cooldown=0.3)
    assert learning_rate(long, 0) < learning_rate(long, 500) < learning_rate(long, 1000) == 1
    assert learning_rate(long, 6900) == 1
    assert learning_rate(long, 8500) == pytest.approx(0.5)
    assert learning_rate(long, 10_000) == pytest.approx(0.02)


def test_a_run_may_neither_warm_up_nor_cool_down(settings: TrainSettings) -> None:
    plain = dataclasses.replace(settings, warmup_images=0, cooldown=0.0)
    assert [learning_rate(plain, images) for images in (0, 4, 8)] == [1, 1, 1]


def test_a_run_starts_from_a_shipped_model(settings: TrainSettings, tmp_path: Path) -> None:
    source = Run(settings, tmp_path / "source").model
    tensors = {k: v for k, v in source.state_dict().items() if "painter.place" not in k}
    write_tensors(tmp_path / "generator.safetensors", tensors, {})
    warm = dataclasses.replace(settings, seed=2, start_from=str(tmp_path / "generator.safetensors"))
    own = Run(warm, tmp_path / "warm").model.state_dict()
    for name, value in tensors.items():
        torch.testing.assert_close(own[name], value)
    Run(warm, tmp_path / "saved").save()
    again = dataclasses.replace(settings, seed=3, start_from=str(tmp_path / "saved" / STATE))
    for name, value in Run(again, tmp_path / "again").model.state_dict().items():
        torch.testing.assert_close(value, own[name])
    write_tensors(tmp_path / "foreign.safetensors", {"x": torch.zeros(1)}, {})
    foreign = dataclasses.replace(warm, start_from=str(tmp_path / "foreign.safetensors"))
    with pytest.raises(CheckpointError, match="holds no weight of this generator"):
        Run(foreign, tmp_path / "other")


@pytest.mark.slow
def test_a_part_of_the_weights_learns_from_words_alone(settings: TrainSettings, tmp_path: Path) -> None:
    part = dataclasses.replace(settings, learns=("generator.recogniser",), words=2)
    run = Run(part, tmp_path / "run")
    before = {k: v.clone() for k, v in run.model.state_dict().items()}
    run.run()
    changed = {k for k, v in run.model.state_dict().items() if not torch.equal(v, before[k])}
    assert changed
    assert all(name.startswith("generator.recogniser.") for name in changed)
    resumed = Run(part, tmp_path / "run")
    assert torch.equal(weights(resumed), weights(run))
    with pytest.raises(ConfigError, match=r"learns painter: no weight's name begins so; .*generator\.recogniser"):
        Run(dataclasses.replace(part, learns=("painter",)), tmp_path / "none")


@pytest.mark.slow
def test_an_encoder_that_is_held_learns_with_the_recogniser(settings: TrainSettings, tmp_path: Path) -> None:
    Run(settings, tmp_path / "before").save()
    held = dataclasses.replace(
        settings,
        network="recogniser",
        learns=("generator.recogniser", "generator.encoder"),
        words=2,
        weights={"pointing": 1.0, "held": 1.0},
        start_from=str(tmp_path / "before" / STATE),
    )
    run = Run(held, tmp_path / "run")
    before = {k: v.clone() for k, v in run.model.state_dict().items()}
    assert set(run.step(next(iter(run.batches(held.stages[0]))))) == {"loss", "pointing", "held"}
    changed = {".".join(k.split(".")[:2]) for k, v in run.model.state_dict().items() if not torch.equal(v, before[k])}
    assert changed == {"generator.recogniser", "generator.encoder"}
    run.save()
    assert torch.equal(weights(Run(held, tmp_path / "run")), weights(run))
    (tmp_path / "before" / STATE).unlink()
    with pytest.raises(CheckpointError, match=STATE):  # what it is held to has to stay
        Run(held, tmp_path / "run")


def test_two_sizes_by_turns_and_in_turn_again_after_a_kill(settings: TrainSettings, tmp_path: Path) -> None:
    large = Large(96, 128, 1, every=3)
    run = Run(dataclasses.replace(settings, stages=(Stage(64, 64, 2, 100, large),)), tmp_path / "run")

    def sizes(count: int) -> list[tuple[int, ...]]:
        return [tuple(b.image.shape) for b in islice(run.batches(run.settings.stages[0], began=10), count)]

    small, other = (2, 3, 64, 64), (1, 3, 96, 128)
    for seen, expected in (
        (0, [small, small, other, small]),
        (2, [small, other, small]),
        (4, [other, small]),
        (5, [small]),
    ):
        run.images = 10 + seen
        assert sizes(len(expected)) == expected
    run.images = 10
    whole = list(islice(run.batches(run.settings.stages[0], began=10), 3))
    run.images = 14
    again = next(iter(run.batches(run.settings.stages[0], began=10)))
    torch.testing.assert_close(again.image, whole[2].image)


@pytest.mark.parametrize("large", [None, Large(96, 128, 1, every=3)])
def test_examples_are_made_by_processes_that_are_no_forks(
    settings: TrainSettings, tmp_path: Path, large: Large | None
) -> None:
    """A fork waits forever for the graphics context with which this process drew the renders that it watches."""
    run = Run(dataclasses.replace(settings, stages=(Stage(64, 64, 2, 8, large),)), tmp_path / "run")
    loader = run.batches(run.settings.stages[0])
    assert isinstance(loader, DataLoader)
    assert loader.multiprocessing_context.get_start_method() == "forkserver"


@pytest.mark.slow
def test_a_run_on_scenes_that_are_drawn_for_it_without_a_pool(settings: TrainSettings, tmp_path: Path) -> None:
    pytest.importorskip("moderngl", reason="rendering needs moderngl: pip install moderngl")
    drawn = SceneSettings(4, seed=1, width=96, height=72)
    run = Run(dataclasses.replace(settings, corpus_dir="", scenes=drawn), tmp_path / "run")
    assert len(run.data.watched_renders) == 1
    assert next(iter(run.batches(settings.stages[0]))).image.shape == (2, 3, 64, 64)


def test_the_second_size_of_a_stage_is_read_from_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    sizes = "large: {height: 480, width: 640, batch: 2, every: 2}"
    stage = f"{{height: 192, width: 256, batch: 8, images: 10, {sizes}}}"
    path.write_text(f"osd_dir: a\ncorpus_dir: b\nstages: [{stage}]\n", encoding="utf-8")
    assert TrainSettings.read(path).stages == (Stage(192, 256, 8, 10, Large(480, 640, 2, 2)),)


def test_a_frame_to_watch_that_is_not_there_is_refused(settings: TrainSettings, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"validation_frames \[6, 40\]: .*osd has 6 frames, numbered from 0"):
        Run(dataclasses.replace(settings, validation_frames=(5, 6, 40)), tmp_path / "run")


def test_a_folder_for_the_run_that_is_a_file_is_refused(settings: TrainSettings, tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    for out in (tmp_path / "run", tmp_path / "run" / "deeper"):
        with pytest.raises(ConfigError, match="run is a file, expected a folder"):
            Run(settings, out)


def test_withheld_renders_are_kept_apart(settings: TrainSettings, tmp_path: Path) -> None:
    run = Run(dataclasses.replace(settings, validation_renders=0, withheld_renders=1), tmp_path / "run")
    assert names(run.data.sources[1].samples) == ["s0"]
    assert names(run.data.withheld) == ["s1"]


def test_a_run_may_watch_nothing(settings: TrainSettings, tmp_path: Path) -> None:
    blind = dataclasses.replace(
        settings, validation_frames=(), validation_renders=0, validate_every_images=2, stages=(Stage(64, 64, 2, 2),)
    )
    run = Run(blind, tmp_path / "run")
    run.run()
    assert run.images == 2
    assert not (tmp_path / "run" / "pictures").exists()


def test_validation_renders_are_never_learnt_from(settings: TrainSettings, tmp_path: Path) -> None:
    run = Run(dataclasses.replace(settings, validation_renders=1), tmp_path / "run")
    assert [r.name for r in run.data.watched_renders] == ["s1"]
    assert names(run.data.sources[1].samples) == ["s0"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("osd_dir: a\ncorpus_dir: b\nlearning_rat: 1", "did you mean 'learning_rate'"),
        ("osd_dir: a", "corpus_dir"),
        ("{", "expected a YAML file"),
        ("- 1", "expected keys and values"),
        ("osd_dir: a\ncorpus_dir: b\nstages: [{hight: 1}]", "unknown key 'hight'; did you mean 'height'"),
        ("osd_dir: a\ncorpus_dir: b\nweights: {dept: 1}", "weights .*'dept'"),
        ("osd_dir: a\ncorpus_dir: b\nnetwork: studnet", "expected one of student, teacher"),
    ],
)
def test_settings_name_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        TrainSettings.read(path)


def test_a_part_of_the_weights_may_be_given(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("osd_dir: a\ncorpus_dir: b\nweights: {depth: 7}")
    weights = TrainSettings.read(path).weights
    assert weights["depth"] == 7
    assert weights["normals"] == TrainSettings("a", "b").weights["normals"]


def test_a_run_is_not_resumed_with_another_split(settings: TrainSettings, tmp_path: Path) -> None:
    Run(settings, tmp_path / "run").save()
    with pytest.raises(ConfigError, match=r"validation_frames \[5\] \(now \[4\]\)"):
        Run(dataclasses.replace(settings, validation_frames=(4,)), tmp_path / "run")


@pytest.mark.parametrize("name", ["default", "gpu", "canonical", "last", "edge", "recogniser", "recogniser_painted"])
def test_the_shipped_settings_can_be_read(name: str) -> None:
    path = Path(__file__).parents[2] / "vb_perception" / "training" / f"{name}.yaml"
    assert TrainSettings.read(path).total_images > 0


def test_a_run_of_some_seconds_cools_down_in_time(settings: TrainSettings) -> None:
    timed = dataclasses.replace(settings, most_s=100.0, cooldown=0.4, warmup_images=1)
    early = [learning_rate(timed, images=1, spent_s=s) for s in (0, 59)]
    assert early == [1.0, 1.0]
    late = [learning_rate(timed, images=1, spent_s=s) for s in (70, 85, 100)]
    assert late == pytest.approx([0.75, 0.375, 0.02])


@pytest.mark.slow
def test_a_run_ends_when_its_time_is_over_and_stays_ended(settings: TrainSettings, tmp_path: Path) -> None:
    run = Run(dataclasses.replace(settings, most_s=0.01), tmp_path / "run")
    run.run()
    assert run.images <= 2  # what a step had begun
    again = Run(run.settings, tmp_path / "run")
    assert again.spent_s > 0.01
    again.run()
    assert again.images == run.images


@pytest.mark.slow
def test_a_run_on_a_pool_of_scenes_that_are_drawn_for_it(settings: TrainSettings, tmp_path: Path) -> None:
    pytest.importorskip("moderngl", reason="rendering needs moderngl: pip install moderngl")
    run = Run(
        dataclasses.replace(
            settings,
            corpus_dir="",
            scenes=SceneSettings(40, seed=1, width=96, height=72),
            bench_scenes=SceneSettings(40, seed=1, width=64, height=64, kinds=("bench",)),
            bench_share=0.2,
            pool=PoolSettings(72, 96, views=32, fewest=16, reuse=4.0, workers=1),
            stages=(Stage(64, 64, 4, 8),),
        ),
        tmp_path / "run",
    )
    assert [s.name.partition("/")[2] for s in run.data.watched_renders] == ["1/39"]  # the last one
    run.run()
    assert run.images == 8
    assert (tmp_path / "run" / STATE).exists()


def test_benches_are_drawn_from_and_lend_their_objects(
    settings: TrainSettings, tmp_path: Path, random_sample: Callable[[int, int, int], Sample]
) -> None:
    rendered = dataclasses.replace(random_sample(0, 64, 64), class_names=("background", "table", "box"))
    write_corpus(iter([rendered]), 1, tmp_path / "benches")
    run = Run(dataclasses.replace(settings, bench_dir=str(tmp_path / "benches"), bench_share=0.2), tmp_path / "run")
    frames, renders, benches = run.data.sources
    assert [s.share for s in run.data.sources] == pytest.approx([0.4, 0.4, 0.2])
    assert not renders.donors
    assert frames.donors == benches.donors
    assert [len(donors) for donors in frames.donors] == [5, 1]
    assert frames.donors[1][0].class_names == frames.samples[0].class_names


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"corpus_dir": ""}, "corpus_dir or scenes"),
        ({"scenes": SceneSettings(4, 1, 64, 64)}, "one of the two"),
        ({"pool": PoolSettings(64, 64, 40, 8, 2.0, 1)}, "multiple of 16"),
        ({"pool": PoolSettings(64, 64, 32, 0, 2.0, 1)}, "at least one"),
        ({"pool": PoolSettings(64, 64, 32, 16, 0.0, 1)}, "reuse above zero"),
        ({"most_s": 0.0}, "seconds above zero"),
        ({"bench_share": 0.2}, "with a share above zero, or none"),
        ({"bench_dir": "benches"}, "with a share above zero, or none"),
        ({"bench_scenes": SceneSettings(4, 1, 64, 64)}, "with a share above zero, or none"),
        (
            {"bench_dir": "a", "bench_scenes": SceneSettings(4, 1, 64, 64), "bench_share": 0.2},
            "with a share above zero",
        ),
        ({"bench_dir": "benches", "bench_share": 0.7}, "no more than 1 together"),
        ({"further": {"cells": 0.7}}, "no more than 1 together"),
        ({"further": {"cells": 0.0}}, "expected shares above zero"),
        (
            {"pool": PoolSettings(64, 64, 32, 8, 2.0, 1), "stages": (Stage(64, 64, 2, 8, Large(96, 96, 1, 2)),)},
            "and one size",
        ),
        ({"pool": PoolSettings(64, 64, 32, 8, 2.0, 1), "words": 2}, "has all prompts"),
        ({"words": -1}, "words -1: expected zero or more"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(settings: TrainSettings, changes: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        dataclasses.replace(settings, **changes)  # type: ignore[arg-type]


def test_scenes_and_pool_are_read_from_the_yaml(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(
        "osd_dir: a\nscenes: {count: 9, seed: 1, width: 64, height: 48}\nmost_s: 60\nbench_share: 0.1\n"
        "bench_scenes: {count: 8, seed: 2, width: 64, height: 48, kinds: [bench]}\n"
        "pool: {height: 48, width: 64, views: 32, fewest: 16, reuse: 4, workers: 2}\n"
    )
    read = TrainSettings.read(path)
    assert read.scenes == SceneSettings(9, 1, 64, 48)
    assert read.bench_scenes == SceneSettings(8, 2, 64, 48, kinds=("bench",))
    path.write_text(path.read_text().replace("[bench]", "bench"))
    assert TrainSettings.read(path).bench_scenes == read.bench_scenes  # one kind needs no list
    assert read.pool == PoolSettings(48, 64, 32, 16, 4, 2)
    assert read.most_s == 60
    path.write_text("osd_dir: a\nscenes: {count: 9, seeds: 1, width: 64, height: 48}\n")
    with pytest.raises(ConfigError, match="seeds"):
        TrainSettings.read(path)
