"""Does this engine, on this machine, compute what torch computed?  Asked after every load, answered in numbers."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vb_perception.codecs.depth import DepthCodec
from vb_perception.codecs.normals import decode_normals
from vb_perception.codecs.palette import nearest_colour
from vb_perception.errors import EngineMismatchError
from vb_perception.runtime.contract import CheckedEngine
from vb_perception.runtime.engine import EngineSpec, Float, Variant
from vb_perception.runtime.golden import HALF_LEVELS, RGB, Golden

_log = logging.getLogger(__name__)

SURE = 0.5
"""Decoded normals are compared where the reference's own confidence is above this: elsewhere they say nothing."""
MIN_SHARE = 0.01
"""Share of the pixels that must be known for a decoded figure to mean anything."""


@dataclass(frozen=True, slots=True)
class Differences:
    """How far an answer is from the reference; NaN where the reference has nothing to compare.

    `colour`: root mean square difference over the reference's own root mean square.  `depth_abs_rel`: mean |d - d'| /
    d'. `normals_deg`: mean angle.  `mask`: share of the pixels with another class.
    """

    colour: float
    depth_abs_rel: float = float("nan")
    normals_deg: float = float("nan")
    mask: float = float("nan")

    def beyond(self, bound: "Differences") -> list[str]:
        """What exceeds its bound, in words."""
        rows = [(name, getattr(self, name), getattr(bound, name)) for name in self.__slots__]
        return [f"{name} {value:.2g}, allowed {limit:.2g}" for name, value, limit in rows if value > limit]

    def __str__(self) -> str:
        """All figures that there are."""
        rows = [(name, getattr(self, name)) for name in self.__slots__]
        return ", ".join(f"{name} {value:.2g}" for name, value in rows if not np.isnan(value))


BOUNDS = {
    "fp32": Differences(colour=1e-3, depth_abs_rel=1e-3, normals_deg=0.1, mask=1e-3),
    "fp16": Differences(colour=1e-2, depth_abs_rel=4e-3, normals_deg=0.5, mask=0.01),
    "bf16": Differences(colour=5e-2, depth_abs_rel=3e-2, normals_deg=2.0, mask=0.02),
    "int8": Differences(colour=1e-1, depth_abs_rel=3e-2, normals_deg=4.0, mask=0.02),
}
"""By precision.  An export must do better (see `generator/variants.py`); these tell a right engine from a wrong one."""


def differences(answer: Float, golden: Golden) -> Differences:
    """Compare an answer (N, 3, H, W) with the golden one, as colours and as what they mean."""
    found: dict[str, list[float]] = {"depth_abs_rel": [], "normals_deg": [], "mask": []}
    for kind, ours, theirs in zip(golden.kinds, _images(answer), _images(golden.rgb), strict=True):
        if kind == "depth":
            found["depth_abs_rel"].append(_depth_abs_rel(ours, theirs))
        elif kind == "normals":
            found["normals_deg"].append(_normals_deg(ours, theirs))
        else:
            colours = [(int(r), int(g), int(b)) for r, g, b in golden.palette]
            found["mask"].append(float(np.mean(nearest_colour(ours, colours)[0] != nearest_colour(theirs, colours)[0])))
    figures = {name: _mean(values) for name, values in found.items()}
    scale = float(np.sqrt(np.mean(golden.rgb**2)))
    return Differences(colour=float(np.sqrt(np.mean((answer - golden.rgb) ** 2))) / max(scale, 1e-6), **figures)


def self_test(engine: CheckedEngine, model_dir: Path, spec: EngineSpec, variant: Variant) -> Differences | None:
    """Run the golden input of `variant` and compare; None (and a warning) if the model has none.

    The bound is that of the precision in which the engine says that it computed the answer.

    Raises:
        EngineMismatchError: the engine computes something else, or in a precision without a bound; says what was
            measured and what is allowed.
        InferenceError: the run failed.
    """
    if not variant.golden:
        _log.warning(
            "model %s has no golden input: %s is not tested; export the model again", spec.name, engine.backend
        )
        return None
    golden = Golden.read(model_dir, spec, variant)
    measured = differences(engine.infer(*golden.inputs()), golden)
    if engine.computed not in BOUNDS:
        msg = (
            f"{engine.backend} computed {variant.file} in precision {engine.computed!r}, expected one of "
            f"{', '.join(BOUNDS)}: there is no bound to test it by; use a graph or a backend of one of these"
        )
        raise EngineMismatchError(msg)
    beyond = measured.beyond(BOUNDS[engine.computed])
    if beyond:
        msg = (
            f"{engine.backend} failed its self-test on {variant.file}: {'; '.join(beyond)} for "
            f"{engine.computed}; it does not compute what the model was trained to compute: use another backend or "
            "precision fp32, and update the runtime or the driver"
        )
        raise EngineMismatchError(msg)
    return measured


def _images(rgb: Float) -> Iterator[RGB]:
    for one in rgb:
        levels: RGB = np.clip(np.rint((one + 1) * HALF_LEVELS), 0, 255).astype(np.uint8)
        yield np.ascontiguousarray(levels.transpose(1, 2, 0))


def _depth_abs_rel(ours: RGB, theirs: RGB) -> float:
    codec = DepthCodec()
    depth_m, _ = codec.decode(ours)
    true_m, _ = codec.decode(theirs)
    # Also where the reference is unsure: that moves a colour off the map, not along it.
    both: NDArray[np.bool_] = np.isfinite(depth_m) & np.isfinite(true_m) & (true_m > 0)
    if both.mean() < MIN_SHARE:
        return float("nan")
    return float(np.mean(np.abs(depth_m[both] - true_m[both]) / true_m[both]))


def _normals_deg(ours: RGB, theirs: RGB) -> float:
    normals, _ = decode_normals(ours)
    true, confidence = decode_normals(theirs)
    both = np.isfinite(normals[..., 0]) & np.isfinite(true[..., 0]) & (confidence > SURE)
    if both.mean() < MIN_SHARE:
        return float("nan")
    cosine = np.clip(np.sum(normals[both] * true[both], axis=-1), -1, 1)
    return float(np.degrees(np.arccos(cosine)).mean())


def _mean(values: list[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
