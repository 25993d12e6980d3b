"""The model in the package: whole, small enough, the same on every engine, obedient, and better than not looking."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from vb_perception.codecs.depth import DepthCodec
from vb_perception.evaluation.evaluate import TASKS
from vb_perception.evaluation.replay import replay, sample_frames
from vb_perception.evaluation.scores import Scorer, Scores
from vb_perception.frame import Frame
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.predictions import DepthMap, SegmentMap
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.engine import EngineSpec
from vb_perception.runtime.onnx_engine import OnnxEngine
from vb_perception.runtime.openvino_engine import OpenVinoEngine
from vb_perception.runtime.options import EngineOptions
from vb_perception.runtime.text import PromptEncoder
from vb_perception.scenes.osd import read_osd
from vb_perception.scenes.photographs import read_photographs
from vb_perception.tasks import InstanceSegmentation, MetricDepth, SemanticSegmentation, SurfaceNormals

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "vb_perception" / "models" / "default"
OSD_TEST = ROOT.parent / "shared" / "data" / "osd" / "test"
MAX_BYTES = 30_000_000


@pytest.fixture(scope="module")
def pipeline() -> Iterator[PerceptionPipeline]:
    with OnnxEngine(MODEL, threads=2) as engine:
        yield PerceptionPipeline(engine, PromptEncoder(MODEL, engine.spec))


@pytest.fixture(scope="module")
def coffee() -> Frame:
    (sample,) = read_photographs(("coffee",))
    return Frame(sample.rgb, 0, "camera", sample.intrinsics)


@pytest.fixture(scope="module")
def osd_scores(pipeline: PerceptionPipeline) -> Scores:
    if not OSD_TEST.is_dir():
        pytest.skip("the OSD test frames are not beside this checkout (../shared/data/osd/test)")
    scorer = Scorer()
    # Every third frame: all difficulties, in a third of the time.
    frames = sample_frames(list(read_osd(OSD_TEST))[::3])
    for perception, truth in replay(frames, pipeline, TASKS):
        assert truth is not None
        scorer.add(perception.predictions, truth)
    return scorer.scores()


def test_every_file_is_the_one_that_the_spec_names() -> None:
    spec = EngineSpec.read(MODEL)
    spec.verify(MODEL / "generator.onnx", spec.generator_sha256)
    spec.verify(MODEL / "text.onnx", spec.text_sha256)
    spec.verify(MODEL / "generator.safetensors", spec.weights_sha256)
    assert sum(f.stat().st_size for f in MODEL.iterdir()) <= MAX_BYTES
    assert spec.gflop_three_prompts <= 6
    assert spec.parameters <= 6_000_000


def test_engines_agree_on_a_photograph(pipeline: PerceptionPipeline, coffee: Frame) -> None:
    tasks = (MetricDepth(), SurfaceNormals())
    with OpenVinoEngine(MODEL, threads=2, precision="f32") as engine:
        other = PerceptionPipeline(engine, PromptEncoder(MODEL, engine.spec)).perceive(coffee, tasks)
    ours = pipeline.perceive(coffee, tasks)
    for name, image in ours.generated.items():
        difference = np.abs(image.astype(int) - other.generated[name].astype(int))
        assert difference.max() <= 1  # one level of rounding
        assert (difference > 0).mean() < 0.01


def test_new_colours_paint_the_same_masks(pipeline: PerceptionPipeline, coffee: Frame) -> None:
    names = ("table", "cup")
    usual = SemanticSegmentation(tuple(zip(names, ((255, 0, 0), (0, 255, 0)), strict=True)))
    strange = SemanticSegmentation(tuple(zip(names, ((7, 90, 200), (250, 240, 10)), strict=True)), (130, 20, 120))
    masks = []
    for task in (usual, strange):
        answer = pipeline.perceive(coffee, [task]).predictions["segmentation"]
        assert isinstance(answer, SegmentMap)
        masks.append(answer.ids)
    assert len(np.unique(masks[0])) > 1
    # Decided pixels stay; where two things mix, the nearest colour may be another in another legend.
    assert (masks[0] == masks[1]).mean() > 0.95


def test_another_word_for_it_paints_the_same_mask(pipeline: PerceptionPipeline, coffee: Frame) -> None:
    masks = []
    for word in ("table", "desk", "tables"):
        task = SemanticSegmentation(((word, (9, 200, 120)),), background=(200, 30, 90))
        answer = pipeline.perceive(coffee, [task]).predictions["segmentation"]
        assert isinstance(answer, SegmentMap)
        masks.append(answer.ids == 1)
    assert masks[0].mean() > 0.1
    for other in masks[1:]:
        assert (masks[0] & other).sum() > 0.7 * (masks[0] | other).sum()


def test_a_word_that_it_was_not_taught_is_told_and_painted_nowhere(pipeline: PerceptionPipeline, coffee: Frame) -> None:
    task = SemanticSegmentation((("table", (255, 0, 0)), ("zebra", (0, 255, 0)), ("leftmost gnu", (0, 0, 255))))
    perception = pipeline.perceive(coffee, [MetricDepth(), task, InstanceSegmentation("giraffe")])
    assert perception.unknown == {"segmentation": ("zebra", "leftmost gnu"), "instances": ("giraffe",)}
    answer, herd = perception.predictions["segmentation"], perception.predictions["instances"]
    assert isinstance(answer, SegmentMap)
    assert isinstance(herd, SegmentMap)
    assert set(np.unique(answer.ids)) == {0, 1}
    assert not herd.ids.any()


def test_depth_is_the_same_in_every_colour_map(pipeline: PerceptionPipeline, coffee: Frame) -> None:
    tasks = [MetricDepth(DepthCodec(colour_map=name), name=name) for name in ("rainbow", "viridis", "grayscale")]
    depths = [p.depth_m for p in pipeline.perceive(coffee, tasks).predictions.values() if isinstance(p, DepthMap)]
    for other in depths[1:]:
        known = np.isfinite(other) & np.isfinite(depths[0])
        assert known.mean() > 0.95
        assert np.median(np.abs(np.log(other[known] / depths[0][known]))) < 0.02


def test_the_larger_size_sees_the_same_scene(pipeline: PerceptionPipeline, coffee: Frame) -> None:
    tasks = (MetricDepth(), SemanticSegmentation((("table", (255, 0, 0)), ("cup", (0, 255, 0)))))
    with open_engine(MODEL, "onnxruntime", 2, EngineOptions(precision="fp32", size=(480, 640))) as engine:
        assert (engine.spec.height, engine.spec.width) == (480, 640)
        large = PerceptionPipeline(engine, PromptEncoder(MODEL, engine.spec)).perceive(coffee, tasks).predictions
    small = pipeline.perceive(coffee, tasks).predictions
    one, other = small["depth"], large["depth"]
    assert isinstance(one, DepthMap)
    assert isinstance(other, DepthMap)
    assert np.nanmedian(np.abs(np.log(one.depth_m / other.depth_m))) < 0.05
    masks = [p["segmentation"] for p in (small, large)]
    ids = [m.ids for m in masks if isinstance(m, SegmentMap)]
    assert (ids[0] == ids[1]).mean() > 0.95


def test_it_beats_not_looking_on_real_frames(osd_scores: Scores) -> None:
    """The no-image baselines of the OSD protocol (statistics of the learn split only)."""
    figures = osd_scores.figures
    assert figures["depth"]["abs_rel"] < 0.090
    assert figures["depth"]["delta1"] > 0.907
    assert figures["depth"]["coverage"] > 0.99
    assert figures["normals"]["mean_deg"] < 16.5
    assert figures["classes"]["table"] > 0.76


def test_the_least_confident_pixels_are_worse(osd_scores: Scores) -> None:
    confidence = osd_scores.figures["confidence"]
    assert confidence["abs_rel_surest_80"] < confidence["abs_rel_all"]
