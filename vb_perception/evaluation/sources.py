"""What the commands take as frames: a bag, or frames as files in one of the layouts of `scenes`."""

from collections.abc import Iterator
from pathlib import Path

from vb_perception.errors import BagError
from vb_perception.evaluation.bag_frames import AS_IT_IS, ReadOptions, read_frames
from vb_perception.evaluation.bags import Report, refuse
from vb_perception.evaluation.replay import sample_frames
from vb_perception.frame import Frame
from vb_perception.scenes.folder import pictures_in
from vb_perception.scenes.folder import read_frames as read_folder_or_osd
from vb_perception.scenes.kitti import is_kitti, read_kitti
from vb_perception.scenes.nyu import SUFFIX, read_nyu
from vb_perception.scenes.sample import Sample

_BAG_CONTENTS = ("metadata.yaml", "*.mcap", "*.db3", "*.bag")


def is_folder_of_frames(path: Path) -> bool:
    """Whether the path is a folder of pictures (or a file full of them, NYU's) rather than a bag.

    Raises:
        BagError: There is no such path.
    """
    if not path.exists():
        msg = f"{path} does not exist; expected a bag (.mcap, .db3 or a rosbag2 folder) or a folder of frames"
        raise BagError(msg)
    if path.suffix == SUFFIX:
        return True
    return path.is_dir() and not any(True for pattern in _BAG_CONTENTS for _ in path.glob(pattern))


def read_source(
    path: Path, options: ReadOptions = AS_IT_IS, on_unusable: Report = refuse, on_damage: Report = refuse
) -> Iterator[tuple[Frame, Sample | None]]:
    """Frames with truth or None, from whatever `path` is; the rest is for bags, as in `read_frames`.

    Raises:
        BagError: As `is_folder_of_frames`, `find_camera`, `read_frames` and `read_samples`.
    """
    if is_folder_of_frames(path):
        yield from sample_frames(read_samples(path))
    else:
        yield from read_frames(path, None, on_unusable, options, on_damage)


def check_layout(path: Path) -> None:
    """Raises BagError if a folder of frames holds none: before anything slow begins."""
    if path.suffix != SUFFIX and not is_kitti(path):
        pictures_in(path)


def read_samples(path: Path) -> Iterator[Sample]:
    """Frames as files, by their layout: NYU's file, KITTI's three folders, else what `scenes.folder` knows.

    Raises:
        BagError: As the reader of that layout.
    """
    if path.suffix == SUFFIX:
        return read_nyu(path)
    return read_kitti(path) if is_kitti(path) else read_folder_or_osd(path)
