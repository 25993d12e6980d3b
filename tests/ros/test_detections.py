import math

import numpy as np
from std_msgs.msg import Header

from vb_perception.camera import CameraIntrinsics
from vb_perception.predictions import DepthMap, SegmentMap
from vb_perception.ros.detections import detections_message

CAMERA = CameraIntrinsics(8, 6, 4.0, 4.0, 3.5, 2.5)
IDS = np.zeros((6, 8), np.uint16)
IDS[1:3, 2:5] = 1
IDS[4, 7] = 3  # 2 is not there
CONFIDENCE = np.where(IDS == 1, np.float32(0.5), np.float32(1))
SEGMENTS = SegmentMap(IDS, ("background", "mug 1", "mug 2", "mug 3"), CONFIDENCE)


def test_each_instance_has_its_box_score_and_place() -> None:
    depth_m = np.full((6, 8), 2.0, np.float32)
    depth_m[1, 2:5] = np.nan  # half of the first instance
    depth = DepthMap(depth_m, np.ones_like(depth_m))
    message = detections_message(Header(frame_id="f"), "mug", SEGMENTS, depth, CAMERA)
    first, second = message.detections
    assert message.header.frame_id == "f"
    assert (first.instance, first.class_name, first.score, first.area_px) == (1, "mug", 0.5, 6)
    assert (first.left_px, first.top_px, first.width_px, first.height_px) == (2, 1, 3, 2)
    np.testing.assert_allclose((first.position.x, first.position.y, first.position.z), (-0.25, -0.25, 2.0))
    assert (second.instance, second.left_px, second.top_px, second.width_px, second.height_px) == (3, 7, 4, 1, 1)


def test_without_depth_the_place_is_unknown() -> None:
    message = detections_message(Header(), "mug", SEGMENTS, None, CAMERA)
    assert all(math.isnan(d.position.z) for d in message.detections)


def test_an_empty_mask_has_none() -> None:
    blank = SegmentMap(np.zeros((6, 8), np.uint16), ("background",), np.ones((6, 8), np.float32))
    assert detections_message(Header(), "mug", blank, None, CAMERA).detections == []
