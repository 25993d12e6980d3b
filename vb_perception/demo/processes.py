"""The three processes of a live run, as on a robot: `bag_player` -> `perception_node` -> `topic_recorder`."""

import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from vb_perception.demo.environment import ros_environment
from vb_perception.demo.process import Process
from vb_perception.errors import BagError
from vb_perception.evaluation.bag_frames import read_frames
from vb_perception.evaluation.bags import bag_topics
from vb_perception.evaluation.camera_topics import CameraTopics, NodeInput, node_input
from vb_perception.evaluation.live_run import OUTPUTS, LiveRun
from vb_perception.evaluation.result_files import refuse_to_lose
from vb_perception.evaluation.settings import CLASSES, legend_of

NODE = "perception_node"
OUTPUT = f"/{NODE}/output"
SETTLE_S = 2.0  # from the last image played until the node's ledger must be settled
STATS_RATE_HZ = 5.0
STOP_S = 30.0
FIRST_START_S = 240.0  # a model that is opened for the first time is tried on every backend, on a busy machine slowly
POLL_S = 0.1
TRUTH = "/truth/"
REFUSAL = "not configured"  # what the node logs when its parameters or its model are of no use


@dataclass(frozen=True, slots=True)
class Orders:
    """What to run: the bag to play and its camera, how fast, the model and what runs it, and where to write.

    `classes`: what the node's segmentation names; `truth`: topics of truth beside those below /truth/.
    """

    bag: Path
    camera: CameraTopics
    rate: float
    model_dir: Path
    backend: str
    out: Path
    source: str
    classes: Sequence[str] = CLASSES
    truth: Sequence[str] = ()


def play_and_record(orders: Orders) -> tuple[LiveRun, list[str]]:
    """Run all three until everything was played; what was run, and what went wrong without stopping it.

    Writes outputs.mcap and a log of each process into `orders.out`.

    Raises:
        BagError: The bag has no usable image.
        ConfigError: The bag lies where the recording is to be written.
        VbPerceptionError: A process ended early or could not do its work; the message holds its last words.
    """
    camera, out = orders.camera, orders.out
    refuse_to_lose([orders.bag], out)
    if next(read_frames(orders.bag, camera, lambda _: None), None) is None:
        msg = f"bag {orders.bag}: no usable image on {camera.image}; expected at least one with a camera_info"
        raise BagError(msg)
    wiring = node_input(orders.bag, camera)
    truth = (topic for topic in bag_topics(orders.bag) if topic.startswith(TRUTH))
    played = list(dict.fromkeys((camera.image, camera.camera_info, *truth, *orders.truth)))
    recording = out / "outputs.mcap"
    recording.unlink(missing_ok=True)
    environment = ros_environment()
    trouble: list[str] = []
    with ExitStack() as running:

        def start(name: str, module: str, *arguments: object) -> Process:
            command = [sys.executable, "-m", f"vb_perception.ros.{module}", *map(str, arguments)]
            return running.enter_context(Process(name, command, environment, out / f"{name}.log"))

        outputs = [f"{OUTPUT}/{name}" for name in OUTPUTS]
        recorder = start("topic_recorder", "recorder", recording, *played, *outputs, "/diagnostics")
        node = start(NODE, NODE, "--ros-args", *_node_arguments(orders, wiring))
        player = start("bag_player", "player", orders.bag, *_player_arguments(orders))
        while player.running() and node.running() and recorder.running():
            if REFUSAL in node.text():
                node.fail("refused to start")
            time.sleep(POLL_S)
        for process in (recorder, node):
            if not process.running():
                process.fail("ended before everything was played")
        if player.wait(STOP_S) != 0:
            player.fail(f"could not play (last words of {NODE}: {node.last_words()})")
        time.sleep(SETTLE_S)
        for process in (node, recorder):
            status = process.interrupt(STOP_S)
            if status != 0:
                trouble.append(f"{process.name} ended with status {status}: {process.last_words()}")
    calibrated = wiring.require_camera_info
    return LiveRun(
        recording, camera, OUTPUT, orders.classes, calibrated, _counts(player.text()), orders.source
    ), trouble


def _player_arguments(orders: Orders) -> list[object]:
    camera = orders.camera
    topics = ["--image", camera.image, "--camera-info", camera.camera_info]
    if orders.truth:
        topics += ["--topics", *orders.truth]
    waiting = ["--wait-for", NODE, "--wait-for", "topic_recorder", "--timeout-s", f"{FIRST_START_S:g}"]
    return [*topics, "--rate", orders.rate, "--restamp", *waiting]


def _node_arguments(orders: Orders, camera: NodeInput) -> Iterable[str]:
    parameters = {
        "model": orders.model_dir,
        "backend": orders.backend,
        "classes": list(orders.classes),
        "colours": ["#{:02X}{:02X}{:02X}".format(*colour) for _, colour in legend_of(orders.classes)],
        "image_transport": camera.image_transport,
        "sync_info": camera.sync_info,
        "camera_info_qos": camera.camera_info_qos,
        "require_camera_info": str(camera.require_camera_info).lower(),
        "stats_rate_hz": STATS_RATE_HZ,
    }
    for name, value in parameters.items():
        yield from ("-p", f"{name}:={value}")
    yield from ("-r", f"~/input/image:={camera.image}")
    yield from ("-r", f"~/input/camera_info:={camera.camera_info}")


def _counts(text: str) -> dict[str, int]:
    """What the player says at its end: "bag_player: 45 messages on /topic"."""
    words = [line.split() for line in text.splitlines() if line.startswith("bag_player: ") and " messages on " in line]
    return {line[-1]: int(line[1]) for line in words}
