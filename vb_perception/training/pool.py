"""A pool of views on the GPU: each is drawn some times, in another crop, mirror and light, with one of its prompts.

A GPU learns some times faster than a CPU draws scenes.  Which views are in the pool, and what is drawn of them, follows
from the seed and the number of images seen, whatever the machine's speed.  But a resumed run begins with an empty pool,
at the example whose number is that of the images seen: it does not see what an uninterrupted one would.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext

import cv2
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from vb_perception.generator.config import GeneratorConfig
from vb_perception.generator.painter import colour_steps
from vb_perception.runtime.text import COLOUR, STOP
from vb_perception.training.objective import CODEC
from vb_perception.training.setting_parts import CHUNK, PoolSettings, Stage
from vb_perception.training.stream import KINDS, Batch, ExampleStream
from vb_perception.training.views import DEPTH_KNOWN, FIXED_PROMPTS, NORMAL_KNOWN, Views, pack

LEAST_SHARE, WHOLE_SHARE = 0.7, 0.25
"""Of a view's width and height that a crop has at least; how often it is all of it."""
GAIN, NOISE_LEVELS = 0.12, 5.0
"""Of each colour channel, and of each pixel: what changes from one drawing of a view to the next, at most."""
LEVELS = 127.5


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """Which view each of B images is of, and which part: xs (B, w) and ys (B, h) of the view's px, mirrored if so."""

    which: Tensor
    prompt: Tensor
    xs: Tensor
    ys: Tensor
    mirror: Tensor

    def nearest(self, values: Tensor) -> Tensor:
        """`values` (B, H, W, ...) of the views at the nearest pixels, (B, h, w, ...)."""
        height, width = values.shape[1:3]
        rows = self.ys.round().long().clamp(0, height - 1)[:, :, None]
        columns = self.xs.round().long().clamp(0, width - 1)[:, None, :]
        return values[torch.arange(len(values), device=values.device)[:, None, None], rows, columns]

    def between(self, values: Tensor) -> Tensor:
        """`values` (B, C, H, W) of the views, bilinearly, (B, C, h, w)."""
        height, width = values.shape[2:]
        x, y = ((of + 0.5) * (2 / size) - 1 for of, size in ((self.xs, width), (self.ys, height)))
        grid = torch.stack((x[:, None, :].expand(-1, y.shape[1], -1), y[:, :, None].expand(-1, -1, x.shape[1])), dim=-1)
        return nn.functional.grid_sample(values, grid, padding_mode="border", align_corners=False)


class Pool:
    """The newest views, on a device."""

    def __init__(self, capacity: int, device: torch.device) -> None:
        """Room for `capacity` views, taken when the first come."""
        self.capacity, self.device = capacity, device
        self.added = 0
        self._views: Views | None = None

    def add(self, views: Views) -> None:
        """Take views in, in the place of the oldest if it is full; `capacity` is a multiple of their number."""
        if self._views is None:
            self._views = views.room_for(self.capacity, self.device)
        self._views.put(self.added % self.capacity, views)
        self.added += len(views)

    def batch(self, count: int, size: tuple[int, int], random: torch.Generator) -> Batch:
        """`count` crops of views in the pool at `size` (height, width), with three prompts each."""
        views = self._views
        if views is None:
            msg = "a batch of an empty pool"
            raise ValueError(msg)
        crops = self._crops(views, count, size, random)
        which = crops.which
        fx, fy, cx, cy = views.camera[which].T[..., None]
        across = torch.where(crops.mirror[:, None], cx - crops.xs, crops.xs - cx) / fx
        down = (crops.ys - cy) / fy
        rays = torch.stack(
            (across[:, None, :].expand(-1, size[0], -1), down[:, :, None].expand(-1, -1, size[1])), dim=1
        )
        depth_m, known = crops.nearest(views.depth_m[which]).float(), crops.nearest(views.known[which])
        rows = crops.nearest(views.rows[which, crops.prompt]).long()
        normals = crops.nearest(views.normals[which]).permute(0, 3, 1, 2) / LEVELS - 1
        normals[:, 0] *= torch.where(crops.mirror, -1.0, 1.0)[:, None, None]
        prompts = torch.stack((torch.zeros_like(which), torch.ones_like(which), crops.prompt + FIXED_PROMPTS), 1)
        columns = views.columns[which[:, None], prompts]
        painted = colours_of_rows(columns[:, 2], rows.clamp(min=0))
        phrases, phrase_of = _distinct(views.phrases[which[:, None], prompts].flatten(0, 2))
        things = crops.nearest(views.things[which]).long()
        kind = torch.full_like(which, KINDS.index("depth")), torch.full_like(which, KINDS.index("normals"))
        return Batch(
            image=self._lit(crops, views, random).contiguous(memory_format=torch.channels_last),
            rays=rays.contiguous(),
            target=torch.stack((depth_colours(columns[:, 0], depth_m), normals, painted), 1).flatten(0, 1),
            depth_m=depth_m.repeat_interleave(3, 0),
            valid=torch.stack(((known & DEPTH_KNOWN) > 0, (known & NORMAL_KNOWN) > 0, rows >= 0), 1).flatten(0, 1),
            rows=torch.stack((things, things, rows.clamp(min=0)), 1).flatten(0, 1),
            kinds=torch.stack((*kind, views.kinds[which, crops.prompt]), 1).flatten(),
            phrases=phrases.long(),
            phrase_of=phrase_of.unflatten(0, (3 * count, -1)),
            columns=columns.flatten(0, 1),
        )

    def _crops(self, views: Views, count: int, size: tuple[int, int], random: torch.Generator) -> Crops:
        height, width = views.image.shape[1:3]
        which = torch.randint(min(self.added, self.capacity), (count,), generator=random).to(self.device)
        prompt = torch.randint(views.rows.shape[1], (count,), generator=random).to(self.device)
        part, whole, left, top, mirror = torch.rand(5, count, generator=random).to(self.device)
        whole = (whole < WHOLE_SHARE) | views.whole[which, prompt]
        share = torch.where(whole, 1.0, LEAST_SHARE + (1 - LEAST_SHARE) * part)
        turned = (mirror < 0.5) & ~views.whole[which, prompt]  # noqa: PLR2004 (half of them)

        def places(start: Tensor, large: int, small: int) -> Tensor:
            steps = (torch.arange(small, device=self.device) + 0.5) / small
            return large * ((start * (1 - share))[:, None] + share[:, None] * steps) - 0.5

        xs = places(left, width, size[1])
        return Crops(which, prompt, torch.where(turned[:, None], xs.flip(1), xs), places(top, height, size[0]), turned)

    def _lit(self, crops: Crops, views: Views, random: torch.Generator) -> Tensor:
        """The images (B, 3, h, w) in [-1, 1], each in another light and with other noise."""
        image = crops.between(views.image[crops.which].permute(0, 3, 1, 2).float())
        gain = 1 + GAIN * (2 * torch.rand(len(image), 3, 1, 1, generator=random) - 1)
        noise = NOISE_LEVELS * torch.rand(len(image), 1, 1, 1, generator=random)
        own = torch.Generator(self.device).manual_seed(int(torch.randint(1 << 62, (), generator=random)))
        grain = torch.randn(image.shape, generator=own, device=self.device)
        return (image * gain.to(self.device) + noise.to(self.device) * grain).clamp(0, 255) / LEVELS - 1


def depth_colours(columns: Tensor, depth_m: Tensor) -> Tensor:
    """Depth (B, h, w) in the colour map of a prompt (B, T, 11), (B, 3, h, w) in [-1, 1]; as `DepthCodec.encode`."""
    place = 1 - (1 - depth_m / (CODEC.lam * CODEC.scale_m)) ** (CODEC.lam + 1)
    first, steps, count = colour_steps(columns)
    at = place.flatten(1)[:, None] * (count - 1)[..., None] + 1
    ramp = (at - columns[..., STOP, None]).clamp(0, 1)
    colours = first[:, :3, None] + torch.bmm(steps[..., :3].transpose(1, 2), ramp)
    return colours.unflatten(2, depth_m.shape[1:])


def colours_of_rows(columns: Tensor, rows: Tensor) -> Tensor:
    """The colour (B, 3, h, w) in [-1, 1] of the row that each pixel points at; of instances it is not asked for."""
    which = rows.clamp(max=columns.shape[1] - 1).flatten(1)[:, None].expand(-1, 3, -1)
    return columns[..., COLOUR].transpose(1, 2).gather(2, which).unflatten(2, rows.shape[1:])


def _distinct(phrases: Tensor) -> tuple[Tensor, Tensor]:
    """Each phrase (N, bytes) once, (P, bytes), and which one each is, (N,), -1 for an empty one."""
    once, which = torch.unique(phrases, dim=0, return_inverse=True)
    return once, torch.where((phrases != 0).any(1), which, -1)


class PooledBatches:
    """Batches of a stage, without end: so many views are added that each is drawn `reuse` times in the mean."""

    def __init__(
        self,
        stream: ExampleStream,
        stage: Stage,
        settings: PoolSettings,
        config: GeneratorConfig,
        device: torch.device,
        seed: int,
    ) -> None:
        """`stream` gives examples of the pool's own size."""
        self._stage, self._settings, self._seed = stage, settings, (seed + stream.start) % (1 << 62)
        self._pool = Pool(settings.views, device)
        self._loader = DataLoader(
            stream,
            batch_size=CHUNK,
            num_workers=settings.workers,
            prefetch_factor=2,
            collate_fn=partial(pack, config=config),
            worker_init_fn=_one_thread,
            multiprocessing_context=worker_context(),
        )

    def __iter__(self) -> Iterator[Batch]:
        """Wait until `fewest` views are there, then go on as they come."""
        chunks, pool, settings = iter(self._loader), self._pool, self._settings
        random = torch.Generator().manual_seed(self._seed)
        owed = float(settings.fewest)
        while True:
            while pool.added < owed:
                pool.add(next(chunks))
            yield pool.batch(self._stage.batch, (self._stage.height, self._stage.width), random)
            owed += self._stage.batch / settings.reuse


def worker_context() -> ForkServerContext:
    """How processes that make examples begin: a fork of this one would share, and wait for, its graphics contexts."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])  # a server imports everything once
    return context


def _one_thread(_worker: int) -> None:
    cv2.setNumThreads(0)  # there are as many workers as cores
