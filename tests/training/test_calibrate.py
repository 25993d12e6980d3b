import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from vb_perception.training.calibrate import FULL_LOG_SCALE, fit  # noqa: E402
from vb_perception.training.losses import SCALE_ON_WALK  # noqa: E402


def test_what_is_fitted_says_how_large_the_error_is() -> None:
    features = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0))
    expected = SCALE_ON_WALK * torch.exp(FULL_LOG_SCALE * torch.sigmoid(features[:, 0] - 0.5))
    errors = expected * torch.empty(4000).exponential_(generator=torch.Generator().manual_seed(1))
    weight, bias = fit(features, errors, torch.zeros(3), torch.zeros(1))
    assert weight.tolist() == pytest.approx([1, 0, 0], abs=0.15)
    assert bias.item() == pytest.approx(-0.5, abs=0.15)
