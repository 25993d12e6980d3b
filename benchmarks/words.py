"""Who knows what a word means?  mIoU of legends that name all there is: by the painter, by the recogniser, by both.

Each pixel is given to the row that it points at most: by what the painter alone points at, by the recogniser's evidence
alone, and by both as they are mixed; and as it is read back from the painted colours, where one who hesitates between
two colours may hit a third (`read`).  `decided` is how often the mixture of both is taken times itself before.

Usage: python benchmarks/words.py SETTINGS STATE [STATE ...] [--held-out cache/assets]

SETTINGS is the YAML of a training, which names the renders that are watched; held-out renders are for what is final.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from accuracy_legends import LegendTally, legends, named_classes
from accuracy_sets import held_out_renders
from circumstances import circumstances
from distillation import read_student
from numpy.typing import NDArray
from torch import Tensor

from vb_perception.generator.painter import grown
from vb_perception.predictions import SegmentMap
from vb_perception.runtime.text import COLOUR
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import SemanticSegmentation
from vb_perception.training.augment import at_size
from vb_perception.training.data import Data
from vb_perception.training.objective import Model
from vb_perception.training.settings import TrainSettings
from vb_perception.training.train import STATE
from vb_perception.training.validate import prompt_tensor

RESULTS = Path(__file__).parent / "results"
SEED = 13
DECIDED = (1.0, 2.0, 3.0, 5.0, 8.0)


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", type=Path)
    parser.add_argument("states", type=Path, nargs="+")
    parser.add_argument("--held-out", type=Path, help="the packed assets: held-out renders as well")
    parser.add_argument("--out", type=Path, default=RESULTS / "words.json", help="[%(default)s]")
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = TrainSettings.read(options.settings)
    watched = [at_size(sample, *settings.validation_size) for sample in Data(settings).watched_renders]
    sets = {"watched renders": watched}
    if options.held_out:
        sets["held-out renders"] = held_out_renders(options.held_out)
    found = {
        (state.parent.name if state.name == STATE else state.stem): {
            name: figures_of(read_student(state), frames) for name, frames in sets.items()
        }
        for state in options.states
    }
    text = json.dumps({"benchmark": "words", **circumstances(), "figures": found}, indent=1)
    options.out.write_text(text + "\n", encoding="utf-8")
    print(text)


def figures_of(model: Model, frames: Sequence[Sample]) -> dict[str, dict[str, float]]:
    """Of each way the mean over frames of their mIoU, and the mean over words of the IoU over all frames."""
    rng = np.random.default_rng(SEED)
    rows: dict[str, list[float]] = {}
    tallies: dict[str, LegendTally] = {}
    for frame in frames:
        named = named_classes(frame)
        if not named:
            continue
        task, *_ = legends(named, rng).values()
        with torch.no_grad():
            found = answers(model, frame, task)
        for way, ids in found.items():
            answer = SegmentMap(ids, ("background", *named), np.ones(ids.shape, np.float32))
            tallies.setdefault(way, LegendTally())
            rows.setdefault(way, []).append(tallies[way].add(answer, named, frame))
    return {
        way: {"miou": round(float(np.mean(of)), 4), "class_miou": round(tallies[way].mean(), 4)}
        for way, of in rows.items()
    }


def answers(model: Model, frame: Sample, task: SemanticSegmentation) -> dict[str, NDArray[np.uint16]]:
    """Ids (H, W) by each way; 0 is the background, the first row of a legend's prompt after the task."""
    generator = model.generator.eval()
    prompts = prompt_tensor(model.text.eval(), task)[None]
    image = torch.from_numpy(frame.rgb).permute(2, 0, 1)[None].float() / 127.5 - 1
    rays = torch.from_numpy(frame.intrinsics.rays())[None]
    both = generator(image, rays, prompts).logits
    evidence = generator.look(image, rays, prompts).evidence
    painter = both
    out = {}
    shown = slice(1, 2 + len(task.legend))
    if evidence is not None:
        nats = grown(evidence.nats, both)
        painter = (both - nats) / evidence.trust[..., None, None]
        out["recogniser"] = nats
    out |= {"painter": painter, "both": both}
    ids = {way: logits[0, shown].argmax(0).numpy().astype(np.uint16) for way, logits in out.items()}
    colours = prompts[0, shown][:, model.config.embedding_dim :][:, COLOUR]
    return ids | {f"read, decided {k:g}": task.decode(_mixed(both[0, shown] * k, colours)).ids for k in DECIDED}


def _mixed(logits: Tensor, colours: Tensor) -> NDArray[np.uint8]:
    """The picture (H, W, 3) of colours (T, 3) in [-1, 1], mixed as logits (T, H, W) say."""
    rgb = torch.einsum("thw,tc->hwc", torch.softmax(logits, 0), colours)
    levels: NDArray[np.uint8] = ((rgb + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).numpy()
    return levels


if __name__ == "__main__":
    main()
