"""Image encodings: every conversion against an independent reading of the same bytes."""

from array import array

import numpy as np
import pytest

from vb_perception.encodings import (
    array_from_fields,
    depth_m_from_fields,
    rgb_from_fields,
)
from vb_perception.errors import FrameError

RNG = np.random.default_rng(7)
RGB = RNG.integers(0, 256, (6, 8, 3), np.uint8)
CHANNELS = {"rgb8": "rgb", "bgr8": "bgr", "8UC3": "bgr", "rgba8": "rgba", "bgra8": "bgra", "8UC4": "bgra"}
YUV_422 = {"uyvy": (1, 0, 3, 2), "yuv422": (1, 0, 3, 2), "yuyv": (0, 1, 2, 3), "yuv422_yuy2": (0, 1, 2, 3)}


def rows_of_bytes(rows: np.ndarray, padding: int, *, big: bool = False) -> tuple[int, bytes]:
    """Step and data of an image whose rows end in `padding` bytes of 0xEE."""
    rows = rows.astype(rows.dtype.newbyteorder(">" if big else "<"))
    lines = [row.tobytes() + b"\xee" * padding for row in rows]
    return len(lines[0]), b"".join(lines)


def smooth_picture(height: int = 48, width: int = 64) -> np.ndarray:
    """A picture without detail finer than a Bayer cell or a chroma pair, different in each channel and direction."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    return (np.stack([40 + 180 * x, 220 - 150 * y, 60 + 90 * x + 90 * y], -1)).astype(np.uint8)


def yuv_of(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """BT.601, luma 16..235, chroma 16..240, from the standard's coefficients."""
    r, g, b = (rgb[..., i] / 255 for i in range(3))
    luma = 0.299 * r + 0.587 * g + 0.114 * b
    return 16 + 219 * luma, 128 + 224 * (b - luma) / 1.772, 128 + 224 * (r - luma) / 1.402


# --- pictures


@pytest.mark.parametrize("padding", [0, 1, 5])
@pytest.mark.parametrize("encoding", CHANNELS)
def test_colours_are_read_in_their_order(encoding: str, padding: int) -> None:
    by_name = {"r": RGB[..., 0], "g": RGB[..., 1], "b": RGB[..., 2], "a": np.full(RGB.shape[:2], 9, np.uint8)}
    pixels = np.stack([by_name[channel] for channel in CHANNELS[encoding]], -1)
    step, data = rows_of_bytes(pixels, padding)
    rgb = rgb_from_fields(encoding, 6, 8, step, data)
    np.testing.assert_array_equal(rgb, RGB)
    assert rgb.flags.c_contiguous
    np.testing.assert_array_equal(array_from_fields(encoding, 6, 8, step, data), pixels)


@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
def test_grey_fills_three_channels(encoding: str) -> None:
    step, data = rows_of_bytes(RGB[..., 0], 3)
    np.testing.assert_array_equal(rgb_from_fields(encoding, 6, 8, step, data), RGB[..., :1].repeat(3, -1))


@pytest.mark.parametrize("big", [False, True])
def test_mono16_keeps_its_upper_byte(big: bool) -> None:  # noqa: FBT001 (parametrised)
    pixels = np.array([[0x0000, 0x00FF, 0x0100], [0x7FFF, 0xFF00, 0xFFFF]], np.uint16)
    step, data = rows_of_bytes(pixels, 1, big=big)
    rgb = rgb_from_fields("mono16", 2, 3, step, data, big)
    np.testing.assert_array_equal(rgb[..., 1], [[0, 0, 1], [0x7F, 0xFF, 0xFF]])
    assert rgb.dtype == np.uint8
    assert rgb.shape == (2, 3, 3)


DEEP = ["rgb", "bgr", "rgba", "bgra", "bayer_rggb", "bayer_bggr", "bayer_gbrg", "bayer_grbg"]


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("name", DEEP)
def test_deep_channels_keep_their_upper_byte(name: str, big: bool) -> None:  # noqa: FBT001 (parametrised)
    channels = 1 if name.startswith("bayer") else len(name)
    deep = np.random.default_rng(0).integers(0, 1 << 16, (6, 8 * channels), np.uint16)
    sent = deep.astype(">u2" if big else "<u2").tobytes()
    rgb = rgb_from_fields(f"{name}16", 6, 8, 2 * 8 * channels, sent, big)
    shallow = (deep >> 8).astype(np.uint8).tobytes()
    np.testing.assert_array_equal(rgb, rgb_from_fields(f"{name}8", 6, 8, 8 * channels, shallow))


@pytest.mark.parametrize("encoding", YUV_422)
def test_yuv_422_follows_bt_601(encoding: str) -> None:
    picture = smooth_picture()
    luma, blue, red = yuv_of(picture)
    packed = np.zeros((48, 32, 4))
    y0, u, y1, v = YUV_422[encoding]
    packed[..., y0], packed[..., y1] = luma[:, 0::2], luma[:, 1::2]
    packed[..., u] = (blue[:, 0::2] + blue[:, 1::2]) / 2
    packed[..., v] = (red[:, 0::2] + red[:, 1::2]) / 2
    step, data = rows_of_bytes(packed.round().astype(np.uint8).reshape(48, 128), 6)
    rgb = rgb_from_fields(encoding, 48, 64, step, data)
    assert np.abs(rgb.astype(int) - picture).max() <= 4


@pytest.mark.parametrize("encoding", ["nv12", "nv21"])
def test_yuv_420_has_its_chroma_below(encoding: str) -> None:
    picture = smooth_picture()
    luma, blue, red = yuv_of(picture)
    pairs = (blue, red) if encoding == "nv12" else (red, blue)
    chroma = np.stack([c.reshape(24, 2, 32, 2).mean((1, 3)) for c in pairs], -1).reshape(24, 64)
    step, data = rows_of_bytes(np.concatenate([luma, chroma]).round().astype(np.uint8), 6)
    assert len(data) == step * 72
    rgb = rgb_from_fields(encoding, 48, 64, step, data)
    assert np.abs(rgb.astype(int) - picture).max() <= 5


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_patterns_start_at_the_top_left_pixel(pattern: str) -> None:
    picture = smooth_picture()
    mosaic = np.zeros((48, 64), np.uint8)
    for i, channel in enumerate(pattern):
        mosaic[i // 2 :: 2, i % 2 :: 2] = picture[i // 2 :: 2, i % 2 :: 2, "rgb".index(channel)]
    step, data = rows_of_bytes(mosaic, 2)
    rgb = rgb_from_fields(f"bayer_{pattern}8", 48, 64, step, data)
    assert np.abs(rgb.astype(int) - picture)[2:-2, 2:-2].max() <= 4


@pytest.mark.parametrize("encoding", ["16UC1", "32FC1", "32FC3"])
def test_measurements_are_no_pictures(encoding: str) -> None:
    with pytest.raises(FrameError, match=f"{encoding} holds measurements.*rgb8.*depth topic"):
        rgb_from_fields(encoding, 1, 1, 12, bytes(12))


# --- the bytes and who owns them


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda raw: array("B", raw), np.array])
def test_nothing_is_copied_that_need_not_be(kind: type) -> None:
    raw = bytes(range(54))
    data = np.frombuffer(raw, np.uint8) if kind is np.array else kind(raw)
    for encoding, height, width in (("rgb8", 3, 6), ("mono8", 3, 18)):
        assert np.shares_memory(array_from_fields(encoding, height, width, 18, data), np.frombuffer(data, np.uint8))
    assert np.shares_memory(rgb_from_fields("rgb8", 3, 6, 18, data), np.frombuffer(data, np.uint8))
    depth_m = np.ones((2, 2), "<f4")
    assert np.shares_memory(depth_m_from_fields("32FC1", 2, 2, 8, depth_m.reshape(-1).view(np.uint8)), depth_m)


def test_padded_rows_are_a_view_too() -> None:
    step, data = rows_of_bytes(RGB, 7)
    pixels = array_from_fields("bgr8", 6, 8, step, data)
    assert np.shares_memory(pixels, np.frombuffer(data, np.uint8))
    np.testing.assert_array_equal(pixels, RGB)


@pytest.mark.parametrize("data", [[1, 2, 3], "abc", None, memoryview(bytes(6))[::2]])
def test_data_of_another_type_is_refused(data: object) -> None:
    with pytest.raises(FrameError, match=f"image data of type {type(data).__name__}.*expected contiguous bytes"):
        array_from_fields("mono8", 1, 3, 3, data)  # type: ignore[arg-type]


# --- depth


@pytest.mark.parametrize("encoding", ["16UC1", "mono16"])
@pytest.mark.parametrize("big", [False, True])
def test_millimetres_become_metres_and_zero_unknown(encoding: str, big: bool) -> None:  # noqa: FBT001 (parametrised)
    step, data = rows_of_bytes(np.array([[0, 1, 1500], [65535, 256, 0]], np.uint16), 3, big=big)
    depth_m = depth_m_from_fields(encoding, 2, 3, step, data, big)
    expected = np.array([[np.nan, 0.001, 1.5], [65.535, 0.256, np.nan]], np.float32)
    np.testing.assert_array_equal(depth_m, expected)
    assert depth_m.dtype == np.float32


@pytest.mark.parametrize("padding", [0, 3, 4])
@pytest.mark.parametrize("big", [False, True])
def test_float_depth_keeps_metres_and_unknown_but_nothing_behind_the_camera(big: bool, padding: int) -> None:  # noqa: FBT001 (parametrised)
    sent = np.array([[0.25, np.nan, np.inf], [-np.inf, 0.0, -1.0], [80.0, -0.0, 1e-6]], np.float32)
    step, data = rows_of_bytes(sent, padding, big=big)
    depth_m = depth_m_from_fields("32FC1", 3, 3, step, data, big)
    nan = np.nan
    expected = np.array([[0.25, nan, np.inf], [nan, nan, nan], [80.0, nan, 1e-6]], np.float32)
    np.testing.assert_array_equal(depth_m, expected)
    assert depth_m.flags.c_contiguous
    assert depth_m.flags.aligned


def test_depth_at_an_odd_address_is_moved_to_an_even_one() -> None:
    sent = np.linspace(0.5, 9, 12, dtype="<f4").reshape(3, 4)
    depth_m = depth_m_from_fields("32FC1", 3, 4, 16, memoryview(b"\0" + sent.tobytes())[1:])
    np.testing.assert_array_equal(depth_m, sent)
    assert depth_m.flags.aligned


@pytest.mark.parametrize("encoding", ["rgb8", "8UC1", "32FC3", "64FC1", ""])
def test_other_encodings_are_no_depth(encoding: str) -> None:
    with pytest.raises(FrameError, match=f"{encoding!r} is no depth encoding: expected 32FC1"):
        depth_m_from_fields(encoding, 1, 1, 12, bytes(12))
