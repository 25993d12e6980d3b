"""Which predicted object covers which true one: the table that every figure about objects starts from."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import ConfigError
from vb_perception.metrics.valid import Mask, expect_shape, valid_pixels

Ids = NDArray[np.integer]
Counts = NDArray[np.int64]
MAX_ID = 65535
_MOST_ROWS = 1000


class ObjectOverlaps(NamedTuple):
    """The objects of one frame: ids (T,) and (P,), ascending; sizes [px] likewise; pixels in common (T, P)."""

    true_ids: Ids
    predicted_ids: Ids
    true_px: Counts
    predicted_px: Counts
    common_px: Counts

    def iou(self) -> NDArray[np.float64]:
        """Intersection over union (T, P) of every pair."""
        union = self.true_px[:, None] + self.predicted_px - self.common_px
        share: NDArray[np.float64] = self.common_px / np.maximum(union, 1)
        return share


def object_overlaps(prediction_ids: Ids, truth_ids: Ids, valid: Mask | None = None) -> ObjectOverlaps:
    """Count labelled pixels; ids (H, W) of one object each, 0 no object, truth below 0 unlabelled (not counted).

    Raises:
        ConfigError: shapes differ or are not (H, W), ids are not integers, above 65535, or predicted ones below 0.
    """
    counted = labelled_pixels(prediction_ids, truth_ids, valid).reshape(-1)
    check_object_ids(prediction_ids, truth_ids)
    rows, true_ids = _numbered(truth_ids)
    columns, predicted_ids = _numbered(prediction_ids)
    shape = len(true_ids), len(predicted_ids)
    of_any = np.flatnonzero(counted & ((rows > 0) | (columns > 0)))  # most pixels belong to no object on either side
    cell = rows[of_any].astype(np.intp) * shape[1]  # before numpy 2 int16 times intp was int16
    cell += columns[of_any]
    pixels = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
    keep_t, keep_p = pixels.sum(1) * (true_ids > 0) > 0, pixels.sum(0) * (predicted_ids > 0) > 0
    return ObjectOverlaps(
        true_ids[keep_t],
        predicted_ids[keep_p],
        pixels[keep_t].sum(1),
        pixels[:, keep_p].sum(0),
        pixels[keep_t][:, keep_p],
    )


def _numbered(ids: Ids) -> tuple[Ids, Ids]:
    """The row of a table for each pixel (N,), 0 or less for none, and the id of each row, 0 in row 0."""
    largest = int(ids.max(initial=0))
    if largest <= _MOST_ROWS:
        return ids.reshape(-1), np.arange(largest + 1)
    present, rank = np.unique(np.append(np.maximum(ids, 0), 0), return_inverse=True)  # few objects with large numbers
    return rank[:-1], present


def check_object_ids(prediction_ids: Ids, truth_ids: Ids) -> None:
    """Raise ConfigError unless both are (H, W) object ids."""
    if truth_ids.ndim != 2:  # noqa: PLR2004 -- boundaries need rows and columns
        msg = f"object ids have shape {truth_ids.shape}, expected (H, W): score one frame at a time"
        raise ConfigError(msg)
    for name, ids, lowest in (("predicted", prediction_ids, 0), ("true", truth_ids, np.iinfo(truth_ids.dtype).min)):
        if ids.size and not lowest <= ids.min() <= ids.max() <= MAX_ID:
            span = f"{ids.min()}..{ids.max()}"
            msg = f"{name} object ids span {span}: expected 0 (no object) to {MAX_ID}; only the truth goes below"
            raise ConfigError(msg)


def labelled_pixels(prediction_ids: Ids, truth_ids: Ids, valid: Mask | None) -> Mask:
    """The valid pixels whose true id is not negative, after checking shapes and types.

    Raises:
        ConfigError: shapes differ, ids are not integers, or `valid` is not bool.
    """
    for name, ids in (("prediction_ids", prediction_ids), ("truth_ids", truth_ids)):
        if not np.issubdtype(ids.dtype, np.integer):
            msg = f"{name} is {ids.dtype}, expected integer ids: threshold or round first"
            raise ConfigError(msg)
    expect_shape("prediction_ids", prediction_ids, truth_ids.shape)
    return valid_pixels(valid, truth_ids.shape) & (truth_ids >= 0)
