"""An engine that hangs: the node says so, answers whoever asks it, and leaves when it is told to."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.lifecycle import TransitionCallbackReturn
from std_srvs.srv import Trigger

from tests.ros.bench import PATIENCE_S, Bench
from vb_perception.ros import worker
from vb_perception.ros.engine_room import EngineRoom
from vb_perception.ros.perception_node import PerceptionNode
from vb_perception.runtime.engine import Float
from vb_perception.runtime.fake import FakeEngine
from vb_perception.runtime.options import EngineOptions

HANGS = "the engine hangs and cannot be interrupted; restart the process"


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """Fake engines answer only while `go` is set; `inside`: one was asked meanwhile."""
    held, run = SimpleNamespace(go=threading.Event(), inside=threading.Event()), FakeEngine._run  # noqa: SLF001
    held.go.set()

    def wait_and_run(engine: FakeEngine, image: Float, rays: Float, prompts: Float) -> Float:
        if not held.go.is_set():
            held.inside.set()
        held.go.wait()
        return run(engine, image, rays, prompts)

    monkeypatch.setattr(FakeEngine, "_run", wait_and_run)
    yield held
    held.go.set()


def _hang(bench: Bench, stuck: SimpleNamespace) -> PerceptionNode:
    bench.watch()
    bench.listen("depth/image_rect")
    node = bench.add_node()
    bench.connect()
    stuck.go.clear()
    bench.send()
    bench.spin_until(stuck.inside.is_set, "the engine has the image")
    return node


def _let_go(bench: Bench, stuck: SimpleNamespace) -> None:
    stuck.go.set()
    threads = [thread for thread in threading.enumerate() if thread.name in worker.THREADS]
    bench.spin_until(lambda: not any(thread.is_alive() for thread in threads), "its threads end after all")


def test_an_engine_that_hangs_holds_up_nothing(
    bench: Bench, stuck: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "STOP_PATIENCE_S", 0.3)
    node = _hang(bench, stuck)
    for _ in range(2):
        answer = bench.call(Trigger, "recover", Trigger.Request())
        assert (answer.success, answer.message) == (False, HANGS)
        bench.spin_until_status(DiagnosticStatus.ERROR, HANGS)
    assert node.trigger_activate() == TransitionCallbackReturn.FAILURE
    assert node.trigger_cleanup() == TransitionCallbackReturn.FAILURE
    _let_go(bench, stuck)  # it was only very slow
    assert bench.call(Trigger, "recover", Trigger.Request()).success
    bench.connect()
    before = bench.ledger().processed
    bench.send()
    bench.spin_until(lambda: bench.ledger().processed != before, "the next image is processed")
    bench.spin_until_status(DiagnosticStatus.OK, "active")


def test_a_node_whose_engine_hangs_can_be_shut_down(
    bench: Bench, stuck: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "STOP_PATIENCE_S", 0.3)
    node = _hang(bench, stuck)
    assert node.trigger_shutdown() == TransitionCallbackReturn.SUCCESS
    bench.spin_until(lambda: "finalized" in [value.value for value in bench.status().values], "it is finalized")
    bench.spin_until_status(DiagnosticStatus.ERROR, HANGS)
    answer = bench.call(Trigger, "recover", Trigger.Request())
    assert "shut down by a transition" in answer.message
    _let_go(bench, stuck)


def test_a_build_is_waited_for(bench: Bench, stuck: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "STOP_PATIENCE_S", 2.0)
    monkeypatch.setattr(EngineRoom, "building", property(lambda _: not stuck.go.is_set()))
    node = _hang(bench, stuck)
    threading.Timer(2.5, stuck.go.set).start()
    assert node.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
    bench.spin_until_status(DiagnosticStatus.OK, "inactive")
    bench.spin_until(bench.processed(1), "its image was answered")


def test_a_build_ends_with_its_last_word(toy_model: Path) -> None:
    room = EngineRoom(toy_model, "fake", 0, EngineOptions(), ())
    tell = room._options.progress  # noqa: SLF001 - as the engine does
    told = [room.building]
    for share in (0.5, 1.0):
        tell("building", share)
        told.append(room.building)
    assert told == [False, True, False]


SCRIPT = """
import threading
from vb_perception.ros import perception_node, worker
from vb_perception.runtime.fake import FakeEngine

worker.STOP_PATIENCE_S = 0.3
run = FakeEngine._run

def hang(engine, image, rays, prompts):
    if threading.current_thread().name == "inference":
        print("stuck", flush=True)
        threading.Event().wait()
    return run(engine, image, rays, prompts)

FakeEngine._run = hang
raise SystemExit(perception_node.main())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_whose_engine_hangs_can_be_ended(bench: Bench, toy_model: Path, number: signal.Signals) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    given = ["model:=" + str(toy_model), "backend:=fake", "input_qos:=reliable", "stats_rate_hz:=20.0"]
    options = [word for argument in given for word in ("-p", argument)]
    command = [sys.executable, "-c", SCRIPT, "--ros-args", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ, text=True) as child:
        try:
            bench.connect()
            bench.settle()
            bench.send()
            assert child.stdout is not None
            assert child.stdout.readline() == "stuck\n"
            child.send_signal(number)
            bench.spin_until_status(DiagnosticStatus.ERROR, HANGS)
            assert child.wait(PATIENCE_S) == 1
        finally:
            child.kill()
