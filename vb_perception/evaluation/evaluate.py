"""`vb-perception evaluate` of one source: every frame answered, or read from a recording, judged, and reported."""

import logging
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from vb_perception.errors import BagError, VbPerceptionError
from vb_perception.evaluation.ahead import ahead
from vb_perception.evaluation.answers import answered, recorded
from vb_perception.evaluation.bag_frames import NO_IMAGE
from vb_perception.evaluation.bags import bag_topics, open_bag
from vb_perception.evaluation.camera_topics import find_camera
from vb_perception.evaluation.contestants import Contestant
from vb_perception.evaluation.criteria import judge_criteria
from vb_perception.evaluation.damaged import rescued
from vb_perception.evaluation.frame_scores import Figures
from vb_perception.evaluation.frames_log import FramesLog
from vb_perception.evaluation.gallery import Showcase
from vb_perception.evaluation.ingredients import Ingredients, ingredients
from vb_perception.evaluation.judge import Judge
from vb_perception.evaluation.live_run import node_rows
from vb_perception.evaluation.notes import Notes
from vb_perception.evaluation.outcome import Answered, FrameCounts, Outcome
from vb_perception.evaluation.output_bag import OutputBag
from vb_perception.evaluation.provenance import size_bytes
from vb_perception.evaluation.ranking import Ranking
from vb_perception.evaluation.report_sections import HISTOGRAMS
from vb_perception.evaluation.result_files import clear, write_result
from vb_perception.evaluation.settings import OURS, TASKS, Settings
from vb_perception.evaluation.shortfalls import blind, left_out, of_one_stamp, unnamed, untrue
from vb_perception.evaluation.sources import check_layout, is_folder_of_frames
from vb_perception.evaluation.traffic import node_account
from vb_perception.frame import Frame, Perception
from vb_perception.scenes.sample import Sample

__all__ = ["TASKS", "Run", "evaluate"]

_log = logging.getLogger(__name__)
SHOWN_FRAMES = 6
Progress = Callable[[int], object]


@dataclass(slots=True)
class Run:
    """What gathers while frames go by; the first contestant is the one shown."""

    names: Sequence[str]
    judges: dict[str, Judge] = field(default_factory=dict)
    showcase: Showcase = field(default_factory=lambda: Showcase(SHOWN_FRAMES))
    ranking: Ranking = field(default_factory=Ranking)
    unusable: list[str] = field(default_factory=list)
    orphans: int = 0
    frames: int = 0
    ended: str = ""
    per_frame: dict[str, list[float]] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)

    def refuse(self, reason: str) -> None:
        """Count what could not be used."""
        if reason.endswith(NO_IMAGE):
            self.orphans += 1
            return
        self.unusable.append(reason)
        _log.warning("left out: %s", reason)

    def add(self, answers: Mapping[str, Perception], truth: Sample | None) -> dict[str, dict[str, Figures]]:
        """Judge one frame's answers; the figures of each contestant."""
        self.frames += 1
        figures = {name: self.judges[name].add(perception, truth) for name, perception in answers.items()}
        self.notes.add(answers, truth)
        first = self.names[0]
        self.showcase.offer(answers[first], truth)
        self.ranking.offer(figures[first], answers[first], truth)
        for name in HISTOGRAMS:
            group, _, figure = name.partition(".")
            if figure in figures[first].get(group, {}):
                self.per_frame.setdefault(name, []).append(figures[first][group][figure])
        return figures


def evaluate(
    source: Path,
    settings: Settings,
    out: Path | None = None,
    name: str = "",
    progress: Progress = lambda _: None,
    trouble: Sequence[str] = (),
) -> Outcome:
    """Judge every frame of a folder or bag.

    A bag that is damaged is read as far as it can be; what could not be read is a problem of the outcome, as is what
    ended the run after the first frame, and an image that could not be used unless a criterion tells how many may be.

    Args:
        source: What `read_source` takes.
        settings: What is asked.
        out: Folder for report.json, report.html, frames.jsonl, junit.xml, contact_sheet.png; None: nothing is written.
        name: What the source is called in the report; "": its path.
        progress: Told the number of frames so far, after each.
        trouble: Problems that were seen while the source was recorded.

    Raises:
        BagError: The source cannot be read or holds no usable frame.
        ConfigError: A contestant cannot be used, or `out` as `refuse_to_lose` says.
        EngineError: A model cannot be loaded, or fails at the first frame.
    """
    started = time.monotonic()
    problems = list(trouble)
    with ExitStack() as stack:
        if out is not None:
            clear(out, [source])
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vb-perception-")))
        readable = _readable(source, scratch, problems)
        made_of = ingredients(source, settings, out)
        names = [OURS] if settings.recorded else [name for name, _ in settings.contestants]
        run = Run(names)
        opened: dict[str, Contestant] = {}
        make = recorded if settings.recorded else partial(answered, opened=opened)
        answers = ahead(lambda: make(readable, settings, run.refuse, problems.append))
        stack.callback(answers.close)
        log = stack.enter_context(FramesLog(out / "frames.jsonl")) if out else None
        bag = stack.enter_context(OutputBag(out / "outputs.mcap")) if out and settings.keep_outputs else None
        try:
            for perceptions, truth in answers:
                figures = _judged(run, perceptions, truth, opened)
                if log is not None:
                    log.write(_row(name or source.name, perceptions[names[0]].frame, truth, figures))
                if bag is not None:
                    bag.add(perceptions[names[0]], truth)
                progress(run.frames)
        except VbPerceptionError as error:
            if not run.frames:
                raise
            run.ended = f"ended after {run.frames} frames: {error}"
            problems.append(run.ended)
        if not run.frames:
            reasons = "; ".join([*problems, *run.unusable[:1]])
            msg = f"{source} holds no usable frame ({len(run.unusable)} unusable{': ' if reasons else ''}{reasons})"
            raise BagError(msg)
        changed = made_of.changed(source, settings, out)
        problems += changed
        seconds = time.monotonic() - started
        outcome = _outcome(source, readable, settings, run, opened, problems, seconds, made_of)
        taken_over_by = "" if run.ended or changed else made_of.fingerprint(settings)
        outcome = replace(outcome, source=name or str(source), fingerprint=taken_over_by)
    if out is not None:
        write_result(out, outcome, run.showcase, run.ranking, run.per_frame)
    return outcome


def _judged(
    run: Run, perceptions: Mapping[str, Perception], truth: Sample | None, opened: Mapping[str, Contestant]
) -> dict[str, dict[str, Figures]]:
    if not run.judges:  # who answers is known with the first answer
        means = {who: one.depth_means for who, one in opened.items()}
        run.judges = {who: Judge(means.get(who, "metric")) for who in run.names}
    return run.add(perceptions, truth)


def _readable(source: Path, scratch: Path, problems: list[str]) -> Path:
    """The source itself, or a copy of what is whole of it."""
    if is_folder_of_frames(source):
        check_layout(source)
        return source
    try:
        with open_bag(source):
            return source
    except BagError:
        copy = rescued(source, scratch)
        if copy is None:
            raise
        problems.append(copy[1])
        return copy[0]


def _row(
    source: str, frame: Frame, truth: Sample | None, figures: Mapping[str, Mapping[str, Figures]]
) -> dict[str, object]:
    named = truth.name if truth is not None else ""
    return {"source": source, "stamp_ns": frame.stamp_ns, "name": named, "truth": truth is not None, "answers": figures}


def _outcome(
    source: Path,
    readable: Path,
    settings: Settings,
    run: Run,
    opened: Mapping[str, Contestant],
    problems: list[str],
    seconds: float,
    made_of: Ingredients,
) -> Outcome:
    first = run.judges[run.names[0]]
    images = _images(readable, settings, run)
    counts = FrameCounts(images, run.frames, first.scored, len(run.unusable), run.frames - first.scored, run.orphans)
    balanced, run_by = counts.dropped == 0, {name: (one.run_by, one.digest) for name, one in opened.items()}
    node_ledger: Sequence[tuple[str, int, str]] = ()
    if settings.recorded:
        account = node_account(readable, f"{settings.recorded}/latency")
        balanced = account is not None and account.ledger.balances(account.waiting)
        run_by = {OURS: (account.backend if account else "recorded", "")}
        node_ledger = node_rows(account) if account else ()
    contestants = {}
    for name, judge in run.judges.items():
        times = {"": judge.total_ms, **judge.stages_ms}
        scores = judge.scorer.scores()
        contestants[name] = Answered(*run_by[name], scores, judge.latency(), judge.scorer.state(), times)
    problems = [
        *problems,
        *blind(contestants),
        *left_out(run.unusable, settings),
        *of_one_stamp(readable, settings, counts),
        *untrue(readable, settings, contestants),
        *unnamed(readable, settings),
    ]
    judged = contestants[run.names[0]]
    figures = {**judged.figures(), "frames": counts.figures()}
    return Outcome(
        source=str(source),
        mode="recorded live run" if settings.recorded else "lock-step",
        counts=counts,
        balanced=balanced,
        contestants=contestants,
        verdicts=judge_criteria(settings.criteria, figures, judged.scores.counts, balanced=balanced),
        problems=tuple(problems),
        seconds=seconds,
        data_sha256=made_of.data,
        data_bytes=size_bytes(source),
        config=settings.as_json(),
        node_ledger=tuple(node_ledger),
        notes=run.notes.sentences(),
        models=made_of.models,
    )


def _images(path: Path, settings: Settings, run: Run) -> int:
    """Images by the source's own count."""
    if is_folder_of_frames(path):
        return run.frames + len(run.unusable)
    camera = find_camera(path, settings.reading.image, settings.reading.camera_info)
    return bag_topics(path)[camera.image].messages
