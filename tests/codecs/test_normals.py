import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vb_perception.codecs.normals import decode_normals, encode_normals, optical_from_paper, paper_from_optical
from vb_perception.errors import FrameError


def random_normals(count: int) -> NDArray[np.float32]:
    vectors = np.random.default_rng(0).normal(size=(1, count, 3))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=2, keepdims=True), np.float32)


def angles_deg(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    cosine = np.sum(a.astype(np.float64) * b, axis=-1)
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


@pytest.mark.parametrize(
    ("facing", "paper", "colour"),
    [
        ("left", (-1, 0, 0), (255, 128, 128)),
        ("up", (0, 1, 0), (128, 255, 128)),
        ("the camera", (0, 0, 1), (128, 128, 255)),
        ("right", (1, 0, 0), (0, 128, 128)),
    ],
)
def test_colours_are_those_of_the_paper(facing: str, paper: tuple[int, ...], colour: tuple[int, ...]) -> None:
    normal = optical_from_paper(np.array([[paper]], np.float32))
    assert tuple(encode_normals(normal)[0, 0].tolist()) == colour, facing
    decoded, confidence = decode_normals(np.array([[colour]], np.uint8))
    np.testing.assert_allclose(paper_from_optical(decoded)[0, 0], paper, atol=0.01)
    assert confidence[0, 0] > 0.99


def test_encode_is_the_formula_of_the_paper_channel_by_channel() -> None:
    normals = random_normals(5000)
    x, y, z = np.moveaxis(normals * (1, -1, -1), -1, 0)
    expected = 255 * np.clip(np.stack(((1 - x) / 2, (1 + y) / 2, (1 + z) / 2), -1), 0, 1)
    assert np.abs(encode_normals(normals) - expected).max() <= 0.5 + 1e-4


def test_optical_and_paper_frames_undo_each_other() -> None:
    normals = random_normals(50)
    np.testing.assert_array_equal(optical_from_paper(paper_from_optical(normals)), normals)
    assert paper_from_optical(np.array([1, 2, 3], np.float32)).tolist() == [1, -2, -3]


def test_round_trip_through_eight_bits_is_a_fraction_of_a_degree() -> None:
    normals = random_normals(20_000)
    decoded, confidence = decode_normals(encode_normals(normals))
    assert decoded.dtype == confidence.dtype == np.float32
    error_deg = angles_deg(normals, decoded)
    assert error_deg.mean() < 0.2
    assert error_deg.max() < 0.5
    assert confidence.min() > 0.99
    np.testing.assert_allclose(np.linalg.norm(decoded, axis=2), 1, rtol=1e-5)


def test_unknown_normals_are_grey_and_grey_is_unknown() -> None:
    normals = np.array([[[0, np.nan, -1], [0, 0, -1]]], np.float32)
    rgb = encode_normals(normals)
    assert rgb[0, 0].tolist() == [128, 128, 128]
    decoded, confidence = decode_normals(rgb)
    assert np.isnan(decoded[0, 0]).all()
    assert confidence[0, 0] == 0
    np.testing.assert_allclose(decoded[0, 1], (0, 0, -1), atol=0.01)


@settings(deadline=None)
@given(colour=st.tuples(*[st.integers(0, 255)] * 3))
def test_any_colour_reads_as_a_unit_vector_or_as_unknown(colour: tuple[int, int, int]) -> None:
    normals, confidence = decode_normals(np.array([[colour]], np.uint8))
    length = float(np.linalg.norm(1 - np.array(colour) * 2 / 255))
    if np.isnan(normals).any():
        assert np.isnan(normals).all()
        assert length < 0.1
        assert confidence[0, 0] == 0
    else:
        assert np.linalg.norm(normals[0, 0]) == pytest.approx(1, abs=1e-5)
        assert confidence[0, 0] == pytest.approx(1 - min(1, abs(length - 1)), abs=1e-5)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(FrameError, match=r"\(4, 4\)"):
        encode_normals(np.zeros((4, 4), np.float32))
    with pytest.raises(FrameError, match="expected uint8"):
        decode_normals(np.zeros((4, 4, 3), np.float32))
