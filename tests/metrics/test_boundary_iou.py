"""Boundary IoU against scikit-image's erosion and scikit-learn's Jaccard index, and pycocotools-free arithmetic."""

import numpy as np
import pytest
from skimage.morphology import erosion
from sklearn.metrics import jaccard_score

from vb_perception.errors import ConfigError
from vb_perception.metrics.boundary_iou import boundary_iou
from vb_perception.metrics.masks import iou


def _discs(shift_px: int) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.bool_]], ...]:
    y, x = np.mgrid[:80, :120]
    return (y - 40) ** 2 + (x - 50 - shift_px) ** 2 < 30**2, (y - 40) ** 2 + (x - 50) ** 2 < 30**2


@pytest.mark.parametrize("shift_px", [0, 2, 9, 60])
def test_agrees_with_repeated_erosion(shift_px: int) -> None:
    p, t = _discs(shift_px)
    rims = []
    for mask in (p, t):
        core = np.pad(mask, 1)
        for _ in range(3):  # 2 % of a diagonal of 144 px
            core = erosion(core, np.ones((3, 3)))
        rims.append(mask & ~core[1:-1, 1:-1])
    assert boundary_iou(p, t) == pytest.approx(jaccard_score(rims[1].ravel(), rims[0].ravel(), zero_division=0))


def test_a_wrong_rim_costs_more_than_under_iou() -> None:
    p, t = _discs(2)
    assert boundary_iou(p, t) < iou(p, t) - 0.2
    assert boundary_iou(t, t) == 1


def test_nothing_is_nan_and_a_miss_is_zero() -> None:
    _, t = _discs(0)
    assert np.isnan(boundary_iou(np.zeros_like(t), np.zeros_like(t)))
    assert boundary_iou(np.zeros_like(t), t) == 0


def test_the_edge_of_what_is_labelled_is_no_outline() -> None:
    _, t = _discs(0)
    labelled = np.ones_like(t)
    labelled[:, :50] = False
    cut = t & labelled
    assert boundary_iou(cut, t) < 0.9
    assert boundary_iou(cut, t, labelled) == 1  # they differ where nothing is labelled
    everywhere = np.ones_like(t)
    assert boundary_iou(everywhere, everywhere, labelled) == 1  # the image's border is an outline
    inner = np.zeros_like(t)
    inner[20:60, 60:100] = True
    assert np.isnan(boundary_iou(everywhere, everywhere, inner))  # an outline is nowhere in sight


def test_all_labelled_is_as_without_a_word() -> None:
    p, t = _discs(2)
    assert boundary_iou(p, t, np.ones_like(t)) == boundary_iou(p, t)


def test_masks_must_be_bool() -> None:
    _, t = _discs(0)
    with pytest.raises(ConfigError, match="expected a bool mask"):
        boundary_iou(t.astype(np.uint8), t)
