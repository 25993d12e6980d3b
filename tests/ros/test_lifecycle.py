import threading
import time
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.lifecycle import TransitionCallbackReturn

from tests.ros.bench import Bench, balances, image_message, info_message
from vb_perception.errors import InferenceError
from vb_perception.frame import Perception
from vb_perception.pipeline import Painted, PerceptionPipeline
from vb_perception.ros import engine_room, equipment, status
from vb_perception.runtime.engine import Engine, Float
from vb_perception.runtime.fake import FakeEngine
from vb_perception.runtime.options import EngineOptions

WARM_UP = [3, 2, 1]  # prompts of each run of the warm-up


class Patient(FakeEngine):
    """A fake engine that can be told to fail, to stumble over a defect, or to wait; counts the prompts of each run."""

    def __init__(self, model_dir: Path) -> None:
        super().__init__(model_dir)
        self.fails = False
        self.defect = False
        self.go = threading.Event()
        self.go.set()
        self.prompts: list[int] = []

    def _run(self, image: Float, rays: Float, prompts: Float) -> Float:
        self.prompts.append(len(prompts))
        self.go.wait(20)
        if self.defect:
            raise ZeroDivisionError
        if self.fails:
            msg = "the patient fails"
            raise InferenceError(msg)
        return super()._run(image, rays, prompts)


@pytest.fixture
def engine(toy_model: Path, monkeypatch: pytest.MonkeyPatch) -> Patient:
    patient = Patient(toy_model)

    def open_patient(_model: Path, _backend: str, _threads: int, _options: EngineOptions) -> Engine:
        return patient

    monkeypatch.setattr(engine_room, "open_engine", open_patient)
    return patient


def _change(bench: Bench, transition: int) -> bool:
    client = bench.helper.create_client(ChangeState, "/perception_node/change_state")
    bench.spin_until(client.service_is_ready, "the service is there")
    future = client.call_async(ChangeState.Request(transition=Transition(id=transition)))
    bench.spin_until(future.done, "the transition is made")
    return bool(future.result().success)


def _state(bench: Bench) -> int:
    client = bench.helper.create_client(GetState, "/perception_node/get_state")
    bench.spin_until(client.service_is_ready, "the service is there")
    future = client.call_async(GetState.Request())
    bench.spin_until(future.done, "the state is told")
    return int(future.result().current_state.id)


def test_transitions_by_service(bench: Bench) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    bench.add_node(autostart=False)
    assert _state(bench) == State.PRIMARY_STATE_UNCONFIGURED
    for _ in range(2):
        assert _change(bench, Transition.TRANSITION_CONFIGURE)
        bench.spin_until_status(DiagnosticStatus.OK, "inactive")
        assert bench.images.get_subscription_count() == 0
        assert _change(bench, Transition.TRANSITION_ACTIVATE)
        assert _state(bench) == State.PRIMARY_STATE_ACTIVE
        bench.connect()
        bench.send()
        bench.spin_until(lambda: bench.ledger().processed == 1, "the image is processed")
        assert _change(bench, Transition.TRANSITION_DEACTIVATE)
        bench.spin_until(lambda: bench.images.get_subscription_count() == 0, "the camera is let go")
        assert _change(bench, Transition.TRANSITION_CLEANUP)
        bench.spin_until_status(DiagnosticStatus.OK, "unconfigured")
        bench.heard["latency"].clear()
    assert _change(bench, Transition.TRANSITION_UNCONFIGURED_SHUTDOWN)
    assert _state(bench) == State.PRIMARY_STATE_FINALIZED


def test_the_warm_up_runs_every_task_and_is_not_counted(bench: Bench, engine: Patient) -> None:
    bench.watch()
    bench.add_node()
    assert engine.prompts == WARM_UP
    bench.spin_until(lambda: bool(bench.heard["latency"]), "statistics come")
    assert bench.ledger().received == 0
    assert bench.ledger().stages[0].count == 0


def test_a_task_without_listener_is_not_run(bench: Bench, engine: Patient) -> None:
    bench.watch()
    bench.listen("normals/view")
    bench.add_node()
    bench.connect()
    bench.send()
    bench.spin_until(lambda: bench.ledger().processed == 1, "the image is processed")
    assert engine.prompts == [*WARM_UP, 1]


def test_a_newer_image_overwrites_the_one_that_waits(bench: Bench, engine: Patient) -> None:
    bench.watch()
    heard = bench.listen("depth/image_rect")
    bench.add_node()
    bench.connect()
    engine.go.clear()
    first = bench.send()
    bench.spin_until(lambda: len(engine.prompts) == len(WARM_UP) + 1, "inference of the first image has begun")
    bench.send()
    bench.send()
    last = bench.send()
    bench.spin_until(lambda: bench.ledger().overwritten == 2, "two images are overwritten")
    assert bench.ledger().waiting == 2
    assert balances(bench.ledger())
    engine.go.set()
    bench.spin_until(lambda: bench.ledger().processed == 2 and len(heard) == 2, "first and last are processed")
    assert [message.header.stamp for message in heard] == [first.header.stamp, last.header.stamp]
    assert bench.ledger().waiting == 0


def test_three_failures_in_a_row_deactivate(bench: Bench, engine: Patient) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    bench.add_node()
    bench.connect()

    def serve(*, fails: bool) -> None:
        ended = bench.ledger().processed + bench.ledger().failed
        engine.fails = fails
        bench.send()
        bench.spin_until(lambda: bench.ledger().processed + bench.ledger().failed == ended + 1, "the image is served")

    for fails in (True, True, False, True, True):
        serve(fails=fails)
    assert _state(bench) == State.PRIMARY_STATE_ACTIVE
    serve(fails=True)
    bench.spin_until_status(DiagnosticStatus.ERROR, "deactivated: 3 inference failures in a row")
    assert _state(bench) == State.PRIMARY_STATE_INACTIVE
    bench.spin_until(lambda: bench.ledger().failed == 5, "the last report has come")
    assert bench.ledger().processed == 1
    assert balances(bench.ledger())

    assert _change(bench, Transition.TRANSITION_ACTIVATE)
    bench.connect()
    serve(fails=False)
    bench.spin_until_status(DiagnosticStatus.OK, "active")


def test_an_image_that_cannot_be_used_does_not_end_a_row_of_failures(bench: Bench, engine: Patient) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    bench.add_node()
    bench.connect()
    engine.fails = True
    for failures in (1, 2):
        bench.send()
        bench.spin_until(lambda failures=failures: bench.ledger().failed == failures, "inference fails")  # type: ignore[misc]
        unusable = image_message(bench.next_stamp())
        unusable.encoding = "rgb42"
        bench.send(unusable)
        bench.spin_until(lambda failures=failures: bench.ledger().rejected == failures, "it is rejected")  # type: ignore[misc]
    bench.send()
    bench.spin_until_status(DiagnosticStatus.ERROR, "deactivated: 3 inference failures in a row")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_in_the_worker_deactivates(bench: Bench, engine: Patient) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    bench.add_node()
    bench.connect()
    engine.defect = True
    bench.send()
    bench.spin_until_status(DiagnosticStatus.ERROR, "deactivated: the inference thread died")
    bench.spin_until(lambda: bench.ledger().failed == 1, "the image is accounted for")
    assert balances(bench.ledger())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_in_the_answer_deactivates(bench: Bench, engine: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    bench.add_node()
    bench.connect()

    def stumble(_pipeline: PerceptionPipeline, _painted: Painted) -> Perception:
        raise ZeroDivisionError

    monkeypatch.setattr(PerceptionPipeline, "read", stumble)
    bench.send()
    bench.spin_until_status(DiagnosticStatus.ERROR, "deactivated: the answer thread died")
    bench.spin_until(lambda: bench.ledger().failed == 1, "the image is accounted for")
    assert len(engine.prompts) == len(WARM_UP) + 1
    assert balances(bench.ledger())


def test_the_engine_goes_on_while_an_answer_is_decoded(
    bench: Bench, engine: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.watch()
    heard = bench.listen("depth/image_rect")
    bench.add_node()
    bench.connect()
    go, read = threading.Event(), PerceptionPipeline.read

    def wait_and_read(pipeline: PerceptionPipeline, painted: Painted) -> Perception:
        go.wait(20)
        return read(pipeline, painted)

    monkeypatch.setattr(PerceptionPipeline, "read", wait_and_read)
    first = bench.send()
    bench.spin_until(lambda: len(engine.prompts) == len(WARM_UP) + 1, "the engine has the first image")
    second = bench.send()
    bench.spin_until(lambda: len(engine.prompts) == len(WARM_UP) + 2, "and the second, while the first is decoded")
    bench.send()
    last = bench.send()
    bench.spin_until(lambda: bench.ledger().overwritten == 1, "but no third: it would grow old")
    assert bench.ledger().waiting == 3
    go.set()
    bench.spin_until(lambda: len(heard) == 3, "all are answered")
    assert [message.header.stamp for message in heard] == [one.header.stamp for one in (first, second, last)]
    bench.spin_until(lambda: bench.ledger().processed == 3, "and counted")
    assert balances(bench.ledger())


def test_a_defect_while_configuring_is_told(bench: Bench, engine: Patient, capfd: pytest.CaptureFixture[str]) -> None:
    bench.watch()
    engine.defect = True
    node = bench.add_node(start=False)
    assert node.trigger_configure() == TransitionCallbackReturn.ERROR
    bench.spin_until_status(DiagnosticStatus.ERROR, "ZeroDivisionError")
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_defect_while_activating_releases_everything(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    node = bench.add_node(autostart=False)
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS

    def stumble(*_arguments: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(equipment, "CameraInput", stumble)
        assert node.trigger_activate() == TransitionCallbackReturn.ERROR
    bench.spin_until_status(DiagnosticStatus.ERROR, "not activated because of a defect")
    assert _state(bench) == State.PRIMARY_STATE_UNCONFIGURED
    assert not {"inference", "answer"} & {thread.name for thread in threading.enumerate()}
    assert not [p for p in node.publishers if "/output/" in p.topic_name]

    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS
    bench.connect()
    bench.send()
    bench.spin_until(lambda: bench.ledger().processed == 1, "the image is processed")


def test_a_model_that_does_not_answer_is_told_from_a_silent_camera(
    bench: Bench, engine: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "SILENT_S", 0.2)
    bench.watch()
    bench.listen("depth/image_rect")
    bench.add_node()
    bench.connect()
    bench.infos.publish(info_message(1))
    bench.spin_until_status(DiagnosticStatus.WARN, "no usable image came")
    bench.send()
    bench.spin_until_status(DiagnosticStatus.WARN, "come no more: look at the camera")
    engine.go.clear()
    bench.send()
    bench.spin_until_status(DiagnosticStatus.WARN, "1 of its images wait for the model")
    engine.go.set()


def test_deactivation_lets_the_image_in_work_finish(bench: Bench, engine: Patient) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    node = bench.add_node()
    bench.connect()
    engine.go.clear()
    bench.send()
    bench.spin_until(lambda: len(engine.prompts) == len(WARM_UP) + 1, "inference has begun")
    threading.Timer(0.2, engine.go.set).start()
    started = time.monotonic()
    assert node.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
    assert time.monotonic() - started < 10
    bench.spin_until(lambda: bench.ledger().processed == 1, "the image is accounted for")
    assert balances(bench.ledger())
