"""The action `~/build_engine`: opens an engine apart from the running one, so that its build is done and cached."""

import time

from rclpy.action.server import ActionServer, CancelResponse, GoalResponse, ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node

from vb_perception.action import BuildEngine
from vb_perception.errors import VbPerceptionError
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
        try:
            room = self._room(goal.request)
        except VbPerceptionError as error:
            goal.abort()
            return BuildEngine.Result(message=f"nothing is built: {error}")
        try:
            room.start()
            return await self._watched(goal, room)
        finally:
            room.close()

    def _room(self, asked: BuildEngine.Goal) -> EngineRoom:
        """The room that the goal and the parameters ask for; raises ConfigError if they cannot be used."""
        settings = parameters.read(self._node)
        model = model_folder(asked.model) if asked.model else settings.model_dir
        return EngineRoom(model, asked.backend or settings.backend, settings.threads, settings.engine, ())

    async def _watched(self, goal: ServerGoalHandle, room: EngineRoom) -> BuildEngine.Result:
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
            goal.canceled()
            result.message = "cancelled; what the backend is building ends by itself"
        elif room.pipeline is None:
            goal.abort()
            result.message = room.refusal or f"a defect, please report it:\n{room.defect}"
        else:
            goal.succeed()
            model = goal.request.model or self._node.get_parameter("model").value
            result.success, result.message = True, f"{room.backend} runs {model}"
        return result
