import numpy as np
import pytest

from vb_perception.scenes.dice import chance, log_uniform, pick


def test_shares_are_kept() -> None:
    rng = np.random.default_rng(0)
    names = [pick(rng, {"a": 1, "b": 0, "c": 3}) for _ in range(4000)]
    assert names.count("b") == 0
    assert names.count("c") / len(names) == pytest.approx(0.75, abs=0.03)
    assert np.mean([chance(rng, 0.2) for _ in range(4000)]) == pytest.approx(0.2, abs=0.03)


def test_log_uniform_is_even_in_octaves() -> None:
    rng = np.random.default_rng(0)
    values = np.array([log_uniform(rng, 1.0, 16.0) for _ in range(4000)])
    assert ((values >= 1) & (values <= 16)).all()
    assert (values < 4).mean() == pytest.approx(0.5, abs=0.03)
