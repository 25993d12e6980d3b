"""Does a teacher help?  The teacher by number of steps, students that heard it in two ways, the control that did not.

All students begin from the same weights and see the same number of images (`benchmarks/distillation/*.yaml`), the
teacher from weights of its own, which are a row too.
Nothing is tuned on OSD's test split or MuJoCo: they are reported.  `vb-perception train
benchmarks/distillation/teacher.yaml --out runs/teacher` comes first, then `vb-perception distil
benchmarks/distillation/WAY.yaml --out runs/WAY-1`, and with another seed in the settings runs/WAY-2.

Usage: python benchmarks/distillation.py [--runs runs] [--steps 1 2 4 8 16 32] [--frames 40]
    or --kept for the tables of results/distillation.json once more
"""

import argparse
import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accuracy_goals import MUJOCO, OSD
from accuracy_sets import mujoco_frames
from circumstances import circumstances
from distillation_tables import WAYS, Figures, rounded, tables, teacher_name
from measuring import in_turns
from torch.utils.flop_counter import FlopCounterMode

from vb_perception.generator.checkpoint import load_into, read_run, read_tensors
from vb_perception.scenes.osd import read_osd
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import MetricDepth, SemanticSegmentation, SurfaceNormals
from vb_perception.training.corpus import Corpus
from vb_perception.training.distil import DistilSettings, read_teacher
from vb_perception.training.objective import Model
from vb_perception.training.settings import TrainSettings
from vb_perception.training.teach import TeacherModel
from vb_perception.training.train import STATE
from vb_perception.training.validate import prompt_tensor, validate

ROOT = Path(__file__).resolve().parents[1]
RESULTS, RECIPES = ROOT / "benchmarks" / "results", ROOT / "benchmarks" / "distillation"
WATCHED, WATCHED_RENDERS = "OSD learn, watched", "renders, watched"
START, TEACHERS_START = "start", "teacher's start"
ROUNDS = 5


def main() -> None:
    """Measure every run that is there, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--runs", type=Path, default=ROOT / "runs", help="teacher, control-1, output-1, ... [%(default)s]"
    )
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32])
    parser.add_argument("--frames", type=int, default=40, help="of each set, at most [%(default)s]")
    parser.add_argument("--cache", type=Path, default=ROOT / "cache", help="where drawn frames are kept [%(default)s]")
    parser.add_argument("--students", action="store_true", help="measure only these, and write no table yet")
    parser.add_argument("--kept", action="store_true", help="measure nothing, write the tables of what is kept")
    options = parser.parse_args()
    if options.kept:
        write_tables(json.loads((RESULTS / "distillation.json").read_text(encoding="utf-8")))
        return
    torch.set_num_threads(1)
    settings = TrainSettings.read(RECIPES / "teacher.yaml")
    sets = {name: frames[: options.frames] for name, frames in frames_at_hand(settings, options.cache).items()}
    size = settings.validation_size
    students = {
        START: ROOT / DistilSettings.read(RECIPES / "control.yaml").start_from,
        TEACHERS_START: ROOT / settings.start_from,
    }
    students |= {run.name: run / STATE for way in WAYS for run in sorted(options.runs.glob(f"{way}-*"))}
    figures: dict[str, Figures] = {}
    for name, state in students.items():
        figures[name] = kept_or(partial(judged, read_student(state), sets, size), options.runs / "figures", name, state)
    if options.students:
        return
    state = options.runs / "teacher" / STATE
    teacher = read_teacher(state)
    for steps in options.steps:
        teacher.generator.steps, name = steps, teacher_name(steps)
        figures[name] = kept_or(partial(judged, teacher, sets, size), options.runs / "figures", name, state)
    told = {
        **circumstances(),
        "size": f"{size[0]}x{size[1]}",
        "frames": {name: len(frames) for name, frames in sets.items()},
        "images": {
            name: images_seen(options.runs / name / STATE)
            for name in ("teacher", *students)
            if name not in {START, TEACHERS_START}
        },
    }
    costs = costs_of(read_student(students[START]), teacher, options.steps, size)
    kept = {**told, "costs": costs, "figures": rounded(figures)}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "distillation.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    write_tables(kept)


def write_tables(kept: Mapping[str, Any]) -> None:
    """results/distillation.md; the tables are printed as well."""
    text = "\n".join(tables(kept))
    (RESULTS / "distillation.md").write_text(text, encoding="utf-8")
    print(text)


def frames_at_hand(settings: TrainSettings, cache: Path) -> dict[str, list[Sample]]:
    """What is watched while training, and what is only ever reported."""
    learn, renders = list(read_osd(ROOT / settings.osd_dir)), Corpus(ROOT / settings.corpus_dir)
    return {
        WATCHED: [learn[i] for i in settings.validation_frames],
        WATCHED_RENDERS: [renders[i] for i in range(len(renders) - settings.validation_renders, len(renders))],
        OSD: list(read_osd((ROOT / settings.osd_dir).parent / "test")),
        MUJOCO: mujoco_frames(cache),
    }


def read_student(path: Path) -> Model:
    """The averaged weights of a run."""
    tensors, _, config = read_run(path)
    model = Model(config)
    load_into(model, tensors, "average.")
    model.eval()
    return model


def images_seen(state: Path) -> int:
    """Until the state was written."""
    return int(read_tensors(state)[1]["images"])


def kept_or(measure: Callable[[], Figures], folder: Path, name: str, state: Path) -> Figures:
    """The figures of these weights, measured once and kept in `folder`: a measurement that was cut short goes on."""
    path = folder / f"{name}, {hashlib.sha256(state.read_bytes()).hexdigest()[:12]}.json"
    if not path.exists():
        folder.mkdir(exist_ok=True)
        path.write_text(json.dumps(measure()), encoding="utf-8")
    figures: Figures = json.loads(path.read_text(encoding="utf-8"))
    print(name, figures, flush=True)
    return figures


def judged(model: Model, sets: Mapping[str, Sequence[Sample]], size: tuple[int, int]) -> Figures:
    """Figures of a model on every set."""
    with tempfile.TemporaryDirectory() as pictures:
        return {name: validate(model, frames, Path(pictures), 0, size) for name, frames in sets.items()}


def costs_of(
    student: Model, teacher: TeacherModel, steps: Sequence[int], size: tuple[int, int]
) -> dict[str, dict[str, float]]:
    """Milliseconds of one thread and GFLOP (a multiply and an addition are two) of one image and three prompts."""
    tasks = (MetricDepth(), SurfaceNormals(), SemanticSegmentation((("table", (255, 0, 0)), ("object", (0, 255, 0)))))
    with torch.no_grad():
        inputs = (
            torch.zeros(1, 3, *size),
            torch.zeros(1, 2, *size),
            torch.stack([prompt_tensor(student.text, t) for t in tasks]),
        )
        runs: dict[str, Callable[[], object]] = {"student": partial(student.generator.forward, *inputs)}
        runs |= {teacher_name(n): partial(teacher.generator.sampled, *inputs, n) for n in steps}
        gflop = {}
        for name, run in runs.items():
            with FlopCounterMode(display=False) as counter:
                run()
            gflop[name] = counter.get_total_flops() / 1e9
        times = in_turns(runs, ROUNDS)
    return {name: {"gflop": round(gflop[name], 2), "ms": times[name]["cpu_median_ms"]} for name in runs}


if __name__ == "__main__":
    main()
