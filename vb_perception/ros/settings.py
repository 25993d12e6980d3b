"""What the node and each of its cameras was told to do: values, checked and frozen (`parameter_validation`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vb_perception.errors import ConfigError
from vb_perception.pointcloud import CloudOptions
from vb_perception.runtime.options import EngineOptions
from vb_perception.tasks import Task

DEFAULT_MODEL = Path(__file__).resolve().parents[1] / "models" / "default"


@dataclass(frozen=True, slots=True)
class CloudFrame:
    """Where clouds are put: the frame, and the optical frame in it as x, y, z [m] and quaternion x, y, z, w (or TF)."""

    frame_id: str
    extrinsics: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """What one camera is to do; every value checked.  `name` is empty for the only camera."""

    name: str
    image_topic: str
    camera_info_topic: str
    compressed: bool
    sync_info: str
    sync_slop_ns: int
    camera_info_wait_ns: int
    require_camera_info: bool
    rectification: str
    crop_px: tuple[int, int, int, int] | None
    resize_width_px: int
    tasks: tuple[Task, ...]
    every: Mapping[str, int]
    max_rate_hz: float
    max_age_ns: int
    trigger_only: bool
    depth_encoding: str
    cloud: CloudOptions
    obstacle_exclude: tuple[str, ...]
    cloud_frame: CloudFrame | None
    input_qos: str
    camera_info_qos: str
    output_qos: str
    qos: Mapping[str, str]
    stamp_jump_ns: int

    @property
    def latched_info(self) -> bool:
        """Whether the latest camera_info serves every image."""
        return self.sync_info == "latched"

    def topic(self, name: str) -> str:
        """A topic of this camera: `input/image` -> `~/front/input/image`."""
        return f"~/{self.name}/{name}" if self.name else f"~/{name}"

    def told(self, text: str) -> str:
        """A sentence about this camera, with its name where there are several."""
        return f"{self.name}: {text}" if self.name else text


@dataclass(frozen=True, slots=True)
class Settings:
    """What the node was configured to do; every value checked."""

    model_dir: Path
    backend: str
    threads: int
    engine: EngineOptions
    load_wait_s: float
    cameras: tuple[CameraSettings, ...]
    snapshot_folder: Path
    stats_period_s: float
    latency_window: int
    processing_time_warn_ms: float
    processing_time_error_ms: float


def model_folder(model: str) -> Path:
    """The folder that the parameter `model` means; raises ConfigError as `folder_from` does."""
    return DEFAULT_MODEL if model == "default" else folder_from("model", model)


def folder_from(name: str, value: str) -> Path:
    """The folder that the value of a setting called `name` means, which may begin with a home directory.

    Raises:
        ConfigError: there is no such home directory.
    """
    try:
        return Path(value).expanduser()
    except RuntimeError as error:
        home = value.partition("/")[0]
        msg = f"{name} is {value!r}: the home directory {home} is not known here; expected a path that begins with /"
        raise ConfigError(msg) from error
