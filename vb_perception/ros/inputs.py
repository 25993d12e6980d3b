"""Camera messages in: which camera_info belongs to an image, which stamps are new, and message -> Frame."""

from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from typing import TypeAlias

from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from vb_perception.camera import CameraIntrinsics
from vb_perception.encodings import rgb_from_compressed, rgb_from_fields
from vb_perception.errors import FrameError
from vb_perception.frame import Frame
from vb_perception.rectification import intrinsics_from_info
from vb_perception.ros.viewport import View, Viewport

CameraImage: TypeAlias = Image | CompressedImage
NS_PER_S = 1_000_000_000
INFOS_KEPT = 64
IMAGES_KEPT = 64
"""Images that may wait for their camera_info: 2 s at 30 Hz, whatever the time allowed; 400 MB of 1920x1080 in rgb8."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """An image message, when it came (monotonic ns), and the camera_info that belongs to it.

    `crowded_out`: it waited for its camera_info no longer only because too many others did.
    """

    image: CameraImage
    arrived_ns: int
    camera: CameraInfo | None = None
    crowded_out: bool = False


def stamp_ns(message: CameraImage | CameraInfo) -> int:
    """The header's stamp in nanoseconds."""
    return int(message.header.stamp.sec * NS_PER_S + message.header.stamp.nanosec)


def intrinsics_of(arrival: Arrival) -> CameraIntrinsics | None:
    """The intrinsics that came with an image; None without a camera_info, or with an uncalibrated one.

    Raises FrameError for intrinsics that no camera has.
    """
    return None if arrival.camera is None else intrinsics_from_info(arrival.camera)


def missing_intrinsics(arrival: Arrival, info_topic: str, sync: str) -> str:
    """What to say of an image that came without intrinsics although they are required."""
    image = f"image stamped {stamp_ns(arrival.image)} ns came"
    need = "metric depth needs the camera's intrinsics"
    if arrival.camera is not None:
        return (
            f"{image} with an uncalibrated camera_info (K[0] is 0) on {info_topic}: {need}; calibrate the camera, or "
            "set require_camera_info to false"
        )
    if arrival.crowded_out:
        return (
            f"{image} without its camera_info on {info_topic}, and could not wait for it as long as camera_info_wait_s "
            f"says, for {IMAGES_KEPT} newer images wait too, which is the most: {need}; have camera_info come sooner, "
            "lower the camera's rate, or set sync_info to latched"
        )
    if sync == "latched":
        return (
            f"{image} before any camera_info on {info_topic}: {need}; check that the topic is published, set "
            "camera_info_qos: transient_local if its driver sends it only once, or set require_camera_info to false"
        )
    if sync == "approximate":
        return (
            f"{image} without a camera_info near its stamp on {info_topic}: {need}; publish a calibrated camera_info, "
            "raise sync_slop_s, or set sync_info to latched or require_camera_info to false"
        )
    return (
        f"{image} without a camera_info of its stamp on {info_topic}: {need}; publish a calibrated camera_info with "
        "the image's stamp, or set sync_info to latched or require_camera_info to false"
    )


def frame_from_arrival(arrival: Arrival, viewport: Viewport | None = None) -> Frame:
    """The Frame of one image; raises FrameError that says what came, what was expected and what to do."""
    image = arrival.image
    if isinstance(image, Image):
        rgb = rgb_from_fields(image.encoding, image.height, image.width, image.step, image.data, image.is_bigendian)
    else:
        rgb = rgb_from_compressed(image.format, image.data)
    view = (viewport or Viewport(View())).apply(rgb, arrival.camera)
    return Frame(view.rgb, stamp_ns(image), image.header.frame_id, view.intrinsics, view.unseen)


class StampGuard:
    """Stamps must rise.  A jump back further than `jump_ns` is a new run (a looping bag); a smaller one is an error."""

    def __init__(self, jump_ns: int) -> None:
        self._jump_ns = jump_ns
        self._last_ns: int | None = None

    def is_new_run(self, stamp: int) -> bool:
        """Take the next stamp [ns]; raises FrameError for one that is not later than its predecessor."""
        last, back_ns = self._last_ns, 0 if self._last_ns is None else self._last_ns - stamp
        if last is None or back_ns < 0 or back_ns > self._jump_ns:
            self._last_ns = stamp
            return last is not None and back_ns > 0
        kind = "twice" if back_ns == 0 else f"{back_ns / 1e6:.3f} ms after a later one"
        msg = (
            f"an image stamped {stamp} ns came {kind}: stamps must rise; check that only one camera publishes on this "
            "topic and that it stamps its images (a jump back of more than "
            f"stamp_jump_s = {self._jump_ns / NS_PER_S:g} s starts a new run)"
        )
        raise FrameError(msg)

    def clear(self) -> None:
        """Forget the last stamp."""
        self._last_ns = None


class InfoMatcher:
    """Brings each image together with its camera_info: of equal stamp, or the nearest within a slop, or the latest.

    Whatever leaves leaves in the order of arrival, each image exactly once; an image that waited in vain leaves without
    camera_info.  One owner (the executor's thread).
    """

    def __init__(self, *, latched: bool, wait_ns: int, wait_for_first: bool, slop_ns: int = 0) -> None:
        """`wait_for_first`: whether images wait for a camera_info although none was seen yet.

        `slop_ns`: how far the stamps may differ.  The first camera_info within it is taken, for a nearer one may never
        come; of those that are there, the nearest.
        """
        self._latched, self._wait_ns, self._wait_for_first = latched, wait_ns, wait_for_first
        self._slop_ns = slop_ns
        self._infos: OrderedDict[int, CameraInfo] = OrderedDict()
        self._waiting: deque[Arrival] = deque()

    def add_camera(self, camera: CameraInfo) -> list[Arrival]:
        """Take a camera_info; returns the arrivals that it sets free."""
        if self._latched:
            self._infos.clear()
        self._infos[stamp_ns(camera)] = camera
        self._infos.move_to_end(stamp_ns(camera))
        while len(self._infos) > INFOS_KEPT:
            self._infos.popitem(last=False)
        return self._release()

    def add_image(self, image: CameraImage, arrived_ns: int) -> list[Arrival]:
        """Take an image; returns the arrivals that may go on, mostly this one."""
        self._waiting.append(Arrival(image, arrived_ns))
        free = self._release()
        if not self._infos and not self._wait_for_first:
            return free + self.clear()
        while len(self._waiting) > IMAGES_KEPT:
            free.append(replace(self._waiting.popleft(), crowded_out=True))
        return free

    def expire(self, now_ns: int) -> list[Arrival]:
        """Returns the arrivals that waited longer than they may."""
        free = []
        while self._waiting and now_ns - self._waiting[0].arrived_ns > self._wait_ns:
            free.append(self._waiting.popleft())
        return free

    def clear(self) -> list[Arrival]:
        """Returns all that wait; known camera_infos stay known."""
        free = list(self._waiting)
        self._waiting.clear()
        return free

    def _find(self, image: CameraImage) -> CameraInfo | None:
        if self._latched:
            return next(reversed(self._infos.values()), None)
        stamp = stamp_ns(image)
        if self._slop_ns == 0 or stamp in self._infos:
            return self._infos.get(stamp)
        near = min(self._infos, key=lambda other: abs(other - stamp), default=None)
        return self._infos[near] if near is not None and abs(near - stamp) <= self._slop_ns else None

    def _release(self) -> list[Arrival]:
        """All up to the last one that found its camera_info; those it overtakes leave without."""
        found = [self._find(arrival.image) for arrival in self._waiting]
        count = max((i + 1 for i, camera in enumerate(found) if camera is not None), default=0)
        out = [Arrival(a.image, a.arrived_ns, camera) for a, camera in zip(self._waiting, found, strict=True)][:count]
        for _ in out:
            self._waiting.popleft()
        return out
