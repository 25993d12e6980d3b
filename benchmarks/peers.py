"""Time peers' networks beside ours, each in its own architecture and with random weights; write JSON and Markdown.

Speed does not depend on the weights, accuracy does: each row says that it is not comparable.  All are ONNX files on
ONNX Runtime fp32 and run in turns, ours for depth, normals and segmentation together, the others for the one thing
they do.

Usage: python benchmarks/peers.py [--model DIR] [--rounds 5] [--only NAME ...]
"""

import argparse
import logging
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from circumstances import circumstances
from measuring import in_turns, write
from torch import Tensor, nn
from transformers import (
    DepthAnythingConfig,
    DepthAnythingForDepthEstimation,
    Dinov2Config,
    SegformerConfig,
    SegformerForSemanticSegmentation,
)

from vb_perception.errors import EngineError
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.engine import EngineSpec
from vb_perception.runtime.options import EngineOptions

DEFAULT_MODEL = Path(__file__).resolve().parents[1] / "vb_perception" / "models" / "default"
TASKS = 3
OPSET = 20
COLUMNS = (
    "network",
    "input",
    "tasks",
    "parameters_m",
    "median_ms",
    "p95_ms",
    "cpu_median_ms",
    "ms_per_task",
    "accuracy",
)
RANDOM = "not comparable: random weights"


class Plain(nn.Module):  # type: ignore[misc]
    """A transformers model as a function of one image, giving one tensor."""

    def __init__(self, model: nn.Module, output: str) -> None:
        """`output`: the field of its answer."""
        super().__init__()
        self.model, self.output = model, output

    def forward(self, image: Tensor) -> Tensor:
        """(1, 3, H, W) -> what the field holds."""
        answer: Tensor = getattr(self.model(image), self.output)
        return answer


class TurboStep(nn.Module):  # type: ignore[misc]
    """One step of an SD-Turbo-sized UNet: diffusers' UNet2DConditionModel as Stable Diffusion 2.1 configures it."""

    def __init__(self) -> None:
        """Random weights."""
        super().__init__()
        from diffusers import UNet2DConditionModel  # noqa: PLC0415 - 3.5 GB of weights: only if asked for

        self.unet = UNet2DConditionModel(
            sample_size=64, cross_attention_dim=1024, attention_head_dim=(5, 10, 20, 20), use_linear_projection=True
        )

    def forward(self, latent: Tensor) -> Tensor:
        """(1, 4, 64, 64) -> the same; the prompt is empty."""
        answer: Tensor = self.unet(latent, 999, torch.zeros(1, 77, 1024), return_dict=False)[0]
        return answer


def depth_anything_v2_small() -> nn.Module:
    """Configured as Depth Anything V2 Small publishes it: ViT-S/14, neck 48-96-192-384, fusion 64."""
    backbone = Dinov2Config(
        hidden_size=384,
        num_hidden_layers=12,
        num_attention_heads=6,
        image_size=518,
        patch_size=14,
        out_features=["stage3", "stage6", "stage9", "stage12"],
        apply_layernorm=True,
        reshape_hidden_states=False,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=384,
        neck_hidden_sizes=[48, 96, 192, 384],
        fusion_hidden_size=64,
        head_hidden_size=32,
    )
    return Plain(DepthAnythingForDepthEstimation(config), "predicted_depth")


def segformer_b0() -> nn.Module:
    """SegFormer-B0, the defaults of its configuration, 150 classes."""
    return Plain(SegformerForSemanticSegmentation(SegformerConfig(num_labels=150)), "logits")


PEERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "Depth Anything V2-S 518x518": (depth_anything_v2_small, (1, 3, 518, 518)),
    "Depth Anything V2-S 252x336": (depth_anything_v2_small, (1, 3, 252, 336)),
    "SegFormer-B0 512x512": (segformer_b0, (1, 3, 512, 512)),
    "SD-Turbo-size UNet step 512x512": (TurboStep, (1, 4, 64, 64)),
}


def main() -> None:
    """Export the peers, open ours, run all in turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=list(PEERS), default=list(PEERS))
    given = parser.parse_args()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    runs: dict[str, Callable[[], object]] = {}
    rows: dict[str, dict[str, Any]] = {}
    spec = EngineSpec.read(given.model)
    for variant in spec.graphs():
        if variant.precision == "fp32":
            name = f"ours {variant.height}x{variant.width}"
            runs[name] = ours(given.model, variant.height, variant.width)
            rows[name] = {"tasks": TASKS, "parameters_m": round(spec.parameters / 1e6, 1), "accuracy": "README.md"}
    with tempfile.TemporaryDirectory() as folder:
        for name in given.only:
            make, shape = PEERS[name]
            runs[name], parameters_m = exported(make(), shape, Path(folder) / f"{len(runs)}.onnx")
            rows[name] = {"tasks": 1, "parameters_m": parameters_m, "accuracy": RANDOM}
        times = in_turns(runs, given.rounds)
    table = [
        {"network": name, "input": name.split()[-1], **rows[name], **times[name]}
        | {"ms_per_task": round(times[name]["median_ms"] / rows[name]["tasks"], 1)}
        for name in runs
    ]
    result = {"benchmark": "peers", "runtime": f"onnxruntime {ort.__version__} fp32", **circumstances(), "rows": table}
    write("peers", result, "Networks of peers beside ours", COLUMNS)


def ours(folder: Path, height: int, width: int) -> Callable[[], object]:
    """Our network asked for all tasks, on ONNX Runtime."""
    try:
        engine = open_engine(folder, "onnxruntime", options=EngineOptions(precision="fp32", size=(height, width)))
    except EngineError as error:
        raise SystemExit(str(error)) from error
    spec = engine.spec
    image, rays = np.zeros((1, 3, height, width), np.float32), np.zeros((1, 2, height, width), np.float32)
    prompts = np.zeros((TASKS, spec.max_tokens, spec.token_dim), np.float32)
    return lambda: engine.infer(image, rays, prompts)


def exported(module: nn.Module, shape: tuple[int, ...], file: Path) -> tuple[Callable[[], object], float]:
    """A peer on ONNX Runtime, and its millions of parameters."""
    module.eval()
    given = torch.rand(shape)
    program = torch.onnx.export(module, (given,), dynamo=True, opset_version=OPSET, verbose=False)
    if program is None:
        msg = f"{file.name} cannot be exported"
        raise SystemExit(msg)
    program.save(str(file), external_data=True)
    session = ort.InferenceSession(file, providers=["CPUExecutionProvider"])
    feeds = {session.get_inputs()[0].name: given.numpy()}
    return lambda: session.run(None, feeds), round(sum(p.numel() for p in module.parameters()) / 1e6, 1)


if __name__ == "__main__":
    main()
