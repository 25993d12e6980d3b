"""What is measured on each set: one row of figures a frame, and their mean and spread."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from accuracy_baselines import NoImage
from accuracy_legends import COLOURS, USUAL, WORDS, LegendTally, legends, named_classes
from accuracy_sets import CROP_PLACES, crop_corners, zoomed
from numpy.typing import NDArray

from vb_perception.errors import ConfigError
from vb_perception.evaluation.frame_scores import INSTANCES
from vb_perception.evaluation.paired import PairedDifference, paired_difference
from vb_perception.evaluation.scores import Scorer, Scores
from vb_perception.evaluation.truth import OBJECT, true_objects
from vb_perception.frame import Frame
from vb_perception.metrics.borders import borders_found
from vb_perception.metrics.depth import depth_scores
from vb_perception.metrics.normals import normal_scores
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.predictions import DepthMap, NormalMap, Prediction, SegmentMap
from vb_perception.runtime.engine import EngineSpec
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import InstanceSegmentation, MetricDepth, SemanticSegmentation, SurfaceNormals, Task

Answer = Callable[[Sample, Sequence[Task]], Mapping[str, Prediction]]
Row = dict[str, float]
DEPTH, NORMALS = MetricDepth(), SurfaceNormals()
TABLE = SemanticSegmentation((("table", (255, 0, 0)), (OBJECT, (0, 255, 0))))
OBJECTS = InstanceSegmentation(OBJECT, name=INSTANCES)
TABLE_TOP: tuple[Task, ...] = (DEPTH, NORMALS, TABLE, OBJECTS)
LEGEND_SEED = 13
PLACES: dict[str, tuple[str, str]] = {
    "abs_rel": ("depth", "abs_rel"),
    "delta1": ("depth", "delta1"),
    "shape_abs_rel": ("depth_median_aligned", "abs_rel"),
    "normals_deg": ("normals", "mean_deg"),
    "overlap_f": ("objects", "overlap_f"),
    "boundary_f": ("objects", "boundary_f"),
    "share_75": ("objects", "share_75"),
    "table_iou": ("classes", "table"),
    "objects_iou": ("classes", "object"),
}
"""Where a figure of ours stands in a row of the project's scorer."""


@dataclass(slots=True)
class SetFigures:
    """One set: a row of figures a view, figures that only the whole set has, and what the scorer keeps of it.

    `views`: how many rows, one after the other, are of one frame.
    """

    rows: list[Row]
    whole: Row = field(default_factory=dict)
    scores: Scores | None = None
    words: dict[str, float] = field(default_factory=dict)
    views: int = 1


def looking(pipeline: PerceptionPipeline) -> Answer:
    """Answers of a model."""

    def answer(sample: Sample, tasks: Sequence[Task]) -> Mapping[str, Prediction]:
        return pipeline.perceive(Frame(sample.rgb, 0, sample.name, sample.intrinsics), tasks).predictions

    return answer


def blind(learnt: NoImage) -> Answer:
    """Answers of who may not look; legends are answered by the class that is seen most often at the place."""
    fixed = learnt.answers(TABLE.name, OBJECTS.name)

    def answer(sample: Sample, tasks: Sequence[Task]) -> Mapping[str, Prediction]:
        named = named_classes(sample)
        sure = np.ones(sample.depth_m.shape, np.float32)
        return {
            task.name: fixed.get(task.name) or SegmentMap(learnt.classes(named), ("background", *named), sure)
            for task in tasks
        }

    return answer


def osd_figures(answer: Answer, samples: Iterable[Sample]) -> SetFigures:
    """Depth, normals, table and objects, and depth and normals on the objects' pixels and the table's alone.

    `table_truth_deg` is how far the table's true normals are from their own mean: a table is flat, so that is the
    noise of the truth, which no answer can be better than there.
    """
    scorer, rows = Scorer(), []
    for sample in samples:
        answers = answer(sample, TABLE_TOP)
        row = _flat(scorer.add(answers, sample))
        depth = answers[DEPTH.name]
        if isinstance(depth, DepthMap):
            row["object_abs_rel"] = depth_scores(depth.depth_m, sample.depth_m, true_objects(sample) > 0)["abs_rel"]
        normals = answers[NORMALS.name]
        if isinstance(normals, NormalMap):
            row |= _normals_by_what(normals.normals, sample)
        objects = answers[OBJECTS.name]
        if isinstance(objects, SegmentMap):
            row |= borders_found(objects.ids, true_objects(sample))
        rows.append(row)
    return SetFigures(rows, scores=scorer.scores())


def _normals_by_what(normals: NDArray[np.float32], sample: Sample) -> Row:
    table = sample.class_ids == sample.class_names.index("table")
    known = table & np.isfinite(sample.normals).all(-1)
    if not known.any():
        return {}
    flat = np.broadcast_to(sample.normals[known].mean(0), sample.normals.shape)
    found = {
        "table_normals_deg": (normals, table),
        "table_truth_deg": (flat, table),
        "object_normals_deg": (normals, true_objects(sample) > 0),
    }
    return {name: normal_scores(answer, sample.normals, where)["mean_deg"] for name, (answer, where) in found.items()}


def depth_figures(answer: Answer, samples: Iterable[Sample]) -> SetFigures:
    """Depth and normals."""
    scorer = Scorer()
    rows = [_flat(scorer.add(answer(sample, (DEPTH, NORMALS)), sample)) for sample in samples]
    return SetFigures(rows, scores=scorer.scores())


def render_figures(answer: Answer, samples: Iterable[Sample]) -> SetFigures:
    """Depth, normals, and the classes that are there by three legends."""
    scorer, rng = Scorer(), np.random.default_rng(LEGEND_SEED)
    tallies = {name: LegendTally() for name in (USUAL, COLOURS, WORDS)}
    rows = []
    for sample in samples:
        named = named_classes(sample)
        asked = legends(named, rng) if named else {}
        answers = answer(sample, (DEPTH, NORMALS, *asked.values()))
        row = _flat(scorer.add({task.name: answers[task.name] for task in (DEPTH, NORMALS)}, sample))
        for name in asked:
            found = answers[name]
            if isinstance(found, SegmentMap):
                row[f"miou, {name}"] = tallies[name].add(found, named, sample)
        rows.append(row)
    usual = tallies[USUAL]
    whole = {"class_miou": usual.mean()}
    for name in (COLOURS, WORDS):
        # The share of the whole, not the mean of shares: a frame with IoU near 0 would count for as much as any.
        whole[f"kept, {name}"] = _mean(rows, f"miou, {name}") / _mean(rows, f"miou, {USUAL}")
        whole[f"class_kept, {name}"] = tallies[name].mean() / usual.mean()
    return SetFigures(rows, whole, scorer.scores(), usual.by_word())


def crop_figures(answer: Answer, samples: Iterable[Sample]) -> SetFigures:
    """Depth of enlarged crops against the truth, and (`change`) against what the whole image was answered there."""
    rows = []
    for sample, corners in crop_corners(samples):
        whole = replace(sample, depth_m=_depth(answer, sample))
        for place, corner in corners.items():
            crop, before = zoomed(sample, *corner), zoomed(whole, *corner).depth_m
            after_m = _depth(answer, crop)
            known = np.isfinite(crop.depth_m)
            row = {"abs_rel": depth_scores(after_m, crop.depth_m)["abs_rel"]}
            row |= {f"abs_rel, {place}": row["abs_rel"], "change": depth_scores(after_m, before, known)["abs_rel"]}
            rows.append(row)
    return SetFigures(rows, views=len(CROP_PLACES))


def blind_crop_figures(learnt: NoImage, samples: Iterable[Sample]) -> SetFigures:
    """The same without looking: the median depth of that part of the image."""
    rows = []
    for sample, corners in crop_corners(samples):
        for place, corner in corners.items():
            guess_m = zoomed(replace(sample, depth_m=learnt.depth_m), *corner).depth_m
            abs_rel = depth_scores(guess_m, zoomed(sample, *corner).depth_m)["abs_rel"]
            rows.append({"abs_rel": abs_rel, f"abs_rel, {place}": abs_rel})
    return SetFigures(rows)


def constant_figures(samples: Iterable[Sample]) -> SetFigures:
    """The median of the true depth everywhere: the least that a constant can err, known to nobody beforehand."""
    rows = []
    for sample in samples:
        guess_m = np.full(sample.depth_m.shape, np.nanmedian(sample.depth_m), np.float32)
        scores = depth_scores(guess_m, sample.depth_m)
        rows.append({name: scores[name] for name in ("abs_rel", "delta1")})
    return SetFigures(rows)


def model_facts(model_dir: Path, spec: EngineSpec) -> SetFigures:
    """What is shipped: MiB of all files, GFLOP of three prompts, parameters in millions."""
    size = sum(path.stat().st_size for path in model_dir.iterdir() if path.is_file())
    facts = {"mib": size / 2**20, "gflop": spec.gflop_three_prompts, "parameters_m": spec.parameters / 1e6}
    return SetFigures([], facts)


def summary(figures: SetFigures) -> dict[str, dict[str, float]]:
    """Of each figure its mean over the frames that have it, standard deviation, quartiles and number of frames."""
    out: dict[str, dict[str, float]] = {}
    for name in dict.fromkeys(key for row in figures.rows for key in row):
        values = np.array([row[name] for row in figures.rows if name in row and not math.isnan(row[name])])
        if values.size:
            low, middle, high = np.percentile(values, (25, 50, 75))
            spread = {"sd": values.std(ddof=1) if values.size > 1 else 0.0, "q1": low, "median": middle, "q3": high}
            out[name] = {
                "mean": float(values.mean()),
                **{k: float(v) for k, v in spread.items()},
                "frames": values.size,
            }
    return out | {name: {"mean": value} for name, value in figures.whole.items()}


def differences(before: SetFigures, after: SetFigures) -> dict[str, PairedDifference]:
    """Second minus first of two models on the same frames, figure by figure; views that lack it on a side are out.

    The views of one frame are alike, so their mean counts as one.
    """
    pairs = list(zip(before.rows, after.rows, strict=True))
    out: dict[str, PairedDifference] = {}
    for name in dict.fromkeys(key for row in before.rows for key in row):
        changes = np.array([new.get(name, math.nan) - old.get(name, math.nan) for old, new in pairs])
        of_frames = (frame[~np.isnan(frame)] for frame in changes.reshape(-1, before.views))
        change = np.array([frame.mean() for frame in of_frames if frame.size])
        if change.size > 1:
            out[name] = paired_difference(change, block=1)  # single pictures, no video
    return out


def _flat(row: Mapping[str, Mapping[str, float]]) -> Row:
    return {name: row[group][key] for name, (group, key) in PLACES.items() if key in row.get(group, {})}


def _depth(answer: Answer, sample: Sample) -> NDArray[np.float32]:
    found = answer(sample, (DEPTH,))[DEPTH.name]
    if not isinstance(found, DepthMap):
        msg = f"{DEPTH.name} was answered with a {type(found).__name__}, expected a DepthMap"
        raise ConfigError(msg)
    return found.depth_m


def _mean(rows: Sequence[Row], name: str) -> float:
    return float(np.nanmean([row[name] for row in rows if name in row]))
