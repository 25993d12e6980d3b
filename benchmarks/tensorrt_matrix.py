"""Build every graph of a model with TensorRT-RTX for GPUs that are not here; print JSON, write a Markdown table.

What TensorRT-RTX builds ahead of time is a plan for one architecture; the kernels are chosen on the GPU itself.
Running needs the GPU and is not part of this.  `polygraphy inspect capability` names what the parser refuses.

Usage: python benchmarks/tensorrt_matrix.py [--model DIR] [--out benchmarks/results] [--capability SM86 ...]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from circumstances import circumstances

from vb_perception.camera import Letterbox
from vb_perception.errors import EngineError
from vb_perception.runtime.engine import EngineSpec, Variant
from vb_perception.runtime.on_device import GRAPHS, shrinking, taps
from vb_perception.runtime.tensorrt_frames import OUTPUTS
from vb_perception.runtime.tensorrt_plan import Build, Shapes, build_part, build_plan, import_flavour

DEFAULT_MODEL = Path(__file__).resolve().parents[1] / "vb_perception" / "models" / "default"
CAPABILITIES = ("SM86", "SM89", "SM120")
PROMPTS = 3
CAMERA = (640, 480)


def main() -> None:
    """Build one after the other; a failure is a row too."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--capability", nargs="+", default=CAPABILITIES)
    arguments = parser.parse_args()
    trt = import_flavour("tensorrt_rtx")
    spec = EngineSpec.read(arguments.model)
    rows = []
    for graph, shapes in part_shapes(spec).items():
        refused = capability_report(GRAPHS / f"{graph}.onnx")
        for capability in arguments.capability:
            rows.append(part_built(trt, graph, shapes, capability) | {"refused_nodes": refused})
            print(json.dumps(rows[-1]), file=sys.stderr)
    for variant in spec.graphs():
        refused = capability_report(spec.verify_graph(arguments.model, variant))
        for capability in arguments.capability:
            rows.append(built(trt, arguments.model, spec, variant, capability) | {"refused_nodes": refused})
            print(json.dumps(rows[-1]), file=sys.stderr)
    result = {
        "benchmark": "tensorrt_matrix",
        "tensorrt": f"{trt.__name__} {trt.__version__}",
        "model": spec.name,
        "prompts": PROMPTS,
        "rows": rows,
        **circumstances(),
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "tensorrt_matrix.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (arguments.out / "tensorrt_matrix.md").write_text(markdown(result), encoding="utf-8")
    print(json.dumps(result, indent=1))


def built(trt: Any, folder: Path, spec: EngineSpec, variant: Variant, capability: str) -> dict[str, object]:  # noqa: ANN401
    """One plan: seconds and megabytes, or why not."""
    row: dict[str, object] = {
        "graph": variant.file,
        "precision": variant.precision,
        "size": f"{variant.height}x{variant.width}",
        "capability": capability,
    }
    wanted = Build(prompts=PROMPTS, capability=capability)
    started, own_s = time.monotonic(), time.process_time()
    try:
        plan = build_plan(trt, folder / variant.file, spec.at(variant), wanted, lambda *_: None)
    except EngineError as error:
        return row | {"error": str(error)}
    return row | {
        "build_s": round(time.monotonic() - started, 1),
        "build_cpu_s": round(time.process_time() - own_s, 1),
        "plan_mb": round(len(plan.content) / 1e6, 1),
    }


def part_shapes(spec: EngineSpec) -> dict[str, Shapes]:
    """The graphs around the generator, for a camera of 640x480."""
    box = Letterbox(*CAMERA, spec.width, spec.height)
    picture = {"painted": (spec.height, spec.width, 3), **{name: of.shape for name, of in taps(box).items()}}
    lens = {"camera": (*CAMERA[::-1], 3), **{name: of.shape for name, of in shrinking(box).items()}}
    levels = {"rgb": (PROMPTS, 3, spec.height, spec.width)}
    parts = {"prepare": lens, "levels": levels, **dict.fromkeys(OUTPUTS, picture)}
    return dict(parts)


def part_built(trt: Any, graph: str, shapes: Shapes, capability: str) -> dict[str, object]:  # noqa: ANN401
    """As `built`, of a graph around the generator."""
    size = "640x480 camera" if graph != "levels" else "192x256"
    row: dict[str, object] = {"graph": f"{graph}.onnx", "precision": "fp32", "size": size, "capability": capability}
    started, own_s = time.monotonic(), time.process_time()
    try:
        content = build_part(trt, GRAPHS / f"{graph}.onnx", shapes, Build(1, capability=capability))
    except EngineError as error:
        return row | {"error": str(error)}
    return row | {
        "build_s": round(time.monotonic() - started, 1),
        "build_cpu_s": round(time.process_time() - own_s, 1),
        "plan_mb": round(len(content) / 1e6, 1),
    }


def capability_report(file: Path) -> str:
    """What `polygraphy inspect capability` says of a graph: "none" where the parser takes all of it."""
    command = [str(Path(sys.executable).parent / "polygraphy"), "inspect", "capability", str(file.resolve())]
    environment = {**os.environ, "POLYGRAPHY_USE_TENSORRT_RTX": "1"}
    with tempfile.TemporaryDirectory() as scratch:  # it leaves the parts that it tried behind
        done = subprocess.run(command, cwd=scratch, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    if done.returncode == 0 and "fully supported" in said.lower():
        return "none"
    return said.strip().splitlines()[-1] if said.strip() else f"polygraphy ended with {done.returncode}"


def markdown(result: dict[str, Any]) -> str:
    """The table with what it was made on."""
    lines = [
        f"# {result['tensorrt']}: plans built ahead of time",
        "",
        (
            f"Model {result['model']}, 1 to {result['prompts']} prompts; built without a GPU on {result['processor']}, "
            f"{result['cpus']} cores, load {result['load']}, commit {result['commit']}.  Not run: that needs the GPU."
        ),
        "",
        "| graph | precision | size | GPU | nodes refused | build s (CPU s) | plan MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        outcome = row.get("error") or f"{row['build_s']} ({row['build_cpu_s']}) | {row['plan_mb']}"
        lines.append(
            f"| {row['graph']} | {row['precision']} | {row['size']} | {row['capability']} | {row['refused_nodes']} | "
            f"{outcome} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
