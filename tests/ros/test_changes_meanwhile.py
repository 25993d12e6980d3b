"""What changes, or breaks, while an image is in work."""

import threading

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from vb_perception.srv import TriggerFrame

from tests.ros.bench import Bench, balances
from vb_perception.frame import Perception
from vb_perception.pipeline import Painted, PerceptionPipeline
from vb_perception.ros.camera_stream import CameraStream


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
