"""Is the legend obeyed?  The same classes of an image asked for in the usual words and colours, and in others."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vb_perception.codecs.palette import distinct_colours
from vb_perception.metrics.masks import iou
from vb_perception.predictions import SegmentMap
from vb_perception.scenes.classes import CLASSES
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import BLACK, MAX_THINGS, SemanticSegmentation

USUAL, COLOURS, WORDS = "usual", "other colours", "other words"
NAMED_SHARE = 1e-3
"""A class is named in the prompt if it covers this share of the image: what a person would notice."""


def named_classes(sample: Sample) -> list[str]:
    """The classes that the image shows, the largest first, as many as one prompt holds."""
    pixels = Counter({i: int((sample.class_ids == i).sum()) for i in np.unique(sample.class_ids) if i > 0})
    seen = [i for i, count in pixels.most_common(MAX_THINGS) if count >= NAMED_SHARE * sample.class_ids.size]
    return [sample.class_names[i] for i in seen]


def legends(named: Sequence[str], rng: np.random.Generator) -> dict[str, SemanticSegmentation]:
    """Three prompts for the same classes.

    `USUAL`: their names, in `distinct_colours` on black.  `COLOURS`: the same colours handed round, the background's
    among them, so that none stays where it was.  `WORDS`: a synonym for every class that has one, in the usual colours.
    """
    colours = distinct_colours(len(named), avoid=(BLACK,))
    ring = (BLACK, *colours)
    shift = int(rng.integers(1, len(ring)))
    background, *others = ring[shift:] + ring[:shift]
    words: list[str] = []
    for name in named:
        (synonyms,) = (c.synonyms for c in CLASSES if c.name == name)
        free = [word for word in synonyms if word not in words and word not in named]
        words.append(str(rng.choice(free)) if free else name)
    return {
        USUAL: SemanticSegmentation(tuple(zip(named, colours, strict=True)), name=USUAL),
        COLOURS: SemanticSegmentation(tuple(zip(named, others, strict=True)), background, name=COLOURS),
        WORDS: SemanticSegmentation(tuple(zip(words, colours, strict=True)), name=WORDS),
    }


@dataclass(slots=True)
class LegendTally:
    """IoU of named classes: of each frame, and of each word over all frames."""

    _common: Counter[str] = field(default_factory=Counter)
    _either: Counter[str] = field(default_factory=Counter)

    def add(self, answer: SegmentMap, named: Sequence[str], sample: Sample) -> float:
        """Mean IoU over the named classes of one frame, its labelled pixels alone; ids of `answer` follow `named`."""
        labelled = sample.class_ids >= 0
        shares = []
        for i, name in enumerate(named, start=1):
            true, found = sample.class_ids == sample.class_names.index(name), (answer.ids == i) & labelled
            self._common[name] += int((true & found).sum())
            self._either[name] += int((true | found).sum())
            shares.append(iou(found, true, labelled))
        return float(np.mean(shares))

    def by_word(self) -> dict[str, float]:
        """IoU of each word over all pixels of all frames that named it, best first."""
        shares = {name: self._common[name] / self._either[name] for name in self._either}
        return dict(sorted(shares.items(), key=lambda item: -item[1]))

    def mean(self) -> float:
        """Mean of `by_word`: every class counts alike, however seldom it is seen."""
        return float(np.mean(list(self.by_word().values())))
