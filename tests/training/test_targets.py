import dataclasses

import numpy as np
import pytest

from vb_perception.camera import CameraIntrinsics
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import InstanceSegmentation, MetricDepth, ReferringSegmentation
from vb_perception.training import targets
from vb_perception.training.asked import segmentation_target
from vb_perception.training.augment import GREY, at_size, augmented
from vb_perception.training.targets import Target, depth_target, edge_mask, normals_target

HEIGHT, WIDTH = 48, 64


@pytest.fixture
def sample() -> Sample:
    """A table with two objects; the top rows are unlabelled and without depth."""
    classes = np.full((HEIGHT, WIDTH), 1, np.int16)
    instances = np.zeros((HEIGHT, WIDTH), np.int16)
    for number, left in ((1, 8), (2, 40)):
        classes[20:32, left : left + 12] = 2
        instances[20:32, left : left + 12] = number
    classes[:6], instances[:6] = -1, -1
    depth = np.full((HEIGHT, WIDTH), 1.1, np.float32)
    depth[20:32, 8:20] = 0.8
    depth[:6] = np.nan
    normals = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    normals[..., 2] = -1
    normals[:6] = np.nan
    rgb = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    camera = CameraIntrinsics(WIDTH, HEIGHT, 60.0, 60.0, 31.5, 23.5)
    return Sample("t", rgb, camera, depth, normals, classes, instances, ("background", "table", "object"))


def test_depth_and_normals_are_asked_only_where_they_are_known(sample: Sample) -> None:
    for target in (depth_target(sample, MetricDepth()), normals_target(sample)):
        assert not target.valid[:6].any()
        assert target.valid[6:].all()
    decoded = MetricDepth().decode(depth_target(sample, MetricDepth()).rgb).depth_m
    np.testing.assert_allclose(decoded[6:], sample.depth_m[6:], rtol=0.01)


def test_of_depth_and_normals_rows_number_the_things(sample: Sample) -> None:
    ids = np.where(sample.instance_ids == 2, 300, sample.instance_ids).astype(np.int16)
    rows = normals_target(dataclasses.replace(sample, instance_ids=ids)).rows
    np.testing.assert_array_equal(rows, depth_target(dataclasses.replace(sample, instance_ids=ids), MetricDepth()).rows)
    assert not rows[ids <= 0].any()
    assert {int(rows[ids == i][0]) for i in (1, 300)} == {1, 1 + 299 % 127}


def test_every_segmentation_target_paints_what_its_rows_point_at(sample: Sample) -> None:
    seen = set()
    for seed in range(200):
        target = segmentation_target(sample, np.random.default_rng(seed))
        seen.add((target.kind, target.tokens[0].phrase))
        assert not target.valid[:6].any()
        if target.kind == "legend":
            assert target.rows.max() < len(target.tokens)
        for row in np.unique(target.rows[target.valid]):
            colours = np.unique(target.rgb[(target.rows == row) & target.valid], axis=0)
            assert len(colours) == 1  # of instances, each row is an object
            if target.kind == "instances" and row > 1:
                assert tuple(colours[0]) in {t.colour for t in target.tokens if t.role == "instance"}
            else:
                np.testing.assert_array_equal(colours, [target.tokens[row].colour])
    assert seen == {
        ("legend", "semantic segmentation"),
        ("legend", "referring segmentation"),
        ("legend", "edge map"),
        ("instances", "instance segmentation"),
    }


def drawn(sample: Sample, task: type, count: int = 120) -> list[Target]:
    """The targets of one kind of task among some."""
    every = (segmentation_target(sample, np.random.default_rng(seed)) for seed in range(count))
    return [target for target in every if isinstance(target.task, task)]


def test_a_phrase_is_true_beside_things_too_small_to_be_meant(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "MIN_PIXELS_SHARE", 100 / (HEIGHT * WIDTH))
    sample.instance_ids[sample.instance_ids == 2] = 0
    sample.class_ids[20:32, 40:52] = 1
    sample.class_ids[40:44, 40:45], sample.instance_ids[40:44, 40:45] = 2, 2  # 20 px
    sample.class_ids[40:42, 4:6], sample.instance_ids[40:42, 4:6] = 2, 3  # 4 px, which nobody sees
    said = drawn(sample, ReferringSegmentation)
    words = {t.phrase.split()[0] for target in said for t in target.tokens if t.role == "thing"}
    assert {"largest", "leftmost"} <= words
    assert not words & {"the", "smallest", "rightmost"}
    for target in said:
        np.testing.assert_array_equal(target.rows == 2, sample.instance_ids == 1)


def test_things_without_a_number_are_unknown_and_not_spoken_of(sample: Sample) -> None:
    doors = dataclasses.replace(sample, class_names=("background", "wall", "door"))
    doors.instance_ids[20:32, 40:46] = 0  # half of the second one
    for target in drawn(doors, InstanceSegmentation):
        assert target.tokens[2].phrase.startswith("door")
        np.testing.assert_array_equal(target.valid, (doors.instance_ids > 0) | (doors.class_ids == 1))
    assert not drawn(doors, ReferringSegmentation)
    doors.instance_ids[20:32, 40:46] = 2
    doors.class_ids[45] = -1  # neither class nor number
    assert drawn(doors, ReferringSegmentation)


def test_edges_lie_between_things_and_at_steps(sample: Sample) -> None:
    edges = edge_mask(sample)
    assert edges[19, 10]  # above the first object
    assert edges[25, 7]  # left of it
    assert not edges[25, 10]  # inside
    assert not edges[40].any()  # the bare table
    assert not edges[:5].any()  # unlabelled
    folded = sample.normals.copy()
    folded[36:, :] = (0, -1, 0)
    assert edge_mask(dataclasses.replace(sample, normals=folded))[35].all()


def floor_and_step(sample: Sample, step: float) -> Sample:
    """A floor 1 m below a level camera, farther by `step` as a share from column 30 on; nothing else is told apart."""
    down = np.broadcast_to(sample.intrinsics.rays()[1], (HEIGHT, WIDTH))
    depth_m = np.where(down > 0.1, 1 / np.maximum(down, 0.1), np.nan).astype(np.float32)
    depth_m[:, 30:] *= 1 + step
    normals = np.full((HEIGHT, WIDTH, 3), (0, -1, 0), np.float32)
    nothing = np.zeros((HEIGHT, WIDTH), np.int16)
    return dataclasses.replace(sample, depth_m=depth_m, normals=normals, class_ids=nothing, instance_ids=nothing.copy())


def test_a_slanted_surface_is_no_edge(sample: Sample) -> None:
    floor = floor_and_step(sample, 0.0)
    assert np.nanmax(np.abs(np.diff(np.log(floor.depth_m), axis=0))) > 0.1
    assert not edge_mask(floor).any()
    bare = dataclasses.replace(floor, normals=np.full_like(floor.normals, np.nan))
    assert edge_mask(bare)[30, 10]  # depth alone cannot tell


def test_a_step_in_depth_is_an_edge_on_a_slanted_surface_too(sample: Sample) -> None:
    near = floor_and_step(sample, 0.25)
    edges = edge_mask(near)
    assert edges[35:, 29].all()
    assert not edges[:, :29].any()
    assert not edges[:, 30:].any()
    one_side = near.normals.copy()
    one_side[:, :30] = np.nan
    edges = edge_mask(dataclasses.replace(near, normals=one_side))
    assert edges[35:, 29].all()
    assert not edges[:, 30:].any()
    facing = dataclasses.replace(near, normals=np.full_like(near.normals, (0, 0, -1)))
    facing.depth_m[:], facing.depth_m[:, 30:] = 1.0, 1.06
    assert edge_mask(facing)[:, 29].all()
    assert edge_mask(facing).sum() == HEIGHT


def test_colours_change_from_prompt_to_prompt(sample: Sample) -> None:
    targets = [segmentation_target(sample, np.random.default_rng(seed)) for seed in range(40)]
    assert len({t.colour for target in targets for t in target.tokens if t.role == "thing"}) > 20


def test_a_view_keeps_points_where_they_are(sample: Sample) -> None:
    """A flipped, cropped and rescaled view unprojects to the points of the whole one, mirrored where it is flipped."""
    index = np.arange(HEIGHT * WIDTH, dtype=np.int16).reshape(HEIGHT, WIDTH)
    depth = np.linspace(0.5, 2, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    marked = dataclasses.replace(sample, depth_m=depth, instance_ids=index)
    truth = sample.intrinsics.unproject(depth).reshape(-1, 3)
    flips, letterboxed = set(), set()
    for seed in range(30):
        view = augmented(marked, 24, 32, np.random.default_rng(seed))
        known = view.instance_ids >= 0  # all but the margins of a letterboxed view
        letterboxed.add(not known.all())
        assert np.isnan(view.depth_m[~known]).all()
        assert np.isnan(view.normals[~known]).all()
        assert (view.class_ids[~known] == -1).all()
        assert (view.rgb[~known] == GREY).all()
        points = view.intrinsics.unproject(view.depth_m)[known]
        expected = truth[view.instance_ids[known]]
        middle = view.instance_ids[12][known[12]]
        flipped = bool(middle[0] > middle[-1])
        flips.add(flipped)
        if flipped:
            expected = expected * (-1, 1, 1)
        # Nearest sampling may move a point by half a pixel of either image.
        reach = points[:, 2] * 0.51 * (1 / sample.intrinsics.fx + 1 / view.intrinsics.fx)
        assert (np.abs(points - expected)[:, :2] <= reach[:, None]).all()
        np.testing.assert_array_equal(points[:, 2], expected[:, 2].astype(np.float32))
    assert flips == letterboxed == {True, False}


def test_objects_stay_under_their_pixels(sample: Sample) -> None:
    marked = sample.rgb.copy()
    marked[sample.instance_ids == 1] = (255, 0, 0)
    marked[sample.instance_ids != 1] = (0, 0, 255)
    view = at_size(dataclasses.replace(sample, rgb=marked), 24, 32)
    red = view.rgb[..., 0] > 127
    assert (red == (view.instance_ids == 1)).mean() > 0.98
