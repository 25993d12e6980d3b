"""From a training state to the folder that the node loads: weights, two ONNX graphs, and the spec that ties them."""

import argparse
import copy
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.flop_counter import FlopCounterMode

from vb_perception.errors import ExportError
from vb_perception.generator.checkpoint import load_into, read_tensors, write_tensors
from vb_perception.generator.config import GeneratorConfig
from vb_perception.generator.student import Generator
from vb_perception.generator.text import TextEncoder, phrase_rows
from vb_perception.runtime.engine import Engine, EngineSpec
from vb_perception.runtime.onnx_engine import OnnxEngine
from vb_perception.runtime.text import WORDS, PromptEncoder, prompt_rows
from vb_perception.tasks import MetricDepth

OPSET = 20
# Largest allowed differences of a colour in [-1, 1], where one 8-bit level is 0.0078.
TOLERANCE = 1e-4
ROUNDING_TOLERANCE = 4e-2
MIN_FP16_ELEMENTS = 256
PHRASES = ("metric depth map", "cup", "the leftmost thing on the table", "déjà vu")


class _Graph(nn.Module):
    """The generator as the engines see it: colours only, kept in range."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, image: Tensor, rays: Tensor, prompts: Tensor) -> Tensor:
        return self.generator(image, rays, prompts).rgb.clamp(-1, 1)


def fold_batch_norm(generator: Generator) -> Generator:
    """A copy whose encoder has its batch normalisation folded into the convolutions."""
    folded = copy.deepcopy(generator).eval()
    stem = folded.encoder.stem
    stem[0], stem[1] = fuse_conv_bn_eval(stem[0], stem[1]), nn.Identity()
    for block in folded.encoder.blocks:
        for conv, norm in (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")):
            if hasattr(block, conv):
                setattr(block, conv, fuse_conv_bn_eval(getattr(block, conv), getattr(block, norm)))
                setattr(block, norm, nn.Identity())
    return folded


def export_model(
    generator: Generator,
    text: TextEncoder,
    height: int,
    width: int,
    out: Path,
    name: str,
    nouns: Sequence[str] = (),
) -> EngineSpec:
    """Write generator.safetensors (fp16), config.json, generator.onnx, text.onnx, words.txt and spec.json into `out`.

    `nouns` are what the generator was taught to name; without any, no phrase is told to be unknown.

    All weights are stored in fp16, in the graphs after batch normalisation is folded in; the graphs compute in fp32.
    Raises ExportError if a graph differs from torch with the same rounded weights by more than TOLERANCE, or the
    rounding itself moves a colour by more than ROUNDING_TOLERANCE.
    """
    out.mkdir(parents=True, exist_ok=True)
    generator, text = generator.eval(), text.half().float().eval()
    config = generator.config
    named = (("generator", generator), ("text", text))
    tensors = {
        f"{prefix}.{name}": value.half() if value.is_floating_point() else value
        for prefix, module in named
        for name, value in module.state_dict().items()
    }
    write_tensors(out / "generator.safetensors", tensors, {"name": name})
    config.write(out / "config.json")

    probe = torch.Generator().manual_seed(0)
    image = torch.rand(1, 3, height, width, generator=probe) * 2 - 1
    rays = torch.rand(1, 2, height, width, generator=probe) - 0.5
    prompts = torch.zeros(3, config.max_tokens, config.token_dim)
    prompts[:, :4, : config.embedding_dim] = torch.randn(3, 4, config.embedding_dim, generator=probe)
    prompts[:, 0, -3] = 1
    prompts[1:, 1:4, -2] = 1  # the first prompt is depth, with its stops
    prompts[2:, 1:4, -4] = 1
    depth = MetricDepth().tokens
    prompts[0] = torch.from_numpy(prompt_rows(depth, np.zeros((len(depth), config.embedding_dim), np.float32), config))
    phrases = phrase_rows(list(PHRASES), config.phrase_bytes)
    graph = _Graph(fold_batch_norm(generator).half().float()).eval()
    _write_onnx(
        graph, (image, rays, prompts), ("image", "rays", "prompts"), "rgb", out / "generator.onnx", free="prompts"
    )
    _write_onnx(text, (phrases,), ("bytes",), "embedding", out / "text.onnx", free="bytes")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        reference = graph(image, rays, prompts)
    with torch.no_grad():
        moved = float((_Graph(generator)(image, rays, prompts) - reference).abs().max())
    if not moved <= ROUNDING_TOLERANCE:
        msg = f"fp16 weights move a colour by {moved:.3f}, allowed {ROUNDING_TOLERANCE}; keep them in fp32"
        raise ExportError(msg)
    (out / WORDS).write_text("".join(f"{noun}\n" for noun in nouns), encoding="utf-8")
    spec = EngineSpec(
        name=name,
        height=height,
        width=width,
        max_tokens=config.max_tokens,
        token_dim=config.token_dim,
        embedding_dim=config.embedding_dim,
        phrase_bytes=config.phrase_bytes,
        default_fov_deg=config.default_fov_deg,
        precision="fp32",
        generator_sha256=_sha256(out / "generator.onnx"),
        text_sha256=_sha256(out / "text.onnx"),
        weights_sha256=_sha256(out / "generator.safetensors"),
        parameters=sum(p.numel() for m in (generator, text) for p in m.parameters()),
        gflop_three_prompts=round(counter.get_total_flops() / 1e9, 3),
        words_sha256=_sha256(out / WORDS) if nouns else "",
    )
    (out / "spec.json").write_text(spec.to_json(), encoding="utf-8")
    _check(OnnxEngine(out), (image, rays, prompts), reference)
    _check_text(PromptEncoder(out, spec), text)
    return spec


def _write_onnx(
    module: nn.Module, inputs: tuple[Tensor, ...], names: tuple[str, ...], output: str, path: Path, free: str
) -> None:
    count = torch.export.Dim("count", min=1, max=64)
    shapes = tuple({0: count} if n == free else None for n in names)
    program = torch.onnx.export(
        module,
        inputs,
        dynamo=True,
        opset_version=OPSET,
        input_names=list(names),
        output_names=[output],
        dynamic_shapes=shapes,
        optimize=True,
        verbose=False,
    )
    if program is None:
        msg = f"torch.onnx.export gave no program for {path.name}; expected torch 2.13 with onnxscript installed"
        raise ExportError(msg)
    onnx.save(halve_weights(program.model_proto), str(path))


def halve_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store float weights as fp16 behind a Cast (runtimes fold it at load): half the file, the same numbers."""
    graph = model.graph
    casts = []
    for weight in graph.initializer:
        array = numpy_helper.to_array(weight)
        if array.dtype != np.float32 or array.size < MIN_FP16_ELEMENTS:
            continue
        half = numpy_helper.from_array(array.astype(np.float16), f"{weight.name}_fp16")
        casts.append(helper.make_node("Cast", [half.name], [weight.name], to=onnx.TensorProto.FLOAT))
        weight.CopyFrom(half)
    for cast in reversed(casts):
        graph.node.insert(0, cast)
    onnx.checker.check_model(model)
    return model


def _check(engine: Engine, inputs: tuple[Tensor, ...], reference: Tensor) -> None:
    with engine:
        answer = engine.infer(*(x.numpy() for x in inputs))
    _compare("generator.onnx", answer, reference)


def _check_text(prompts: PromptEncoder, text: TextEncoder) -> None:
    with torch.no_grad():
        reference = text(phrase_rows(list(PHRASES), text.config.phrase_bytes))
    _compare("text.onnx", np.stack([prompts.embed(p) for p in PHRASES]), reference)


def _compare(name: str, answer: NDArray[np.float32], reference: Tensor) -> None:
    difference = float(np.abs(answer - reference.numpy()).max())
    if not difference <= TOLERANCE:
        msg = f"{name} differs from torch by {difference:.2e}, allowed {TOLERANCE:.0e}; do not ship it"
        raise ExportError(msg)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(argv: Sequence[str]) -> int:
    """`vb-perception export STATE --out MODEL_DIR`."""
    parser = argparse.ArgumentParser(prog="vb-perception export", description=__doc__)
    parser.add_argument("state", type=Path, help="state.safetensors of a training run")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="default")
    parser.add_argument("--height", type=int, default=192)
    parser.add_argument("--width", type=int, default=256)
    args = parser.parse_args(argv)
    tensors, facts = read_tensors(args.state)
    config = GeneratorConfig.from_values(facts["generator"])
    generator, text = Generator(config), TextEncoder(config)
    load_into(generator, tensors, "average.generator.")
    load_into(text, tensors, "average.text.")
    spec = export_model(generator, text, args.height, args.width, args.out, args.name, facts["nouns"])
    sizes = f"{spec.parameters / 1e6:.2f} M parameters, {spec.gflop_three_prompts} GFLOP for three prompts"
    print(f"{args.out}: {sizes}")  # noqa: T201 (a command's answer)
    return 0
