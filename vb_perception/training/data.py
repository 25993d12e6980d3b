"""What a run learns from and what it only watches, as its settings say."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Subset

from vb_perception.errors import ConfigError
from vb_perception.generator.config import GeneratorConfig
from vb_perception.scenes.osd import read_osd
from vb_perception.scenes.rendered import RenderedScenes
from vb_perception.scenes.sample import Sample, Samples
from vb_perception.scenes.stream import MIXTURE
from vb_perception.training.asked import Asked
from vb_perception.training.benches import Benches
from vb_perception.training.corpus import Corpus
from vb_perception.training.pool import PooledBatches, worker_context
from vb_perception.training.setting_parts import SceneSettings, Stage
from vb_perception.training.settings import TrainSettings
from vb_perception.training.stream import Batch, BatchStream, ExampleStream, Source, collate


class Frames:
    """Frames of the OSD layout, read by each process that asks for them: they are too large to be sent to many."""

    def __init__(self, directory: Path, indices: Sequence[int] | None = None) -> None:
        """Those of a folder, all of them or only some."""
        self._directory, self._indices = directory, indices
        self._read: list[Sample] | None = None

    def only(self, indices: Sequence[int]) -> "Frames":
        """Some of them."""
        return Frames(self._directory, indices)

    def __getstate__(self) -> dict[str, Any]:
        """Everything but what was read."""
        return self.__dict__ | {"_read": None}

    def _samples(self) -> list[Sample]:
        if self._read is None:
            read = list(read_osd(self._directory))
            self._read = read if self._indices is None else [read[i] for i in self._indices]
        return self._read

    def __len__(self) -> int:
        """Number of frames."""
        return len(self._samples())

    def __getitem__(self, i: int) -> Sample:
        """Frame `i`."""
        return self._samples()[i]


class Data:
    """Sources to learn from, frames and renders to watch, and renders that are withheld."""

    def __init__(self, settings: TrainSettings) -> None:
        """Open everything.

        Raises:
            ConfigError: a folder is missing or unfinished, or has no frame of a number that is to be watched.
        """
        self._settings = settings
        watched_frames = settings.validation_frames
        frames = Frames(Path(settings.osd_dir))
        beyond = [i for i in watched_frames if i >= len(frames)]
        if beyond:
            msg = f"validation_frames {beyond}: {settings.osd_dir} has {len(frames)} frames, numbered from 0"
            raise ConfigError(msg)
        self.watched = [frames[i] for i in watched_frames]
        learn = frames.only([i for i in range(len(frames)) if i not in watched_frames])
        renders = opened_renders(settings)
        watched = max(len(renders) - settings.validation_renders, 1)
        kept = max(watched - settings.withheld_renders, 1)
        self.watched_renders = [renders[i] for i in range(watched, len(renders))]
        self.withheld: Samples = Subset(renders, range(kept, watched))
        benches = [Benches(of) for of in opened_benches(settings)]
        donors: tuple[Samples, ...] = (learn, *benches)
        self.sources = [
            Source("osd", learn, settings.osd_share, donors),
            Source("renders", renders.first(kept), settings.render_share),
            *(Source("benches", of, settings.bench_share, donors) for of in benches),
        ]
        self.sources += [Source(name, Corpus(Path(name)), share) for name, share in settings.further.items()]

    def batches(
        self, stage: Stage, seen: int, began: int, config: GeneratorConfig, device: torch.device, rank: int, ranks: int
    ) -> "DataLoader[Batch] | PooledBatches":
        """What follows on `seen` images in a stage that began after `began`, without end; `rank` of `ranks` devices."""

        def stream(height: int, width: int) -> ExampleStream:
            settings = self._settings
            return ExampleStream(
                self.sources, height, width, settings.seed, seen, rank, ranks, Asked(words=settings.words)
            )

        pool, large = self._settings.pool, stage.large
        if pool is not None:
            views = ExampleStream(
                self.sources, pool.height, pool.width, self._settings.seed, seen, rank, ranks, Asked(pool.segmentations)
            )
            return PooledBatches(views, stage, pool, config, device, self._settings.seed)
        examples = stream(stage.height, stage.width)
        if large is None:
            return DataLoader(
                examples,
                batch_size=stage.batch,
                num_workers=1,
                prefetch_factor=4,
                collate_fn=partial(collate, config=config),
                multiprocessing_context=worker_context(),
            )
        streams, sizes = (examples, stream(large.height, large.width)), (stage.batch, large.batch)
        mixed = BatchStream(streams, sizes, large.every, seen - began, config)
        return DataLoader(
            mixed, batch_size=None, num_workers=1, prefetch_factor=4, multiprocessing_context=worker_context()
        )


def opened_renders(settings: TrainSettings) -> Corpus | RenderedScenes:
    """The corpus on disk, or the scenes to draw."""
    return Corpus(Path(settings.corpus_dir)) if settings.scenes is None else drawn_scenes(settings.scenes)


def opened_benches(settings: TrainSettings) -> list[Corpus | RenderedScenes]:
    """Benches on disk or to draw, or none."""
    if settings.bench_scenes is not None:
        return [drawn_scenes(settings.bench_scenes)]
    return [Corpus(Path(settings.bench_dir))] if settings.bench_dir else []


def drawn_scenes(of: SceneSettings) -> RenderedScenes:
    """Scenes as the settings say."""
    assets = Path(of.assets_dir) if of.assets_dir else None
    return RenderedScenes(of.count, of.seed, of.width, of.height, assets, kinds=of.kinds or MIXTURE)
