from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vb_perception.codecs.depth import DepthCodec
from vb_perception.codecs.palette import distinct_colours
from vb_perception.codecs.slots import slot_colours
from vb_perception.errors import ConfigError, FrameError
from vb_perception.predictions import DepthMap, NormalMap, SegmentMap
from vb_perception.tasks import (
    BACKGROUND,
    MAX_THINGS,
    ORDINALS,
    EdgeMap,
    InstanceSegmentation,
    MetricDepth,
    PromptToken,
    ReferringSegmentation,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)

LEGEND = (("mug", (255, 0, 0)), ("table", (0, 128, 255)), ("exit sign", (200, 160, 255)))
TASKS: list[Task] = [
    MetricDepth(),
    MetricDepth(DepthCodec(colour_map="viridis"), name="viridis"),
    SurfaceNormals(),
    EdgeMap(),
    SemanticSegmentation(LEGEND, background=(255, 255, 0)),
    InstanceSegmentation("wine bottle", background=(88, 50, 82)),
    ReferringSegmentation("pig not in the glass", colour=(0, 255, 255)),
]
ONES = np.ones((24, 32), np.float32)


def segments(ids: NDArray[np.integer], *names: str) -> SegmentMap:
    return SegmentMap(ids.astype(np.uint16), (BACKGROUND, *names), np.ones(ids.shape, np.float32))


def blocks(count: int) -> NDArray[np.integer]:
    """Ids 0 to count in blocks of 8 x 8 pixels, (24, 32)."""
    coarse = np.arange(12).reshape(3, 4) % (count + 1)
    return np.kron(coarse, np.ones((8, 8), np.int64))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_task_is_a_task_whose_prompt_and_tokens_say_the_same(task: Task) -> None:
    assert isinstance(task, Task)
    first, *rest = task.tokens
    assert (first.role, first.colour) == ("task", None)
    assert task.prompt.startswith(("Generate", "This image", "Predict"))
    for token in rest:
        if token.role == "stop":
            assert not token.phrase
            assert None not in (token.colour, token.unsure)
            continue
        if token.role == "instance":  # "colored differently": the prompt leaves it to the codec in which colours
            assert token.phrase in ORDINALS
            assert isinstance(task, InstanceSegmentation)
            assert token.colour in slot_colours(task.background)
            continue
        assert token.role in ("thing", "background")
        assert token.phrase in task.prompt.lower()
        if token.colour is not None:
            assert ", ".join(map(str, token.colour)) in task.prompt


def test_names_are_unique_and_can_be_chosen() -> None:
    assert len({task.name for task in TASKS}) == len(TASKS)
    assert MetricDepth(name="far").name == "far"


@settings(deadline=None)
@given(count=st.integers(1, MAX_THINGS), seed=st.integers(0, 1000))
def test_prompt_of_a_legend_names_every_class_with_its_colour(count: int, seed: int) -> None:
    colours = np.random.default_rng(seed).permutation(np.array(distinct_colours(MAX_THINGS + 1))).tolist()
    legend = tuple((f"thing {i}", (r, g, b)) for i, (r, g, b) in enumerate(colours[:count]))
    task = SemanticSegmentation(legend, background=tuple(colours[-1]))
    for phrase, (r, g, b) in (*legend, (BACKGROUND, task.background)):
        assert f'"{phrase}": <{r}, {g}, {b}>' in task.prompt
    assert task.tokens[1] == PromptToken("background", BACKGROUND, task.background)
    assert [(t.phrase, t.colour) for t in task.tokens[2:]] == list(legend)
    assert task.names == (BACKGROUND, *(phrase for phrase, _ in legend))


def test_depth_survives_its_own_picture() -> None:
    depth_m = np.geomspace(0.3, 70, ONES.size).astype(np.float32).reshape(ONES.shape)
    depth_m[0, 0] = np.nan
    decoded = MetricDepth().decode(MetricDepth().encode(DepthMap(depth_m, ONES)))
    np.testing.assert_allclose(decoded.depth_m[0, 1:], depth_m[0, 1:], rtol=0.01)
    np.testing.assert_allclose(decoded.depth_m, depth_m, rtol=0.02)
    assert decoded.confidence[0, 0] == 0


def test_depth_task_obeys_its_codec() -> None:
    task = MetricDepth(codec=DepthCodec(lam=-2, scale_m=1, max_range_m=5, beyond="inf"))
    decoded = task.decode(task.encode(DepthMap(np.array([[2, 50]], np.float32), np.ones((1, 2), np.float32))))
    assert decoded.depth_m[0, 0] == pytest.approx(2, rel=0.01)
    assert np.isposinf(decoded.depth_m[0, 1])


def test_normals_survive_their_own_picture() -> None:
    vectors = np.random.default_rng(0).normal(size=(24, 32, 3)) * (1, 1, 0.5) - (0, 0, 1)
    normals = (vectors / np.linalg.norm(vectors, axis=2, keepdims=True)).astype(np.float32)
    normals[5, 5] = np.nan
    decoded = SurfaceNormals().decode(SurfaceNormals().encode(NormalMap(normals, ONES)))
    np.testing.assert_allclose(decoded.normals, normals, atol=0.01)


def test_classes_survive_their_own_picture() -> None:
    task = SemanticSegmentation(LEGEND, background=(255, 255, 0))
    truth = segments(blocks(3), "mug", "table", "exit sign")
    decoded = task.decode(task.encode(truth))
    np.testing.assert_array_equal(decoded.ids, truth.ids)
    assert decoded.names == truth.names
    assert (decoded.confidence == 1).all()


def test_instances_survive_their_own_picture() -> None:
    ids = np.zeros((48, 64), np.int64)
    ids[5:20, 5:25], ids[25:45, 10:30], ids[10:40, 40:60] = 1, 2, 3
    task = InstanceSegmentation("mug", background=(255, 255, 255))
    decoded = task.decode(task.encode(segments(ids, "a", "b", "c")))
    # counted in raster order of their first pixels
    np.testing.assert_array_equal(decoded.ids, np.array([0, 1, 3, 2])[ids])
    assert decoded.names == (BACKGROUND, "mug 1", "mug 2", "mug 3")


def test_no_instances_survive_as_none() -> None:
    task = InstanceSegmentation("mug")
    decoded = task.decode(task.encode(segments(np.zeros((24, 32), np.int64))))
    assert not decoded.ids.any()
    assert decoded.names == (BACKGROUND,)


def test_a_referred_thing_survives_its_own_picture_whatever_its_id() -> None:
    task = ReferringSegmentation("the left mug", colour=(0, 255, 255), background=(255, 255, 255))
    ids = blocks(2)
    decoded = task.decode(task.encode(segments(ids, "part", "other part")))
    np.testing.assert_array_equal(decoded.ids, ids > 0)
    assert decoded.names == (BACKGROUND, "the left mug")


def test_legends_that_cannot_be_decoded_are_refused() -> None:
    with pytest.raises(ConfigError, match="0 classes: expected 1 to 14"):
        SemanticSegmentation(())
    colours = distinct_colours(MAX_THINGS + 1, avoid=[(0, 0, 0)])
    with pytest.raises(ConfigError, match=r"15 classes.*split"):
        SemanticSegmentation(tuple((f"thing {i}", colour) for i, colour in enumerate(colours)))
    with pytest.raises(ConfigError, match="colour of its own"):
        SemanticSegmentation((*LEGEND, ("cup", (255, 0, 0))))
    with pytest.raises(ConfigError, match="colour of its own"):
        SemanticSegmentation(LEGEND, background=(255, 0, 0))
    with pytest.raises(ConfigError, match="also the background"):
        ReferringSegmentation("the mug", colour=(0, 0, 0))
    with pytest.raises(ConfigError, match="also the background"):
        replace(ReferringSegmentation("the mug"), background=(255, 255, 0))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_tasks_paint_only_the_kind_of_truth_that_they_mean(task: Task) -> None:
    wrong = DepthMap(ONES, ONES) if not isinstance(task, MetricDepth) else segments(blocks(1), "thing")
    with pytest.raises(ConfigError, match=f"got a {type(wrong).__name__}"):
        task.encode(wrong)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_tasks_refuse_images_that_are_no_rgb(task: Task) -> None:
    with pytest.raises(FrameError, match="expected uint8"):
        task.decode(np.zeros((24, 32, 3), np.float32))


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_task_reads_any_picture_as_a_prediction_with_confidence_from_0_to_1(seed: int) -> None:
    rgb = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    for task in TASKS:
        confidence = task.decode(rgb).confidence
        assert confidence.shape == (7, 9)
        assert ((confidence >= 0) & (confidence <= 1)).all()


def test_a_speck_in_the_colour_of_another_instance_does_not_split_a_thing() -> None:
    task = InstanceSegmentation("mug")
    ids = np.zeros((192, 256), np.uint16)
    ids[40:120, 40:100], ids[40:120, 100:180] = 1, 2
    rgb = task.encode(SegmentMap(ids, ("", "", ""), np.ones(ids.shape, np.float32)))
    spoilt = rgb.copy()
    spoilt[70:74, 60:64] = rgb[80, 150]
    found = task.decode(spoilt)
    assert np.array_equal(found.ids, ids)
    assert (found.confidence[70:74, 60:64] == 0).all()
    assert found.confidence[90, 60] == 1


def test_instances_end_where_the_picture_has_an_edge_and_are_unsure_of_what_was_painted_otherwise() -> None:
    task = InstanceSegmentation("box")
    true, picture = np.zeros((192, 256), np.uint16), np.full((192, 256, 3), 130, np.uint8)
    true[40:140, 60:128], true[40:140, 128:200] = 1, 2
    picture[true == 1], picture[true == 2] = (180, 60, 50), (120, 80, 60)
    painted = true.copy()
    painted[40:140, 128:130] = 1
    rgb = task.encode(SegmentMap(painted, ("", "", ""), np.ones(painted.shape, np.float32)))
    assert np.array_equal(task.decode(rgb).ids, painted)
    found, inside = task.decode(rgb, picture), np.s_[50:130, 60:200]
    assert np.array_equal(found.ids[inside], true[inside])
    assert (found.confidence[50:130, 128:130] == 0).all()
    assert found.confidence[90, 100] == 1
