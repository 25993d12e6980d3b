"""From a Sample to prompts and the images that answer them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vb_perception.codecs.palette import Colour
from vb_perception.predictions import DepthMap, NormalMap, SegmentMap
from vb_perception.scenes.classes import CLASSES
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import (
    InstanceSegmentation,
    MetricDepth,
    PromptToken,
    ReferringSegmentation,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)

Kind = Literal["depth", "normals", "legend", "instances"]
MAX_DEPTH_M = 60.0
MIN_COLOUR_DISTANCE = 60.0
MIN_PIXELS_SHARE = 2e-3
PHRASES = {c.name: (c.name, *c.synonyms) for c in CLASSES} | {
    "object": ("object", "objects", "thing on the table", "item", "objects on the table")
}
ONE_OBJECT = ("object", "item", "thing on the table")
MOVABLE = (*(c.name for c in CLASSES if c.is_object), "object")
COUNTABLE = (*MOVABLE, "chair", "table", "sofa", "shelf", "cabinet", "door", "window", "picture", "pillar")


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A prompt and its true answer: rgb (H, W, 3) uint8; valid (H, W); rows (H, W) int8, the token pointed at."""

    kind: Kind
    tokens: tuple[PromptToken, ...]
    rgb: NDArray[np.uint8]
    valid: NDArray[np.bool_]
    rows: NDArray[np.int8]


def depth_target(sample: Sample, task: MetricDepth) -> Target:
    """Metric depth, where it is known and in range."""
    valid = np.isfinite(sample.depth_m) & (sample.depth_m > 0) & (sample.depth_m < MAX_DEPTH_M)
    rgb = task.encode(DepthMap(sample.depth_m, np.ones_like(sample.depth_m)))
    return Target("depth", task.tokens, rgb, valid, np.zeros(valid.shape, np.int8))


def normals_target(sample: Sample) -> Target:
    """Normals, where they are known."""
    task = SurfaceNormals()
    valid = np.asarray(np.isfinite(sample.normals).all(-1))
    rgb = task.encode(NormalMap(sample.normals, np.ones_like(sample.depth_m)))
    return Target("normals", task.tokens, rgb, valid, np.zeros(valid.shape, np.int8))


def segmentation_target(sample: Sample, rng: np.random.Generator) -> Target:
    """One of semantic, instance and referring segmentation; colours and words are random every time."""
    draw = rng.random()
    if draw < 0.25:  # noqa: PLR2004 (the mixture is stated in docs/training.md)
        return _instances(sample, rng)
    if draw < 0.4:  # noqa: PLR2004
        target = _referring(sample, rng)
        if target is not None:
            return target
    return _semantic(sample, rng)


def _phrase(name: str, rng: np.random.Generator) -> str:
    words = PHRASES[name]
    # The name itself half of the time, its synonyms otherwise; people ask for "mugs" as often as for "mug".
    phrase = name if rng.random() < 0.5 else str(words[int(rng.integers(len(words)))])  # noqa: PLR2004
    plural = name in COUNTABLE and not phrase.endswith("s") and " on " not in phrase and rng.random() < 0.3  # noqa: PLR2004
    return _plural(phrase) if plural else phrase


def _plural(phrase: str) -> str:
    return phrase + ("es" if phrase.endswith(("x", "sh", "ch")) else "s")


def _is_one_of(sample: Sample, names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Pixels (H, W) of instances whose class is one of `names`."""
    classes = [i for i, n in enumerate(sample.class_names) if n in names]
    return np.isin(sample.class_ids, classes) & (sample.instance_ids > 0)


def _semantic(sample: Sample, rng: np.random.Generator) -> Target:
    """A random subset of the classes, some of them absent; the rest of the labelled pixels is background."""
    names = list(sample.class_names[1:])
    ids = sample.class_ids.astype(np.int32)
    coarse = "object" in names or rng.random() < 0.5  # noqa: PLR2004
    if coarse and "object" not in names:
        # The view of a table-top robot: the support, and everything that stands on it.
        ids = np.where(_is_one_of(sample, MOVABLE), len(names) + 1, ids)
        names = [*names, "object"]
    present = [n for i, n in enumerate(names, 1) if (ids == i).any()]
    # Movable classes are visible as "object" in the coarse view, so they cannot be asked for as absent.
    absent = [n for n in names if n not in present and not (coarse and n in MOVABLE)]
    rng.shuffle(present)
    keep = present[: int(rng.integers(1, min(len(present), 8) + 1))] if present else []
    if "object" in present and "table" in present and rng.random() < 0.5:  # noqa: PLR2004
        keep = ["table", "object"]
    extra = [n for n in absent if rng.random() < 0.15][:3]  # noqa: PLR2004
    chosen = [*keep, *extra] or [str(rng.choice(names))]
    rng.shuffle(chosen)
    background, *colours = _colours(len(chosen) + 1, rng)
    task = SemanticSegmentation(
        tuple((_phrase(n, rng), c) for n, c in zip(chosen, colours, strict=True)), background=background
    )
    relabel = np.zeros(len(names) + 1, np.uint16)
    for position, name in enumerate(chosen, 1):
        relabel[names.index(name) + 1] = position
    known = ids >= 0
    return _painted(task, relabel[np.where(known, ids, 0)], known)


def _instances(sample: Sample, rng: np.random.Generator) -> Target:
    """Every object, whatever its class, or the instances of one class, in colours of their own."""
    noun, mask = "object", _is_one_of(sample, MOVABLE)
    classes = np.unique(sample.class_ids[_is_one_of(sample, COUNTABLE)])
    if "object" not in sample.class_names and classes.size and (rng.random() < 0.4 or not mask.any()):  # noqa: PLR2004
        index = int(rng.choice(classes))
        noun, mask = sample.class_names[index], sample.class_ids == index
    (background,) = _colours(1, rng)
    task = InstanceSegmentation(_phrase(noun, rng), background=background)
    known = sample.instance_ids >= 0
    target = _painted(task, np.where(mask & known, sample.instance_ids, 0).astype(np.uint16), known)
    return Target("instances", target.tokens, target.rgb, target.valid, np.minimum(target.rows, 2).astype(np.int8))


def _referring(sample: Sample, rng: np.random.Generator) -> Target | None:
    """The leftmost, rightmost, largest or nearest object; None if the sample has fewer than two."""
    ids, counts = np.unique(sample.instance_ids[_is_one_of(sample, MOVABLE)], return_counts=True)
    ids = ids[counts >= MIN_PIXELS_SHARE * sample.instance_ids.size]
    if ids.size < 2:  # noqa: PLR2004
        return None
    columns = np.indices(sample.instance_ids.shape)[1]
    word = str(rng.choice(("leftmost", "rightmost", "largest", "nearest")))

    def rank(instance: int) -> float:
        mask = sample.instance_ids == instance
        if word == "nearest":
            return float(np.nanmedian(np.where(np.isfinite(sample.depth_m[mask]), sample.depth_m[mask], np.inf)))
        if word == "largest":
            return -float(mask.sum())
        side = float(columns[mask].mean())
        return side if word == "leftmost" else -side

    chosen = min(ids.tolist(), key=rank)
    background, colour = _colours(2, rng)
    task = ReferringSegmentation(f"{word} {rng.choice(ONE_OBJECT)}", colour, background)
    return _painted(task, (sample.instance_ids == chosen).astype(np.uint16), sample.instance_ids >= 0)


def _painted(task: Task, ids: NDArray[np.uint16], known: NDArray[np.bool_]) -> Target:
    names = tuple(str(i) for i in range(int(ids.max(initial=0)) + 1))
    rgb = task.encode(SegmentMap(ids, names, np.ones(ids.shape, np.float32)))
    # Row 0 is the task, row 1 the background, then the things in the order of their ids.
    return Target("legend", task.tokens, rgb, known, (ids + 1).astype(np.int8))


def _colours(count: int, rng: np.random.Generator) -> list[Colour]:
    """Random colours, well apart; the first (the background) is black half of the time."""
    chosen: list[NDArray[np.float64]] = [np.zeros(3)] if rng.random() < 0.5 else []  # noqa: PLR2004
    while len(chosen) < count:
        candidate = np.round(rng.random(3) * 255)
        if all(np.linalg.norm(candidate - c) >= MIN_COLOUR_DISTANCE for c in chosen):
            chosen.append(candidate)
    return [(int(r), int(g), int(b)) for r, g, b in chosen]
