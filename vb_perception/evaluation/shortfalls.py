"""What an evaluation could not judge, a sentence each: images left out, truth without a pixel or a name, blindness."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from vb_perception.evaluation.bags import bag_topics, read_messages
from vb_perception.evaluation.camera_topics import find_camera
from vb_perception.evaluation.message_types import stamp_of_cdr
from vb_perception.evaluation.outcome import Answered, FrameCounts
from vb_perception.evaluation.settings import Settings
from vb_perception.evaluation.sources import is_folder_of_frames
from vb_perception.tasks import MetricDepth, SurfaceNormals

UNUSABLE = "frames.unusable"


def left_out(unusable: Sequence[str], settings: Settings) -> list[str]:
    """A sentence on the images that could not be used, unless a criterion says how many may be."""
    if not unusable or any(criterion.figure == UNUSABLE for criterion in settings.criteria):
        return []
    told = f"{len(unusable)} images could not be used; the first: {unusable[0]}"
    return [f"{told} (a criterion on {UNUSABLE} can allow some)"]


def of_one_stamp(path: Path, settings: Settings, counts: FrameCounts) -> list[str]:
    """A sentence on images that were not answered in lock-step because another one bears their stamp."""
    if settings.recorded or counts.dropped <= 0 or is_folder_of_frames(path):
        return []
    topic = find_camera(path, settings.reading.image, settings.reading.camera_info).image
    stamps = Counter(stamp_of_cdr(message.cdr) for message in read_messages(path, {topic}, _told_before))
    shared = sum(stamps.values()) - len(stamps)
    if not shared:
        return []
    told = f"{shared} images on {topic} share a stamp with another and were not answered"
    return [f"{told}; expected a stamp of its own for each, so record the bag from a camera that stamps its images"]


def _told_before(_reason: str) -> None:
    """What breaks the bag was told when its frames were read."""


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


def unnamed(path: Path, settings: Settings) -> list[str]:
    """A sentence on true class ids that no legend names, where anything was asked that they could have judged."""
    asked = bool(settings.recorded) or any(
        not isinstance(task, MetricDepth | SurfaceNormals) for task in settings.tasks
    )
    if not asked or is_folder_of_frames(path):
        return []
    truth, there = settings.reading.truth, bag_topics(path)
    masks, legend = (there.get(topic) for topic in (truth.class_masks, truth.legend_topic))
    if masks is None or not masks.messages or (legend is not None and legend.messages):
        return []
    told = f"true class ids on {truth.class_masks} were not judged: the bag has no legend on {truth.legend_topic}"
    return [f"{told}; record one, or name its topic with --truth-legend"]


def blind(contestants: Mapping[str, Answered]) -> list[str]:
    """A sentence on each answer that never held a usable pixel though the truth did."""
    out = []
    for name, one in contestants.items():
        figures = one.scores.figures
        depth = figures.get("depth") or figures.get("depth_affine_aligned", {})  # all that relative depth has
        for what, group in (("depth", depth), ("normals", figures.get("normals", {}))):
            if group.get("coverage") == 0:
                out.append(f"{name}: {what} was unknown (NaN) in every pixel of every frame with truth")
    return out
