"""From a Sample to prompts and the images that answer them."""

from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from vb_perception.codecs.palette import Colour
from vb_perception.predictions import DepthMap, NormalMap, Prediction, SegmentMap
from vb_perception.scenes.classes import CLASSES
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import (
    EdgeMap,
    InstanceSegmentation,
    MetricDepth,
    PromptToken,
    ReferringSegmentation,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)
from vb_perception.training.referring import refer, things

_T = TypeVar("_T", bound=np.generic)
Kind = Literal["depth", "normals", "legend", "instances"]
MAX_DEPTH_M = 60.0
MIN_COLOUR_DISTANCE = 60.0
MIN_PIXELS_SHARE, SEEN_PX = 2e-3, 10
"""Of the picture, what a thing has that a phrase means; and pixels from which on it counts among its like."""
PHRASES = {c.name: (c.name, *c.synonyms) for c in CLASSES} | {
    "object": ("object", "objects", "thing on the table", "item", "objects on the table")
}
MOST_NAMED, MOST_ABSENT = 11, 3
"""Classes that a prompt names, there and not there: no more than `MAX_THINGS` together."""
COARSE_SHARE, WHOLE_SHARE = 0.3, 0.5
"""Of the prompts with classes: those in the view of a table-top robot, the support and all that stands on it; and
those that name all there is, as who asks for the whole scene does."""
DEPTH_STEP, PLANE_STEP, FOLD_COS = 0.05, 0.03, np.cos(np.radians(30))
NOUNS = tuple(sorted({"edge", *(phrase for phrases in PHRASES.values() for phrase in phrases)} - {"background"}))
"""What a generator trained on these targets knows to name."""
ONE_OBJECT = ("object", "item", "thing on the table")
MOVABLE = (*(c.name for c in CLASSES if c.is_object), "object")
COUNTABLE = (*MOVABLE, "chair", "table", "sofa", "shelf", "cabinet", "door", "window", "picture", "pillar")


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A prompt and its true answer: valid (H, W); rows (H, W) int8, the token pointed at; `rgb` is painted when read.

    Of depth and normals, rows number the things (`thing_rows`).  Of instances, they count on: from 2 on there is one
    for each, although all of them point at the one noun.  A prompt that speaks of where things are in the picture means
    another thing in a part of it or a mirror: it is for the `whole`.
    """

    kind: Kind
    task: Task
    answer: Prediction
    valid: NDArray[np.bool_]
    rows: NDArray[np.int8]
    whole: bool = False

    @property
    def tokens(self) -> tuple[PromptToken, ...]:
        """The prompt."""
        return self.task.tokens

    @property
    def rgb(self) -> NDArray[np.uint8]:
        """The answer as an image (H, W, 3) uint8."""
        return self.task.encode(self.answer)


def depth_target(sample: Sample, task: MetricDepth) -> Target:
    """Metric depth, where it is known and in range."""
    valid = np.isfinite(sample.depth_m) & (sample.depth_m > 0) & (sample.depth_m < MAX_DEPTH_M)
    answer = DepthMap(sample.depth_m, np.ones_like(sample.depth_m))
    return Target("depth", task, answer, valid, thing_rows(sample))


def normals_target(sample: Sample) -> Target:
    """Normals, where they are known."""
    task = SurfaceNormals()
    valid = np.asarray(np.isfinite(sample.normals).all(-1))
    answer = NormalMap(sample.normals, np.ones_like(sample.depth_m))
    return Target("normals", task, answer, valid, thing_rows(sample))


def thing_rows(sample: Sample) -> NDArray[np.int8]:
    """A number from 1 on for each instance (H, W), 0 for what is none; more than a byte has share theirs."""
    return np.where(sample.instance_ids > 0, 1 + (sample.instance_ids - 1) % np.iinfo(np.int8).max, 0).astype(np.int8)


def _phrase(name: str, rng: np.random.Generator, *, plural: bool = True) -> str:
    words = PHRASES[name]
    # The name itself half of the time, its synonyms otherwise; people ask for "mugs" as often as for "mug".
    phrase = name if rng.random() < 0.5 else str(words[int(rng.integers(len(words)))])  # noqa: PLR2004
    plural = plural and name in COUNTABLE and not phrase.endswith("s") and " on " not in phrase and rng.random() < 0.3  # noqa: PLR2004
    return _plural(phrase) if plural else phrase


def _plural(phrase: str) -> str:
    return phrase + ("es" if phrase.endswith(("x", "sh", "ch")) else "s")


def _is_of(sample: Sample, names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Pixels (H, W) whose class is one of `names`."""
    return np.isin(sample.class_ids, [i for i, n in enumerate(sample.class_names) if n in names])


def _is_one_of(sample: Sample, names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Pixels (H, W) of instances whose class is one of `names`."""
    return _is_of(sample, names) & (sample.instance_ids > 0)


def semantic_target(sample: Sample, rng: np.random.Generator) -> Target:
    """A random subset of the classes, some of them absent; the rest of the labelled pixels is background."""
    names = list(sample.class_names[1:])
    ids = sample.class_ids.astype(np.int32)
    coarse = "object" in names or rng.random() < COARSE_SHARE
    if coarse and "object" not in names:
        ids = np.where(_is_one_of(sample, MOVABLE), len(names) + 1, ids)
        names = [*names, "object"]
    present = [n for i, n in enumerate(names, 1) if (ids == i).any()]
    # Movable classes are visible as "object" in the coarse view, so they cannot be asked for as absent.
    absent = [n for n in names if n not in present and not (coarse and n in MOVABLE)]
    rng.shuffle(present)
    most = min(len(present), MOST_NAMED)
    keep = present[: most if rng.random() < WHOLE_SHARE else int(rng.integers(1, most + 1))] if present else []
    if "object" in present and "table" in present and rng.random() < 0.5:  # noqa: PLR2004
        keep = ["table", "object"]
    extra = [n for n in absent if rng.random() < 0.15][:MOST_ABSENT]  # noqa: PLR2004
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


def instances_target(sample: Sample, rng: np.random.Generator) -> Target:
    """Every object, whatever its class, or the instances of one class, in colours of their own."""
    noun, names = "object", MOVABLE
    classes = np.unique(sample.class_ids[_is_one_of(sample, COUNTABLE)])
    some = _is_one_of(sample, MOVABLE).any()
    if "object" not in sample.class_names and classes.size and (rng.random() < 0.4 or not some):  # noqa: PLR2004
        noun = sample.class_names[int(rng.choice(classes))]
        names = (noun,)
    (background,) = _colours(1, rng)
    task = InstanceSegmentation(_phrase(noun, rng), background=background)
    mask = _is_of(sample, names)
    known = np.where(mask, sample.instance_ids > 0, sample.instance_ids >= 0)  # what no number tells apart is unknown
    target = _painted(task, np.where(mask & known, sample.instance_ids, 0).astype(np.uint16), known)
    return replace(target, kind="instances")


def referring_target(sample: Sample, rng: np.random.Generator) -> Target | None:
    """The one thing that a phrase means; None if nothing can be said of this sample without doubt."""
    found = things(sample, COUNTABLE, SEEN_PX)
    if rng.random() < 0.4 or "object" in sample.class_names:  # noqa: PLR2004
        found = [t for t in found if t.class_name in MOVABLE]
        nouns = dict.fromkeys(MOVABLE, str(rng.choice(ONE_OBJECT)))
    else:
        nouns = {name: _phrase(name, rng, plural=False) for name in COUNTABLE}
    # Where some pixels have no number, their class may have other things than those that were found.
    unnumbered = {sample.class_names[i] for i in np.unique(sample.class_ids[sample.instance_ids == 0]) if i > 0}
    unclear = {nouns[name] for name in unnumbered & nouns.keys()}
    found = [t for t in found if nouns[t.class_name] not in unclear]
    said = refer(found, nouns, rng, MIN_PIXELS_SHARE * sample.instance_ids.size)
    if said is None:
        return None
    phrase, chosen = said
    background, colour = _colours(2, rng)
    task = ReferringSegmentation(phrase, colour, background)
    target = _painted(task, (sample.instance_ids == chosen).astype(np.uint16), sample.instance_ids >= 0)
    return replace(target, whole=True)


def edges_target(sample: Sample, rng: np.random.Generator) -> Target:
    """Where one thing ends and another begins, and where a surface folds."""
    background, colour = _colours(2, rng)
    edges = edge_mask(sample)
    known = (sample.class_ids >= 0) & (np.isfinite(sample.depth_m) | (sample.class_ids == 0))
    return _painted(EdgeMap(colour, background), edges.astype(np.uint16), known)


def edge_mask(sample: Sample) -> NDArray[np.bool_]:
    """Pixels (H, W) whose right or lower neighbour is another thing, off its surface, or 30 degrees off.

    Off its surface: a point that is off the other one's tangent plane by 3 % of its depth.  Depth itself changes from
    pixel to pixel of a floor as well; it says the same, from 5 % on, only where no normal is known.
    """
    out = np.zeros(sample.class_ids.shape, np.bool_)
    points_m = sample.intrinsics.unproject(sample.depth_m)
    for axis in (0, 1):

        def pair(array: NDArray[_T], axis: int = axis) -> tuple[NDArray[_T], NDArray[_T]]:
            size = array.shape[axis]
            return array.take(range(size - 1), axis), array.take(range(1, size), axis)

        (i, j), (c, d) = pair(sample.instance_ids), pair(sample.class_ids)
        (x, y), (n, m) = pair(points_m), pair(sample.normals)
        with np.errstate(invalid="ignore", divide="ignore"):
            off = np.fmax(*(np.abs((normal * (y - x)).sum(-1)) / at[..., 2] for normal, at in ((n, x), (m, y))))
            step = np.where(np.isnan(off), np.abs(np.log(x[..., 2] / y[..., 2])) > DEPTH_STEP, off > PLANE_STEP)
            differs = (i != j) | (c != d) | step | ((n * m).sum(-1) < FOLD_COS)
        differs &= (i >= 0) & (j >= 0)
        out[: differs.shape[0], : differs.shape[1]] |= differs
    return out


def _painted(task: Task, ids: NDArray[np.uint16], known: NDArray[np.bool_]) -> Target:
    names = tuple(str(i) for i in range(int(ids.max(initial=0)) + 1))
    answer = SegmentMap(ids, names, np.ones(ids.shape, np.float32))
    # Row 0 is the task, row 1 the background, then the things in the order of their ids.
    return Target("legend", task, answer, known, np.minimum(ids + 1, 127).astype(np.int8))


def _colours(count: int, rng: np.random.Generator) -> list[Colour]:
    """Random colours, well apart; the first (the background) is black half of the time."""
    chosen: list[NDArray[np.float64]] = [np.zeros(3)] if rng.random() < 0.5 else []  # noqa: PLR2004
    while len(chosen) < count:
        candidate = np.round(rng.random(3) * 255)
        if all(np.linalg.norm(candidate - c) >= MIN_COLOUR_DISTANCE for c in chosen):
            chosen.append(candidate)
    return [(int(r), int(g), int(b)) for r, g, b in chosen]
