"""What is so with every image of a camera that is answered all the same: told once, and never as a rejection."""

from collections.abc import Sequence

import pytest
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
from vb_perception.srv import SetInstructions

from tests.ros.bench import Bench, image_message, info_message
from vb_perception.ros import reporter
from vb_perception.ros.inputs import stamp_ns
from vb_perception.ros.status import CameraHealth, NodeHealth, diagnostics_message
from vb_perception.ros.stream_account import StreamFigures
from vb_perception.ros.stream_troubles import Notice
from vb_perception.timing import FrameLedger, LatencySummary

CAMERA_ROW = "perception_node: camera_status"


def _send(bench: Bench, k: Sequence[float] | None = None, d: Sequence[float] = ()) -> None:
    image = image_message(bench.next_stamp())
    camera = info_message(stamp_ns(image))
    camera.k = camera.k if k is None else k
    camera.d, camera.distortion_model = list(d), "plumb_bob"
    bench.send(image, camera)


def _camera_rows(bench: Bench) -> list[DiagnosticStatus]:
    return [row for message in bench.heard["/diagnostics"] for row in message.status if row.name == CAMERA_ROW]


def _states(bench: Bench) -> set[str]:
    return {value.value for row in _camera_rows(bench) for value in row.values if value.key == "state"}


def test_distortion_is_a_notice_and_no_warning(bench: Bench) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    bench.add_node()
    bench.connect()
    _send(bench, d=[0.1, 0.0, 0.0, 0.0, 0.0])
    bench.spin_until(lambda: "notice" in _states(bench), "the notice is given")
    last = _camera_rows(bench)[-1]
    assert last.level == DiagnosticStatus.OK
    assert last.message.startswith("notice: camera_info has distortion, or K that P is not: images are rectified here")
    assert bench.status().level == DiagnosticStatus.OK
    assert "rejected" not in _states(bench)


def test_a_guess_in_scale_is_a_warning_but_no_rejection(bench: Bench) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    bench.add_node(require_camera_info=False)
    bench.connect()
    _send(bench, k=[0.0] * 9)
    bench.spin_until_status(DiagnosticStatus.WARN, "depth is a guess in scale")
    assert _camera_rows(bench)[-1].message.startswith("notice: images come without calibration")
    assert "rejected" not in _states(bench)


def test_a_notice_is_logged_though_another_trouble_was_just_before(
    bench: Bench, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "COMPLAINT_KEPT_S", 600.0)
    bench.watch()
    bench.listen("depth/image_rect")
    bench.add_node()
    bench.connect()
    spoilt = image_message(bench.next_stamp())
    spoilt.encoding = "rgb42"
    bench.send(spoilt)
    bench.spin_until(lambda: bench.ledger().rejected == 1, "it is rejected")
    for count in (1, 2):
        _send(bench, d=[0.1, 0.0, 0.0, 0.0, 0.0])
        bench.spin_until(bench.processed(count), "the image is processed")
    bench.spin_until_status(DiagnosticStatus.WARN, "rgb42")  # what is wrong comes before what is only so
    assert capfd.readouterr().err.count("camera_info has distortion, or K that P is not") == 1


def test_phrases_that_were_not_taught_are_told(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    told = "segmentation asks for 'unicorn', never taught to this model and painted nowhere"
    bench.watch()
    bench.listen("segmentation/mask")
    bench.add_node(model="default", tasks=["segmentation"], classes=["unicorn", "cup"], colours=[""])
    assert capfd.readouterr().err.count(told) == 1
    bench.connect()
    _send(bench)
    bench.spin_until_status(DiagnosticStatus.WARN, told)
    assert _camera_rows(bench)[-1].message.startswith(f"notice: {told}")
    request = SetInstructions.Request(classes=["dragon"])
    answer = bench.call(SetInstructions, "set_instructions", request)
    assert answer.success
    assert answer.message.startswith("from the next frame on; segmentation asks for 'dragon', never taught")
    assert "asks for 'dragon', never taught" in capfd.readouterr().err
    answer = bench.call(SetInstructions, "set_instructions", SetInstructions.Request(classes=["cup"]))
    assert answer.message == "from the next frame on"
    _send(bench)
    bench.spin_until(lambda: _camera_rows(bench)[-1].message == "ok", "nothing is to be noticed any more")


def test_a_notice_hides_no_slowness() -> None:
    slow = {("processing", ""): LatencySummary(count=9, p50_ms=90, p95_ms=90, p99_ms=90, max_ms=90, mean_ms=90)}
    health = CameraHealth(
        name="",
        listened=True,
        switched_off="",
        silent_s=0.0,
        image_topic="/image",
        image_remedy="",
        image_publishers=1,
        info_topic="/camera_info",
        info_remedy="",
        infos=1,
        needs_info=False,
        complaint="",
        notice=Notice("depth is a guess", worse=True),
        qos_complaint="",
        silence_hint="",
        figures=StreamFigures(FrameLedger(), slow),
    )
    node = NodeHealth("node", "active", "", "fake", warn_ms=10.0, error_ms=50.0)
    verdict = diagnostics_message(Time(), node, [health]).status[0]
    assert verdict.level == DiagnosticStatus.ERROR
    assert "depth is a guess" in verdict.message
    assert "above processing_time_error_ms = 50" in verdict.message
