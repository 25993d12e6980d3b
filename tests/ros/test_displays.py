"""RViz and Foxglove are set up for topics and fields that exist."""

import json
import re
from typing import Any

import yaml
from sensor_msgs.msg import Image, PointCloud2
from vb_perception.msg import LatencyStats

from tests.ros.test_launch import ROOT, TOPICS
from vb_perception.timing import STAGES


def test_rviz_shows_topics_that_exist_in_displays_of_their_type() -> None:
    displays = {"rviz_default_plugins/PointCloud2": PointCloud2, "rviz_default_plugins/Image": Image}
    content = yaml.safe_load((ROOT / "config/perception.rviz").read_text(encoding="utf-8"))
    shown = [d for d in content["Visualization Manager"]["Displays"] if "Topic" in d]
    assert len(shown) >= 7
    known = TOPICS | {"/perception_node/input/image": Image, "/perception_node/output/latency_view": Image}
    for display in shown:
        assert known[display["Topic"]["Value"]] is displays[display["Class"]]
        of_the_camera = "/input/" in display["Topic"]["Value"]
        # A best-effort display takes every publisher, a reliable one only reliable ones, which our default is.
        assert display["Topic"]["Reliability Policy"] == ("Best Effort" if of_the_camera else "Reliable")
        assert display["Topic"]["Durability Policy"] == "Volatile"


def test_foxglove_shows_fields_that_exist() -> None:
    layout = json.loads((ROOT / "config/foxglove.json").read_text(encoding="utf-8"))
    panels = layout["configById"]
    for panel in (p for p in panels.values() if "imageMode" in p):
        assert TOPICS[panel["imageMode"]["imageTopic"]] is Image
    for panel in (p for p in panels.values() if "topics" in p):
        assert all(TOPICS[topic] is PointCloud2 for topic in panel["topics"])
    plotted = [path for panel in panels.values() for path in panel.get("paths", [])]
    assert plotted
    for path in plotted:
        topic, _, fields = path["value"].partition(".")
        assert topic == "/perception_node/output/latency"
        place = re.fullmatch(r"stages\[(\d+)\]\.p95_ms", fields)
        if place:
            assert STAGES[int(place[1])] == path["label"]
        else:
            found: Any = LatencyStats()
            for field in fields.split("."):
                found = getattr(found, field)
            assert isinstance(found, int | float)

    def leaves(node: Any) -> set[str]:  # noqa: ANN401 - as JSON is
        return {node} if isinstance(node, str) else leaves(node["first"]) | leaves(node["second"])

    assert leaves(layout["layout"]) == set(panels)
