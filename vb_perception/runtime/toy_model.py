"""A model folder of a few kilobytes that every backend opens: for tests, and to bring up a node without weights.

Its generator adds the prompt's mean to a small convolution of image and rays: every input reaches every output, and
nothing that it paints means anything.  `FakeEngine` on the same folder paints what is meant.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import EngineUnavailableError
from vb_perception.runtime.contract import IMAGE, PROMPTS, RAYS
from vb_perception.runtime.engine import EngineSpec
from vb_perception.runtime.golden import Golden, write_golden
from vb_perception.runtime.text import COLUMNS_AFTER_EMBEDDING

MAX_TOKENS, EMBEDDING_DIM, PHRASE_BYTES = 16, 16, 64
FOV_DEG = 60.0
GOLDEN = "golden.npz"
TOKEN_DIM = EMBEDDING_DIM + COLUMNS_AFTER_EMBEDDING

GENERATOR = """
<ir_version: 9, opset_import: ["": 18]>
generator (float[1, 3, {height}, {width}] image, float[1, 2, {height}, {width}] rays,
           float[N, {tokens}, {token_dim}] prompts) => (float[N, 3, {height}, {width}] rgb) {{
    scene = Concat <axis = 1> (image, rays)
    texture = Conv <pads = [1, 1, 1, 1]> (scene, kernel)
    mean = ReduceMean <keepdims = 0> (prompts, token_axis)
    wish = MatMul (mean, mixing)
    tint = Unsqueeze (wish, image_axes)
    sum = Add (texture, tint)
    rgb = Tanh (sum)
}}
"""
TEXT = """
<ir_version: 9, opset_import: ["": 18]>
text (int64[P, {phrase_bytes}] bytes) => (float[P, {embedding_dim}] embedding) {{
    levels = Cast <to = 1> (bytes)
    phase = MatMul (levels, places)
    embedding = Sin (phase)
}}
"""


def write_toy_model(folder: Path, height: int = 48, width: int = 64) -> EngineSpec:
    """Write spec.json, generator.onnx and text.onnx into `folder`, the same bytes each time.

    Raises:
        EngineUnavailableError: the `onnx` package is not installed.
    """
    random = np.random.default_rng(0)
    generator = _serialise(
        GENERATOR.format(height=height, width=width, tokens=MAX_TOKENS, token_dim=TOKEN_DIM),
        {
            "kernel": random.normal(0, 0.15, (3, 5, 3, 3)).astype(np.float32),
            "token_axis": np.array([1]),
            "mixing": random.normal(0, 2.0, (TOKEN_DIM, 3)).astype(np.float32),
            "image_axes": np.array([2, 3]),
        },
    )
    text = _serialise(
        TEXT.format(phrase_bytes=PHRASE_BYTES, embedding_dim=EMBEDDING_DIM),
        {"places": random.normal(0, 0.02, (PHRASE_BYTES, EMBEDDING_DIM)).astype(np.float32)},
    )
    folder.mkdir(parents=True, exist_ok=True)
    golden = write_golden(folder, GOLDEN, _golden(generator, height, width))
    spec = EngineSpec(
        name="toy",
        height=height,
        width=width,
        max_tokens=MAX_TOKENS,
        token_dim=TOKEN_DIM,
        embedding_dim=EMBEDDING_DIM,
        phrase_bytes=PHRASE_BYTES,
        default_fov_deg=FOV_DEG,
        precision="fp32",
        generator_sha256=hashlib.sha256(generator).hexdigest(),
        text_sha256=hashlib.sha256(text).hexdigest(),
        weights_sha256="",
        parameters=3 * 5 * 3 * 3 + TOKEN_DIM * 3 + PHRASE_BYTES * EMBEDDING_DIM,
        gflop_three_prompts=2e-9 * (3 * 5 * 3 * 3) * height * width,
        golden=GOLDEN,
        golden_sha256=golden,
    )
    (folder / "generator.onnx").write_bytes(generator)
    (folder / "text.onnx").write_bytes(text)
    (folder / "spec.json").write_text(spec.to_json(), encoding="utf-8")
    return spec


def _golden(generator: bytes, height: int, width: int) -> Golden:
    """A random picture, random prompts, and what onnx's own reference makes of them."""
    from onnx.reference import ReferenceEvaluator

    random = np.random.default_rng(1)
    camera = CameraIntrinsics.from_fov(width, height, FOV_DEG)
    golden = Golden(
        image=random.integers(0, 256, (height, width, 3), np.uint8),
        camera=np.array((camera.fx, camera.fy, camera.cx, camera.cy)),
        prompts=random.normal(0, 1, (3, MAX_TOKENS, TOKEN_DIM)).astype(np.float32),
        kinds=("depth", "normals", "segmentation"),
        palette=np.array(((0, 0, 0), (255, 0, 0), (0, 255, 0)), np.uint8),
        rgb=np.zeros((3, 3, height, width), np.float32),
    )
    inputs = dict(zip((IMAGE, RAYS, PROMPTS), golden.inputs(), strict=True))
    (rgb,) = ReferenceEvaluator(generator).run(None, inputs)
    return replace(golden, rgb=np.asarray(rgb, np.float32))


def _serialise(graph: str, weights: Mapping[str, NDArray[np.generic]]) -> bytes:
    """ONNX text syntax and named weights -> the bytes of an ONNX file."""
    try:
        from onnx import checker, numpy_helper, parser
    except ImportError as error:
        msg = f"a toy model is written with the onnx package ({error}); install it with `pip install onnx`"
        raise EngineUnavailableError(msg) from error
    model = parser.parse_model(graph)
    model.graph.initializer.extend(numpy_helper.from_array(values, name) for name, values in weights.items())
    checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())
