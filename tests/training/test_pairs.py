"""The loss of pairs must want one colour an object and two for two, whichever they are."""

import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from torch import Tensor  # noqa: E402

from vb_perception.training.pairs import STRIDES, pair_loss  # noqa: E402

SIZE, ROWS = 2 * max(STRIDES) + 4, 6


def halves() -> Tensor:
    """Two instances, left and right, that touch."""
    rows = torch.full((1, SIZE, SIZE), 2)
    rows[..., SIZE // 2 :] = 3
    return rows


def pointing(left: int, right: int, sure: float = 12.0) -> Tensor:
    logits = torch.zeros(1, ROWS, SIZE, SIZE)
    logits[:, left, :, : SIZE // 2] = sure
    logits[:, right, :, SIZE // 2 :] = sure
    return logits


EVERYWHERE = torch.ones(1, SIZE, SIZE, dtype=torch.bool)


def test_any_two_colours_are_right_and_one_is_wrong() -> None:
    first, second, same = (pair_loss(pointing(*rows), halves(), EVERYWHERE) for rows in ((2, 3), (5, 2), (4, 4)))
    torch.testing.assert_close(first, second)
    assert first < 0.01
    assert same > 1


def test_one_object_of_two_colours_is_wrong() -> None:
    one = torch.full((1, SIZE, SIZE), 2)
    assert pair_loss(pointing(2, 3), one, EVERYWHERE) > pair_loss(pointing(3, 3), one, EVERYWHERE) + 0.3


def test_what_is_unknown_or_nothing_does_not_count() -> None:
    logits = pointing(4, 4).requires_grad_()
    for rows, valid in ((halves(), ~EVERYWHERE), (torch.ones(1, SIZE, SIZE, dtype=torch.int64), EVERYWHERE)):
        loss = pair_loss(logits, rows, valid)
        assert loss == 0
        loss.backward()
    assert logits.grad is not None
    assert (logits.grad == 0).all()


def test_a_step_downhill_parts_what_touches() -> None:
    logits = (pointing(4, 4, sure=2.0) + 0.1 * pointing(2, 3, sure=1.0)).requires_grad_()
    before = pair_loss(logits, halves(), EVERYWHERE)
    before.backward()
    assert logits.grad is not None
    with torch.no_grad():
        after = pair_loss(logits - 200 * logits.grad, halves(), EVERYWHERE)
    assert after < before
