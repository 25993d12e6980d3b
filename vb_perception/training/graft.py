"""What a run learnt, added to other weights that began where it did: two runs that learnt other things, as one.

Of weights that all three have, the other's plus the run's minus what the run began with; what the run alone has, as it
is.  Where they moved the same weights against one another each loses of what it had: it is a place to go on from.

Source: task arithmetic (Ilharco et al. 2023, arXiv 2212.04089).

Usage: python -m vb_perception.training.graft RUN --since BEGAN --onto OTHER --out STATE

Each is the state of a run, or the generator.safetensors of a model folder.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from vb_perception.errors import CheckpointError
from vb_perception.generator.checkpoint import write_tensors
from vb_perception.training.soup import averaged, facts_of


def grafted(run: Path, since: Path, onto: Path) -> dict[str, Tensor]:
    """The averaged weights, fp32.

    Raises:
        CheckpointError: they are no runs of one generator.
    """
    learnt, began, other = (averaged(path) for path in (run, since, onto))
    for path, weights in ((since, began), (onto, other)):
        extra = sorted(weights.keys() - learnt.keys())
        wrong = sorted(k for k in weights.keys() & learnt.keys() if weights[k].shape != learnt[k].shape)
        if extra or wrong or not weights:
            msg = f"{path} is not of the generator of {run}: {', '.join((extra + wrong)[:3])}; expected runs of one"
            raise CheckpointError(msg)
    both = {k: v for k, v in other.items() if k in began and v.is_floating_point()}
    return learnt | {k: v.float() + learnt[k].float() - began[k].float() for k, v in both.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Write the sum with the facts of the run, and what it was added to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    for name in ("--since", "--onto", "--out"):
        parser.add_argument(name, type=Path, required=True)
    given = parser.parse_args(argv)
    weights = grafted(given.run, given.since, given.onto)
    write_tensors(given.out, weights, {**facts_of(given.run), "onto": facts_of(given.onto)})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
