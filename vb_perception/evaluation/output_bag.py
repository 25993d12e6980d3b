"""The answers as a bag on the topics that the node uses, beside images and truth: RViz and Foxglove play it."""

from pathlib import Path

import numpy as np

from vb_perception.codecs.normals import encode_normals
from vb_perception.evaluation.bag_samples import (
    IMAGE_TOPIC,
    INFO_TOPIC,
    LEGEND_TOPIC,
    camera_info_message,
    image_message,
    legend_message,
    picture_message,
    write_sample,
)
from vb_perception.evaluation.bag_writer import BagWriter
from vb_perception.evaluation.pictures import class_colours
from vb_perception.frame import Perception
from vb_perception.predictions import DepthMap, NormalMap, SegmentMap
from vb_perception.scenes.sample import Sample

OUTPUT = "/perception_node/output"
_MOST_MONO8 = 255


class OutputBag(BagWriter):
    """A `BagWriter` for perceptions; `recorded.read_perceptions` reads it back."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._legend: tuple[str, ...] = ()

    def add(self, perception: Perception, truth: Sample | None) -> None:
        """Append one frame: the image, what is true of it, and the answers; all bear its stamp."""
        frame, stamp_ns = perception.frame, perception.frame.stamp_ns
        if truth is not None:
            if truth.class_names != self._legend:
                self._legend = truth.class_names
                self.write_typed(LEGEND_TOPIC, legend_message(truth.class_names), stamp_ns, latched=True)
            write_sample(self, truth, stamp_ns, "32FC1", 90)
        else:
            self.write_typed(IMAGE_TOPIC, picture_message(frame.rgb, stamp_ns), stamp_ns)
            if frame.intrinsics is not None:
                self.write_typed(INFO_TOPIC, camera_info_message(frame.intrinsics, stamp_ns), stamp_ns)
        for task, prediction in perception.predictions.items():
            place = f"{OUTPUT}/{task}"
            sure = np.rint(prediction.confidence * 255).astype(np.uint8)
            self.write_typed(f"{place}/confidence", image_message(sure, "mono8", stamp_ns), stamp_ns)
            if isinstance(prediction, DepthMap):
                depth = image_message(prediction.depth_m, "32FC1", stamp_ns)
                self.write_typed(f"{place}/image_rect", depth, stamp_ns)
                if frame.intrinsics is not None:
                    self.write_typed(f"{place}/camera_info", camera_info_message(frame.intrinsics, stamp_ns), stamp_ns)
            elif isinstance(prediction, NormalMap):
                self.write_typed(f"{place}/image", image_message(prediction.normals, "32FC3", stamp_ns), stamp_ns)
                view = encode_normals(prediction.normals)
                self.write_typed(f"{place}/view", image_message(view, "rgb8", stamp_ns), stamp_ns)
            else:
                self._add_segments(place, prediction, stamp_ns)

    def _add_segments(self, place: str, segments: SegmentMap, stamp_ns: int) -> None:
        wide = place.endswith("instances") or len(segments.names) > _MOST_MONO8 + 1
        mask = segments.ids if wide else segments.ids.astype(np.uint8)
        self.write_typed(f"{place}/mask", image_message(mask, "mono16" if wide else "mono8", stamp_ns), stamp_ns)
        colours = np.array(class_colours(len(segments.names)), np.uint8)
        self.write_typed(f"{place}/view", image_message(colours[segments.ids], "rgb8", stamp_ns), stamp_ns)
