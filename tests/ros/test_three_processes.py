"""Player, node and recorder as they run on a robot: three processes, DDS between them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String
from vb_perception.msg import LatencyStats

from tests.evaluation.conftest import make_sample
from tests.ros.bench import INFO_TOPIC, NS_PER_S, PATIENCE_S, Bench, balances, image_message, info_message
from vb_perception.evaluation.bag_samples import IMAGE_TOPIC, write_samples
from vb_perception.evaluation.bags import BagWriter, bag_topics, read_messages
from vb_perception.evaluation.message_types import restamped, stamp_of_cdr
from vb_perception.evaluation.traffic import node_account
from vb_perception.ros.inputs import stamp_ns
from vb_perception.ros.player import main as play
from vb_perception.ros.recorder import main as record

IMAGE, INFO, TRUTH, LEGEND = "/cam/image_rect", "/cam/camera_info", "/truth/depth/image_rect", "/truth/legend"
FRAMES = 12
LATENCY = "/perception_node/output/latency"


@contextmanager
def _running(module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", f"vb_perception.ros.{module}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()


def _stop(child: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> str:
    child.send_signal(number)
    printed, _ = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 0, printed
    return printed


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, f"waited in vain until {what}"
        time.sleep(0.05)


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """Twelve frames at 10 Hz with truth of the same stamps, and a latched legend."""
    path = tmp_path / "camera.mcap"
    with BagWriter(path) as writer:
        writer.write(LEGEND, "std_msgs/msg/String", NS_PER_S, serialize_message(String(data="{}")), latched=True)
        for i in range(FRAMES):
            t_ns = NS_PER_S + i * NS_PER_S // 10
            image, camera = image_message(t_ns), info_message(t_ns)
            writer.write(INFO, "sensor_msgs/msg/CameraInfo", t_ns, serialize_message(camera))
            writer.write(IMAGE, "sensor_msgs/msg/Image", t_ns, serialize_message(image))
            image.encoding = "mono8"  # no colour: the player must not take it for the camera
            image.step, image.data = image.width, image.data[: image.width * image.height]
            writer.write(TRUTH, "sensor_msgs/msg/Image", t_ns, serialize_message(image))
    return path


@pytest.mark.usefixtures("domain")
def test_a_bag_is_played_answered_and_recorded(bag: Path, toy_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mcap"
    depth, cloud = "/perception_node/output/depth/image_rect", "/perception_node/output/points"
    node = _running(
        "perception_node", "--ros-args",
        "-p", f"model:={toy_model}", "-p", "backend:=fake", "-p", "input_qos:=reliable",
        "-r", f"~/input/image:={IMAGE}", "-r", f"~/input/camera_info:={INFO}",
    )  # fmt: skip
    recorder = _running("recorder", str(out), IMAGE, INFO, TRUTH, LEGEND, depth, cloud, LATENCY, "/never/published")
    player = _running(
        "player", str(bag), "--restamp", "--timeout-s", str(PATIENCE_S),
        "--wait-for", "perception_node", "--wait-for", "topic_recorder",
    )  # fmt: skip
    started_ns = time.time_ns()
    with node as node_child, recorder as recorder_child, player as player_child:
        played, _ = player_child.communicate(timeout=2 * PATIENCE_S)
        assert player_child.returncode == 0, played
        assert f"{FRAMES} messages on {IMAGE}" in played
        _stop(node_child, signal.SIGTERM)  # its last report comes now
        recorded = _stop(recorder_child)
    assert "0 messages on /never/published" in recorded

    topics = bag_topics(out)
    assert topics[LEGEND].latched
    assert topics[IMAGE].messages == topics[INFO].messages == topics[TRUTH].messages == FRAMES
    assert f"{topics[depth].messages} messages on {depth}" in recorded
    stamps = {
        topic: [stamp_of_cdr(m.cdr) for m in read_messages(out, [topic])]
        for topic in (IMAGE, INFO, TRUTH, depth, cloud)
    }
    assert sorted(stamps[IMAGE]) == sorted(stamps[INFO]) == sorted(stamps[TRUTH])
    assert min(stamps[IMAGE]) > started_ns
    assert stamps[depth] == stamps[cloud] == sorted(set(stamps[depth]) & set(stamps[IMAGE]))
    first = next(read_messages(out, [IMAGE]))
    assert deserialize_message(first.cdr, Image).data == image_message(NS_PER_S).data

    account = node_account(out, LATENCY)
    assert account is not None
    assert account.ledger.received == FRAMES
    assert account.ledger.processed == topics[depth].messages
    assert account.ledger.balances(account.waiting)
    assert account.waiting == 0
    age = next(stage for stage in account.stages if stage.stage == "age")
    assert 0 < age.p50_ms < 10_000


def test_the_nodes_ledger_agrees_with_a_publishers_own_count(bench: Bench, toy_model: Path) -> None:
    """Bursts of four into a node that is slower than they come: each image ends in one column."""
    bench.listen("latency", LatencyStats)
    heard = bench.listen("depth/image_rect")
    arguments = (f"model:={toy_model}", "backend:=fake:latency_ms=30", "input_qos:=reliable", "stats_rate_hz:=20.0")
    options = [word for argument in arguments for word in ("-p", argument)]
    with _running("perception_node", "--ros-args", *options) as child:
        bench.connect()
        bench.settle()
        for burst in range(10):
            for _ in range(4):
                bench.send()
            bench.spin_until(bench.received(4 * (burst + 1)), "the burst is received")
            assert balances(bench.ledger())
        bench.send_alone(bench.send())  # the same stamp again
        bench.spin_until(lambda: bench.ledger().received == bench.sent and not bench.ledger().waiting, "all is done")
        _stop(child)
    stats = bench.ledger()
    bench.spin_until(lambda: len(heard) == stats.processed, "every answer has come")
    assert (stats.received, stats.rejected, stats.failed) == (42, 1, 0)
    assert stats.overwritten > 0
    assert stats.processed + stats.overwritten == 41
    assert {stage.stage: stage.count for stage in stats.stages}["infer"] == stats.processed


@pytest.mark.usefixtures("domain")
def test_a_node_that_cannot_be_configured_stays_and_says_so(tmp_path: Path) -> None:
    with _running("perception_node", "--ros-args", "-p", f"model:={tmp_path}", "-p", "modle:=x") as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        assert "unknown parameter 'modle': the nearest known one is 'model'" in line
        assert child.poll() is None
        _stop(child)


@pytest.mark.parametrize("little_endian", [True, False])
def test_restamping_changes_the_stamp_only(little_endian: bool) -> None:  # noqa: FBT001
    message = image_message(1_234_567_890_123_456_789)
    cdr = serialize_message(message)
    if not little_endian:  # what a big-endian machine would have written in the header's place
        cdr = bytes([0, 0, *cdr[2:4], *cdr[7:3:-1], *cdr[11:7:-1], *cdr[12:]])
    assert stamp_of_cdr(cdr) == stamp_ns(message)
    changed = restamped(cdr, 42 * NS_PER_S + 7)
    assert stamp_of_cdr(changed) == 42 * NS_PER_S + 7
    assert (changed[:4], changed[12:]) == (cdr[:4], cdr[12:])
    if little_endian:
        assert deserialize_message(changed, Image).data == message.data


def test_a_loop_plays_again_until_it_is_stopped(bag: Path, bench: Bench) -> None:
    heard = bench.listen(INFO, CameraInfo)
    bench.listen(IMAGE, Image)
    with _running("player", str(bag), "--loop", "--rate", "10") as child:
        bench.spin_until(lambda: len(heard) > FRAMES + 2, "the second round begins")
        _stop(child)
    stamps = [stamp_ns(camera) for camera in heard]
    assert stamps[:FRAMES] == sorted(stamps[:FRAMES])
    assert stamps[FRAMES] == stamps[0]


@pytest.mark.usefixtures("domain")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/no/bag.mcap"], "/no/bag.mcap does not exist"),
        (["{bag}", "--image", "/nothing"], "/nothing"),
        (["{bag}", "--topics", "/nothing"], "has no topic /nothing"),
        (["{bag}", "--timeout-s", "0.2"], "in vain for anybody to subscribe to /cam/image_rect"),
        (["{bag}", "--timeout-s", "0.2", "--wait-for", "perception_node"], "in vain for perception_node"),
    ],
)
def test_what_cannot_be_played_is_told(
    bag: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play([argument.format(bag=bag) for argument in arguments]) == 1
    assert words in capsys.readouterr().err


@pytest.mark.usefixtures("domain")
def test_a_bag_without_camera_cannot_be_played(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "words.mcap"
    with BagWriter(path) as writer:
        writer.write("/words", "std_msgs/msg/String", 1, serialize_message(String(data="hello")))
    assert play([str(path)]) == 1
    assert "has no camera topic" in capsys.readouterr().err


@pytest.mark.usefixtures("domain")
def test_what_waits_for_compressed_images_names_what_is_remapped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_samples(tmp_path / "x.mcap", [make_sample()])
    assert play([str(tmp_path / "x.mcap"), "--image-topic", IMAGE_TOPIC, "--timeout-s", "0.2"]) == 1
    told = "its ~/input/image is remapped to /camera/image_raw, its image_transport is compressed,"
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("topic", ["/bad topic", "/camera/", "1st", ""])
def test_a_name_that_is_no_topics_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], topic: str) -> None:
    assert record([str(tmp_path / "x.mcap"), "/fine", topic]) == 1
    assert capsys.readouterr().err.startswith(f"topic_recorder: {topic!r} is no topic's name")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("domain")
def test_a_recording_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert record([str(tmp_path / "file" / "x.mcap"), "/fine"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("topic_recorder: ")
    assert str(tmp_path / "file") in told


def test_the_recorder_leaves_a_whole_bag_after_sigterm(bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "infos.mcap"
    with _running("recorder", str(out), INFO_TOPIC) as child:
        bench.spin_until(lambda: bench.infos.get_subscription_count() > 0, "the recorder subscribes")
        bench.settle()
        sent = [info_message(i) for i in range(5)]
        for camera in sent:
            bench.infos.publish(camera)
        bench.spin_for(0.5)
        printed = _stop(child, signal.SIGTERM)
    assert f"5 messages on {INFO_TOPIC}" in printed
    assert [deserialize_message(m.cdr, CameraInfo) for m in read_messages(out)] == sent
    assert os.listdir(tmp_path) == ["infos.mcap"]  # noqa: PTH208


def test_the_recorder_takes_what_is_still_on_its_way(bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "infos.mcap"
    with _running("recorder", str(out), INFO_TOPIC) as child:
        bench.spin_until(lambda: bench.infos.get_subscription_count() > 0, "the recorder subscribes")
        bench.settle()
        child.send_signal(signal.SIGTERM)
        for i in range(15):  # for longer than the recorder waits in silence
            bench.infos.publish(info_message(i))
            bench.spin_for(0.1)
        printed, _ = child.communicate(timeout=PATIENCE_S)
    assert f"15 messages on {INFO_TOPIC}" in printed
