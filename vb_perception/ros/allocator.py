"""Memory for messages: glibc hands freed megabytes back to the kernel, and every message then pays for new pages."""

import ctypes
import logging

# From glibc's malloc.h; other C libraries have no mallopt.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8
STEP_BYTES = 32 * 2**20
KEPT_BYTES = 256 * 2**20
LARGEST_KEPT_BYTES = 32 * 2**20
"""What glibc accepts as the largest; a 1080p cloud of 16 bytes a point is just above, and comes from the kernel."""

_log = logging.getLogger(__name__)


def keep_large_blocks() -> bool:
    """Let this process keep freed blocks of up to 32 MiB, 256 MiB in all, for its next messages; whether it does.

    Copying megabytes into pages that the kernel has to find and clear first takes about a third longer
    (benchmarks/node.py, publish).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        _log.debug("this C library has no mallopt: large messages cost fresh pages")
        return False
    settings = (
        (_M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES),
        (_M_TRIM_THRESHOLD, KEPT_BYTES),
        (_M_TOP_PAD, STEP_BYTES),
        (_M_ARENA_MAX, 1),  # those of single threads give their pages back whatever the thresholds say
    )
    return all(mallopt(name, value) == 1 for name, value in settings)


def give_back_freed() -> bool:
    """Hand what was freed so far back to the kernel, as after a model was loaded; whether anything was."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and trim(0) == 1
