"""Checkpoints: safetensors only, written atomically, with everything that made them."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from vb_perception.errors import CheckpointError


def write_tensors(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write tensors and JSON facts as one file that is either the old one or the new one, never half.

    Raises:
        CheckpointError: The disk is full or cannot be written; what was at `path` before is still there.
    """
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({k: v.detach().contiguous() for k, v in tensors.items()}, partial, {"facts": json.dumps(facts)})
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.chmod(0o644)  # safetensors makes it private
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        with contextlib.suppress(OSError):  # the disk that refused the file may refuse this too
            partial.unlink(missing_ok=True)
        kept = "the one written before is intact" if path.exists() else "there is none yet"
        msg = f"checkpoint {path} could not be written: {error}; {kept}; make room on the disk and run again"
        raise CheckpointError(msg) from error


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote; CheckpointError for anything else."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 (safe_open is no mapping)
            facts = json.loads((file.metadata() or {})["facts"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        msg = f"checkpoint {path}: {type(error).__name__} {error}; expected a safetensors file written by this program"
        raise CheckpointError(msg) from error
    return tensors, facts


def load_into(module: nn.Module, tensors: dict[str, Tensor], prefix: str) -> None:
    """Load the tensors called `prefix`*; CheckpointError names what is missing or unexpected."""
    own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    expected = module.state_dict()
    missing, unexpected = sorted(expected.keys() - own.keys()), sorted(own.keys() - expected.keys())
    wrong = [k for k in expected.keys() & own.keys() if expected[k].shape != own[k].shape]
    if missing or unexpected or wrong:
        msg = (
            f"weights do not fit the configuration: missing {missing[:3]}, unexpected {unexpected[:3]}, "
            f"of another shape {sorted(wrong)[:3]}; use the config.json that was written with them"
        )
        raise CheckpointError(msg)
    with torch.no_grad():
        for name, value in expected.items():
            value.copy_(own[name])
