"""Rendered benches must speak of what OSD speaks of: one table, flat, and objects."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from tests.training.test_compose import HEIGHT, WIDTH, standing, with_objects_of
from vb_perception.scenes.osd import OSD_CLASSES
from vb_perception.scenes.sample import Sample
from vb_perception.training.benches import Benches, in_words_of_osd
from vb_perception.training.tables import table_plane


def bench() -> Sample:
    """A table that faces the camera, its leg, another table behind it, a wall and a cup."""
    sample = standing(30, 0.8, 200)
    names = ("background", "floor", "wall", "table", "box", "cup")
    classes = np.full((HEIGHT, WIDTH), names.index("table"), np.int16)
    classes[:8] = names.index("wall")
    classes[sample.instance_ids == 1] = names.index("cup")
    depth, normals = sample.depth_m.copy(), sample.normals.copy()
    depth[:8] = 3.0
    depth[8:12, :20] = 2.5  # another table
    normals[50:, :10] = (1, 0, 0)  # the leg
    return dataclasses.replace(sample, class_ids=classes, depth_m=depth, normals=normals, class_names=names)


def test_only_the_top_is_the_table() -> None:
    seen = in_words_of_osd(bench())
    assert seen.class_names == OSD_CLASSES
    assert (seen.class_ids[20:40, 30:50] == OSD_CLASSES.index("object")).all()
    nothing = np.zeros((HEIGHT, WIDTH), np.bool_)
    nothing[:8] = nothing[8:12, :20] = nothing[50:, :10] = True
    np.testing.assert_array_equal(seen.class_ids == 0, nothing)
    plane = table_plane(seen)
    assert plane is not None
    np.testing.assert_allclose(plane, (0, 0, 1), atol=1e-6)


def test_objects_go_both_ways() -> None:
    rendered, real = Benches([bench()])[0], standing(55, 0.8, 100)
    assert set(np.unique(with_objects_of(rendered, real).instance_ids)) == {0, 1, 2}
    assert set(np.unique(with_objects_of(real, rendered).instance_ids)) == {0, 1, 2}


def test_a_bench_without_a_table_is_none() -> None:
    bare = dataclasses.replace(bench(), class_ids=np.zeros((HEIGHT, WIDTH), np.int16))
    assert table_plane(in_words_of_osd(bare)) is None
