"""After the encoder learnt along with the recogniser: denoiser and painter learn to read its new maps as the old ones.

They read 48 numbers of each place of the maps through one 1x1 convolution each, so what comes nearest to what they read
before is a linear regression: solved, not trained, from a thousand images.  Nothing else changes.

Usage: python -m vb_perception.training.reread SETTINGS.yaml STATE --as BEFORE --out STATE

SETTINGS is the YAML of a training, whose images are read; BEFORE a state, or the generator.safetensors of a model
folder, whose denoiser and painter STATE has.
"""

import argparse
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from vb_perception.errors import CheckpointError
from vb_perception.generator.checkpoint import load_into, read_run, write_tensors
from vb_perception.generator.image_encoder import ImageEncoder
from vb_perception.training.data import Data
from vb_perception.training.objective import Model
from vb_perception.training.settings import TrainSettings
from vb_perception.training.soup import AVERAGE, averaged, facts_of

IMAGES = 1000
ROUNDED = 2e-3
"""How far a weight may be from itself for having been shipped in half precision."""
RIDGE = 1e-4
"""Of a channel's mean square, what a change of its weight costs: channels that say the same are not set at odds."""


class Reading:
    """The normal equations of one reader, image by image, in fp64."""

    def __init__(self, reader: nn.Conv2d) -> None:
        """Begin with no image."""
        self.reader = reader
        width = reader.in_channels + 1
        self._square = torch.zeros(width, width, dtype=torch.float64)
        self._product = torch.zeros(width, reader.out_channels, dtype=torch.float64)
        self._left = self._was = 0.0

    def add(self, new: Tensor, old: Tensor) -> None:
        """Maps (B, C, h, w) of the same images."""
        was = self.reader(old).movedim(1, -1).flatten(0, 2).double()
        left = was - self.reader(new).movedim(1, -1).flatten(0, 2).double()
        x = new.movedim(1, -1).flatten(0, 2).double()
        x = torch.cat((x, torch.ones_like(x[:, :1])), 1)
        self._square += x.T @ x
        self._product += x.T @ left
        self._left += left.square().sum().item()
        self._was += (was - was.mean(0)).square().sum().item()

    def solve(self) -> tuple[Tensor, Tensor, float, float]:
        """New weight and bias; what the old ones leave and the new ones, over the variance of what was read."""
        ridge = RIDGE * self._square.diagonal().diag()
        change = torch.linalg.solve(self._square + ridge, self._product)
        remains = self._left - 2 * (change * self._product).sum() + (change * (self._square @ change)).sum()
        weight = self.reader.weight.double() + change[:-1].T[..., None, None]
        return (
            weight.float(),
            (self.reader.bias.double() + change[-1]).float(),
            self._left / self._was,
            remains.item() / self._was,
        )


def read_again(model: Model, before: ImageEncoder, images: Iterator[Tensor]) -> dict[str, Reading]:
    """What each reader of the model lacks, over images (B, 3, H, W) in [-1, 1]."""
    readings = {name: Reading(reader) for name, reader in model.generator.readers().items()}
    with torch.no_grad():
        for image in images:
            maps = zip(model.generator.encoder(image), before(image), strict=True)
            for reading, (new, old) in zip(readings.values(), maps, strict=True):
                reading.add(new, old)
    return readings


def main(argv: Sequence[str] | None = None) -> int:
    """Read, solve, write a state that `vb-perception export` reads and a training starts from."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", type=Path)
    parser.add_argument("state", type=Path)
    parser.add_argument("--as", dest="before", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=int, default=IMAGES, help="[%(default)s]")
    given = parser.parse_args(argv)
    settings = TrainSettings.read(given.settings)
    tensors, facts, config = read_run(given.state)
    model, before = Model(config).eval(), ImageEncoder(config.encoder).eval()
    load_into(model, tensors, AVERAGE)
    old = averaged(given.before)
    load_into(before, old, f"{AVERAGE}generator.encoder.")
    for name, reader in model.generator.readers().items():
        was = old.get(f"{AVERAGE}generator.{name}.weight")
        if (
            was is None
            or was.shape != reader.weight.shape
            or not torch.allclose(was.float(), reader.weight, atol=ROUNDED)
        ):
            msg = f"{given.state}: its {name} is not that of {given.before}; expected one whose encoder alone differs"
            raise CheckpointError(msg)
    stage = settings.stages[0]
    batches = Data(settings).batches(stage, 0, 0, config, torch.device("cpu"), 0, 1)
    some = itertools.islice((batch.image for batch in batches), max(given.images // stage.batch, 1))
    for name, reading in read_again(model, before, some).items():
        weight, bias, was, remains = reading.solve()
        print(f"{name}: {was:.4f} of its variance was lost, {remains:.4f} remains")  # noqa: T201
        tensors |= {f"{AVERAGE}generator.{name}.weight": weight, f"{AVERAGE}generator.{name}.bias": bias}
    averages = {k: v for k, v in tensors.items() if k.startswith(AVERAGE)}
    write_tensors(given.out, averages, {**facts, "reads_as": facts_of(given.before)})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
