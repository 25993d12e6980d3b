"""Masks: classes by intersection over union.  Objects: see `objects`, `average_precision`, `concepts`."""

import math

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import ConfigError
from vb_perception.metrics.object_overlaps import labelled_pixels
from vb_perception.metrics.valid import Mask, expect_shape, valid_pixels

Ids = NDArray[np.integer]
Counts = NDArray[np.int64]


def iou(prediction: Mask, truth: Mask, valid: Mask | None = None) -> float:
    """Intersection over union of two bool masks of one shape; NaN where both are empty: nothing asked, nothing found.

    The mean of it over images is LISA's gIoU.  Source: Jaccard 1912; Everingham et al., IJCV 2010, section 4.1.

    Raises:
        ConfigError: shapes differ, or a mask is not bool.
    """
    for name, mask in (("prediction", prediction), ("truth", truth)):
        if mask.dtype != np.bool_:
            msg = f"{name} is {mask.dtype}, expected a bool mask: compare ids first, such as `ids == 1`"
            raise ConfigError(msg)
    expect_shape("prediction", prediction, truth.shape)
    if valid is not None:
        counted = valid_pixels(valid, truth.shape)
        prediction, truth = prediction & counted, truth & counted
    common = int(np.count_nonzero(prediction & truth))
    union = int(np.count_nonzero(prediction)) + int(np.count_nonzero(truth)) - common
    return common / union if union else math.nan


def confusion(prediction_ids: Ids, truth_ids: Ids, n: int, valid: Mask | None = None) -> Counts:
    """Pixels by true class (row) and predicted class (column), (n, n).  Add those of many frames for data-set figures.

    A true id below 0 is unlabelled and not counted.

    Raises:
        ConfigError: shapes differ, ids are not integers, or a counted pixel's id is not in [0, n).
    """
    counted = labelled_pixels(prediction_ids, truth_ids, valid)
    rows, columns = truth_ids[counted].astype(np.int64), prediction_ids[counted].astype(np.int64)
    for name, ids in (("true", rows), ("predicted", columns)):
        if ids.size and not 0 <= ids.min() <= ids.max() < n:
            span = f"{ids.min()}..{ids.max()}"
            msg = f"{name} class ids span {span}, expected 0..{n - 1}: is the legend the same on both sides?"
            raise ConfigError(msg)
    return np.bincount(rows * n + columns, minlength=n * n).reshape(n, n)


def iou_from_confusion(counts: Counts) -> NDArray[np.float64]:
    """IoU (n,) of each class, TP / (TP + FP + FN); NaN for a class that is neither true nor predicted anywhere.

    Source: Cordts et al., CVPR 2016 (Cityscapes), section 4.1.  mIoU is its nanmean.
    """
    hits = counts.diagonal().astype(np.float64)
    union = counts.sum(0) + counts.sum(1) - hits
    share = np.full(len(hits), np.nan)
    np.divide(hits, union, out=share, where=union > 0)
    return share


def pixel_accuracy(counts: Counts) -> float:
    """Share of labelled pixels in their true class, of a `confusion`; NaN without any.

    Source: Long et al., CVPR 2015 (fully convolutional networks), section 5, "pixel accuracy".
    """
    total = int(counts.sum())
    return int(counts.diagonal().sum()) / total if total else math.nan
