"""A recorded live run -> Perception: what the node published for each frame, judged like an offline run."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from vb_perception.encodings import array_from_fields, depth_m_from_fields, rgb_from_fields
from vb_perception.errors import BagError
from vb_perception.evaluation.bag_frames import AS_IT_IS, ReadOptions, read_frame_moments
from vb_perception.evaluation.bags import Report, bag_topics, refuse
from vb_perception.evaluation.camera_topics import CameraTopics, find_camera
from vb_perception.evaluation.message_types import Message, image_fields
from vb_perception.frame import Frame, Perception
from vb_perception.predictions import Confidence, DepthMap, NormalMap, Prediction, SegmentMap
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import BACKGROUND
from vb_perception.timing import StageTimes

_MAIN = {"depth": "depth/image_rect", "normals": "normals/image", "segmentation": "segmentation/mask"}
_INSTANCES = {"instances": "instances/mask"}


def read_perceptions(
    path: Path | str,
    output: str,
    classes: Sequence[str],
    camera: CameraTopics | None = None,
    on_unusable: Report = refuse,
    options: ReadOptions = AS_IT_IS,
    on_damage: Report = refuse,
) -> Iterator[tuple[Perception, Sample | None]]:
    """The frames of a recording that the node answered, with its answers and the truth of the same stamp or None.

    Confidence is read from `<task>/confidence` where it was recorded and is 1 elsewhere.  Of `times` only the age is
    known: from the image's stamp to the arrival of the last answer at the recorder; see `traffic` for more.

    Args:
        path: A bag; see `open_bag`.
        output: Namespace of the node's outputs, such as "/perception/output".
        classes: Names of the segmentation's ids from 1 on.
        camera: The camera topics; None: `find_camera`.
        on_unusable: As in `read_frames`.
        options: How the bag is read.
        on_damage: As in `read_frames`.

    Raises:
        BagError: As `read_frames`, or there is no answer below `output`.
    """
    tasks = {**_MAIN, **_INSTANCES}
    answers = {f"{output}/{topic}" for topic in tasks.values()}
    topics = (
        answers | {f"{output}/{task}/confidence" for task in tasks} | {f"{output}/generated/{task}" for task in tasks}
    )
    there = topics & bag_topics(path).keys()
    if not there & answers:
        example, listing = f"{output}/{_MAIN['depth']}", ", ".join(bag_topics(path)) or "none"
        msg = f"bag {path} holds no answer of a node below {output} (such as {example}); it has: {listing}"
        raise BagError(msg)
    camera = camera or find_camera(path, options.image, options.camera_info)
    for frame, truth, moment in read_frame_moments(path, camera, there, on_unusable, options, on_damage):
        predictions: dict[str, Prediction] = {}
        for task, topic in tasks.items():
            message = moment.messages.get(f"{output}/{topic}")
            if message is not None:
                confidence = _confidence(moment.messages.get(f"{output}/{task}/confidence"), frame)
                predictions[task] = _prediction(task, message, confidence, classes)
        generated = {
            task: rgb_from_fields(*image_fields(moment.messages[f"{output}/generated/{task}"]))
            for task in predictions
            if f"{output}/generated/{task}" in moment.messages
        }
        if predictions:
            arrived_ns = max(moment.recorded_ns[topic] for topic in moment.messages if topic in answers)
            times = StageTimes(age_ns=arrived_ns - frame.stamp_ns)
            yield Perception(frame, _frozen(predictions), MappingProxyType(generated), times), truth


def _frozen(predictions: dict[str, Prediction]) -> Mapping[str, Prediction]:
    return MappingProxyType(predictions)


def _confidence(image: Message, frame: Frame) -> Confidence:
    if image is None:
        return np.ones((frame.height, frame.width), np.float32)
    return (array_from_fields(*image_fields(image)) / np.float32(255)).astype(np.float32)


def _prediction(task: str, image: Message, confidence: Confidence, classes: Sequence[str]) -> Prediction:
    if task == "depth":
        return DepthMap(depth_m_from_fields(*image_fields(image)), confidence)
    pixels = array_from_fields(*image_fields(image))
    if task == "normals":
        return NormalMap(pixels.astype(np.float32), confidence)
    ids = pixels.astype(np.uint16)
    if task in _INSTANCES:
        return SegmentMap(
            ids, (BACKGROUND, *(f"object {i}" for i in range(1, int(ids.max(initial=0)) + 1))), confidence
        )
    return SegmentMap(ids, (BACKGROUND, *classes), confidence)
