"""The recipe for a larger model (training/edge.yaml), exported with random weights and timed beside the shipped one.

Speed does not depend on what the weights are; accuracy does, and there is none to tell before it is trained.  CPUs time
it here; on a GPU `python benchmarks/engines.py --model OUT` does, and `--out` keeps the export for it.

Usage: python benchmarks/edge.py [--rounds 20] [--out DIR]
"""

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from circumstances import circumstances
from measuring import in_turns, write

from vb_perception.errors import EngineError
from vb_perception.generator.config import GeneratorConfig
from vb_perception.generator.export import export_model
from vb_perception.generator.student import Generator
from vb_perception.generator.text import TextEncoder
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.engine import Engine, EngineSpec
from vb_perception.runtime.options import EngineOptions
from vb_perception.runtime.tensorrt_plan import Build, build_plan, import_flavour
from vb_perception.runtime.trial import blank_question
from vb_perception.training.settings import TrainSettings

PACKAGE = Path(__file__).resolve().parents[1] / "vb_perception"
SIZES, PROMPTS = ((192, 256), (480, 640)), 3
ENGINES = (("onnxruntime", "fp32"), ("openvino", "bf16"))
ARCHITECTURES = ("SM86", "SM89", "SM120")
COLUMNS = ("model", "size", "parameters_m", "gflop", "backend", "median_ms", "p95_ms", "plan_mb")


def main() -> None:
    """Export, time in turns with the shipped model, build ahead of time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--out", type=Path, help="keep the exports in OUT/HEIGHTxWIDTH")
    options = parser.parse_args()
    config = GeneratorConfig.with_values(TrainSettings.read(PACKAGE / "training" / "edge.yaml").generator)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for size in SIZES:
            folder = (options.out or Path(scratch)) / "x".join(map(str, size))
            torch.manual_seed(0)
            spec = export_model(Generator(config), TextEncoder(config), *size, folder, "edge")
            rows += timed({"shipped": PACKAGE / "models" / "default", "edge": folder}, size, options.rounds)
            rows += planned(folder, spec)
    write("edge", {"benchmark": "edge", "prompts": PROMPTS, "rows": rows, **circumstances()}, "Edge recipe", COLUMNS)


def timed(folders: dict[str, Path], size: tuple[int, int], rounds: int) -> list[dict[str, Any]]:
    """Every model on every CPU backend, in turns."""
    engines: dict[str, Engine] = {}
    runs: dict[str, Callable[[], object]] = {}
    rows: dict[str, dict[str, Any]] = {}
    for name, folder in folders.items():
        for backend, precision in ENGINES:
            engine = open_engine(folder, backend, options=EngineOptions(precision=precision, size=size))
            key, spec = f"{name} {backend}", engine.spec
            engines[key], runs[key] = engine, partial(engine.infer, *blank_question(spec, PROMPTS))
            rows[key] = about(name, spec) | {"backend": engine.backend}
    times = in_turns(runs, rounds)
    for engine in engines.values():
        engine.close()
    return [row | times[key] for key, row in rows.items()]


def planned(folder: Path, spec: EngineSpec) -> list[dict[str, Any]]:
    """TensorRT-RTX plans for GPUs that are not here: what they weigh, or why there is none."""
    trt = import_flavour("tensorrt_rtx")
    rows = []
    for architecture in ARCHITECTURES:
        row = about("edge", spec) | {"backend": f"{trt.__name__} {trt.__version__} {architecture}, built only"}
        try:
            wanted = Build(PROMPTS, capability=architecture)
            plan = build_plan(trt, folder / "generator.onnx", spec, wanted, lambda *_: None)
        except EngineError as error:
            rows.append(row | {"plan_mb": str(error)})
        else:
            rows.append(row | {"plan_mb": round(len(plan.content) / 1e6, 1)})
    return rows


def about(name: str, spec: EngineSpec) -> dict[str, Any]:
    """What a row is of."""
    size = f"{spec.height}x{spec.width}"
    parameters = round(spec.parameters / 1e6, 1)
    return {"model": name, "size": size, "parameters_m": parameters, "gflop": spec.gflop_three_prompts}


if __name__ == "__main__":
    main()
