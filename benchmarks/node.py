"""What the node costs beside the network, at 640x480; prints JSON.

All outputs that a robot takes (depth, normals, mask, confidence, points) have a listener in another process; goal:
receive + prepare + decode + publish 15 ms (median).  With --idle nobody listens while the camera publishes; goal: 2 %
of one core.

Usage: python benchmarks/node.py [--frames 300] [--rate-hz 15] [--idle]
"""

import argparse
import time

from node_bench import figures, ledger_row, report, running_node, spin_with_peer

OUTPUTS = (
    "depth/image_rect", "normals/image", "segmentation/mask", "segmentation/confidence", "points",
)  # fmt: skip
DISCOVERY_S = 4.0
OVERHEAD = ("receive", "prepare", "decode", "publish")


class Meter:
    """The processor time of this process, from when the peer has been discovered."""

    def __init__(self) -> None:
        self._begin_s = time.monotonic() + DISCOVERY_S
        self._wall_s = self._cpu_s = 0.0

    def step(self) -> None:
        """Begin, once it is time."""
        if not self._wall_s and time.monotonic() > self._begin_s:
            self._wall_s, self._cpu_s = time.monotonic(), time.process_time()

    def percent(self) -> float:
        """Of one core, since the beginning."""
        return 100 * (time.process_time() - self._cpu_s) / (time.monotonic() - self._wall_s)


def main() -> None:
    """Run the node here and the rest in another process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--rate-hz", type=float, default=15.0)
    parser.add_argument("--idle", action="store_true")
    options = parser.parse_args()
    outputs = () if options.idle else OUTPUTS
    with running_node() as (node, executor):
        meter = Meter()
        peer = spin_with_peer(
            executor, ["--frames", options.frames, "--rate-hz", options.rate_hz, "--outputs", *outputs], meter.step
        )
        cpu_percent = meter.percent()
        (found,) = figures(node).values()
    stages = {
        "/".join(filter(None, key)): {"p50_ms": round(s.p50_ms, 2), "p95_ms": round(s.p95_ms, 2)}
        for key, s in found.stages.items()
        if s.count
    }
    medians_ms = {stage: found.stages[stage, ""].p50_ms for stage in OVERHEAD}
    overhead_ms = sum(medians_ms.values())
    result = {
        "size": [640, 480],
        "idle": options.idle,
        "cpu_percent_of_one_core": round(cpu_percent, 2),
        "overhead_p50_ms": None if options.idle else round(overhead_ms, 2),
        "overhead_shares_percent": {}
        if options.idle
        else {s: round(100 * ms / overhead_ms) for s, ms in medians_ms.items()},
        "stages": stages,
        "ledger": ledger_row(found.ledger),
        "peer": peer,
    }
    report("node", result)


if __name__ == "__main__":
    main()
