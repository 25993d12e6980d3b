"""What a figure depends on besides the answers: the machine, the versions, and the bytes of data and model."""

import hashlib
import os
import platform
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from vb_perception import __version__

_LIBRARIES = ("numpy", "opencv-python-headless", "scipy", "onnxruntime", "openvino", "tensorrt", "rosbags")
_BLOCK_BYTES = 1 << 20
_PACKAGE = Path(__file__).resolve().parents[1]


def machine() -> dict[str, object]:
    """Processor, cores, memory and system."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "memory_gib": round(pages / 2**30, 1),
        "system": platform.platform(),
    }


def versions() -> dict[str, str]:
    """This package, Python, and the libraries that decode, run and score, where they are installed."""
    known = {library: _version(library) for library in _LIBRARIES}
    own = {"vb_perception": __version__, "python": platform.python_version()}
    return own | {library: found for library, found in known.items() if found}


def digest(path: Path, but: Collection[Path] = ()) -> str:
    """sha256 of a file, or of a folder: the names (relative, sorted) and bytes of all in it `but` these files."""
    total = hashlib.sha256()
    for file in _files(path):
        if but and file.parent.resolve() / file.name in but:
            continue
        if path.is_dir():
            total.update(f"{file.relative_to(path).as_posix()}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                total.update(block)
    return total.hexdigest()


def code_digest() -> str:
    """sha256 of this package's own Python sources, read once a process: figures made by other code are others."""
    return sources_digest(_PACKAGE)


@lru_cache
def sources_digest(package: Path) -> str:
    """sha256 of the names and bytes of all .py files below a folder."""
    files = sorted(package.rglob("*.py"))
    return joint_digest([f"{file.relative_to(package).as_posix()} {digest(file)}" for file in files])


def size_bytes(path: Path) -> int:
    """Bytes of a file or of all files of a folder."""
    return sum(file.stat().st_size for file in _files(path))


def _files(path: Path) -> Iterator[Path]:
    yield from sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def joint_digest(digests: Sequence[str]) -> str:
    """One digest for several."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
