"""A room is furnished: pieces along the walls and in the middle, groups, things that hang, things on tops."""

import math

import numpy as np

from vb_perception.scenes.dice import chance, pick
from vb_perception.scenes.objects import Body
from vb_perception.scenes.placement import Footprint, Occupied, Placed
from vb_perception.scenes.stock import Stock

_GAP_M, _NEIGHBOURS_GAP_M = 0.02, 0.004
_LEVEL_M = 0.05
_ROUND_SHARE = 0.6  # of a top's half sizes where things may stand: tops may be round
_HUNG_AT_M = {"door": (0.0, 0.0), "radiator": (0.08, 0.2), "toilet": (0.3, 0.5)}  # what usually hangs elsewhere
_DEEPEST_ON_A_WALL_M = 0.5
_GROUPS = {"none": 70.0, "table": 13.0, "row": 10.0, "sofa": 7.0}
_IN_ROWS = ("cabinet", "shelf", "oven", "refrigerator", "sink", "washing machine")
_LOW_TABLE_M = 0.6
_SHOWN_DEPTH_M = {"window": 0.1, "door": 0.11}  # the rest of the frame is in the wall


class Furnishing:
    """Fills one room around the world's origin; nothing that it places meets anything else.

    Args:
        stock: Where the pieces come from.
        half_m: Half the room's size along x and y.
        ceiling_m: The room's height.
        taken: What is there already: doors, windows, the camera.
    """

    def __init__(self, stock: Stock, half_m: tuple[float, float], ceiling_m: float, taken: list[Occupied]) -> None:
        self.placed: list[Placed] = []
        self.standing: list[Placed] = []
        self._stock = stock
        self._half = np.array(half_m)
        self._ceiling_m = ceiling_m
        self._taken = list(taken)

    def fill(self, rng: np.random.Generator, count: int, along_walls: float = 0.55) -> list[Placed]:
        """About `count` pieces on the floor, this share of them with their backs to a wall, and what goes with them."""
        for _ in range(int(rng.integers(0, 3))):
            self._lay_rug(rng)
        for _ in range(int(rng.integers(0, 5))):
            self._hang(rng)
        for _ in range(int(rng.integers(0, 3))):
            self._hang_from_ceiling(rng)
        while count > 0:
            group = pick(rng, _GROUPS)
            if group == "table":
                count -= self._table_with_chairs(rng)
            elif group == "row":
                count -= self._row(rng)
            elif group == "sofa":
                count -= self._sofa_with_table(rng)
            elif chance(rng, along_walls):
                count -= self._stand(rng, at_wall=True)
            else:
                count -= self._stand(rng, at_wall=False)
        return self.placed

    def _stand(self, rng: np.random.Generator, *, at_wall: bool) -> int:
        """One piece on the floor, if there is room; 1, for it was tried."""
        body = self._stock.furniture(rng, lambda b: max(b.half_x_m, b.half_y_m) < 0.8 * float(self._half.max()))
        for _ in range(10):
            foot = self._at_a_wall(rng, body) if at_wall else self._in_the_room(rng, body)
            if foot is not None and self._put(Placed(body, foot, 0.0)):
                if body.flat_top:
                    self._put_things_on(rng, self.placed[-1])
                break
        return 1

    def _table_with_chairs(self, rng: np.random.Generator) -> int:
        """A table and one to four chairs that face it; how many pieces were placed, at least 1."""
        table = self._stock.named(rng, "table")
        foot = next(
            (
                f
                for f in (self._in_the_room(rng, table) for _ in range(10))
                if f is not None and self._put(Placed(table, f, 0.0))
            ),
            None,
        )
        if foot is None:
            return 1
        support = self.placed[-1]
        chair = self._stock.named(rng, "chair")
        count = 1
        for side in rng.permutation(4)[: int(rng.integers(1, 5))].tolist():
            half = table.half_y_m if side % 2 == 0 else table.half_x_m
            out = half + chair.half_y_m + rng.uniform(0.0, 0.25)
            yaw = foot.yaw_rad + side * math.pi / 2  # its back outside, its front towards the table
            x, y = foot.x_m - out * math.sin(yaw), foot.y_m + out * math.cos(yaw)
            turned = yaw + rng.normal(0, 0.15)
            placed = Placed(chair, Footprint(x, y, chair.half_x_m, chair.half_y_m, turned), 0.0)
            if self._inside(placed.footprint):
                count += self._put(placed)
        if table.flat_top:
            self._put_things_on(rng, support)
        return count

    def _row(self, rng: np.random.Generator) -> int:
        """Two to five cupboards, kitchen units, shelves side by side at one wall; how many, at least 1."""
        side, count = int(rng.integers(4)), 0
        length = self._half[side % 2]
        along = rng.uniform(-length, 0.4 * length)
        for _ in range(int(rng.integers(2, 6))):
            body = self._stock.furniture(rng, lambda b: b.class_name in _IN_ROWS)
            if body.class_name not in _IN_ROWS:
                continue
            foot = self._on_wall(body, side, along + body.half_x_m, 0.01)
            if not self._inside(foot) or not self._put(Placed(body, foot, 0.0), gap_m=0.0):
                break
            if body.flat_top:
                self._put_things_on(rng, self.placed[-1])
            along += 2 * body.half_x_m + rng.uniform(0.002, 0.02)
            count += 1
        return max(count, 1)

    def _sofa_with_table(self, rng: np.random.Generator) -> int:
        """A sofa at a wall and mostly a low table before it; how many pieces, at least 1."""
        sofa = self._stock.named(rng, "sofa")
        for _ in range(10):
            foot = self._at_a_wall(rng, sofa)
            if foot is None or not self._put(Placed(sofa, foot, 0.0)):
                continue
            table = self._stock.named(rng, "table")
            if table.height_m > _LOW_TABLE_M:
                return 1
            out = sofa.half_y_m + table.half_y_m + rng.uniform(0.25, 0.5)
            x, y = foot.x_m + out * math.sin(foot.yaw_rad), foot.y_m - out * math.cos(foot.yaw_rad)
            there = Footprint(x, y, table.half_x_m, table.half_y_m, foot.yaw_rad + rng.normal(0, 0.05))
            if self._inside(there) and self._put(Placed(table, there, 0.0)) and table.flat_top:
                self._put_things_on(rng, self.placed[-1])
            return 2
        return 1

    def _put_things_on(self, rng: np.random.Generator, below: Placed) -> None:
        """Up to five small things on a table, a cabinet or a crate."""
        foot = below.footprint
        height_m = below.z_m + below.body.support_m
        half = np.array((foot.half_x_m, foot.half_y_m))
        for _ in range(int(rng.integers(0, 6))):
            body = self._stock.small(rng)
            reach = math.hypot(body.half_x_m, body.half_y_m)
            spread = np.minimum(half - reach, _ROUND_SHARE * half)
            if spread.min() < 0:
                continue
            x, y = rng.uniform(-spread, spread) @ foot.axes + (foot.x_m, foot.y_m)
            yaw = foot.yaw_rad + rng.normal(0, 0.5)
            there = Footprint(float(x), float(y), body.half_x_m, body.half_y_m, yaw)
            self._put(Placed(body, there, height_m), on=below)

    def _lay_rug(self, rng: np.random.Generator) -> None:
        body = self._stock.rug(rng)
        foot = None if body is None else self._in_the_room(rng, body)
        if body is not None and foot is not None:
            # Furniture stands on it: only other rugs must not meet it.
            rug = Placed(body, foot, 0.0)
            if not any(p.footprint.overlaps(foot) for p in self.placed):
                self.placed.append(rug)

    def _hang(self, rng: np.random.Generator) -> None:
        found = self._stock.hanging(rng)
        if found is None:
            return
        body, usual_m = found
        shown = min(_SHOWN_DEPTH_M.get(body.class_name, math.inf), 2 * body.half_y_m)
        if shown > _DEEPEST_ON_A_WALL_M:
            return
        base = rng.uniform(*_HUNG_AT_M.get(body.class_name, (0.7, 1.3))) if usual_m is None else usual_m
        base += 0.0 if base < 0.3 else rng.normal(0, 0.05)  # noqa: PLR2004
        if base + body.height_m > self._ceiling_m - 0.05:
            return
        for _ in range(6):
            foot = self._at_a_wall(rng, body, gap_m=shown - 2 * body.half_y_m)
            if foot is not None and self._put(Placed(body, foot, base)):
                return

    def _hang_from_ceiling(self, rng: np.random.Generator) -> None:
        body = self._stock.overhead(rng)
        if body is None or self._ceiling_m - body.height_m < 1.6:  # noqa: PLR2004
            return
        for _ in range(4):
            foot = self._in_the_room(rng, body)
            if foot is not None and self._put(Placed(body, foot, self._ceiling_m - body.height_m)):
                return

    def _put(self, one: Placed, on: Placed | None = None, gap_m: float | None = None) -> bool:
        """Keep it if it meets nothing but what it stands `on`, of which nothing may rise beside it."""
        level = on is not None and on.body.height_m - on.body.support_m < _LEVEL_M
        others = [o for o in self._taken if not (level and on is not None and o == on.occupied)]
        if gap_m is None:
            gap_m = _GAP_M if on is None else _NEIGHBOURS_GAP_M
        if any(one.occupied.meets(o, gap_m) for o in others):
            return False
        if one.z_m + one.body.height_m > self._ceiling_m:
            return False
        self._taken.append(one.occupied)
        self.placed.append(one)
        if one.z_m < self._ceiling_m / 2:
            self.standing.append(one)
        return True

    def _inside(self, foot: Footprint) -> bool:
        return bool((np.abs(foot.corners()) <= self._half - 0.01).all())

    def _in_the_room(self, rng: np.random.Generator, body: Body) -> Footprint | None:
        """A place away from the walls; mostly square to them, its front towards the middle."""
        x, y = rng.uniform(-1, 1, 2) * self._half
        yaw = math.atan2(-x, y) + rng.normal(0, 0.4)  # front -y towards the origin
        if chance(rng, 0.6):
            yaw = round(yaw / (math.pi / 2)) * math.pi / 2 + rng.normal(0, 0.03)
        foot = Footprint(float(x), float(y), body.half_x_m, body.half_y_m, yaw)
        return foot if self._inside(foot) else None

    def _at_a_wall(self, rng: np.random.Generator, body: Body, gap_m: float = 0.01) -> Footprint | None:
        """A place whose +y side (the piece's back) is `gap_m` before one of the four walls."""
        side = int(rng.integers(4))
        free = self._half[side % 2] - body.half_x_m - 0.02
        if free <= 0 or self._half[1 - side % 2] <= body.half_y_m:
            return None
        return self._on_wall(body, side, rng.uniform(-free, free), gap_m)

    def _on_wall(self, body: Body, side: int, along_m: float, gap_m: float) -> Footprint:
        """The place at a wall whose middle is `along_m` from the wall's middle."""
        yaw, out = side * math.pi / 2, self._half[1 - side % 2] - body.half_y_m - gap_m
        x = along_m * math.cos(yaw) - out * math.sin(yaw)
        y = along_m * math.sin(yaw) + out * math.cos(yaw)
        return Footprint(float(x), float(y), body.half_x_m, body.half_y_m, yaw)
