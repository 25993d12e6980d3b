"""Sizes of the generator, and nothing else: a checkpoint is these numbers plus its weights."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vb_perception.errors import CheckpointError
from vb_perception.runtime.text import COLUMNS_AFTER_EMBEDDING


@dataclass(frozen=True, slots=True)
class GeneratorConfig:
    """Channels and lengths; the defaults are the shipped model."""

    encoder: str = "lite0"  # or lite2 (image_encoder.py)
    embedding_dim: int = 96
    phrase_bytes: int = 48
    text_layers: int = 2
    max_tokens: int = 16
    denoiser_channels: tuple[int, int] = (56, 96)
    decoder_channels: tuple[int, int, int, int] = (64, 48, 32, 16)
    light_painter: bool = True  # a convolution less at 1/2 and one at full size (docs/runs.md has what that costs)
    query_dim: int = 16
    overview_px: int = 192 * 256  # pixels at which a scene is looked at as a whole, whatever the size it is painted in
    paints_stops: bool = True  # False: the colours of colour maps are regressed (the ablation of docs/training.md)
    reads_rays: bool = True  # False: the focal length is not known (likewise)
    recognises: bool = True  # what a phrase means is also looked for in the encoder's maps (recogniser.py)
    recogniser_channels: tuple[int, int] = (128, 40)
    recogniser_mixes: int = 2  # how often each place learns from those around it
    canonical_camera: bool = True  # depth of a canonical camera is painted, and moved by the focal length (painter.py)
    default_fov_deg: float = 58.0

    @property
    def token_dim(self) -> int:
        """Columns of a prompt row."""
        return self.embedding_dim + COLUMNS_AFTER_EMBEDDING

    def write(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def with_values(cls, values: dict[str, Any]) -> "GeneratorConfig":
        """The defaults but for these; lists, as JSON and YAML have them, become tuples."""
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**plain)

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> "GeneratorConfig":
        """From what a checkpoint holds of `dataclasses.asdict`."""
        # Older ones do not say what they have: there was but one painter, no canonical camera and no recogniser.
        older = {"light_painter": False, "canonical_camera": False, "recognises": False, "recogniser_mixes": 0}
        return cls.with_values(older | values)

    @classmethod
    def read(cls, path: Path) -> "GeneratorConfig":
        """Read what `write` wrote; CheckpointError says which key is missing or unknown."""
        try:
            return cls.from_values(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            msg = f"generator config {path}: {error}; expected the JSON written beside the weights"
            raise CheckpointError(msg) from error
