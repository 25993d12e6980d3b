"""`vb-perception demo`: the input bag, the live run, the verdict."""

import sys
from dataclasses import dataclass
from pathlib import Path

from vb_perception.demo.environment import require_ros
from vb_perception.demo.processes import Orders, play_and_record
from vb_perception.evaluation.bag_samples import write_sample, write_samples
from vb_perception.evaluation.bags import BagWriter, bag_topics, read_messages
from vb_perception.evaluation.camera_topics import find_camera
from vb_perception.evaluation.live_run import Judgement, judge, ledger_equation
from vb_perception.evaluation.report import TOPIC_HEAD, topic_cells
from vb_perception.evaluation.report_figures import group_lines
from vb_perception.evaluation.sources import is_folder_of_frames, read_samples
from vb_perception.scenes.photographs import read_photographs

SAMPLE = Path(__file__).with_name("robot_run.mcap")  # made by `vb-perception render`
PHOTOGRAPH_PERIOD_NS = 700_000_000  # slow enough for any machine to answer each
FOLDER_RATE_HZ = 3.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What `vb-perception demo` was asked for; None: the default."""

    out: Path
    bag: Path | None
    image: str | None
    camera_info: str | None
    model_dir: Path
    backend: str
    rate: float


def run_demo(options: DemoOptions) -> int:
    """Run it all; 0 if every topic spoke and the ledger balances, else 1 with the reasons on stdout.

    Raises:
        VbPerceptionError: Something is missing, or a process could not do its work; the message says which and why.
    """
    require_ros()
    options.out.mkdir(parents=True, exist_ok=True)
    bag = _input_bag(options)
    camera = find_camera(bag, options.image, options.camera_info)
    source = "the sample run and photographs" if options.bag is None else str(options.bag)
    orders = Orders(bag, camera, options.rate, options.model_dir, options.backend, options.out, source)
    run, trouble = play_and_record(orders)
    judgement = judge(run, options.out, trouble)
    sys.stdout.write("\n".join(summary_lines(judgement, options.out)) + "\n")
    return 1 if judgement.problems else 0


def summary_lines(judgement: Judgement, out: Path) -> list[str]:
    """The topics table, ledger, scores and verdict as lines of text; the last one is "demo: ok" if all is well."""
    rows = [TOPIC_HEAD, *topic_cells(judgement.traffic)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(TOPIC_HEAD))]
    texts = 2  # columns of text, then columns of numbers
    lines = []
    for row in rows:
        cells = zip(row, widths, strict=True)
        padded = [cell.rjust(width) if i >= texts else cell.ljust(width) for i, (cell, width) in enumerate(cells)]
        lines.append("  ".join(padded))
    lines.append("")
    if judgement.account:
        lines.append(f"ledger: {ledger_equation(judgement.account)}; lost in transport {judgement.lost}")
    if judgement.scores.figures:
        lines += [f"scores over {judgement.scores.frames} frames with truth:", *group_lines(judgement.scores.figures)]
    lines.append(f"pictures: {out / 'report.html'}  {out / 'contact_sheet.png'}")
    return lines + ([f"demo: failed: {problem}" for problem in judgement.problems] or ["demo: ok"])


def _input_bag(options: DemoOptions) -> Path:
    """The bag to play: given, made of a folder, or the sample with photographs behind it."""
    made = options.out / "input.mcap"
    if options.bag is None:
        _append_photographs(SAMPLE, made)
        return made
    if is_folder_of_frames(options.bag):
        write_samples(made, read_samples(options.bag), FOLDER_RATE_HZ)
        return made
    return options.bag


def _append_photographs(sample: Path, made: Path) -> None:
    with BagWriter(made) as bag:
        last_ns = 0
        latched = {topic for topic, entry in bag_topics(sample).items() if entry.latched}
        for topic, msgtype, t_ns, cdr in read_messages(sample):
            bag.write(topic, msgtype, t_ns, cdr, latched=topic in latched)
            last_ns = max(last_ns, t_ns)
        for i, photograph in enumerate(read_photographs(), start=1):
            write_sample(bag, photograph, last_ns + i * PHOTOGRAPH_PERIOD_NS, "png", 92)
