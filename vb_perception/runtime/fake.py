"""An engine that paints known answers: every part of the node but the network can be tested against it.

The scene that it claims to see is one leaning plane, in front of which something stands in the middle of the image.
"""

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.codecs.depth import DepthCodec
from vb_perception.codecs.normals import encode_normals
from vb_perception.errors import ConfigError, InferenceError
from vb_perception.runtime.contract import CheckedEngine
from vb_perception.runtime.engine import EngineSpec, Float
from vb_perception.runtime.text import COLOUR, HALF_LEVELS, HAS_COLOUR, ROLE_COLUMN, PromptEncoder
from vb_perception.tasks import (
    EdgeMap,
    InstanceSegmentation,
    MetricDepth,
    ReferringSegmentation,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)

PLANE_NORMAL = (0.0, -0.28, -0.96)
"""Unit normal of the plane, optical frame, towards the camera: like a desk seen from above, near at the bottom."""
PLANE_DISTANCE_M = 2.4
"""Distance of the plane from the camera's centre, along its normal; the depth on the optical axis is 2.5 m."""

SAME_EMBEDDING = 1e-4
"""Largest difference between two embeddings of one phrase, in the embedding's own unit."""

RGB = NDArray[np.uint8]


def plane_depth_m(rays: Float) -> Float:
    """Depth (H, W) of the plane along `rays` (2, H, W); NaN where a ray misses it."""
    x, y = rays
    towards = -(PLANE_NORMAL[0] * x + PLANE_NORMAL[1] * y + PLANE_NORMAL[2])
    missed = towards <= 0
    return np.where(missed, np.nan, PLANE_DISTANCE_M / np.where(missed, 1, towards)).astype(np.float32)


def thing_mask(height: int, width: int) -> NDArray[np.bool_]:
    """Where the thing stands: the middle half of the generated image in both directions."""
    mask = np.zeros((height, width), np.bool_)
    mask[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    return mask


def _paint_depth(rays: Float, _prompt: Float) -> RGB:
    return DepthCodec().encode(plane_depth_m(rays))


def _paint_normals(rays: Float, _prompt: Float) -> RGB:
    return encode_normals(np.full((*rays.shape[1:], 3), PLANE_NORMAL, np.float32))


def _paint_thing(rays: Float, prompt: Float) -> RGB:
    """The first thing (or instance) with a colour, in that colour; nothing where none was taught."""
    return _in_first_colour(thing_mask(*rays.shape[1:]), prompt[prompt[:, HAS_COLOUR] == 1])


def _paint_edges(rays: Float, prompt: Float) -> RGB:
    """The outline of the thing, one pixel wide."""
    thing = thing_mask(*rays.shape[1:]).astype(np.uint8)
    outline = (thing != cv2.erode(thing, np.ones((3, 3), np.uint8))).astype(np.bool_)
    return _in_first_colour(outline, prompt)


def _in_first_colour(mask: NDArray[np.bool_], rows: Float) -> RGB:
    things, (background, *_) = (rows[rows[:, ROLE_COLUMN[role]] == 1] for role in ("thing", "background"))
    return np.where(mask[..., None], _levels(things[0] if len(things) else background), _levels(background))


def _levels(row: Float) -> RGB:
    levels: RGB = np.rint((row[COLOUR] + 1) * HALF_LEVELS).astype(np.uint8)
    return levels


PAINTERS: tuple[tuple[Task, Callable[[Float, Float], RGB]], ...] = (
    (MetricDepth(), _paint_depth),
    (SurfaceNormals(), _paint_normals),
    (SemanticSegmentation((("thing", (255, 255, 255)),)), _paint_thing),
    (InstanceSegmentation("thing"), _paint_thing),
    (ReferringSegmentation("thing"), _paint_thing),
    (EdgeMap(), _paint_edges),
)
"""A painter for each kind of task; only the phrase of the task's first token matters."""


class FakeEngine(CheckedEngine):
    """Paints the plane's depth and normals, and the first thing in its colour; deterministic.

    It knows the task as a generator must, by the embedding of the task's phrase: so it runs with any model folder's
    text encoder, and needs no generator.onnx.
    """

    def __init__(self, model_dir: Path, latency_ms: float = 0.0, fail_every: int = 0) -> None:
        """`latency_ms`: how long each inference takes, asleep as behind a GPU; every `fail_every`-th fails (0: none).

        Raises:
            ConfigError: a negative number.
            EngineUnavailableError, EngineMismatchError: as `PromptEncoder` does.
        """
        if latency_ms < 0 or fail_every < 0:
            msg = f"fake engine with latency_ms {latency_ms} and fail_every {fail_every}: expected neither below zero"
            raise ConfigError(msg)
        spec = EngineSpec.read(model_dir)
        prompts = PromptEncoder(model_dir, spec)
        self._embeddings = np.array([prompts.embed(task.tokens[0].phrase) for task, _ in PAINTERS])
        self._latency_s = latency_ms / 1000
        self._fail_every = fail_every
        self._runs = 0
        self._last: tuple[bytes, Float] = b"", np.zeros(0, np.float32)
        super().__init__(spec, "fake")

    def _run(self, image: Float, rays: Float, prompts: Float) -> Float:  # noqa: ARG002 - the answer is known beforehand
        begun = time.monotonic()
        self._runs += 1
        if self._fail_every and self._runs % self._fail_every == 0:
            msg = f"fake engine: inference {self._runs} fails, as fail_every {self._fail_every} asks for"
            raise InferenceError(msg)
        asked = rays.tobytes() + prompts.tobytes()
        if asked != self._last[0]:  # a camera that stays as it is gets the same pictures, which a GPU would not cost us
            painted = np.stack([self._painter(prompt)(rays[0], prompt) for prompt in prompts])
            self._last = asked, (painted.transpose(0, 3, 1, 2) / np.float32(HALF_LEVELS) - 1).astype(np.float32)
        time.sleep(max(0.0, self._latency_s - (time.monotonic() - begun)))
        return self._last[1].copy()

    def _painter(self, prompt: Float) -> Callable[[Float, Float], RGB]:
        asked = prompt[prompt[:, ROLE_COLUMN["task"]] == 1, : self.spec.embedding_dim]
        for embedding, (_, painter) in zip(self._embeddings, PAINTERS, strict=True):
            if len(asked) == 1 and np.allclose(asked[0], embedding, atol=SAME_EMBEDDING):
                return painter
        phrases = ", ".join(task.tokens[0].phrase for task, _ in PAINTERS)
        msg = f"fake engine: a prompt with {len(asked)} task rows asks for none of {phrases}"
        raise InferenceError(msg)
