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
from vb_perception.generator.config import GeneratorConfig

FACTS: dict[str, type] = {"generator": dict, "settings": dict, "images": int, "nouns": list}
"""What a run says of itself, and as what."""


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
    if not isinstance(facts, dict):
        came = f"facts are a {type(facts).__name__}"
        msg = f"checkpoint {path}: {came}; expected a safetensors file written by this program"
        raise CheckpointError(msg)
    return tensors, facts


def read_run(path: Path, *needed: str) -> tuple[dict[str, Tensor], dict[str, Any], GeneratorConfig]:
    """Read the state of a training run: tensors, facts (among them those that are `needed`), the generator's sizes.

    Raises:
        CheckpointError: it is no such file, or of another version of this program.
    """
    tensors, facts = read_tensors(path)
    for name in ("generator", *needed):
        if not isinstance(facts.get(name), FACTS[name]):
            came = f"{name} {facts[name]!r}" if name in facts else f"no {name}"
            msg = f"{path} holds no run: {came}; expected the state.safetensors that `vb-perception train` wrote"
            raise CheckpointError(msg)
    try:
        return tensors, facts, GeneratorConfig.from_values(facts["generator"])
    except TypeError as error:
        msg = f"{path} holds a run of another version: {error}; use the version that wrote it"
        raise CheckpointError(msg) from error


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
