"""Which bodies matter for a picture, told by the boxes around them: those in view, in the sun's way, near contacts."""

import numpy as np
from numpy.typing import NDArray

_SIGNS = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)])
_CONTACT_REACH = 1.9  # in radii: beyond, a contact darkens less than 1 %
MAX_CONTACTS = 24


def corners(
    low: NDArray[np.float32], high: NDArray[np.float32], world_from_body: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The corners (N, 8, 3) in the world of boxes that lie between `low` and `high` (N, 3) in body axes.

    world_from_body is (N, 4, 4).
    """
    box = np.where(_SIGNS, high[:, None], low[:, None])
    return np.asarray(box @ world_from_body[:, :3, :3].transpose(0, 2, 1) + world_from_body[:, None, :3, 3])


def in_view(boxes: NDArray[np.float64], clip_from_world: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which boxes (N, 8, 3) are not wholly beyond one side of the view."""
    clip = boxes @ clip_from_world[:, :3].T + clip_from_world[:, 3]
    beyond = np.concatenate((clip[..., :3] > clip[..., 3:], clip[..., :3] < -clip[..., 3:]), axis=-1)
    return np.asarray(~beyond.all(axis=1).any(axis=-1))


def nearest_m(boxes: NDArray[np.float64], clip_from_world: NDArray[np.float64]) -> NDArray[np.float64]:
    """Depth of the nearest corner of each box, (N,), at least 0.1 m."""
    return np.asarray(np.maximum((boxes @ clip_from_world[3, :3] + clip_from_world[3, 3]).min(axis=1), 0.1))


def shading(
    boxes: NDArray[np.float64],
    seen: NDArray[np.intp],
    clip_from_world: NDArray[np.float64],
    shadow_from_world: NDArray[np.float64],
) -> NDArray[np.intp]:
    """Numbers of the boxes that may shade something in view: seen from the sun, they meet the view's pyramid."""
    if not len(seen):
        return np.zeros(0, np.intp)
    farthest_m = float((boxes[seen] @ clip_from_world[3, :3] + clip_from_world[3, 3]).max())
    world_from_clip = np.linalg.inv(clip_from_world)
    eye = world_from_clip[:3, 2] / world_from_clip[3, 2]  # no perspective: what z alone moves lies on the eye
    ends = np.array([(x, y, 1, 1) for x in (-1, 1) for y in (-1, 1)]) @ world_from_clip.T
    rays = ends[:, :3] / ends[:, 3:] - eye
    pyramid = np.vstack((eye, eye + rays * (farthest_m / (rays @ clip_from_world[3, :3]))[:, None]))
    turn, shift = shadow_from_world[:2, :3].T, shadow_from_world[:2, 3]
    view, flat = pyramid @ turn + shift, boxes @ turn + shift
    meets = (flat.min(axis=1) <= view.max(axis=0)) & (flat.max(axis=1) >= view.min(axis=0))
    return np.flatnonzero(meets.all(axis=1))


def contacts_of(boxes: NDArray[np.float64], contacts: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """For each box the contacts (K, 4: x, y, z, radius) that darken something in it, the largest first."""
    contacts = contacts[np.argsort(-contacts[:, 3], kind="stable")]
    low, high = boxes.min(axis=1)[:, None], boxes.max(axis=1)[:, None]
    centre, radius = contacts[None, :, :3], contacts[None, :, 3]
    apart = np.maximum(np.maximum(low - centre, centre - high), 0)
    near = np.hypot(apart[..., 0], apart[..., 1]) < _CONTACT_REACH * radius
    near &= (high[..., 2] > centre[..., 2] - 0.14 * radius) & (low[..., 2] < centre[..., 2] + 1.05 * radius)
    return [contacts[row][:MAX_CONTACTS] for row in near]
