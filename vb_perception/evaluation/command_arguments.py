"""The arguments of `vb-perception evaluate` and `compare`; nothing heavy is imported, so that --help is instant."""

import argparse
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_N = TypeVar("_N", int, float)
DEFAULT = "default"
"""The model of this package, as in the node's parameter `model`."""
NODE_OUTPUT = "/perception_node/output"
TRUTH = {
    "depth": "depth image", "normals": "32FC3 normals", "classes": "class ids", "instances": "instance ids",
    "pose": "pose of the camera", "legend": "class names",
}  # fmt: skip
RECTIFICATIONS = ("auto", "rectify", "assume_rectified")
LOCAL = "local"
"""A Ray cluster of this machine alone, started for the run."""


def above_zero(text: str) -> float:
    """A finite number above zero."""
    return _number(text, float(text), 0 < float(text) < math.inf, "above zero, and finite")


def not_negative(text: str) -> float:
    """A finite number of zero or more."""
    return _number(text, float(text), 0 <= float(text) < math.inf, "of zero or more, and finite")


def at_least_one(text: str) -> int:
    """A whole number above zero."""
    return _number(text, int(text), int(text) > 0, "of one or more")


def _number(text: str, value: _N, fits: bool, expected: str) -> _N:  # noqa: FBT001 -- one line each above
    if not fits:
        msg = f"{text}: expected a number {expected}"
        raise argparse.ArgumentTypeError(msg)
    return value


def model_argument(default: Path) -> Callable[[str], Path]:
    """A folder of an exported model (FOLDER@SIZE too); `default` for the word that the node's parameter `model` has."""

    def folder(text: str) -> Path:
        name, mark, size = text.partition("@")
        if name == DEFAULT:
            return Path(f"{default}{mark}{size}")
        try:
            return Path(text).expanduser()
        except RuntimeError as error:
            msg = f"{text}: {error}; expected a path that begins with /"
            raise argparse.ArgumentTypeError(msg) from error

    return folder


def evaluate_parser(model: Path) -> argparse.ArgumentParser:
    """Of `evaluate`; `model`: the one that is evaluated if none is named."""
    parser = argparse.ArgumentParser(
        prog="vb-perception evaluate",
        description="Answer every frame in lock-step (or live, or read a recording) and score it against its truth.",
        epilog="Exit code 0: everything was read and all criteria are met.  docs/evaluation.md tells the rest.",
    )
    add = parser.add_argument
    add("sources", type=Path, nargs="+", metavar="SOURCE", help="a bag, a folder of frames, or a folder of bags")
    add("--out", type=Path, help="folder for report.json, report.html, frames.jsonl, junit.xml, contact_sheet.png")
    add("--criteria", type=Path, help='YAML with what must hold, such as `depth.abs_rel: "<= 0.06"`')
    add("--json", action="store_true", help="print report.json instead of a summary")
    add("--model", type=model_argument(model), default=model, help="folder of an exported model, or FOLDER@480x640")
    add("--backend", default="auto", help="what runs exported models [%(default)s]")
    add("--beside", action="append", default=[], metavar="NAME=WHAT",
        help="another: a model FOLDER[@SIZE], ADAPTER.yaml, or no-image:TRAINING_SPLIT; repeatable")  # fmt: skip
    add("--recorded", nargs="?", const=NODE_OUTPUT, metavar="NAMESPACE",
        help="score what a node published into the bag, run nothing [%(const)s]")  # fmt: skip
    add("--classes", nargs="+", default=["table", "object"],
        help="what the segmentation names (of a recorded one: its ids from 1 on) [table object]")  # fmt: skip
    add("--refer", default="", metavar="PHRASE", help="ask for the mask of this phrase too; scored as `referring`")
    add("--live", action="store_true", help="play the bag into the real node over DDS, record, score the recording")
    add("--rate", type=above_zero, default=1.0, help="how much faster than recorded --live plays [%(default)s]")
    add("--keep-outputs", action="store_true", help="write the answers to outputs.mcap, for RViz and Foxglove")
    add("--jobs", type=at_least_one, default=os.cpu_count() or 1, help="sources evaluated at a time [%(default)s]")
    add("--ray", nargs="?", const=LOCAL, metavar="ADDRESS", help="evaluate on a Ray cluster [%(const)s]")
    add(
        "--ray-gpus",
        type=not_negative,
        default=0.0,
        metavar="N",
        help="GPUs that each source takes on Ray [%(default)s]",
    )
    add("--image-topic", dest="image", help="image topic of a bag; left out: found by type")
    add("--camera-info", help="camera_info topic of a bag; left out: the one beside the image")
    add("--rectification", choices=RECTIFICATIONS, default=RECTIFICATIONS[0],
        help="of a lens's distortion, as the node's parameter [%(default)s: by the topic's name]")  # fmt: skip
    add(
        "--tolerance-ms",
        type=not_negative,
        default=0.0,
        help="truth may be stamped so far from its image [%(default)s]",
    )
    for what, words in TRUTH.items():
        add(f"--truth-{what}", metavar="TOPIC", help=f"topic of the true {words}")
    return parser


def compare_parser() -> argparse.ArgumentParser:
    """Of `compare`."""
    parser = argparse.ArgumentParser(
        prog="vb-perception compare", description="Compare two evaluations frame by frame, with confidence intervals."
    )
    parser.add_argument("a", help="a folder that `evaluate --out` wrote, or FOLDER:CONTESTANT")
    parser.add_argument("b", help="the other")
    parser.add_argument("--block", type=at_least_one, help="consecutive frames drawn together; left out: frames^(1/3)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--fail-if-worse",
        action="store_true",
        help="exit with 1 if B is worse in any figure but latency, failed, or lacks frames",
    )
    return parser
