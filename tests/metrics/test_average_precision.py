"""Average precision against pycocotools."""

import contextlib
import io

import numpy as np
import pytest
from numpy.typing import NDArray

from vb_perception.errors import ConfigError
from vb_perception.metrics.average_precision import AveragePrecision
from vb_perception.metrics.object_overlaps import object_overlaps

Ids = NDArray[np.int16]


def _frame(seed: int) -> tuple[Ids, Ids, NDArray[np.float64]]:
    """Boxes; predicted ones moved, some lost, some invented, with a score each."""
    rng = np.random.default_rng(seed)
    truth, prediction = np.zeros((60, 80), np.int16), np.zeros((60, 80), np.int16)
    for k in range(1, 8):
        v, u, h, w = rng.integers(0, 45), rng.integers(0, 60), rng.integers(8, 20), rng.integers(8, 20)
        truth[v : v + h, u : u + w] = k
        dv, du = rng.integers(-3, 4, 2)
        if rng.random() < 0.8:
            prediction[max(0, v + dv) : v + dv + h, max(0, u + du) : u + du + w] = 20 - k
    prediction[50:58, 60:75] = 30
    found = [k for k in np.unique(prediction) if k]
    return prediction, truth, np.round(rng.random(len(found)), 1)  # rounded: equal scores occur


def _by_pycocotools(frames: list[tuple[Ids, Ids, NDArray[np.float64]]]) -> dict[str, float]:
    pytest.importorskip("pycocotools", reason="the independent implementation: `make test` installs it")
    from pycocotools import mask  # noqa: PLC0415
    from pycocotools.coco import COCO  # noqa: PLC0415
    from pycocotools.cocoeval import COCOeval  # noqa: PLC0415

    true: list[dict[str, object]] = []
    found: list[dict[str, object]] = []
    for i, (prediction, truth, scores) in enumerate(frames):
        for k in np.unique(truth[truth > 0]):
            rle = mask.encode(np.asfortranarray(truth == k).astype(np.uint8))
            true.append({"id": len(true) + 1, "image_id": i + 1, "category_id": 1, "iscrowd": 0, "segmentation": rle,
                         "area": int((truth == k).sum()), "bbox": [0, 0, 1, 1]})  # fmt: skip
        for k, score in zip(np.unique(prediction[prediction > 0]), scores, strict=True):
            rle = mask.encode(np.asfortranarray(prediction == k).astype(np.uint8))
            found.append({"image_id": i + 1, "category_id": 1, "segmentation": rle, "score": float(score)})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {"images": [{"id": i + 1, "height": 60, "width": 80} for i in range(len(frames))],
                        "categories": [{"id": 1, "name": "object"}], "annotations": true, "info": {}}  # fmt: skip
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes(found), "segm")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return dict(zip(("ap", "ap50", "ap75"), judge.stats[:3], strict=True))


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_pycocotools(seed: int) -> None:
    frames = [_frame(100 * seed + i) for i in range(6)]
    tally = AveragePrecision()
    for prediction, truth, scores in frames:
        tally.add(object_overlaps(prediction, truth), scores)
    assert tally.figures() == pytest.approx(_by_pycocotools(frames), abs=1e-9)
    assert 0.2 < tally.figures()["ap50"] < 1


def test_frames_counted_apart_and_together_are_the_same() -> None:
    whole, parts = AveragePrecision(), [AveragePrecision(), AveragePrecision()]
    for i in range(4):
        prediction, truth, scores = _frame(i)
        whole.add(object_overlaps(prediction, truth), scores)
        parts[i // 2].add(object_overlaps(prediction, truth), scores)
    joined = AveragePrecision()
    for part in parts:
        joined.merge(part.state())
    assert joined.figures() == whole.figures()


def test_unlabelled_pixels_belong_to_no_object() -> None:
    _, truth, _ = _frame(0)
    prediction = np.maximum(truth, 0)
    hidden = truth.copy()
    hidden[:, :40] = -1
    tally = AveragePrecision()
    overlaps = object_overlaps(prediction, hidden)
    tally.add(overlaps, np.ones(len(overlaps.predicted_ids)))
    assert tally.figures()["ap"] == pytest.approx(1)


def test_nothing_true_is_nan_and_nothing_found_is_zero() -> None:
    empty, some = np.zeros((8, 8), np.int16), np.ones((8, 8), np.int16)
    blind, idle = AveragePrecision(), AveragePrecision()
    blind.add(object_overlaps(some, empty), np.ones(1))
    assert np.isnan(list(blind.figures().values())).all()
    idle.add(object_overlaps(empty, some), np.zeros(0))
    assert idle.figures() == {"ap": 0, "ap50": 0, "ap75": 0}


def test_scores_must_be_one_an_object() -> None:
    some = np.ones((8, 8), np.int16)
    with pytest.raises(ConfigError, match="one finite each"):
        AveragePrecision().add(object_overlaps(some, some), np.array([np.nan]))
