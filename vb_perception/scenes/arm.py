"""Robot arms: a column, two links that bend at an elbow, a tool with two fingers."""

import math

import numpy as np
from numpy.typing import NDArray

from vb_perception.scenes import shapes, textures
from vb_perception.scenes.dice import chance, pick
from vb_perception.scenes.poses import rotation, standing, translation
from vb_perception.scenes.scene import Material, Mesh, Rgb, Solid

LINK_M, TOOL_M, COLUMN_M = (0.26, 0.5), (0.1, 0.22), (0.12, 0.42)
SLACK_M = 0.02
"""How far from straight, and from folded flat, the two links stay."""
ROBOT = "robot"

_Point = NDArray[np.float64]


def robot_arm(rng: np.random.Generator, foot_m: _Point, tip_m: _Point, floor_m: float, number: int) -> list[Solid]:
    """An arm whose column stands at `foot_m` and whose tool reaches for `tip_m`, or as near as its links let it.

    Both are points (x, y, z) in the world.  What carries the column reaches down to `floor_m`.  Its parts are instance
    `number`.
    """
    across = tip_m[:2] - foot_m[:2]
    world_from_arm = standing(float(foot_m[0]), float(foot_m[1]), 0.0, math.atan2(across[1], across[0]))
    shell, joint, tool = _look(rng), _look(rng), _look(rng)
    links, radius = rng.uniform(*LINK_M, 2), rng.uniform(0.03, 0.075)
    shoulder = np.array((0.0, foot_m[2] + rng.uniform(*COLUMN_M)))
    tip = np.array((float(np.linalg.norm(across)), tip_m[2]))
    down = math.radians(rng.uniform(20, 100))  # of the tool, below the horizon
    reach = rng.uniform(*TOOL_M)
    wrist = tip + reach * np.array((-math.cos(down), math.sin(down)))
    elbow, wrist = _bent(shoulder, wrist, links)
    tip = wrist + reach * np.array((math.cos(down), -math.sin(down)))

    def solid(mesh: Mesh, arm_from_body: NDArray[np.float64], material: Material) -> Solid:
        return Solid(mesh, world_from_arm @ arm_from_body, material, ROBOT, number)

    column = shapes.cylinder(radius * rng.uniform(1.1, 1.6), float(shoulder[1] - foot_m[2]))
    out = [solid(column, translation(0, 0, float(foot_m[2])), shell)]
    if foot_m[2] > floor_m:
        wide = radius * rng.uniform(1.6, 3.0)
        post = shapes.cylinder(wide, float(foot_m[2] - floor_m)) if chance(rng, 0.5) else None
        post = post or shapes.box(2 * wide, 2 * wide, float(foot_m[2] - floor_m))
        out.append(solid(post, translation(0, 0, floor_m), joint))
    for start, end, thick in ((shoulder, elbow, 1.0), (elbow, wrist, 0.85), (wrist, tip, 0.55)):
        out.append(solid(_link(start, end, radius * thick), np.eye(4), shell if thick > 0.6 else tool))  # noqa: PLR2004
    drums = chance(rng, 0.5)
    for at, size in ((shoulder, 1.35), (elbow, 1.25), (wrist, 1.05)):
        out.append(solid(*_joint(at, radius * size, drums=drums), joint))
    return out + [solid(mesh, pose, tool) for mesh, pose in _gripper(rng, tip, down, radius)]


def _bent(shoulder: _Point, wrist: _Point, links: _Point) -> tuple[_Point, _Point]:
    """Elbow, above the line, and wrist, moved into reach; points (r, z) in the arm's upright plane."""
    away = wrist - shoulder
    distance = float(np.linalg.norm(away))
    within = float(np.clip(distance, abs(links[0] - links[1]) + SLACK_M, links.sum() - SLACK_M))
    away = away * (within / max(distance, 1e-6))
    cos = (links[0] ** 2 + within**2 - links[1] ** 2) / (2 * links[0] * within)
    rise = math.atan2(away[1], away[0]) + math.acos(float(np.clip(cos, -1, 1)))
    return shoulder + links[0] * np.array((math.cos(rise), math.sin(rise))), shoulder + away


def _link(start: _Point, end: _Point, radius_m: float) -> Mesh:
    ends = np.array(((start[0], 0.0, start[1]), (end[0], 0.0, end[1])))
    return shapes.tube(ends, radius_m, 18)


def _joint(at: _Point, radius_m: float, *, drums: bool) -> tuple[Mesh, NDArray[np.float64]]:
    """A ball, or a drum whose axis is that of the joint."""
    if not drums:
        return shapes.ball(radius_m), translation(float(at[0]), 0, float(at[1]) - radius_m)
    high = 2.3 * radius_m
    lying = rotation(0, math.pi / 2) @ translation(0, 0, -high / 2)
    return shapes.cylinder(radius_m, high), translation(float(at[0]), 0, float(at[1])) @ lying


def _gripper(
    rng: np.random.Generator, tip: _Point, down_rad: float, radius_m: float
) -> list[tuple[Mesh, NDArray[np.float64]]]:
    """A palm and two fingers that go on in the tool's direction."""
    opening, finger = rng.uniform(0.02, 0.09), rng.uniform(0.04, 0.1)
    wide = opening + 0.03
    # z of the gripper's axes points out of the arm.
    pose = translation(float(tip[0]), 0, float(tip[1])) @ rotation(1, math.pi / 2 + down_rad)
    pose = pose @ rotation(2, rng.uniform(0, math.pi))
    palm = (shapes.box(1.2 * radius_m, wide, 0.04), pose @ translation(0, 0, -0.02))
    fingers = shapes.box(0.02, 0.012, finger)
    return [palm, *((fingers, pose @ translation(0, side * opening / 2, 0.02)) for side in (-1, 1))]


def _look(rng: np.random.Generator) -> Material:
    """Lacquer, plastic or metal: one colour, most often white, grey or black."""
    kind = pick(rng, {"white": 2, "grey": 1, "black": 2, "coloured": 2})
    span = {"white": (0.8, 0.98), "grey": (0.3, 0.7), "black": (0.03, 0.2)}.get(kind)
    paint: Rgb = textures.any_colour(rng) if span is None else textures.colour(rng, (0.0, 0.12), span)
    return textures.surface(rng, ("plain",), colours=(paint, paint, paint), grain=0.0, shine=rng.uniform(0.0, 0.7))
