"""The scorer: the right truth reaches the right figure, and means are over the frames that have it."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from tests.evaluation.conftest import make_sample
from vb_perception.errors import FrameError
from vb_perception.evaluation.scores import Scorer
from vb_perception.evaluation.truth import true_classes, true_objects
from vb_perception.predictions import DepthMap, NormalMap, Prediction, SegmentMap
from vb_perception.scenes.sample import Sample

NAMES = ("background", "table", "object")


def ones(sample: Sample) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.ones_like(sample.depth_m)


def perfect(sample: Sample) -> dict[str, Prediction]:
    classes = np.maximum(true_classes(NAMES, sample), 0).astype(np.uint16)
    objects = np.maximum(true_objects(sample), 0).astype(np.uint16)
    return {
        "depth": DepthMap(sample.depth_m, ones(sample)),
        "normals": NormalMap(sample.normals, ones(sample)),
        "segmentation": SegmentMap(classes, NAMES, ones(sample)),
        "instances": SegmentMap(objects, ("background", "object 1", "object 2"), ones(sample)),
    }


def test_perfect_answers_score_perfectly(samples: list[Sample]) -> None:
    scorer = Scorer()
    for sample in samples:
        scorer.add(perfect(sample), sample)
    figures = scorer.scores().figures
    assert scorer.scores().frames == len(samples)
    assert figures["depth"]["abs_rel"] == 0
    assert figures["depth"]["delta1"] == figures["depth"]["coverage"] == 1
    assert figures["normals"]["mean_deg"] == pytest.approx(0, abs=1e-3)
    assert figures["classes"] == {"table": 1, "object": 1}
    assert figures["objects"]["overlap_f"] == figures["objects"]["boundary_f"] == 1


def test_a_cloud_is_not_judged_where_no_truth_is_known(samples: list[Sample]) -> None:
    depth_m = samples[0].depth_m.copy()
    depth_m[:20] = np.nan
    truth = replace(samples[0], depth_m=depth_m)
    far = DepthMap(np.where(np.isnan(depth_m), np.float32(9), depth_m), ones(truth))
    near = DepthMap(far.depth_m * np.float32(0.5), ones(truth))
    right, wrong = (scored(Scorer(), depth, truth)["cloud"] for depth in (far, near))
    assert right == {"chamfer_m": 0, "f_5cm": 1}
    assert wrong["chamfer_m"] > 0.1


@pytest.mark.parametrize("means", ["relative", "relative_inverse"])
def test_of_relative_depth_every_number_counts(samples: list[Sample], means: str) -> None:
    truth, rng = samples[0], np.random.default_rng(0)
    told = truth.depth_m if means == "relative" else np.reciprocal(truth.depth_m)
    told = ((told - np.nanmedian(told)) / np.nanmax(told)).astype(np.float32)  # half of it is below 0
    noise = np.where(told <= 0, -rng.uniform(0, 1, told.shape).astype(np.float32), told)

    def figures(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> dict[str, float]:
        with np.errstate(divide="ignore"):
            depth_m = values if means == "relative" else np.reciprocal(values)
        return dict(Scorer().add({"depth": DepthMap(depth_m, ones(truth))}, truth, means)["depth_affine_aligned"])

    right, wrong = figures(told), figures(noise)
    assert right["abs_rel"] == pytest.approx(0, abs=1e-4)
    assert wrong["abs_rel"] > 0.05
    assert right["coverage"] == wrong["coverage"] == 1
    told[10, :32] = np.nan
    assert figures(told)["coverage"] == pytest.approx(1 - 32 / np.isfinite(truth.depth_m).sum())


def scored(scorer: Scorer, depth: DepthMap, truth: Sample) -> dict[str, dict[str, float]]:
    scorer.add({"depth": depth}, truth)
    return {group: dict(figures) for group, figures in scorer.scores().figures.items()}


def test_object_means_every_class_that_is_one(samples: list[Sample]) -> None:
    ids = true_classes(NAMES, samples[0])
    assert (ids[25, 15], ids[25, 40], ids[15, 30], ids[-1, 0]) == (2, 2, 1, -1)


def test_synonyms_name_a_class(samples: list[Sample]) -> None:
    ids = true_classes(("background", "mug", "desk"), samples[0])
    assert (ids[25, 40], ids[15, 30], ids[25, 15]) == (1, 2, 0)


def test_the_truth_may_use_synonyms_itself(samples: list[Sample]) -> None:
    sample = samples[0]
    other = replace(sample, class_names=("background", "desk", "carton", "mug"))
    assert np.array_equal(true_objects(other), true_objects(sample))
    for names in (("background", "cup", "table"), ("background", "coffee cup", "desk")):
        assert np.array_equal(true_classes(names, other), true_classes(("background", "mug", "desk"), sample))


@pytest.mark.parametrize("names", [("background", "cup", "object"), ("background", "object", "mug")])
def test_of_names_that_overlap_the_particular_one_wins(samples: list[Sample], names: tuple[str, ...]) -> None:
    sample = samples[0]
    right = np.maximum(true_classes(names, sample), 0).astype(np.uint16)
    assert {names[right[25, 40]], names[right[25, 15]]} == set(names[1:])  # the cup and the box
    assert names[right[25, 15]] == "object"
    figures = Scorer().add({"segmentation": SegmentMap(right, names, ones(sample))}, sample)
    assert set(figures["classes"].values()) == {1}
    assert figures["segmentation"] == {"miou": 1, "pixel_accuracy": 1, "boundary_iou": 1}


def test_a_name_that_the_truth_cannot_mean_is_background(samples: list[Sample]) -> None:
    sample = samples[0]
    names = ("background", "cup", "robot")
    ids = np.maximum(true_classes(names, sample), 0).astype(np.uint16)
    ids[30:40, :10] = 2  # a table, of which this legend says nothing either
    figures = Scorer().add({"segmentation": SegmentMap(ids, names, ones(sample))}, sample)
    assert figures["classes"] == {"cup": 1}
    assert figures["segmentation"]["pixel_accuracy"] == 1


def test_furniture_is_no_object(samples: list[Sample]) -> None:
    sample = samples[0]
    sample_ids = np.where(sample.class_ids == 1, 9, sample.instance_ids).astype(np.int16)
    furnished = Sample(
        sample.name, sample.rgb, sample.intrinsics, sample.depth_m, sample.normals, sample.class_ids, sample_ids,
        sample.class_names,
    )  # fmt: skip
    assert set(np.unique(true_objects(furnished))) == {-1, 0, 1, 2}


def test_instances_of_unknown_class_are_unlabelled_not_nothing(samples: list[Sample]) -> None:
    sample = samples[0]
    unknown = replace(sample, class_names=("background", "table", "box", "no such thing"))
    half = replace(sample, class_ids=np.where(sample.class_ids == 3, -1, sample.class_ids).astype(np.int16))
    for truth in (unknown, half):
        ids = true_objects(truth)
        assert set(ids[sample.instance_ids == 1]) == {1}
        assert set(ids[sample.instance_ids == 2]) == {-1}
        assert Scorer().add(perfect(sample), truth)["objects"]["overlap_f"] == 1


def test_without_class_truth_every_instance_is_an_object(samples: list[Sample]) -> None:
    sample = samples[0]
    bare = replace(sample, class_ids=np.full_like(sample.class_ids, -1), class_names=("background",))
    assert np.array_equal(true_objects(bare), sample.instance_ids)
    assert Scorer().add(perfect(sample), bare)["objects"]["overlap_f"] == 1


def test_a_class_that_the_legend_does_not_name_is_told(samples: list[Sample]) -> None:
    sample = replace(samples[0], class_names=samples[0].class_names[:1])
    with pytest.raises(FrameError, match="legend names 1 classes"):
        true_objects(sample)


def test_a_legend_longer_than_a_byte_reads_the_same(samples: list[Sample]) -> None:
    long = replace(samples[0], class_names=samples[0].class_names + ("no such thing",) * 300)
    assert np.array_equal(true_classes(NAMES, long), true_classes(NAMES, samples[0]))
    assert np.array_equal(true_objects(long), true_objects(samples[0]))


def test_unlabelled_pixels_do_not_count(samples: list[Sample]) -> None:
    sample = samples[0]
    answers = perfect(sample)
    segmentation = answers["segmentation"]
    assert isinstance(segmentation, SegmentMap)
    segmentation.ids[sample.class_ids < 0] = 2
    scorer = Scorer()
    assert scorer.add(answers, sample)["classes"]["object"] == 1


def test_the_edge_of_the_labels_is_no_outline(samples: list[Sample]) -> None:
    sample, answers = samples[0], perfect(samples[0])
    segmentation = answers["segmentation"]
    assert isinstance(segmentation, SegmentMap)
    segmentation.ids[:] = np.roll(segmentation.ids, 3, axis=1)
    strip = replace(sample, class_ids=sample.class_ids.copy())
    strip.class_ids[:, 57:59] = -1  # of the table, far from the wrong outlines
    whole, cut = (Scorer().add(answers, truth)["segmentation"]["boundary_iou"] for truth in (sample, strip))
    assert cut <= whole


def test_means_are_over_frames_with_truth(samples: list[Sample]) -> None:
    scorer = Scorer()
    for factor, sample in zip((1.1, 1.3), samples, strict=False):
        scorer.add({"depth": DepthMap(sample.depth_m * np.float32(factor), ones(sample))}, sample)
    blind = make_sample(9)
    blind.depth_m[:] = np.nan
    scorer.add({"depth": DepthMap(samples[0].depth_m, ones(blind))}, blind)
    assert scorer.scores().figures["depth"]["abs_rel"] == pytest.approx(0.2, abs=1e-4)
    assert "normals" not in scorer.scores().figures
    assert scorer.scores().frames == 3
    assert scorer.scores().counts["depth"]["abs_rel"] == 2


def test_dropping_the_least_confident_fifth(samples: list[Sample]) -> None:
    sample = samples[0]
    known = np.isfinite(sample.depth_m)
    wrong = known & (np.cumsum(known).reshape(known.shape) <= known.sum() // 5)
    answer = np.where(wrong, sample.depth_m * np.float32(1.5), sample.depth_m)
    confidence = np.where(wrong, np.float32(0.1), np.float32(0.9))
    scorer = Scorer()
    scorer.add({"depth": DepthMap(answer, confidence)}, sample)
    scores = scorer.scores()
    share = wrong.sum() / known.sum()
    assert scores.figures["confidence"]["abs_rel_all"] == pytest.approx(0.5 * share, rel=1e-3)
    assert scores.figures["confidence"]["abs_rel_surest_80"] == pytest.approx(0, abs=1e-3)
    assert scores.figures["confidence"]["lower_by"] > 0.99
    assert scores.risk[-1] == pytest.approx(0.5 * share, rel=1e-3)


def test_who_has_no_confidence_has_no_figures_of_it(samples: list[Sample]) -> None:
    scorer = Scorer()
    assert "confidence" not in scored(
        scorer, DepthMap(samples[0].depth_m * np.float32(1.1), ones(samples[0])), samples[0]
    )
    plain = json.loads(json.dumps(scorer.scores().as_json(), allow_nan=False))
    assert plain["risk_coverage"][-1] == [1.0, None]


def test_depth_that_is_unusable_carries_no_risk(samples: list[Sample]) -> None:
    sample = samples[0]
    depth_m = sample.depth_m.copy()
    depth_m[20:30] = -1
    confidence = np.where(np.arange(64) < 32, np.float32(0.2), np.float32(0.8)) * ones(sample)
    figures = scored(Scorer(), DepthMap(depth_m, confidence), sample)
    assert figures["confidence"]["abs_rel_all"] == figures["depth"]["abs_rel"] == 0


def test_as_json_is_plain(samples: list[Sample]) -> None:
    scorer = Scorer()
    answers = perfect(samples[0])
    answers["depth"] = DepthMap(samples[0].depth_m, np.linspace(0, 1, 64, dtype=np.float32) * ones(samples[0]))
    scorer.add(answers, samples[0])
    plain = json.loads(json.dumps(scorer.scores().as_json(), allow_nan=False))
    assert plain["frames"] == 1
    assert plain["depth"]["delta1"] == 1
    assert plain["confidence"]["lower_by"] is None  # nothing to lower
    assert len(plain["risk_coverage"]) == 100


def test_without_frames_there_are_no_figures() -> None:
    scores = Scorer().scores()
    assert (scores.frames, dict(scores.figures)) == (0, {})
    assert math.isnan(scores.risk[0])
