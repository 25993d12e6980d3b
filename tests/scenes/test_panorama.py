import numpy as np
import pytest

from vb_perception.scenes.panorama import HEIGHT_PX, WIDTH_PX, painted


@pytest.mark.parametrize("number", range(6))
def test_a_painted_panorama_closes_and_repeats(number: int) -> None:
    image = painted(number)
    assert image.shape == (HEIGHT_PX, WIDTH_PX, 3)
    assert image.std() > 10
    inside = np.abs(np.diff(image.astype(int), axis=1)).mean(axis=(0, 2))
    seam = np.abs(image[:, 0].astype(int) - image[:, -1]).mean()
    assert seam < 4 * np.percentile(inside, 99) + 2
    painted.cache_clear()
    assert np.array_equal(image, painted(number))


def test_panoramas_differ_and_are_read_only() -> None:
    one, other = painted(0), painted(1)
    assert np.abs(one.astype(int) - other).mean() > 5
    with pytest.raises(ValueError, match="read-only"):
        one[0, 0, 0] = 1
