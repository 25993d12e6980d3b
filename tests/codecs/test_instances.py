import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vb_perception.codecs.instances import decode_instances, encode_instances
from vb_perception.codecs.palette import Colour
from vb_perception.codecs.slots import assign_slots, slot_colours
from vb_perception.errors import ConfigError, FrameError

BLACK: Colour = (0, 0, 0)
BACKGROUNDS: list[Colour] = [BLACK, (255, 255, 255), (88, 50, 82), (16, 170, 5), (128, 128, 128), (127, 127, 127)]
TAU = 14


def discs(background: Colour, noise: float, seed: int) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Six discs on a grid, jittered, some cut by the image's edge; painted, with noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((96, 128))
    ids = np.zeros((96, 128), np.uint16)
    for i in range(6):
        centre = (48 * (i // 3) + rng.uniform(14, 34), 43 * (i % 3) + rng.uniform(12, 31))
        ids[np.hypot(rows - centre[0], columns - centre[1]) < rng.uniform(6, 18)] = i + 1
    rgb = encode_instances(ids, background) + rng.normal(0, noise, (96, 128, 3))
    return ids, np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


def same_partition(a: NDArray[np.uint16], b: NDArray[np.uint16]) -> bool:
    pairs = set(zip(a.ravel().tolist(), b.ravel().tolist(), strict=True))
    return len(pairs) == len({x for x, _ in pairs}) == len({y for _, y in pairs}) and (0, 0) in pairs


@settings(deadline=None, max_examples=25)
@given(background=st.tuples(*[st.integers(0, 255)] * 3), seed=st.integers(0, 2**32 - 1))
def test_painted_instances_are_read_back_on_any_background(background: Colour, seed: int) -> None:
    ids, rgb = discs(background, 0, seed)
    decoded = decode_instances(rgb, background)
    assert decoded.dtype == np.uint16
    assert same_partition(decoded, ids)


@pytest.mark.parametrize("seed", range(5))
def test_painted_instances_are_read_back_under_noise(seed: int) -> None:
    ids, rgb = discs((88, 50, 82), 2, seed)
    decoded = decode_instances(rgb, (88, 50, 82))
    assert decoded.max() == len(np.unique(ids)) - 1
    for i in range(1, 7):
        if (ids == i).any():
            mask = decoded == np.bincount(decoded[ids == i]).argmax()
            assert np.sum(mask & (ids == i)) / np.sum(mask | (ids == i)) > 0.97


def canvas(*boxes: tuple[slice, slice, Colour], size: int = 100) -> NDArray[np.uint8]:
    rgb = np.zeros((size, size, 3), np.uint8)
    for rows, columns, colour in boxes:
        rgb[rows, columns] = colour
    return rgb


def test_stage_1_background_is_strictly_nearer_than_tau() -> None:
    at, below = np.s_[10:20], np.s_[30:40]
    rgb = canvas((at, at, (TAU, 0, 0)), (below, below, (TAU - 1, 5, 0)))
    assert np.square((TAU - 1, 5, 0)).sum() < TAU**2
    ids = decode_instances(rgb, BLACK)
    assert ids.max() == 1
    assert (ids[at, at] == 1).all()


def test_stage_3_drops_components_below_the_least_area() -> None:
    # 300 x 300 pixels: the least area is 2e-4 * 90000 = 18 pixels
    rgb = canvas((np.s_[10:13], np.s_[10:16], (255, 0, 0)), (np.s_[50:54], np.s_[50:54], (0, 255, 0)), size=300)
    ids = decode_instances(rgb, BLACK)
    assert ids.max() == 1
    assert (ids[10:13, 10:16] == 1).all()
    assert decode_instances(rgb, BLACK, min_area=1e-4).max() == 2
    assert decode_instances(rgb, BLACK, min_area=3e-4).max() == 0


def test_stage_4_drops_halos_but_not_what_the_edge_of_the_image_cuts() -> None:
    # frames of width 2 around a block: no pixel of theirs survives the erosion
    block, ring = np.s_[20:40], np.s_[18:42]
    rgb = canvas((ring, ring, (200, 30, 30)), (block, block, (30, 200, 30)))
    ids = decode_instances(rgb, BLACK)
    assert ids.max() == 1
    np.testing.assert_array_equal(ids > 0, (rgb == (30, 200, 30)).all(axis=2))
    assert decode_instances(rgb, BLACK, min_erosion=0.0).max() == 2
    # 2 rows along the edge are kept, 2 rows away from it are a halo
    cut = canvas((np.s_[0:2], np.s_[10:60], (200, 30, 30)), (np.s_[50:52], np.s_[10:60], (30, 30, 200)))
    assert np.unique(decode_instances(cut, BLACK)[:2, 10:60]).tolist() == [1]
    assert decode_instances(cut, BLACK).max() == 1


def test_stage_4_keeps_a_component_of_which_a_tenth_survives() -> None:
    # 3 x n: the erosion leaves n - 2 of 3 n pixels
    for length, kept in ((3, 1 / 9), (4, 2 / 12), (20, 18 / 60)):
        rgb = canvas((np.s_[10:13], np.s_[10 : 10 + length], (255, 0, 0)))
        assert decode_instances(rgb, BLACK, min_area=5e-4, min_erosion=kept - 1e-6).max() == 1
        assert decode_instances(rgb, BLACK, min_area=5e-4, min_erosion=kept + 1e-6).max() == 0


@pytest.mark.parametrize(("gap", "merged"), [(79, True), (80, True), (81, False)])
def test_stage_5_merges_alike_parts_whose_common_box_is_small(gap: int, merged: bool) -> None:  # noqa: FBT001
    # two boxes of 10 x 10, boxes of 200 pixels in all: the common box 10 x (20 + gap) may have 1000
    rgb = np.zeros((100, 200, 3), np.uint8)
    rgb[10:20, 10:20] = 200, 100, 50
    rgb[10:20, 20 + gap : 30 + gap] = 204, 106, 62  # 14 levels away
    ids = decode_instances(rgb, BLACK)
    assert ids.max() == (1 if merged else 2)
    assert decode_instances(rgb, BLACK, gamma=10).max() == 1
    rgb[10:20, 20 + gap : 30 + gap] = 209, 109, 57  # 14.5 levels
    assert decode_instances(rgb, BLACK, gamma=10).max() == 2


def test_stage_5_is_transitive() -> None:
    rgb = canvas(*((np.s_[10:30], np.s_[x : x + 10], (100 + x, 0, 0)) for x in (10, 23, 36)))
    assert decode_instances(rgb, BLACK).max() == 1  # 26 levels from end to end, 13 from one to the next


def test_ids_count_in_raster_order_without_gaps() -> None:
    rgb = canvas(
        (np.s_[50:60], np.s_[5:15], (0, 0, 255)),
        (np.s_[5:15], np.s_[50:60], (255, 0, 0)),
        (np.s_[30:31], np.s_[10:90], (90, 90, 90)),  # thin: dropped
        (np.s_[6:16], np.s_[10:20], (0, 255, 0)),
    )
    ids = decode_instances(rgb, BLACK)
    assert (ids[10, 55], ids[10, 15], ids[55, 10], ids.max()) == (1, 2, 3, 3)


def test_an_empty_answer_and_pure_noise_have_no_instances() -> None:
    ids = decode_instances(np.full((192, 256, 3), 40, np.uint8), (40, 40, 40))
    assert not ids.any()
    noise = np.random.default_rng(0).integers(0, 256, (192, 256, 3), dtype=np.uint8)
    ids = decode_instances(noise, BLACK)
    assert not ids.any()


def test_thousands_of_instances_are_told_apart() -> None:
    # 8 x 8 blocks without background between them, neighbours far apart in colour
    rows, columns = np.indices((24, 32))
    blocks = np.stack((rows % 3 * 90 + 40, columns % 3 * 90 + 40, (rows // 3 + columns // 3) % 4 * 70 + 20), 2)
    rgb = np.kron(blocks, np.ones((8, 8, 1))).astype(np.uint8)
    ids = decode_instances(rgb, BLACK, gamma=1.0)
    assert ids.max() == 24 * 32


def test_encode_refuses_negative_ids_and_keeps_big_ones() -> None:
    with pytest.raises(FrameError, match="instance id -1"):
        encode_instances(np.array([[0, -1]], np.int16), BLACK)
    rgb = encode_instances(np.array([[0, 60000]], np.uint16), BLACK)
    assert rgb[0, 0].tolist() == [0, 0, 0]
    assert tuple(rgb[0, 1].tolist()) == slot_colours(BLACK)[assign_slots([0.75], [0.5])[0]]


@pytest.mark.parametrize("constant", [{"tau": 0.0}, {"min_area": 0.0}, {"min_erosion": 1.5}, {"gamma": -1.0}])
def test_constants_out_of_range_are_refused(constant: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=r"instance decoder with .*expected"):
        decode_instances(np.zeros((4, 4, 3), np.uint8), BLACK, **constant)


def test_wrong_images_are_refused() -> None:
    with pytest.raises(FrameError, match="expected uint8"):
        decode_instances(np.zeros((4, 4), np.uint8), BLACK)
