"""`vb-perception evaluate --live`: a bag played into the real node over DDS and recorded, as the demo does."""

import argparse
from pathlib import Path

from vb_perception.demo.environment import require_ros
from vb_perception.demo.processes import Orders, play_and_record
from vb_perception.errors import ConfigError, VbPerceptionError
from vb_perception.evaluation.camera_topics import find_camera
from vb_perception.evaluation.command_arguments import TRUTH
from vb_perception.evaluation.sources import is_folder_of_frames


def record_live(bag: Path, options: argparse.Namespace) -> Path:
    """Play it at `options.rate`, and record what node and player publish into `options.out`/live; the recording.

    Raises:
        ConfigError: ROS is missing, or `bag` is a folder of frames.
        VbPerceptionError: A process could not do its work.
    """
    require_ros()
    if is_folder_of_frames(bag):
        msg = f"--live plays bags, {bag} is a folder of frames; make one with `vb-perception bag {bag} frames.mcap`"
        raise ConfigError(msg)
    camera = find_camera(bag, options.image, options.camera_info)
    out = options.out / "live"
    out.mkdir(parents=True, exist_ok=True)
    named = (getattr(options, f"truth_{what}") for what in TRUTH)
    truth = tuple(dict.fromkeys(topic for topic in named if topic))
    orders = Orders(bag, camera, options.rate, options.model, options.backend, out, str(bag), options.classes, truth)
    run, trouble = play_and_record(orders)
    if trouble:
        raise VbPerceptionError("; ".join(trouble))
    return run.recording
