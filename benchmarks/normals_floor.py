"""How small can the error of normals be that are measured?  The normals of flat faces, fitted to the true depth itself.

A labelled thing's own true depth is cut into up to FACES planes (the table and its parts into one each); their normals
are then scored as a prediction would be.  They know the measured depth, but not its noise: what is left is about what
no answer from the picture alone can avoid, plus what is round.  Beside them, the model's normals at the same pixels.

Usage: python benchmarks/normals_floor.py OSD_SPLIT [--model DIR]
"""

import argparse
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np
from accuracy_figures import NORMALS, looking
from circumstances import circumstances
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from scipy.ndimage import distance_transform_edt, find_objects, uniform_filter

from vb_perception.metrics.normals import angles_deg
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.predictions import NormalMap
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.options import EngineOptions
from vb_perception.runtime.text import PromptEncoder
from vb_perception.scenes.osd import read_osd
from vb_perception.scenes.sample import Sample

MODEL = Path(__file__).resolve().parents[1] / "vb_perception" / "models" / "default"
RESULTS = Path(__file__).parent / "results"
FACES = (3, 5, 8)
ROUNDS, WINDOW_PX, LEAST_PX = 6, 9, 40
BANDS_PX = (0.0, 4.0, 10.0, np.inf)
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("split", type=Path)
    parser.add_argument("--model", type=Path, default=MODEL)
    options = parser.parse_args()
    errors: dict[str, dict[str, list[NDArray[np.float32]]]] = {}
    with open_engine(options.model, "onnxruntime", options=EngineOptions(precision="fp32")) as engine:
        look = looking(PerceptionPipeline(engine, PromptEncoder(options.model, engine.spec)))
        for sample in read_osd(options.split):
            answers = {f"{count} faces": fitted(sample, count) for count in FACES}
            answers["model"] = cast("NormalMap", look(sample, [NORMALS])[NORMALS.name]).normals
            for who, normals in answers.items():
                off_deg = angles_deg(normals, sample.normals)
                for name, where in parts(sample):
                    errors.setdefault(name, {}).setdefault(who, []).append(off_deg[where & np.isfinite(off_deg)])
    figures = {
        name: {who: round(float(np.concatenate(of).mean()), 2) for who, of in whose.items()}
        | {"pixels": sum(len(e) for e in whose["model"])}
        for name, whose in errors.items()
    }
    told = {"benchmark": "normals_floor", **circumstances(), "split": options.split.name, "figures": figures}
    text = json.dumps(told, indent=1)
    (RESULTS / "normals_floor.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def parts(sample: Sample) -> Iterator[tuple[str, Mask]]:
    """Names and masks (H, W): what is labelled, table, objects, and objects by the distance to their outlines."""
    ids = sample.instance_ids
    outline = np.zeros(ids.shape, np.bool_)
    for first, second in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        changes = ids[first] != ids[second]
        outline[first] |= changes
        outline[second] |= changes
    distance_px = distance_transform_edt(~outline) if outline.any() else np.full(ids.shape, np.inf)
    yield "all", ids >= 0
    yield "table", ids == 0
    yield "objects", ids > 0
    for low, high in pairwise(BANDS_PX):
        near = (distance_px > low) & (distance_px <= high) if low else distance_px <= high
        yield f"objects, {low:.0f} to {high:.0f} px from their outlines", (ids > 0) & near


def fitted(sample: Sample, count: int) -> NDArray[np.float32]:
    """Normals (H, W, 3) of a plane through the table and of up to `count` through each object, NaN elsewhere."""
    out = np.full(sample.normals.shape, np.nan, np.float32)
    for number in np.unique(sample.instance_ids[sample.instance_ids >= 0]):
        mask = (sample.instance_ids == number) & np.isfinite(sample.normals).all(-1)
        if mask.sum() > LEAST_PX:
            box = find_objects(mask.astype(np.uint8))[0]
            rays = sample.intrinsics.rays()[(slice(None), *box)]
            flat = faces(sample.depth_m[box], sample.normals[box], rays, mask[box], count if number else 1)
            out[box][mask[box]] = flat[mask[box]]
    return out


def faces(
    depth_m: NDArray[np.float32], normals: NDArray[np.float32], rays: NDArray[np.float32], mask: Mask, count: int
) -> Floats:
    """Normals (H, W, 3) of the `count` planes that fit the depth in `mask` best, NaN elsewhere.

    A plane is linear in inverse depth over the image.  The first guess are clusters of the true normals; then each
    pixel goes to the plane that is nearest in its window, and each plane is fitted to its pixels.
    """
    x, y = rays.astype(np.float64)
    terms = np.stack([np.ones_like(x), x, y], -1)
    inverse = np.where(mask, 1 / np.where(mask, depth_m, 1), 0).astype(np.float64)
    weight = np.maximum(uniform_filter(mask.astype(np.float64), WINDOW_PX, mode="constant"), 1e-9)
    plane_of = np.full(mask.shape, -1)
    plane_of[mask] = kmeans2(normals[mask].astype(np.float64), count, minit="++", seed=0)[1] if count > 1 else 0
    planes: Floats = np.zeros((count, 3))
    for _ in range(ROUNDS):
        off = np.full((count, *mask.shape), np.inf)
        for k in range(count):
            mine = plane_of == k
            if mine.sum() >= LEAST_PX:
                planes[k] = robust_plane(terms[mine], inverse[mine])
                residual = np.where(mask, np.abs(inverse - terms @ planes[k]), 0)
                off[k] = uniform_filter(residual, WINDOW_PX, mode="constant") / weight
        if not np.isfinite(off).any():
            break
        plane_of[mask] = off.argmin(0)[mask]
    constant, along_x, along_y = (planes[plane_of][..., i] for i in range(3))
    out = -np.stack([along_x, along_y, constant], -1)  # 1/z = c + a x/z + b y/z, so a X + b Y + c Z = 1
    out[~mask | (plane_of < 0)] = np.nan
    unit: Floats = out / np.linalg.norm(out, axis=-1, keepdims=True)
    return unit


def robust_plane(terms: Floats, inverse: Floats) -> Floats:
    """Coefficients (3,) of the plane through most of `inverse` (N,): least squares, again without what is far off."""
    near = np.ones(len(inverse), np.bool_)
    found: Floats = np.zeros(3)
    for _ in range(3):
        found = np.linalg.lstsq(terms[near], inverse[near], rcond=None)[0].astype(np.float64)
        residual = np.abs(inverse - terms @ found)
        near = residual <= 3 * np.median(residual)
    return found


if __name__ == "__main__":
    main()
