import numpy as np

from vb_perception.scenes.assets import SceneAssets
from vb_perception.scenes.dressing import by_use, dressed, photo_material
from vb_perception.scenes.photo_textures import is_held_out, read_table
from vb_perception.scenes.rooms import room_scene
from vb_perception.scenes.scene import Material
from vb_perception.scenes.stream import make_scene

TEXTURES = tuple(read_table().values())
PHOTOS = by_use(enumerate(TEXTURES))


def assets(*, held_out: bool) -> SceneAssets:
    """Those photographs of the table that belong to a fold, as layers in the table's order."""
    kept = tuple(t for t in TEXTURES if is_held_out(t.name) == held_out)
    return SceneAssets(np.zeros((len(kept), 8, 8, 3), np.uint8), (), tuple(range(len(kept))), kept)


def test_surfaces_get_photographs_that_suit_them() -> None:
    allowed = {"floor": {"floor", "ground", "cloth"}, "wall": {"wall", "wood", "cloth"}, "ceiling": {"ceiling", "wall"}}
    seen: dict[str, int] = {}
    for seed in range(12):
        rng = np.random.default_rng(seed)
        before = room_scene(rng, 64, 48)
        after = dressed(before, rng, PHOTOS)
        for old, new in zip(before.solids, after.solids, strict=True):
            assert (old.mesh, old.class_name, old.instance_id) == (new.mesh, new.class_name, new.instance_id)
            if new.material.image is not None and new.class_name in allowed:
                assert allowed[new.class_name] & TEXTURES[new.material.image].uses
                seen[new.class_name] = seen.get(new.class_name, 0) + 1
    assert seen.keys() == allowed.keys()


def test_solids_of_one_material_stay_alike() -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        before = room_scene(rng, 64, 48)
        after = dressed(before, rng, PHOTOS)
        kept: dict[int, Material] = {}
        for old, new in zip(before.solids, after.solids, strict=True):
            assert kept.setdefault(id(old.material), new.material) is new.material


def test_without_photographs_nothing_changes() -> None:
    rng = np.random.default_rng(1)
    scene = room_scene(rng, 64, 48)
    assert all(a.material is b.material for a, b in zip(dressed(scene, rng, {}).solids, scene.solids, strict=True))


def test_a_picture_is_about_as_wide_as_in_reality() -> None:
    rng = np.random.default_rng(2)
    texture = read_table()["miniworld/brick_wall_1"]
    widths = [photo_material(rng, 3, texture, 0.1).repeat_m for _ in range(200)]
    assert np.median(widths) == np.clip(np.median(widths), 1.1, 1.7)
    assert 0.4 < min(widths) < max(widths) < 5


def test_a_scene_uses_textures_and_backdrops_of_its_fold_alone() -> None:
    for fold in ("train", "held_out"):
        kept = assets(held_out=fold == "held_out")
        used = set()
        for index in range(12):
            kind = ("room", "tabletop", "panorama")[index % 3]
            scene = make_scene(kind, 4, index, 64, 48, fold, kept)
            used |= {s.material.image for s in scene.solids if s.material.image is not None}
        assert used
        assert all(is_held_out(kept.photo_textures[layer].name) == (fold == "held_out") for layer in used)
    backdrops = [
        {make_scene("panorama", 4, i, 64, 48, fold).backdrop.image.tobytes()[:30000] for i in range(4)}  # type: ignore[union-attr]
        for fold in ("train", "held_out")
    ]
    assert not backdrops[0] & backdrops[1]


def test_a_dressed_scene_is_a_pure_function_of_seed_and_index() -> None:
    kept = assets(held_out=False)
    one, other = (make_scene("room", 9, 3, 64, 48, "train", kept) for _ in range(2))
    assert [s.material for s in one.solids] == [s.material for s in other.solids]
    for a, b in zip(one.solids, other.solids, strict=True):
        assert np.array_equal(a.world_from_body, b.world_from_body)
