"""The action on a node whose parameters cannot be used."""

import pytest
from action_msgs.msg import GoalStatus
from rclpy.action.client import ActionClient
from vb_perception.action import BuildEngine

from tests.ros.bench import Bench


@pytest.mark.parametrize(
    ("goal", "classes", "words"),
    [
        (BuildEngine.Goal(), ["a", "b", "c"], "nothing is built: 3 classes"),
        (
            BuildEngine.Goal(model="~no such user/m"),
            ["table", "object"],
            "nothing is built: model is '~no such user/m'",
        ),
    ],
    ids=["parameters", "model"],
)
def test_a_build_that_cannot_begin_is_aborted_in_words(
    bench: Bench, goal: BuildEngine.Goal, classes: list[str], words: str
) -> None:
    bench.add_node(classes=classes)
    client = ActionClient(bench.helper, BuildEngine, "/perception_node/build_engine")
    bench.spin_until(client.server_is_ready, "the action is there")
    for _ in range(2):  # the first leaves nothing behind that would refuse the second
        sent = client.send_goal_async(goal)
        bench.spin_until(sent.done, "the goal is accepted")
        result = sent.result().get_result_async()
        bench.spin_until(result.done, "the goal has a result")
        assert result.result().status == GoalStatus.STATUS_ABORTED
        assert result.result().result.message.startswith(words)
    client.destroy()
