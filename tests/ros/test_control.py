"""Steering a running node: instructions, tasks, rates, single frames, snapshots, recovery, building."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.action.client import ActionClient
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image, PointCloud2
from std_srvs.srv import Trigger
from vb_perception.action import BuildEngine
from vb_perception.msg import LabelInfo, ModelInfo
from vb_perception.srv import EnableTask, SaveSnapshot, SetInstructions, TriggerFrame

from tests.ros.bench import Bench, balances, pixels
from vb_perception.ros import engine_room
from vb_perception.runtime.build import open_engine

Call = Callable[[type, str, Any], Any]


@pytest.fixture
def call(bench: Bench) -> Call:
    return bench.call


def _run(bench: Bench, frames: int) -> None:
    done = bench.ledger().received
    for count in range(done + 1, done + frames + 1):
        bench.send()
        bench.spin_until(
            lambda count=count: bench.ledger().received == count and bench.ledger().waiting == 0,  # type: ignore[misc]
            "the image is done with",
        )


def test_instructions_change_between_two_frames(bench: Bench, call: Call) -> None:
    bench.watch()
    mask = bench.listen("segmentation/view")
    models = bench.listen("model_info", ModelInfo, "transient_local")
    labels = bench.listen("segmentation/label_info", LabelInfo, "transient_local")
    bench.add_node(tasks=["segmentation"])
    bench.connect()
    _run(bench, 1)
    answer = call(
        SetInstructions,
        "set_instructions",
        SetInstructions.Request(classes=["red mug", "door"], colours=["blue", "lime"]),
    )
    assert answer.success, answer.message
    assert answer.tasks == ["segmentation"]
    assert "red mug" in answer.prompts[0]
    _run(bench, 1)
    bench.spin_until(lambda: len(mask) == 2 and len(models) == 2 and len(labels) == 2, "both results and both audits")
    assert pixels(mask[0], np.uint8, 3).reshape(-1, 3).max(axis=0).tolist() == [255, 0, 0]
    assert pixels(mask[1], np.uint8, 3).reshape(-1, 3).max(axis=0).tolist() == [0, 0, 255]
    assert models[0].header.stamp.sec == 0
    assert models[1].header.stamp == mask[1].header.stamp
    (task,) = models[1].tasks
    assert (task.names, task.colours) == (["background", "red mug", "door"], ["#000000", "#0000FF", "#00FF00"])
    assert [row.class_name for row in labels[1].class_map] == ["background", "red mug", "door"]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (SetInstructions.Request(), "the request is empty"),
        (SetInstructions.Request(camera="left", instructions=["depth"]), "there is no camera 'left'"),
        (SetInstructions.Request(instructions=["make coffee"]), "make coffee"),
        (SetInstructions.Request(classes=["a"], colours=["red", "lime"]), "give one colour a class"),
        (SetInstructions.Request(classes=["x" * 5000]), "5000"),
    ],
    ids=["empty", "camera", "words", "colours", "long"],
)
def test_instructions_that_cannot_be_followed_change_nothing(
    bench: Bench, call: Call, request_: SetInstructions.Request, words: str
) -> None:
    node = bench.add_node()
    answer = call(SetInstructions, "set_instructions", request_)
    assert not answer.success
    assert words in answer.message
    assert list(node.get_parameter("classes").value) == ["table", "object"]


def test_new_tasks_bring_their_topics_and_old_ones_go(bench: Bench, call: Call) -> None:
    bench.watch()
    bench.add_node()
    answer = call(SetInstructions, "set_instructions", SetInstructions.Request(instructions=["normals", "depth"]))
    assert answer.success, answer.message
    heard = bench.listen("normals/image")
    bench.connect()
    _run(bench, 1)
    bench.spin_until(lambda: len(heard) == 1, "normals come")
    assert not [p for p in bench.nodes[0].publishers if "segmentation" in p.topic_name]


def test_a_task_can_be_switched_off_and_on(bench: Bench, call: Call) -> None:
    bench.watch()
    depth, normals = bench.listen("depth/image_rect"), bench.listen("normals/image")
    bench.add_node()
    bench.connect()
    bench.spin_until(lambda: bench.heard_outputs() == 3, "both outputs and latency have a listener")
    assert call(EnableTask, "enable_task", EnableTask.Request(task="normals", enable=False)).success
    _run(bench, 2)
    assert call(EnableTask, "enable_task", EnableTask.Request(task="normals", enable=True)).success
    _run(bench, 1)
    bench.spin_until(lambda: (len(depth), len(normals)) == (3, 1), "three depths and one of normals")
    answer = call(EnableTask, "enable_task", EnableTask.Request(task="mugs"))
    assert not answer.success
    assert answer.message == "there is no task 'mugs'; tasks: depth, normals, segmentation"


def test_what_stops_with_a_task_is_said(bench: Bench, call: Call) -> None:
    bench.watch()
    points = bench.listen("points", PointCloud2)
    bench.add_node()
    bench.connect()
    bench.spin_until(lambda: bench.heard_outputs() == 2, "points and latency have a listener")
    _run(bench, 1)
    answer = call(EnableTask, "enable_task", EnableTask.Request(task="segmentation", enable=False))
    assert answer.message.startswith("segmentation is off; nothing comes on these until it is on again: segmentation/")
    assert answer.message.endswith(", points")
    bench.spin_until(lambda: bench.images.get_subscription_count() == 0, "no image is wanted")
    told = "task segmentation is switched off, and /perception_node/output/points with it, though somebody listens"
    bench.spin_until_status(DiagnosticStatus.WARN, told)
    bench.spin_until(
        lambda: bench.heard["/diagnostics"][-1].status[1].message.startswith(f"task_off: {told}"), "it is no idleness"
    )
    bench.listen("depth/image_rect")
    bench.connect()
    _run(bench, 1)  # done with, or its points might come when segmentation is on again
    bench.spin_until(
        lambda: bench.heard["/diagnostics"][-1].status[1].message.startswith(f"notice: {told}"), "it is a notice then"
    )
    answer = call(EnableTask, "enable_task", EnableTask.Request(task="segmentation", enable=True))
    assert answer.message == "segmentation is on"
    bench.spin_until_status(DiagnosticStatus.OK, "active")
    bench.spin_until(lambda: len(points) == 1, "the first points came, and none since")
    bench.send()
    bench.spin_until(lambda: len(points) == 2, "and the points come again")


def test_a_task_has_a_rate_of_its_own(bench: Bench) -> None:
    bench.watch()
    depth, mask = bench.listen("depth/image_rect"), bench.listen("segmentation/mask")
    bench.add_node(task_every=["segmentation=3"])
    bench.connect()
    bench.spin_until(lambda: bench.heard_outputs() == 3, "both outputs and latency have a listener")
    _run(bench, 7)
    bench.spin_until(lambda: (len(depth), len(mask)) == (7, 3), "masks of frames 0, 3 and 6")
    assert [m.header.stamp for m in mask] == [depth[i].header.stamp for i in (0, 3, 6)]


def test_frames_on_which_nothing_is_due_are_skipped(bench: Bench) -> None:
    bench.watch()
    mask = bench.listen("segmentation/mask")
    bench.add_node()
    bench.connect()
    (answer,) = bench.nodes[0].set_parameters([Parameter("task_every", value=["segmentation=2"])])
    assert answer.successful, answer.reason
    _run(bench, 4)
    bench.spin_until(lambda: len(mask) == 2, "every second one is answered")
    assert bench.ledger().skipped == 2
    assert balances(bench.ledger())


def test_a_trigger_answers_one_frame(bench: Bench, call: Call, tmp_path: Path) -> None:
    bench.watch()
    depth = bench.listen("depth/image_rect")
    bench.add_node(trigger_only=True)
    bench.spin_until_status(DiagnosticStatus.OK, "active")
    late = call(TriggerFrame, "trigger", TriggerFrame.Request(timeout_s=0.3))
    assert not late.success
    assert "within 0.3" in late.message
    bench.spin_until(lambda: bench.images.get_subscription_count() == 0, "nobody waits any more")
    client = bench.helper.create_client(TriggerFrame, "/perception_node/trigger")
    bench.spin_until(client.service_is_ready, "the service is there")
    future = client.call_async(TriggerFrame.Request(timeout_s=30.0))
    bench.connect()
    sent = bench.send()
    bench.spin_until(future.done, "the service answers")
    assert future.result().success, future.result().message
    assert future.result().stamp == sent.header.stamp
    bench.spin_until(lambda: len(depth) == 1, "it is published")

    answer = call(SaveSnapshot, "save_snapshot", SaveSnapshot.Request(folder=str(tmp_path / "shots")))
    assert answer.success, answer.message
    facts = json.loads(next((tmp_path / "shots").glob("*.json")).read_text(encoding="utf-8"))
    assert set(facts["prompts"]) == {"depth", "normals", "segmentation"}
    saved = np.load(next((tmp_path / "shots").glob("*_depth.npy")))
    np.testing.assert_array_equal(saved, pixels(depth[0], np.float32))
    assert all(Path(file).is_file() for file in answer.files)


def test_a_snapshot_needs_a_frame(bench: Bench, call: Call) -> None:
    bench.add_node()
    answer = call(SaveSnapshot, "save_snapshot", SaveSnapshot.Request())
    assert not answer.success
    assert "no frame was answered yet" in answer.message


def test_a_snapshot_into_a_home_that_there_is_not_is_refused(bench: Bench, call: Call) -> None:
    bench.add_node()
    answer = call(SaveSnapshot, "save_snapshot", SaveSnapshot.Request(folder="~no such user/shots"))
    assert not answer.success
    assert answer.message.startswith("folder is '~no such user/shots': the home directory ~no such user is not known")


def test_a_node_can_be_recovered(bench: Bench, call: Call) -> None:
    bench.watch()
    depth: list[Image] = bench.listen("depth/image_rect")
    bench.add_node(backend="fake:fail_every=4")  # the warm-up takes three; each recovery starts to count anew
    assert call(Trigger, "recover", Trigger.Request()).success
    bench.connect()
    bench.send()
    bench.spin_until(lambda: bench.ledger().failed == 1, "inference fails")
    bench.send()
    bench.spin_until(lambda: len(depth) == 1, "the next one does not")


def test_a_node_that_cannot_be_recovered_says_why(bench: Bench, call: Call) -> None:
    bench.add_node(model="/nowhere/at/all")
    answer = call(Trigger, "recover", Trigger.Request())
    assert not answer.success
    assert "no usable model in /nowhere/at/all" in answer.message


def test_an_engine_is_built_beside_the_running_one(bench: Bench) -> None:
    bench.add_node()
    client = ActionClient(bench.helper, BuildEngine, "/perception_node/build_engine")
    bench.spin_until(client.server_is_ready, "the action is there")
    told: list[str] = []

    def build(backend: str) -> Any:  # noqa: ANN401 - rclpy's result
        sent = client.send_goal_async(
            BuildEngine.Goal(backend=backend), feedback_callback=lambda m: told.append(m.feedback.step)
        )
        bench.spin_until(sent.done, "the goal is accepted")
        result = sent.result().get_result_async()
        bench.spin_until(result.done, "it is built")
        return result.result()

    good = build("fake")
    assert (good.status, good.result.success) == (GoalStatus.STATUS_SUCCEEDED, True), good.result.message
    assert good.result.backend == "fake"
    bench.spin_until(lambda: "ready" in told, "progress is told")
    bad = build("tensorflow")
    assert bad.status == GoalStatus.STATUS_ABORTED
    assert "unknown backend 'tensorflow'" in bad.result.message
    client.destroy()


def test_a_slow_engine_does_not_hold_up_the_transitions(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    go, real = threading.Event(), open_engine

    def slow(*arguments: Any) -> Any:  # noqa: ANN401 - as open_engine
        go.wait(60)
        return real(*arguments)

    monkeypatch.setattr(engine_room, "open_engine", slow)
    bench.watch()
    bench.listen("depth/image_rect")
    node = bench.add_node(load_wait_s=0.0)
    bench.spin_until_status(DiagnosticStatus.OK, "building: opening the engine")
    assert node.trigger_activate() == TransitionCallbackReturn.FAILURE
    go.set()
    bench.connect()  # autostart activates when the engine is there
    bench.send()
    bench.spin_until(bench.processed(1), "the image is processed")
