"""Time the network on a GPU, in every way that this machine can run it; write JSON and Markdown.

Torch as it is written (eager), torch as a CUDA graph, the same compiled by inductor, ONNX Runtime's CUDA provider and
whichever TensorRT is there, all in fp16 with three tasks, copies to and from the device included.  What cannot run is
a row with its reason.  Sizes are those that the model folder has graphs of.  `off_eager` is the mean difference of an
answer's colours from eager's, in levels of 255: a graph that is fast and wrong would be of no use.

Usage: python benchmarks/gpu.py [--model DIR] [--sizes 192x256 480x640] [--rounds 200] [--device cuda] [--compile]
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from circumstances import circumstances
from engines import DEFAULT_MODEL, ask
from measuring import in_turns, write
from torch import Tensor, nn

from vb_perception.errors import EngineError
from vb_perception.generator.checkpoint import load_into, read_tensors
from vb_perception.generator.compiled_form import CompiledForm
from vb_perception.generator.config import GeneratorConfig
from vb_perception.generator.student import Generator
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.engine import EngineSpec
from vb_perception.runtime.options import EngineOptions, size_from

PROMPTS = 3
WARM_UPS = 3
MATRIX = 8192
LEVELS = 127.5
TIMES = ("median_ms", "p95_ms", "frames_per_s")
COLUMNS = ("engine", "size", *TIMES, "gflop", "roofline_share", "of_eager", "off_eager", "error")
Run = Callable[[], object]
Inputs = tuple[Tensor, Tensor, Tensor]


def main() -> None:
    """All engines of one size in turns, then the next size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--sizes", nargs="+", type=size_from, default=[(192, 256), (480, 640)])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: to try this script out")
    parser.add_argument("--compile", action="store_true", help="what inductor makes of it too, which takes minutes")
    given = parser.parse_args()
    device = torch.device(given.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        msg = f"torch {torch.__version__} sees no GPU: install its CUDA build, or check `nvidia-smi`"
        raise SystemExit(msg)
    spec, peak = EngineSpec.read(given.model), matmul_gflops(device)
    rows = []
    for size in given.sizes:
        ways = ways_to_run(given.model, spec, size, device, compiled=given.compile)
        rows += timed(ways, spec, size, given.rounds, peak)
    result = {
        "benchmark": "gpu",
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "torch": torch.__version__,
        "precision": "fp16" if device.type == "cuda" else "fp32",
        "matmul_gflops": round(peak, 1),
        **circumstances(),
        "rows": rows,
    }
    if device.type == "cuda":
        write("gpu", result, "The network on a GPU", COLUMNS)
    else:
        print(json.dumps(result, indent=1))


def ways_to_run(
    folder: Path, spec: EngineSpec, size: tuple[int, int], device: torch.device, *, compiled: bool
) -> dict[str, Callable[[], Run]]:
    """Each way by its name, and what opens it."""
    ways: dict[str, Callable[[], Run]] = {
        "torch eager": lambda: eager(folder, spec, size, device),
        "torch CUDA graph": lambda: cuda_graph(network(folder, device), spec, size, device),
    }
    if compiled:
        ways["torch compiled, CUDA graph"] = lambda: cuda_graph(
            torch.compile(network(folder, device), dynamic=False), spec, size, device
        )
    return ways | {
        "onnxruntime CUDA": lambda: onnx_cuda(folder, spec, size),
        "tensorrt": lambda: tensorrt(folder, size),
    }


def timed(
    ways: dict[str, Callable[[], Run]], spec: EngineSpec, size: tuple[int, int], rounds: int, peak: float
) -> list[dict[str, Any]]:
    """A row for each engine at one size (height, width)."""
    runs: dict[str, Run] = {}
    rows: list[dict[str, Any]] = []
    for name, opened in ways.items():
        try:
            runs[name] = opened()
        except (EngineError, RuntimeError, ImportError) as error:  # noqa: PERF203 - five of them
            said = str(error).strip().splitlines()[0]
            rows.append({"engine": name, "size": f"{size[0]}x{size[1]}", "error": f"unrun: {said}"})
    times = in_turns(runs, rounds)
    gflop = spec.choose(size=size).gflop_three_prompts
    eager_ms = times.get("torch eager", {}).get("median_ms")
    answers = {name: answer.float() for name, run in runs.items() if isinstance(answer := run(), Tensor)}
    done = [
        {
            "engine": name,
            "size": f"{size[0]}x{size[1]}",
            **of,
            "frames_per_s": round(1000 / of["median_ms"], 1),
            "gflop": round(gflop, 2),
            "roofline_share": round(gflop / of["median_ms"] * 1000 / peak, 4),
            "of_eager": round(eager_ms / of["median_ms"], 2) if eager_ms else "",
            "off_eager": round(float((answers[name] - answers["torch eager"]).abs().mean()) * LEVELS, 4)
            if {name, "torch eager"} <= answers.keys()
            else "",
        }
        for name, of in times.items()
    ]
    return done + rows


def network(folder: Path, device: torch.device) -> nn.Module:
    """The shipped weights in the form that is compiled, half precision on a GPU."""
    generator = Generator(GeneratorConfig.read(folder / "config.json"))
    load_into(generator, read_tensors(folder / "generator.safetensors")[0], "generator.")
    made: nn.Module = CompiledForm(generator.eval()).to(device, memory_format=torch.channels_last)
    made.requires_grad_(requires_grad=False)
    return made.half() if device.type == "cuda" else made


def random_inputs(spec: EngineSpec, size: tuple[int, int], device: torch.device) -> Inputs:
    """Image, rays and prompts in the host's memory, pinned for a GPU."""
    shapes = ((1, 3, *size), (1, 2, *size), (PROMPTS, spec.max_tokens, spec.token_dim))
    same = torch.Generator().manual_seed(0)
    kind = torch.float16 if device.type == "cuda" else torch.float32
    made = [torch.rand(shape, generator=same).to(kind) for shape in shapes]
    image, rays, prompts = (one.pin_memory() for one in made) if device.type == "cuda" else made
    return image, rays, prompts


def eager(folder: Path, spec: EngineSpec, size: tuple[int, int], device: torch.device) -> Run:
    """Every operation launched by Python."""
    model, given = network(folder, device), random_inputs(spec, size, device)

    def run() -> Tensor:
        with torch.inference_mode():
            answer: Tensor = model(*(one.to(device, non_blocking=True) for one in given)).cpu()
            return answer

    return run


def cuda_graph(model: nn.Module, spec: EngineSpec, size: tuple[int, int], device: torch.device) -> Run:
    """Upload, network and download captured once and launched as one."""
    if device.type != "cuda":
        msg = f"a CUDA graph needs a GPU, this is {device}"
        raise RuntimeError(msg)
    given = random_inputs(spec, size, device)
    inputs = [torch.empty_like(one, device=device) for one in given]
    answer = torch.empty((PROMPTS, 3, *size), dtype=torch.float16).pin_memory()

    def submit() -> None:
        for inside, outside in zip(inputs, given, strict=True):
            inside.copy_(outside, non_blocking=True)
        answer.copy_(model(*inputs), non_blocking=True)

    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(WARM_UPS):
            submit()
    side.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=side):
        submit()

    kept = model, inputs, given  # the graph reads their memory and holds none of it

    def run(_kept: object = kept) -> Tensor:
        graph.replay()
        torch.cuda.synchronize()
        return answer

    return run


def onnx_cuda(folder: Path, spec: EngineSpec, size: tuple[int, int]) -> Run:
    """ONNX Runtime's CUDA provider on the fp16 graph of this size."""
    import onnxruntime as ort  # noqa: PLC0415 - its CUDA build is not in any requirements

    if "CUDAExecutionProvider" not in ort.get_available_providers():
        msg = f"onnxruntime {ort.__version__} has no CUDA provider; `pip install onnxruntime-gpu`"
        raise RuntimeError(msg)
    found = [v for v in spec.graphs() if v.precision == "fp16" and (v.height, v.width) == size]
    if not found:
        msg = f"the model has no fp16 graph of {size[0]}x{size[1]}; `vb-perception export --size` makes one"
        raise RuntimeError(msg)
    session = ort.InferenceSession(spec.verify_graph(folder, found[0]), providers=["CUDAExecutionProvider"])
    given = random_inputs(spec, size, torch.device("cpu"))
    feeds = {port.name: one.numpy() for port, one in zip(session.get_inputs(), given, strict=True)}
    return lambda: session.run(None, feeds)


def tensorrt(folder: Path, size: tuple[int, int]) -> Run:
    """The engine of the node."""
    engine = open_engine(folder, "tensorrt", 0, EngineOptions(precision="fp16", size=size, prompts=PROMPTS))
    return lambda: ask(engine, PROMPTS)


def matmul_gflops(device: torch.device, rounds: int = 10) -> float:
    """The most GFLOP/s that a large matrix product reaches on the device, in the precision of the network."""
    kind, edge = (torch.float16, MATRIX) if device.type == "cuda" else (torch.float32, 1024)
    a, b = (torch.rand(edge, edge, dtype=kind, device=device) for _ in range(2))

    def product() -> None:
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize()

    return float(2 * edge**3 / in_turns({"product": product}, rounds)["product"]["min_ms"] / 1e6)


if __name__ == "__main__":
    main()
