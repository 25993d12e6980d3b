"""The node: a lifecycle around camera input, inference worker and outputs.

unconfigured -> (configure: parameters, model, warm-up, topics) -> inactive -> (activate: camera, worker) -> active.
Its executor's thread only passes messages on; the network runs in the worker's thread.
"""

import logging
import traceback
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from vb_perception.errors import ConfigError, VbPerceptionError
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.ros import parameters
from vb_perception.ros.camera_input import CameraInput
from vb_perception.ros.outputs import OutputPublishers
from vb_perception.ros.reporter import Reporter
from vb_perception.ros.stopping import SPIN_STEP_S, ros_context
from vb_perception.ros.worker import InferenceWorker
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.text import PromptEncoder

POLL_PERIOD_S = 0.2
FIRST_STATS_PERIOD_S = 1.0
NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a configured node holds."""

    settings: parameters.Settings
    backend: str
    outputs: OutputPublishers
    worker: InferenceWorker
    closing: ExitStack


class PerceptionNode(LifecycleNode):
    """Depth, normals and segmentation of one camera; see docs/topics.md for topics and parameters."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - handed on to rclpy
        """Declare the parameters; nothing is loaded before `on_configure`."""
        super().__init__("perception_node", automatically_declare_parameters_from_overrides=True, **kwargs)
        self._state = "unconfigured"
        self._reporter = Reporter(self)
        self._equipment: Equipment | None = None
        self._camera: CameraInput | None = None
        self._parameter_problems = parameters.declare(self)
        self.add_on_set_parameters_callback(self._on_parameters)
        # Steady clocks: a paused bag stops ROS time, but not the node.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._poll_timer = self.create_timer(POLL_PERIOD_S, self._poll, clock=steady)
        self._stats_timer = self.create_timer(FIRST_STATS_PERIOD_S, self._report, clock=steady)

    def autostart(self) -> None:
        """Configure and activate, if the parameter says so; otherwise lifecycle transitions do."""
        if not self.get_parameter("autostart").value:
            self.get_logger().info("autostart is false: waiting for the configure and activate transitions")
        elif self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read the parameters, load the model, run it once and make the topics."""
        try:
            self._equipment = self._equip()
        except VbPerceptionError as error:
            self._fail(f"not configured: {error}")
            return TransitionCallbackReturn.FAILURE
        except Exception:
            # rclpy turns every exception into the ERROR transition without a word.
            self._fail(f"not configured because of a defect, please report it:\n{traceback.format_exc()}")
            raise
        self._state = "inactive"
        self._reporter.clear()
        self._stats_timer.timer_period_ns = round(self._equipment.settings.stats_period_s * NS_PER_S)
        self._stats_timer.reset()
        names = ", ".join(task.name for task in self._equipment.settings.tasks)
        self.get_logger().info(f"configured: {names} on {self._equipment.backend}")
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start the worker and subscribe to camera_info; the image follows when somebody listens."""
        equipment = self._equipped()
        equipment.worker.start()
        self._camera = CameraInput(self, equipment.settings, equipment.worker, self._reporter.qos_trouble)
        self._state = "active"
        self._reporter.clear()
        self.get_logger().info(f"active: waiting for listeners, then for images on {self._camera.topic}")
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let the frame in work finish, then stop."""
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take topics and model back."""
        self._dismantle()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and take everything back, from whatever state."""
        self.close()
        return super().on_shutdown(state)

    def close(self) -> None:
        """Stop the worker, deliver the last report and release the model; the node can then be destroyed."""
        self._stop()
        self._reporter.flush()
        self._dismantle()

    def _equip(self) -> Equipment:
        if self._parameter_problems:
            raise ConfigError("; ".join(self._parameter_problems.values()))
        settings = parameters.read(self)
        with ExitStack() as closing:
            engine = closing.enter_context(open_engine(settings.model_dir, settings.backend, settings.threads))
            pipeline = PerceptionPipeline(engine, PromptEncoder(settings.model_dir, engine.spec))
            pipeline.warm_up(settings.tasks)
            outputs = OutputPublishers(self, settings.tasks, settings.output_qos, self._reporter.qos_trouble)
            closing.callback(outputs.destroy)
            worker = InferenceWorker(pipeline, outputs, settings, self._ros_time_ns, self._reporter.complain)
            return Equipment(settings, engine.backend, outputs, worker, closing.pop_all())

    def _equipped(self) -> Equipment:
        if self._equipment is None:
            msg = "the node is not configured: call the configure transition first"
            raise ConfigError(msg)
        return self._equipment

    def _stop(self) -> None:
        if self._camera is None or self._equipment is None:
            return
        camera, self._camera = self._camera, None
        camera.close()
        self._equipment.worker.stop()
        self._state = "inactive"
        self._reporter.publish(self._state, self._equipment.backend, camera, self._equipment.worker)

    def _dismantle(self) -> None:
        if self._equipment is not None:
            self._equipment.closing.close()
            self._equipment = None
        self._state = "unconfigured"
        self._reporter.clear()

    def _poll(self) -> None:
        """Subscribe while there are listeners; stop when the worker gave up."""
        if self._camera is None or self._equipment is None:
            return
        failure = self._equipment.worker.failure
        if failure:
            self.trigger_deactivate()
            self._fail(f"deactivated: {failure}")
            return
        self._camera.listen(wanted=bool(self._equipment.outputs.wanted()))
        self._camera.expire()

    def _report(self) -> None:
        equipment = self._equipment
        self._reporter.publish(
            self._state, equipment.backend if equipment else "", self._camera, equipment.worker if equipment else None
        )

    def _fail(self, why: str) -> None:
        self.get_logger().error(why)
        self._reporter.failure = why
        self._report()

    def _ros_time_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _on_parameters(self, changed: list[Parameter]) -> SetParametersResult:
        if self._equipment is None:
            for name in parameters.cured(changed):
                self._parameter_problems.pop(name, None)
            return SetParametersResult(successful=True)
        return parameters.refuse_while_configured(changed)


def main(args: list[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM."""
    logging.basicConfig(level=logging.WARNING, format="[%(name)s] %(message)s")
    with ros_context(args) as stop:
        node = PerceptionNode()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        node.autostart()
        while not stop.is_set():
            executor.spin_once(timeout_sec=SPIN_STEP_S)
        executor.shutdown()
        node.close()
        node.destroy_node()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
