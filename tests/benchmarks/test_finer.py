"""A student is better than its control only beyond what seeds of both differ by, and is told beside its teacher."""

import json

import numpy as np
import pytest
from accuracy_goals import OSD
from chance import margins, word
from distillation import RESULTS
from distillation_tables import osd_title, unrounded
from finer import PAIRS, START, TEACHER, table, told

SETS, FIGURES = ("a", "b", "c", "d"), ("abs_rel", "delta1", "normals_deg", "overlap_f", "boundary_f", "miou")


def figures(value: float) -> dict[str, dict[str, float]]:
    return {name: dict.fromkeys(FIGURES, value) for name in SETS}


def test_a_share_of_the_teachers_is_of_errors_the_other_way_round() -> None:
    assert told("abs_rel", ".2f", [0.1, 0.3], 0.1) == "0.20 (0.20); 50%, below 98 %"
    assert told("delta1", ".2f", [0.8, 1.0], 0.9) == "0.90 (0.20); 100%"
    assert told("miou", ".2f", [0.45], 0.9) == "0.45 (0.00); 50%, below 98 %"


def test_both_pairs_stand_beside_the_teacher_and_only_pairs_that_are_whole() -> None:
    runs = {TEACHER: figures(0.5), START: figures(0.4)}
    runs |= {f"truth-{seed}": figures(0.4 + 0.001 * seed) for seed in (1, 2, 3)}
    runs |= {f"finer-{seed}": figures(0.45 + 0.001 * seed) for seed in (1, 2, 3)}
    lines = table(runs | {"tuned_truth-1": figures(0.4)}, {"a": "the first"})
    assert lines[0] == "| set, figure | teacher | start | truth | finer |"
    assert lines[2] == ("| the first, abs_rel | 0.500 | 0.400 | 0.402 (0.002); 124% | 0.452 (0.002); 111% worse |")
    assert lines[3].endswith("0.452 (0.002); 90%, below 98 % better |")
    assert len([line for line in lines if line.startswith("| ")]) == 1 + len(SETS) * len(FIGURES)
    assert lines[-1].startswith("finer beside truth: Better or worse: off the mean of truth")
    both = table(runs | {f"{kind}-1": figures(0.4) for kind in PAIRS} | tuned(), {})
    assert both[0] == "| set, figure | teacher | start | truth | finer | tuned_truth | tuned_finer |"


def tuned() -> dict[str, dict[str, dict[str, float]]]:
    return {f"{kind}-{seed}": figures(0.4 + 0.001 * seed) for kind in ("tuned_truth", "tuned_finer") for seed in (1, 2)}


def test_the_written_table_is_that_of_the_kept_numbers() -> None:
    kept = json.loads((RESULTS / "finer.json").read_text(encoding="utf-8"))
    lines = table(unrounded(kept["figures"]), {OSD: osd_title("centre crops", kept["sizes"]["students"])})
    assert (RESULTS / "finer.md").read_text(encoding="utf-8").startswith("\n".join(lines))


@pytest.mark.parametrize("seeds", [(3, 3), (2, 2)])
def test_means_of_the_same_runs_are_hardly_ever_told_apart(seeds: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    sizes = dict(zip(FIGURES, (0.001, 0.01, 0.02, 0.05, 0.1, 0.15), strict=True))
    words = []
    for _ in range(200):
        groups = [[{s: {f: rng.normal(1, sizes[f]) for f in FIGURES} for s in SETS} for _ in range(n)] for n in seeds]
        chance = margins(groups, seeds)
        for name in SETS:
            for figure in FIGURES:
                one, other = (float(np.mean([run[name][figure] for run in group])) for group in groups)
                words.append(word(figure, other, one, chance[figure]))
    assert 0.98 * len(words) < words.count("within chance") < 0.997 * len(words)
