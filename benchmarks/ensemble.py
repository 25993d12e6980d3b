"""How much is there to distil?  Several models, each also looking into a mirror, and the mean of all their answers.

Models of one kind that have seen other images in another order err in part at random, and the mean of their answers
errs less: what a student could learn from them without a larger teacher.  Depth is averaged as its logarithm, normals
as vectors.  Nothing is chosen by these figures.

Usage: python benchmarks/ensemble.py --model [NAME=]DIR --model [NAME=]DIR ... [--osd DIR] [--cache DIR]

Models before the shipped one are in git's history: `git archive COMMIT vb_perception/models/default | tar x -C DIR`.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from accuracy_figures import DEPTH, NORMALS, looking
from accuracy_goals import MUJOCO, OSD, RENDERS
from accuracy_sets import held_out_renders, mujoco_frames
from circumstances import circumstances
from numpy.typing import NDArray

from vb_perception.metrics.depth import depth_scores
from vb_perception.metrics.normals import normal_scores
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.predictions import DepthMap, NormalMap
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.options import EngineOptions
from vb_perception.runtime.text import PromptEncoder
from vb_perception.scenes.osd import read_osd
from vb_perception.scenes.sample import Sample
from vb_perception.training.augment import mirrored

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
FORMS = {"abs_rel": ".3f", "delta1": ".3f", "normals_deg": ".1f"}
MIRROR = np.array((-1, 1, 1), np.float32)


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at one frame: log of depth (H, W) and normals (H, W, 3)."""

    log_depth: NDArray[np.float32]
    normals: NDArray[np.float32]


def main() -> None:
    """Look, average, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", required=True, help="NAME=DIR or DIR; two or more")
    parser.add_argument("--osd", type=Path, default=ROOT.parent / "shared" / "data" / "osd")
    parser.add_argument("--cache", type=Path, default=ROOT / "cache")
    options = parser.parse_args()
    folders = {name or Path(path).name: Path(path) for name, _, path in (m.rpartition("=") for m in options.model)}
    sets = {
        OSD: list(read_osd(options.osd / "test")),
        RENDERS: held_out_renders(options.cache / "assets"),
        MUJOCO: mujoco_frames(options.cache),
    }
    figures = {name: of_set(folders, frames) for name, frames in sets.items()}
    told = {**circumstances(), "frames": {name: len(frames) for name, frames in sets.items()}}
    RESULTS.mkdir(exist_ok=True)
    kept = {"benchmark": "ensemble", **told, "figures": figures}
    (RESULTS / "ensemble.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print(table(figures))


def of_set(folders: Mapping[str, Path], frames: Sequence[Sample]) -> dict[str, dict[str, float]]:
    """Of each model, of each with its mirror, and of all together: mean figures over the frames."""
    plain: dict[str, list[Seen]] = {}
    other: dict[str, list[Seen]] = {}
    for name, folder in folders.items():
        with open_engine(folder, "onnxruntime", options=EngineOptions(precision="fp32")) as engine:
            pipeline = PerceptionPipeline(engine, PromptEncoder(folder, engine.spec))
            plain[name] = [look(pipeline, frame) for frame in frames]
            other[name] = [unmirrored(look(pipeline, mirrored(frame))) for frame in frames]
    rows = {name: mean_figures([looks], frames) for name, looks in plain.items()}
    rows |= {f"{name} and its mirror": mean_figures([plain[name], other[name]], frames) for name in folders}
    rows["all and their mirrors"] = mean_figures([*plain.values(), *other.values()], frames)
    return rows


def look(pipeline: PerceptionPipeline, frame: Sample) -> Seen:
    """What the model says of a frame."""
    answers = looking(pipeline)(frame, (DEPTH, NORMALS))
    depth, normals = cast("DepthMap", answers[DEPTH.name]), cast("NormalMap", answers[NORMALS.name])
    return Seen(np.log(depth.depth_m), normals.normals)


def unmirrored(seen: Seen) -> Seen:
    """What was seen in a mirror, as it is."""
    return Seen(seen.log_depth[:, ::-1], seen.normals[:, ::-1] * MIRROR)


def mean_figures(looks: Sequence[Sequence[Seen]], frames: Sequence[Sample]) -> dict[str, float]:
    """Figures of the mean of several looks at each frame, averaged over the frames."""
    rows = []
    for frame, *of_frame in zip(frames, *looks, strict=True):
        depth_m = np.exp(np.mean([seen.log_depth for seen in of_frame], axis=0))
        normals = np.sum([seen.normals for seen in of_frame], axis=0)
        scores = depth_scores(depth_m, frame.depth_m)
        rows.append((scores["abs_rel"], scores["delta1"], normal_scores(normals, frame.normals)["mean_deg"]))
    return {name: round(float(x), 4) for name, x in zip(FORMS, np.nanmean(rows, axis=0), strict=True)}


def table(figures: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Markdown, a row for each answer."""
    lines = ["| | " + " | ".join(f"{name} {figure}" for name in figures for figure in FORMS) + " |"]
    lines.append("|---|" + "---|" * (len(figures) * len(FORMS)))
    for who in next(iter(figures.values())):
        cells = [format(of_set[who][figure], form) for of_set in figures.values() for figure, form in FORMS.items()]
        lines.append(f"| {who} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
