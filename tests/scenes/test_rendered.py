import pickle

import numpy as np
import pytest

from vb_perception.errors import ConfigError, EngineUnavailableError
from vb_perception.scenes.rendered import RenderedScenes
from vb_perception.scenes.sample import Sample

pytest.importorskip("moderngl", reason="rendering needs moderngl: pip install moderngl")


def drawn(scenes: RenderedScenes, i: int) -> Sample:
    try:
        return scenes[i]
    except EngineUnavailableError as error:
        pytest.skip(str(error))


def test_a_scene_depends_on_its_number_alone() -> None:
    scenes = RenderedScenes(1000, seed=3, width=96, height=72)
    late, again = drawn(scenes, 700), drawn(RenderedScenes(1000, seed=3, width=96, height=72), 700)
    drawn(scenes, 2)
    assert np.array_equal(late.rgb, again.rgb)
    assert np.array_equal(late.depth_m, drawn(scenes, 700).depth_m)
    assert not np.array_equal(late.rgb, drawn(scenes, 701).rgb)
    assert late.rgb.shape == (72, 96, 3)


def test_another_process_gets_no_renderer() -> None:
    scenes = RenderedScenes(10, seed=3, width=96, height=72)
    own = drawn(scenes, 4)
    sent: RenderedScenes = pickle.loads(pickle.dumps(scenes))  # noqa: S301 - what was just written
    assert np.array_equal(drawn(sent, 4).rgb, own.rgb)


def test_the_first_are_a_sequence_with_an_end() -> None:
    few = RenderedScenes(10, seed=3, width=96, height=72).first(2)
    assert len(few) == 2
    with pytest.raises(IndexError):
        few[2]
    with pytest.raises(ConfigError, match="at least 1"):
        RenderedScenes(0, seed=3, width=96, height=72)


def test_two_sequences_are_drawn_in_turns() -> None:
    def both() -> tuple[RenderedScenes, RenderedScenes]:
        return RenderedScenes(9, seed=3, width=96, height=72), RenderedScenes(9, 4, 64, 48, kinds=("bench", "room"))

    alone = [drawn(scenes, i).rgb for scenes in both() for i in range(3)]
    first, second = both()
    turns = [(drawn(first, i), drawn(second, i)) for i in range(3)]
    assert [sample.name for _, sample in turns] == ["bench/4/0", "room/4/1", "bench/4/2"]
    together = [sample.rgb for samples in zip(*turns, strict=True) for sample in samples]
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_unknown_kinds_are_refused_before_anything_is_drawn() -> None:
    with pytest.raises(ConfigError, match="moonscape"):
        RenderedScenes(9, seed=3, width=96, height=72, kinds=("moonscape",))
