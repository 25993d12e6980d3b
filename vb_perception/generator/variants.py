"""The exported graph in every precision, each measured against torch before it may be shipped.

A variant that is not near enough is not written: fp16 is an error then, INT8 gives up
convolutions until it is (`runtime/int8_search.py`).
"""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx

from vb_perception.errors import ExportError, InferenceError
from vb_perception.runtime.contract import IMAGE, PROMPTS, RAYS
from vb_perception.runtime.engine import EngineSpec, Float, Variant
from vb_perception.runtime.golden import Golden, write_golden
from vb_perception.runtime.graph_run import run_graph
from vb_perception.runtime.int8_search import Int8Search, convolution_work
from vb_perception.runtime.precisions import Inputs, SharedWeights, halve_weights, in_fp16, in_int8
from vb_perception.runtime.self_test import Differences, differences
from vb_perception.runtime.text import PromptEncoder
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import MetricDepth, SemanticSegmentation, SurfaceNormals, Task

_log = logging.getLogger(__name__)

TASKS: tuple[Task, ...] = (
    MetricDepth(),
    SurfaceNormals(),
    SemanticSegmentation((("table", (255, 0, 0)), ("object", (0, 255, 0)))),
)
KINDS = ("depth", "normals", "segmentation")
ALLOWED = {
    "fp32": Differences(colour=5e-4, depth_abs_rel=2e-4, normals_deg=0.05, mask=5e-4),
    "fp16": Differences(colour=5e-3, depth_abs_rel=2e-3, normals_deg=0.5, mask=0.01),
    "int8": Differences(colour=5e-2, depth_abs_rel=1e-2, normals_deg=2.0, mask=0.01),
}
"""Of the mean over the held-out frames; the self-test of a loaded engine allows more (`runtime/self_test.py`)."""
HELD_OUT_SHARE = 4
MIN_FRAMES = 4
WEIGHTS = "generator.weights"

Answer = Callable[[Float, Float, Float], Float]
"""What torch makes of image, rays and prompts."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One size: the fp32 graph, and torch with the same weights."""

    height: int
    width: int
    model: Any
    torch: Answer
    gflop_three_prompts: float

    def file(self, precision: str, spec: EngineSpec) -> str:
        """Name of the graph; the spec's own size in fp32 is `generator.onnx`."""
        own = (self.height, self.width) == (spec.height, spec.width)
        size = "" if own else f"_{self.height}x{self.width}"
        return f"generator{size}{'' if precision == 'fp32' else '_' + precision}.onnx"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an export writes: `frames` to calibrate on, further `sizes` (height, width), `precisions` beside fp32."""

    frames: Sequence[Sample]
    sizes: Sequence[tuple[int, int]] = ()
    precisions: Sequence[str] = ("fp16", "int8")


def questions(frames: Sequence[Sample], prompts: PromptEncoder, exported: Exported) -> list[Golden]:
    """The frames at the graph's size, asked for all of `TASKS`, with torch's answers."""
    rows = np.stack([prompts.encode(task.tokens) for task in TASKS])
    (palette,) = (task.colours for task in TASKS if isinstance(task, SemanticSegmentation))
    asked = []
    for frame in frames:
        camera = frame.intrinsics.resized(exported.width, exported.height)
        golden = Golden(
            image=np.asarray(cv2.resize(frame.rgb, (exported.width, exported.height), interpolation=cv2.INTER_AREA)),
            camera=np.array((camera.fx, camera.fy, camera.cx, camera.cy)),
            prompts=rows,
            kinds=KINDS,
            palette=np.array(palette, np.uint8),
            rgb=np.zeros((len(TASKS), 3, exported.height, exported.width), np.float32),
        )
        asked.append(replace(golden, rgb=exported.torch(*golden.inputs())))
    return asked


def write_variants(out: Path, spec: EngineSpec, sizes: Sequence[Exported], wanted: Wanted) -> EngineSpec:
    """Write all graphs of `sizes`, of which the first is the spec's own, with their weights and golden files.

    Returns the spec that lists them.

    Raises:
        ExportError: too few frames, or fp16 is further from torch than `ALLOWED`.
    """
    frames = wanted.frames
    if len(frames) < MIN_FRAMES:
        msg = f"{len(frames)} frames to calibrate and test with, expected {MIN_FRAMES} or more; render some"
        raise ExportError(msg)
    weights = SharedWeights(WEIGHTS)
    prompts = PromptEncoder(out, spec)
    int8 = Int8Search()
    rows = [row for exported in sizes for row in _variants(out, spec, exported, wanted, prompts, weights, int8)]
    (out / WEIGHTS).write_bytes(bytes(weights.content))
    return _listed(out, spec, rows)


def _variants(
    out: Path,
    spec: EngineSpec,
    exported: Exported,
    wanted: Wanted,
    prompts: PromptEncoder,
    weights: SharedWeights,
    int8: Int8Search,
) -> Iterator[Variant]:
    asked = questions(wanted.frames, prompts, exported)
    held_out = asked[-max(2, len(asked) // HELD_OUT_SHARE) :]
    calibration = asked[: -len(held_out)]
    golden = f"golden_{exported.height}x{exported.width}.npz"
    golden_sha256 = write_golden(out, golden, held_out[0])
    for precision, model in _models(exported, calibration, held_out, int8, wanted.precisions):
        found = measure(model, held_out)
        if found.beyond(ALLOWED[precision]):
            msg = (
                f"{precision} of {exported.height}x{exported.width} differs from torch: "
                f"{'; '.join(found.beyond(ALLOWED[precision]))}; "
                f"{'do not ship it' if precision == 'fp32' else 'keep more of it in fp32'}"
            )
            raise ExportError(msg)
        halve_weights(model)
        weights.take(model)
        file = exported.file(precision, spec)
        onnx.save(model, str(out / file))
        _log.info("%s: %s", file, found)
        yield Variant(
            file=file,
            precision=precision,
            height=exported.height,
            width=exported.width,
            sha256="",  # of the file: known once it is complete
            gflop_three_prompts=exported.gflop_three_prompts,
            golden=golden,
            golden_sha256=golden_sha256,
            colour_error=float(np.float32(found.colour)),
            depth_abs_rel=_known(found.depth_abs_rel),
            mask_agreement=1 - _known(found.mask),
        )


def _models(
    exported: Exported,
    calibration: Sequence[Golden],
    held_out: Sequence[Golden],
    int8: Int8Search,
    precisions: Sequence[str],
) -> Iterator[tuple[str, Any]]:
    yield "fp32", copied(exported.model)
    if "fp16" in precisions:
        yield "fp16", in_fp16(exported.model)
    if "int8" not in precisions:
        return
    quantised = int8.best(
        in_int8(exported.model, [_inputs(one) for one in calibration]),
        damage=lambda model: _worst(measure(model, held_out[:2]), ALLOWED["int8"]),
        good_enough=lambda model: not measure(model, held_out).beyond(ALLOWED["int8"]),
        work=convolution_work(exported.model),
    )
    if quantised is None:
        _log.warning("no INT8 graph of %dx%d: no convolution may be quantised", exported.height, exported.width)
    else:
        yield "int8", quantised


def measure(model: Any, asked: Sequence[Golden]) -> Differences:  # noqa: ANN401 - an onnx.ModelProto
    """The mean differences of a graph from torch; infinite where the graph overflows."""
    try:
        answers = run_graph(model.SerializeToString(), [_inputs(one) for one in asked])
    except InferenceError:
        return Differences(colour=float("inf"))
    rows = [differences(answer, one) for answer, one in zip(answers, asked, strict=True)]
    return Differences(**{name: _mean([getattr(row, name) for row in rows]) for name in Differences.__slots__})


def _inputs(golden: Golden) -> Inputs:
    return dict(zip((IMAGE, RAYS, PROMPTS), golden.inputs(), strict=True))


def copied(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph, free to be changed."""
    other = onnx.ModelProto()
    other.CopyFrom(model)
    return other


def _listed(out: Path, spec: EngineSpec, rows: Sequence[Variant]) -> EngineSpec:
    def digest(name: str) -> str:
        return hashlib.sha256((out / name).read_bytes()).hexdigest()

    own, *others = (replace(row, sha256=digest(row.file)) for row in rows)
    return replace(
        spec,
        generator_sha256=own.sha256,
        golden=own.golden,
        golden_sha256=own.golden_sha256,
        graph_weights=WEIGHTS,
        graph_weights_sha256=digest(WEIGHTS),
        variants=tuple(others),
    )


def _worst(found: Differences, allowed: Differences) -> float:
    """The largest share of what is allowed."""
    shares = [getattr(found, name) / getattr(allowed, name) for name in Differences.__slots__]
    return max(share for share in shares if not np.isnan(share))


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _known(value: float) -> float:
    """JSON has no NaN; what there was nothing to compare for differs in nothing."""
    return 0.0 if np.isnan(value) else float(np.float32(value))
