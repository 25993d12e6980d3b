"""The best guess without looking at the image, from what may be learnt from: what a figure has to be better than."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vb_perception.predictions import DepthMap, NormalMap, Prediction, SegmentMap
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import BACKGROUND

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class NoImage:
    """Per-pixel statistics of frames that may be learnt from.

    `depth_m` (H, W) their median depth; `normals` (H, W, 3) their median normal, made unit; `class_counts` (C, H, W)
    how many frames have the class there; `class_names` (C).
    """

    depth_m: Floats
    normals: Floats
    class_counts: NDArray[np.int32]
    class_names: tuple[str, ...]

    @classmethod
    def of(cls, learnt: Sequence[Sample]) -> "NoImage":
        """The statistics of these frames, all of one size and one list of classes."""
        # The median is the better guess for a mean of absolute errors; for OSD it is 0.7 degrees nearer than the mean.
        normals = _over_known(np.nanmedian, [sample.normals for sample in learnt], 0.0)
        normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-6)
        depths = [np.where(np.isfinite(sample.depth_m), sample.depth_m, np.nan) for sample in learnt]
        names = learnt[0].class_names
        counts = np.stack([sum((s.class_ids == c).astype(np.int32) for s in learnt) for c in range(len(names))])
        return cls(_over_known(np.nanmedian, depths, 1.0), normals, counts, names)

    def answers(self, table_and_objects: str, instances: str) -> dict[str, Prediction]:
        """Depth, normals, everything is table, and no object; by task name."""
        sure = np.ones(self.depth_m.shape, np.float32)
        return {
            "depth": DepthMap(self.depth_m, sure),
            "normals": NormalMap(self.normals, sure),
            table_and_objects: SegmentMap(np.ones(sure.shape, np.uint16), (BACKGROUND, "table", "object"), sure),
            instances: SegmentMap(np.zeros(sure.shape, np.uint16), (BACKGROUND,), sure),
        }

    def classes(self, named: Sequence[str]) -> NDArray[np.uint16]:
        """Of the named classes the one seen most often at each pixel, as 1 + its place in `named`."""
        counts = self.class_counts[[self.class_names.index(name) for name in named]]
        most: NDArray[np.uint16] = (1 + counts.argmax(axis=0)).astype(np.uint16)
        return most


def _over_known(mean: Callable[..., Floats], maps: Sequence[Floats], unseen: float) -> Floats:
    """A per-pixel statistic that leaves out NaN; where no frame knows the pixel, `unseen`."""
    stack = np.stack(maps)
    stack[:, ~np.isfinite(stack).any(axis=0)] = unseen
    return mean(stack, axis=0).astype(np.float32)
