"""Images in pieces that stay in the processor's cache.

Fresh arrays of a whole image cost more in page faults than the arithmetic on them: the same sums, piece by piece, take
a third of the time.
"""

from collections.abc import Iterator

BLOCK = 1 << 14
"""Values in a piece: 64 KiB of float32, below what the allocator asks the system for anew each time."""


def blocks(size: int, block: int = BLOCK) -> Iterator[slice]:
    """Slices of at most `block` that together cover 0 to `size`, in order."""
    return (slice(start, min(start + block, size)) for start in range(0, size, block))


def row_blocks(height: int, width: int, block: int = BLOCK) -> Iterator[slice]:
    """The same in whole rows of an image (height, width); at least one row each."""
    return blocks(height, max(1, block // max(1, width)))
