"""A question and torch's answer to it, kept beside the model: what every engine is tested with when it is loaded."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import EngineMismatchError
from vb_perception.runtime.engine import EngineSpec, Float, Variant

RGB = NDArray[np.uint8]
HALF_LEVELS = np.float32(127.5)
FINE = np.float32(32767.5)
"""Answers are stored in 65536 levels of [-1, 1]: finer than fp16, half the size of fp32."""


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """One frame, the prompts of its tasks, and the reference's answer.

    `image (H, W, 3)` uint8; `camera (4,)` float64 fx, fy, cx, cy in pixels; `prompts (N, T, D)` float32; `kinds (N,)`,
    each "depth", "normals" or "segmentation"; `palette (K, 3)` uint8, the colours of "segmentation" by id; `rgb (N, 3,
    H, W)` float32 in [-1, 1], right to 2e-5.
    """

    image: RGB
    camera: NDArray[np.float64]
    prompts: Float
    kinds: tuple[str, ...]
    palette: RGB
    rgb: Float

    def inputs(self) -> tuple[Float, Float, Float]:
        """Image (1, 3, H, W), rays (1, 2, H, W) and prompts as `Engine.infer` takes them."""
        height, width = self.image.shape[:2]
        image = self.image.transpose(2, 0, 1)[None].astype(np.float32) / HALF_LEVELS - 1
        rays = CameraIntrinsics(width, height, *map(float, self.camera)).rays()[None]
        return np.ascontiguousarray(image), rays, self.prompts

    def to_bytes(self) -> bytes:
        """The content of a golden file; the same bytes for the same values."""
        stream = io.BytesIO()
        np.savez_compressed(
            stream,
            image=self.image,
            camera=self.camera,
            prompts=self.prompts,
            kinds=np.array(self.kinds),
            palette=self.palette,
            rgb=_stepped(np.rint((np.clip(self.rgb, -1, 1) + 1) * FINE).astype(np.uint16)),
        )
        return stream.getvalue()

    @classmethod
    def read(cls, model_dir: Path, spec: EngineSpec, variant: Variant) -> "Golden":
        """Read the golden file of `variant`.

        Raises:
            EngineMismatchError: missing, damaged, or of another size than the variant.
        """
        file = spec.verify(model_dir / variant.golden, variant.golden_sha256)
        try:
            with np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            golden = cls(
                image=arrays["image"],
                camera=arrays["camera"],
                prompts=arrays["prompts"],
                kinds=tuple(map(str, arrays["kinds"])),
                palette=arrays["palette"],
                rgb=_summed(arrays["rgb"]).astype(np.float32) / FINE - 1,
            )
        except (OSError, ValueError, KeyError) as error:
            msg = f"{file}: {error}; expected a golden file as written by `vb-perception export`; export again"
            raise EngineMismatchError(msg) from error
        size = (variant.height, variant.width)
        if golden.rgb.shape != (len(golden.kinds), 3, *size) or golden.image.shape != (*size, 3):
            msg = (
                f"{file} holds an image {golden.image.shape} and an answer {golden.rgb.shape}, expected "
                f"{len(golden.kinds)} answers of {size[0]}x{size[1]} pixels; export again"
            )
            raise EngineMismatchError(msg)
        return golden


def _stepped(levels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Steps from pixel to pixel down and to the right, (2, N, 3, H, W): high bytes, low bytes.  A third smaller so."""
    for axis in (-1, -2):
        levels = np.diff(levels, axis=axis, prepend=np.uint16(0))
    return np.stack((levels >> 8, levels & 0xFF)).astype(np.uint8)


def _summed(steps: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """The levels that `_stepped` was given."""
    high, low = steps.astype(np.uint16)
    levels: NDArray[np.uint16] = (high << 8) + low
    for axis in (-2, -1):
        levels = np.cumsum(levels, axis=axis, dtype=np.uint16)
    return levels


def write_golden(model_dir: Path, name: str, golden: Golden) -> str:
    """Write a golden file; its sha256."""
    content = golden.to_bytes()
    (model_dir / name).write_bytes(content)
    return hashlib.sha256(content).hexdigest()
