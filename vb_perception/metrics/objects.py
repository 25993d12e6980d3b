"""Objects of one frame by the protocol of unseen object segmentation: overlap and boundary."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vb_perception.metrics.object_overlaps import Ids, ObjectOverlaps, labelled_pixels, object_overlaps
from vb_perception.metrics.valid import Mask

Points = NDArray[np.intp]
BOUNDARY_SHARE = 0.003
DETECTED_F = 0.75


def overlap_boundary(prediction_ids: Ids, truth_ids: Ids, valid: Mask | None = None) -> dict[str, float]:
    """Unseen object segmentation of one frame; ids (H, W) of one object each, 0 no object, truth below 0 unlabelled.

    1. F(t, p) = 2 |t & p| / (|t| + |p|) of every true and predicted object; the Hungarian method pairs them for the
       largest sum of F.  A pair without a common pixel is no pair (the reference code keeps such pairs, as its solver
       happens to choose them; they can only add chance hits to the boundary figures).
    2. `overlap_p` = sum over pairs |t & p| / sum over predicted objects |p|, `overlap_r` = same / sum over true |t|.
    3. `boundary_p` = predicted boundary pixels within r of their partner's boundary / all predicted boundary pixels;
       `boundary_r` the other way round.  r = ceil(0.003 * image diagonal) px (VGA: 3), a disk.  A pixel is on an
       object's boundary where its 2 x 2 block to the lower right holds the object and something else; the image border
       is none.
    4. `_f` = 2 p r / (p + r); `share_75` = share of true objects whose pair has F > 0.75.

    Unlabelled pixels: overlap counts labelled pixels; a boundary pixel is counted if its block is all labelled, and may
    match any boundary pixel of its partner, since what an object does among unlabelled pixels is unknown, not wrong.

    Without objects on one side its own figure is 0 / 0: NaN (no predicted object: p; no true object: r and share_75),
    the opposite one and F are 0 (there was something, none of it matched); without any on either side all are NaN.  The
    reference code writes 1 in these places, which raises its means: count such frames before comparing.

    Source: Dave, Tokmakov, Ramanan, ICCVW 2019 (P, R, F by Hungarian matching); Xie et al., UOIS, CoRL 2019 / T-RO 2021
    and UCN, CoRL 2020 (boundary form; radius and blocks in their public `evaluation.py`: `bound_th=0.003`, from the
    DAVIS 2017 `f_boundary.py`, where Perazzi et al. used 0.008).  UOIS also leaves out the table: give it id 0.

    Raises:
        ConfigError: shapes differ or are not (H, W), ids are not integers, above 65535, or predicted ones below 0.
    """
    overlaps = object_overlaps(prediction_ids, truth_ids, valid)
    counted = labelled_pixels(prediction_ids, truth_ids, valid)
    return overlap_boundary_of(overlaps, prediction_ids, truth_ids, counted)


def overlap_boundary_of(
    overlaps: ObjectOverlaps, prediction_ids: Ids, truth_ids: Ids, counted: Mask
) -> dict[str, float]:
    """`overlap_boundary` where the overlaps and the labelled pixels are known already."""
    common, sizes_t, sizes_p = overlaps.common_px, overlaps.true_px, overlaps.predicted_px
    f_measure = 2 * common / (sizes_t[:, None] + sizes_p)
    rows, columns = linear_sum_assignment(f_measure, maximize=True)
    pairs = [(t, p) for t, p in zip(rows, columns, strict=True) if common[t, p]]
    hits = sum(int(common[pair]) for pair in pairs)
    overlap = _precision_recall(hits, hits, int(sizes_p.sum()), int(sizes_t.sum()))
    lines_t = _boundaries(np.maximum(truth_ids, 0), overlaps.true_ids, counted)
    lines_p = _boundaries(prediction_ids, overlaps.predicted_ids, counted)
    radius_px = math.ceil(BOUNDARY_SHARE * math.hypot(*truth_ids.shape))
    boundary = _precision_recall(
        sum(lines_p[p].near(lines_t[t], radius_px) for t, p in pairs),
        sum(lines_t[t].near(lines_p[p], radius_px) for t, p in pairs),
        sum(len(line.counted_px) for line in lines_p),
        sum(len(line.counted_px) for line in lines_t),
    )
    detected = sum(bool(f_measure[pair] > DETECTED_F) for pair in pairs)
    share = detected / len(sizes_t) if len(sizes_t) else math.nan
    names = ("overlap_p", "overlap_r", "overlap_f", "boundary_p", "boundary_r", "boundary_f", "share_75")
    return dict(zip(names, (*overlap, *boundary, share), strict=True))


@dataclass(frozen=True, slots=True)
class _Boundary:
    """Boundary pixels (row, column) of one object: all of them, and those whose surroundings are labelled."""

    all_px: Points
    counted_px: Points

    def near(self, other: "_Boundary", radius_px: int) -> int:
        """How many counted pixels lie within the disk of `radius_px` around any pixel of the other boundary."""
        if not len(self.counted_px) or not len(other.all_px):
            return 0
        low, high = other.all_px.min(0) - radius_px, other.all_px.max(0) + radius_px
        around = np.zeros(high - low + 1, np.uint8)
        around[tuple((other.all_px - low).T)] = 1
        around = cv2.dilate(around, disk(radius_px))
        within = self.counted_px[((self.counted_px >= low) & (self.counted_px <= high)).all(1)]
        return int(np.count_nonzero(around[tuple((within - low).T)]))


def disk(radius_px: int) -> NDArray[np.uint8]:
    """1 where the centre is no more than `radius_px` away, (2 r + 1, 2 r + 1)."""
    step_px = np.arange(-radius_px, radius_px + 1)
    disk: NDArray[np.uint8] = (step_px[:, None] ** 2 + step_px**2 <= radius_px**2).astype(np.uint8)
    return disk


def _boundaries(ids: Ids, objects: Ids, counted: Mask) -> list[_Boundary]:
    """The boundary of each of `objects`: the pixels whose 2 x 2 block is mixed are found once, then split by object."""
    mixed = np.zeros(ids.shape, np.bool_)
    mixed[:, :-1] |= ids[:, :-1] != ids[:, 1:]
    mixed[:-1] |= ids[:-1] != ids[1:]
    mixed[:-1, :-1] |= ids[:-1, :-1] != ids[1:, 1:]
    rows, columns = np.divmod(np.flatnonzero(mixed), ids.shape[1])
    points = np.stack((rows, columns), axis=1)
    below, right = np.minimum(rows + 1, ids.shape[0] - 1), np.minimum(columns + 1, ids.shape[1] - 1)
    block = ((rows, columns), (rows, right), (below, columns), (below, right))  # beyond the border: the border's
    labelled = np.logical_and.reduce([counted[at] for at in block])
    members = np.stack([ids[at] for at in block])
    on_each = [(members == k).any(0) for k in objects]
    return [_Boundary(points[on], points[on & labelled]) for on in on_each]


def _precision_recall(hits_p: int, hits_r: int, size_p: int, size_r: int) -> tuple[float, float, float]:
    """Precision, recall and their harmonic mean; NaN where there is nothing to divide by."""
    precision = hits_p / size_p if size_p else math.nan
    recall = hits_r / size_r if size_r else math.nan
    if not size_p and not size_r:
        return precision, recall, math.nan
    return precision, recall, 2 * precision * recall / (precision + recall) if hits_p and hits_r else 0.0
