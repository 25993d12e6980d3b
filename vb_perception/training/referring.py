"""Phrases that mean one thing of a scene: by its class, colour, size, place, or what it stands beside."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.scenes.sample import Sample

SUPERLATIVES = {
    "leftmost": ("u", 1),
    "rightmost": ("u", -1),
    "largest": ("pixels", -1),
    "biggest": ("pixels", -1),
    "smallest": ("pixels", 1),
    "nearest": ("depth_m", 1),
    "closest": ("depth_m", 1),
    "farthest": ("depth_m", -1),
}
"""Which of a thing's features is least (1) or most (-1)."""
RELATIONS = {"left of": ("u", 1), "right of": ("u", -1), "in front of": ("depth_m", 1), "behind": ("depth_m", -1)}
"""Which feature of the thing is less (1) or more (-1) than that of what it is compared with."""
HUES = (
    ("red", 8),
    ("orange", 20),
    ("yellow", 33),
    ("green", 85),
    ("cyan", 98),
    ("blue", 130),
    ("purple", 160),
    ("red", 181),
)
"""Names up to a hue (OpenCV's, 0 to 180)."""
CLEAR = {"u": 0.06, "depth_m": 0.06, "pixels": 0.0}
"""How much features must differ for a comparison to be beyond doubt: share of the width, metres."""
_GREY, _PALE, _DARK, _LIGHT = 50, 90, 60, 200
_NAMES = tuple(dict.fromkeys(("", "gray", "white", "black", "brown", *(name for name, _ in HUES))))
_NAMED_BY_HUE = np.array([_NAMES.index(next(name for name, end in HUES if hue < end)) for hue in range(181)])


@dataclass(frozen=True, slots=True)
class Thing:
    """One instance of a sample and what can be said of it."""

    instance: int
    class_name: str
    colour: str
    u: float
    depth_m: float
    pixels: float


def things(sample: Sample, names: tuple[str, ...], min_pixels: float) -> list[Thing]:
    """The instances of some classes that are large enough to be seen."""
    out = []
    counts = np.bincount(sample.instance_ids[sample.instance_ids > 0].ravel())
    for instance in np.flatnonzero(counts >= min_pixels).tolist():
        mask = sample.instance_ids == instance
        name = sample.class_names[int(np.median(sample.class_ids[mask]))]
        if name not in names:
            continue
        depth_m = sample.depth_m[mask]
        depth_m = depth_m[np.isfinite(depth_m)]
        middle = float(np.median(depth_m)) if depth_m.size else np.nan
        u = float(np.nonzero(mask)[1].mean()) / mask.shape[1]
        out.append(Thing(instance, name, colour_name(sample.rgb[mask]), u, middle, float(counts[instance])))
    return out


def colour_name(rgb: NDArray[np.uint8]) -> str:
    """The everyday name of the colour that at least half of the pixels (N, 3) have, or "" if none is so common."""
    hue, saturation, value = cv2.cvtColor(rgb[None], cv2.COLOR_RGB2HSV)[0].T
    named = _NAMED_BY_HUE[hue]
    named[(named == _NAMES.index("orange")) & (value < 2 * _PALE)] = _NAMES.index("brown")
    named[saturation < _PALE] = _NAMES.index("")
    named[saturation < _GREY] = _NAMES.index("gray")
    named[(saturation < _GREY) & (value > _LIGHT)] = _NAMES.index("white")
    named[value < _DARK] = _NAMES.index("black")
    pixels = np.bincount(named)
    commonest = int(pixels.argmax())
    return _NAMES[commonest] if 2 * pixels[commonest] >= len(rgb) else ""


def refer(
    found: list[Thing], nouns: dict[str, str], rng: np.random.Generator, min_pixels: float = 0
) -> tuple[str, int] | None:
    """A phrase and the one instance that it means; None if nothing can be said without doubt.

    `nouns` is what each class is called here: phrases for different classes may be the same ("object").  Of what is
    smaller than `min_pixels` nothing is said, but what is said is true beside it: a larger cup is not the smallest one.
    """
    large = {t.instance for t in found if t.pixels >= min_pixels}
    said = [*_superlatives(found, nouns), *_colours(found, nouns), *_relations(found, nouns, large)]
    options = [(phrase, instance) for phrase, instance in said if instance in large]
    return options[int(rng.integers(len(options)))] if options else None


def _called(found: list[Thing], nouns: dict[str, str], noun: str) -> list[Thing]:
    return [t for t in found if nouns[t.class_name] == noun]


def _superlatives(found: list[Thing], nouns: dict[str, str]) -> list[tuple[str, int]]:
    out = []
    for noun in sorted({nouns[t.class_name] for t in found}):
        group = _called(found, nouns, noun)
        if len(group) == 1:
            out.append((f"the {noun}", group[0].instance))
            continue
        for word, (feature, sign) in SUPERLATIVES.items():
            values = np.array([sign * getattr(t, feature) for t in group])
            if not np.isfinite(values).all():
                continue
            first, second = np.argsort(values)[:2]
            clear = values[second] - values[first] > CLEAR[feature]
            if feature == "pixels":
                clear = max(abs(values[[first, second]])) > 1.3 * min(abs(values[[first, second]]))
            if clear:
                out.append((f"{word} {noun}", group[int(first)].instance))
    return out


def _colours(found: list[Thing], nouns: dict[str, str]) -> list[tuple[str, int]]:
    out = []
    for thing in found:
        noun = nouns[thing.class_name]
        alike = [t for t in _called(found, nouns, noun) if t.colour in (thing.colour, "")]
        if thing.colour and len(alike) == 1:
            out += [(f"{thing.colour} {noun}", thing.instance)] * 2
    return out


def _relations(found: list[Thing], nouns: dict[str, str], large: set[int]) -> list[tuple[str, int]]:
    out = []
    for other in found:
        anchor = nouns[other.class_name]
        if other.instance not in large or len(_called(found, nouns, anchor)) > 1:
            continue
        for word, (feature, sign) in RELATIONS.items():
            for noun in sorted({nouns[t.class_name] for t in found} - {anchor}):
                margins = [
                    (sign * (getattr(other, feature) - getattr(t, feature)), t) for t in _called(found, nouns, noun)
                ]
                if any(abs(m) < CLEAR[feature] or not np.isfinite(m) for m, _ in margins):
                    continue
                meant = [t for m, t in margins if m > 0]
                if len(meant) == 1:
                    out.append((f"{noun} {word} the {anchor}", meant[0].instance))
    return out
