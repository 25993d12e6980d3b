"""`vb-perception`: parse and call.  What a command needs is imported when it is called, so that --help is instant."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from vb_perception import __version__
from vb_perception.errors import VbPerceptionError
from vb_perception.evaluation.command_arguments import above_zero, at_least_one, model_argument

DEFAULT_MODEL = Path(__file__).resolve().parent / "models" / "default"
INTERRUPTED = 130
"""The exit code that shells give to what SIGINT ended."""
FORWARDED = ("train", "distil", "export", "evaluate", "compare")  # commands that read their own arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it did what was asked, 1 with a sentence on stderr if it could not, 130 after Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        if arguments[:1] and arguments[0] in FORWARDED:
            return _forward(arguments[0], arguments[1:])
        options = _parser().parse_args(arguments)
        return int(options.run(options))
    except VbPerceptionError as error:
        print(f"vb-perception: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"vb-perception: {error}; expected what can be read, and a place that can be written", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("vb-perception: interrupted", file=sys.stderr)
        return INTERRUPTED


def _forward(command: str, arguments: Sequence[str]) -> int:
    if command == "evaluate":
        return _evaluate(arguments)
    if command == "compare":
        return _compare(arguments)
    if command == "train":
        from vb_perception.training import train

        return train.main(arguments)
    if command == "distil":
        from vb_perception.training import distil

        return distil.main(arguments)
    from vb_perception.generator import export_command

    return export_command.main(arguments)


def _demo(options: argparse.Namespace) -> int:
    from vb_perception.demo.run import DemoOptions, run_demo

    return run_demo(
        DemoOptions(
            out=options.out,
            bag=options.bag,
            image=options.image,
            camera_info=options.camera_info,
            model_dir=options.model,
            backend=options.backend,
            rate=options.rate,
        )
    )


def _bag(options: argparse.Namespace) -> int:
    from vb_perception.evaluation.bag_samples import write_samples
    from vb_perception.evaluation.sources import read_samples

    with_normals = any(options.folder.glob("*_normals.png"))  # those that are derived from depth are left to the reader
    frames = read_samples(options.folder)
    count = write_samples(options.bag, frames, options.rate_hz, depth=options.depth, normals=with_normals)
    print(f"{options.bag}: {count} frames, {options.bag.stat().st_size / 1e6:.1f} MB")
    return 0


def _evaluate(arguments: Sequence[str]) -> int:
    from vb_perception.evaluation.command_arguments import evaluate_parser

    options = evaluate_parser(DEFAULT_MODEL).parse_args(arguments)
    from vb_perception.demo.live import record_live
    from vb_perception.evaluation.command import run_evaluate

    return run_evaluate(options, record_live)


def _compare(arguments: Sequence[str]) -> int:
    from vb_perception.evaluation.command_arguments import compare_parser

    options = compare_parser().parse_args(arguments)
    from vb_perception.evaluation.command import run_compare

    return run_compare(options)


def _corpus(options: argparse.Namespace) -> int:
    from vb_perception.scenes.parallel import parallel_stream
    from vb_perception.scenes.stream import MIXTURE
    from vb_perception.training.corpus import write_corpus

    if options.assets is None:
        print("no --assets: only procedural shapes and patterns, no furniture and no photographs", file=sys.stderr)
    with closing(
        parallel_stream(
            options.seed,
            options.width,
            options.height,
            options.kinds or MIXTURE,
            workers=options.workers,
            fold=options.fold,
            assets_dir=options.assets,
        )
    ) as stream:
        write_corpus(stream, options.frames, options.folder)
    print(f"{options.folder}: {options.frames} frames")
    return 0


def _assets(options: argparse.Namespace) -> int:
    from vb_perception.scenes.assets import pack

    print(pack(options.out, options.source))
    return 0


def _render(options: argparse.Namespace) -> int:
    from vb_perception.evaluation.bag_samples import write_samples
    from vb_perception.scenes.sample_run import sample_run

    count = write_samples(options.bag, sample_run(), depth="png")
    print(f"{options.bag}: {count} frames, {options.bag.stat().st_size / 1e6:.1f} MB")
    return 0


def _build(options: argparse.Namespace) -> int:
    from vb_perception.runtime.build_command import build

    lines = build(
        options.model,
        options.backend,
        options.size,
        options.precision,
        options.prompts,
        options.workspace_mb,
        options.camera,
        options.threads,
    )
    print("\n".join(lines))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vb-perception", description="Metric depth, surface normals and segmentation from one generated image."
    )
    parser.add_argument("--version", action="version", version=f"vb-perception {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="play frames into the real node over DDS, record and judge what it says")
    demo.add_argument("--bag", type=Path, help="a bag or a folder of frames; left out: the sample of this package")
    demo.add_argument("--out", type=Path, default=Path("out/demo"), help="folder for what is written [%(default)s]")
    demo.add_argument("--rate", type=above_zero, default=1.0, help="how much faster than recorded [%(default)s]")
    _add_topics(demo)
    _add_model(demo)
    demo.set_defaults(run=_demo)

    bag = commands.add_parser("bag", help="turn a folder of frames into a bag, with its truth")
    bag.add_argument("folder", type=Path, help="frames as files: OSD, NYU, KITTI, or as docs/frames.md describes")
    bag.add_argument("bag", type=Path, help="the .mcap file to write")
    bag.add_argument("--rate-hz", type=above_zero, default=15.0, help="frames a second [%(default)s]")
    bag.add_argument(
        "--depth",
        choices=("16UC1", "32FC1", "png"),
        default="16UC1",
        help="how true depth is stored; only 32FC1 goes beyond 65.5 m [%(default)s]",
    )
    bag.set_defaults(run=_bag)

    render = commands.add_parser("render", help="render the sample run, a drive past a table, as a bag with truth")
    render.add_argument("bag", type=Path, help="the .mcap file to write")
    render.set_defaults(run=_render)

    assets = commands.add_parser("assets", help="pack furniture and photographs of installed packages, to train on")
    assets.add_argument("--out", type=Path, default=Path("cache/assets"), help="folder to write [%(default)s]")
    assets.add_argument(
        "--source",
        type=Path,
        default=Path("/usr/share/sweethome3d/furniture"),
        help="where the libraries lie [%(default)s]",
    )
    assets.set_defaults(run=_assets)

    corpus = commands.add_parser("corpus", help="render random scenes with their truth, to train on")
    corpus.add_argument("folder", type=Path, help="the folder to write")
    corpus.add_argument("--frames", type=at_least_one, default=4000, help="how many [%(default)s]")
    corpus.add_argument("--seed", type=int, default=1, help="of the scenes [%(default)s]")
    corpus.add_argument("--width", type=at_least_one, default=256, help="pixels [%(default)s]")
    corpus.add_argument("--height", type=at_least_one, default=192, help="pixels [%(default)s]")
    corpus.add_argument(
        "--kinds", nargs="+", help="of scenes, in turn [rooms, table tops, corridors, outdoors; see scenes/stream.py]"
    )
    corpus.add_argument(
        "--assets", type=Path, help="folder of `assets`; left out: procedural shapes and patterns alone"
    )
    corpus.add_argument("--fold", choices=("train", "held_out"), default="train", help="of furniture and photographs")
    corpus.add_argument("--workers", type=at_least_one, default=os.cpu_count() or 1, help="processes [%(default)s]")
    corpus.set_defaults(run=_corpus)

    commands.add_parser("evaluate", help="answer every frame and score it against its truth", add_help=False)
    commands.add_parser("compare", help="compare two evaluations, frame by frame", add_help=False)
    build = commands.add_parser("build", help="compile and test a model for this machine before the node needs it")
    build.add_argument("--size", action="append", default=[], help="height x width, as 480x640; repeatable")
    build.add_argument("--precision", default="auto", help="auto, fp32, bf16, fp16 or int8 [%(default)s]")
    build.add_argument("--prompts", type=at_least_one, default=3, help="the most tasks asked at once [%(default)s]")
    build.add_argument("--camera", action="append", default=[], help="size of its images, for what a GPU does to them")
    build.add_argument("--threads", type=int, default=0, help="CPU threads that the node will have; 0: one a core")
    build.add_argument("--workspace-mb", type=int, default=0, help="the most memory of a TensorRT build; 0: all")
    _add_model(build)
    build.set_defaults(run=_build)

    commands.add_parser("train", help="train the generator (train --help)", add_help=False)
    commands.add_parser("distil", help="train the generator with a teacher (distil --help)", add_help=False)
    commands.add_parser("export", help="export a trained generator to ONNX (export --help)", add_help=False)
    return parser


def _add_topics(command: argparse.ArgumentParser) -> None:
    command.add_argument("--image-topic", dest="image", help="image topic of a bag; left out: found by type")
    command.add_argument("--camera-info", help="camera_info topic of a bag; left out: the one beside the image")


def _add_model(command: argparse.ArgumentParser) -> None:
    folder = model_argument(DEFAULT_MODEL)
    command.add_argument("--model", type=folder, default=DEFAULT_MODEL, help="folder of an exported model, or default")
    command.add_argument(
        "--backend", default="auto", help="auto, openvino, onnxruntime, tensorrt or fake [%(default)s]"
    )


if __name__ == "__main__":
    raise SystemExit(main())
