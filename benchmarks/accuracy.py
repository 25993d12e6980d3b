"""Score models beside the no-image baselines and the goals, on frames that they have never seen; JSON and Markdown.

Sets: the OSD test split (31 real Kinect frames) and enlarged crops of it, own renders of held-out models and textures,
MuJoCo's Franka kitchen and Meta-World tables, and the Middlebury motorcycle.  One scorer for all.  A set whose frames
are not at hand is named and not measured.  No model is trained on any of them, and runs are chosen by `watched.py`;
four that it preferred were not shipped after a look at these figures (docs/runs.md): all that they decided.

Two models or seeds stand side by side, with the difference on the same frames and its 95 % interval.

A folder may be followed by the size to paint at, as in DIR@480x640.

Usage: python benchmarks/accuracy.py [--model [NAME=]DIR[@SIZE] ...] [--images-seen N ...] [--only osd]
"""

import argparse
import json
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
from accuracy_baselines import NoImage
from accuracy_figures import (
    Answer,
    SetFigures,
    blind,
    blind_crop_figures,
    constant_figures,
    crop_figures,
    depth_figures,
    differences,
    looking,
    model_facts,
    osd_figures,
    render_figures,
    summary,
)
from accuracy_goals import CROPS, MODEL, MOTORCYCLE, MUJOCO, OSD, RENDERS, goal_table
from accuracy_sets import held_out_assets, held_out_renders, learnt_renders, mujoco_frames
from circumstances import circumstances
from scaling import record

from vb_perception.errors import VbPerceptionError
from vb_perception.evaluation.contestants import folder_and_size
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.engine import EngineSpec
from vb_perception.runtime.options import EngineOptions
from vb_perception.runtime.text import PromptEncoder
from vb_perception.scenes.osd import read_osd
from vb_perception.scenes.photographs import read_photographs
from vb_perception.scenes.sample import Sample

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
MEASURES: Mapping[str, Callable[[Answer, list[Sample]], SetFigures]] = {
    OSD: osd_figures,
    CROPS: crop_figures,
    RENDERS: render_figures,
    MUJOCO: depth_figures,
    MOTORCYCLE: depth_figures,
}
SHORT_NAMES = {"osd": OSD, "renders": RENDERS, "mujoco": MUJOCO, "motorcycle": MOTORCYCLE}
ASSETS = "assets"
"""What `vb-perception assets` wrote, in the cache."""
KNOWN_IOU = 0.5
"""From this IoU on a word is called known."""

_log = logging.getLogger("accuracy")


def main() -> None:
    """Score, write, print."""
    logging.basicConfig(format="%(message)s")
    _log.setLevel(logging.INFO)
    arguments = _arguments()
    started = time.monotonic()
    sets, learnt = frames_at_hand(arguments.osd, arguments.cache, arguments.only or tuple(SHORT_NAMES))
    no_image = baselines(sets, learnt)
    _log.info("%s, after %.0f s", ", ".join(f"{s}: {len(f)}" for s, f in sets.items()), time.monotonic() - started)
    models: dict[str, dict[str, SetFigures]] = {}
    facts: dict[str, dict[str, str]] = {}
    for name, folder, size in arguments.model:
        with open_engine(folder, arguments.backend, options=EngineOptions(size=size)) as engine:
            answer = looking(PerceptionPipeline(engine, PromptEncoder(folder, engine.spec)))
            models[name] = {s: MEASURES[s](answer, frames) for s, frames in sets.items()}
            models[name][MODEL] = model_facts(folder, EngineSpec.read(folder))
            facts[name] = {"weights": engine.spec.weights_sha256[:12], "backend": engine.backend}
        _log.info("%s measured, after %.0f s", name, time.monotonic() - started)
    table = side_by_side(no_image, models)
    if arguments.only:
        print(table)
        return
    told: dict[str, object] = {**circumstances(), "seconds": round(time.monotonic() - started)}
    if RENDERS in sets:
        told["held-out renders of"] = held_out_assets(arguments.cache / ASSETS)
    write(table, no_image, models, told, facts)
    for (name, *_), images_seen in zip(arguments.model, arguments.images_seen, strict=False):
        record(name, images_seen, summaries(models[name]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", type=_named_folder, action="append", help="NAME=DIR, DIR or DIR@480x640; may be given again"
    )
    parser.add_argument("--images-seen", type=int, action="append", help="by each --model: keeps it in scaling.json")
    parser.add_argument("--only", choices=SHORT_NAMES, action="append", help="a quick look: prints, writes nothing")
    parser.add_argument("--backend", default="onnxruntime")
    parser.add_argument("--osd", type=Path, default=ROOT.parent / "shared" / "data" / "osd")
    parser.add_argument("--cache", type=Path, default=ROOT / "cache", help="where assets and drawn frames are kept")
    arguments = parser.parse_args()
    arguments.model = arguments.model or [_named_folder(str(ROOT / "vb_perception" / "models" / "default"))]
    arguments.images_seen = arguments.images_seen or []
    if len({name for name, *_ in arguments.model}) < len(arguments.model):
        parser.error("two models have one name: write --model NAME=DIR")
    if arguments.images_seen and len(arguments.images_seen) != len(arguments.model):
        parser.error(
            f"{len(arguments.images_seen)} --images-seen for {len(arguments.model)} --model: give one for each"
        )
    return arguments


def _named_folder(text: str) -> tuple[str, Path, tuple[int, int] | None]:
    name, equals, rest = text.partition("=")
    folder, size = folder_and_size(rest if equals else text)
    at = f" at {size[0]}x{size[1]}" if size else ""
    return name if equals else folder.name + at, folder, size


def frames_at_hand(osd: Path, cache: Path, wanted: Sequence[str]) -> tuple[dict[str, list[Sample]], dict[str, NoImage]]:
    """The sets by name, and for each what may be known without looking; what is missing is named and left out."""
    sources: dict[str, Callable[[], list[Sample]]] = {
        OSD: lambda: list(read_osd(osd / "test")),
        RENDERS: lambda: held_out_renders(cache / ASSETS),
        MUJOCO: lambda: mujoco_frames(cache),
        MOTORCYCLE: lambda: list(read_photographs(("motorcycle",))),
    }
    sets: dict[str, list[Sample]] = {}
    for name in (SHORT_NAMES[short] for short in wanted):
        if frames := _read_or_say(name, sources[name]):
            sets[name] = frames
    learnt: dict[str, NoImage] = {}
    if OSD in sets:
        sets[CROPS] = sets[OSD]
        learnt[OSD] = NoImage.of(list(read_osd(osd / "learn")))
    if RENDERS in sets or MUJOCO in sets:
        learnt[RENDERS] = NoImage.of(learnt_renders(cache / ASSETS))
    return sets, learnt


def _read_or_say(name: str, read: Callable[[], list[Sample]]) -> list[Sample]:
    try:
        return read()
    except VbPerceptionError as error:
        _log.warning("%s is not measured: %s", name, error)
        return []


def baselines(sets: Mapping[str, list[Sample]], learnt: Mapping[str, NoImage]) -> dict[str, SetFigures]:
    """Every set without looking: OSD by its learn split, what is drawn by own renders, the motorcycle by a constant."""
    out: dict[str, SetFigures] = {}
    if OSD in sets:
        out[OSD] = osd_figures(blind(learnt[OSD]), sets[OSD])
        out[CROPS] = blind_crop_figures(learnt[OSD], sets[CROPS])
    if RENDERS in sets:
        out[RENDERS] = render_figures(blind(learnt[RENDERS]), sets[RENDERS])
        out[RENDERS].whole = {k: v for k, v in out[RENDERS].whole.items() if "kept" not in k}  # it reads no legend
    if MUJOCO in sets:
        out[MUJOCO] = depth_figures(blind(learnt[RENDERS]), sets[MUJOCO])
    if MOTORCYCLE in sets:
        out[MOTORCYCLE] = constant_figures(sets[MOTORCYCLE])
    return out


def summaries(figures: Mapping[str, SetFigures]) -> dict[str, dict[str, dict[str, float]]]:
    """Set -> figure -> mean and spread."""
    return {name: summary(of_set) for name, of_set in figures.items()}


def side_by_side(no_image: Mapping[str, SetFigures], models: Mapping[str, Mapping[str, SetFigures]]) -> str:
    """The table of goals; with exactly two models also by how much they differ."""
    changes = None
    if len(models) == 2:  # noqa: PLR2004 -- a pair
        first, second = models.values()
        changes = {name: differences(first[name], second[name]) for name in first}
    return goal_table(summaries(no_image), {name: summaries(figures) for name, figures in models.items()}, changes)


def write(
    table: str,
    no_image: Mapping[str, SetFigures],
    models: Mapping[str, Mapping[str, SetFigures]],
    told: Mapping[str, object],
    facts: Mapping[str, Mapping[str, str]],
) -> None:
    """results/accuracy.json and .md, docs/images/risk_coverage.png; the table is printed as well."""
    by_model = {name: summaries(figures) for name, figures in models.items()}
    kept = {
        **told,
        "no image": summaries(no_image),
        "models": {
            name: {
                **facts[name],
                "sets": by_model[name],
                "confidence": {s: f.scores.as_json().get("confidence", {}) for s, f in figures.items() if f.scores},
                "words": figures[RENDERS].words if RENDERS in figures else {},
            }
            for name, figures in models.items()
        },
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(rounded(kept), indent=1)
    (RESULTS / "accuracy.json").write_text(text + "\n", encoding="utf-8")
    lines = [table, "", "Mean ± standard deviation over images [quartiles]."]
    for name, figures in models.items():
        words = figures[RENDERS].words if RENDERS in figures else {}
        known = sum(iou >= KNOWN_IOU for iou in words.values())
        said = ", ".join(f"{word} {iou:.2f}" for word, iou in words.items())
        lines += [
            "",
            f"Words of {name}, IoU over all held-out renders that show them ({known} of {len(words)} are known,",
        ]
        lines[-1] += f" that is {KNOWN_IOU} or better): {said}."
    circumstances_said = ", ".join(f"{key} {value}" for key, value in told.items())
    models_said = "; ".join(f"{n} is {f['weights']} on {f['backend']}" for n, f in facts.items())
    lines += ["", f"Measured with `python benchmarks/accuracy.py`: {models_said}; {circumstances_said}."]
    (RESULTS / "accuracy.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    draw_risk(next(iter(models.values())))
    print("\n".join(lines))


def rounded(value: object) -> object:
    """Numbers to five places, NaN as None, all the way down: what JSON can hold and a diff can show."""
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 5)
    return value


def draw_risk(figures: Mapping[str, SetFigures]) -> None:
    """The risk-coverage curve of depth on each set of more than one frame, as docs/images/risk_coverage.png."""
    figure, axes = plt.subplots(figsize=(6, 3.2), dpi=120, layout="constrained")
    for name, of_set in figures.items():
        if of_set.scores is not None and of_set.scores.frames > 1:
            risk = of_set.scores.risk
            axes.plot(100 * of_set.scores.coverage, risk / risk[-1], label=f"{name} ({risk[-1]:.3f})")
    axes.axvline(80, color="grey", linewidth=0.8, linestyle=":")
    axes.set_xlabel("pixels kept, surest first [%]")
    axes.set_ylabel("AbsRel / AbsRel of all")
    axes.set_ylim(0, 1.15)
    axes.legend(title="set (AbsRel of all pixels)", frameon=False)
    figure.savefig(ROOT / "docs" / "images" / "risk_coverage.png")


if __name__ == "__main__":
    main()
