import math

import numpy as np
import pytest
from accuracy_baselines import NoImage
from accuracy_figures import SetFigures, blind, constant_figures, differences, osd_figures, summary

from vb_perception.camera import CameraIntrinsics
from vb_perception.scenes.osd import OSD_CLASSES
from vb_perception.scenes.sample import Sample

SHAPE = (48, 64)


def tabletop(depth_m: float) -> Sample:
    """A table facing the camera with one object, 0.2 m nearer, and a row without a reading."""
    depth = np.full(SHAPE, depth_m, np.float32)
    classes = np.ones(SHAPE, np.int16)
    classes[10:20, 10:30] = 2
    depth[classes == 2] -= 0.2
    depth[0] = np.nan
    classes[0] = -1
    normals = np.broadcast_to(np.array((0, 0, -1), np.float32), (*SHAPE, 3)).copy()
    instances = np.where(classes == 2, 1, np.minimum(classes, 0)).astype(np.int16)
    camera = CameraIntrinsics.from_fov(SHAPE[1], SHAPE[0], 60)
    return Sample("t", np.zeros((*SHAPE, 3), np.uint8), camera, depth, normals, classes, instances, OSD_CLASSES)


def test_who_may_not_look_knows_the_median() -> None:
    learnt = NoImage.of([tabletop(1.0), tabletop(1.1), tabletop(2.0)])
    figures = osd_figures(blind(learnt), [tabletop(1.0)])
    (row,) = figures.rows
    near, far = 0.1 / 0.8, 0.1 / 1.0
    share = 200 / (47 * 64)
    assert row["abs_rel"] == pytest.approx(share * near + (1 - share) * far, rel=1e-4)
    assert row["object_abs_rel"] == pytest.approx(near, rel=1e-4)
    assert row["normals_deg"] == pytest.approx(0, abs=0.1)
    assert row["table_iou"] == pytest.approx(1 - share, rel=1e-4)
    assert row["objects_iou"] == row["overlap_f"] == row["boundary_f"] == 0


def test_noise_of_the_truth_is_told_from_error() -> None:
    """Half of the table leans 10 degrees to the left, half to the right: who says "flat" is 10 off, and so is truth."""
    truth = tabletop(1.0)
    lean = np.radians(np.where(np.arange(SHAPE[1]) % 2, 10.0, -10.0))
    on_table = truth.class_ids == 1
    leaning = np.stack((np.sin(lean), np.zeros_like(lean), -np.cos(lean)), -1).astype(np.float32)
    truth.normals[on_table] = np.broadcast_to(leaning, truth.normals.shape)[on_table]
    (row,) = osd_figures(blind(NoImage.of([tabletop(1.0)])), [truth]).rows
    assert row["table_truth_deg"] == pytest.approx(10, abs=0.1)
    assert row["table_normals_deg"] == pytest.approx(10, abs=0.1)
    assert row["object_normals_deg"] == pytest.approx(0, abs=0.1)


def test_a_constant_is_the_true_median() -> None:
    (row,) = constant_figures([tabletop(1.0)]).rows
    assert row["abs_rel"] == pytest.approx(200 / (47 * 64) * 0.2 / 0.8, rel=1e-4)


def test_the_spread_is_over_the_frames_that_have_the_figure() -> None:
    rows = [{"a": 1.0}, {"a": 2.0, "b": math.nan}, {"a": 6.0, "b": 5.0}]
    told = summary(SetFigures(rows, {"whole": 0.5}))
    assert told["a"]["mean"] == 3
    assert told["a"]["sd"] == pytest.approx(np.std([1, 2, 6], ddof=1))
    assert (told["a"]["q1"], told["a"]["median"], told["a"]["q3"]) == (1.5, 2, 4)
    assert told["b"] == {"mean": 5, "sd": 0, "q1": 5, "median": 5, "q3": 5, "frames": 1}
    assert told["whole"] == {"mean": 0.5}


def test_differences_are_of_the_same_frames() -> None:
    before = SetFigures([{"a": 1.0, "b": 1.0}, {"a": 2.0}, {"a": math.nan}, *[{"a": 4.0}] * 7])
    after = SetFigures([{"a": 0.5, "b": 2.0}, {"a": 1.5}, {"a": 9.0}, *[{"a": 3.5}] * 7])
    told = differences(before, after)
    assert set(told) == {"a"}  # one frame is no sample
    assert told["a"] == (-0.5, -0.5, -0.5, 9)
    assert told["a"].is_clear


def test_two_views_of_a_frame_are_one_sample() -> None:
    rng = np.random.default_rng(0)
    of_frames = np.repeat(rng.normal(0, 1, 10), 2)  # both crops of a frame gain the same
    before, after = ([{"a": float(v)} for v in values] for values in (np.zeros(20), of_frames))
    single = differences(SetFigures(before), SetFigures(after))["a"]
    paired = differences(SetFigures(before, views=2), SetFigures(after, views=2))["a"]
    assert paired.frames == 10
    assert paired.mean == pytest.approx(single.mean)
    assert paired.high - paired.low > 1.3 * (single.high - single.low)
    after[1]["a"] = math.nan  # the other view of it remains
    assert differences(SetFigures(before, views=2), SetFigures(after, views=2))["a"] == paired
