"""The last step of a run: fit what says "unsure" of depth, on frames that were never learnt from.

While it learns, the generator sees its errors on frames that it comes to know, which are not those it makes elsewhere.
So the seventeen numbers from which the last feature map says how unsure a pixel is are fitted again, to the likelihood
of `losses.depth_loss`, on the validation frames.  Nothing else changes, so neither does any depth.

Usage: python -m vb_perception.training.calibrate SETTINGS.yaml STATE --out STATE
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from vb_perception.errors import ConfigError
from vb_perception.generator.checkpoint import load_into, read_run, write_tensors
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import MetricDepth
from vb_perception.training.augment import at_size
from vb_perception.training.data import Data
from vb_perception.training.losses import SCALE_ON_WALK, depth_error, log_residual
from vb_perception.training.objective import CODEC, Model
from vb_perception.training.settings import TrainSettings
from vb_perception.training.targets import MAX_DEPTH_M
from vb_perception.training.validate import SIZE, prompt_tensor

PIXELS = 3000
REAL_REPEATS = 3
DECAY = 1e-4
FULL_LOG_SCALE = 4.0
"""Log of the expected error's ratio to SCALE_ON_WALK where the colour is UNSURE_LEVELS off the map."""


def features_and_errors(model: Model, frames: Sequence[Sample]) -> tuple[Tensor, Tensor]:
    """The last feature map (N, C) and the error of `losses.depth_loss` (N,) at some pixels of each frame."""
    seen: dict[str, Tensor] = {}
    hook = model.generator.painter.place.register_forward_hook(
        lambda _module, inputs, _output: seen.update(depth=inputs[0])
    )
    random = torch.Generator().manual_seed(0)
    features, errors = [], []
    with torch.no_grad():
        prompt = prompt_tensor(model.text, MetricDepth())[None]
        for frame in frames:
            sample = at_size(frame, *SIZE)
            image = torch.from_numpy(sample.rgb).permute(2, 0, 1)[None].float() / 127.5 - 1
            painted = model.generator(image, torch.from_numpy(sample.intrinsics.rays())[None], prompt)
            truth = torch.from_numpy(sample.depth_m)
            known = torch.isfinite(truth) & (truth > 0) & (truth < MAX_DEPTH_M)
            error = depth_error(log_residual(painted.place[0, 0], truth, CODEC))[known]
            some = torch.randperm(len(error), generator=random)[:PIXELS]
            features.append(seen["depth"][0].permute(1, 2, 0)[known][some])
            errors.append(error[some])
    hook.remove()
    return torch.cat(features), torch.cat(errors)


def fit(features: Tensor, errors: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Weight (C,) and bias (1,) of unsureness that make the errors likeliest, from where they are."""
    weight, bias = weight.clone().requires_grad_(), bias.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([weight, bias], lr=0.5, max_iter=150, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        log_scale = FULL_LOG_SCALE * torch.sigmoid(features @ weight + bias)
        loss = (errors / SCALE_ON_WALK * torch.exp(-log_scale) + log_scale).mean() + DECAY * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weight.detach(), bias.detach()


def main(argv: Sequence[str] | None = None) -> int:
    """Read a state, fit, and write another that `vb-perception export` reads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", type=Path)
    parser.add_argument("state", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    settings = TrainSettings.read(args.settings)
    tensors, facts, config = read_run(args.state)
    model = Model(config).eval()
    load_into(model, tensors, "average.")
    data = Data(settings)
    frames = [*data.watched * REAL_REPEATS, *data.watched_renders]
    if not frames:
        msg = f"{args.settings} watches nothing: expected validation_frames, validation_renders or both, to fit on"
        raise ConfigError(msg)
    name = "average.generator.painter.place"
    weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    weight[1, :, 0, 0], bias[1:] = fit(*features_and_errors(model, frames), weight[1, :, 0, 0], bias[1:])
    write_tensors(args.out, {k: v for k, v in tensors.items() if k.startswith("average.")}, facts)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
