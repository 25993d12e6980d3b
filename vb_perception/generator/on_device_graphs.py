"""The way to the network and back as ONNX graphs, for engines that do all of it on the GPU (`runtime/on_device.py`).

Each does what NumPy and OpenCV do on the host: `prepare` is `canvas.image_input`, `levels` is `canvas.rgb_images`,
and the three that read are a codec and its part of `resample.py`.  They know no weights: every model uses the same.
Resizing, cropping and letterboxing come in as matrices and indices, a depth codec as its table, a legend as its
colours, so that no camera, no range and no legend needs another graph.  Operators are those of TensorRT 10.3, whose
bytes must become floats at once.

Usage: python -m vb_perception.generator.on_device_graphs [FOLDER]
"""

import sys
from pathlib import Path

import onnx
import onnx.parser

from vb_perception.generator.on_device_readers import READ_DEPTH, READ_NORMALS, READ_SEGMENTS
from vb_perception.runtime.on_device import GRAPHS

HEAD = '<ir_version: 9, opset_import: ["" : 17]>\n'

PREPARE = f"""
prepare (uint8[h, w, 3] camera, float[H, h] to_rows, float[w, W] to_columns) => (float[1, 3, H, W] image)
<float scale = {{{2 / 255}}}, int64[1] one = {{1}}, int64[1] zero = {{0}}> {{
    pixels = Cast<to = 1>(camera)
    planes = Transpose<perm = [2, 0, 1]>(pixels)
    narrow = MatMul(planes, to_columns)
    small = MatMul(to_rows, narrow)
    whole_levels = Round(small)
    in_rows = ReduceSum(to_rows, one)
    in_columns = ReduceSum(to_columns, zero)
    covered = MatMul(in_rows, in_columns)
    inside = Round(covered)
    scaled = Mul(whole_levels, scale)
    centred = Sub(scaled, inside)
    image = Unsqueeze(centred, zero)
}}
"""
"""Levels are whole again after resizing, as OpenCV's are; what the matrices leave out is grey, zero."""

LEVELS_GRAPH = """
levels (float[N, 3, H, W] rgb) => (uint8[N, H, W, 3] painted, float[1, 1, 1, 1] finite)
<float half = {127.5}, float low = {0}, float high = {255}, float most = {1e30}> {
    scaled = Mul(rgb, half)
    moved = Add(scaled, half)
    rounded = Round(moved)
    clipped = Clip(rounded, low, high)
    pixels = Transpose<perm = [0, 2, 3, 1]>(clipped)
    painted = Cast<to = 2>(pixels)
    size = Abs(rgb)
    small = LessOrEqual(size, most)
    as_number = Cast<to = 1>(small)
    finite = ReduceMin<axes = [0, 1, 2, 3], keepdims = 1>(as_number)
}
"""

TEXTS = {
    "prepare": PREPARE,
    "levels": LEVELS_GRAPH,
    "read_depth": READ_DEPTH,
    "read_normals": READ_NORMALS,
    "read_segments": READ_SEGMENTS,
}


def graph(name: str) -> onnx.ModelProto:
    """The graph of a name in `TEXTS`, checked."""
    model = onnx.parser.parse_model(HEAD + TEXTS[name])
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    """Write all of them."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else GRAPHS
    for name in TEXTS:
        onnx.save(graph(name), str(folder / f"{name}.onnx"))


if __name__ == "__main__":
    main()
