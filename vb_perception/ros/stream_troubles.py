"""The troubles of one camera in words: what is wrong with its images, and what to do about it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from vb_perception.errors import FrameError
from vb_perception.ros.outputs import Wanted
from vb_perception.ros.settings import CameraSettings


@dataclass(frozen=True, slots=True)
class Notice:
    """What is so with every image of a camera, though it is answered; whether its answers are the worse for it."""

    text: str
    worse: bool


def off_in_words(stopped: Sequence[tuple[str, str]]) -> str:
    """What to say of topics that are listened to while a task that they need is switched off; nothing of none."""
    tasks = dict.fromkeys(task for _, task in stopped)
    return "; ".join(
        f"task {off} is switched off, and {', '.join(topic for topic, task in stopped if task == off)} with it, though "
        "somebody listens: switch it on with ~/enable_task, or listen to other outputs (clouds need what cloud_fields "
        "and obstacle_exclude name)"
        for off in tasks
    )


class StreamTroubles:
    """Tells the troubles of one camera, and gives notice of what is so with its calibration; from any thread."""

    def __init__(
        self, settings: CameraSettings, complain: Callable[[str], None], notify: Callable[[Notice], None]
    ) -> None:
        """`complain` takes what is wrong with one image, `notify` what is so with it as with all."""
        self._settings, self._complain, self._notify = settings, complain, notify

    def tell(self, reason: str) -> None:
        """One image cannot be used, or not be answered in full."""
        self._complain(self._settings.told(reason))

    def notify(self, notice: Notice) -> None:
        """It is so with this image too."""
        self._notify(replace(notice, text=self._settings.told(notice.text)))

    def tell_of_age(self, age_ns: int, limit_ns: int) -> None:
        """An image was too old when its turn came."""
        self.tell(
            f"image is {age_ns / 1e9:.3f} s old, more than max_age_s = {limit_ns / 1e9:g}: lower the camera's "
            "rate, check the clocks (use_sim_time for a bag), or raise max_age_s"
        )

    def without_calibration(self, wanted: Wanted, *, asked: bool) -> Wanted:
        """Those of the outputs that an uncalibrated camera can have.

        Raises:
            FrameError: none is left, and nobody `asked` for this frame.
        """
        left = [row for row in wanted if not row[0].needs_camera]
        if not left and not asked:
            # Not by the publishers: a change of parameters may have taken them back since they were asked.
            topics = ", ".join(sorted(self._settings.topic(f"output/{output.topic}") for output, _ in wanted))
            msg = (
                f"image came without calibration, and all that is listened to needs it ({topics}): publish a "
                "calibrated camera_info, or listen to other outputs"
            )
            raise FrameError(msg)
        text = (
            "images come without calibration: depth is a guess in scale from the model's default field of view, "
            "and neither points nor depth/camera_info are published; publish a calibrated camera_info"
        )
        self.notify(Notice(text, worse=True))
        return left

    def tell_of_distortion(self, *, undone: bool | None) -> None:
        """Images are not rectified, says camera_info; whether that is `undone` here, as in `viewport.View`."""
        text = "camera_info has distortion, or K that P is not: " + (
            "images are rectified here; where they are so already, set rectification to assume_rectified"
            if undone
            else "images are taken as rectified; where they are not, set rectification to rectify, or remap "
            "~/input/image to the rectified topic (image_rect of image_proc)"
        )
        self.notify(Notice(text, worse=False))
