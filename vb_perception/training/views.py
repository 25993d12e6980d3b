"""Views as they wait for a GPU: what costs a CPU is done once, what is left costs the GPU next to nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from vb_perception.generator.config import GeneratorConfig
from vb_perception.generator.text import phrase_rows
from vb_perception.runtime.text import COLUMNS_AFTER_EMBEDDING, prompt_rows
from vb_perception.tasks import PromptToken
from vb_perception.training.stream import KINDS, Example

DEPTH_KNOWN, NORMAL_KNOWN = 1, 2
UNKNOWN_ROW = -1
FIXED_PROMPTS = 2
"""Of every view: depth and normals.  The others are segmentations."""


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """n views of H x W, each with depth, normals and S segmentations.

    image and normals (n, H, W, 3) uint8, normals in their colours; depth_m (n, H, W) float16; known (n, H, W) uint8,
    bits DEPTH_KNOWN and NORMAL_KNOWN; things (n, H, W) int8, their `Target.rows`; rows (n, S, H, W) int8 of the
    segmentations, UNKNOWN_ROW where nothing is known; camera (n, 4)
    float32: fx, fy, cx, cy in px; kinds (n, S) int64 index into KINDS; whole (n, S) bool, see `Target`; of the S + 2
    prompts: columns (n, S + 2, T, 11) float32 and phrases (n, S + 2, T, bytes) uint8, zeros where a token has none.
    """

    image: Tensor
    normals: Tensor
    depth_m: Tensor
    known: Tensor
    things: Tensor
    rows: Tensor
    camera: Tensor
    kinds: Tensor
    whole: Tensor
    columns: Tensor
    phrases: Tensor

    def __len__(self) -> int:
        """Number of views."""
        return len(self.image)

    def room_for(self, count: int, device: torch.device) -> "Views":
        """Uninitialised views of these sizes, `count` of them, on a device."""
        return Views(*(torch.empty((count, *t.shape[1:]), dtype=t.dtype, device=device) for t in self.tensors()))

    def tensors(self) -> tuple[Tensor, ...]:
        """All of them, in order."""
        return tuple(getattr(self, f.name) for f in fields(self))

    def put(self, first: int, views: "Views") -> None:
        """Copy views into these, from number `first` on."""
        for own, new in zip(self.tensors(), views.tensors(), strict=True):
            own[first : first + len(new)].copy_(new, non_blocking=True)


def pack(examples: Sequence[Example], config: GeneratorConfig) -> Views:
    """Examples of one size, each with depth, normals and as many segmentations, as Views."""
    samples, targets = [s for s, _ in examples], [ts for _, ts in examples]
    segments = [ts[FIXED_PROMPTS:] for ts in targets]
    known = [DEPTH_KNOWN * d.valid + NORMAL_KNOWN * n.valid for d, n, *_ in targets]
    cameras = [(c.fx, c.fy, c.cx, c.cy) for c in (s.intrinsics for s in samples)]
    depth = np.nan_to_num(np.stack([s.depth_m for s in samples]), nan=1.0, posinf=1.0)
    rows = [[np.where(t.valid, t.rows, UNKNOWN_ROW) for t in ts] for ts in segments]
    prompts = [[_prompt(t.tokens, config) for t in ts] for ts in targets]
    return Views(
        image=torch.from_numpy(np.stack([s.rgb for s in samples])),
        normals=torch.from_numpy(np.stack([ts[1].rgb for ts in targets])),
        depth_m=torch.from_numpy(depth.astype(np.float16)),
        known=torch.from_numpy(np.stack(known).astype(np.uint8)),
        things=torch.from_numpy(np.stack([ts[1].rows for ts in targets])),
        rows=torch.from_numpy(np.array(rows, np.int8)),
        camera=torch.tensor(cameras, dtype=torch.float32),
        kinds=torch.tensor([[KINDS.index(t.kind) for t in ts] for ts in segments]),
        whole=torch.tensor([[t.whole for t in ts] for ts in segments]),
        columns=torch.stack([torch.stack([columns for columns, _ in of]) for of in prompts]),
        phrases=torch.stack([torch.stack([phrases for _, phrases in of]) for of in prompts]),
    )


def _prompt(tokens: Sequence[PromptToken], config: GeneratorConfig) -> tuple[Tensor, Tensor]:
    """The columns after the embedding (T, 11), and the bytes of the phrases (T, bytes)."""
    unknown = np.zeros((len(tokens), config.embedding_dim), np.float32)
    columns = torch.from_numpy(prompt_rows(tokens, unknown, config)[:, -COLUMNS_AFTER_EMBEDDING:])
    phrases = torch.zeros(config.max_tokens, config.phrase_bytes, dtype=torch.uint8)
    # A stop of a colour map has no phrase.
    said = ["" if token.role == "stop" else token.phrase for token in tokens]
    phrases[: len(said)] = phrase_rows(said, config.phrase_bytes).to(torch.uint8)
    return columns.contiguous(), phrases
