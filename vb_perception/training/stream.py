"""The endless, seeded stream of training examples and their batches."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from vb_perception.generator.config import GeneratorConfig
from vb_perception.generator.text import phrase_rows
from vb_perception.runtime.text import COLUMNS_AFTER_EMBEDDING, prompt_rows
from vb_perception.scenes.sample import Sample, Samples
from vb_perception.training.asked import Asked
from vb_perception.training.augment import augmented
from vb_perception.training.compose import compose
from vb_perception.training.targets import Target

KINDS = ("depth", "normals", "legend", "instances")
Example = tuple[Sample, list[Target]]


@dataclass(frozen=True, slots=True)
class Source:
    """Samples to draw from, and how often; with `donors`, few frames of one camera are made many (`compose`).

    What is not `labelled` is asked about like the rest, but its truth counts as unknown.
    """

    name: str
    samples: Samples
    share: float
    donors: tuple[Samples, ...] = ()
    labelled: bool = True

    def draw(self, rng: np.random.Generator) -> Sample:
        """One of the samples, or what is made of it and its donors."""
        sample = self.samples[int(rng.integers(len(self.samples)))]
        return compose(sample, self.donors, rng) if self.donors else sample


class ExampleStream(IterableDataset[Any]):
    """Example i depends on (seed, i) alone, so a resumed run sees what an uninterrupted one would have seen."""

    def __init__(
        self,
        sources: Sequence[Source],
        height: int,
        width: int,
        seed: int,
        start: int = 0,
        rank: int = 0,
        ranks: int = 1,
        asked: Asked | None = None,
    ) -> None:
        """Begin at example `start`; of several devices, number `rank` of `ranks` sees every `ranks`-th one."""
        super().__init__()
        self._sources, self._size, self._seed = tuple(sources), (height, width), seed
        self._asked = asked or Asked()
        self.start, self.step = start + rank, ranks

    def example(self, index: int) -> Example:
        """One image and its prompts."""
        rng = np.random.default_rng((self._seed, index))
        shares = np.array([s.share for s in self._sources])
        source = self._sources[int(rng.choice(len(self._sources), p=shares / shares.sum()))]
        sample = augmented(source.draw(rng), *self._size, rng)
        targets = self._asked.targets(sample, rng)
        if not source.labelled:
            targets = [dataclasses.replace(t, valid=np.zeros_like(t.valid)) for t in targets]
        return sample, targets

    def __iter__(self) -> Iterator[Example]:
        """Examples of this worker."""
        worker = get_worker_info()
        offset, step = (worker.id, worker.num_workers) if worker else (0, 1)
        index = self.start + offset * self.step
        while True:
            yield self.example(index)
            index += step * self.step


class BatchStream(IterableDataset[Any]):
    """Batches of an example stream, every `every`-th of them of another one: the same examples, but larger.

    Which it is depends on how many images the stage has seen, so a resumed run goes on in turn.
    """

    def __init__(
        self,
        streams: tuple[ExampleStream, ExampleStream],
        batches: tuple[int, int],
        every: int,
        seen: int,
        config: GeneratorConfig,
    ) -> None:
        """`batches` are the images of a batch of each stream, on each device; `seen` those of the stage, on all."""
        super().__init__()
        self._streams, self._batches, self._every, self._config = streams, batches, every, config
        step = streams[0].step
        cycle = step * ((every - 1) * batches[0] + batches[1])
        self._turn = min(seen % cycle // (step * batches[0]), every - 1)

    def __iter__(self) -> Iterator["Batch"]:
        """Without end; of one worker."""
        index, turn, step = self._streams[0].start, self._turn, self._streams[0].step
        while True:
            which = turn % self._every == self._every - 1
            indices = range(index, index + self._batches[which] * step, step)
            yield collate([self._streams[which].example(i) for i in indices], self._config)
            index, turn = indices.stop, turn + 1


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """B images with n prompts each, N = B * n, prompts grouped by image.

    image (B, 3, H, W) and target (N, 3, H, W) in [-1, 1]; rays (B, 2, H, W); depth_m, valid, rows (N, H, W);
    kinds (N,) index into KINDS.  Prompts: phrases (P, bytes) once each, phrase_of (N, T) index into them or -1, and the
    columns after the embedding (N, T, 11).
    """

    image: Tensor
    rays: Tensor
    target: Tensor
    depth_m: Tensor
    valid: Tensor
    rows: Tensor
    kinds: Tensor
    phrases: Tensor
    phrase_of: Tensor
    columns: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        return Batch(*(getattr(self, f.name).to(device, non_blocking=True) for f in dataclasses.fields(self)))


def collate(examples: Sequence[Example], config: GeneratorConfig) -> Batch:
    """Stack examples into a Batch."""
    targets = [t for _, ts in examples for t in ts]
    known: dict[str, int] = {}
    phrase_of = torch.full((len(targets), config.max_tokens), -1, dtype=torch.int64)
    columns = torch.zeros(len(targets), config.max_tokens, COLUMNS_AFTER_EMBEDDING)
    for n, target in enumerate(targets):
        unknown = np.zeros((len(target.tokens), config.embedding_dim), np.float32)
        columns[n] = torch.from_numpy(prompt_rows(target.tokens, unknown, config)[:, config.embedding_dim :])
        for t, token in enumerate(target.tokens):
            if token.role == "stop":
                continue
            phrase_of[n, t] = known.setdefault(token.phrase, len(known))
    repeated_depth = [s.depth_m for s, ts in examples for _ in ts]
    return Batch(
        image=_colours([s.rgb for s, _ in examples]),
        rays=torch.from_numpy(np.stack([s.intrinsics.rays() for s, _ in examples])),
        target=_colours([t.rgb for t in targets]),
        depth_m=torch.from_numpy(np.nan_to_num(np.stack(repeated_depth), nan=1.0, posinf=1.0)),
        valid=torch.from_numpy(np.stack([t.valid for t in targets])),
        rows=torch.from_numpy(np.stack([t.rows for t in targets])).long(),
        kinds=torch.tensor([KINDS.index(t.kind) for t in targets]),
        phrases=phrase_rows(list(known), config.phrase_bytes),
        phrase_of=phrase_of,
        columns=columns,
    )


def _colours(images: Sequence[np.ndarray[Any, Any]]) -> Tensor:
    stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    return (stacked.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
