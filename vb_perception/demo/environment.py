"""The environment of the demo's processes: images through shared memory, and a ROS domain of its own."""

import os
import random
import socket
import sys
from importlib.util import find_spec
from pathlib import Path

import vb_perception
from vb_perception.errors import ConfigError

DISCOVERY_PORT, PORTS_PER_DOMAIN, DOMAINS = 7410, 250, range(1, 101)  # RTPS 2.5, section 9.6.2.3


def require_ros() -> None:
    """Raises ConfigError if rclpy or the messages are not there; imports nothing."""
    missing = [name for name in ("rclpy", "sensor_msgs", "vb_perception.msg") if find_spec(name) is None]
    if missing:
        msg = f"the demo needs {', '.join(missing)}: run `make demo`, which installs them, or source a built workspace"
        raise ConfigError(msg)


def ros_environment() -> dict[str, str]:
    """This process's environment, changed so that the children find each other, nobody else, and lose no image.

    Raises:
        ConfigError: The transport profile is missing, or every ROS domain is taken.
    """
    profile = _share() / "config" / "fastdds_shm.xml"
    if not profile.is_file():
        msg = f"{profile} is missing: without shared memory most images are lost; reinstall the package"
        raise ConfigError(msg)
    own = {
        "FASTRTPS_DEFAULT_PROFILES_FILE": str(profile),
        "FASTDDS_DEFAULT_PROFILES_FILE": str(profile),
        "ROS_DOMAIN_ID": str(free_domain()),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "RMW_IMPLEMENTATION": "rmw_fastrtps_cpp",
    }
    return {"AMENT_PREFIX_PATH": sys.prefix} | dict(os.environ) | own


def _share() -> Path:
    """Where config/ lies: the checkout, or the share folder of the prefix that the package is installed in."""
    checkout = Path(vb_perception.__file__).resolve().parents[1]
    prefixes = [*os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep), sys.prefix]
    places = [checkout, *(Path(prefix) / "share" / "vb_perception" for prefix in prefixes if prefix)]
    return next((place for place in places if (place / "config").is_dir()), checkout)


def free_domain() -> int:
    """A ROS domain in which no first participant listens on this machine."""
    for domain in random.sample(DOMAINS, len(DOMAINS)):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("", DISCOVERY_PORT + PORTS_PER_DOMAIN * domain))
            except OSError:
                continue
            return domain
    msg = f"no free ROS domain among {DOMAINS.start} to {DOMAINS.stop - 1}: stop other ROS programs on this machine"
    raise ConfigError(msg)
