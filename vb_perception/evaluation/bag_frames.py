"""A bag -> camera frames, each with its truth where the bag holds any (topics: see `bag_samples`)."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vb_perception.encodings import rgb_from_compressed, rgb_from_fields
from vb_perception.errors import FrameError
from vb_perception.evaluation.bag_truth import TruthTopics
from vb_perception.evaluation.bags import Report, refuse
from vb_perception.evaluation.camera_topics import COMPRESSED, CameraTopics, find_camera
from vb_perception.evaluation.lens import Lens
from vb_perception.evaluation.message_types import Message, image_fields
from vb_perception.evaluation.stamped import Matching, Moment, read_moments
from vb_perception.frame import Frame
from vb_perception.scenes.sample import Sample


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a bag is read; all of it may be left to the bag.

    Args:
        image: The image topic; None: found by type.
        camera_info: Its camera_info; None: the one beside it.
        truth: Topics of the truth.
        tolerance_ns: How far apart the stamps of an image and of its truth may lie.
        rectification: Of images of a lens with distortion, as the node's parameter: `auto` undoes it unless the topic
            is named as one of rectified images, `rectify` always, `assume_rectified` never.
    """

    image: str | None = None
    camera_info: str | None = None
    truth: TruthTopics = field(default_factory=TruthTopics)
    tolerance_ns: int = 0
    rectification: str = "auto"


AS_IT_IS = ReadOptions()


def read_frames(
    path: Path | str,
    camera: CameraTopics | None = None,
    on_unusable: Report = refuse,
    options: ReadOptions = AS_IT_IS,
    on_damage: Report = refuse,
) -> Iterator[tuple[Frame, Sample | None]]:
    """The frames of a bag in order of recording, with the truth of the same stamp or None.

    A frame takes the camera_info of its stamp, else the latest one before it (a latched one).  Without calibration
    (K[0] == 0) its intrinsics are None.  Images, and truth that is not on a topic of rectified images, are rectified as
    the node does it.  True normals are derived from true depth by `normals_from_depth` unless the bag holds them.

    Args:
        path: A bag; see `open_bag`.
        camera: Its camera topics; None: as `options` say.
        on_unusable: Called with one sentence for each image that is no frame (corrupt, of another size than its
            camera_info, ...) and each truth without an image, which are then left out.
        options: How to read it.
        on_damage: As `read_messages`.

    Raises:
        BagError: As `find_camera` and `read_messages`, and from `refuse`.
    """
    camera = camera or find_camera(path, options.image, options.camera_info)
    for frame, truth, _ in read_frame_moments(path, camera, (), on_unusable, options, on_damage):
        yield frame, truth


def read_frame_moments(
    path: Path | str,
    camera: CameraTopics,
    also: Collection[str],
    on_unusable: Report = refuse,
    options: ReadOptions = AS_IT_IS,
    on_damage: Report = refuse,
) -> Iterator[tuple[Frame, Sample | None, Moment]]:
    """`read_frames`, each with its moment: the messages of its stamp, among them those on the topics in `also`."""
    truth_topics = options.truth
    truth_topics.check(path)
    latest_info: Message = None
    topics = {camera.image, camera.camera_info, *truth_topics.topics(), *also}
    matching, lens = Matching(camera.image, options.tolerance_ns), Lens(camera.image, options.rectification)
    for moment in read_moments(path, topics, (truth_topics.legend_topic,), matching, on_damage):
        latest_info = moment.messages.get(camera.camera_info, latest_info)
        if camera.image not in moment.messages:
            if moment.messages.keys() & truth_topics.topics():
                on_unusable(f"truth of stamp {moment.stamp_ns} ns: {NO_IMAGE}")
            continue
        try:
            frame = _frame(camera, moment, latest_info, lens)
            truth = truth_topics.truth_of(frame, moment, lens)
        except FrameError as error:
            on_unusable(f"image of stamp {moment.stamp_ns} ns on {camera.image}: {error}")
            continue
        yield frame, truth, moment


NO_IMAGE = "no image has its stamp"
"""How the sentence on a truth without an image ends."""


def _frame(camera: CameraTopics, moment: Moment, info: Message, lens: Lens) -> Frame:
    image = moment.messages[camera.image]
    if info is None:
        msg = "no camera_info came before it; expected one with its stamp or a latched one at the start"
        raise FrameError(msg)
    if camera.msgtype == COMPRESSED:
        rgb = rgb_from_compressed(image.format, image.data)
    else:
        rgb = rgb_from_fields(*image_fields(image))
    rgb, intrinsics, unseen = lens.straightened(rgb, info)
    return Frame(rgb, moment.stamp_ns, image.header.frame_id, intrinsics, unseen)
