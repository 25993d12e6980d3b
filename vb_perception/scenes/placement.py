"""Bodies on a surface without interpenetration."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vb_perception.scenes.objects import Body
from vb_perception.scenes.poses import standing
from vb_perception.scenes.scene import Solid

CAMERA_HALF_M, CAMERA_ABOVE_M = 0.12, 0.3


@dataclass(frozen=True, slots=True)
class Footprint:
    """A rectangle on the ground, turned by yaw; metres, world axes."""

    x_m: float
    y_m: float
    half_x_m: float
    half_y_m: float
    yaw_rad: float

    @property
    def axes(self) -> NDArray[np.float64]:
        """Its two unit directions, (2, 2), a row each."""
        cos, sin = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        return np.array(((cos, sin), (-sin, cos)))

    @property
    def radius_m(self) -> float:
        """Of the circle around it."""
        return math.hypot(self.half_x_m, self.half_y_m)

    def overlaps(self, other: "Footprint", gap_m: float = 0.0) -> bool:
        """Whether the rectangles come nearer than `gap_m` (separating axes of two convex shapes)."""
        if math.hypot(other.x_m - self.x_m, other.y_m - self.y_m) > self.radius_m + other.radius_m + gap_m:
            return False
        between = np.array((other.x_m - self.x_m, other.y_m - self.y_m))
        axes = np.concatenate((self.axes, other.axes))
        reach = sum(np.abs(axes @ f.axes.T) @ (f.half_x_m, f.half_y_m) for f in (self, other))
        return bool((np.abs(axes @ between) <= reach + gap_m).all())

    def corners(self) -> NDArray[np.float64]:
        """The four corners, (4, 2)."""
        signs = np.array(((-1, -1), (1, -1), (1, 1), (-1, 1)))
        return (signs * (self.half_x_m, self.half_y_m)) @ self.axes + (self.x_m, self.y_m)


@dataclass(frozen=True, slots=True)
class Occupied:
    """The upright prism that something fills: a footprint between two heights."""

    footprint: Footprint
    low_m: float
    high_m: float

    @classmethod
    def of(cls, solid: Solid) -> "Occupied":
        """The box around a solid, along the world's axes."""
        points = solid.mesh.positions @ solid.world_from_body[:3, :3].T + solid.world_from_body[:3, 3]
        low, high = points.min(axis=0), points.max(axis=0)
        x, y = (low + high)[:2] / 2
        half_x, half_y = (high - low)[:2] / 2
        return cls(Footprint(float(x), float(y), float(half_x), float(half_y), 0.0), float(low[2]), float(high[2]))

    @classmethod
    def around(cls, point_m: NDArray[np.float64], half_m: float, low_m: float | None = None) -> "Occupied":
        """`half_m` to every side of a point (3,), or down to `low_m`."""
        x, y, z = point_m.tolist()
        return cls(Footprint(x, y, half_m, half_m, 0.0), z - half_m if low_m is None else low_m, z + half_m)

    @classmethod
    def by_camera(cls, eye_m: NDArray[np.float64]) -> "Occupied":
        """What must stay free for a camera over a table: a column from the ground to above it."""
        x, y, z = eye_m.tolist()
        return cls(Footprint(x, y, CAMERA_HALF_M, CAMERA_HALF_M, 0.0), 0.0, z + CAMERA_ABOVE_M)

    def meets(self, other: "Occupied", gap_m: float = 0.0) -> bool:
        """Whether the two come nearer than `gap_m` sideways and share a height."""
        apart = self.high_m <= other.low_m or other.high_m <= self.low_m
        return not apart and self.footprint.overlaps(other.footprint, gap_m)


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A body, where it stands, and the height of what it stands on."""

    body: Body
    footprint: Footprint
    z_m: float

    @property
    def occupied(self) -> Occupied:
        """The room that it takes."""
        return Occupied(self.footprint, self.z_m, self.z_m + self.body.height_m)

    def solids(self, instance_id: int) -> list[Solid]:
        """Its parts in the world, all of one instance."""
        foot = self.footprint
        world_from_body = standing(foot.x_m, foot.y_m, self.z_m, foot.yaw_rad)
        name = self.body.class_name
        return [
            Solid(p.mesh, world_from_body @ p.body_from_part, p.material, name, instance_id) for p in self.body.parts
        ]

    def contact(self) -> tuple[float, float, float, float]:
        """The circle (x, y, z, radius) that it darkens where it stands."""
        foot = self.footprint
        return foot.x_m, foot.y_m, self.z_m, 0.5 * (foot.half_x_m + foot.half_y_m)


def contacts_of(placed: list[Placed]) -> NDArray[np.float32]:
    """The circles of all of them, (K, 4) as `Scene.contacts`."""
    return np.array([p.contact() for p in placed], np.float32).reshape(-1, 4)


def place(
    body: Body,
    others: list[Footprint],
    rng: np.random.Generator,
    centre_m: tuple[float, float],
    spread_m: tuple[float, float],
    *,
    gap_m: float = 0.004,
    tries: int = 40,
) -> Footprint | None:
    """A free place, its centre within `spread_m` (half sizes in x, y) of `centre_m`; None if none was found."""
    for _ in range(tries):
        x = centre_m[0] + rng.uniform(-spread_m[0], spread_m[0])
        y = centre_m[1] + rng.uniform(-spread_m[1], spread_m[1])
        foot = Footprint(x, y, body.half_x_m, body.half_y_m, rng.uniform(0, 2 * np.pi))
        if not any(foot.overlaps(other, gap_m) for other in others):
            return foot
    return None
