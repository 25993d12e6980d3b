"""The subscriptions to one camera: they live while somebody listens to an output; a latched camera_info's stays."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from rclpy.clock import JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.exceptions import NameValidationException
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.subscription import Subscription
from rclpy.validate_topic_name import validate_topic_name
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from vb_perception.errors import ConfigError, FrameError
from vb_perception.ros.inputs import (
    Arrival,
    CameraImage,
    InfoMatcher,
    StampGuard,
    intrinsics_of,
    missing_intrinsics,
    stamp_ns,
)
from vb_perception.ros.qos import (
    QosTrouble,
    SubscriptionEventCallbacks,
    clash,
    incompatible_input,
    qos_profile,
    silence_hint,
)
from vb_perception.ros.settings import CameraSettings


class Receiver(Protocol):
    """Who takes what a camera sends, and accounts for it."""

    def receive(self) -> None:
        """Count one image message as received."""

    def reject(self, reason: str) -> None:
        """Count one received image as unusable and say why."""

    def submit(self, arrival: Arrival) -> None:
        """Take an image that can be used."""

    def give_up(self, count: int) -> None:
        """Count images whose turn never came."""

    def drop_waiting(self) -> None:
        """Give up what waits for its turn."""

    def new_run(self) -> None:
        """Time jumped back."""


class CameraInput:
    """Checks stamps, brings images and camera_infos together and submits them."""

    def __init__(self, node: Node, settings: CameraSettings, receiver: Receiver, qos_trouble: QosTrouble) -> None:
        self._node, self._settings, self._receiver = node, settings, receiver
        self._qos_trouble = qos_trouble
        self._stamps = StampGuard(settings.stamp_jump_ns)
        self._matcher = InfoMatcher(
            latched=settings.latched_info,
            wait_ns=settings.camera_info_wait_ns,
            wait_for_first=settings.require_camera_info,
            slop_ns=settings.sync_slop_ns if settings.sync_info == "approximate" else 0,
        )
        self.topic: str = image_topic(node, settings)
        self.infos = 0
        self._image: Subscription | None = None
        self.listening_since_ns = 0
        self.info_topic = info_topic(node, settings)
        self._info: Subscription | None = None
        if settings.latched_info:  # comes once, and is kept
            self._listen_to_info()
        back = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-max(1, settings.stamp_jump_ns)))
        self._jumps = node.get_clock().create_jump_callback(back, post_callback=self._on_time_jump)

    @property
    def listening(self) -> bool:
        """Whether the image subscription exists."""
        return self._image is not None

    def listen(self, *, wanted: bool) -> None:
        """Make or end the image subscription."""
        if wanted and self._image is None:
            self._listen_to_info()
            kind = CompressedImage if self._settings.compressed else Image
            self._image = self._subscribe(kind, self.topic, self._on_image, "input_qos", self._settings.input_qos)
            self.listening_since_ns = time.monotonic_ns()
        elif not wanted and self._image is not None:
            self._node.destroy_subscription(self._image)
            self._image = None
            if not self._settings.latched_info:
                self._end_info()
            self._receiver.give_up(len(self._matcher.clear()))
            self._receiver.drop_waiting()

    def publishers(self) -> int:
        """How many publish the image topic."""
        return int(self._node.count_publishers(self.topic))

    def silence_hint(self) -> str:
        """What to change when the topic has publishers and no image comes."""
        offers = self._node.get_publishers_info_by_topic(self.topic)
        return silence_hint(offers, "input_qos", self._settings.input_qos)

    def expire(self) -> None:
        """Let go of images that waited too long for their camera_info."""
        self._pass_on(self._matcher.expire(time.monotonic_ns()))

    def close(self) -> None:
        """End both subscriptions."""
        self.listen(wanted=False)
        self._end_info()
        self._jumps.unregister()

    def _listen_to_info(self) -> None:
        if self._info is None:
            qos = self._settings.camera_info_qos
            self._info = self._subscribe(CameraInfo, self.info_topic, self._on_info, "camera_info_qos", qos)

    def _end_info(self) -> None:
        if self._info is not None:
            self._node.destroy_subscription(self._info)
            self._info = None

    def _subscribe(
        self, kind: type, topic: str, callback: Callable[..., None], parameter: str, qos: str
    ) -> Subscription:
        profile = qos_profile(qos)

        def lasts() -> bool:
            offers = self._node.get_publishers_info_by_topic(topic)
            return any(clash(offer.qos_profile, profile) for offer in offers)

        events = SubscriptionEventCallbacks(
            incompatible_qos=lambda event: self._qos_trouble(incompatible_input(topic, parameter, qos, event), lasts)
        )
        return self._node.create_subscription(kind, topic, callback, profile, event_callbacks=events)

    def _on_info(self, camera: CameraInfo) -> None:
        self.infos += 1
        self._pass_on(self._matcher.add_camera(camera))

    def _on_image(self, image: CameraImage) -> None:
        arrived_ns = time.monotonic_ns()
        self._receiver.receive()
        try:
            if self._stamps.is_new_run(stamp_ns(image)):
                self._new_run()
        except FrameError as error:
            self._receiver.reject(str(error))
            return
        self._pass_on(self._matcher.add_image(image, arrived_ns))

    def _pass_on(self, arrivals: Sequence[Arrival]) -> None:
        for arrival in arrivals:
            self._pass_one_on(arrival)

    def _pass_one_on(self, arrival: Arrival) -> None:
        """Only what can be used goes into the slot: there it would overwrite a good image."""
        try:
            calibrated = intrinsics_of(arrival) is not None
        except FrameError as error:
            self._receiver.reject(str(error))
            return
        if calibrated or not self._settings.require_camera_info:
            self._receiver.submit(arrival)
        else:
            self._receiver.reject(missing_intrinsics(arrival, self.info_topic, self._settings.sync_info))

    def _on_time_jump(self, _jump: TimeJump) -> None:
        self._stamps.clear()
        self._new_run()

    def _new_run(self) -> None:
        """Time jumped back (a looping bag): what waits belongs to the run before, as do its latencies."""
        for _ in self._matcher.clear():
            self._receiver.reject("time jumped back while an image waited for its camera_info")
        self._receiver.new_run()


def image_topic(node: Node, settings: CameraSettings) -> str:
    """The image topic, resolved.  As with image_transport the suffix follows whatever the topic is remapped to.

    Raises:
        ConfigError: the parameter is no topic's name.
    """
    suffix = "/compressed" if settings.compressed else ""
    return _resolved(node, "image_topic", settings.image_topic or settings.topic("input/image")) + suffix


def info_topic(node: Node, settings: CameraSettings) -> str:
    """The camera_info topic, resolved; raises ConfigError if the parameter is no topic's name."""
    return _resolved(node, "camera_info_topic", settings.camera_info_topic or settings.topic("input/camera_info"))


def _resolved(node: Node, parameter: str, name: str) -> str:
    try:
        validate_topic_name(name)
        topic: str = node.resolve_topic_name(name)
    except (NameValidationException, rclpy_implementation.RCLError) as error:
        why = " ".join(str(error).split())
        msg = f"parameter {parameter} is {name!r}, which is no topic's name ({why}): give one as in /camera/image_rect"
        raise ConfigError(msg) from error
    return topic
