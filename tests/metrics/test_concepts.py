"""Concept figures against scikit-learn and a count by hand; referring figures likewise."""

import math

import numpy as np
import pytest
from sklearn.metrics import jaccard_score, matthews_corrcoef

from vb_perception.metrics.concepts import ConceptTally, matthews
from vb_perception.metrics.object_overlaps import ObjectOverlaps, object_overlaps
from vb_perception.metrics.referring import ReferringTally


def _overlaps(true: int, predicted: int, iou: float = 1.0) -> ObjectOverlaps:
    """So many true and predicted bars of 100 px, the i-th of each with the given IoU."""
    truth, prediction = np.zeros((20, 300), np.int16), np.zeros((20, 300), np.int16)
    shift = round(100 * (1 - iou) / (1 + iou))
    for i in range(true):
        truth[2 * i, :100] = i + 1
    for i in range(predicted):
        prediction[2 * i, shift : 100 + shift] = i + 1
    return object_overlaps(prediction, truth)


def test_image_level_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(0, 2, 200), rng.integers(0, 2, 200)
    predicted = np.where(rng.random(200) < 0.6, true, predicted)
    tally = ConceptTally()
    for t, p in zip(true, predicted, strict=True):
        tally.add(_overlaps(int(t), int(p)))
    assert tally.figures()["il_mcc"] == pytest.approx(matthews_corrcoef(true, predicted))


def test_instances_by_hand() -> None:
    tally = ConceptTally()
    tally.add(_overlaps(3, 2, iou=0.6))  # two pairs: hits at 0.50, 0.55, 0.60, misses above
    tally.add(_overlaps(1, 3))  # one pair at every threshold, two invented
    tally.add(_overlaps(0, 2))  # absent: counts at the image level alone
    tally.add(_overlaps(0, 0))
    low = 2 * 3 / (2 * 3 + 2 + 1)  # TP 3, FP 2, FN 1
    high = 2 * 1 / (2 * 1 + 4 + 3)
    figures = tally.figures()
    assert figures["pm_f1"] == pytest.approx((3 * low + 7 * high) / 10)
    mcc = matthews_corrcoef([1, 1, 0, 0], [1, 1, 1, 0])
    assert figures["cg_f1"] == pytest.approx(100 * figures["pm_f1"] * mcc)


def test_always_present_has_no_correlation_and_no_positive_no_f1() -> None:
    assert math.isnan(matthews(np.array([[0, 0], [2, 5]])))
    tally = ConceptTally()
    tally.add(_overlaps(0, 1))
    assert math.isnan(tally.figures()["pm_f1"])


def test_concepts_counted_apart_and_together_are_the_same() -> None:
    whole, part = ConceptTally(), ConceptTally()
    for tally in (whole, part):
        tally.add(_overlaps(2, 1))
    whole.add(_overlaps(0, 0))
    other = ConceptTally()
    other.add(_overlaps(0, 0))
    part.merge(other.state())
    assert part.figures() == pytest.approx(whole.figures(), nan_ok=True)


def test_referring_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    masks = [(rng.random((30, 40)) < 0.5, rng.random((30, 40)) < share) for share in (0.1, 0.4, 0.9)]
    tally, half = ReferringTally(), ReferringTally()
    for i, (p, t) in enumerate(masks):
        (tally if i < 2 else half).add(p, t)
    tally.merge(half.state())
    flat_p, flat_t = (np.concatenate([pair[i].ravel() for pair in masks]) for i in (0, 1))
    assert tally.figures()["c_iou"] == pytest.approx(jaccard_score(flat_t, flat_p))
    each = [jaccard_score(t.ravel(), p.ravel()) for p, t in masks]
    assert tally.figures()["g_iou"] == pytest.approx(np.mean(each))


def test_referring_to_nothing() -> None:
    empty, full = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    assert math.isnan(ReferringTally().figures()["g_iou"])
    tally = ReferringTally()
    assert tally.add(empty, empty) == 1
    assert tally.add(full, empty) == 0
    assert tally.figures() == {"c_iou": 0, "g_iou": 0.5}
