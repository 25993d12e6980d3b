"""From a training state to the folder that the node loads: weights, two ONNX graphs, and the spec that ties them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from vb_perception.errors import ExportError
from vb_perception.generator.checkpoint import write_tensors
from vb_perception.generator.compiled_form import CompiledForm
from vb_perception.generator.config import GeneratorConfig
from vb_perception.generator.model_folder import SPEC, in_place_of
from vb_perception.generator.student import Generator
from vb_perception.generator.text import TextEncoder, phrase_rows
from vb_perception.generator.variants import Exported, Wanted, copied, write_variants
from vb_perception.runtime.engine import Engine, EngineSpec
from vb_perception.runtime.onnx_engine import OnnxEngine
from vb_perception.runtime.precisions import MIN_FP16_ELEMENTS, halve_weights
from vb_perception.runtime.text import WORDS, PromptEncoder, prompt_rows
from vb_perception.tasks import InstanceSegmentation, MetricDepth, SemanticSegmentation, Task

OPSET = 20
# Largest allowed differences of a colour in [-1, 1], where one 8-bit level is 0.0078.
TOLERANCE = 1e-4
ROUNDING_TOLERANCE = 4e-2
PHRASES = ("metric depth map", "cup", "the leftmost thing on the table", "déjà vu")


class _Graph(nn.Module):
    """The generator as it was trained, giving what the engines give: colours only, kept in range."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, image: Tensor, rays: Tensor, prompts: Tensor) -> Tensor:
        return self.generator(image, rays, prompts).rgb.clamp(-1, 1)


def export_model(
    generator: Generator,
    text: TextEncoder,
    height: int,
    width: int,
    out: Path,
    name: str,
    nouns: Sequence[str] = (),
    wanted: Wanted | None = None,
) -> EngineSpec:
    """Write generator.safetensors (fp16), config.json, generator.onnx, text.onnx, words.txt and spec.json into `out`.

    `nouns` are what the generator was taught to name; without any, no phrase is told to be unknown.  With `wanted` the
    graph is also written in fp16 and INT8 and for further sizes, on one file of weights, with golden files.

    All weights are stored in fp16, in the graphs after batch normalisation is folded in; the graphs compute in fp32.
    Raises ExportError if a graph differs from torch with the same rounded weights by more than TOLERANCE, or the
    rounding itself moves a colour by more than ROUNDING_TOLERANCE; what was in `out` is as it was then.
    """
    generator, text = generator.eval(), text.half().float().eval()
    config = generator.config
    probe = _probe(config, height, width)
    graph, reference, gflop = _rounded(generator, probe)
    with in_place_of(out) as partial:
        named = (("generator", generator), ("text", text))
        tensors = {
            f"{prefix}.{name}": value.half() if value.is_floating_point() else value
            for prefix, module in named
            for name, value in module.state_dict().items()
        }
        write_tensors(partial / "generator.safetensors", tensors, {"name": name})
        config.write(partial / "config.json")

        phrases = phrase_rows(list(PHRASES), config.phrase_bytes)
        model = _to_onnx(graph, probe, ("image", "rays", "prompts"), "rgb", free="prompts")
        onnx.save(halve_weights(copied(model)), str(partial / "generator.onnx"))
        onnx.save(
            halve_weights(_to_onnx(text, (phrases,), ("bytes",), "embedding", free="bytes")), str(partial / "text.onnx")
        )
        (partial / WORDS).write_text("".join(f"{noun}\n" for noun in nouns), encoding="utf-8")
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
            generator_sha256=_sha256(partial / "generator.onnx"),
            text_sha256=_sha256(partial / "text.onnx"),
            weights_sha256=_sha256(partial / "generator.safetensors"),
            parameters=sum(p.numel() for m in (generator, text) for p in m.parameters()),
            gflop_three_prompts=gflop,
            words_sha256=_sha256(partial / WORDS) if nouns else "",
        )
        (partial / SPEC).write_text(spec.to_json(), encoding="utf-8")
        _check_text(PromptEncoder(partial, spec), text)
        if wanted is not None:
            exported = [_exported(graph, model, height, width, spec.gflop_three_prompts)]
            for size in wanted.sizes:
                there = _probe(config, *size)
                further = _to_onnx(graph, there, ("image", "rays", "prompts"), "rgb", free="prompts")
                exported.append(_exported(graph, further, *size, _counted(graph, there)[1]))
            spec = write_variants(partial, spec, exported, wanted)
            (partial / SPEC).write_text(spec.to_json(), encoding="utf-8")
        _check(OnnxEngine(partial), probe, reference)
    return spec


def _rounded(generator: Generator, probe: tuple[Tensor, Tensor, Tensor]) -> tuple[CompiledForm, Tensor, float]:
    """The graph to export, what it makes of the probe, and its GFLOP for three prompts; ExportError if it differs."""
    graph = CompiledForm(generator).eval()
    with torch.no_grad():
        for weight in (*graph.parameters(), *graph.buffers()):
            if weight.is_floating_point() and weight.numel() >= MIN_FP16_ELEMENTS:  # as `halve_weights` stores them
                weight.copy_(weight.half().float())
    reference, gflop = _counted(graph, probe)
    with torch.no_grad():
        trained = _Graph(generator)(*probe)
        rewritten = float((CompiledForm(generator).eval()(*probe) - trained).abs().max())
        moved = float((trained - reference).abs().max())
    if not rewritten <= TOLERANCE:
        msg = f"compiled_form.py differs from the generator by {rewritten:.2e}, allowed {TOLERANCE:.0e}; mend it"
        raise ExportError(msg)
    if not moved <= ROUNDING_TOLERANCE:
        msg = f"fp16 weights move a colour by {moved:.3f}, allowed {ROUNDING_TOLERANCE}; keep them in fp32"
        raise ExportError(msg)
    return graph, reference, gflop


def _counted(graph: nn.Module, probe: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, float]:
    """The answer to three prompts, and its GFLOP."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        answer: Tensor = graph(*probe)
    return answer, round(counter.get_total_flops() / 1e9, 3)


def _probe(config: GeneratorConfig, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """A random image and rays, and prompts that reach every branch: stops, things with colours, things without."""
    random = torch.Generator().manual_seed(0)
    numbers = np.random.default_rng(0)
    image = torch.rand(1, 3, height, width, generator=random) * 2 - 1
    rays = torch.rand(1, 2, height, width, generator=random) - 0.5
    legend = (("cup", (255, 0, 0)), ("table", (0, 255, 0)))
    tasks: tuple[Task, ...] = (MetricDepth(), InstanceSegmentation("cup"), SemanticSegmentation(legend))
    rows = [
        prompt_rows(t.tokens, numbers.normal(0, 1, (len(t.tokens), config.embedding_dim)).astype(np.float32), config)
        for t in tasks
    ]
    return image, rays, torch.from_numpy(np.stack(rows))


def _exported(graph: nn.Module, model: onnx.ModelProto, height: int, width: int, gflop: float) -> Exported:
    def answer(*inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            return graph(*map(torch.from_numpy, inputs)).numpy()

    return Exported(height, width, model, answer, gflop)


def _to_onnx(
    module: nn.Module, inputs: tuple[Tensor, ...], names: tuple[str, ...], output: str, free: str
) -> onnx.ModelProto:
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
        msg = f"torch.onnx.export gave no program for {output}; expected torch 2.13 with onnxscript installed"
        raise ExportError(msg)
    return program.model_proto


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
