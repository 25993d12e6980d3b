"""Masks against scikit-learn; the object protocol against a slow and literal reading of it with scikit-image."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.morphology import dilation, disk
from sklearn.metrics import confusion_matrix, f1_score, jaccard_score

from vb_perception.errors import ConfigError
from vb_perception.metrics.masks import confusion, iou, iou_from_confusion
from vb_perception.metrics.objects import overlap_boundary

Ids = NDArray[np.int16]
Bool = NDArray[np.bool_]


def _scene(seed: int, shift_px: int = 2, shape: tuple[int, int] = (60, 80)) -> tuple[Ids, Ids]:
    """Discs, some touching, some over the border; predicted shifted, renumbered, one lost, one invented, one split."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    truth, prediction = np.zeros(shape, np.int16), np.zeros(shape, np.int16)
    for k in range(1, 6):
        cy, cx, r = rng.uniform(0, shape[0]), rng.uniform(0, shape[1]), rng.uniform(4, 14)
        truth[(y - cy) ** 2 + (x - cx) ** 2 < r**2] = 3 * k
        if k < 5:
            prediction[(y - cy - shift_px) ** 2 + (x - cx) ** 2 < (r + rng.integers(-1, 2)) ** 2] = 7 - k
    prediction[(prediction == 4) & (x % 7 < 4)] = 40
    prediction[5:9, 5:30] = 9
    return prediction, truth


def _outline(mask: Bool) -> Bool:
    """Literally: some pixel of the 2 x 2 block to the lower right (inside the image) differs from this one."""
    out = np.zeros_like(mask)
    for v, u in np.ndindex(mask.shape):
        block = mask[v : v + 2, u : u + 2]
        out[v, u] = 0 < block.sum() < block.size
    return out


def _literal(prediction: Ids, truth: Ids, radius_px: int) -> dict[str, float]:
    """The protocol without Hungarian solver, tree or shared blocks: every assignment tried, every boundary dilated."""
    p_ids, t_ids = [k for k in np.unique(prediction) if k], [k for k in np.unique(truth) if k]
    f = np.array([[f1_score((truth == t).ravel(), (prediction == p).ravel()) for p in p_ids] for t in t_ids])
    short, swapped = (f, False) if len(t_ids) <= len(p_ids) else (f.T, True)
    choices = itertools.permutations(range(short.shape[1]), short.shape[0])
    best = max(choices, key=lambda columns: sum(short[i, j] for i, j in enumerate(columns)))
    pairs = [(j, i) if swapped else (i, j) for i, j in enumerate(best) if short[i, j] > 0]
    around = disk(radius_px)  # type: ignore[no-untyped-call]
    lines_t = [_outline(truth == k) for k in t_ids]
    lines_p = [_outline(prediction == k) for k in p_ids]
    hits = hits_p = hits_r = 0
    for i, j in pairs:
        hits += int(((truth == t_ids[i]) & (prediction == p_ids[j])).sum())
        hits_p += int((lines_p[j] & dilation(lines_t[i], around)).sum())
        hits_r += int((lines_t[i] & dilation(lines_p[j], around)).sum())
    scores = {"overlap_p": hits / (prediction > 0).sum(), "overlap_r": hits / (truth > 0).sum()}
    scores["boundary_p"] = hits_p / sum(line.sum() for line in lines_p)
    scores["boundary_r"] = hits_r / sum(line.sum() for line in lines_t)
    for kind in ("overlap", "boundary"):
        precision, recall = scores[f"{kind}_p"], scores[f"{kind}_r"]
        scores[f"{kind}_f"] = 2 * precision * recall / (precision + recall)
    return scores | {"share_75": sum(f[pair] > 0.75 for pair in pairs) / len(t_ids)}


def test_iou_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    p, t, valid = (rng.random((30, 40)) < share for share in (0.4, 0.5, 0.8))
    assert iou(p, t) == pytest.approx(jaccard_score(t.ravel(), p.ravel()))
    assert iou(p, t, valid) == pytest.approx(jaccard_score(t[valid], p[valid]))


def test_iou_of_nothing_is_nan_and_of_a_miss_is_zero() -> None:
    empty, full = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    assert np.isnan(iou(empty, empty))
    assert np.isnan(iou(full, full, empty))
    assert iou(empty, full) == iou(full, empty) == 0
    assert iou(full, full) == 1


def test_confusion_and_iou_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(-1, 5, (30, 40)).astype(np.int16)
    prediction = np.where(rng.random(truth.shape) < 0.7, np.maximum(truth, 0), 2).astype(np.uint16)
    valid = rng.random(truth.shape) < 0.9
    counted = valid & (truth >= 0)
    counts = confusion(prediction, truth, 6, valid)
    np.testing.assert_array_equal(counts, confusion_matrix(truth[counted], prediction[counted], labels=range(6)))
    figures = iou_from_confusion(counts)
    np.testing.assert_allclose(figures[:5], jaccard_score(truth[counted], prediction[counted], average=None))
    assert np.isnan(figures[5])  # neither true nor predicted


def test_confusions_of_frames_add_up_to_the_data_set() -> None:
    rng = np.random.default_rng(2)
    truth, prediction = rng.integers(0, 4, (2, 3, 20, 20))
    total = sum(confusion(p, t, 4) for p, t in zip(prediction, truth, strict=True))
    expected = jaccard_score(truth.ravel(), prediction.ravel(), average=None)
    np.testing.assert_allclose(iou_from_confusion(np.asarray(total)), expected)


@pytest.mark.parametrize("seed", range(4))
def test_object_protocol_agrees_with_its_literal_reading(seed: int) -> None:
    prediction, truth = _scene(seed)
    scores = overlap_boundary(prediction.astype(np.uint16), truth)
    assert scores == pytest.approx(_literal(prediction, truth, radius_px=1))  # ceil(0.003 * 100 px)
    assert 0.2 < scores["overlap_f"] < 1


def test_boundary_radius_grows_with_the_image() -> None:
    prediction, truth = _scene(4, shift_px=3, shape=(160, 260))  # diagonal 305 px: one pixel
    assert overlap_boundary(prediction, truth) == pytest.approx(_literal(prediction, truth, radius_px=1))
    prediction, truth = _scene(4, shift_px=3, shape=(210, 270))  # diagonal 342 px: two
    assert overlap_boundary(prediction, truth) == pytest.approx(_literal(prediction, truth, radius_px=2))


def test_a_perfect_prediction_under_other_numbers() -> None:
    _, truth = _scene(0)
    renumbered = np.where(truth > 0, 1000 - truth, 0).astype(np.uint16)
    assert set(overlap_boundary(renumbered, truth).values()) == {1.0}


def test_matching_is_by_the_best_sum_not_greedy() -> None:
    truth = np.repeat([1, 1, 1, 1, 1, 2, 2, 2, 0, 0], 4)[None].repeat(8, 0)
    prediction = np.repeat([0, 0, 8, 8, 8, 8, 8, 8, 0, 0], 4)[None].repeat(8, 0)  # nearest to object 2 by F
    prediction[:, :8] = 9  # can only be object 1
    scores = overlap_boundary(prediction, truth)
    assert scores["overlap_p"] == pytest.approx(5 / 8)  # 9 with 1 (2 blocks), 8 with 2 (3 blocks)


def test_matching_is_by_f_not_by_common_pixels() -> None:
    truth, prediction = np.zeros((2, 20, 20), np.int16)
    truth[0, :6] = 1
    prediction[:15], prediction[0, 4:6] = 1, 2  # 1 floods 4 of the object's pixels, 2 is small and half of it right
    assert overlap_boundary(prediction, truth)["overlap_r"] == pytest.approx(2 / 6)


def test_what_happens_among_unlabelled_pixels_is_not_judged() -> None:
    prediction, truth = _scene(1)
    judged = truth.copy()
    judged[:, 50:] = -1
    scores = overlap_boundary(prediction, judged)
    scribbled = prediction.copy()
    scribbled[:, 53:] = np.random.default_rng(0).integers(0, 50, scribbled[:, 53:].shape)  # beyond the boundary radius
    assert overlap_boundary(scribbled, judged) == scores
    valid = np.ones(truth.shape, bool)
    valid[:, 50:] = False
    by_mask = overlap_boundary(prediction, truth, valid)
    assert [by_mask[f"overlap_{k}"] for k in "prf"] == [scores[f"overlap_{k}"] for k in "prf"]
    np.testing.assert_allclose(scores["overlap_r"], overlap_boundary(prediction[:, :50], truth[:, :50])["overlap_r"])


def test_an_outline_that_meets_unlabelled_pixels_costs_nothing() -> None:
    truth = np.full((40, 40), -1, np.int16)
    truth[10:30, 5:20] = 1  # an object without a labelled surrounding on any side but the left
    truth[10:30, :5] = 0
    prediction = np.zeros((40, 40), np.uint16)
    prediction[2:38, 5:33] = 4
    assert set(overlap_boundary(prediction, truth).values()) == {1.0}


def test_empty_sides_are_nan_where_nothing_can_be_said() -> None:
    objects = np.zeros((20, 20), np.int16)
    objects[5:10, 5:10] = 1
    none = np.zeros_like(objects)
    missed = overlap_boundary(none, objects)
    invented = overlap_boundary(objects, none)
    for kind in ("overlap", "boundary"):
        assert np.isnan(missed[f"{kind}_p"])
        assert missed[f"{kind}_r"] == missed[f"{kind}_f"] == missed["share_75"] == 0
        assert invented[f"{kind}_p"] == invented[f"{kind}_f"] == 0
        assert np.isnan(invented[f"{kind}_r"])
    assert np.isnan(invented["share_75"])
    assert np.isnan(list(overlap_boundary(none, none).values())).all()
    assert np.isnan(list(overlap_boundary(objects, objects, none > 0).values())).all()


def test_objects_that_do_not_overlap_score_zero() -> None:
    truth, prediction = np.zeros((2, 20, 20), np.int16)
    truth[2:6, 2:6], prediction[2:6, 6:10] = 1, 1  # side by side: their outlines are near, their pixels are not shared
    assert set(overlap_boundary(prediction, truth).values()) == {0.0}


def test_bad_ids_are_refused() -> None:
    ids = np.zeros((4, 4), np.int16)
    with pytest.raises(ConfigError, match="expected a bool mask"):
        iou(ids, ids)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"predicted class ids span 9..9, expected 0..2"):
        confusion(ids + 9, ids, 3)
    with pytest.raises(ConfigError, match=r"true class ids span 3..3, expected 0..2"):
        confusion(ids, ids + 3, 3)
    with pytest.raises(ConfigError, match="float64, expected integer ids"):
        overlap_boundary(ids.astype(float), ids)
    with pytest.raises(ConfigError, match="predicted object ids span -1"):
        overlap_boundary(ids - 1, ids)
    with pytest.raises(ConfigError, match="one frame at a time"):
        overlap_boundary(ids[None], ids[None])
    with pytest.raises(ConfigError, match=r"expected 0 \(no object\) to 65535"):
        overlap_boundary(ids, np.full((4, 4), 70000))
