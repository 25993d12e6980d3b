"""Two cameras at 30 Hz and an engine that manages 20 Hz in all; prints JSON.  Goal: each gets 9 to 11 Hz.

Usage: python benchmarks/two_cameras.py [--seconds 20]
"""

import argparse

from node_bench import figures, ledger_row, report, running_node, spin_with_peer

CAMERAS = ("front", "wrist")
RATE_HZ, ENGINE_MS = 30.0, 50.0


def main() -> None:
    """Run the node here and the cameras in another process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    seconds = parser.parse_args().seconds
    arguments = ["--frames", round(seconds * RATE_HZ), "--rate-hz", RATE_HZ, "--size", 320, 240]
    with running_node(cameras=list(CAMERAS), backend=f"fake:latency_ms={ENGINE_MS:g}") as (node, executor):
        peer = spin_with_peer(executor, [*arguments, "--cameras", *CAMERAS, "--outputs", "depth/image_rect"])
        found = figures(node)
    cameras = {}
    for name, each in found.items():
        age = each.stages["age", ""]
        cameras[name] = {
            "answered_hz": round(each.ledger.processed / peer["seconds"], 2),
            "age_p50_ms": round(age.p50_ms, 1),
            "age_p99_ms": round(age.p99_ms, 1),
            "age_max_ms": round(age.max_ms, 1),
            "ledger": ledger_row(each.ledger),
        }
    report("two_cameras", {"camera_hz": RATE_HZ, "engine_ms": ENGINE_MS, "cameras": cameras, "peer": peer})


if __name__ == "__main__":
    main()
