"""A recording of the node is judged as a replay is: same answers, same scores."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.evaluation.test_scores import NAMES, perfect
from vb_perception.encodings import fields_from_array
from vb_perception.errors import BagError
from vb_perception.evaluation.bags import BagWriter, read_messages
from vb_perception.evaluation.message_types import Message, message_types, register_type, stamp_of_cdr
from vb_perception.evaluation.recorded import read_perceptions
from vb_perception.evaluation.scores import Scorer
from vb_perception.evaluation.traffic import node_account, topic_traffic
from vb_perception.predictions import DepthMap, NormalMap, SegmentMap
from vb_perception.scenes.sample import Sample
from vb_perception.timing import FrameLedger

OUTPUT = "/perception_node/output"
DELAY_NS = 5_000_000_000  # far more than the time between frames


def image(stamp_ns: int, pixels: NDArray[Any], encoding: str) -> Message:
    types = message_types().types
    stamp = types["builtin_interfaces/msg/Time"](*divmod(stamp_ns, 10**9))
    header = types["std_msgs/msg/Header"](stamp=stamp, frame_id="camera_optical_frame")
    fields = fields_from_array(pixels, encoding)
    data = np.frombuffer(fields.data, np.uint8)
    return types["sensor_msgs/msg/Image"](header, fields.height, fields.width, encoding, 0, fields.step, data)


def latency(stamp_ns: int, ledger: FrameLedger, waiting: int) -> Message:
    register_type("vb_perception/msg/LatencyStats")
    types = message_types().types
    stamp = types["builtin_interfaces/msg/Time"](*divmod(stamp_ns, 10**9))
    header = types["std_msgs/msg/Header"](stamp=stamp, frame_id="")
    stages = [
        types["vb_perception/msg/StageLatency"](name, "", 3, 2.0, 2.0, 3.0, 4.0, 5.0) for name in ("age", "infer")
    ]
    columns = (ledger.received, ledger.processed, ledger.overwritten, ledger.rejected, ledger.failed, waiting)
    machine = types["vb_perception/msg/MachineLoad"](*[0.0] * 8)
    more = (ledger.skipped, ledger.aged, "", machine)
    return types["vb_perception/msg/LatencyStats"](header, "/camera/image_raw", "fake", stages, *columns, *more)


@pytest.fixture(scope="module")
def recording(sample_bag: Path, samples: list[Sample], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inputs and, much later, the perfect answers to every second frame, in the node's encodings."""
    path = tmp_path_factory.mktemp("recording") / "outputs.mcap"
    answers: list[tuple[int, str, Message]] = []
    for i in range(0, len(samples), 2):
        stamp_ns = 10**9 + i * 10**8
        predictions = perfect(samples[i])
        depth, normals, segments = (predictions[task] for task in ("depth", "normals", "segmentation"))
        assert isinstance(depth, DepthMap)
        assert isinstance(normals, NormalMap)
        assert isinstance(segments, SegmentMap)
        half = np.full(depth.depth_m.shape, 128, np.uint8)
        painted = np.full((12, 16, 3), 7, np.uint8)
        for topic, pixels, encoding in (
            ("depth/image_rect", depth.depth_m, "32FC1"),
            ("depth/confidence", half, "mono8"),
            ("generated/depth", painted, "rgb8"),
            ("normals/image", normals.normals, "32FC3"),
            ("segmentation/mask", segments.ids.astype(np.uint8), "mono8"),
        ):
            answers.append((stamp_ns + DELAY_NS, f"{OUTPUT}/{topic}", image(stamp_ns, pixels, encoding)))
    with BagWriter(path) as bag:
        for topic, msgtype, t_ns, cdr in read_messages(sample_bag):
            bag.write(topic, msgtype, t_ns, cdr)
        for t_ns, topic, message in answers:
            bag.write_typed(topic, message, t_ns)
        for n in (1, 6):
            ledger = FrameLedger(received=n, processed=n // 2, overwritten=n - n // 2)
            bag.write_typed(f"{OUTPUT}/latency", latency(10**9, ledger, 0), DELAY_NS + n)
    return path


def test_answers_are_read_with_the_truth_of_their_stamp(recording: Path, samples: list[Sample]) -> None:
    seen = list(read_perceptions(recording, OUTPUT, NAMES[1:]))
    assert [p.frame.stamp_ns for p, _ in seen] == [10**9, 10**9 + 2 * 10**8, 10**9 + 4 * 10**8]
    for (perception, truth), sample in zip(seen, samples[::2], strict=True):
        assert truth is not None
        depth, normals, segments = (perception.predictions[t] for t in ("depth", "normals", "segmentation"))
        assert isinstance(depth, DepthMap)
        assert isinstance(normals, NormalMap)
        assert isinstance(segments, SegmentMap)
        np.testing.assert_array_equal(depth.depth_m, sample.depth_m)
        np.testing.assert_array_equal(normals.normals, sample.normals)
        np.testing.assert_allclose(depth.confidence, 128 / 255)
        assert (normals.confidence == 1).all()
        assert segments.names == NAMES
        assert perception.generated["depth"].shape == (12, 16, 3)


def test_a_recording_scores_as_its_replay_does(recording: Path, samples: list[Sample]) -> None:
    live, offline = Scorer(), Scorer()
    for perception, truth in read_perceptions(recording, OUTPUT, NAMES[1:]):
        assert truth is not None
        live.add(perception.predictions, truth)
    for sample in samples[::2]:
        answers = perfect(sample)
        del answers["instances"]
        offline.add(answers, sample)
    assert live.scores().as_json() == offline.scores().as_json()


def test_traffic_of_a_topic(recording: Path) -> None:
    rows = {row.topic: row for row in topic_traffic(recording)}
    image_row, depth = rows["/camera/image_raw/compressed"], rows[f"{OUTPUT}/depth/image_rect"]
    assert (image_row.messages, depth.messages) == (6, 3)
    assert image_row.rate_hz == pytest.approx(10)
    assert depth.rate_hz == pytest.approx(5)
    assert (image_row.p50_ms, depth.p50_ms, depth.p99_ms) == (0, DELAY_NS / 1e6, DELAY_NS / 1e6)
    legend = rows["/truth/legend"]
    assert legend.messages == 1
    assert np.isnan([legend.rate_hz, legend.p50_ms]).all()


def test_the_last_account_of_the_node_counts(recording: Path) -> None:
    account = node_account(recording, f"{OUTPUT}/latency")
    assert account is not None
    assert account.ledger == FrameLedger(received=6, processed=3, overwritten=3)
    assert (account.backend, account.waiting) == ("fake", 0)
    assert [(s.stage, s.p50_ms, s.p99_ms) for s in account.stages] == [("infer", 2, 4), ("age", 2, 4)]


def test_a_node_that_never_spoke_has_no_account(sample_bag: Path) -> None:
    assert node_account(sample_bag, f"{OUTPUT}/latency") is None


def test_every_message_keeps_its_stamp(recording: Path) -> None:
    stamps = {stamp_of_cdr(m.cdr) for m in read_messages(recording, [f"{OUTPUT}/normals/image"])}
    assert stamps == {10**9, 10**9 + 2 * 10**8, 10**9 + 4 * 10**8}


def test_a_bag_without_answers_is_told(sample_bag: Path) -> None:
    with pytest.raises(BagError, match=r"no answer of a node below /node/output .*it has: /camera/camera_info"):
        next(read_perceptions(sample_bag, "/node/output", ("table",)))
