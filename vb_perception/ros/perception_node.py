"""The node: a lifecycle around its cameras, one engine and the thread that runs it.

unconfigured -> (configure: parameters, topics; a thread loads the model) -> inactive -> (activate: cameras, worker) ->
active.  Its executor's thread only passes messages on; the network runs in the worker's thread.
"""

import logging
from typing import Any

from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined]  # Humble has the type here alone
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from vb_perception.errors import ConfigError, VbPerceptionError
from vb_perception.ros.allocator import keep_large_blocks
from vb_perception.ros.build_action import BuildAction
from vb_perception.ros.camera_input import CameraInput
from vb_perception.ros.camera_stream import CameraStream
from vb_perception.ros.control import Control
from vb_perception.ros.engine_room import leave_if_building
from vb_perception.ros.equipment import Equipment, equip
from vb_perception.ros.parameter_changes import ParameterChanges
from vb_perception.ros.reporter import Report, Reporter
from vb_perception.ros.stopping import ros_context, serve
from vb_perception.ros.transitions import FINALIZED, CheckedLifecycleNode, defects_told
from vb_perception.ros.worker import HANGS, leave_if_hanging

POLL_PERIOD_S = 0.3
FIRST_STATS_PERIOD_S = 1.0
NS_PER_S = 1_000_000_000
BUILDING = "building"


class PerceptionNode(CheckedLifecycleNode):
    """Depth, normals and segmentation of one or more cameras; see docs/topics.md for topics, services, parameters."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - handed on to rclpy
        """Declare the parameters; nothing is loaded before `on_configure`."""
        super().__init__("perception_node", automatically_declare_parameters_from_overrides=True, **kwargs)
        self._state = "unconfigured"
        self._reporter = Reporter(self)
        self._equipment: Equipment | None = None
        self._activate_when_ready = False
        self._parameter_changes = ParameterChanges(self, lambda: self._equipment)
        Control(self, self._streams, self.recover)
        self._build_action = BuildAction(self)
        # Steady clocks: a paused bag stops ROS time, but not the node.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._poll_timer = self.create_timer(POLL_PERIOD_S, self._poll, clock=steady)
        self._stats_timer = self.create_timer(FIRST_STATS_PERIOD_S, self._report, clock=steady)

    def autostart(self) -> None:
        """Configure and activate, if the parameter says so; otherwise lifecycle transitions do."""
        if self.get_parameter("autostart").value:
            self._start()
        else:
            self.get_logger().info("autostart is false: waiting for the configure and activate transitions")

    def recover(self) -> str:
        """Release everything, configure and activate anew, from whatever state but finalized; why it failed, or ""."""
        if self.finalized:
            return "the node was shut down by a transition, which nothing undoes: start its process again"
        if self._equipment is not None and self._equipment.inputs:
            self.trigger_deactivate()
        if self._hangs:
            return HANGS
        if self._equipment is not None:
            self.trigger_cleanup()
        if self._start() == TransitionCallbackReturn.SUCCESS:
            return ""
        return self._reporter.failure or f"the node is {self._state}; see its log"

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read the parameters, make the topics, and load the model, waiting for it no longer than `load_wait_s`."""
        with defects_told("configured", self._fail):
            try:
                self._parameter_changes.settle()
                equipment = self._equipment = equip(self, self._reporter)
                if equipment.room.wait(equipment.settings.load_wait_s):
                    self._engine_is_there(equipment)
            except VbPerceptionError as error:
                self._dismantle()
                self._fail(f"not configured: {error}")
                return TransitionCallbackReturn.FAILURE
        if equipment.worker is None:
            self._state = BUILDING
            self.get_logger().info(f"the model is still loading ({equipment.room.step}); it can be activated then")
        self._stats_timer.timer_period_ns = round(equipment.settings.stats_period_s * NS_PER_S)
        self._stats_timer.reset()
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start the worker and subscribe to camera_info; the images follow when somebody listens."""
        equipment = self._equipment
        if equipment is None:
            msg = "the node is not configured: call the configure transition first"
            raise ConfigError(msg)
        if equipment.worker is None or equipment.hangs:
            self.get_logger().warning(f"not activated: {equipment.unready()}")
            return TransitionCallbackReturn.FAILURE
        self._reporter.clear()
        with defects_told("activated", self._fail):
            equipment.worker.start()
            equipment.open_inputs(self, self._reporter)
        self._state = "active"
        topics = ", ".join(camera.topic for camera in equipment.inputs.values())
        self.get_logger().info(f"active: waiting for listeners, then for images on {topics}")
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let the frame in work finish, then stop; if it does not finish in time, that is an ERROR in /diagnostics."""
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take topics and model back, unless a thread hangs in it."""
        if self._hangs:
            self._fail(HANGS)
            return TransitionCallbackReturn.FAILURE
        self._dismantle()
        return super().on_cleanup(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """A transition broke off at a defect of ours: release everything, and say so as an unconfigured node."""
        why = self._reporter.failure or "a transition ended with a defect, please report it"
        self._stop()
        self._dismantle()
        self._reporter.failure = why
        self._report()
        return super().on_error(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and take everything back, from whatever state."""
        self.close()
        self._state = FINALIZED
        return super().on_shutdown(state)

    def close(self) -> None:
        """Stop the worker, deliver the last report and release the model; the node can then be destroyed."""
        self._stop()
        self._reporter.flush()
        self._dismantle()

    def destroy_node(self) -> None:
        """Take the action back as well: rclpy does not."""
        self._build_action.destroy()
        super().destroy_node()

    def _start(self) -> TransitionCallbackReturn:
        self._activate_when_ready = False
        answer = self.trigger_configure()
        if answer == TransitionCallbackReturn.SUCCESS:
            if self._state == BUILDING:
                self._activate_when_ready = True
            else:
                return self.trigger_activate()
        return answer

    def _engine_is_there(self, equipment: Equipment) -> None:
        """Go from building to inactive; raises what `Equipment.take_engine` does."""
        equipment.take_engine()
        self._state = "inactive"
        self._reporter.clear()
        self.get_logger().info(f"configured: {equipment.in_words()}")

    def _streams(self) -> dict[str, CameraStream]:
        return {} if self._equipment is None else self._equipment.streams

    def _stop(self) -> None:
        equipment = self._equipment
        if equipment is None or equipment.worker is None or not equipment.worker.running:
            return
        inputs = equipment.close_inputs()
        equipment.worker.stop()
        self._state = "inactive"
        self._report(inputs)
        if equipment.hangs:
            self._fail(HANGS)

    @property
    def _hangs(self) -> bool:
        return self._equipment is not None and self._equipment.hangs

    def _dismantle(self) -> None:
        hung = self._hangs
        self._activate_when_ready = False
        equipment, self._equipment = self._equipment, None
        if equipment is not None:
            equipment.close()
        self._reporter.open(())
        self._state = "unconfigured"
        self._reporter.clear()
        if hung:
            self._fail(HANGS)

    def _poll(self) -> None:
        """Subscribe while there are listeners; go on when the model is there; stop when the worker gave up."""
        equipment = self._equipment
        if equipment is None:
            return
        if equipment.worker is None:
            if equipment.room.done:
                self._end_building(equipment)
        elif equipment.inputs and equipment.worker.failure:
            failure = equipment.worker.failure
            self.trigger_deactivate()
            self._fail(f"deactivated: {failure}{f'; {self._reporter.failure}' * self._hangs}")
        else:
            equipment.listen()

    def _end_building(self, equipment: Equipment) -> None:
        activate = self._activate_when_ready
        try:
            self._engine_is_there(equipment)
        except (VbPerceptionError, RuntimeError) as error:
            self.trigger_cleanup()
            self._fail(f"not configured: {error}")
            return
        if activate:
            self.trigger_activate()

    def _report(self, inputs: dict[str, CameraInput] | None = None) -> None:
        equipment = self._equipment
        if equipment is None:
            self._reporter.publish(Report(self._state))
            return
        state = f"{BUILDING}: {equipment.room.progress}" if self._state == BUILDING else self._state
        self._reporter.publish(equipment.report(state, equipment.inputs if inputs is None else inputs))

    def _fail(self, why: str) -> None:
        self.get_logger().error(why)
        self._reporter.failure = why
        self._report()


def main(args: list[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM; leaves the process with status 1 if its engine hangs then."""
    logging.basicConfig(level=logging.WARNING, format="[%(name)s] %(message)s")
    keep_large_blocks()
    with ros_context(args) as stop:
        node = PerceptionNode()
        node.autostart()
        serve(node, stop)
        node.close()
        leave_if_hanging()
        node.destroy_node()
    leave_if_building()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
