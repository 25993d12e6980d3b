"""The names of all figures of a report: what criteria may ask for, and which way is better."""

from vb_perception.metrics.average_precision import FIGURES as AVERAGE_PRECISION
from vb_perception.metrics.depth import FIGURES as DEPTH
from vb_perception.metrics.depth_bands import band_names
from vb_perception.metrics.normals import ERRORS, SHARES_DEG
from vb_perception.timing import STAGES

PERCENTILES = ("p50_ms", "p95_ms", "p99_ms", "max_ms")
FRAME_COUNTS = ("images", "answered", "scored", "unusable", "without_truth", "truth_without_image", "dropped")

_NAMES: dict[str, tuple[str, ...]] = {
    "depth": (*DEPTH, "coverage", "edge_f"),
    "depth_by_distance": tuple(f"{figure}_{band}" for band in band_names() for figure in ("abs_rel", "delta1")),
    "depth_median_aligned": ("abs_rel", "rmse", "delta1"),
    "depth_affine_aligned": ("abs_rel", "rmse", "delta1", "coverage"),
    "cloud": ("chamfer_m", "f_5cm"),
    "normals": (*ERRORS, *SHARES_DEG, "coverage"),
    "segmentation": ("miou", "pixel_accuracy", "boundary_iou"),
    "objects": (*(f"{kind}_{letter}" for kind in ("overlap", "boundary") for letter in "prf"), "share_75"),
    "instances": tuple(AVERAGE_PRECISION),
    "concept": ("pm_f1", "il_mcc", "cg_f1"),
    "referring": ("iou", "c_iou", "g_iou"),
    "confidence": ("abs_rel_all", "abs_rel_surest_80", "lower_by", "ause", "aurg"),
    "flicker": ("depth_warped", "depth_static", "label_flips"),
    "latency": (*PERCENTILES, *(f"{stage}_{percentile}" for stage in STAGES for percentile in PERCENTILES)),
    "frames": FRAME_COUNTS,
}
FREE_GROUPS = ("classes",)
"""Groups whose names are the words that were asked for."""

KNOWN_FIGURES = tuple(f"{group}.{name}" for group, names in _NAMES.items() for name in names)

_LOWER = (
    "abs_rel", "sq_rel", "rmse", "si_log", "_deg", "chamfer", "ause", "depth_warped", "depth_static", "label_flips",
    "_ms",
)  # fmt: skip


def lower_is_better(figure: str) -> bool:
    """Whether less of a figure `group.name` is better: errors, distances, flicker, latency."""
    return any(part in figure.partition(".")[2] for part in _LOWER)
