"""`vb-perception evaluate`: lock-step over frames with truth; scores, and the report if asked for."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from vb_perception.errors import BagError
from vb_perception.evaluation.contact_sheet import write_contact_sheet
from vb_perception.evaluation.gallery import Showcase, make_gallery
from vb_perception.evaluation.replay import replay
from vb_perception.evaluation.report import Report, write_report
from vb_perception.evaluation.scores import OBJECT, Scorer, Scores
from vb_perception.evaluation.sources import read_source
from vb_perception.evaluation.traffic import StageFigures
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.text import PromptEncoder
from vb_perception.tasks import InstanceSegmentation, MetricDepth, SemanticSegmentation, SurfaceNormals, Task
from vb_perception.timing import STAGES, LatencyWindow

_log = logging.getLogger(__name__)
SHOWN_FRAMES = 8
REPLAYED_STAGES = ("prepare", "infer", "decode")
TASKS: tuple[Task, ...] = (
    MetricDepth(),
    SurfaceNormals(),
    SemanticSegmentation((("table", (255, 0, 0)), (OBJECT, (0, 255, 0)))),
    InstanceSegmentation(OBJECT),
)


def evaluate(
    source: Path,
    model_dir: Path,
    backend: str = "auto",
    out: Path | None = None,
    topics: tuple[str | None, str | None] = (None, None),
    tasks: Sequence[Task] = TASKS,
) -> Scores:
    """Answer every frame of a folder or bag in lock-step and score it.

    Args:
        source: What `read_source` takes.
        model_dir: An exported model.
        backend: What runs it; see `open_engine`.
        out: Folder for scores.json, report.html and contact_sheet.png; None: nothing is written.
        topics: Image and camera_info topic of a bag, None: found by type.
        tasks: What is asked of each frame.

    Raises:
        BagError: The source cannot be read or holds no frame.
        EngineError: The model cannot be loaded or run.
    """
    scorer, showcase, window = Scorer(), Showcase(SHOWN_FRAMES), LatencyWindow(10_000)
    unusable: list[str] = []
    frames = read_source(source, *topics, on_unusable=unusable.append)
    with open_engine(model_dir, backend) as engine:
        pipeline = PerceptionPipeline(engine, PromptEncoder(model_dir, engine.spec))
        count = 0
        for perception, truth in replay(frames, pipeline, tasks):
            count += 1
            window.add(perception.times)
            showcase.offer(perception, truth)
            if truth is not None:
                scorer.add(perception.predictions, truth)
        run_by = engine.backend
    for reason in unusable:
        _log.warning("left out: %s", reason)
    if not count:
        msg = f"{source} holds no usable frame ({len(unusable)} unusable); expected camera images"
        raise BagError(msg)
    scores = scorer.scores()
    if out is not None:
        _write(out, source, run_by, count, window, showcase, scores)
    return scores


def _write(
    out: Path, source: Path, run_by: str, count: int, window: LatencyWindow, showcase: Showcase, scores: Scores
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    gallery = make_gallery(showcase.kept)
    (out / "scores.json").write_text(json.dumps(scores.as_json(), indent=1) + "\n", encoding="utf-8")
    write_contact_sheet(out / "contact_sheet.png", gallery, f"vb_perception on {source.name}", with_truth=True)
    stages = []
    for stage in (s for s in STAGES if s in REPLAYED_STAGES):
        ms = window.summary(stage)
        stages.append(StageFigures(stage, ms.p50_ms, ms.p95_ms, ms.p99_ms, ms.max_ms))
    report = Report(
        title="vb_perception evaluation",
        lead="Every frame through the same pipeline that the node runs, in lock-step: none is dropped.",
        gallery=gallery,
        facts=(("frames from", str(source)), ("run by", run_by)),
        headline=(("frames", str(count)), *headline(scores)),
        stages=stages,
        scores=scores,
    )
    write_report(out / "report.html", report)


def headline(scores: Scores) -> list[tuple[str, str]]:
    """The few figures that tell most."""
    wanted = (
        ("depth", "abs_rel", "depth AbsRel", "{:.3f}"),
        ("depth", "delta1", "depth δ < 1.25", "{:.3f}"),
        ("normals", "mean_deg", "normals, mean error", "{:.1f}°"),
        ("classes", "table", "table IoU", "{:.2f}"),
        ("objects", "overlap_f", "objects, overlap F", "{:.2f}"),
    )
    return [
        (name, form.format(scores.figures[group][key]))
        for group, key, name, form in wanted
        if key in scores.figures.get(group, {})
    ]


def score_lines(scores: Scores) -> list[str]:
    """The figures as text, a group a line."""
    return [f"{scores.frames} frames with truth", *group_lines(scores)]


def group_lines(scores: Scores) -> list[str]:
    """One line a group of figures."""
    return [
        f"  {group:<11}" + "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
        for group, figures in scores.figures.items()
    ]
