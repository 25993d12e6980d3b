"""Which of several runs is better?  Figures on what is watched and never learnt from; by these a model is chosen.

The watched frames of OSD's learn split as they are, tables crowded with one another's objects (`training/compose.py`),
and the last renders of the corpus.  Five frames of one table do not rank two models; thirty crowded ones do it better.

Usage: python benchmarks/watched.py SETTINGS STATE [STATE ...]

SETTINGS is the YAML of a training, which names the frames; a STATE is what it wrote.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from circumstances import circumstances
from distillation import read_student

from vb_perception.evaluation.truth import true_objects
from vb_perception.metrics.depth import depth_scores
from vb_perception.metrics.normals import normal_scores
from vb_perception.metrics.objects import overlap_boundary
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import InstanceSegmentation, MetricDepth, SurfaceNormals
from vb_perception.training.augment import at_size
from vb_perception.training.compose import crowd
from vb_perception.training.data import Data
from vb_perception.training.objective import Model
from vb_perception.training.settings import TrainSettings
from vb_perception.training.train import STATE
from vb_perception.training.validate import paint

RESULTS = Path(__file__).parent / "results"
CROWDED, DONORS, SEED = 30, 8, 99
DRAWN = 100
DEPTH, NORMALS, OBJECTS = MetricDepth(), SurfaceNormals(), InstanceSegmentation("object")
FIGURES = ("abs_rel", "delta1", "normals_deg", "overlap_f", "boundary_f")


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", type=Path)
    parser.add_argument("states", type=Path, nargs="+")
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = TrainSettings.read(options.settings)
    data, size = Data(settings), settings.validation_size
    sets = {name: [at_size(s, *size) for s in of] for name, of in sets_of(data.watched, data.watched_renders).items()}
    crowding = {name: crowding_of(frames) for name, frames in sets.items()}
    learnt, rng = data.sources[0], np.random.default_rng(SEED)
    crowding["OSD as it is learnt"] = crowding_of([learnt.draw(rng) for _ in range(DRAWN)])
    crowding["OSD's learn split"] = crowding_of([learnt.samples[i] for i in range(len(learnt.samples))])
    found = {
        (state.parent.name if state.name == STATE else state.stem): {
            name: figures_of(read_student(state), frames) for name, frames in sets.items()
        }
        for state in options.states
    }
    text = json.dumps({"benchmark": "watched", **circumstances(), "crowding": crowding, "figures": found}, indent=1)
    (RESULTS / "watched.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def sets_of(frames: Sequence[Sample], renders: Sequence[Sample]) -> dict[str, Sequence[Sample]]:
    """What is watched: the frames, tables crowded with one another's objects, renders."""
    rng = np.random.default_rng(SEED)
    crowded = [crowd(frames[i % len(frames)], [frames], DONORS, rng) for i in range(CROWDED)]
    return {"frames": frames, "crowded": crowded, "renders": renders}


def crowding_of(frames: Sequence[Sample]) -> dict[str, float]:
    """Frames; median and ninth decile of the objects in a picture and of the share of known pixels that they have."""
    objects = [true_objects(frame) for frame in frames]
    counts = [len(np.unique(ids[ids > 0])) for ids in objects]
    shares = [
        np.count_nonzero(ids > 0) / max(int(np.count_nonzero(frame.class_ids > 0)), 1)
        for ids, frame in zip(objects, frames, strict=True)
    ]
    told: dict[str, float] = {"frames": len(frames)}
    for name, values in (("objects", counts), ("share", shares)):
        for percent in (50, 90):
            told[f"{name}, {percent} %"] = round(float(np.percentile(values, percent)), 2)
    return told


def figures_of(model: Model, frames: Sequence[Sample]) -> dict[str, float]:
    """Mean figures over the frames."""
    rows = []
    for frame in frames:
        painted = paint(model.generator, model.text, frame, (DEPTH, NORMALS, OBJECTS))
        depth = depth_scores(DEPTH.decode(painted[0]).depth_m, frame.depth_m)
        normals = normal_scores(NORMALS.decode(painted[1]).normals, frame.normals)
        objects = overlap_boundary(OBJECTS.decode(painted[2], frame.rgb).ids, true_objects(frame))
        rows.append(
            (depth["abs_rel"], depth["delta1"], normals["mean_deg"], objects["overlap_f"], objects["boundary_f"])
        )
    return {name: round(float(x), 4) for name, x in zip(FIGURES, np.nanmean(rows, axis=0), strict=True)}


if __name__ == "__main__":
    main()
