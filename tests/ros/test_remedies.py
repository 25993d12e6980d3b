"""The remedy that is told is one that helps: it names what the topic was really set by."""

from typing import Any

import pytest

from vb_perception.ros.parameter_table import TABLE
from vb_perception.ros.parameter_validation import settings_from
from vb_perception.ros.settings import CameraSettings
from vb_perception.ros.status import image_remedy, info_remedy


def _camera(name: str = "", **given: Any) -> CameraSettings:  # noqa: ANN401 - as parameters are
    rows = {row.name: row.default for row in TABLE} | {"cameras": [name]}
    own = {name + "." * bool(name) + row: value for row, value in (rows | given).items()}
    (camera,) = settings_from(lambda full: (rows | own)[full]).cameras
    return camera


@pytest.mark.parametrize(
    ("name", "given", "image", "info"),
    [
        ("", {}, "remap ~/input/image to the camera's topic", "remap ~/input/camera_info"),
        ("left", {}, "remap ~/left/input/image to the camera's topic", "remap ~/left/input/camera_info"),
        (
            "",
            {"image_topic": "/cam/image", "camera_info_topic": "/cam/info"},
            "correct parameter image_topic, which names the camera's topic",
            "correct parameter camera_info_topic",
        ),
        (
            "left",
            {"image_topic": "/cam/image/compressed", "image_transport": "compressed"},
            "correct parameter left.image_topic, which names the camera's topic without /compressed",
            "remap ~/left/input/camera_info",
        ),
    ],
)
def test_the_remedy_names_what_sets_the_topic(name: str, given: dict[str, str], image: str, info: str) -> None:
    camera = _camera(name, **given)
    assert image_remedy(camera) == image
    assert info_remedy(camera) == info
