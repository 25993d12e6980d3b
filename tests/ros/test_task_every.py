"""Rates of tasks: an output that needs several comes as often as the slowest of them."""

from typing import Any

import pytest
from builtin_interfaces.msg import Time
from sensor_msgs.msg import PointCloud2
from vb_perception.msg import Detections

from tests.ros.bench import Bench, balances

FRAMES = 7


def _run(bench: Bench) -> list[Time]:
    """Send the frames one by one; their stamps."""
    stamps = []
    for count in range(1, FRAMES + 1):
        stamps.append(bench.send().header.stamp)
        bench.spin_until(
            lambda count=count: bench.ledger().received == count and bench.ledger().waiting == 0,  # type: ignore[misc]
            "the image is done with",
        )
    assert balances(bench.ledger())
    return stamps


@pytest.mark.parametrize(
    ("every", "depths", "masks", "skipped"),
    [
        (["depth=2", "segmentation=2"], [0, 2, 4, 6], [0, 2, 4, 6], 3),
        (["depth=2", "segmentation=3"], [0, 2, 4, 6], [0, 3, 6], 2),
        (["segmentation=4", "depth=3"], [0, 3, 6], [0, 4], 3),
    ],
    ids=str,
)
def test_clouds_come_as_often_as_their_slowest_task(
    bench: Bench, every: list[str], depths: list[int], masks: list[int], skipped: int
) -> None:
    bench.watch()
    clouds = [bench.listen("points", PointCloud2), bench.listen("obstacles", PointCloud2)]
    depth, mask = bench.listen("depth/image_rect"), bench.listen("segmentation/mask")
    bench.add_node(task_every=every, obstacle_exclude=["table"])
    bench.connect()
    bench.spin_until(lambda: bench.heard_outputs() == 5, "four outputs and latency have a listener")
    stamps = _run(bench)

    def heard(messages: list[Any]) -> list[int]:
        return [stamps.index(message.header.stamp) for message in messages]

    bench.spin_until(lambda: (heard(depth), heard(mask)) == (depths, masks), "depth and masks come at their own rates")
    slowest = min(depths, masks, key=len)
    bench.spin_until(lambda: all(heard(cloud) == slowest for cloud in clouds), "clouds come at that of the slower")
    assert bench.ledger().skipped == skipped


def test_detections_have_their_place_where_depth_has_the_same_rate(bench: Bench) -> None:
    bench.watch()
    found = bench.listen("instances/detections", Detections)
    bench.listen("depth/image_rect")
    bench.add_node(tasks=["depth", "Segment each mug differently."], task_every=["depth=2", "instances=2"])
    bench.connect()
    bench.spin_until(lambda: bench.heard_outputs() == 3, "both outputs and latency have a listener")
    _run(bench)
    bench.spin_until(lambda: len(found) == 4, "every second frame has detections")
    assert all(one.position.z > 1 for message in found for one in message.detections)
