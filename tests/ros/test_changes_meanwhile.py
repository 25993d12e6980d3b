"""What changes, or breaks, while an image is in work."""

import threading

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from sensor_msgs.msg import PointCloud2
from vb_perception.srv import TriggerFrame

from tests.ros.bench import Bench, balances, image_message, info_message
from vb_perception.frame import Frame, Perception
from vb_perception.pipeline import Painted, PerceptionPipeline
from vb_perception.ros.camera_stream import CameraStream
from vb_perception.ros.inputs import Arrival, frame_from_arrival, stamp_ns
from vb_perception.ros.viewport import Viewport


def test_outputs_may_go_while_an_image_asks_for_their_listeners(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image waits, in the middle of its question, for the change; or the change for the image."""
    bench.watch()
    bench.listen("depth/image_rect")
    normals = bench.listen("normals/image")
    node = bench.add_node()
    bench.connect()
    inside, changed, count = threading.Event(), threading.Event(), Publisher.get_subscription_count

    def counted(publisher: Publisher) -> int:
        if threading.current_thread().name == "inference" and not inside.is_set():
            inside.set()
            changed.wait(0.5)
        return count(publisher)

    monkeypatch.setattr(Publisher, "get_subscription_count", counted)
    bench.send()
    bench.spin_until(inside.is_set, "the image asks")
    (answer,) = node.set_parameters([Parameter("tasks", value=["normals"])])
    changed.set()
    assert answer.successful, answer.reason
    bench.spin_until(lambda: bench.ledger().received == 1 and bench.ledger().waiting == 0, "the image is accounted for")
    sent = bench.send()
    bench.spin_until(lambda: bool(normals) and normals[-1].header == sent.header, "the next image is answered")
    assert bench.ledger().failed == 0


def test_outputs_may_go_while_an_image_turns_out_to_be_uncalibrated(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is said of the image names outputs whose publishers are gone by then."""
    bench.watch()
    bench.listen("points", PointCloud2)
    node = bench.add_node(require_camera_info=False)
    bench.connect()
    inside, changed = threading.Event(), threading.Event()

    def converted(arrival: Arrival, viewport: Viewport) -> Frame:
        inside.set()
        changed.wait(50)
        return frame_from_arrival(arrival, viewport)

    monkeypatch.setattr("vb_perception.ros.camera_stream.frame_from_arrival", converted)
    image = image_message(bench.next_stamp())
    camera = info_message(stamp_ns(image))
    camera.k = [0.0] * 9
    bench.send(image, camera)
    bench.spin_until(inside.is_set, "the image is converted")
    (answer,) = node.set_parameters([Parameter("tasks", value=["normals"])])
    assert answer.successful, answer.reason
    changed.set()
    bench.spin_until(lambda: bench.ledger().rejected == 1, "the image is accounted for")
    printed: list[str] = []

    def told() -> bool:
        printed.append(capfd.readouterr().err)
        return "all that is listened to needs it (~/output/points)" in "".join(printed)

    bench.spin_until(told, "the log says why")
    assert balances(bench.ledger())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_trigger_hears_that_the_thread_died_which_should_have_answered_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, asked, real_ask = threading.Event(), [], CameraStream.ask

    def ask(stream: CameraStream, *arguments: object) -> object:
        asked.append(stream)
        return real_ask(stream, *arguments)  # type: ignore[arg-type]

    def stumble(_pipeline: PerceptionPipeline, _painted: Painted) -> Perception:
        go.wait(50)
        raise ZeroDivisionError

    bench.watch()
    bench.add_node(trigger_only=True)
    bench.spin_until_status(DiagnosticStatus.OK, "active")
    monkeypatch.setattr(CameraStream, "ask", ask)
    monkeypatch.setattr(PerceptionPipeline, "read", stumble)
    client = bench.helper.create_client(TriggerFrame, "/perception_node/trigger")
    bench.spin_until(client.service_is_ready, "the service is there")
    futures = []
    for count in (1, 2):
        bench.spin_until(lambda: bench.images.get_subscription_count() == 0, "nobody waits for an image")
        futures.append(client.call_async(TriggerFrame.Request(timeout_s=50.0)))
        bench.connect()
        bench.send()
        bench.spin_until(lambda count=count: len(asked) == count, "the engine has it")  # type: ignore[misc]
    go.set()
    bench.spin_until(lambda: all(future.done() for future in futures), "both triggers are answered")
    told = [future.result().message for future in futures]
    assert told[0] == "ZeroDivisionError"
    assert "the answer thread died" in told[1]
    bench.spin_until_status(DiagnosticStatus.ERROR, "the answer thread died")
    bench.spin_until(lambda: bench.ledger().failed == 2, "both images are accounted for")
    assert balances(bench.ledger())
