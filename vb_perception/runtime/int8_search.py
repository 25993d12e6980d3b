"""Which convolutions are worth quantising: those that save much work for little damage, as many as the error allows."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from vb_perception.runtime.precisions import quantised_convolutions, without_quantisation

_log = logging.getLogger(__name__)

GROUP = 2
"""So many neighbouring convolutions are tried together."""
FREE_SIZE = 3
"""What the graph leaves free is the number of prompts."""


def convolution_work(model: Any) -> dict[str, float]:  # noqa: ANN401 - an onnx.ModelProto
    """Multiplications of each convolution, by its name, for three prompts."""
    from onnx import shape_inference

    graph = shape_inference.infer_shapes(model).graph
    shapes = {
        value.name: [size.dim_value or FREE_SIZE for size in value.type.tensor_type.shape.dim]
        for value in (*graph.value_info, *graph.output)
    }
    weights = {weight.name: weight.dims for weight in graph.initializer}
    return {
        node.name: float(np.prod(shapes[node.output[0]]) * np.prod(weights[node.input[1]][1:]))
        for node in graph.node
        if node.op_type == "Conv"
    }


def chunks(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Neighbours together, `size` at a time."""
    return (names[i : i + size] for i in range(0, len(names), size))


def most_quantised(
    model: Any,  # noqa: ANN401 - an onnx.ModelProto
    damage: Callable[[Any], float],
    good_enough: Callable[[Any], bool],
    groups: Sequence[Collection[str]],
    work: Mapping[str, float],
) -> Any:  # noqa: ANN401 - an onnx.ModelProto, or None
    """The graph with as many groups of convolutions quantised as are good enough; None if none is.

    The first are those with the least damage, alone, for their `work`; how many go together is found by halving.
    """
    everything = set(quantised_convolutions(model))

    def price(group: Collection[str]) -> float:
        return damage(without_quantisation(model, everything.difference(group))) / sum(work[name] for name in group)

    ranked = sorted(groups, key=price)
    best, low, high = None, 0, len(ranked)
    while low < high:
        middle = (low + high + 1) // 2
        kept = {name for group in ranked[:middle] for name in group}
        tried = without_quantisation(model, everything - kept)
        if good_enough(tried):
            best, low = tried, middle
        else:
            high = middle - 1
    return best


class Int8Search:
    """Finds the convolutions to quantise; what was found at one size is tried first at the next."""

    def __init__(self) -> None:
        self._found: set[str] | None = None

    def best(
        self,
        everything: Any,  # noqa: ANN401 - an onnx.ModelProto
        damage: Callable[[Any], float],
        good_enough: Callable[[Any], bool],
        work: Mapping[str, float],
    ) -> Any:  # noqa: ANN401 - an onnx.ModelProto, or None
        """Of `everything`, in which all convolutions are quantised, what is good enough; None if nothing is."""
        names = quantised_convolutions(everything)
        if self._found is not None:
            again = without_quantisation(everything, set(names) - self._found)
            if good_enough(again):
                return again
        best = most_quantised(everything, damage, good_enough, list(chunks(names, GROUP)), work)
        if best is not None:
            self._found = set(quantised_convolutions(best))
            share = sum(work[name] for name in self._found) / sum(work.values())
            _log.info("INT8: %d of %d convolutions, %.0f %% of their work", len(self._found), len(names), 100 * share)
        return best
