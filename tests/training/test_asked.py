"""Which prompts an image is asked in training."""

import dataclasses
from collections import Counter
from collections.abc import Callable

import numpy as np

from vb_perception.scenes.classes import CLASS_NAMES
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import MAX_THINGS
from vb_perception.training.asked import INSTANCES_SHARE, Asked, segmentation_target
from vb_perception.training.targets import MOST_NAMED, semantic_target

MakeSample = Callable[[int, int, int], Sample]


def test_depth_normals_and_segmentations(random_sample: MakeSample) -> None:
    targets = Asked(3).targets(random_sample(0, 24, 32), np.random.default_rng(0))
    assert [t.kind for t in targets[:2]] == ["depth", "normals"]
    assert len(targets) == 5
    assert {t.kind for t in targets[2:]} <= {"legend", "instances"}


def test_words_are_legends_phrases_and_edges_in_the_shares_of_the_mixture(random_sample: MakeSample) -> None:
    sample, count = random_sample(1, 24, 32), 300
    targets = Asked(words=count).targets(sample, np.random.default_rng(0))
    assert {t.kind for t in targets} == {"legend"}
    asked = Counter(t.task.tokens[0].phrase for t in targets)
    mixed = (segmentation_target(sample, np.random.default_rng(seed)) for seed in range(count))
    of_mixture = Counter(t.task.tokens[0].phrase for t in mixed if t.kind == "legend")
    assert asked.keys() == of_mixture.keys()
    assert abs(of_mixture.total() / count - (1 - INSTANCES_SHARE)) < 0.1
    for phrase, times in asked.items():
        assert abs(times / count - of_mixture[phrase] / of_mixture.total()) < 0.1


def test_a_legend_names_all_that_is_there_at_times_and_fits_a_prompt(random_sample: MakeSample) -> None:
    names = ("background", *CLASS_NAMES[1:21])
    class_ids = (np.arange(24 * 32) % len(names)).astype(np.int16).reshape(24, 32)
    crowded = dataclasses.replace(random_sample(2, 24, 32), class_ids=class_ids, class_names=names)
    few = dataclasses.replace(crowded, class_ids=class_ids % 4)
    named = [
        [len(semantic_target(sample, np.random.default_rng(seed)).task.tokens) - 2 for seed in range(100)]
        for sample in (crowded, few)
    ]
    assert max(named[0]) <= MAX_THINGS
    assert sum(count >= MOST_NAMED for count in named[0]) > 20
    assert sum(count >= 3 for count in named[1]) > 30
