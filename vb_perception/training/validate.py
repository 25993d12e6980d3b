"""How a run is doing on the frames that it does not learn from, in figures and one picture."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vb_perception.generator.student import Generator
from vb_perception.generator.text import TextEncoder, phrase_rows
from vb_perception.metrics.depth import depth_scores
from vb_perception.metrics.masks import iou
from vb_perception.metrics.normals import normal_scores
from vb_perception.predictions import DepthMap, NormalMap, SegmentMap
from vb_perception.runtime.text import prompt_rows
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import InstanceSegmentation, MetricDepth, SemanticSegmentation, SurfaceNormals, Task
from vb_perception.training.augment import at_size

TASKS: tuple[Task, ...] = (
    MetricDepth(),
    SurfaceNormals(),
    SemanticSegmentation((("table", (255, 0, 0)), ("object", (0, 255, 0)))),
    InstanceSegmentation("object"),
)
SIZE = (192, 256)


def prompt_tensor(text: TextEncoder, task: Task) -> Tensor:
    """The rows of one prompt, (T, D)."""
    embeddings = text(phrase_rows([t.phrase for t in task.tokens], text.config.phrase_bytes))
    return torch.from_numpy(prompt_rows(task.tokens, embeddings.numpy(), text.config))


@torch.no_grad()
def paint(generator: Generator, text: TextEncoder, sample: Sample, tasks: Sequence[Task]) -> list[NDArray[np.uint8]]:
    """The image that the generator paints for each task, (H, W, 3) uint8."""
    generator.eval()
    text.eval()
    prompts = torch.stack([prompt_tensor(text, t) for t in tasks])
    image = torch.from_numpy(sample.rgb).permute(2, 0, 1)[None].float() / 127.5 - 1
    rays = torch.from_numpy(sample.intrinsics.rays())[None]
    rgb = generator(image, rays, prompts).rgb.float()
    levels = ((rgb.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return list(levels.permute(0, 2, 3, 1).numpy())


def validate(
    generator: Generator, text: TextEncoder, frames: Sequence[Sample], directory: Path, images: int
) -> dict[str, float]:
    """Mean figures over `frames`, and a grid of input and answers as `directory`/pictures/IMAGES.png."""
    scores: dict[str, list[float]] = {"abs_rel": [], "normals_deg": [], "table_iou": []}
    rows = []
    for frame in frames:
        sample = at_size(frame, *SIZE)
        painted = paint(generator, text, sample, TASKS)
        rows.append(np.hstack((sample.rgb, *painted)))
        depth, normals, masks = (t.decode(p) for t, p in zip(TASKS[:3], painted[:3], strict=True))
        if not (isinstance(depth, DepthMap) and isinstance(normals, NormalMap) and isinstance(masks, SegmentMap)):
            continue
        scores["abs_rel"].append(depth_scores(depth.depth_m, sample.depth_m)["abs_rel"])
        scores["normals_deg"].append(normal_scores(normals.normals, sample.normals)["mean_deg"])
        scores["table_iou"].append(iou(masks.ids == 1, sample.class_ids == 1, sample.class_ids >= 0))
    pictures = directory / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(pictures / f"{images:07d}.png"), np.vstack(rows)[..., ::-1])
    return {k: float(np.mean(v)) for k, v in scores.items()}
