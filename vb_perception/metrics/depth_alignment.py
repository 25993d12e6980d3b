"""Depth after the best scale (and shift) is given away: what is left is shape.  Never to be read as metric depth."""

import numpy as np

from vb_perception.metrics.depth import DepthPairs

_LEAST_M = np.float32(1e-3)  # what a shift brings below this is set to it: depth lies in front of the camera


def median_aligned(pairs: DepthPairs) -> DepthPairs:
    """The prediction times median(g) / median(p).

    Source: Zhou et al., CVPR 2017 ("Unsupervised learning of depth and ego-motion from video"), section 4.1.
    """
    p, g, coverage = pairs
    if not p.size:
        return pairs
    return DepthPairs(p * np.float32(np.median(g) / np.median(p)), g, coverage)


def affine_aligned(pairs: DepthPairs) -> DepthPairs:
    """The prediction as a p + b with the least squared error sum (a p + b - g)^2, in metres.

    A constant prediction has no best scale: it becomes the mean of the truth.  Results below 1 mm are set to 1 mm.

    Source: Ranftl et al., MiDaS, TPAMI 2022, equation 4 (there of disparity); of depth as Marigold, Ke et al., CVPR
    2024, section 5.1.
    """
    p, g, coverage = pairs
    if not p.size:
        return pairs
    mean_p, mean_g = np.mean(p, dtype=np.float64), np.mean(g, dtype=np.float64)
    centred = p - np.float32(mean_p)
    spread = float(np.dot(centred, centred))
    scale = float(np.dot(centred, g - np.float32(mean_g))) / spread if spread > 0 else 0.0
    return DepthPairs(np.maximum(centred * np.float32(scale) + np.float32(mean_g), _LEAST_M), g, coverage)
