import math

import numpy as np
import pytest

from vb_perception.scenes import furniture
from vb_perception.scenes.assets import SceneAssets
from vb_perception.scenes.furnishing import Furnishing
from vb_perception.scenes.library import LibraryModel, LibraryPart, Place
from vb_perception.scenes.placement import Footprint, Occupied, Placed
from vb_perception.scenes.rooms import corridor_scene, room_scene
from vb_perception.scenes.shapes import box
from vb_perception.scenes.stock import Stock

HALF = (2.5, 2.0)
CEILING_M = 2.6


def model(class_name: str, place: Place, size: tuple[float, float, float], **told: float) -> LibraryModel:
    part = LibraryPart(box(*size), (0.5, 0.5, 0.5))
    return LibraryModel("lib", class_name, class_name, "Office", size, (part,), class_name, place, **told)


ASSETS = SceneAssets(
    SceneAssets.none().images,
    (
        model("table", "floor", (1.2, 0.7, 0.75), top_m=0.74, top_share=1.0),
        model("bed", "floor", (1.0, 2.0, 0.6)),
        model("lamp", "top", (0.2, 0.2, 0.4)),
        model("lamp", "ceiling", (0.4, 0.4, 0.5)),
        model("television", "wall", (1.0, 0.1, 0.6), elevation_m=1.2),
        model("window", "wall", (1.0, 0.3, 1.2), elevation_m=0.9),
        model("door", "wall", (0.9, 0.2, 2.0)),
        model("rug", "rug", (1.0, 1.5, 0.01)),
    ),
)


def furnished(seed: int) -> list[Placed]:
    eye = Occupied(Footprint(0, 0, 0.35, 0.35, 0), 0, CEILING_M)
    return Furnishing(Stock(ASSETS), HALF, CEILING_M, [eye]).fill(np.random.default_rng(seed), 9)


@pytest.mark.parametrize("seed", range(12))
def test_nothing_meets_anything_or_leaves_the_room(seed: int) -> None:
    placed = furnished(seed)
    assert len(placed) >= 3
    firm = [p for p in placed if p.body.class_name != "rug"]
    for index, one in enumerate(firm):
        assert one.z_m >= 0
        assert one.z_m + one.body.height_m <= CEILING_M + 1e-9
        assert not one.occupied.meets(Occupied(Footprint(0, 0, 0.35, 0.35, 0), 0, CEILING_M))
        for other in firm[:index]:
            low, high = sorted((one, other), key=lambda p: p.z_m)
            stands_on = math.isclose(high.z_m, low.z_m + low.body.support_m, abs_tol=1e-9)
            assert stands_on or not one.occupied.meets(other.occupied), (one.body.class_name, other.body.class_name)
        reach = np.abs(one.footprint.corners()) - HALF
        assert reach.max() < (0.31 if one.body.class_name in ("window", "door") else 1e-6)


def test_pieces_face_the_room() -> None:
    for seed in range(20):
        for one in furnished(seed):
            foot = one.footprint
            front = np.array((math.sin(foot.yaw_rad), -math.cos(foot.yaw_rad)))
            gap = np.array(HALF) - np.abs((foot.x_m, foot.y_m))
            if one.body.class_name in ("television", "window", "door"):
                wall = int(np.argmin(gap))
                assert front[wall] * (foot.x_m, foot.y_m)[wall] < -1


def test_hung_pieces_hang_and_lamps_touch_the_ceiling() -> None:
    found = [p for seed in range(20) for p in furnished(seed)]
    lamps = [p for p in found if p.body.class_name == "lamp" and p.body.height_m == pytest.approx(0.5)]
    screens = [p for p in found if p.body.class_name == "television"]
    assert lamps
    assert screens
    assert all(p.z_m + p.body.height_m == pytest.approx(CEILING_M) for p in lamps)
    assert all(0.9 < p.z_m < 1.5 for p in screens)
    on_tables = [p for p in found if p.z_m == pytest.approx(0.74)]
    assert on_tables, "nothing stands on the library's tables"


def test_without_models_everything_is_procedural() -> None:
    stock = Stock(SceneAssets.none())
    rng = np.random.default_rng(1)
    assert (stock.hanging(rng), stock.overhead(rng), stock.rug(rng)) == (None, None, None)
    known = {*furniture.MAKERS, "box"}
    assert {stock.furniture(rng).class_name for _ in range(50)} <= known


def test_the_library_gives_most_of_the_furniture() -> None:
    rng = np.random.default_rng(2)
    bodies = [Stock(ASSETS).furniture(rng) for _ in range(300)]
    share = np.mean([len(b.parts) == 1 and b.class_name in ("table", "bed") for b in bodies])
    assert 0.6 < share < 0.8


@pytest.mark.parametrize("maker", [room_scene, corridor_scene])
def test_every_instance_has_one_class_and_cameras_are_inside(maker: object) -> None:
    for seed in range(10):
        scene = maker(np.random.default_rng(seed), 64, 48, "x", ASSETS)  # type: ignore[operator]
        classes: dict[int, str] = {}
        for solid in scene.solids:
            if solid.instance_id:
                assert classes.setdefault(solid.instance_id, solid.class_name) == solid.class_name
        assert sorted(classes) == list(range(1, len(classes) + 1))
        assert 0.15 <= scene.world_from_camera[2, 3] <= 1.8
        fov = 2 * math.degrees(math.atan(scene.intrinsics.width / 2 / scene.intrinsics.fx))
        assert 39 < fov < 101
