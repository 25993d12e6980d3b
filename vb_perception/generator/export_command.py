"""`vb-perception export`: a state, the sizes that are wanted, and frames to calibrate on."""

import argparse
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from vb_perception.errors import ExportError
from vb_perception.generator.checkpoint import load_into, read_run
from vb_perception.generator.export import export_model
from vb_perception.generator.image_encoder import STRIDE
from vb_perception.generator.student import Generator
from vb_perception.generator.text import TextEncoder
from vb_perception.generator.variants import Wanted
from vb_perception.scenes.stream import scene_stream

CALIBRATION_SEED, CALIBRATION_FRAMES = 20_000, 24


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.partition("x")
    if not (height.isdigit() and width.isdigit()) or any(not int(s) or int(s) % STRIDE for s in (height, width)):
        msg = f"size {text!r}: expected height x width, both multiples of {STRIDE}, as in 480x640"
        raise ExportError(msg)
    return int(height), int(width)


def main(argv: Sequence[str]) -> int:
    """`vb-perception export STATE --out MODEL_DIR`."""
    parser = argparse.ArgumentParser(prog="vb-perception export", description=__doc__)
    parser.add_argument("state", type=Path, help="state.safetensors of a training run")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="default")
    parser.add_argument("--height", type=int, default=192)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--size", action="append", default=[], help="one more, as 480x640 (height x width); repeatable")
    parser.add_argument(
        "--frames",
        type=int,
        default=CALIBRATION_FRAMES,
        help="to calibrate and measure on; 0: fp32 alone [%(default)s]",
    )
    parser.add_argument(
        "--precision", nargs="*", choices=("fp16", "int8"), default=("fp16", "int8"), help="beside fp32 [both]"
    )
    args = parser.parse_args(argv)
    sizes = [_size(size) for size in (f"{args.height}x{args.width}", *args.size)][1:]
    tensors, facts, config = read_run(args.state, "nouns")
    generator, text = Generator(config), TextEncoder(config)
    load_into(generator, tensors, "average.generator.")
    load_into(text, tensors, "average.text.")
    wanted = None
    if args.frames:
        frames = list(islice(scene_stream(CALIBRATION_SEED, args.width, args.height), args.frames))
        wanted = Wanted(frames, sizes, args.precision)
    spec = export_model(generator, text, args.height, args.width, args.out, args.name, facts["nouns"], wanted)
    told = f"{spec.parameters / 1e6:.2f} M parameters, {spec.gflop_three_prompts} GFLOP for three prompts"
    print(f"{args.out}: {told}")  # noqa: T201 (a command's answer)
    return 0
