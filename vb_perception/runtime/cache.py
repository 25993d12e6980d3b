"""Where compiled networks are kept: a directory that the user owns, whole files only, one builder at a time."""

import fcntl
import logging
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vb_perception.errors import EngineError

_log = logging.getLogger(__name__)

VARIABLE = "VB_PERCEPTION_CACHE"
LOCK_POLL_S = 0.2
LOCK_TOLD_EVERY_S = 10.0
FOREIGN_WRITE = stat.S_IWGRP | stat.S_IWOTH


def cache_directory() -> Path:
    """$VB_PERCEPTION_CACHE, or vb_perception below $XDG_CACHE_HOME or ~/.cache; made if it is not there.

    Raises:
        EngineError: it cannot be made, or others than this user may write into it: whoever writes a plan there chooses
            what this process runs.
    """
    named = os.environ.get(VARIABLE)
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(named) if named else Path(base) / "vb_perception"
    try:
        folder = folder.expanduser()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = folder.stat()
    except (OSError, RuntimeError) as error:  # RuntimeError: of ~, where no home directory is known
        msg = f"cache directory {folder}: {error}; set {VARIABLE} to a directory that this user can write"
        raise EngineError(msg) from error
    if found.st_uid != os.geteuid() or found.st_mode & FOREIGN_WRITE:
        msg = (
            f"cache directory {folder} has owner {found.st_uid} and mode {stat.filemode(found.st_mode)}, expected "
            f"owner {os.geteuid()} and nobody else writing: compiled networks are loaded from it; run `chmod go-w "
            f"{folder}`, or set {VARIABLE} to a directory of your own"
        )
        raise EngineError(msg)
    return folder


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is either the old one or the new one, never half, whenever the power fails.

    Raises:
        EngineError: no room, or no permission.
    """
    partial = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).replace(path)
    except OSError as error:
        if partial:
            Path(partial).unlink(missing_ok=True)
        msg = f"{path} ({len(content) / 1e6:.1f} MB) cannot be written: {error}; make room, or set {VARIABLE}"
        raise EngineError(msg) from error


@contextmanager
def locked(folder: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock of `folder`, which is made if it is not there.

    Of two processes that build at once, one waits for the other.  The kernel lets go of the lock when
    its owner dies, so none is ever left behind.

    Raises:
        EngineError: somebody else held it for `timeout_s`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        msg = f"lock of {folder}: {error}; set {VARIABLE} to a directory that this user can write"
        raise EngineError(msg) from error
    try:
        _wait(handle, folder, timeout_s)
        yield
    finally:
        os.close(handle)


def _wait(handle: int, folder: Path, timeout_s: float) -> None:
    started = time.monotonic()
    told = started - LOCK_TOLD_EVERY_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            now = time.monotonic()
        else:
            return
        if now - started >= timeout_s:
            msg = (
                f"another process has been building in {folder} for {timeout_s:.0f} s; wait for it or end it, "
                "then start again"
            )
            raise EngineError(msg)
        if now - told >= LOCK_TOLD_EVERY_S:
            told = now
            _log.warning("waiting for another process that builds in %s", folder)
        time.sleep(LOCK_POLL_S)
