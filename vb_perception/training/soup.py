"""The mean of the weights of several runs that began from one another: at no cost, often better than each of them.

Source: model soups (Wortsman et al. 2022, arXiv 2203.05482).

Usage: python -m vb_perception.training.soup STATE STATE ... --out STATE
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from vb_perception.errors import CheckpointError
from vb_perception.generator.checkpoint import read_tensors, write_tensors

AVERAGE = "average."


def mean_of(paths: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of the averaged weights of some runs' states.

    Raises:
        CheckpointError: one is no state of a run, or they are of generators of other sizes.
    """
    runs = [{k: v for k, v in read_tensors(p)[0].items() if k.startswith(AVERAGE)} for p in paths]
    first = {k: v.shape for k, v in runs[0].items()}
    for path, run in zip(paths, runs, strict=True):
        if not run or {k: v.shape for k, v in run.items()} != first:
            msg = f"{path} does not hold the same weights as {paths[0]}: expected states of runs of one generator"
            raise CheckpointError(msg)
    return {k: _mean([run[k] for run in runs]) for k in first}


def _mean(values: Sequence[Tensor]) -> Tensor:
    # Counters of batches are whole numbers, and nothing depends on them.
    return torch.stack(list(values)).mean(0) if values[0].is_floating_point() else values[-1]


def main(argv: Sequence[str] | None = None) -> int:
    """Write the mean with the facts of the last run, and which they were."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("states", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(argv)
    mean = mean_of(given.states)
    facts = [read_tensors(path)[1] for path in given.states]
    write_tensors(given.out, mean, {**facts[-1], "mean_of": facts[:-1]})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
