"""Which bags a folder holds, and which folder is a bag: by metadata.yaml, or by the names that rosbag2 gives files."""

from collections.abc import Callable, Sequence
from pathlib import Path

from vb_perception.evaluation.result_files import REPORT_JSON

METADATA = "metadata.yaml"
_PIECES = (".mcap", ".db3")
_FILES = (*_PIECES, ".bag", ".bag.active")
_PACKED = (".mcap.zstd", ".db3.zstd")

Say = Callable[[str], object]


def sources_in(paths: Sequence[Path], say: Say = lambda _: None) -> list[Path]:
    """The paths, with each folder that is no bag itself but holds bags replaced by these, sorted by name.

    A folder of bags holds files .mcap, .db3, .bag, .bag.active, or folders with a metadata.yaml or with .mcap or .db3
    files, as a recorder leaves them that was killed; and it has no metadata.yaml of its own.  Files are taken for
    pieces of one recording only where a metadata.yaml says so or they are called as rosbag2 calls them: the folder's
    name with _0, _1 and so on behind it, none missing.

    `say` is told by name what in a folder of bags is passed over.
    """
    out: list[Path] = []
    for path in paths:
        bags, left = _bags_in(path)
        for name in left if bags else ():
            say(f"{name} is passed over: expected a bag file or a folder that is one; give it as a source of its own")
        out += bags or [path]
    return out


def _bags_in(path: Path) -> tuple[list[Path], list[Path]]:
    """The bags in a folder, and what looks as if it were meant for one; none where it is no folder of bags."""
    if not path.is_dir() or (path / METADATA).is_file():
        return [], []
    inside = [p for p in sorted(path.iterdir()) if not p.name.startswith(".")]
    files = [p for p in inside if p.is_file() and p.name.endswith(_FILES)]
    left = [p for p in inside if p.is_file() and p.name.endswith(_PACKED)]
    bags = list(files)
    for folder in (p for p in inside if p.is_dir()):
        found, passed = _bags_of(folder)
        bags += found
        left += passed
    return ([], []) if bags == files and _are_pieces(path, files) else (sorted(bags), left)


def _bags_of(folder: Path) -> tuple[list[Path], list[Path]]:
    """A folder that is a bag; of one with several recordings, each of them; else it is passed over."""
    if (folder / METADATA).is_file():
        return [folder], []
    pieces = [p for p in sorted(folder.iterdir()) if p.suffix in _PIECES]
    if not pieces or (folder / REPORT_JSON).exists():  # answers that an evaluation kept are no source
        return [], [folder]
    return ([folder], []) if len(pieces) == 1 or _are_pieces(folder, pieces) else (pieces, [])


def _are_pieces(folder: Path, files: Sequence[Path]) -> bool:
    """Whether these are pieces of one recording that lost its metadata.yaml."""
    return bool(files) and {p.stem for p in files} == {f"{folder.resolve().name}_{i}" for i in range(len(files))}
