"""What an evaluation could not judge, a sentence each: images left out, truth without a pixel, answers without one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from vb_perception.evaluation.bags import bag_topics
from vb_perception.evaluation.outcome import Answered
from vb_perception.evaluation.settings import Settings
from vb_perception.evaluation.sources import is_folder_of_frames

UNUSABLE = "frames.unusable"


def left_out(unusable: Sequence[str], settings: Settings) -> list[str]:
    """A sentence on the images that could not be used, unless a criterion says how many may be."""
    if not unusable or any(criterion.figure == UNUSABLE for criterion in settings.criteria):
        return []
    told = f"{len(unusable)} images could not be used; the first: {unusable[0]}"
    return [f"{told} (a criterion on {UNUSABLE} can allow some)"]


def untrue(path: Path, settings: Settings, contestants: Mapping[str, Answered]) -> list[str]:
    """A sentence on true depth that was there without a pixel to judge by."""
    if is_folder_of_frames(path) or any("depth_affine_aligned" in one.scores.figures for one in contestants.values()):
        return []
    there = [topic for topic in settings.reading.truth.depths if topic in bag_topics(path)]
    asked = any("mean/depth_affine_aligned/abs_rel" in one.state for one in contestants.values())
    blind = any("coverage" in one.scores.figures.get("depth", {}) for one in contestants.values())  # told by `blind`
    if not there or not asked or blind:
        return []
    return [f"true depth on {there[0]} has not one pixel to judge by (finite and above 0)"]


def blind(contestants: Mapping[str, Answered]) -> list[str]:
    """A sentence on each answer that never held a usable pixel though the truth did."""
    return [
        f"{name}: {group} was unknown (NaN) in every pixel of every frame with truth"
        for name, one in contestants.items()
        for group in ("depth", "normals")
        if one.scores.figures.get(group, {}).get("coverage") == 0
    ]
