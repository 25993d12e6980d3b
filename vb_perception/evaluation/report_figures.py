"""How figures are called and printed."""

import math
from collections.abc import Mapping

from vb_perception.evaluation.frame_scores import Figures
from vb_perception.evaluation.scores import Scores

GROUPS = {
    "depth": "Depth", "depth_by_distance": "Depth by distance", "depth_median_aligned": "Depth, scaled by medians",
    "depth_affine_aligned": "Depth, best scale and shift", "cloud": "Point cloud", "normals": "Surface normals",
    "segmentation": "Segmentation", "classes": "Classes: IoU", "objects": "Objects", "instances": "Instances",
    "concept": 'Concept "object"', "referring": "Referring", "confidence": "Confidence", "flicker": "Flicker",
    "latency": "Latency",
}  # fmt: skip
_LABELS = {
    "abs_rel": "AbsRel", "sq_rel": "SqRel [m]", "rmse": "RMSE [m]", "rmse_log": "RMSE log", "si_log": "SIlog",
    "delta1": "δ < 1.25", "delta2": "δ < 1.25²", "delta3": "δ < 1.25³", "coverage": "pixels answered",
    "edge_f": "depth edges F", "mean_deg": "mean [deg]", "median_deg": "median [deg]", "rmse_deg": "RMSE [deg]",
    "share_5": "within 5°", "share_11_25": "within 11.25°", "share_22_5": "within 22.5°", "share_30": "within 30°",
    "overlap_p": "overlap precision", "overlap_r": "overlap recall", "overlap_f": "overlap F",
    "boundary_p": "boundary precision", "boundary_r": "boundary recall", "boundary_f": "boundary F",
    "share_75": "objects with F > 0.75", "abs_rel_all": "AbsRel, all pixels",
    "abs_rel_surest_80": "AbsRel, surest 80 %", "lower_by": "lower by", "ause": "AUSE", "aurg": "AURG",
    "chamfer_m": "chamfer [m]", "f_5cm": "F at 5 cm", "miou": "mIoU", "pixel_accuracy": "pixel accuracy",
    "boundary_iou": "boundary IoU", "ap": "AP", "ap50": "AP 50", "ap75": "AP 75", "pm_f1": "pmF1", "il_mcc": "IL_MCC",
    "cg_f1": "cgF1", "c_iou": "cIoU", "g_iou": "gIoU", "depth_warped": "depth, along the true motion",
    "depth_static": "depth, at rest", "label_flips": "labels that flip, at rest",
}  # fmt: skip
_HEADLINE = (
    ("depth", "abs_rel", "depth AbsRel", "{:.3f}"),
    ("depth", "delta1", "depth δ < 1.25", "{:.3f}"),
    ("normals", "mean_deg", "normals, mean error", "{:.1f}°"),
    ("classes", "table", "table IoU", "{:.2f}"),
    ("objects", "overlap_f", "objects, overlap F", "{:.2f}"),
)


def label(name: str) -> str:
    """The name of a figure in words."""
    return _LABELS.get(name, name.replace("_ms", " [ms]").replace("_", " "))


def figure_text(name: str, value: float) -> str:
    """A figure with the digits that it deserves; a dash where it is not known."""
    if math.isnan(value):
        return "-"
    if name.endswith("_deg"):
        return f"{value:.1f}"
    if name.endswith("_ms"):
        return f"{value:.1f}"
    if name.startswith("frames."):
        return f"{value:g}"
    return f"{value:.1%}" if name == "lower_by" else f"{round(value, 3) + 0.0:.3f}"  # no minus before a zero


def headline(scores: Scores) -> list[tuple[str, str]]:
    """The few figures that tell most."""
    return [
        (name, form.format(scores.figures[group][key]))
        for group, key, name, form in _HEADLINE
        if key in scores.figures.get(group, {})
    ]


def group_lines(figures: Mapping[str, Figures]) -> list[str]:
    """One line a group of figures."""
    width = max(map(len, figures), default=0)
    return [
        f"  {group:<{width}}  " + "  ".join(f"{name} {value:.4g}" for name, value in row.items())
        for group, row in figures.items()
    ]
