"""Does the teacher read its noisy picture?  Its losses where that is made of the truth, by how much of it is seen.

At t = 0 it sees noise alone and can only answer as a student does.  What it gains from there to t = 0.3 is what it
reads; what its own samples lack of that (`distillation.py`) is what the image did not tell it.

Usage: python benchmarks/distillation_noise.py [--runs runs]
"""

import argparse
import json
from pathlib import Path

import torch
from circumstances import circumstances
from distillation import RECIPES, RESULTS, ROOT, read_student

from vb_perception.generator.sampling import noised
from vb_perception.scenes.osd import read_osd
from vb_perception.scenes.sample import Sample
from vb_perception.training.corpus import Corpus
from vb_perception.training.distil import read_teacher
from vb_perception.training.objective import losses
from vb_perception.training.settings import TrainSettings
from vb_perception.training.stream import Batch, ExampleStream, Source, collate
from vb_perception.training.teach import TeacherModel, with_random_slots
from vb_perception.training.train import STATE

TIMES, IMAGES, SEED = (0.0, 0.1, 0.3, 0.6), 48, 99


def main() -> None:
    """Measure on the watched frames, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs")
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = TrainSettings.read(RECIPES / "teacher.yaml")
    learn, renders = list(read_osd(ROOT / settings.osd_dir)), Corpus(ROOT / settings.corpus_dir)
    sets = {
        "OSD learn, watched": [learn[i] for i in settings.validation_frames],
        "renders, watched": [renders[i] for i in range(len(renders) - settings.validation_renders, len(renders))],
    }
    teacher = read_teacher(options.runs / "teacher" / STATE)
    start = read_student(ROOT / settings.start_from)
    rows: dict[str, dict[str, dict[str, float]]] = {}
    for name, frames in sets.items():
        batch = batch_of(frames, settings, teacher)
        with torch.no_grad():
            found = {"start, no picture": losses(start(batch), batch, start.config)}
            found |= {f"teacher, t = {time}": reading(teacher, batch, time) for time in TIMES}
        rows[name] = {who: {k: round(v.item(), 3) for k, v in terms.items()} for who, terms in found.items()}
    text = json.dumps({**circumstances(), "images": IMAGES, "losses": rows}, indent=1)
    (RESULTS / "distillation_noise.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def batch_of(frames: list[Sample], settings: TrainSettings, teacher: TeacherModel) -> Batch:
    """Views of frames that nothing was learnt from, with one prompt of each kind."""
    height, width = settings.validation_size
    stream = ExampleStream([Source("watched", frames, 1.0)], height, width, SEED)
    return collate([stream.example(i) for i in range(IMAGES)], teacher.config)


def reading(teacher: TeacherModel, batch: Batch, time: float) -> dict[str, torch.Tensor]:
    """The losses of the clean picture seen in the truth under noise; what is unknown is noise."""
    random = torch.Generator().manual_seed(0)
    batch = with_random_slots(batch, random)
    at = torch.full((len(batch.kinds),), time)
    noise = noised(batch.target, torch.zeros_like(at), random)
    noisy = noise + time * batch.valid[:, None] * (batch.target - noise)
    return losses(teacher(batch, noisy, at), batch, teacher.config, chosen=True)


if __name__ == "__main__":
    main()
