"""How things come to rest: upright, on a side, upside down, leaning."""

import math

import numpy as np
from numpy.typing import NDArray

from vb_perception.scenes.dice import pick
from vb_perception.scenes.objects import Body, Part
from vb_perception.scenes.poses import rotation, translation

_POSES = {
    "can": {"upright": 72, "on its side": 28},
    "bottle": {"upright": 82, "on its side": 18},
    "cup": {"upright": 78, "on its side": 12, "upside down": 10},
    "bowl": {"upright": 82, "upside down": 18},
    "plate": {"upright": 93, "upside down": 7},
    "pot": {"upright": 85, "upside down": 15},
    "vase": {"upright": 88, "on its side": 12},
    "book": {"upright": 80, "on its side": 20},
}
"""Class -> how often it rests how; the others stay as they were made."""


def resting(body: Body, rng: np.random.Generator) -> Body:
    """The body in one of the poses that its class is found in."""
    pose = pick(rng, _POSES.get(body.class_name, {"upright": 1}))
    if pose == "on its side":
        # Bodies of revolution are turned about their axis by chance; a book stands on its back or its edge.
        quarter = rng.integers(4) * math.pi / 2 if body.class_name == "book" else rng.uniform(0, 2 * math.pi)
        return turned(body, rotation(1, math.pi / 2) @ rotation(2, quarter))
    if pose == "upside down":
        return turned(body, rotation(0, math.pi))
    return body


def turned(body: Body, turn: NDArray[np.float64], *, flat_top: bool = False) -> Body:
    """The body turned by (4, 4) and set down again: its lowest point on z = 0, its box centred in x and y."""
    parts = [(p, turn @ p.body_from_part) for p in body.parts]
    points = np.concatenate([p.mesh.positions @ pose[:3, :3].T + pose[:3, 3] for p, pose in parts])
    low, high = points.min(axis=0), points.max(axis=0)
    down = translation(-float(low[0] + high[0]) / 2, -float(low[1] + high[1]) / 2, -float(low[2]))
    size = (high - low).tolist()
    return Body(
        body.class_name,
        tuple(Part(p.mesh, down @ pose, p.material) for p, pose in parts),
        size[0] / 2,
        size[1] / 2,
        size[2],
        flat_top=flat_top,
    )


def leaning(board: Body, angle_rad: float) -> Body:
    """A board that stands on its -z face, tilted so that its top leans towards +y."""
    return turned(board, rotation(0, -angle_rad))
