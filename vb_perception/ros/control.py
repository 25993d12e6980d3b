"""The services that steer a running node: instructions, tasks, single frames, snapshots, recovery."""

import time
from collections.abc import Callable, Generator, Mapping

from builtin_interfaces.msg import Time
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from vb_perception.errors import ConfigError, VbPerceptionError
from vb_perception.ros.camera_stream import CameraStream
from vb_perception.ros.inputs import NS_PER_S
from vb_perception.ros.parameter_validation import full_name
from vb_perception.ros.settings import folder_from
from vb_perception.ros.snapshot import save_snapshot
from vb_perception.srv import EnableTask, SaveSnapshot, SetInstructions, TriggerFrame

TRIGGER_TIMEOUT_S = 5.0
POLL_S = 0.002


class OneTurn:
    """Awaited: lets the executor do its other work once."""

    def __await__(self) -> Generator[None, None, None]:
        """Give up the thread once."""
        yield


class Control:
    """Services of the node.

    `streams` tells what is configured (nothing: the services refuse), `recover` why the node could not be recovered.
    """

    def __init__(
        self, node: Node, streams: Callable[[], Mapping[str, CameraStream]], recover: Callable[[], str]
    ) -> None:
        self._node, self._streams, self._recover = node, streams, recover
        node.create_service(SetInstructions, "~/set_instructions", self._on_instructions)
        node.create_service(EnableTask, "~/enable_task", self._on_enable)
        # A group of its own: what waits for a frame must not keep the frame waiting.
        alone = ReentrantCallbackGroup()
        node.create_service(TriggerFrame, "~/trigger", self._on_trigger, callback_group=alone)
        node.create_service(SaveSnapshot, "~/save_snapshot", self._on_snapshot)
        node.create_service(Trigger, "~/recover", self._on_recover)

    def _chosen(self, camera: str) -> tuple[list[CameraStream], str]:
        """The streams that a request means, or why there is none."""
        streams = self._streams()
        if not streams:
            return [], "the node is not configured: call the configure transition first"
        if not camera:
            return list(streams.values()), ""
        if camera not in streams:
            known = ", ".join(name for name in streams if name) or "only one, whose name is empty"
            return [], f"there is no camera {camera!r}; cameras: {known}"
        return [streams[camera]], ""

    def _on_instructions(
        self, request: SetInstructions.Request, response: SetInstructions.Response
    ) -> SetInstructions.Response:
        chosen, response.message = self._chosen(request.camera)
        changes = []
        given = {"tasks": request.instructions, "classes": request.classes, "colours": request.colours}
        if request.classes and not request.colours:
            given["colours"] = [""]
        for stream in chosen:
            for row, values in given.items():
                if values:
                    changes.append(Parameter(full_name(stream.settings.name, row), value=list(values)))
        if chosen and not changes:
            response.message = "the request is empty: give instructions, or classes, or both"
        elif chosen:
            answer = self._node.set_parameters_atomically(changes)
            response.success = answer.successful
            told = (stream.settings.told(stream.untaught) for stream in chosen if stream.untaught)
            response.message = answer.reason or "; ".join(("from the next frame on", *told))
        tasks = [(stream, task) for stream in chosen for task in stream.tasks]
        response.tasks = [
            f"{stream.settings.name}/{task.name}" if stream.settings.name else task.name for stream, task in tasks
        ]
        response.prompts = [task.prompt for _, task in tasks]
        return response

    def _on_enable(self, request: EnableTask.Request, response: EnableTask.Response) -> EnableTask.Response:
        chosen, response.message = self._chosen(request.camera)
        if not chosen:
            return response
        ends = [stream.enable(request.task, on=request.enable) for stream in chosen]
        outputs = ", ".join(dict.fromkeys(topic for topics in ends for topic in topics))
        response.success = bool(outputs)
        if outputs and request.enable:
            response.message = f"{request.task} is on"
        elif outputs:
            response.message = f"{request.task} is off; nothing comes on these until it is on again: {outputs}"
        else:
            names = ", ".join(dict.fromkeys(task.name for stream in chosen for task in stream.tasks))
            response.message = f"there is no task {request.task!r}; tasks: {names}"
        return response

    async def _on_trigger(
        self, request: TriggerFrame.Request, response: TriggerFrame.Response
    ) -> TriggerFrame.Response:
        chosen, response.message = self._chosen(request.camera)
        if len(chosen) > 1:
            names = ", ".join(stream.settings.name for stream in chosen)
            response.message = f"which camera: {names}?"
            return response
        if not chosen:
            return response
        (stream,) = chosen
        timeout_s = request.timeout_s if request.timeout_s > 0 else TRIGGER_TIMEOUT_S
        until = time.monotonic() + timeout_s
        ticket = stream.account.request()
        # The executor goes on with its other work at every turn; the pause keeps it from turning in vain.
        while not ticket.done and time.monotonic() < until:
            time.sleep(POLL_S)  # noqa: ASYNC251 - the executor has no asyncio
            await OneTurn()
        stream.account.withdraw(ticket)
        if ticket.stamp_ns is not None:
            seconds, nanoseconds = divmod(ticket.stamp_ns, NS_PER_S)
            response.success, response.message = True, "answered"
            response.stamp = Time(sec=seconds, nanosec=nanoseconds)
        else:
            late = f"no image on {stream.topic} was answered within {timeout_s:g} s: is the node active, the camera on?"
            response.message = ticket.refusal or late
        return response

    def _on_snapshot(self, request: SaveSnapshot.Request, response: SaveSnapshot.Response) -> SaveSnapshot.Response:
        chosen, response.message = self._chosen(request.camera)
        try:
            folder = folder_from("folder", request.folder or self._node.get_parameter("snapshot_folder").value)
        except ConfigError as error:
            response.message = str(error)
            return response
        for stream in chosen:
            last = stream.last
            if last is None:
                response.message = stream.settings.told(
                    "no frame was answered yet: listen to an output, or call ~/trigger"
                )
                return response
            try:
                files = save_snapshot(folder, stream.settings.name, last.perception, last.tasks)
            except (OSError, VbPerceptionError) as error:
                response.message = f"{folder} cannot be written: {error}"
                return response
            response.files = [*response.files, *map(str, files)]
        response.success = bool(chosen)
        if chosen:
            response.message = f"{len(response.files)} files in {folder}"
        return response

    def _on_recover(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        refusal = self._recover()
        response.success = not refusal
        response.message = refusal or "configured anew; active as soon as the model is loaded"
        return response
