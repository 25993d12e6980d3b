"""`vb-perception evaluate` and `vb-perception compare`: what they run, and what they print."""

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from vb_perception.errors import ConfigError, VbPerceptionError
from vb_perception.evaluation.bag_folders import sources_in
from vb_perception.evaluation.bag_frames import ReadOptions
from vb_perception.evaluation.bag_truth import TruthTopics
from vb_perception.evaluation.cluster import on_ray
from vb_perception.evaluation.command_arguments import NODE_OUTPUT, TRUTH
from vb_perception.evaluation.compare import compare
from vb_perception.evaluation.contestants import folder_of, whole_path
from vb_perception.evaluation.criteria import check_classes, read_criteria
from vb_perception.evaluation.evaluate import evaluate
from vb_perception.evaluation.junit import write_junit
from vb_perception.evaluation.many import evaluate_many, on_this_machine
from vb_perception.evaluation.outcome import Outcome
from vb_perception.evaluation.report_figures import group_lines
from vb_perception.evaluation.result_files import JUNIT, clear, refuse_to_lose
from vb_perception.evaluation.settings import OURS, Settings, asked_tasks

_EVERY = 50  # frames between two words on the progress

Live = Callable[[Path, argparse.Namespace], tuple[Path, list[str]]]
"""Plays a bag into the real node over DDS; the recording, and what went wrong on the way."""


def run_evaluate(options: argparse.Namespace, live: Live) -> int:
    """Run it; 0 if everything was read and all criteria are met, else 1.

    Raises:
        VbPerceptionError: Nothing could be evaluated, or an argument cannot be used.
    """
    settings = _settings(options)
    if options.live and (len(sources_in(options.sources)) > 1 or options.out is None):
        msg = "--live plays one bag and writes its recording: give one source and --out"
        raise ConfigError(msg)
    if options.out is not None:  # here already: after an error `_tell_ci` clears the folder too
        beside = [folder_of(what) for _, what in settings.contestants]
        refuse_to_lose([*options.sources, *sources_in(options.sources), *beside], options.out)
    try:
        if options.live:
            recording, trouble = live(options.sources[0], options)
            outcome = evaluate(recording, settings, options.out, progress=_progress, trouble=trouble)
        else:
            outcome = _run(options, settings)
    except VbPerceptionError as error:
        _tell_ci(options, str(error))
        raise
    except OSError as error:
        _tell_ci(options, str(error))
        msg = f"cannot read or write: {error}; expected sources that can be read and a folder --out that can be written"
        raise ConfigError(msg) from error
    lines = [json.dumps(outcome.as_json())] if options.json else summary(outcome, options.out)
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if outcome.passed else 1


def run_compare(options: argparse.Namespace) -> int:
    """Compare; 0 whatever came of it, or with --fail-if-worse 1 if B is worse in any figure but latency, or not judged.

    Raises:
        ConfigError: One of the two is no report, or they have no frame in common.
    """
    comparison = compare(options.a, options.b, options.block)
    lines = [json.dumps(comparison.as_json())] if options.json else comparison.lines()
    sys.stdout.write("\n".join(lines) + "\n")
    if not options.fail_if_worse:
        return 0
    sys.stderr.writelines(f"vb-perception: --fail-if-worse: {gap}\n" for gap in comparison.gaps)
    return 1 if comparison.is_worse() or comparison.gaps else 0


def summary(outcome: Outcome, out: Path | None) -> list[str]:
    """The outcome in lines of text; the last one is the verdict."""
    n = outcome.counts
    lines = [f"{n.answered} of {n.images} images answered, {n.scored} with truth"]
    for name, one in outcome.contestants.items():
        lines += [f"{name} ({one.run_by}):", *group_lines(one.figures())]
    lines += [f"criterion {'met' if v.passed else 'MISSED'}: {v.criterion} ({v.sentence})" for v in outcome.verdicts]
    lines += [f"note: {note}" for note in outcome.notes]
    lines += [f"problem: {problem}" for problem in outcome.problems]
    if out is not None:
        lines.append(f"report: {out / 'report.html'}")
    return [*lines, "evaluation: passed" if outcome.passed else "evaluation: failed"]


def _tell_ci(options: argparse.Namespace, reason: str) -> None:
    """Where nothing could be evaluated, junit.xml says why; no other file stands beside it as if it had."""
    if options.out is not None:
        with suppress(OSError):
            clear(options.out, options.sources)
            write_junit(options.out / JUNIT, ", ".join(map(str, options.sources)), (), (reason,), 0.0)


def _run(options: argparse.Namespace, settings: Settings) -> Outcome:
    sources = sources_in(options.sources, _say)
    if len(sources) == 1 and sources == options.sources and not options.ray:
        return evaluate(sources[0], settings, options.out, progress=_progress)
    if options.out is None:
        msg = f"{len(sources)} sources: name a folder for their reports with --out; it is also what a resumed run reads"
        raise ConfigError(msg)
    run = on_ray(options.ray, gpus_a_source=options.ray_gpus) if options.ray else on_this_machine(options.jobs)
    return evaluate_many(sources, settings, options.out, run, _say)


def _settings(options: argparse.Namespace) -> Settings:
    recorded = NODE_OUTPUT if options.live else options.recorded
    contestants = [] if recorded else [(OURS, whole_path(str(options.model)))]
    for text in options.beside:
        name, _, what = text.partition("=")
        if not name or not what or recorded:
            msg = f"--beside {text}: expected NAME=WHAT" + ("; a recording has no others beside it" if recorded else "")
            raise ConfigError(msg)
        contestants.append((name, whole_path(what)))
    if len({name for name, _ in contestants}) != len(contestants):
        msg = f"contestants {', '.join(name for name, _ in contestants)}: give each a name of its own"
        raise ConfigError(msg)
    reading = ReadOptions(
        options.image,
        options.camera_info,
        TruthTopics(**{what: getattr(options, f"truth_{what}") for what in TRUTH}),
        round(options.tolerance_ms * 1e6),
        options.rectification,
    )
    criteria = read_criteria(options.criteria) if options.criteria else ()
    check_classes(criteria, options.classes)
    if options.refer and recorded:
        msg = f"--refer {options.refer!r}: a recording holds no answer to it; leave it out, or evaluate in lock-step"
        raise ConfigError(msg)
    return Settings(
        contestants=tuple(contestants),
        backend=options.backend,
        tasks=asked_tasks(options.classes, options.refer),
        reading=reading,
        criteria=criteria,
        recorded=recorded or "",
        classes=tuple(options.classes),
        keep_outputs=options.keep_outputs,
    )


def _progress(frames: int) -> None:
    if frames % _EVERY == 0:
        _say(f"{frames} frames")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
