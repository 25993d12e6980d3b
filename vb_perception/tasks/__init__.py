"""The tasks: what the prompt says and which codec reads the answer.

A task is one object, so its prompt and its palette cannot disagree.  `encode` turns a true prediction into the image
that a perfect generator would paint; `decode` reads a generated image.  Both work at any size, on (H, W, 3) uint8 RGB.
"""

from vb_perception.tasks.geometry import MetricDepth, SurfaceNormals
from vb_perception.tasks.segmentation import (
    BACKGROUND,
    BLACK,
    MAX_THINGS,
    ORDINALS,
    EdgeMap,
    InstanceSegmentation,
    ReferringSegmentation,
    SemanticSegmentation,
)
from vb_perception.tasks.task import RGB, PromptToken, Role, Task

__all__ = [
    "BACKGROUND",
    "BLACK",
    "MAX_THINGS",
    "ORDINALS",
    "RGB",
    "EdgeMap",
    "InstanceSegmentation",
    "MetricDepth",
    "PromptToken",
    "ReferringSegmentation",
    "Role",
    "SemanticSegmentation",
    "SurfaceNormals",
    "Task",
]
