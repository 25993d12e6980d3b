"""Does depth follow the focal length?  How far the scale of a picture is off, against the focal length of its camera.

A camera of twice the focal length that takes the same picture sees what is twice as far away.  A model that makes full
use of that is as far off with every focal length; the slope of its error over the log of the focal length says how much
is missing (-1: it does not look at the focal length at all, if depth and focal length are drawn independently).

Usage: python benchmarks/focal.py CORPUS [--frames 120] [--model DIR]

CORPUS holds renders of cameras that differ (`vb-perception corpus`); its last frames are taken.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any, cast

import numpy as np
from circumstances import circumstances
from scipy.stats import linregress

from vb_perception.frame import Frame
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.predictions import DepthMap
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.options import EngineOptions
from vb_perception.runtime.text import PromptEncoder
from vb_perception.scenes.sample import Sample
from vb_perception.scenes.stream import MIXTURE
from vb_perception.tasks import MetricDepth
from vb_perception.training.augment import at_size
from vb_perception.training.corpus import Corpus

MODEL = Path(__file__).resolve().parents[1] / "vb_perception" / "models" / "default"
RESULTS = Path(__file__).parent / "results"
OUTDOORS = "panorama"
"""Its median depth is that of the sky."""


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--model", type=Path, default=MODEL)
    options = parser.parse_args()
    corpus = Corpus(options.corpus)
    rows: list[tuple[str, float, float, float]] = []
    with open_engine(options.model, "onnxruntime", options=EngineOptions(precision="fp32")) as engine:
        pipeline = PerceptionPipeline(engine, PromptEncoder(options.model, engine.spec))
        for i in range(len(corpus) - options.frames, len(corpus)):
            kind = MIXTURE[i % len(MIXTURE)]
            if kind != OUTDOORS:
                rows.append((kind, *off(pipeline, at_size(corpus[i], engine.spec.height, engine.spec.width))))
    of_all = np.array([row[1:] for row in rows])
    figures = {"all": figures_of(of_all)}
    figures |= {k: figures_of(np.array([row[1:] for row in rows if row[0] == k])) for k in sorted({r[0] for r in rows})}
    text = json.dumps({"benchmark": "focal", **circumstances(), "figures": figures}, indent=1)
    (RESULTS / "focal.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def off(pipeline: PerceptionPipeline, sample: Sample) -> tuple[float, float, float]:
    """Log of the focal length in pixels; median log of depth over truth; AbsRel."""
    seen = pipeline.perceive(Frame(sample.rgb, 0, "camera", sample.intrinsics), [MetricDepth()])
    depth = cast("DepthMap", seen.predictions["depth"])
    known = np.isfinite(depth.depth_m) & np.isfinite(sample.depth_m) & (sample.depth_m > 0)
    log = np.log(depth.depth_m[known] / sample.depth_m[known])
    return math.log(sample.intrinsics.fx), float(np.median(log)), float(np.abs(np.expm1(log)).mean())


def figures_of(rows: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float]:
    """Of log focal length, log scale error and AbsRel: the line through the first two, and the means."""
    focal, error, abs_rel = rows.T
    line = linregress(focal, error)
    found = {
        "slope": float(line.slope),
        "slope_standard_error": float(line.stderr),
        "scale_error_std": float(error.std()),
        "scale_error_std_without_slope": float((error - line.slope * focal).std()),
        "abs_rel": float(abs_rel.mean()),
    }
    return {"frames": len(rows)} | {name: round(value, 3) for name, value in found.items()}


if __name__ == "__main__":
    main()
