"""Score the shipped model beside the no-image baselines, on frames that it has never seen; write JSON and Markdown.

Sets: the OSD test split (31 real Kinect frames; left out where the data are not at hand), own renders of held-out
scenes (a seed never trained on), and scikit-image's Middlebury motorcycle.  One scorer for all.

Usage: python benchmarks/accuracy.py [--model DIR] [--backend onnxruntime] [--osd ../shared/data/osd]
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from circumstances import circumstances
from numpy.typing import NDArray

from vb_perception.codecs.palette import distinct_colours
from vb_perception.evaluation.evaluate import TASKS
from vb_perception.evaluation.replay import replay, sample_frames
from vb_perception.evaluation.scores import Scorer, Scores
from vb_perception.frame import Frame
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.predictions import DepthMap, NormalMap, Prediction, SegmentMap
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.text import PromptEncoder
from vb_perception.scenes.osd import read_osd
from vb_perception.scenes.photographs import read_photographs
from vb_perception.scenes.sample import Sample
from vb_perception.scenes.stream import scene_stream
from vb_perception.tasks import BLACK, MAX_THINGS, SemanticSegmentation

Floats = NDArray[np.float32]
ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
HELD_OUT_SEED, HELD_OUT_FRAMES = 990_017, 80
ROWS = (
    ("depth", "abs_rel", "depth AbsRel", ".3f"),
    ("depth", "delta1", "depth delta1", ".3f"),
    ("normals", "mean_deg", "normals, mean error [deg]", ".1f"),
    ("classes", "table", "table IoU", ".3f"),
    ("classes", "object", "objects IoU", ".3f"),
    ("objects", "overlap_f", "objects, overlap F", ".3f"),
    ("objects", "boundary_f", "objects, boundary F", ".3f"),
    ("confidence", "abs_rel_surest_80", "depth AbsRel, surest 80 %", ".3f"),
)


def main() -> None:
    """Score, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "vb_perception" / "models" / "default")
    parser.add_argument("--backend", default="onnxruntime")
    parser.add_argument("--osd", type=Path, default=ROOT.parent / "shared" / "data" / "osd")
    arguments = parser.parse_args()
    started = time.monotonic()
    tables: dict[str, dict[str, Scores]] = {}
    with open_engine(arguments.model, arguments.backend) as engine:
        pipeline = PerceptionPipeline(engine, PromptEncoder(arguments.model, engine.spec))
        if (arguments.osd / "test").is_dir():
            learn, test = list(read_osd(arguments.osd / "learn")), list(read_osd(arguments.osd / "test"))
            baseline = answers_without_image(learn, test)
            tables["OSD test"] = {"ours": scored(pipeline, test), "no image": baseline}
        renders = list(islice(scene_stream(HELD_OUT_SEED, 256, 192), HELD_OUT_FRAMES))
        tables["held-out renders"] = {"ours": scored(pipeline, renders)}
        tables["motorcycle"] = {"ours": scored(pipeline, read_photographs(("motorcycle",)))}
        words = words_known(pipeline, renders)
        facts = {"model": engine.spec.weights_sha256[:12], "backend": engine.backend, **circumstances()}
    facts["seconds"] = round(time.monotonic() - started)
    RESULTS.mkdir(exist_ok=True)
    figures = {name: {who: s.as_json() for who, s in row.items()} for name, row in tables.items()}
    (RESULTS / "accuracy.json").write_text(
        json.dumps({**facts, "sets": figures, "words": words}, indent=1) + "\n", encoding="utf-8"
    )
    text = markdown(tables, words, facts)
    (RESULTS / "accuracy.md").write_text(text, encoding="utf-8")
    draw_risk(tables)
    print(text)


def draw_risk(tables: dict[str, dict[str, Scores]]) -> None:
    """The risk-coverage curve of depth on each set, as docs/images/risk_coverage.png."""
    figure, axes = plt.subplots(figsize=(6, 3.2), dpi=120, layout="constrained")
    for name, row in tables.items():
        if row["ours"].frames > 1:
            scores = row["ours"]
            axes.plot(100 * scores.coverage, scores.risk / scores.risk[-1], label=f"{name} ({scores.risk[-1]:.3f})")
    axes.axvline(80, color="grey", linewidth=0.8, linestyle=":")
    axes.set_xlabel("pixels kept, surest first [%]")
    axes.set_ylabel("AbsRel / AbsRel of all")
    axes.set_ylim(0, 1.15)
    axes.legend(title="set (AbsRel of all pixels)", frameon=False)
    figure.savefig(ROOT / "docs" / "images" / "risk_coverage.png")


def scored(pipeline: PerceptionPipeline, samples: Iterable[Sample]) -> Scores:
    """Every sample in lock-step."""
    scorer = Scorer()
    for perception, truth in replay(sample_frames(samples), pipeline, TASKS):
        if truth is not None:
            scorer.add(perception.predictions, truth)
    return scorer.scores()


def answers_without_image(learn: Sequence[Sample], test: Iterable[Sample]) -> Scores:
    """The best guess without looking: median depth and mean normal of the learn split, everything is table."""
    depth_m = _nan_to(np.nanmedian, [s.depth_m for s in learn], 1.0)
    normals = _nan_to(np.nanmean, [s.normals for s in learn], 0.0)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-6)
    sure = np.ones(depth_m.shape, np.float32)
    table = SegmentMap(np.ones(depth_m.shape, np.uint16), ("background", "table", "object"), sure)
    nothing = SegmentMap(np.zeros(depth_m.shape, np.uint16), ("background",), sure)
    answer: dict[str, Prediction] = {
        "depth": DepthMap(depth_m, sure),
        "normals": NormalMap(normals, sure),
        "segmentation": table,
    }
    scorer = Scorer()
    for truth in test:
        scorer.add({**answer, "instances": nothing}, truth)
    return scorer.scores()


def _nan_to(mean: Callable[..., Floats], maps: list[Floats], unseen: float) -> Floats:
    """A per-pixel mean that leaves out NaN; where no frame knows the pixel, `unseen`."""
    stack = np.stack(maps)
    stack[:, ~np.isfinite(stack).any(axis=0)] = unseen
    return mean(stack, axis=0).astype(np.float32)


def words_known(pipeline: PerceptionPipeline, samples: Sequence[Sample]) -> dict[str, float]:
    """IoU of each class over all samples, when a prompt names the classes that are there; best first."""
    inter: Counter[str] = Counter()
    union: Counter[str] = Counter()
    for sample in samples:
        present = [sample.class_names[i] for i in np.unique(sample.class_ids) if i > 0][:MAX_THINGS]
        task = SemanticSegmentation(tuple(zip(present, distinct_colours(len(present), avoid=(BLACK,)), strict=True)))
        answer = pipeline.perceive(Frame(sample.rgb, 0, "render", sample.intrinsics), [task]).predictions[task.name]
        if not isinstance(answer, SegmentMap):
            continue
        for i, name in enumerate(present, start=1):
            true, found = sample.class_ids == sample.class_names.index(name), answer.ids == i
            inter[name] += int((true & found).sum())
            union[name] += int((true | found).sum())
    iou = {name: round(inter[name] / union[name], 3) for name in union}
    return dict(sorted(iou.items(), key=lambda item: -item[1]))


def markdown(tables: dict[str, dict[str, Scores]], words: dict[str, float], facts: dict[str, object]) -> str:
    """One table, a column a set."""
    columns = [(name, who, scores) for name, row in tables.items() for who, scores in row.items()]
    lines = ["| figure | " + " | ".join(f"{n}, {who} ({s.frames})" for n, who, s in columns) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for group, key, label, form in ROWS:
        values = [s.figures.get(group, {}).get(key) for _, _, s in columns]
        lines.append(f"| {label} | " + " | ".join("" if v is None else format(v, form) for v in values) + " |")
    said = ", ".join(f"{k} {v}" for k, v in facts.items())
    known = ", ".join(f"{word} {iou:.2f}" for word, iou in words.items())
    lines += ["", f"IoU of each word on the held-out renders, when a prompt names what is there: {known}."]
    return "\n".join(lines) + f"\n\nMeasured with `python benchmarks/accuracy.py`: {said}.\n"


if __name__ == "__main__":
    main()
