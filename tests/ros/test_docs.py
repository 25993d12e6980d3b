"""The documentation lists what the node has, all of it, and nothing else."""

import re

from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from tests.ros.bench import Bench
from tests.ros.test_launch import ROOT, TASKS
from vb_perception.ros.outputs import outputs_of
from vb_perception.ros.parameter_table import TABLE
from vb_perception.ros.publishing import labels_topic
from vb_perception.tasks import (
    EdgeMap,
    InstanceSegmentation,
    ReferringSegmentation,
)


def _table(heading: str) -> dict[str, list[str]]:
    """Rows of the docs' table below a heading, by the name in backquotes of the first column."""
    text = (ROOT / "docs/topics.md").read_text(encoding="utf-8")
    section = text.split(f"## {heading}\n")[1].split("\n#")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:3] == "| `"]
    return {re.findall(r"`([^`]+)`", row[0])[0]: row for row in rows}


def test_the_docs_list_every_output_with_its_type() -> None:
    tasks = (*TASKS, InstanceSegmentation("mug"), ReferringSegmentation("mug"), EdgeMap())
    expected = {f"~/output/{output.topic}": output.kind.__name__ for output in outputs_of(tasks)}
    expected |= {f"~/output/{labels_topic(task)}": "LabelInfo" for task in tasks[2:]}
    expected |= {"~/output/model_info": "ModelInfo", "~/output/latency_view": "Image"}
    expected |= {"~/output/latency": "LatencyStats", "/diagnostics": "DiagnosticArray"}
    segments = tuple(task.name for task in tasks[2:])
    listed: dict[str, str] = {}
    for topic, row in _table("Outputs").items():
        names = segments if "<segments>" in topic else ("depth", "normals")
        names = (*names, *segments) if "<task>" in topic else names
        listed |= {re.sub("<task>|<segments>", name, topic): row[1] for name in names}
    assert listed == expected


def test_the_docs_list_every_input_with_its_type() -> None:
    inputs = {topic: row[1] for topic, row in _table("Inputs").items()}
    kinds = {"image": Image, "image/compressed": CompressedImage, "camera_info": CameraInfo}
    assert inputs == {f"~/input/{name}": kind.__name__ for name, kind in kinds.items()}


def test_the_docs_list_every_parameter_with_its_default() -> None:
    parameters = {name: row[1].strip("`") for name, row in _table("Parameters").items()}
    expected = {row.name: str(row.default).lower().replace("'", '"') for row in TABLE}
    assert parameters == expected | {"colours": '["#FF0000", "#00FF00"]', "depth_encoding": "32FC1"}


def test_the_docs_list_every_service_and_action(bench: Bench) -> None:
    node = bench.add_node(start=False)
    made = {service.srv_name: str(getattr(service.srv_type, "__name__", "")) for service in node.services}
    ours = {name.replace("/perception_node/", "~/"): kind for name, kind in made.items() if "parameter" not in name}
    ours = {name: kind for name, kind in ours.items() if name in SERVICES}
    listed = {name: row[1].split("/")[-1] for name, row in _table("Services and the action").items()}
    assert listed == ours | {"~/build_engine": "BuildEngine (action)"}
    assert set(ours) == SERVICES


SERVICES = {"~/set_instructions", "~/enable_task", "~/trigger", "~/save_snapshot", "~/recover"}
