"""Whether the node's memory stays flat over many frames; prints JSON.  Goal: growth below 1 % over 20,000 frames.

The growth is that of the resident set from a tenth of the frames (allocators and windows are filled then) to the end.

Usage: python benchmarks/memory.py [--frames 20000] [--rate-hz 100]
"""

import argparse
import os
from pathlib import Path

from node_bench import figures, ledger_row, report, running_node, spin_with_peer

OUTPUTS = ("depth/image_rect", "normals/image", "segmentation/mask", "points")
MIB = 1024 * 1024


def resident_mib() -> float:
    """This process' resident set."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def main() -> None:
    """Run the node here, the camera in another process, and look at the memory now and then."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--rate-hz", type=float, default=100.0)
    options = parser.parse_args()
    course: list[tuple[int, float]] = []
    with running_node(latency_window=300) as (node, executor):

        def look() -> None:
            (found,) = figures(node).values()
            if not course or found.ledger.received >= course[-1][0] + options.frames // 20:
                course.append((found.ledger.received, round(resident_mib(), 1)))

        arguments = ["--frames", options.frames, "--rate-hz", options.rate_hz, "--size", 320, 240]
        peer = spin_with_peer(executor, [*arguments, "--outputs", *OUTPUTS], look)
        (found,) = figures(node).values()
        end_mib = resident_mib()
    start_mib = next(mib for received, mib in course if received >= options.frames // 10)
    result = {
        "start_mib": start_mib,
        "end_mib": round(end_mib, 1),
        "growth_percent": round(100 * (end_mib - start_mib) / start_mib, 2),
        "course": course,
        "ledger": ledger_row(found.ledger),
        "peer": peer,
    }
    report("memory", result)


if __name__ == "__main__":
    main()
