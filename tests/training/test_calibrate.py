import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from tests.training.test_train import settings  # noqa: E402, F401 (a fixture)
from vb_perception.camera import CameraIntrinsics  # noqa: E402
from vb_perception.errors import ConfigError  # noqa: E402
from vb_perception.generator.config import GeneratorConfig  # noqa: E402
from vb_perception.generator.painter import MIDDLE, ZOOM  # noqa: E402
from vb_perception.generator.student import CANONICAL_SPAN  # noqa: E402
from vb_perception.scenes.sample import Sample  # noqa: E402
from vb_perception.training.calibrate import FULL_LOG_SCALE, features_and_errors, fit, main  # noqa: E402
from vb_perception.training.losses import SCALE_ON_WALK, depth_m  # noqa: E402
from vb_perception.training.objective import CODEC, Model  # noqa: E402
from vb_perception.training.settings import TrainSettings  # noqa: E402
from vb_perception.training.train import STATE, Run  # noqa: E402


def test_what_is_fitted_says_how_large_the_error_is() -> None:
    features = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0))
    expected = SCALE_ON_WALK * torch.exp(FULL_LOG_SCALE * torch.sigmoid(features[:, 0] - 0.5))
    errors = expected * torch.empty(4000).exponential_(generator=torch.Generator().manual_seed(1))
    weight, bias = fit(features, errors, torch.zeros(3), torch.zeros(1))
    assert weight.tolist() == pytest.approx([1, 0, 0], abs=0.15)
    assert bias.item() == pytest.approx(-0.5, abs=0.15)


def test_the_error_is_that_of_the_depth_that_is_painted(random_sample: Callable[[int, int, int], Sample]) -> None:
    """A new generator paints one depth everywhere, which the focal length moves."""
    telephoto = CameraIntrinsics(256, 192, 900.0, 900.0, 127.5, 95.5)
    frame = replace(random_sample(0, 192, 256), intrinsics=telephoto, depth_m=np.full((192, 256), 0.4, np.float32))
    frame.depth_m[:100] = np.nan
    torch.manual_seed(0)
    features, errors = features_and_errors(Model(GeneratorConfig()).eval(), [frame])
    zoom = math.log(CANONICAL_SPAN / (255 / 900))
    painted_m = float(depth_m(torch.sigmoid(torch.tensor(MIDDLE + ZOOM * zoom)), CODEC))
    too_far = painted_m / 0.4
    assert len(features) == len(errors) == 3000
    assert errors.numpy() == pytest.approx((math.log(too_far) + too_far - 1) / 2, rel=1e-4)


def test_with_nothing_to_fit_on_it_says_so(
    settings: TrainSettings,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Run(settings, tmp_path).save()
    nothing = replace(settings, validation_frames=(), validation_renders=0)
    monkeypatch.setattr(TrainSettings, "read", lambda _path: nothing)
    with pytest.raises(ConfigError, match="watches nothing: expected validation_frames"):
        main(["run.yaml", str(tmp_path / STATE), "--out", str(tmp_path / "out.safetensors")])
