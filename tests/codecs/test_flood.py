import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vb_perception.codecs import flood
from vb_perception.codecs.flood import flood_fill

KING = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
KNIGHT = [(a * i, b * j) for a, b in ((1, 2), (2, 1)) for i in (-1, 1) for j in (-1, 1)]


def flood_by_definition(rgb: NDArray[np.uint8], free: NDArray[np.bool_], tau: float) -> NDArray[np.int32]:
    """One pixel after the other, as the paper tells it."""
    height, width = free.shape
    colours = rgb.astype(int).tolist()
    labels = np.zeros((height, width), np.int32)
    label = 0
    for seed in zip(*np.nonzero(free), strict=True):
        if labels[seed]:
            continue
        label += 1
        labels[seed] = label
        todo = [seed]
        colour = colours[seed[0]][seed[1]]
        while todo:
            row, column = todo.pop()
            for dy, dx in KING + KNIGHT:
                y, x = row + dy, column + dx
                if 0 <= y < height and 0 <= x < width and free[y, x] and not labels[y, x]:
                    squared = sum((a - b) ** 2 for a, b in zip(colours[y][x], colour, strict=True))
                    if squared <= tau * tau:
                        labels[y, x] = label
                        todo.append((y, x))
    return labels


def picture(seed: int, height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A few colours in blocks or single pixels, noise of about tau, and holes."""
    rng = np.random.default_rng(seed)
    palette = rng.integers(0, 256, (rng.integers(1, 5), 3))
    block = int(rng.choice([1, 3, 9]))
    coarse = rng.integers(0, len(palette), (height // block + 1, width // block + 1))
    which = np.kron(coarse, np.ones((block, block), int))[:height, :width]
    noise = int(rng.choice([0, 5, 9]))
    rgb = np.clip(palette[which] + rng.integers(-noise, noise + 1, (height, width, 3)), 0, 255).astype(np.uint8)
    return rgb, rng.random((height, width)) < rng.choice([0.2, 0.5, 0.9, 1.0])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 24),
    width=st.integers(1, 30),
    tau=st.sampled_from([14.0, 5.5]),
)
def test_flood_fill_is_the_definition(seed: int, height: int, width: int, tau: float) -> None:
    rgb, free = picture(seed, height, width)
    labels, count = flood_fill(rgb, free, tau)
    np.testing.assert_array_equal(labels, flood_by_definition(rgb, free, tau))
    assert count == labels.max()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), small_px=st.sampled_from([2, 5, 9]), most_moves=st.sampled_from([1, 2, 8]))
def test_large_components_are_the_definition_too(seed: int, small_px: int, most_moves: int) -> None:
    rgb, free = picture(seed, 22, 34)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flood, "SMALL_PX", small_px)  # small windows: they have to grow, and often
        patch.setattr(flood, "MOST_MOVES", most_moves)  # and give up, and be walked
        labels, _ = flood_fill(rgb, free, 14.0)
    np.testing.assert_array_equal(labels, flood_by_definition(rgb, free, 14.0))


def test_neighbours_are_the_eight_around_and_the_eight_a_knight_away() -> None:
    joined = set()
    for dy in range(-3, 4):
        for dx in range(-3, 4):
            free = np.zeros((9, 9), np.bool_)
            free[4, 4] = free[4 + dy, 4 + dx] = True
            if (dy, dx) != (0, 0) and flood_fill(np.zeros((9, 9, 3), np.uint8), free, 14.0)[1] == 1:
                joined.add((dy, dx))
    assert joined == set(KING + KNIGHT)
    assert len(joined) == 16


def test_colours_are_compared_with_the_seed_not_with_the_neighbour() -> None:
    rgb = np.zeros((5, 60, 3), np.uint8)
    rgb[..., 0] = 50 + np.arange(60)  # a ramp: neighbours one level apart
    labels, count = flood_fill(rgb, np.ones((5, 60), np.bool_), 14.0)
    assert count == 4
    assert labels[0].tolist() == [1 + x // 15 for x in range(60)]


def test_distance_of_exactly_tau_joins_in_the_euclidean_sense() -> None:
    free = np.ones((1, 2), np.bool_)
    for second, count in (((14, 0, 0), 1), ((4, 6, 12), 1), ((8, 8, 9), 2), ((14, 1, 0), 2)):
        assert flood_fill(np.array([[(0, 0, 0), second]], np.uint8), free, 14.0)[1] == count


def test_nothing_free_gives_no_component() -> None:
    labels, count = flood_fill(np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5), np.bool_), 14.0)
    assert count == 0
    assert labels.shape == (4, 5)
    assert not labels.any()


def test_a_long_chain_of_knights_moves_is_one_component() -> None:
    # pixels that touch nowhere, beside a chain of another colour
    rgb = np.zeros((192, 12, 3), np.uint8)
    free = np.zeros((192, 12), np.bool_)
    rows = np.arange(0, 192, 2)
    for left, level in ((1, 50), (5, 200)):
        columns = left + rows // 2 % 2
        rgb[rows, columns] = level
        free[rows, columns] = True
    labels, count = flood_fill(rgb, free, 14.0)
    assert count == 2
    assert np.unique(labels[rgb[..., 0] == 200]).tolist() == [2]
