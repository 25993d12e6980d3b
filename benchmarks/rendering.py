"""How fast scenes are made and rendered: frames/s of the whole corpus pipeline, CPU time of a frame of each kind.

python benchmarks/rendering.py [--assets cache/assets] [--frames 240] [--workers N]
"""

import argparse
import json
import os
import time
from contextlib import closing
from itertools import islice
from pathlib import Path

from circumstances import circumstances

from vb_perception.scenes.assets import SceneAssets
from vb_perception.scenes.parallel import parallel_stream
from vb_perception.scenes.render import Renderer
from vb_perception.scenes.stream import MIXTURE, SCENE_MAKERS, make_scene

WIDTH, HEIGHT = 256, 192
SEED = 77
REPEATS = 4


def frames_per_second(assets_dir: Path | None, frames: int, workers: int) -> float:
    """Of the mixture, once the processes run and their shaders are compiled."""
    with closing(parallel_stream(SEED, WIDTH, HEIGHT, workers=workers, assets_dir=assets_dir)) as stream:
        for _ in islice(stream, 5 * len(MIXTURE)):
            pass
        start = time.perf_counter()
        for _ in islice(stream, frames):
            pass
        return frames / (time.perf_counter() - start)


def cpu_ms(assets: SceneAssets, kind: str, count: int) -> dict[str, float]:
    """Processor time of making and of rendering a scene, the least of a few repeats, averaged over scenes."""
    with Renderer(WIDTH, HEIGHT, assets.images) as renderer:
        made = rendered = 0.0
        for index in range(count):
            make, render = [], []
            for _ in range(REPEATS):
                start = time.process_time()
                scene = make_scene(kind, SEED, index, WIDTH, HEIGHT, "train", assets)
                middle = time.process_time()
                renderer.render(scene)
                make.append(middle - start)
                render.append(time.process_time() - middle)
            made, rendered = made + min(make), rendered + min(render)
    return {"make_ms": round(1000 * made / count, 1), "render_ms": round(1000 * rendered / count, 1)}


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, help="folder of `vb-perception assets`; left out: procedural scenes")
    parser.add_argument("--frames", type=int, default=240)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    assets = SceneAssets.none() if options.assets is None else SceneAssets.read(options.assets, "train")
    figures = {
        "frames_per_s": round(frames_per_second(options.assets, options.frames, options.workers), 1),
        "workers": options.workers,
        "size": [WIDTH, HEIGHT],
        "models": len(assets.models),
        "cpu_of_a_frame": {kind: cpu_ms(assets, kind, 12) for kind in SCENE_MAKERS},
        **circumstances(),
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
