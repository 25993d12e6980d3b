"""The project's scores against torchmetrics, here because torch is."""

import numpy as np
import pytest

from vb_perception.metrics.depth import depth_scores
from vb_perception.metrics.masks import confusion, iou_from_confusion, pixel_accuracy
from vb_perception.metrics.normals import angles_deg

torch = pytest.importorskip("torch", reason="torch is for training: `make training` installs it")
pytest.importorskip("torchmetrics", reason="the independent implementation: `make training` installs it")
from torchmetrics.functional import (  # noqa: E402
    cosine_similarity,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_log_error,
)
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_jaccard_index  # noqa: E402


def test_depth() -> None:
    rng = np.random.default_rng(0)
    g = rng.uniform(0.3, 20, (48, 64)).astype(np.float32)
    p = (g * rng.lognormal(0.05, 0.2, g.shape)).astype(np.float32)
    scores = depth_scores(p, g)
    flat_p, flat_g = (torch.from_numpy(a.ravel().astype(np.float64)) for a in (p, g))
    assert scores["abs_rel"] == pytest.approx(float(mean_absolute_percentage_error(flat_p, flat_g)), rel=1e-5)
    assert scores["rmse"] == pytest.approx(float(mean_squared_error(flat_p, flat_g, squared=False)), rel=1e-5)
    # theirs is of ln(1 + x): given x - 1 it is of ln x
    squared_log = float(mean_squared_log_error(flat_p - 1, flat_g - 1))
    assert scores["rmse_log"] == pytest.approx(np.sqrt(squared_log), rel=1e-5)


def test_classes() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 5, (40, 50))
    prediction = np.where(rng.random(truth.shape) < 0.7, truth, 3)
    counts = confusion(prediction, truth, 5)
    p, t = torch.from_numpy(prediction), torch.from_numpy(truth)
    expected = multiclass_jaccard_index(p, t, num_classes=5, average=None).numpy()
    np.testing.assert_allclose(iou_from_confusion(counts), expected, rtol=1e-5)
    assert pixel_accuracy(counts) == pytest.approx(float(multiclass_accuracy(p, t, num_classes=5, average="micro")))


def test_angles() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 500, 3))
    cosines = cosine_similarity(torch.from_numpy(a), torch.from_numpy(b), reduction="none").numpy()
    np.testing.assert_allclose(angles_deg(a, b), np.degrees(np.arccos(cosines)), rtol=1e-3)
