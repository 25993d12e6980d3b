"""Words for classes are compared as instructions are read."""

from dataclasses import replace

import numpy as np
import pytest

from vb_perception.evaluation.truth import means, true_classes
from vb_perception.scenes.sample import Sample

NAMES = ("background", "table", "object")


@pytest.mark.parametrize("names", [("Cups", "TABLE"), ("the mugs", "desks"), ("Coffee  Cup", "a table")])
def test_words_are_compared_as_instructions_are_read(samples: list[Sample], names: tuple[str, str]) -> None:
    right = true_classes(("background", "cup", "table"), samples[0])
    assert np.array_equal(true_classes(("background", *names), samples[0]), right)
    strange = replace(samples[0], class_names=("background", "Gizmos", "box", "glass knob"))
    ids = true_classes(("background", "glass knobs", "gizmo"), strange)
    assert (ids[25, 40], ids[15, 30], ids[25, 15]) == (1, 2, 0)
    assert np.array_equal(true_classes(("background", "Table", "Objects"), samples[0]), true_classes(NAMES, samples[0]))


def test_words_that_only_look_like_a_plural_are_others() -> None:
    assert not means("cloth", "clothes")
    assert not means("clothes", "cloth")
