"""What a run begins from: other weights, which of them learn, precision of the hardware, commit of the code."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import nn

from vb_perception.errors import CheckpointError, ConfigError
from vb_perception.generator.checkpoint import read_tensors
from vb_perception.training.objective import Model

CODE = Path(__file__)


def start_from(model: Model, path: Path) -> None:
    """Take over a generator.safetensors, or the averaged weights of a run's state, wherever name and shape fit."""
    tensors = {k.removeprefix("average."): v for k, v in read_tensors(path)[0].items()}
    own = model.state_dict()
    fitting = {k: v for k, v in tensors.items() if k in own and own[k].shape == v.shape}
    if not fitting:
        msg = (
            f"{path} holds no weight of this generator; start_from wants the generator.safetensors of a model "
            f"folder or the state.safetensors of a run"
        )
        raise CheckpointError(msg)
    new = sorted(own.keys() - fitting.keys())
    told = f"{', '.join(new[:3]) or 'none'}{' ...' if len(new) > 3 else ''}"  # noqa: PLR2004
    print(f"{path}: {len(fitting)} weights taken over, {len(new)} new: {told}")  # noqa: T201
    with torch.no_grad():
        for name, value in fitting.items():
            own[name].copy_(value)


def learnt(model: nn.Module, prefixes: Sequence[str]) -> list[nn.Parameter]:
    """The parameters whose names begin in one of these ways; the others keep their values."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(tuple(prefixes)))
    chosen = [p for p in model.parameters() if p.requires_grad]
    if not chosen:
        names = sorted({".".join(name.split(".")[:2]) for name, _ in model.named_parameters()})
        msg = f"learns {', '.join(prefixes)}: no weight's name begins so; expected beginnings of {', '.join(names)} ..."
        raise ConfigError(msg)
    return chosen


def together(accelerator: Accelerator) -> Accelerator:
    """ConfigError if more processes were launched than train together: each would write over the others' checkpoint."""
    launched = os.environ.get("WORLD_SIZE", "1")
    if launched != str(accelerator.num_processes):
        msg = (
            f"{launched} processes were launched (WORLD_SIZE), {accelerator.num_processes} would train together; "
            "expected all of them: on CPUs set ACCELERATE_USE_CPU=true, or start one alone"
        )
        raise ConfigError(msg)
    return accelerator


def refuse_file(directory: Path) -> None:
    """ConfigError if what should be the folder of a run, or is above it, is a file: said before the run begins."""
    there = next(path for path in (directory, *directory.parents) if path.exists() or path == path.parent)
    if not there.is_dir():
        msg = f"--out {directory}: {there} is a file, expected a folder, or a name that is free"
        raise ConfigError(msg)


def precision() -> str:
    """Bf16 where the hardware has it: elsewhere it is emulated and slower than fp32."""
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no"
    return "bf16" if torch.cpu._is_avx512_bf16_supported() else "no"  # noqa: SLF001


def commit(of: Path = CODE) -> str:
    """Of the file, "-dirty" after it if the checkout was changed since; "unknown" outside a checkout or without git."""
    git = ["git", "-C", str(of.parent)]
    try:
        # What was installed below another repository is not in it.
        tracked = subprocess.run([*git, "ls-files", "--error-unmatch", of.name], capture_output=True, check=False)
        if tracked.returncode:
            return "unknown"
        describe = [*git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        shown = subprocess.run(describe, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return shown.stdout.strip() or "unknown"
