"""How a run is doing on the frames that it does not learn from, in figures and one picture."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vb_perception.codecs.palette import distinct_colours
from vb_perception.generator.student import Generator
from vb_perception.generator.text import TextEncoder, phrase_rows
from vb_perception.metrics.depth import depth_scores
from vb_perception.metrics.normals import normal_scores
from vb_perception.metrics.objects import overlap_boundary
from vb_perception.runtime.text import prompt_rows
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import (
    BLACK,
    MAX_THINGS,
    InstanceSegmentation,
    MetricDepth,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)
from vb_perception.training.augment import at_size
from vb_perception.training.objective import Model
from vb_perception.training.targets import MOVABLE

SIZE = (192, 256)
PICTURES, TILES = 6, 4


def prompt_tensor(text: TextEncoder, task: Task) -> Tensor:
    """The rows of one prompt, (T, D)."""
    # A stop of a colour map has an empty phrase, and its row no place for an embedding.
    embeddings = text(phrase_rows([t.phrase for t in task.tokens], text.config.phrase_bytes).to(text.bytes.device))
    return torch.from_numpy(prompt_rows(task.tokens, embeddings.cpu().numpy(), text.config))


@torch.no_grad()
def paint(generator: Generator, text: TextEncoder, sample: Sample, tasks: Sequence[Task]) -> list[NDArray[np.uint8]]:
    """The image that the generator paints for each task, (H, W, 3) uint8."""
    generator.eval()
    text.eval()
    prompts = torch.stack([prompt_tensor(text, t) for t in tasks])
    device = next(generator.parameters()).device
    image = torch.from_numpy(sample.rgb).permute(2, 0, 1)[None].float().to(device) / 127.5 - 1
    rays = torch.from_numpy(sample.intrinsics.rays())[None].to(device)
    rgb = generator(image, rays, prompts.to(device)).rgb.float().cpu()
    levels = ((rgb.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return list(levels.permute(0, 2, 3, 1).numpy())


def validate(
    model: Model, frames: Sequence[Sample], directory: Path, images: int, size: tuple[int, int] = SIZE
) -> dict[str, float]:
    """Figures over `frames` at `size` (height, width); input and answers of the first as `directory`/IMAGES.png.

    The legend names what is there, if that is known; mIoU is the mean over classes of the IoU over all frames.  What no
    frame has truth for is NaN.
    """
    scores: dict[str, list[float]] = {}
    inter: Counter[str] = Counter()
    union: Counter[str] = Counter()
    rows: list[NDArray[np.uint8]] = []
    for frame in frames:
        sample = at_size(frame, *size)
        present = [sample.class_names[i] for i in np.unique(sample.class_ids) if i > 0][:MAX_THINGS]
        tasks: list[Task] = [MetricDepth(), SurfaceNormals(), InstanceSegmentation("object")]
        if present:
            colours = distinct_colours(len(present), avoid=(BLACK,))
            tasks.append(SemanticSegmentation(tuple(zip(present, colours, strict=True))))
        painted = paint(model.generator, model.text, sample, tasks)
        if len(rows) < PICTURES:
            nothing = [np.zeros_like(sample.rgb)] * (TILES - len(painted))
            rows.append(np.hstack((sample.rgb, *painted, *nothing)))
        answers: dict[str, Any] = {
            task.name: task.decode(rgb, sample.rgb) for task, rgb in zip(tasks, painted, strict=True)
        }
        for name, value in score(answers, sample).items():
            scores.setdefault(name, []).append(value)
        for i, name in enumerate(present, 1):
            true, found = sample.class_ids == sample.class_names.index(name), answers["segmentation"].ids == i
            known = sample.class_ids >= 0
            inter[name] += int((true & found).sum())
            union[name] += int(((true | found) & known).sum())
    directory.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(directory / f"{images:07d}.png"), np.vstack(rows)[..., ::-1])
    scores["miou"] = [inter[n] / union[n] for n in union if union[n]]
    return {k: float(np.nanmean(v)) if np.isfinite(v).any() else float("nan") for k, v in scores.items()}


def score(answers: dict[str, Any], truth: Sample) -> dict[str, float]:
    """Depth, normals and objects of one frame."""
    movable = np.isin(truth.class_ids, [i for i, n in enumerate(truth.class_names) if n in MOVABLE])
    objects = np.where(movable, truth.instance_ids, 0)
    depth = depth_scores(answers["depth"].depth_m, truth.depth_m)
    masks = overlap_boundary(answers["instances"].ids, objects, truth.class_ids >= 0)
    return {
        "abs_rel": depth["abs_rel"],
        "delta1": depth["delta1"],
        "normals_deg": normal_scores(answers["normals"].normals, truth.normals)["mean_deg"],
        "overlap_f": masks["overlap_f"],
        "boundary_f": masks["boundary_f"],
    }
