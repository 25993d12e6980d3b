"""The mean of the weights of several runs that began from one another: at no cost, often better than each of them.

Source: model soups (Wortsman et al. 2022, arXiv 2203.05482).

Usage: python -m vb_perception.training.soup WEIGHTS WEIGHTS ... [--part generator.encoder] --out STATE

Weights are the state of a run, or the generator.safetensors of a model folder.  With a part, only weights whose names
begin so are meant, and the rest is the last run's: the runs may differ there.
"""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vb_perception.errors import CheckpointError
from vb_perception.generator.checkpoint import read_tensors, write_tensors
from vb_perception.generator.config import GeneratorConfig
from vb_perception.runtime.text import WORDS

AVERAGE = "average."


def mean_of(paths: Sequence[Path], part: str = "") -> dict[str, Tensor]:
    """The mean of the averaged weights of some runs or models whose names begin with `part`; the last's elsewhere.

    Raises:
        CheckpointError: one holds no such weights, or they are of generators of other sizes.
    """
    runs = [averaged(path) for path in paths]
    parts = [{k: v for k, v in run.items() if k.startswith(AVERAGE + part)} for run in runs]
    first = {k: v.shape for k, v in parts[0].items()}
    for path, run in zip(paths, parts, strict=True):
        if not run or {k: v.shape for k, v in run.items()} != first:
            msg = f"{path} does not hold the same weights as {paths[0]}: expected {part or 'runs'} of one generator"
            raise CheckpointError(msg)
    return runs[-1] | {k: _mean([run[k] for run in parts]) for k in first}


def averaged(path: Path) -> dict[str, Tensor]:
    """The averaged weights of a run, or of a model folder, which has no others."""
    tensors = read_tensors(path)[0]
    of_run = {k: v for k, v in tensors.items() if k.startswith(AVERAGE)}
    return of_run or {AVERAGE + k: v for k, v in tensors.items()}


def facts_of(path: Path) -> dict[str, Any]:
    """Of a run; of a model folder, what an export needs of them, which lies in the files beside the weights."""
    facts = read_tensors(path)[1]
    if "generator" in facts:
        return facts
    config = GeneratorConfig.read(path.with_name("config.json"))
    try:
        nouns = path.with_name(WORDS).read_text(encoding="utf-8").split("\n")[:-1]
    except OSError as error:
        msg = f"{path}: {error}; expected the state of a run, or the weights in a model folder with its {WORDS}"
        raise CheckpointError(msg) from error
    return {**facts, "generator": dataclasses.asdict(config), "nouns": nouns}


def _mean(values: Sequence[Tensor]) -> Tensor:
    # Counters of batches are whole numbers, and nothing depends on them.
    return torch.stack([v.float() for v in values]).mean(0) if values[0].is_floating_point() else values[-1]


def main(argv: Sequence[str] | None = None) -> int:
    """Write the mean with the facts of the last run, and which they were."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, nargs="+")
    parser.add_argument("--part", default="")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(argv)
    mean = mean_of(given.weights, given.part)
    facts = [facts_of(path) for path in given.weights]
    write_tensors(given.out, mean, {**facts[-1], "mean_of": facts[:-1], "mean_part": given.part})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
