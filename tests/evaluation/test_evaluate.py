"""Lock-step evaluation from a bag or a folder, with an engine that paints known answers."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from vb_perception.errors import BagError
from vb_perception.evaluation.bag_samples import IMAGE_TOPIC, INFO_TOPIC
from vb_perception.evaluation.bags import BagWriter, read_messages
from vb_perception.evaluation.evaluate import TASKS, evaluate, headline, score_lines
from vb_perception.evaluation.message_types import Message, message_types
from vb_perception.evaluation.sources import is_folder_of_frames, read_source
from vb_perception.runtime.toy_model import write_toy_model
from vb_perception.scenes.sample import Sample

pytest.importorskip("onnx", reason="the toy model needs onnx: `make test` installs it")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    write_toy_model(folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path, samples: list[Sample]) -> Path:
    """Frames as files, two of them with depth."""
    frames = tmp_path / "frames"
    frames.mkdir()
    for i, sample in enumerate(samples[:3]):
        cv2.imwrite(str(frames / f"{i}_rgb.png"), sample.rgb[..., ::-1])
        if i < 2:
            cv2.imwrite(str(frames / f"{i}_depth.png"), np.nan_to_num(sample.depth_m * 1000).astype(np.uint16))
    return frames


def test_bag_to_scores_and_report(sample_bag: Path, model: Path, tmp_path: Path) -> None:
    scores = evaluate(sample_bag, model, "fake", tmp_path / "out")
    assert scores.frames == 6
    assert scores.figures.keys() == {"depth", "normals", "classes", "objects", "confidence"}
    assert 0 < scores.figures["depth"]["abs_rel"] < 5  # the fake engine sees a leaning plane
    stored = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert stored == scores.as_json()
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"scores.json", "report.html", "contact_sheet.png"}


def test_the_same_frames_score_the_same_twice(sample_bag: Path, model: Path) -> None:
    once, twice = (evaluate(sample_bag, model, "fake", tasks=TASKS[:1]).as_json() for _ in range(2))
    assert once == twice


def test_folder_to_scores(folder: Path, model: Path) -> None:
    scores = evaluate(folder, model, "fake", tasks=TASKS[:2])
    assert scores.frames == 3
    assert not np.isnan(scores.figures["depth"]["abs_rel"])


def test_scores_in_words(sample_bag: Path, model: Path) -> None:
    scores = evaluate(sample_bag, model, "fake")
    lines = score_lines(scores)
    assert lines[0] == "6 frames with truth"
    assert any(line.strip().startswith("depth") and "abs_rel" in line for line in lines)
    assert {name for name, _ in headline(scores)} >= {"depth AbsRel", "table IoU"}


def test_frames_that_cannot_be_used_are_left_out_and_told(
    sample_bag: Path, model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with BagWriter(tmp_path / "x.mcap") as bag:
        for topic, msgtype, t_ns, cdr in read_messages(sample_bag):
            message: Message = message_types().deserialize_cdr(cdr, msgtype)
            if topic == IMAGE_TOPIC and t_ns > 1_200_000_000:
                message.data = message.data[:100]
            bag.write_typed(topic, message, t_ns)
    assert evaluate(tmp_path / "x.mcap", model, "fake", tasks=TASKS[:1]).frames == 3
    assert sum("left out: image of stamp" in record.message for record in caplog.records) == 3


def test_not_one_usable_frame(sample_bag: Path, model: Path, tmp_path: Path) -> None:
    with BagWriter(tmp_path / "x.mcap") as bag:
        for topic, msgtype, t_ns, cdr in read_messages(sample_bag, [IMAGE_TOPIC, INFO_TOPIC]):
            message: Message = message_types().deserialize_cdr(cdr, msgtype)
            if topic == INFO_TOPIC:
                message.width = 1
            bag.write_typed(topic, message, t_ns)
    with pytest.raises(BagError, match=r"no usable frame \(6 unusable\)"):
        evaluate(tmp_path / "x.mcap", model, "fake", tasks=TASKS[:1])


@pytest.mark.parametrize("name", ["gone", "gone.mcap"])
def test_a_source_that_is_not_there(tmp_path: Path, model: Path, name: str) -> None:
    with pytest.raises(BagError, match="does not exist"):
        evaluate(tmp_path / name, model, "fake")


def test_what_is_a_folder_of_frames(folder: Path, sample_bag: Path, tmp_path: Path) -> None:
    assert is_folder_of_frames(folder)
    assert not is_folder_of_frames(sample_bag)
    shutil.copy(sample_bag, tmp_path / "run_0.mcap")
    assert not is_folder_of_frames(tmp_path)


def test_the_real_frames() -> None:
    split = Path(__file__).resolve().parents[3] / "shared/data/osd/test"
    if not split.is_dir():
        pytest.skip(f"{split} is not there: the OSD frames are not part of this repository")
    frames = read_source(split)
    frame, truth = next(frames)
    assert truth is not None
    assert truth.class_names == ("background", "table", "object")
    assert frame.intrinsics == truth.intrinsics
