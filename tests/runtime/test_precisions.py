"""Reduced precisions of a small graph that has every kind of node that matters, run by ONNX Runtime."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper, parser

from vb_perception.runtime.graph_run import run_graph
from vb_perception.runtime.int8_search import Int8Search, chunks, convolution_work, most_quantised
from vb_perception.runtime.precisions import (
    HIERARCHY,
    SharedWeights,
    exact_nodes,
    in_fp16,
    in_int8,
    quantised_convolutions,
    strip,
    without_quantisation,
)

GRAPH = """
<ir_version: 9, opset_import: ["": 20]>
net (float[1, 3, 16, 16] image) => (float[1, 3, 16, 16] rgb) {
    [first] a = Conv <pads = [1, 1, 1, 1]> (image, w1)
    [act] b = Relu (a)
    [second] c = Conv <pads = [1, 1, 1, 1]> (b, w2)
    [sum] d = Add (b, c)
    [third] e = Conv <pads = [1, 1, 1, 1]> (d, w3)
    [tail] rgb = Conv (e, w4)
}
"""
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def model() -> Any:  # noqa: ANN401
    made = parser.parse_model(GRAPH)
    random = np.random.default_rng(0)
    shapes = {"w1": (8, 3, 3, 3), "w2": (8, 8, 3, 3), "w3": (8, 8, 3, 3), "w4": (3, 8, 1, 1)}
    for name, shape in shapes.items():
        values = random.normal(0, 0.2, shape).astype(np.float32)
        made.graph.initializer.append(numpy_helper.from_array(values, name))
    tail = made.graph.node[-1]
    tail.metadata_props.add(key=HIERARCHY, value="['a.Generator', 'a.PaintingTail', 'aten.conv2d']")
    tail.metadata_props.add(key="stack_trace", value="/somebody/else.py")
    onnx.checker.check_model(made)
    return made


def frames(count: int = 3) -> list[dict[str, Any]]:
    random = np.random.default_rng(1)
    return [{"image": random.uniform(-1, 1, (1, 3, 16, 16)).astype(np.float32)} for _ in range(count)]


def answer(model: Any) -> Any:  # noqa: ANN401
    return run_graph(model.SerializeToString(), frames(1))[0]


def test_the_tail_is_exact(model: Any) -> None:  # noqa: ANN401
    assert exact_nodes(model) == ["tail"]


def test_fp16_is_near_and_keeps_the_tail_in_fp32(model: Any) -> None:  # noqa: ANN401
    before = answer(model)
    half = in_fp16(copy.deepcopy(model))
    assert 0 < np.abs(answer(half) - before).max() < 5e-3
    types = {weight.name: weight.data_type for weight in half.graph.initializer}
    assert types["w4"] == onnx.TensorProto.FLOAT
    assert types["w2"] == onnx.TensorProto.FLOAT16
    assert {port.type.tensor_type.elem_type for port in (*half.graph.input, *half.graph.output)} == {1}
    onnx.checker.check_model(half)


def test_what_one_exact_node_hands_to_another_never_passes_through_fp16() -> None:
    squares = parser.parse_model("""
    <ir_version: 9, opset_import: ["": 20]>
    net (float[1, 4] image) => (float[1, 1] rgb) {
        [scaled] a = Mul (image, factor)
        [squared] b = Mul (a, a)
        [summed] c = ReduceSum <keepdims = 1> (b, axis)
        [root] d = Sqrt (c)
        [shrunk] rgb = Mul (d, tenth)
    }
    """)
    weights = {"factor": np.array([1000], np.float32), "tenth": np.array([0.1], np.float32), "axis": np.array([1])}
    squares.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in weights.items())
    for node in squares.graph.node[1:4]:
        node.metadata_props.add(key=HIERARCHY, value="['a.ScaleShiftNorm', 'aten.pow']")
    before = run_graph(squares.SerializeToString(), [{"image": np.ones((1, 4), np.float32)}])[0]
    after = run_graph(in_fp16(squares).SerializeToString(), [{"image": np.ones((1, 4), np.float32)}])[0]
    assert before[0, 0] == pytest.approx(200)  # of four million, which fp16 does not hold
    assert after[0, 0] == pytest.approx(200, rel=1e-3)


def test_int8_quantises_what_goes_into_a_convolution_and_nothing_else(model: Any) -> None:  # noqa: ANN401
    before = answer(model)
    quantised = in_int8(model, frames())
    assert quantised_convolutions(quantised) == ["second", "third"]  # neither the first nor the tail
    error = np.abs(answer(quantised) - before).max()
    assert 0 < error < 0.05 * np.abs(before).max()
    made_by = {name: node.op_type for node in quantised.graph.node for name in node.output}
    (addition,) = [node for node in quantised.graph.node if node.op_type == "Add"]
    assert made_by[addition.input[0]] == "Relu"
    zero_points = [numpy_helper.to_array(w) for w in quantised.graph.initializer if "zero_point" in w.name]
    assert zero_points
    assert all(points.dtype == np.int8 and not points.any() for points in zero_points)  # as TensorRT wants them


def test_nothing_quantised_is_the_graph_itself_again(model: Any) -> None:  # noqa: ANN401
    quantised = in_int8(model, frames())
    back = without_quantisation(quantised, quantised_convolutions(quantised))
    assert np.array_equal(answer(back), answer(model))
    assert not {"QuantizeLinear", "DequantizeLinear"} & {node.op_type for node in back.graph.node}


def test_as_many_groups_as_are_good_enough_the_harmless_first(model: Any) -> None:  # noqa: ANN401
    quantised = in_int8(model, frames())
    work = convolution_work(model)
    assert work == {"first": 8 * 256 * 27, "second": 8 * 256 * 72, "third": 8 * 256 * 72, "tail": 3 * 256 * 8}

    def harm(one: Any) -> float:  # noqa: ANN401
        return 10.0 if "second" in quantised_convolutions(one) else 1.0

    groups = list(chunks(["second", "third"], 1))
    best = most_quantised(quantised, harm, lambda one: "second" not in quantised_convolutions(one), groups, work)
    assert quantised_convolutions(best) == ["third"]
    assert quantised_convolutions(most_quantised(quantised, harm, lambda _: True, groups, work)) == ["second", "third"]
    assert most_quantised(quantised, harm, lambda _: False, groups, work) is None
    works_more = work | {"second": 20 * work["third"]}
    best = most_quantised(quantised, harm, lambda one: "third" not in quantised_convolutions(one), groups, works_more)
    assert quantised_convolutions(best) == ["second"]


def test_the_search_tries_first_what_it_found_at_another_size(model: Any) -> None:  # noqa: ANN401
    quantised, work = in_int8(model, frames()), convolution_work(model)
    search = Int8Search()
    asked: list[list[str]] = []

    def small_enough(one: Any) -> bool:  # noqa: ANN401
        asked.append(quantised_convolutions(one))
        return True

    for _ in range(2):
        assert quantised_convolutions(search.best(quantised, lambda _: 1.0, small_enough, work)) == ["second", "third"]
    assert asked == [["second", "third"]] * 2
    assert Int8Search().best(quantised, lambda _: 1.0, lambda _: False, work) is None


def test_graphs_share_their_weights_and_tell_no_paths(model: Any, tmp_path: Path) -> None:  # noqa: ANN401
    before = answer(model)
    weights = SharedWeights("all.weights")
    for name in ("one", "two"):
        shared = copy.deepcopy(model)
        strip(shared)
        weights.take(shared)
        (tmp_path / f"{name}.onnx").write_bytes(shared.SerializeToString())
    (tmp_path / "all.weights").write_bytes(bytes(weights.content))
    assert len(weights.content) < 1.2 * sum(numpy_helper.to_array(w).nbytes for w in model.graph.initializer)
    for name in ("one", "two"):
        assert b"/somebody" not in (tmp_path / f"{name}.onnx").read_bytes()
        session = ort.InferenceSession(tmp_path / f"{name}.onnx", providers=["CPUExecutionProvider"])
        assert np.array_equal(session.run(None, frames(1)[0])[0], before)
