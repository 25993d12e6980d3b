"""Train the generator on true targets: read top to bottom."""

import argparse
import dataclasses
import json
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, broadcast
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from vb_perception.errors import CheckpointError, ConfigError
from vb_perception.generator.checkpoint import load_into, read_run, write_tensors
from vb_perception.generator.config import GeneratorConfig
from vb_perception.training.data import Data
from vb_perception.training.depthwise import depthwise_in_fp32
from vb_perception.training.loss_log import LossLog
from vb_perception.training.pool import PooledBatches
from vb_perception.training.recognise import RecogniserModel
from vb_perception.training.schedule import learning_rate
from vb_perception.training.setting_parts import Stage
from vb_perception.training.settings import SPLIT, TrainSettings
from vb_perception.training.starting import commit, learnt, precision, refuse_file, start_from, together
from vb_perception.training.stream import Batch
from vb_perception.training.targets import NOUNS
from vb_perception.training.teach import NETWORKS
from vb_perception.training.validate import validate

STATE = "state.safetensors"


class Run:
    """A training run that can be killed at any moment and goes on from its last checkpoint."""

    FIXED: tuple[str, ...] = SPLIT
    """Settings that a run is not resumed with another value of."""

    def __init__(self, settings: TrainSettings, directory: Path) -> None:
        """Open the data, build the model, and resume if the directory holds a state."""
        refuse_file(directory)
        torch.manual_seed(settings.seed)
        torch.set_num_threads(settings.threads)
        self.settings, self.directory, self.images = settings, directory, 0
        self.commit = commit()  # as it begins: later the checkout may be another one
        self._began, self._spent_before_s = time.monotonic(), 0.0
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)  # not every batch has every kind of prompt
        self.accelerator = together(Accelerator(mixed_precision=precision(), kwargs_handlers=[unused]))
        self.data = Data(settings)
        config = GeneratorConfig.with_values(settings.generator)
        device = self.accelerator.device
        self.weights = dict(settings.weights)
        network, self.terms_of = NETWORKS[settings.network]
        resumed = (directory / STATE).exists()  # then it needs nothing to begin with
        self.model = network(config, pretrained=settings.pretrained_encoder and not resumed)
        if settings.start_from and not resumed:
            start_from(self.model, Path(settings.start_from))
        self.model = self.model.to(device, memory_format=torch.channels_last)  # 1.4x on CPU
        if isinstance(self.model, RecogniserModel) and self.weights.get("held"):
            self.model.hold_to(Path(settings.start_from))
        depthwise_in_fp32(self.model)
        self.average = network(config).to(device)
        self.average.load_state_dict(self.model.state_dict())
        trained = learnt(self.model, settings.learns)
        slow = {id(p) for p in self.model.generator.encoder.parameters()}
        encoder, rest = [p for p in trained if id(p) in slow], [p for p in trained if id(p) not in slow]
        self.optimizer = torch.optim.AdamW(
            [{"params": rest, "factor": 1.0}, {"params": encoder, "factor": settings.encoder_rate}],
            weight_decay=settings.weight_decay,
        )
        if resumed:
            self.resume()
        self.prepared, self.optimizer = self.accelerator.prepare(self.model, self.optimizer)

    def save(self) -> None:
        """Write model, average, optimizer and counters as one atomic file; CheckpointError if that failed."""
        if not self.accelerator.is_main_process:
            return
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{k}": torch.as_tensor(v) for k, v in state.items()}
        facts = {
            "images": self.images,
            "spent_s": self._own_clock_s(),
            "settings": dataclasses.asdict(self.settings),
            "generator": dataclasses.asdict(self.model.config),
            "nouns": NOUNS,
            "commit": self.commit,
            "processes": self.accelerator.num_processes,
            "torch": torch.__version__,
        }
        write_tensors(self.directory / STATE, {k: v.clone() for k, v in tensors.items()}, facts)

    def resume(self) -> None:
        """Take up a saved run."""
        tensors, facts, generator = read_run(self.directory / STATE, "settings", "images")
        self._check_same(facts["settings"], generator)
        load_into(self.model, tensors, "model.")
        load_into(self.average, tensors, "average.")
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("optimizer."):
                _, index, name = key.split(".")
                state.setdefault(int(index), {})[name] = value
        own = self.optimizer.state_dict()
        self.optimizer.load_state_dict({"state": state, "param_groups": own["param_groups"]})
        self.images = int(facts["images"])
        self._spent_before_s = float(facts.get("spent_s", 0.0))

    @property
    def spent_s(self) -> float:
        """Seconds that the run has taken, those before it was resumed included, by the clock of the first process.

        Every process asks as often as the others: if each looked at its own clock one could end while another waits.
        """
        if math.isinf(self.settings.most_s):
            return self._own_clock_s()
        return float(broadcast(torch.tensor(self._own_clock_s(), device=self.accelerator.device)))

    def _own_clock_s(self) -> float:
        return self._spent_before_s + time.monotonic() - self._began

    def _check_same(self, saved: dict[str, Any], generator: GeneratorConfig) -> None:
        """Another seed or split would mix what was learnt with what is judged; rates and stages may change."""
        own = json.loads(json.dumps(dataclasses.asdict(self.settings)))
        other = [f"{k} {saved[k]} (now {own[k]})" for k in self.FIXED if k in saved and own[k] != saved[k]]
        were, are = dataclasses.asdict(generator), dataclasses.asdict(self.model.config)
        other += [f"generator: {k} {were[k]} (now {are[k]})" for k in are if were[k] != are[k]]
        if other:
            msg = f"{self.directory} holds a run with {', '.join(other)}: use the same settings, or another --out"
            raise ConfigError(msg)

    def terms(self, batch: Batch) -> dict[str, Tensor]:
        """The loss terms of a batch; what is drawn at random for them depends on seed and images alone."""
        return self.terms_of(self.prepared, batch, self.model.config, self.randomness())

    def randomness(self) -> torch.Generator:
        """A source of random numbers for the step that comes next, other on every device."""
        seed = np.random.SeedSequence((self.settings.seed, self.images, self.accelerator.process_index))
        random = torch.Generator(self.accelerator.device)
        return random.manual_seed(int(seed.generate_state(1, np.uint64)[0] >> 1))

    def step(self, batch: Batch) -> dict[str, float]:
        """One optimizer step; a loss or gradient that is not finite stops the run, its last checkpoint intact."""
        settings = self.settings
        self.prepared.train()
        terms = self.terms(batch.to(self.accelerator.device))
        loss = torch.stack([self.weights[k] * v for k, v in terms.items()]).sum()
        self._refuse_unless_finite("loss", loss)
        rate = settings.learning_rate * learning_rate(settings, self.images, self.spent_s)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), 1.0)
        self._refuse_unless_finite("the norm of the gradient", norm)
        self.optimizer.step()
        seen = batch.image.shape[0] * self.accelerator.num_processes
        decay = min(settings.average_decay, (1 + self.images) / (10 * seen + self.images))
        with torch.no_grad():
            averages, values = list(self.average.parameters()), list(self.model.parameters())
            torch._foreach_lerp_(averages, values, 1 - decay)  # one launch on a GPU instead of hundreds
        self.images += seen
        return {"loss": loss.item(), **{k: v.item() for k, v in terms.items()}}

    def _refuse_unless_finite(self, name: str, value: Tensor) -> None:
        if torch.isfinite(value):
            return
        there = (self.directory / STATE).exists()
        kept = f"the last checkpoint in {self.directory} is intact" if there else "there is no checkpoint yet"
        msg = f"{name} became {value.item()} after {self.images} images; {kept}: lower learning_rate and run again"
        raise CheckpointError(msg)

    def run(self) -> None:
        """Every stage, from where the run stands, and the last checkpoint."""
        self.run_until(self.settings.total_images)
        self.save()

    def run_until(self, images: int) -> None:
        """Train until this many images were seen in all."""
        end = 0
        for stage in self.settings.stages:
            end += stage.images
            if self.images >= min(end, images) or self.spent_s >= self.settings.most_s:
                continue
            began = end - stage.images
            self._stage(self.batches(stage, began), min(end, images), f"{stage.height}x{stage.width}")

    def batches(self, stage: Stage, began: int = 0) -> "DataLoader[Batch] | PooledBatches":
        """What comes next in a stage that began after `began` images, without end."""
        accelerator = self.accelerator
        rank, ranks = accelerator.process_index, accelerator.num_processes
        return self.data.batches(stage, self.images, began, self.model.config, accelerator.device, rank, ranks)

    def _stage(self, loader: "DataLoader[Batch] | PooledBatches", end: int, label: str) -> None:
        saved = time.monotonic()
        log = LossLog(self.directory / "log.csv")
        settings = self.settings
        every, total = settings.validate_every_images, settings.total_images
        with tqdm(
            total=total,
            initial=self.images,
            desc=label,
            unit="img",
            mininterval=10,
            disable=not self.accelerator.is_main_process,
        ) as bar:
            for batch in loader:
                before = self.images
                row = self.step(batch)
                bar.update(self.images - before)
                bar.set_postfix({k: f"{v:.3f}" for k, v in row.items()}, refresh=False)
                if self.accelerator.is_main_process:
                    log.add({"images": self.images, **row})
                if time.monotonic() - saved > settings.checkpoint_every_s:
                    self.save()
                    saved = time.monotonic()
                if before // every != self.images // every and self.accelerator.is_main_process:
                    for line in self._watched():
                        bar.write(line)
                if self.images >= end or self.spent_s >= settings.most_s:
                    break

    def _watched(self) -> Iterator[str]:
        """A line of figures for each set that is watched."""
        for name, frames in (("osd", self.data.watched), ("renders", self.data.watched_renders)):
            if frames:
                pictures = self.directory / "pictures" / name
                scores = validate(self.average, frames, pictures, self.images, self.settings.validation_size)
                yield f"{self.images} images, {name}: " + "  ".join(f"{k} {v:.4f}" for k, v in scores.items())


def main(argv: Sequence[str]) -> int:
    """`vb-perception train SETTINGS.yaml --out RUN_DIR`."""
    parser = argparse.ArgumentParser(prog="vb-perception train", description=__doc__)
    parser.add_argument("settings", type=Path)
    parser.add_argument(
        "--out", type=Path, required=True, help="checkpoints, log.csv and pictures; resumed if it exists"
    )
    args = parser.parse_args(argv)
    Run(TrainSettings.read(args.settings), args.out).run()
    return 0
