"""An fp32 graph in fp16 or INT8: what is reduced, what is not, and one file of weights for all of them.

The tools are ONNX Runtime's; the choices are ours and are what TensorRT 10.3 parses: opset 20 operators, symmetric INT8
without zero points, no quantised bias.
"""

import hashlib
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import EngineUnavailableError

Inputs = Mapping[str, NDArray[np.generic]]

EXACT_SCOPES = ("PaintingTail", "ScaleShiftNorm", "LayerNorm")
"""Modules whose nodes stay in fp32 in every precision: sums over many pixels, softmax and the colours themselves."""
EXACT_OPERATORS = ("Softmax", "LayerNormalization", "InstanceNormalization", "ReduceMean", "Resize")
HIERARCHY = "pkg.torch.onnx.class_hierarchy"
ALIGNMENT = 64
MIN_FP16_ELEMENTS = 256
SHARED_BYTES = 512
"""Smaller weights stay in the graph: shapes and constants that runtimes read while they load it."""


def _onnx() -> Any:  # noqa: ANN401 - typed in part
    try:
        import onnx
    except ImportError as error:
        msg = f"graphs are rewritten with the onnx package ({error}); install it with `pip install onnx`"
        raise EngineUnavailableError(msg) from error
    return onnx


def exact_nodes(model: Any) -> list[str]:  # noqa: ANN401 - an onnx.ModelProto
    """Names of the nodes that stay in fp32, by the module that torch exported them from."""
    return [
        node.name
        for node in model.graph.node
        if any(p.key == HIERARCHY and any(scope in p.value for scope in EXACT_SCOPES) for p in node.metadata_props)
    ]


def in_fp16(model: Any) -> Any:  # noqa: ANN401 - onnx.ModelProto both
    """A copy that computes in fp16 but for `exact_nodes` and `EXACT_OPERATORS`; inputs and outputs stay fp32."""
    from onnxruntime.quantization.onnx_model import ONNXModel
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

    onnx = _onnx()
    copied = onnx.ModelProto()
    copied.CopyFrom(onnx.shape_inference.infer_shapes(model))
    half = convert_float_to_float16(
        copied,
        keep_io_types=True,
        disable_shape_infer=True,
        op_block_list=[*DEFAULT_OP_BLOCK_LIST, *EXACT_OPERATORS],
        node_block_list=exact_nodes(model),
    )
    ONNXModel(half).topological_sort()  # the casts of the inputs were put last
    _join_exact(half.graph, {node.name for node in model.graph.node})
    return half


def _join_exact(graph: Any, ours: Collection[str]) -> None:  # noqa: ANN401 - an onnx.GraphProto
    """Where one exact node reads another, read it directly: the converter leaves a cast to fp16 and back in between.

    A sum of squares beyond 65504 would be infinite there.  `ours` names the nodes that were there before.
    """
    from onnx import TensorProto

    casts = {node.output[0]: node for node in graph.node if node.op_type == "Cast" and node.name not in ours}
    exact = {}
    for name, back in casts.items():
        there = casts.get(back.input[0])
        if there is not None and back.attribute[0].i == TensorProto.FLOAT:
            exact[name] = there.input[0]
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = exact.get(name, name)
    _drop_unread(graph)


def in_int8(model: Any, frames: Sequence[Inputs]) -> Any:  # noqa: ANN401 - onnx.ModelProto both
    """A copy with Q/DQ pairs before every convolution that is not exact, calibrated on `frames`.

    Weights are quantised by channel, what comes in by tensor, with the ranges' mean over the frames: symmetric, without
    a quantised bias, and only what goes into a convolution, as TensorRT fuses it.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Hands out the frames once."""

        def __init__(self) -> None:
            self._left = iter(frames)

        def get_next(self) -> Inputs | None:
            return next(self._left, None)

    onnx = _onnx()
    exact = set(exact_nodes(model))
    convolutions = [node.name for node in model.graph.node if node.op_type == "Conv" and node.name not in exact]
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, str(before))
        quantize_static(
            str(before),
            str(after),
            Reader(),
            quant_format=QuantFormat.QDQ,
            nodes_to_quantize=convolutions[1:],  # the first sees the image itself, and costs little
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            extra_options={
                "ActivationSymmetric": True,
                "WeightSymmetric": True,
                "QuantizeBias": False,
                "AddQDQPairToWeight": True,
                "OpTypesToExcludeOutputQuantization": ["Conv"],
                "CalibMovingAverage": True,
            },
        )
        return without_quantisation(onnx.load(str(after)), ())


def quantised_convolutions(model: Any) -> list[str]:  # noqa: ANN401 - an onnx.ModelProto
    """Names of the convolutions that read a dequantised tensor."""
    made_by = {name: node.op_type for node in model.graph.node for name in node.output}
    return [n.name for n in model.graph.node if n.op_type == "Conv" and made_by.get(n.input[0]) == "DequantizeLinear"]


def without_quantisation(model: Any, names: Collection[str]) -> Any:  # noqa: ANN401 - onnx.ModelProto both
    """A copy in which the convolutions `names`, and all that is no convolution, read what was not quantised.

    ONNX Runtime hands the dequantised tensor to everybody who reads it, also to the additions around a block.
    """
    onnx = _onnx()
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    made_by = {name: node for node in copied.graph.node for name in node.output}
    for node in copied.graph.node:
        if node.op_type in {"QuantizeLinear", "DequantizeLinear"} or (
            node.op_type == "Conv" and node.name not in names
        ):
            continue
        for i, name in enumerate(node.input):
            dequantise = made_by.get(name)
            if dequantise is not None and dequantise.op_type == "DequantizeLinear":
                node.input[i] = made_by[dequantise.input[0]].input[0]
    _drop_unread(copied.graph)
    return copied


def _drop_unread(graph: Any) -> None:  # noqa: ANN401 - an onnx.GraphProto
    """Remove nodes and weights that nothing reads any more."""
    wanted = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):  # the nodes of an ONNX graph are sorted
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(node.input)
    kept.reverse()
    weights = [weight for weight in graph.initializer if weight.name in wanted]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(kept)
    graph.initializer.extend(weights)


@dataclass
class SharedWeights:
    """One file of weights for several graphs: each different tensor is stored once."""

    name: str
    content: bytearray = field(default_factory=bytearray)
    _places: dict[bytes, int] = field(default_factory=dict)

    def take(self, model: Any) -> None:  # noqa: ANN401 - an onnx.ModelProto
        """Move the large weights of `model` into this file, in place."""
        onnx = _onnx()
        for weight in model.graph.initializer:
            raw = onnx.numpy_helper.to_array(weight).tobytes()
            if len(raw) < SHARED_BYTES:
                continue
            where = self._place(raw)
            weight.ClearField("raw_data")
            for values in ("float_data", "int32_data", "int64_data", "double_data", "uint64_data"):
                weight.ClearField(values)
            weight.data_location = onnx.TensorProto.EXTERNAL
            del weight.external_data[:]
            for key, value in (("location", self.name), ("offset", str(where)), ("length", str(len(raw)))):
                weight.external_data.add(key=key, value=value)

    def _place(self, raw: bytes) -> int:
        digest = hashlib.sha256(raw).digest()
        if digest not in self._places:
            self.content.extend(bytes(-len(self.content) % ALIGNMENT))
            self._places[digest] = len(self.content)
            self.content.extend(raw)
        return self._places[digest]


def strip(model: Any) -> None:  # noqa: ANN401 - an onnx.ModelProto
    """Forget where each node came from, in place: the exporting machine's paths are nobody's business."""
    del model.graph.value_info[
        :
    ]  # shapes of what is in between: every runtime infers them, and the tools leave old ones
    for row in (*model.graph.node, *model.graph.initializer, *model.graph.input):
        row.ClearField("metadata_props")
        row.ClearField("doc_string")
    model.graph.ClearField("metadata_props")
    model.ClearField("metadata_props")


def halve_weights(model: Any) -> Any:  # noqa: ANN401 - onnx.ModelProto both
    """Store float weights as fp16 behind a Cast, which runtimes fold at load, and nothing that only exporters need."""
    onnx = _onnx()
    graph = model.graph
    casts = []
    for weight in graph.initializer:
        array = onnx.numpy_helper.to_array(weight)
        if array.dtype != np.float32 or array.size < MIN_FP16_ELEMENTS:
            continue
        half = onnx.numpy_helper.from_array(array.astype(np.float16), f"{weight.name}_fp16")
        casts.append(onnx.helper.make_node("Cast", [half.name], [weight.name], to=onnx.TensorProto.FLOAT))
        weight.CopyFrom(half)
    for cast in reversed(casts):
        graph.node.insert(0, cast)
    strip(model)
    onnx.checker.check_model(model)
    return model
