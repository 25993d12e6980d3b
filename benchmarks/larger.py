"""Is a larger network the lever, or are other weights of the losses, or does a larger one teach more than truth?

Runs of as many images each, from ImageNet, on the same frames, at a size for two cores (`benchmarks/larger/*.yaml`):
the shipped network on truth alone (small), that of training/edge.yaml on truth alone (large), the shipped network with
normals six and twenty times as heavy (normals, normals20), the large one with normals six times as heavy (large6), and
the shipped network that also hears what large says, 30 % of its images without truth (taught).  Two seeds of small tell
what chance does (`chance.py`).  Nothing is tuned on OSD's test split or MuJoCo: they are reported.

Usage: python benchmarks/larger.py [--runs runs], or --kept for the table of results/larger.json once more
    after `vb-perception train benchmarks/larger/small.yaml --out runs/small-1`, large.yaml to runs/large-1 and so on,
    then `vb-perception distil benchmarks/larger/taught.yaml --out runs/taught-1`; small-2 with seed: 2
"""

import argparse
import json
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accuracy_goals import OSD
from chance import legend, margins, word
from circumstances import circumstances
from distillation import RESULTS, ROOT, frames_at_hand, images_seen, judged, kept_or, read_student
from distillation_tables import FORMS, Figures, osd_title, rounded, unrounded
from torch.utils.flop_counter import FlopCounterMode

from vb_perception.tasks import InstanceSegmentation, MetricDepth, SurfaceNormals
from vb_perception.training.objective import Model
from vb_perception.training.settings import TrainSettings
from vb_perception.training.train import STATE
from vb_perception.training.validate import prompt_tensor

KINDS = ("small", "large", "normals", "normals20", "large6", "taught")


def main() -> None:
    """Measure every run, write, print."""
    options = asked(__doc__)
    if options.kept:
        write_table(json.loads((RESULTS / "larger.json").read_text(encoding="utf-8")))
        return
    torch.set_num_threads(1)
    settings = TrainSettings.read(ROOT / "benchmarks" / "larger" / "small.yaml")
    sets, size = frames_at_hand(settings, options.cache), settings.validation_size
    figures: dict[str, Figures] = {}
    costs: dict[str, dict[str, float]] = {}
    states = {s.parent.name: s for kind in KINDS for s in sorted(options.runs.glob(f"{kind}-?/{STATE}"))}
    for name, state in states.items():
        model = read_student(state)
        figures[name] = kept_or(partial(judged, model, sets, size), options.runs / "figures", name, state)
        costs[name] = cost(model, size)
    kept = {
        "benchmark": "larger",
        **circumstances(),
        "size": "x".join(map(str, size)),
        "frames": {name: len(frames) for name, frames in sets.items()},
        "images": {name: images_seen(state) for name, state in states.items()},
        "costs": costs,
        "figures": rounded(figures),
    }
    (RESULTS / "larger.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    write_table(kept)


def asked(description: str) -> argparse.Namespace:
    """Where the runs and the drawn frames are, and whether anything is measured."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="where the runs are [%(default)s]")
    parser.add_argument("--cache", type=Path, default=ROOT / "cache", help="where drawn frames are kept [%(default)s]")
    parser.add_argument("--kept", action="store_true", help="measure nothing, write the table of what is kept")
    return parser.parse_args()


def write_table(kept: Mapping[str, Any]) -> None:
    """results/larger.md; the table is printed as well."""
    lines = table(unrounded(kept["figures"]), {OSD: osd_title("centre crops", kept["size"])})
    told = {k: v for k, v in kept.items() if k not in {"benchmark", "figures"}}
    (RESULTS / "larger.md").write_text("\n".join([*lines, "", f"Measured with {told}.", ""]), encoding="utf-8")
    print("\n".join(lines))


def cost(model: Model, size: tuple[int, int]) -> dict[str, float]:
    """Millions of parameters, and GFLOP (a multiply and an addition are two) of one image and three prompts."""
    tasks = (MetricDepth(), SurfaceNormals(), InstanceSegmentation("object"))
    with torch.no_grad():
        prompts = torch.stack([prompt_tensor(model.text, task) for task in tasks])
        with FlopCounterMode(display=False) as counter:
            model.generator(torch.zeros(1, 3, *size), torch.zeros(1, 2, *size), prompts)
    parameters = sum(p.numel() for p in model.parameters())
    return {"parameters_m": round(parameters / 1e6, 2), "gflop": round(counter.get_total_flops() / 1e9, 3)}


def table(figures: Mapping[str, Figures], titles: Mapping[str, str]) -> list[str]:
    """A row a set and figure: the mean over seeds of each, the seeds' distance, and whether it is better than small."""
    kinds = [kind for kind in KINDS if f"{kind}-1" in figures]
    chance = margins([[figures["small-1"], figures["small-2"]]])
    lines = [f"| set, figure | {' | '.join(kinds)} |", "|---" * (len(kinds) + 1) + "|"]
    for name, first in figures["small-1"].items():
        for figure, form in FORMS.items():
            if math.isnan(first[figure]):
                continue
            values = {
                who: [of[name][figure] for run, of in figures.items() if run.startswith(f"{who}-")] for who in kinds
            }
            cells = [told(who, figure, form, values, chance[figure]) for who in kinds]
            lines.append(f"| {titles.get(name, name)}, {figure} | {' | '.join(cells)} |")
    return [*lines, "", legend("small", chance)]


def told(who: str, figure: str, form: str, values: Mapping[str, list[float]], chance: float) -> str:
    """One cell: the mean, how far the seeds are apart, and what it is beside small."""
    own, small = values[who], values["small"]
    mean, distance = sum(own) / len(own), max(own) - min(own)
    apart = f" ({distance:{form}})" if len(own) > 1 else ""
    verdict = "" if who == "small" else f" {word(figure, mean, sum(small) / len(small), chance)}"
    return f"{mean:{form}}{apart}{verdict}"


if __name__ == "__main__":
    main()
