"""The best, the median and the worst frames of a run, kept while it goes by."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from vb_perception.evaluation.frame_scores import Figures
from vb_perception.evaluation.gallery import Seen
from vb_perception.frame import Perception
from vb_perception.scenes.sample import Sample

BEST, EVENLY_SPACED, WORST = 2, 9, 2
RANKED_BY = (
    ("depth", "abs_rel", 1), ("depth_affine_aligned", "abs_rel", 1), ("normals", "mean_deg", 1),
    ("segmentation", "miou", -1), ("objects", "overlap_f", -1),
)  # fmt: skip
"""Group, figure and sign (1: less is better) of what frames are ranked by: the first that a frame has."""


class Ranked(NamedTuple):
    """A frame and what it stands for: its place, the figure it is ranked by, and its rank."""

    label: str
    seen: Seen


class _Entry(NamedTuple):
    error: float
    number: int
    seen: Seen


@dataclass(slots=True)
class Ranking:
    """Holds a few frames, and one number of each other."""

    figure: str = ""
    _errors: list[float] = field(default_factory=list)
    _extremes: list[_Entry] = field(default_factory=list)  # ascending
    _spaced: list[_Entry] = field(default_factory=list)
    _stride: int = 1

    def offer(self, figures: Mapping[str, Figures], perception: Perception, truth: Sample | None) -> None:
        """Look at the next frame; one without the figure that the others have is passed by."""
        for group, name, sign in RANKED_BY:
            value = figures.get(group, {}).get(name, math.nan)
            if self.figure in {"", f"{group}.{name}"} and not math.isnan(value):
                self.figure = f"{group}.{name}"
                self._keep(_Entry(sign * value, len(self._errors), (perception, truth)))
                return

    def ranked(self) -> list[Ranked]:
        """Best to worst, each with its label; the median is the nearest to it of frames evenly spaced in time."""
        if not self._errors:
            return []
        ordered = sorted(self._errors)
        middle = ordered[len(ordered) // 2]
        half = len(ordered) // 2  # of two frames one is the best and one the worst; one alone is the median
        best, worst = min(BEST, half), min(WORST, half)
        chosen = {entry.number: ("best", entry) for entry in self._extremes[:best]}
        chosen |= {entry.number: ("worst", entry) for entry in self._extremes[len(self._extremes) - worst :]}
        median = min(self._spaced, key=lambda entry: abs(entry.error - middle))
        chosen.setdefault(median.number, ("median", median))
        out = []
        for place, entry in sorted(chosen.values(), key=lambda pair: pair[1][:2]):
            rank = ordered.index(entry.error) + 1
            words = f"{place}: {self.figure} {abs(entry.error):.4g}, rank {rank} of {len(ordered)}"
            out.append(Ranked(words, entry.seen))
        return out

    def _keep(self, entry: _Entry) -> None:
        if entry.number % self._stride == 0:
            self._spaced.append(entry)
            if len(self._spaced) > EVENLY_SPACED:
                self._spaced = self._spaced[::2]
                self._stride *= 2
        self._errors.append(entry.error)
        ascending = sorted([*self._extremes, entry], key=lambda one: one[:2])
        many = len(ascending) > BEST + WORST
        self._extremes = [*ascending[:BEST], *ascending[-WORST:]] if many else ascending
