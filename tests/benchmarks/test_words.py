"""Who knows a word: the painter, the recogniser or both."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from words import DECIDED, answers, figures_of  # noqa: E402

from vb_perception.camera import CameraIntrinsics  # noqa: E402
from vb_perception.generator.config import GeneratorConfig  # noqa: E402
from vb_perception.scenes.classes import CLASS_NAMES  # noqa: E402
from vb_perception.scenes.sample import Sample  # noqa: E402
from vb_perception.tasks import SemanticSegmentation  # noqa: E402
from vb_perception.training.objective import Model  # noqa: E402

LEGEND = SemanticSegmentation((("floor", (255, 0, 0)), ("wall", (0, 255, 0))))


@pytest.fixture
def sample() -> Sample:
    rng, size = np.random.default_rng(0), (64, 96)
    return Sample(
        "noise",
        rng.integers(0, 256, (*size, 3), dtype=np.uint8),
        CameraIntrinsics(96, 64, 80.0, 80.0, 48.0, 32.0),
        np.ones(size, np.float32),
        np.full((*size, 3), np.nan, np.float32),
        (1 + np.arange(96) // 48 + np.zeros(size)).astype(np.int16),
        np.zeros(size, np.int16),
        CLASS_NAMES,
    )


def test_what_each_says_alone_and_both_together(sample: Sample) -> None:
    torch.manual_seed(0)
    model = Model(GeneratorConfig()).eval()
    recogniser = model.generator.recogniser
    assert recogniser is not None
    ways = {"painter", "recogniser", "both", *(f"read, decided {k:g}" for k in DECIDED)}
    with torch.no_grad():
        untaught = answers(model, sample, LEGEND)
        assert untaught.keys() == ways
        np.testing.assert_array_equal(untaught["painter"], untaught["both"])
        recogniser.phrase[-1].weight.normal_(0, 0.3)
        taught = answers(model, sample, LEGEND)
    np.testing.assert_array_equal(taught["painter"], untaught["painter"])
    assert not untaught["recogniser"].any()  # no evidence: the first row, the background
    agree = taught["recogniser"] == taught["painter"]
    np.testing.assert_array_equal(taught["both"][agree], taught["painter"][agree])
    assert figures_of(model, [sample]).keys() == ways
