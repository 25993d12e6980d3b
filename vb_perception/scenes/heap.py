"""A heap of things on a table: apart, side by side, on top of each other, leaning; none inside another."""

import math

import numpy as np

from vb_perception.scenes.dice import log_uniform
from vb_perception.scenes.objects import Body
from vb_perception.scenes.placement import Footprint, Placed
from vb_perception.scenes.resting import leaning

_EDGE_M = 0.02  # what stands on the table keeps this far from its edge
_APART_M = 0.004
_SUPPORTED_SHARE = 0.6  # of the half sizes below, where the middle of what lies on top may be


class Heap:
    """Placed bodies around a middle on a table whose centre is the world's origin.

    Args:
        top_m: Height of the table's top.
        size_m: Of the table along x and y.
        middle_m: Around which things stand apart, x and y.
        spread_m: How far from the middle, at most, along x and y.
    """

    def __init__(
        self, top_m: float, size_m: tuple[float, float], middle_m: tuple[float, float], spread_m: float
    ) -> None:
        self.placed: list[Placed] = []
        self._top_m = top_m
        self._limit = np.array(size_m) / 2 - _EDGE_M
        self._middle, self._spread_m = middle_m, spread_m

    def apart(self, rng: np.random.Generator, body: Body) -> None:
        """Somewhere around the middle, if there is room; the heap spreads where it is not."""
        for _ in range(8):
            x, y = self._middle + rng.uniform(-self._spread_m, self._spread_m, 2)
            foot = Footprint(float(x), float(y), body.half_x_m, body.half_y_m, rng.uniform(0, 2 * math.pi))
            if self._put(Placed(body, foot, self._top_m), _APART_M):
                return
        # No wider than the table: what is looked for ever farther away would never be found on it.
        self._spread_m = min(1.15 * self._spread_m, 2 * float(self._limit.max()))

    def beside(self, rng: np.random.Generator, body: Body) -> None:
        """Touching something that stands on the table, or nearly so, along one of its sides."""
        other = self._any(rng, on_table=True)
        side = int(rng.integers(4))
        foot = other.footprint
        near, along = (foot.half_y_m, foot.half_x_m) if side % 2 == 0 else (foot.half_x_m, foot.half_y_m)
        yaw = foot.yaw_rad + side * math.pi / 2
        turn = yaw + rng.normal(0, 0.05)
        out = near + body.half_y_m + body.half_x_m * abs(math.sin(turn - yaw)) + log_uniform(rng, 0.0005, 0.01)
        shift = rng.uniform(-along, along)
        x = foot.x_m - out * math.sin(yaw) + shift * math.cos(yaw)
        y = foot.y_m + out * math.cos(yaw) + shift * math.sin(yaw)
        self._put(Placed(body, Footprint(x, y, body.half_x_m, body.half_y_m, turn), self._top_m))

    def on_top(self, rng: np.random.Generator, body: Body) -> None:
        """On something flat; it may be larger than that, but its middle is supported."""
        other = self._any(rng)
        foot = other.footprint
        if not other.body.flat_top:
            return
        limit = _SUPPORTED_SHARE * np.array((foot.half_x_m, foot.half_y_m))
        x, y = rng.uniform(-limit, limit) @ foot.axes + (foot.x_m, foot.y_m)
        yaw = foot.yaw_rad + int(rng.integers(2)) * math.pi / 2 + rng.normal(0, 0.35)
        there = Footprint(float(x), float(y), body.half_x_m, body.half_y_m, yaw)
        self._put(Placed(body, there, other.z_m + other.body.support_m))

    def lean(self, rng: np.random.Generator, board: Body) -> None:
        """A board against the side of something upright that is as high as the board reaches."""
        other = self._any(rng, on_table=True)
        angle = rng.uniform(0.1, 0.55)
        if other.body.class_name not in ("box", "can") or other.body.height_m < board.height_m * math.cos(angle):
            return
        body = leaning(board, angle)
        side = int(rng.integers(4))
        foot = other.footprint
        near, along = (foot.half_y_m, foot.half_x_m) if side % 2 == 0 else (foot.half_x_m, foot.half_y_m)
        yaw = foot.yaw_rad + side * math.pi / 2
        out, shift = near + body.half_y_m, rng.uniform(-along, along) * 0.5
        x = foot.x_m + out * math.sin(yaw) + shift * math.cos(yaw)
        y = foot.y_m - out * math.cos(yaw) + shift * math.sin(yaw)
        self._put(Placed(body, Footprint(x, y, body.half_x_m, body.half_y_m, yaw), self._top_m), -1e-6)

    def _any(self, rng: np.random.Generator, *, on_table: bool = False) -> Placed:
        choice = [p for p in self.placed if not on_table or p.z_m == self._top_m]
        return choice[int(rng.integers(len(choice)))]

    def _put(self, one: Placed, gap_m: float = 0.0) -> bool:
        """Keep it if it stays on the table and meets nothing."""
        on_table = bool((np.abs(one.footprint.corners()) <= self._limit).all())
        if not on_table or any(one.occupied.meets(p.occupied, gap_m) for p in self.placed):
            return False
        self.placed.append(one)
        return True
