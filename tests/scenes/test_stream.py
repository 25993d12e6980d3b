from itertools import islice
from typing import cast

import numpy as np
import pytest

from vb_perception.errors import ConfigError, EngineUnavailableError
from vb_perception.scenes.effects import camera_effects
from vb_perception.scenes.library import Fold
from vb_perception.scenes.placement import Footprint
from vb_perception.scenes.sample import Sample
from vb_perception.scenes.stream import SCENE_MAKERS, make_scene, scene_stream
from vb_perception.scenes.tabletop import clutter

pytest.importorskip("moderngl", reason="rendering needs moderngl: pip install moderngl")


OPEN = ("panorama", "workcell")
"""Kinds that need not be in a closed room."""


def first(count: int, kind: str, seed: int = 5, start: int = 0) -> list[Sample]:
    try:
        return list(islice(scene_stream(seed, 96, 72, (kind,), start), count))
    except EngineUnavailableError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("kind", SCENE_MAKERS)
def test_every_pixel_is_known(kind: str) -> None:
    for sample in first(3 if kind == "panorama" else 12, kind):
        assert sample.rgb.shape == (72, 96, 3)
        assert sample.rgb.std() > 2
        far = np.isinf(sample.depth_m)
        assert not far.all()
        assert kind in OPEN or not far.any()
        assert 0 < sample.depth_m.min() <= sample.depth_m[~far].max() < 25
        assert np.allclose(np.linalg.norm(sample.normals[~far], axis=1), 1, atol=1e-4)
        assert np.isnan(sample.normals[far]).all()
        assert ((sample.class_ids == 0) == far).all()
        assert (sample.instance_ids[far] == 0).all()
        for number in np.unique(sample.instance_ids[sample.instance_ids > 0]):
            assert len(np.unique(sample.class_ids[sample.instance_ids == number])) == 1


def test_normals_agree_with_depth() -> None:
    """The surface direction from differences of unprojected depth, inside single bodies, is the normal that is told."""
    for sample in first(4, "tabletop"):
        points = sample.intrinsics.unproject(sample.depth_m)
        across, down = points[1:-1, 2:] - points[1:-1, :-2], points[2:, 1:-1] - points[:-2, 1:-1]
        derived = np.cross(down, across)
        derived /= np.linalg.norm(derived, axis=2, keepdims=True)
        angle = np.degrees(np.arccos(np.clip((derived * sample.normals[1:-1, 1:-1]).sum(axis=2), -1, 1)))
        assert np.median(angle) < 1.0
        assert (angle < 10).mean() > 0.75


def test_a_frame_depends_on_seed_and_index_alone() -> None:
    late = first(1, "tabletop", start=3)[0]
    early = first(4, "tabletop")[3]
    other = first(1, "tabletop", seed=6, start=3)[0]
    assert late.name == early.name == "tabletop/5/3"
    assert np.array_equal(late.rgb, early.rgb)
    assert np.array_equal(late.depth_m, early.depth_m)
    assert not np.array_equal(late.rgb, other.rgb)


def test_kinds_take_turns() -> None:
    try:
        samples = list(islice(scene_stream(1, 32, 24, ("room", "tabletop")), 3))
    except EngineUnavailableError as error:
        pytest.skip(str(error))
    assert [s.name for s in samples] == ["room/1/0", "tabletop/1/1", "room/1/2"]


def test_table_top_views_show_a_table_and_objects() -> None:
    samples = first(20, "tabletop")
    with_table = [(s.class_ids == s.class_names.index("table")).mean() > 0.05 for s in samples]
    with_objects = [(s.instance_ids > 0).any() for s in samples]
    assert sum(with_table) >= 18
    assert sum(with_objects) >= 19
    assert all((s.instance_ids[s.class_ids == s.class_names.index("table")] == 0).all() for s in samples)


@pytest.mark.parametrize("seed", range(8))
def test_clutter_does_not_interpenetrate(seed: int) -> None:
    placed = clutter(np.random.default_rng(seed), 0.7, (1.6, 0.9))
    assert 1 <= len(placed) <= 12
    for index, one in enumerate(placed):
        for other in placed[:index]:
            apart = other.z_m + other.body.height_m <= one.z_m + 1e-9 or one.z_m + one.body.height_m <= other.z_m + 1e-9
            assert apart or not one.footprint.overlaps(other.footprint)


def test_parts_of_an_object_stay_in_its_footprint() -> None:
    for seed in range(20):
        for one in clutter(np.random.default_rng(seed), 0.7, (1.6, 0.9)):
            for part in one.body.parts:
                points = part.mesh.positions @ part.body_from_part[:3, :3].T + part.body_from_part[:3, 3]
                reach = np.array((one.body.half_x_m, one.body.half_y_m)) + 1e-6
                assert (np.abs(points[:, :2]) <= reach).all(), one.body.class_name
                assert points[:, 2].min() >= -1e-6
                assert points[:, 2].max() <= one.body.height_m + 1e-6


def test_footprints_meet_as_rectangles_do() -> None:
    square = Footprint(0, 0, 1, 1, 0)
    assert square.overlaps(Footprint(1.9, 0, 1, 1, 0))
    assert not square.overlaps(Footprint(2.1, 0, 1, 1, 0))
    assert square.overlaps(Footprint(2.1, 0, 1, 1, 0), gap_m=0.2)
    assert square.overlaps(Footprint(2.3, 0, 1, 1, np.pi / 4))  # its corner reaches in
    assert not square.overlaps(Footprint(1.9, 1.9, 1, 1, np.pi / 4))  # corner to corner: only a turned axis tells


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(ConfigError, match="moonscape"):
        make_scene("moonscape", 1, 0, 32, 24)
    with pytest.raises(ConfigError, match="test_fold"):
        make_scene("room", 1, 0, 32, 24, cast("Fold", "test_fold"))
    with pytest.raises(ConfigError, match="at least one"):
        next(scene_stream(1, 32, 24, ()))


def test_camera_effects_change_colours_only_and_repeat() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    kept = rgb.copy()
    once, again = (camera_effects(rgb, np.random.default_rng(9)) for _ in range(2))
    assert np.array_equal(rgb, kept)
    assert np.array_equal(once, again)
    assert once.shape == rgb.shape
    assert once.dtype == np.uint8
    assert not np.array_equal(once, camera_effects(rgb, np.random.default_rng(10)))


def test_camera_effects_move_nothing() -> None:
    rgb = np.zeros((60, 80, 3), np.uint8)
    rgb[20:40, 30:50] = 200
    for seed in range(30):
        grey = camera_effects(rgb, np.random.default_rng(seed)).mean(axis=2)
        bright = grey > (grey[30, 40] + np.median(grey[:10])) / 2
        rows, columns = np.nonzero(bright)
        assert abs(rows.mean() - 29.5) < 0.6
        assert abs(columns.mean() - 39.5) < 0.6
