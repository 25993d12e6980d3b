"""Parameters, checked together -> `Settings`."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vb_perception.codecs.depth import DepthCodec
from vb_perception.errors import ConfigError
from vb_perception.pointcloud import CloudOptions
from vb_perception.ros.parameter_table import BY_NAME, OF_A_CAMERA, unfit
from vb_perception.ros.qos import qos_by_topic, qos_profile
from vb_perception.ros.settings import CameraSettings, CloudFrame, Settings, folder_from, model_folder
from vb_perception.ros.task_parameters import tasks_from_parameters
from vb_perception.runtime.options import EngineOptions, size_from

CAMERA_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
TAKEN = ("input", "output")  # ~/input and ~/output belong to the only camera
QUATERNION_SLACK = 1e-3

Value = Callable[[str], Any]


def camera_names(value: object) -> tuple[str, ...]:
    """The parameter `cameras`; raises ConfigError on names that cannot be part of a topic, or are given twice."""
    names = tuple(filter(None, value)) if isinstance(value, Sequence) else ()
    for name in names:
        taken = name in TAKEN or name in BY_NAME
        if taken or not CAMERA_NAME.fullmatch(name):
            why = "that name is taken" if taken else "expected letters, digits and _, a letter first"
            msg = f"parameter cameras: {name!r}: {why}; call the camera otherwise, as in front or wrist"
            raise ConfigError(msg)
    if len(set(names)) != len(names):
        msg = f"parameter cameras names one twice: {', '.join(names)}; give every camera a name of its own"
        raise ConfigError(msg)
    return names


def full_name(camera: str, row: str) -> str:
    """The parameter that holds a row's value for a camera."""
    return f"{camera}.{row}" if camera else row


def settings_from(value: Value) -> Settings:
    """Check the parameters together; `value` tells a parameter's value by its full name.

    Raises:
        ConfigError: names the parameter.
    """
    names = camera_names(value("cameras"))
    cameras = tuple(_camera(name, value) for name in names or ("",))
    return Settings(
        model_dir=model_folder(value("model")),
        backend=value("backend"),
        threads=value("threads"),
        load_wait_s=value("load_wait_s"),
        engine=EngineOptions(
            precision=value("precision"),
            size=size_from(value("generated_size")) if value("generated_size") else None,
            prompts=max(1, *(len(camera.tasks) for camera in cameras)),
            fallback=value("fallback"),
            workspace_mb=value("workspace_mb"),
            overflow=value("overflow"),
        ),
        cameras=cameras,
        snapshot_folder=folder_from("snapshot_folder", value("snapshot_folder")),
        stats_period_s=1 / value("stats_rate_hz"),
        latency_window=value("latency_window"),
        processing_time_warn_ms=value("processing_time_warn_ms"),
        processing_time_error_ms=value("processing_time_error_ms"),
    )


def _camera(name: str, value: Value) -> CameraSettings:
    given = {row.name: value(full_name(name, row.name)) for row in OF_A_CAMERA}
    for row in OF_A_CAMERA:
        chosen = given[row.name]
        base = chosen.partition(":")[0] if row.depth else chosen
        if row.choices and base not in row.choices:
            raise ConfigError(unfit(row, full_name(name, row.name), chosen))
        if row.depth:
            qos_profile(chosen)
    try:
        return _checked(name, given)
    except ConfigError as error:
        if not name:
            raise
        msg = f"camera {name}: {error}"
        raise ConfigError(msg) from error


def _checked(name: str, given: Mapping[str, Any]) -> CameraSettings:
    codec = DepthCodec(max_range_m=given["max_range_m"], beyond=given["beyond_range"])
    tasks = tasks_from_parameters(given["tasks"], given["classes"], given["colours"], codec)
    return CameraSettings(
        name=name,
        image_topic=given["image_topic"],
        camera_info_topic=given["camera_info_topic"],
        compressed=given["image_transport"] == "compressed",
        sync_info=given["sync_info"],
        sync_slop_ns=round(given["sync_slop_s"] * 1e9),
        camera_info_wait_ns=round(given["camera_info_wait_s"] * 1e9),
        require_camera_info=given["require_camera_info"],
        rectification=given["rectification"],
        crop_px=_crop(given["crop_px"]),
        resize_width_px=given["resize_width_px"],
        tasks=tasks,
        every=_every(given["task_every"], [task.name for task in tasks]),
        max_rate_hz=given["max_rate_hz"],
        max_age_ns=round(given["max_age_s"] * 1e9),
        trigger_only=given["trigger_only"],
        depth_encoding=given["depth_encoding"],
        cloud=CloudOptions(
            fields=tuple(filter(None, given["cloud_fields"])),
            organised=given["cloud_organised"],
            stride=given["cloud_stride"],
            voxel_m=given["cloud_voxel_m"],
            min_range_m=given["cloud_min_range_m"],
            max_range_m=given["cloud_max_range_m"] or float("inf"),
            edge_jump=given["cloud_edge_jump"],
            grazing_deg=given["cloud_grazing_deg"],
        ),
        obstacle_exclude=tuple(filter(None, given["obstacle_exclude"])),
        cloud_frame=_cloud_frame(given["cloud_frame"], given["cloud_extrinsics"]),
        input_qos=given["input_qos"],
        camera_info_qos=given["camera_info_qos"],
        output_qos=given["output_qos"],
        qos=qos_by_topic(given["qos"]),
        stamp_jump_ns=round(given["stamp_jump_s"] * 1e9),
    )


def _crop(values: Sequence[int]) -> tuple[int, int, int, int] | None:
    expected = "expected left, top, width, height in pixels, width and height above zero (or all 0: the whole image)"
    if len(values) != 4 or min(values) < 0:  # noqa: PLR2004 - a rectangle
        msg = f"parameter crop_px is {list(values)}: {expected}"
        raise ConfigError(msg)
    left, top, width, height = values
    if not any(values):
        return None
    if not (width and height):
        msg = f"parameter crop_px is {list(values)}: {expected}"
        raise ConfigError(msg)
    return left, top, width, height


def _every(entries: Sequence[str], tasks: Sequence[str]) -> dict[str, int]:
    out = {}
    for entry in filter(None, entries):
        task, equals, number = (part.strip() for part in entry.partition("="))
        if not equals or not number.isdecimal() or int(number) < 1:
            msg = f"entry {entry!r} of parameter task_every: expected <task>=<n> with n from 1, as in segmentation=3"
            raise ConfigError(msg)
        if task not in tasks:
            msg = f"parameter task_every names the task {task!r}: expected one of {', '.join(tasks)}"
            raise ConfigError(msg)
        out[task] = int(number)
    return out


def _cloud_frame(frame_id: str, extrinsics: Sequence[float]) -> CloudFrame | None:
    if len(extrinsics) != 7:  # noqa: PLR2004 - a position and a quaternion
        msg = f"parameter cloud_extrinsics has {len(extrinsics)} numbers: expected x, y, z and quaternion x, y, z, w"
        raise ConfigError(msg)
    static = any(extrinsics)
    if static and not frame_id:
        msg = "parameter cloud_extrinsics is given without cloud_frame: name the frame that it leads to"
        raise ConfigError(msg)
    if static and abs(sum(q * q for q in extrinsics[3:]) - 1) > QUATERNION_SLACK:
        msg = f"parameter cloud_extrinsics: quaternion {list(extrinsics[3:])} is not of length 1; normalise it"
        raise ConfigError(msg)
    return CloudFrame(frame_id, tuple(extrinsics) if static else None) if frame_id else None
