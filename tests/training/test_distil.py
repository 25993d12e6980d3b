"""Distillation on a handful of small images: it hears the teacher, resumes, and refuses what is no teacher."""

import dataclasses
from pathlib import Path

import pytest
import yaml

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from tests.training.test_train import settings, weights  # noqa: E402, F401 (a fixture)
from vb_perception.cli import main  # noqa: E402
from vb_perception.errors import CheckpointError, ConfigError  # noqa: E402
from vb_perception.generator.checkpoint import read_tensors, write_tensors  # noqa: E402
from vb_perception.generator.config import GeneratorConfig  # noqa: E402
from vb_perception.training.agreement import PREFIX, Answer, disagreement  # noqa: E402
from vb_perception.training.distil import DistilRun, DistilSettings, read_teacher  # noqa: E402
from vb_perception.training.settings import TrainSettings  # noqa: E402
from vb_perception.training.shrink import shrunk, shrunk_answer  # noqa: E402
from vb_perception.training.soup import main as soup  # noqa: E402
from vb_perception.training.teach import TeacherModel  # noqa: E402
from vb_perception.training.train import STATE, Run  # noqa: E402


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    """An untaught teacher's state."""
    torch.manual_seed(3)
    config = GeneratorConfig()
    tensors = {f"average.{k}": v for k, v in TeacherModel(config).state_dict().items()}
    facts = {"settings": {"network": "teacher"}, "generator": dataclasses.asdict(config)}
    write_tensors(tmp_path / "teacher.safetensors", tensors, facts)
    return tmp_path / "teacher.safetensors"


def distilled(settings: TrainSettings, **changes: object) -> DistilSettings:  # noqa: F811
    own = {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings)}
    return DistilSettings(**own | {"unlabeled_share": 0.5, "withheld_renders": 0} | changes)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["output", "score"])
def test_a_killed_run_ends_like_one_that_was_not(
    settings: TrainSettings,  # noqa: F811
    teacher: Path,
    tmp_path: Path,
    way: str,
) -> None:
    own = distilled(settings, teacher=str(teacher), way=way, validate_every_images=1000)
    whole = DistilRun(own, tmp_path / "whole")
    assert whole.teacher is not None
    before = {k: v.clone() for k, v in whole.teacher.state_dict().items()}
    whole.run()
    for name, value in whole.teacher.state_dict().items():
        assert torch.equal(value, before[name])

    first = DistilRun(own, tmp_path / "killed")
    first.run_until(4)
    first.save()
    second = DistilRun(own, tmp_path / "killed")
    assert second.images == 4
    second.run()
    torch.testing.assert_close(weights(second), weights(whole), rtol=1e-4, atol=1e-5)
    with pytest.raises(ConfigError, match=r"way 'truth'|way \w+ \(now truth\)"):
        DistilRun(dataclasses.replace(own, way="truth"), tmp_path / "killed")


def test_the_control_is_training_and_shows_only_images_with_truth(
    settings: TrainSettings,  # noqa: F811
    tmp_path: Path,
) -> None:
    control = DistilRun(distilled(settings, way="truth"), tmp_path / "control")
    assert control.teacher is None
    assert [s.name for s in control.data.sources] == ["osd", "renders"]
    plain = Run(settings, tmp_path / "plain")
    for run in (control, plain):
        run.run_until(2)
    torch.testing.assert_close(weights(control), weights(plain))


def test_images_without_truth_are_there_in_their_share_and_teach_nothing_true(
    settings: TrainSettings,  # noqa: F811
    teacher: Path,
    tmp_path: Path,
) -> None:
    run = DistilRun(distilled(settings, teacher=str(teacher)), tmp_path / "run")
    shares = {s.name: s.share for s in run.data.sources if not s.labelled}
    assert sum(shares.values()) == pytest.approx(0.5)
    assert set(shares) == {"osd without truth", "photographs without truth"}  # no render was withheld
    assert sum(s.share for s in run.data.sources) == pytest.approx(1)
    blind = DistilRun(distilled(settings, teacher=str(teacher), unlabeled_share=0.999), tmp_path / "blind")
    row = blind.step(next(iter(blind.batches(blind.settings.stages[0]))))
    assert [row[k] for k in ("colour", "depth", "normals", "pointing")] == [0, 0, 0, 0]
    assert all(row[PREFIX + k] > 0 for k in ("colour", "normals"))


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(
    settings: TrainSettings,  # noqa: F811
    teacher: Path,
    tmp_path: Path,
) -> None:
    run = DistilRun(distilled(settings, teacher=str(teacher)), tmp_path / "run")
    run.save()
    before = (tmp_path / "run" / STATE).read_bytes()
    assert run.teacher is not None
    with torch.no_grad():
        run.teacher.generator.painter.colour.bias.fill_(float("nan"))
    with pytest.raises(CheckpointError, match="lower learning_rate"):
        run.run()
    assert (tmp_path / "run" / STATE).read_bytes() == before


def test_a_larger_network_of_one_step_teaches_what_it_says_but_no_scores(
    settings: TrainSettings,  # noqa: F811
    tmp_path: Path,
) -> None:
    larger = dataclasses.replace(settings, generator={"denoiser_channels": [64, 128]}, seed=3)
    Run(larger, tmp_path / "larger").save()
    state = str(tmp_path / "larger" / STATE)
    run = DistilRun(distilled(settings, teacher=state), tmp_path / "run")
    taught = run.teacher
    assert taught is not None
    assert taught.config.denoiser_channels == (64, 128)
    batch = next(iter(run.batches(settings.stages[0])))
    with torch.no_grad():
        heard = run.terms(batch)
        with run.accelerator.autocast():
            answer = Answer.of(taught(batch))
        said = disagreement(run.prepared(batch), answer, batch, same_slots=False)
        painter = taught.generator.painter
        painter.colour.bias += 1.0
        changed = run.terms(batch)
    for name, value in said.items():
        torch.testing.assert_close(heard[name], value, rtol=1e-3, atol=1e-3)
    assert changed["teacher normals"] != heard["teacher normals"]
    assert changed["normals"] == heard["normals"]
    with pytest.raises(CheckpointError, match=r"one step.*`network: teacher`.*`way: output`"):
        DistilRun(distilled(settings, teacher=state, way="score"), tmp_path / "score")


def test_a_teacher_may_see_finer_pictures_than_its_student_and_the_control_learns_from_the_same(
    settings: TrainSettings,  # noqa: F811
    tmp_path: Path,
) -> None:
    Run(settings, tmp_path / "equal").save()
    own = distilled(settings, teacher=str(tmp_path / "equal" / STATE), teacher_scale=2)
    run = DistilRun(own, tmp_path / "run")
    stage = settings.stages[0]
    batch = next(iter(run.batches(stage)))
    assert batch.image.shape[2:] == (2 * stage.height, 2 * stage.width)
    assert run.teacher is not None
    with torch.no_grad():
        heard = run.terms(batch)
        with run.accelerator.autocast():
            answer = shrunk_answer(Answer.of(run.teacher(batch)), 2)
        small = shrunk(batch, 2)
        said = disagreement(run.prepared(small), answer, small, same_slots=False)
        alone = DistilRun(dataclasses.replace(own, way="truth"), tmp_path / "control").terms(batch)
    for name, value in said.items():
        torch.testing.assert_close(heard[name], value, rtol=1e-3, atol=1e-3)
    for name, value in alone.items():
        torch.testing.assert_close(heard[name], value, rtol=1e-3, atol=1e-3)
    run.step(batch)
    assert run.images == len(batch.image)


def test_a_model_folder_teaches_as_well_as_a_run(tmp_path: Path) -> None:
    weights = Path(__file__).parents[2] / "vb_perception" / "models" / "default" / "generator.safetensors"
    assert soup([str(weights), "--out", str(tmp_path / STATE)]) == 0
    taught = read_teacher(tmp_path / STATE)
    assert not isinstance(taught, TeacherModel)
    expected = read_tensors(weights)[0]
    for name, value in taught.state_dict().items():
        torch.testing.assert_close(value, expected[name].to(value.dtype))


def test_what_is_no_teacher_is_refused(teacher: Path, tmp_path: Path) -> None:
    assert isinstance(read_teacher(teacher), TeacherModel)
    with pytest.raises(CheckpointError, match="expected a safetensors file"):
        read_teacher(tmp_path / "absent.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(teacher.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match="expected a safetensors file"):
        read_teacher(tmp_path / "torn.safetensors")
    write_tensors(tmp_path / "bare.safetensors", {"a": torch.zeros(1)}, {})
    with pytest.raises(CheckpointError, match="holds no run"):
        read_teacher(tmp_path / "bare.safetensors")
    facts = {"generator": {}, "settings": {"network": "pupil"}}
    write_tensors(tmp_path / "other.safetensors", {"a": torch.zeros(1)}, facts)
    with pytest.raises(CheckpointError, match="network 'pupil', expected a teacher"):
        read_teacher(tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("techer: a", "did you mean 'teacher'"),
        ("way: outputs", "expected one of truth, output, score"),
        ("way: score", "needs a teacher"),
        ("teacher: a\nnetwork: teacher", "only a student is distilled"),
        ("teacher: a\nsamples: 0", "at least 1"),
        ("teacher: a\nunlabeled_share: 1", "below 1"),
        ("teacher: a\nteacher_scale: 0", "teacher_scale 0 and way 'output': expected one or more"),
        ("teacher: a\nway: score\nteacher_scale: 2", "for `score` one, since the teacher is shown"),
        ("teacher: a\nnetwork: studnet", "expected one of student, teacher"),
    ],
)
def test_settings_name_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(f"osd_dir: a\ncorpus_dir: b\n{text}")
    with pytest.raises(ConfigError, match=message):
        DistilSettings.read(path)


def test_the_command_says_what_it_wants(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "run.yaml"
    recipe.write_text(yaml.safe_dump({"osd_dir": "a", "corpus_dir": "b", "way": "score"}))
    assert main(["distil", str(recipe), "--out", str(tmp_path / "run")]) == 1
    assert "needs a teacher" in capsys.readouterr().err


def test_the_settings_of_the_benchmark_can_be_read() -> None:
    folder = Path(__file__).parents[2] / "benchmarks" / "distillation"
    ways = {
        path.stem: DistilSettings.read(folder / path.name) for path in folder.glob("*.yaml") if path.stem != "teacher"
    }
    assert {s.way for s in ways.values()} == {"truth", "output", "score"}
    alike = [dataclasses.replace(s, way="truth") for s in ways.values()]
    assert alike[1:] == alike[:-1]  # one budget
    assert TrainSettings.read(folder / "teacher.yaml").network == "teacher"


@pytest.mark.parametrize("start", ["", "tuned_"])
def test_students_of_finer_pictures_and_their_control_differ_in_nothing_else(start: str) -> None:
    folder = Path(__file__).parents[2] / "benchmarks" / "finer"
    control, heard = (DistilSettings.read(folder / f"{start}{name}.yaml") for name in ("truth", "finer"))
    assert (control.way, heard.way) == ("truth", "output")
    assert dataclasses.replace(heard, way="truth", teacher="", teacher_weight=control.teacher_weight) == control
