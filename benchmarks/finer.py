"""Does a teacher that sees finer pictures help?  Students of 64x96 px beside truth alone, by seeds.

The teacher is the shipped model, which looks at the same images at 192x288 and has seen forty times as many.  Its
students are the same network at 64x96 (settings in `benchmarks/finer/`): from ImageNet on truth alone (truth) and
hearing the teacher, 30 % of their images without truth (finer); and both from the shipped weights, which know no
picture of that size (tuned_truth, tuned_finer).  All see as many images.  The start is the shipped model at 64x96 as it
is.  Nothing is tuned on OSD's test split or MuJoCo: they are reported.

Usage: python benchmarks/finer.py [--runs runs], or --kept for the table of results/finer.json once more
    after `vb-perception distil benchmarks/finer/WAY.yaml --out runs/WAY-1`, and with another seed runs/WAY-2, ...
"""

import json
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accuracy_goals import OSD
from chance import LESS_IS_BETTER, legend, margins, word
from circumstances import circumstances
from distillation import RESULTS, ROOT, frames_at_hand, images_seen, judged, kept_or, read_student
from distillation_tables import FORMS, SHARE, Figures, osd_title, rounded, unrounded
from larger import asked, cost
from measuring import in_turns

from vb_perception.training.distil import DistilSettings
from vb_perception.training.train import STATE

PAIRS = {"truth": "finer", "tuned_truth": "tuned_finer"}
"""The control, and who also hears the teacher."""
TEACHER, START = "teacher", "start"
ROUNDS = 15


def main() -> None:
    """Measure every run, write, print."""
    options = asked(__doc__)
    if options.kept:
        write_table(json.loads((RESULTS / "finer.json").read_text(encoding="utf-8")))
        return
    torch.set_num_threads(1)
    settings = DistilSettings.read(ROOT / "benchmarks" / "finer" / "finer.yaml")
    sets, (height, width) = frames_at_hand(settings, options.cache), settings.validation_size
    small, large = (height, width), (settings.teacher_scale * height, settings.teacher_scale * width)
    shipped = ROOT / settings.teacher
    states = {TEACHER: shipped, START: shipped}
    kinds = [kind for pair in PAIRS.items() for kind in pair]
    states |= {s.parent.name: s for kind in kinds for s in sorted(options.runs.glob(f"{kind}-?/{STATE}"))}
    figures: dict[str, Figures] = {}
    for name, state in states.items():
        size = large if name == TEACHER else small
        measure = partial(judged, read_student(state), sets, size)
        figures[name] = kept_or(measure, options.runs / "figures", f"{name} at {size[0]}x{size[1]}", state)
    kept = {
        **circumstances(),
        "sizes": {TEACHER: f"{large[0]}x{large[1]}", "students": f"{small[0]}x{small[1]}"},
        "frames": {name: len(frames) for name, frames in sets.items()},
        "images": {name: images_seen(state) for name, state in states.items() if state != shipped},
        "costs": costs(shipped, {TEACHER: large, "students": small}),
        "figures": rounded(figures),
    }
    (RESULTS / "finer.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    write_table(kept)


def costs(state: Path, sizes: Mapping[str, tuple[int, int]]) -> dict[str, dict[str, float]]:
    """GFLOP and milliseconds of one thread, of one image and three prompts at each size."""
    model = read_student(state)
    prompts = torch.zeros(3, model.config.max_tokens, model.config.token_dim)
    runs = {
        name: partial(model.generator.forward, torch.zeros(1, 3, *size), torch.zeros(1, 2, *size), prompts)
        for name, size in sizes.items()
    }
    with torch.no_grad():
        times = in_turns(runs, ROUNDS)
    return {name: cost(model, size) | {"ms": times[name]["cpu_median_ms"]} for name, size in sizes.items()}


def write_table(kept: Mapping[str, Any]) -> None:
    """results/finer.md; the table is printed as well."""
    title = osd_title("centre crops", kept["sizes"]["students"])
    lines = table(unrounded(kept["figures"]), {OSD: title})
    told = {k: v for k, v in kept.items() if k != "figures"}
    (RESULTS / "finer.md").write_text("\n".join([*lines, "", f"Measured with {told}.", ""]), encoding="utf-8")
    print("\n".join(lines))


def table(figures: Mapping[str, Figures], titles: Mapping[str, str]) -> list[str]:
    """A row a set and figure: teacher, start, and each control and who heard the teacher, mean over seeds."""
    seeds = {
        kind: [of for name, of in figures.items() if name.startswith(f"{kind}-")]
        for pair in PAIRS.items()
        for kind in pair
    }
    there = {control: heard for control, heard in PAIRS.items() if seeds[control] and seeds[heard]}
    kinds = [kind for pair in there.items() for kind in pair]
    of_all = [seeds[kind] for kind in kinds]  # of one seed alone nothing is seen of what seeds do
    chance = {control: margins(of_all, (len(seeds[control]), len(seeds[heard]))) for control, heard in there.items()}
    lines = [f"| set, figure | {TEACHER} | {START} | {' | '.join(kinds)} |", "|---" * (len(kinds) + 3) + "|"]
    for name, first in figures[TEACHER].items():
        for figure, form in FORMS.items():
            teacher, start = first[figure], figures[START][name][figure]
            if math.isnan(teacher):
                continue
            cells = [f"{teacher:{form}}", f"{start:{form}}"]
            for control, heard in there.items():
                own, other = ([of[name][figure] for of in seeds[kind]] for kind in (control, heard))
                verdict = word(figure, mean_of(other), mean_of(own), chance[control][figure])
                cells += [told(figure, form, own, teacher), f"{told(figure, form, other, teacher)} {verdict}"]
            lines.append(f"| {titles.get(name, name)}, {figure} | {' | '.join(cells)} |")
    for control, heard in there.items():
        lines += ["", f"{heard} beside {control}: {legend(control, chance[control])}"]
    return lines


def mean_of(values: Sequence[float]) -> float:
    """Of the seeds."""
    return math.fsum(values) / len(values)


def told(figure: str, form: str, values: Sequence[float], teacher: float) -> str:
    """The mean, how far the seeds are apart, and the share of the teacher's that it is (of errors the other way)."""
    mean = mean_of(values)
    share = teacher / mean if figure in LESS_IS_BETTER else mean / teacher
    enough = "" if share >= SHARE else ", below 98 %"
    return f"{mean:{form}} ({max(values) - min(values):{form}}); {share:.0%}{enough}"


if __name__ == "__main__":
    main()
