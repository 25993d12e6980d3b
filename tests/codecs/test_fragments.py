import numpy as np
import pytest

from vb_perception.codecs.fragments import absorb_fragments


def box_with(fragment: tuple[slice, slice]) -> np.ndarray:
    """A box on the background, id 1, another far away, id 3, and a fragment, id 2."""
    ids = np.zeros((96, 128), np.uint16)
    ids[20:70, 20:70], ids[20:70, 100:120] = 1, 3
    ids[fragment] = 2
    return ids


@pytest.mark.parametrize("fragment", [np.s_[40:45, 40:45], np.s_[40:46, 65:71]], ids=["hole", "rim"])
def test_a_fragment_is_part_of_what_surrounds_it_and_the_rest_is_numbered_on(fragment: tuple[slice, slice]) -> None:
    ids = box_with(fragment)
    found, absorbed = absorb_fragments(ids, 1)
    assert np.array_equal(absorbed, ids == 2)
    expected = np.where(ids == 2, 1, np.where(ids == 3, 2, ids))
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    "fragment", [np.s_[40:52, 40:52], np.s_[5:10, 40:45], np.s_[66:72, 66:72]], ids=["large", "alone", "corner"]
)
def test_what_is_large_or_mostly_beside_background_is_a_thing(fragment: tuple[slice, slice]) -> None:
    ids = box_with(fragment)
    found, absorbed = absorb_fragments(ids, 1)
    assert not absorbed.any()
    assert np.array_equal(found, ids)


def test_a_fragment_of_a_fragment_goes_the_whole_way() -> None:
    ids = box_with(np.s_[40:45, 40:45])
    ids[42, 42] = 4
    found, absorbed = absorb_fragments(ids, 1)
    assert found.max() == 2
    assert (found[20:70, 20:70] == 1).all()
    assert absorbed.sum() == 25


def test_background_alone() -> None:
    found, absorbed = absorb_fragments(np.zeros((8, 9), np.uint16), 2)
    assert not found.any()
    assert not absorbed.any()
