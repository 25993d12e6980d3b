"""`vb-perception evaluate --live`: a bag played into the real node over DDS and recorded, as the demo does."""

import argparse
from pathlib import Path

from vb_perception.demo.environment import require_ros
from vb_perception.demo.processes import Orders, play_and_record
from vb_perception.errors import ConfigError
from vb_perception.evaluation.bags import bag_topics
from vb_perception.evaluation.camera_topics import find_camera
from vb_perception.evaluation.command_arguments import TRUTH
from vb_perception.evaluation.live_run import problems_of
from vb_perception.evaluation.sources import is_folder_of_frames


def record_live(bag: Path, options: argparse.Namespace) -> tuple[Path, list[str]]:
    """Play it at `options.rate`, and record what node and player publish into `options.out`/live.

    Returns:
        The recording, and what went wrong without stopping it: silent topics, a ledger that does not add up, images
        that never reached the recorder.

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
    played, recorded = run.played.get(camera.image, 0), bag_topics(run.recording).get(camera.image)
    there = recorded.messages if recorded else 0
    lost = [f"{played - there} of {played} played images never reached the recorder"] if there < played else []
    return run.recording, [*trouble, *problems_of(run), *lost]
