"""The troubles of one camera in words: what is wrong with its images, and what to do about it."""

from collections.abc import Callable

from vb_perception.errors import FrameError
from vb_perception.ros.outputs import Wanted


class StreamTroubles:
    """Tells the troubles of one camera; those of its calibration, which every image has, once from a start on.

    `tell` and `tell_of_age` may be called from any thread, the rest by the worker's that asks the engine; `clear` while
    it does not run.
    """

    def __init__(self, complain: Callable[[str], None]) -> None:
        """`complain`: takes what is to be said of this camera."""
        self.tell = complain
        self._told: set[str] = set()

    def clear(self) -> None:
        """Forget what was told once."""
        self._told.clear()

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
            topics = ", ".join(sorted(publisher.topic_name for _, publisher in wanted))
            msg = (
                f"image came without calibration, and all that is listened to needs it ({topics}): publish a "
                "calibrated camera_info, or listen to other outputs"
            )
            raise FrameError(msg)
        self._tell_once(
            "images come without calibration: depth is a guess in scale from the model's default field of view, "
            "and neither points nor depth/camera_info are published; publish a calibrated camera_info"
        )
        return left

    def tell_of_distortion(self, *, undone: bool | None) -> None:
        """A lens has distortion; whether it is `undone` here, as in `viewport.View`."""
        self._tell_once(
            "camera_info has distortion coefficients: "
            + (
                "images are rectified here; where they are so already, set rectification to assume_rectified"
                if undone
                else "images are taken as rectified; where they are not, set rectification to rectify, or remap "
                "~/input/image to the rectified topic (image_rect of image_proc)"
            )
        )

    def _tell_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self.tell(text)
