"""The action `~/build_engine`: opens an engine apart from the running one, so that its build is done and cached."""

import time

from rclpy.action.server import ActionServer, CancelResponse, GoalResponse, ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node

from vb_perception.action import BuildEngine
from vb_perception.ros import parameters
from vb_perception.ros.control import OneTurn
from vb_perception.ros.engine_room import EngineRoom
from vb_perception.ros.settings import model_folder

FEEDBACK_PERIOD_S = 0.5
POLL_S = 0.01


class BuildAction:
    """Serves one build at a time; cancelling lets go of it (the backend's own build cannot be interrupted)."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._busy = False
        self._server = ActionServer(
            node,
            BuildEngine,
            "~/build_engine",
            self._execute,
            goal_callback=self._on_goal,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
            callback_group=ReentrantCallbackGroup(),  # the node's other work goes on meanwhile
        )

    def destroy(self) -> None:
        """Take the action back."""
        self._server.destroy()

    def _on_goal(self, _goal: BuildEngine.Goal) -> GoalResponse:
        return GoalResponse.REJECT if self._busy else GoalResponse.ACCEPT

    async def _execute(self, goal: ServerGoalHandle) -> BuildEngine.Result:
        self._busy = True
        try:
            return await self._build(goal)
        finally:
            self._busy = False

    async def _build(self, goal: ServerGoalHandle) -> BuildEngine.Result:
        model = goal.request.model or self._node.get_parameter("model").value
        backend = goal.request.backend or self._node.get_parameter("backend").value
        settings = parameters.read(self._node)
        room = EngineRoom(model_folder(model), backend, settings.threads, settings.engine, ())
        room.start()
        told_s = 0.0
        while not room.done and not goal.is_cancel_requested:
            if room.elapsed_s - told_s >= FEEDBACK_PERIOD_S:
                told_s = room.elapsed_s
                goal.publish_feedback(BuildEngine.Feedback(step=room.step, elapsed_s=told_s))
            time.sleep(POLL_S)  # noqa: ASYNC251 - the executor has no asyncio
            await OneTurn()
        goal.publish_feedback(BuildEngine.Feedback(step=room.step, elapsed_s=room.elapsed_s))
        result = BuildEngine.Result(seconds=room.elapsed_s, backend=room.backend)
        if not room.done:
            room.close()
            goal.canceled()
            result.message = "cancelled; what the backend is building ends by itself"
        elif room.pipeline is None:
            goal.abort()
            result.message = room.refusal or f"a defect, please report it:\n{room.defect}"
        else:
            goal.succeed()
            result.success, result.message = True, f"{room.backend} runs {model}"
        room.close()
        return result
