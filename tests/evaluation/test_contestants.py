from pathlib import Path

import numpy as np
import pytest

import vb_perception
from vb_perception.errors import ConfigError, EngineError
from vb_perception.evaluation.contestants import folder_of, open_contestant, whole_path
from vb_perception.frame import Frame
from vb_perception.tasks import MetricDepth

MODEL = Path(vb_perception.__file__).parent / "models" / "default"


@pytest.mark.parametrize(("asked", "size"), [("", (192, 256)), ("@480x640", (480, 640))])
def test_a_model_paints_at_the_size_behind_its_folder(asked: str, size: tuple[int, int]) -> None:
    frame = Frame(np.full((480, 640, 3), 90, np.uint8), stamp_ns=0, frame_id="camera")
    with open_contestant(f"{MODEL}{asked}", "onnxruntime") as contestant:
        answer = contestant.perceive(frame, [MetricDepth()])
    assert answer.generated["depth"].shape == (*size, 3)


def test_a_size_that_is_none_or_that_the_model_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match="480x640"), open_contestant(f"{MODEL}@large", "fake"):
        pass
    with pytest.raises(EngineError, match="64x64"), open_contestant(f"{MODEL}@64x64", "onnxruntime"):
        pass
    with pytest.raises(ConfigError, match="no contestant"), open_contestant("nowhere@480x640", "fake"):
        pass


def test_a_folder_may_have_the_mark_in_its_name(tmp_path: Path) -> None:
    odd = tmp_path / "run@480x640"
    odd.mkdir()
    assert folder_of(str(odd)) == odd
    assert folder_of(f"{odd}@480x640") == odd
    assert folder_of("no-image:bags") == Path("bags")


def test_a_contestant_is_the_same_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no").mkdir()
    monkeypatch.chdir(tmp_path)
    assert whole_path("./no") == str(tmp_path / "no")
    assert whole_path("no-image:no") == f"no-image:{tmp_path / 'no'}"
    assert whole_path("./no/@480x640") == f"{tmp_path / 'no'}@480x640"
    assert whole_path("nowhere@480x640") == "nowhere@480x640"
