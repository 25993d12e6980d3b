"""Which borders are found must not depend on whose they are said to be."""

import math

import numpy as np
import pytest

from vb_perception.metrics.borders import borders_found


def two_boxes() -> np.ndarray:
    """Two boxes of 100 x 60 px that touch, side by side."""
    ids = np.zeros((240, 320), np.int16)
    ids[60:160, 100:160], ids[60:160, 160:220] = 1, 2
    return ids


def test_two_that_are_taken_for_one_have_an_outline_and_nothing_between() -> None:
    truth = two_boxes()
    assert borders_found(truth, truth) == {"outline_found": 1, "between_found": 1}
    found = borders_found(np.minimum(truth, 1), truth)
    assert found["outline_found"] == 1
    assert found["between_found"] == pytest.approx(0.05, abs=0.05)  # its ends lie on the outline
    assert borders_found(np.zeros_like(truth), truth) == {"outline_found": 0, "between_found": 0}


def test_a_border_that_is_off_counts_within_the_radius() -> None:
    truth = two_boxes()
    moved = {px: borders_found(np.roll(truth, px, 1), truth)["between_found"] for px in (1, 2, 5)}
    assert moved[1] == moved[2] == 1  # 0.003 of 400 px, rounded up
    assert moved[5] < 0.1


def test_without_labels_or_objects_nothing_is_counted() -> None:
    truth = two_boxes()
    truth[:, 150:] = -1
    assert math.isnan(borders_found(two_boxes(), truth)["between_found"])
    assert borders_found(two_boxes(), truth)["outline_found"] == 1
    nothing = borders_found(two_boxes(), np.zeros_like(truth))
    assert all(math.isnan(share) for share in nothing.values())
