import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vb_perception.codecs.colour_maps import (
    COLOUR_MAPS,
    RAINBOW,
    UNSURE_LEVELS,
    colours_at,
    nearest_position,
    unsure_stops,
)
from vb_perception.codecs.depth import DepthCodec
from vb_perception.errors import ConfigError

NAMES = sorted(COLOUR_MAPS)
F = np.linspace(0.02, 0.98, 500)


@pytest.mark.parametrize("name", NAMES)
def test_a_position_is_read_back(name: str) -> None:
    position, distance2 = nearest_position(colours_at(F, COLOUR_MAPS[name]), COLOUR_MAPS[name])
    assert np.abs(position - F).max() < 0.006
    assert distance2.max() <= 0.75  # rounding to 8 bits


@pytest.mark.parametrize("name", NAMES)
def test_matplotlib_has_the_same_maps(name: str) -> None:
    colormaps = pytest.importorskip("matplotlib", reason="not in the node's environment").colormaps
    if name == RAINBOW:
        return
    theirs = colormaps[{"grayscale": "gray"}.get(name, name)](F)[:, :3] * 255
    assert np.abs(colours_at(F, COLOUR_MAPS[name]) - theirs).max() <= 8


@given(st.sampled_from(NAMES), st.floats(0, 1))
def test_unsure_colours_are_aside(name: str, unsure: float) -> None:
    """However unsure, the colour is read as the same place; how far it lies off the map grows with the unsureness."""
    stops = COLOUR_MAPS[name]
    sure, off = (colours_at(F, line).astype(float) for line in (stops, unsure_stops(stops)))
    position, distance2 = nearest_position(np.rint(sure + unsure * (off - sure)).astype(np.uint8), stops)
    middle = (F > 0.15) & (F < 0.85)  # at its ends a map may touch the faces of the cube
    assert np.abs(position - F)[middle].max() < (0.001 if name == RAINBOW else 0.03)
    if name == RAINBOW:
        assert np.sqrt(distance2).max() <= unsure * UNSURE_LEVELS + 1
        assert np.sqrt(distance2).min() >= unsure * UNSURE_LEVELS * 0.7 - 1


@pytest.mark.parametrize("name", NAMES)
def test_depth_in_every_map(name: str) -> None:
    depth_m = np.geomspace(0.3, 30, 400, dtype=np.float32).reshape(20, 20)
    codec = DepthCodec(colour_map=name)
    read_m, confidence = codec.decode(codec.encode(depth_m))
    assert np.abs(read_m / depth_m - 1).mean() < 0.012
    assert confidence.min() > 0.94


def test_an_unknown_map() -> None:
    with pytest.raises(ConfigError, match="colour map 'jet': expected one of rainbow, plasma"):
        DepthCodec(colour_map="jet")
