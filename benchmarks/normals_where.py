"""Where are normals off?  On renders, by how far a pixel is from the next fold of the truth, and by kind of scene.

A fold is where neighbouring true normals differ by more than FOLD_COS allows.

Usage: python benchmarks/normals_where.py CORPUS [--frames 60] [--model DIR]

CORPUS holds renders that the model has not seen (`vb-perception corpus`); its last frames are taken.
"""

import argparse
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
from accuracy_figures import NORMALS, looking
from circumstances import circumstances
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from vb_perception.metrics.normals import angles_deg
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.predictions import NormalMap
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.options import EngineOptions
from vb_perception.runtime.text import PromptEncoder
from vb_perception.scenes.sample import Sample
from vb_perception.scenes.stream import MIXTURE
from vb_perception.training.augment import at_size
from vb_perception.training.corpus import Corpus

MODEL = Path(__file__).resolve().parents[1] / "vb_perception" / "models" / "default"
RESULTS = Path(__file__).parent / "results"
FOLD_COS = 0.9
BANDS_PX = (-1.0, 1.0, 3.0, 8.0, np.inf)


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--model", type=Path, default=MODEL)
    options = parser.parse_args()
    corpus = Corpus(options.corpus)
    errors: dict[str, list[NDArray[np.float32]]] = {}
    with open_engine(options.model, "onnxruntime", options=EngineOptions(precision="fp32")) as engine:
        look = looking(PerceptionPipeline(engine, PromptEncoder(options.model, engine.spec)))
        for i in range(len(corpus) - options.frames, len(corpus)):
            sample = at_size(corpus[i], engine.spec.height, engine.spec.width)
            seen = cast("NormalMap", look(sample, [NORMALS])[NORMALS.name])
            off_deg = angles_deg(seen.normals, sample.normals)
            known = np.isfinite(off_deg)
            for name, where in parts(sample, MIXTURE[i % len(MIXTURE)]):
                errors.setdefault(name, []).append(off_deg[where & known])
    every = sum(len(e) for e in errors["all"])
    figures = {name: figures_of(np.concatenate(of), every) for name, of in errors.items()}
    text = json.dumps({"benchmark": "normals_where", **circumstances(), "figures": figures}, indent=1)
    (RESULTS / "normals_where.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def parts(sample: Sample, kind: str) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Names and masks (H, W): everything, bands by the distance to the next fold, the kind of scene."""
    normals = sample.normals
    folds = np.zeros(normals.shape[:2], np.bool_)
    across = (normals[:, 1:] * normals[:, :-1]).sum(-1) < FOLD_COS
    down = (normals[1:] * normals[:-1]).sum(-1) < FOLD_COS
    folds[:, 1:] |= across
    folds[:, :-1] |= across
    folds[1:] |= down
    folds[:-1] |= down
    distance = distance_transform_edt(~folds) if folds.any() else np.full(folds.shape, np.inf)
    yield "all", np.ones(folds.shape, np.bool_)
    for low, high in pairwise(BANDS_PX):
        yield f"{max(low, 0):.0f} to {high:.0f} px from a fold", (distance > low) & (distance <= high)
    yield kind, np.ones(folds.shape, np.bool_)


def figures_of(off_deg: NDArray[np.float32], every: int) -> dict[str, Any]:
    """Share of all pixels; mean, median and ninth decile in degrees."""
    return {
        "share": round(len(off_deg) / every, 3),
        "mean_deg": round(float(off_deg.mean()), 1),
        "median_deg": round(float(np.median(off_deg)), 1),
        "p90_deg": round(float(np.percentile(off_deg, 90)), 1),
    }


if __name__ == "__main__":
    main()
