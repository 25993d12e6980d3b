"""Image encodings: whatever comes is read as it was written, or refused; nothing else escapes."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_encodings import rows_of_bytes
from vb_perception.encodings import (
    array_from_fields,
    fields_from_array,
    rgb_from_fields,
)
from vb_perception.errors import FrameError


@st.composite
def arrays(draw: st.DrawFn) -> tuple[str, np.ndarray]:
    """An encoding and an array for it."""
    encoding, dtype, channels = draw(
        st.sampled_from([
            ("rgb8", "u1", 3), ("bgra8", "u1", 4), ("mono8", "u1", 1), ("yuyv", "u1", 2), ("bayer_grbg8", "u1", 1),
            ("16UC1", "u2", 1), ("mono16", "u2", 1), ("32FC1", "f4", 1), ("32FC3", "f4", 3),
        ])
    )  # fmt: skip
    height, width = draw(st.integers(3, 9)), 2 * draw(st.integers(2, 5))
    itemsize = int(dtype[1])
    raw = draw(st.binary(min_size=height * width * channels * itemsize, max_size=height * width * channels * itemsize))
    shape = (height, width) if channels == 1 else (height, width, channels)
    return encoding, np.frombuffer(raw, dtype).reshape(shape)


@given(arrays(), st.integers(0, 9), st.booleans())
def test_any_pixels_survive_any_padding_and_byte_order(case: tuple[str, np.ndarray], padding: int, big: bool) -> None:  # noqa: FBT001 (drawn)
    encoding, pixels = case
    height, width = pixels.shape[:2]
    step, data = rows_of_bytes(pixels, padding, big=big)
    found = array_from_fields(encoding, height, width, step, data, int(big))
    assert found.dtype == pixels.dtype
    assert found.dtype.isnative
    assert found.tobytes() == pixels.tobytes()  # bit for bit, NaN payloads too


@given(arrays())
def test_fields_from_array_is_the_way_back(case: tuple[str, np.ndarray]) -> None:
    encoding, pixels = case
    for variant in (pixels, pixels.astype(pixels.dtype.newbyteorder(">")), np.asfortranarray(pixels)):
        fields = fields_from_array(variant, encoding)
        assert (fields.height, fields.width, fields.is_bigendian) == (*pixels.shape[:2], 0)
        assert fields.step * fields.height == len(fields.data)
        found = array_from_fields(encoding, fields.height, fields.width, fields.step, fields.data, 0)
        assert found.tobytes() == pixels.tobytes()
    assert np.shares_memory(fields_from_array(pixels, encoding).data, pixels) == (sys.byteorder == "little")


@pytest.mark.parametrize(
    ("encoding", "pixels"),
    [
        ("mono8", np.zeros((4, 4, 1), np.uint8)),
        ("rgb8", np.zeros((4, 4), np.uint8)),
        ("rgb8", np.zeros((4, 4, 4), np.uint8)),
        ("16UC1", np.zeros((4, 4), np.int16)),
        ("32FC1", np.zeros((4, 4))),
        ("mono8", np.zeros((0, 4), np.uint8)),
        ("uyvy", np.zeros((4, 3, 2), np.uint8)),
        ("nv12", np.zeros((6, 4), np.uint8)),
        ("rgb9", np.zeros((4, 4, 3), np.uint8)),
    ],
)
def test_arrays_that_do_not_fit_the_encoding_are_refused(encoding: str, pixels: np.ndarray) -> None:
    with pytest.raises(FrameError, match=encoding):
        fields_from_array(pixels, encoding)


# --- fields that contradict each other


@pytest.mark.parametrize("encoding", ["h264", "", "RGB8", "rgb8 "])
def test_unknown_encodings_name_the_known_ones(encoding: str) -> None:
    with pytest.raises(FrameError, match=f"unsupported image encoding {encoding!r}.*rgb8, bgr8.*32FC3"):
        rgb_from_fields(encoding, 2, 2, 6, bytes(12))


@pytest.mark.parametrize("size", [(0, 2), (2, 0), (0, 0), (-1, 2), (2, -1)])
def test_images_without_pixels_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(FrameError, match=f"{size[1]}x{size[0]} pixels: expected both above zero"):
        array_from_fields("rgb8", *size, 6, b"")


@pytest.mark.parametrize("step", [0, 5, -6])
def test_a_step_below_the_row_is_refused(step: int) -> None:
    with pytest.raises(FrameError, match=f"2x2 with step {step}: expected at least 6 bytes"):
        array_from_fields("rgb8", 2, 2, step, bytes(12))


@pytest.mark.parametrize(
    ("length", "verdict"), [(0, "truncated"), (11, "truncated"), (13, "too long"), (24, "too long")]
)
def test_data_of_another_length_is_refused(length: int, verdict: str) -> None:
    with pytest.raises(FrameError, match=f"came with {length} bytes: expected 12 .*{verdict}"):
        array_from_fields("rgb8", 2, 2, 6, bytes(length))


def test_absurd_sizes_neither_overflow_nor_allocate() -> None:
    huge = 2**32 - 1
    for height, width, step in ((huge, huge, huge), (huge, 2, 6), (2, huge, 3 * huge), (2**31, 2**31, 2**33)):
        with pytest.raises(FrameError, match="expected"):
            rgb_from_fields("rgb8", height, width, step, bytes(12))
    # 65536 * 65536 is 0 in 32 bits
    with pytest.raises(FrameError, match="expected 4294967296"):
        array_from_fields("mono8", np.uint32(65536), np.uint32(65536), np.uint32(65536), b"\0")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("encoding", "height", "width", "need"),
    [
        ("uyvy", 2, 3, "an even width"),
        ("yuyv", 2, 1, "an even width"),
        ("nv12", 3, 4, "an even width and height"),
        ("nv21", 4, 3, "an even width and height"),
        ("bayer_rggb8", 2, 8, "at least 3 rows"),
        ("bayer_gbrg8", 8, 2, "at least 3 rows"),
    ],
)
def test_grids_that_the_encoding_cannot_fill_are_refused(encoding: str, height: int, width: int, need: str) -> None:
    with pytest.raises(FrameError, match=f"{encoding} image of {width}x{height} pixels: expected {need}"):
        rgb_from_fields(encoding, height, width, 16, bytes(16 * height))


@given(
    st.sampled_from(["rgb8", "mono16", "nv12", "uyvy", "bayer_rggb8", "32FC1"]),
    *[st.one_of(st.integers(-2, 6), st.integers(0, 2**33))] * 3,
    st.binary(max_size=64),
)
def test_no_fields_escape_as_another_error(encoding: str, height: int, width: int, step: int, data: bytes) -> None:
    try:
        pixels = array_from_fields(encoding, height, width, step, data)
    except FrameError:
        return
    assert pixels.shape[0] * step == len(data)
    assert pixels.shape[1] == width
