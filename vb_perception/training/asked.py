"""What an image is asked in training: the mixture of prompts."""

from dataclasses import dataclass

import numpy as np

from vb_perception.scenes.sample import Sample
from vb_perception.tasks import MetricDepth
from vb_perception.training.targets import (
    Target,
    depth_target,
    edges_target,
    instances_target,
    normals_target,
    referring_target,
    semantic_target,
)

INSTANCES_SHARE, REFERRING_BELOW, EDGES_ABOVE = 0.4, 0.52, 0.96
"""The mixture of segmentations, as shares of a draw from 0 to 1; docs/training.md states it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Depth, normals and so many `segmentations`; with `words`, so many prompts of words and nothing else."""

    segmentations: int = 1
    words: int = 0

    def targets(self, sample: Sample, rng: np.random.Generator) -> list[Target]:
        """The prompts of one image and their true answers."""
        if self.words:
            return [_words(sample, rng, rng.uniform(INSTANCES_SHARE, 1)) for _ in range(self.words)]
        segments = [segmentation_target(sample, rng) for _ in range(self.segmentations)]
        return [depth_target(sample, MetricDepth()), normals_target(sample), *segments]


def segmentation_target(sample: Sample, rng: np.random.Generator) -> Target:
    """One of semantic, instance and referring segmentation and edges; colours and words are random every time."""
    draw = rng.random()
    return instances_target(sample, rng) if draw < INSTANCES_SHARE else _words(sample, rng, draw)


def _words(sample: Sample, rng: np.random.Generator, draw: float) -> Target:
    """Those of them that say in words what they mean."""
    if draw < REFERRING_BELOW:
        target = referring_target(sample, rng)
        if target is not None:
            return target
    return edges_target(sample, rng) if draw > EDGES_ABOVE else semantic_target(sample, rng)
