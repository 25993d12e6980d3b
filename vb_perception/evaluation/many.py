"""A folder of bags: each evaluated by itself, several at a time, resumed after a kill; then all of them together."""

import json
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from vb_perception.errors import BagError, VbPerceptionError
from vb_perception.evaluation.bag_folders import Say
from vb_perception.evaluation.contestants import model_digests
from vb_perception.evaluation.criteria import judge_criteria
from vb_perception.evaluation.evaluate import evaluate
from vb_perception.evaluation.frames_log import FramesLog, read_frames_log
from vb_perception.evaluation.ingredients import ingredients
from vb_perception.evaluation.judge import joined_latency
from vb_perception.evaluation.outcome import Answered, FrameCounts, Outcome
from vb_perception.evaluation.provenance import joint_digest
from vb_perception.evaluation.result_files import (
    FRAMES,
    REPORT_JSON,
    clear,
    finish,
    read_tallies,
    refuse_to_lose,
    write_joint_html,
)
from vb_perception.evaluation.scores import Scorer
from vb_perception.evaluation.settings import Settings

PARTS = "parts"
_TIMES = "times/"
_AGAIN = "one that changes on the way makes no joint figures, so run the same command again"


@dataclass(frozen=True, slots=True)
class Job:
    """One source of several: where it lies, what it is called, where its result goes."""

    source: Path
    name: str
    out: Path


Result = tuple[Job, str]  # and what went wrong, "" if nothing did
Runner = Callable[[Sequence[Job], Settings], Iterator[Result]]


def evaluate_many(paths: Sequence[Path], settings: Settings, out: Path, run: Runner, say: Say) -> Outcome:
    """Evaluate each source into `out`/parts/NAME with `run`, then join them; those that are finished are not run again.

    A source that cannot be evaluated is a problem of the outcome, and the others go on.

    Raises:
        BagError: not one source could be evaluated.
        ConfigError: a source lies where results are to be written.
    """
    started = time.monotonic()
    jobs = _jobs(paths, out)
    for job in jobs:
        refuse_to_lose(paths, job.out)
    clear(out, paths)
    models = tuple(model_digests(settings))
    waiting = [job for job in jobs if not _is_done(job, settings)]
    if len(waiting) < len(jobs):
        say(f"{len(jobs) - len(waiting)} of {len(jobs)} sources were finished before and are taken over")
    troubles: dict[str, str] = {}
    for count, (job, trouble) in enumerate(run(waiting, settings), start=1):
        if trouble:
            troubles[job.name] = trouble
        say(f"[{count}/{len(waiting)}] {job.name}: {trouble or 'done'}")
    for job in jobs:
        if job.name not in troubles and tuple(_report(job).get("models", ())) != models:
            troubles[job.name] = f"made with another model than the run began with; {_AGAIN}"
    done = [job for job in jobs if job.name not in troubles]
    problems = [f"{name}: {trouble}" for name, trouble in sorted(troubles.items())]
    if not done:
        msg = f"not one of {len(jobs)} sources could be evaluated: {'; '.join(problems)}"
        raise BagError(msg)
    outcome = _joined(paths, done, settings, problems, time.monotonic() - started, out)
    write_joint_html(out, outcome)
    finish(out, outcome)
    return outcome


def on_this_machine(workers: int) -> Runner:
    """Runs sources in `workers` processes; with one, in this process."""

    def run(jobs: Sequence[Job], settings: Settings) -> Iterator[Result]:
        if workers == 1 or len(jobs) <= 1:
            yield from (evaluate_job(job, settings) for job in jobs)
            return
        # Spawned, not forked: engines and OpenCV have threads that a fork would not copy.
        with ProcessPoolExecutor(workers, get_context("spawn"), _end_on_interrupt) as pool:
            running = {pool.submit(evaluate_job, job, settings): job for job in jobs}
            try:
                for future in as_completed(running):
                    if isinstance(future.exception(), BrokenProcessPool):
                        yield running[future], "its process was killed (out of memory?); run the same command again"
                    else:
                        yield future.result()
            finally:  # Ctrl-C begins no further source
                pool.shutdown(cancel_futures=True)

    return run


def _end_on_interrupt() -> None:
    """Ctrl-C ends this process at once, without a word: the one that asked for the work tells of it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def evaluate_job(job: Job, settings: Settings) -> Result:
    """One source in whatever process this is; what goes wrong comes back as a sentence, so that the others go on."""
    try:
        evaluate(job.source, settings, job.out, job.name)
    except (VbPerceptionError, OSError) as error:
        return job, str(error)
    except Exception as error:  # noqa: BLE001 -- a defect that one bag brings out must not cost the others their night
        told = " ".join(f"{type(error).__name__}: {error}".split())  # some libraries write a page
        return job, f"{told}; a defect of this package: evaluate the source alone to see where"
    return job, ""


def _jobs(paths: Sequence[Path], out: Path) -> list[Job]:
    names: set[str] = set()
    jobs = []
    for path in paths:
        plain = re.sub(r"[^\w.-]+", "_", path.name).strip("_") or "source"
        name = next(n for n in (plain, *(f"{plain}_{i}" for i in range(2, len(paths) + 2))) if n not in names)
        names.add(name)
        jobs.append(Job(path, name, out / PARTS / name))
    return jobs


def _report(job: Job) -> dict[str, Any]:
    return dict(json.loads((job.out / REPORT_JSON).read_text(encoding="utf-8")))


def _is_done(job: Job, settings: Settings) -> bool:
    """Whether its result is there, of the same bytes, models and settings."""
    try:
        return bool(_report(job)["fingerprint"] == ingredients(job.source, settings, job.out).fingerprint(settings))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _joined(
    paths: Sequence[Path], done: Sequence[Job], settings: Settings, problems: list[str], seconds: float, out: Path
) -> Outcome:
    reports = [_report(job) for job in done]
    with FramesLog(out / FRAMES) as log:
        for job in done:
            for row in read_frames_log(job.out / FRAMES):
                log.write(row)
    tallies = [read_tallies(job.out) for job in done]
    contestants = {}
    for name, first in reports[0]["contestants"].items():
        scorer, times = Scorer(), []
        for tally in tallies:
            scorer.merge(tally[name])
            own = {key.removeprefix(_TIMES): value for key, value in tally[name].items() if key.startswith(_TIMES)}
            times.append({stage: [float(ms) for ms in values] for stage, values in own.items()})
        together = {stage: [ms for part in times for ms in part[stage]] for stage in times[0]}
        latency = joined_latency(times)
        contestants[name] = Answered(
            first["run_by"], first["digest"], scorer.scores(), latency, scorer.state(), together
        )
    counted = [report["frames"] for report in reports]
    names = ("images", "answered", "scored", "unusable", "without_truth", "truth_without_image")
    counts = FrameCounts(*(int(sum(row[name] for row in counted)) for name in names))
    balanced = all(report["ledger_balances"] for report in reports)
    problems = problems + [f"{job.name}: {p}" for job, r in zip(done, reports, strict=True) for p in r["problems"]]
    judged = next(iter(contestants.values()))
    figures = {**judged.figures(), "frames": counts.figures()}
    return Outcome(
        source=", ".join(dict.fromkeys(str(path.parent) for path in paths)),
        mode="folder",
        counts=counts,
        balanced=balanced,
        contestants=contestants,
        verdicts=judge_criteria(settings.criteria, figures, judged.scores.counts, balanced=balanced),
        problems=tuple(problems),
        seconds=seconds,
        data_sha256=joint_digest([report["data"]["sha256"] for report in reports]),
        data_bytes=sum(report["data"]["bytes"] for report in reports),
        config=settings.as_json(),
        models=tuple(reports[0]["models"]),
        parts=tuple(job.name for job in done),
        notes=_joined_notes({job.name: report["notes"] for job, report in zip(done, reports, strict=True)}),
    )


def _joined_notes(parts: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The notes on the parts, by their names where they are not on all of them: legends differ."""
    of_all = [note for note in next(iter(parts.values())) if all(note in notes for notes in parts.values())]
    return (*of_all, *(f"{name}: {note}" for name, notes in parts.items() for note in notes if note not in of_all))
