"""What the lens never saw: a rectified image that leads out of the distorted one has no depth and no points there."""

import numpy as np
from sensor_msgs.msg import CameraInfo, PointCloud2

from tests.ros.bench import CX, CY, FX, FY, HEIGHT, WIDTH, Bench, image_message, info_message, pixels
from vb_perception.ros.inputs import stamp_ns

MASKS = ("segmentation/mask", "segmentation/confidence", "depth/confidence", "normals/confidence")


def lens(stamp_ns: int) -> CameraInfo:
    """A barrel whose P looks twice as far to all sides as the lens does, as alpha = 1 makes them."""
    out = info_message(stamp_ns)
    out.distortion_model, out.d = "plumb_bob", [-0.25, 0.06, 0.0, 0.0, 0.0]
    out.p = [FX / 2, 0.0, CX, 0.0, 0.0, FY / 2, CY, 0.0, 0.0, 0.0, 1.0, 0.0]
    return out


def test_there_is_no_depth_and_no_point_where_the_lens_saw_nothing(bench: Bench) -> None:
    heard = {topic: bench.listen(topic) for topic in ("depth/image_rect", "normals/image", *MASKS)}
    heard |= {topic: bench.listen(topic, PointCloud2) for topic in ("points", "obstacles")}
    bench.add_node(rectification="rectify", cloud_fields=["label"])
    bench.connect()
    bench.spin_until(lambda: bench.heard_outputs() == len(heard), "every output has its listener")
    image = image_message(bench.next_stamp())
    bench.send(image, lens(stamp_ns(image)))
    bench.spin_until(lambda: all(heard.values()), "every topic has a message")
    got = {topic: messages[0] for topic, messages in heard.items()}

    known = np.isfinite(pixels(got["depth/image_rect"], np.float32))
    assert 0.1 < known.mean() < 0.7
    assert known[HEIGHT // 2, WIDTH // 2]
    assert not known[[0, 0, -1, -1], [0, -1, 0, -1]].any()
    np.testing.assert_array_equal(np.isfinite(pixels(got["normals/image"], np.float32, 3)).all(-1), known)
    for topic in MASKS:
        assert not pixels(got[topic], np.uint8)[~known].any(), topic
    for topic in MASKS[1:]:
        assert (pixels(got[topic], np.uint8)[known] > 0).all(), topic
    organised = np.frombuffer(got["points"].data, "<f4").reshape(HEIGHT, WIDTH, 4)
    np.testing.assert_array_equal(np.isfinite(organised[..., :3]).all(-1), known)
    assert got["obstacles"].width == known.sum()


def test_a_calibration_that_no_lens_has_is_told_and_not_answered(bench: Bench) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    bench.add_node(rectification="rectify")
    bench.connect()
    image = image_message(bench.next_stamp())
    broken = lens(stamp_ns(image))
    broken.d = [float("nan")] * 5
    bench.send(image, broken)
    bench.spin_until(lambda: bench.ledger().rejected == 1, "the image is rejected")
    bench.spin_until(lambda: "expected finite coefficients" in bench.status().message, "and it is said why")
    bench.send()
    bench.spin_until(bench.processed(1), "the next image is answered")
