"""Image encodings: every conversion against an independent reading of the same bytes."""

import struct
import sys
import zlib
from array import array

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vb_perception.compressed import MAX_PIXELS
from vb_perception.encodings import (
    array_from_fields,
    depth_m_from_compressed,
    depth_m_from_fields,
    fields_from_array,
    rgb_from_compressed,
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


# --- compressed


def encoded(suffix: str, pixels: np.ndarray) -> bytes:
    """A file as OpenCV writes it; three channels are BGR to OpenCV."""
    done, buffer = cv2.imencode(suffix, pixels)
    assert done
    return bytes(buffer)


JPEG = encoded(".jpg", smooth_picture()[..., ::-1])
PNG = encoded(".png", smooth_picture()[..., ::-1])
WITH_THUMBNAIL = JPEG[:2] + b"\xff\xe1" + (len(JPEG) + 2).to_bytes(2, "big") + JPEG + JPEG[2:]


@pytest.mark.parametrize("form", ["jpeg", "jpg", "rgb8; jpeg compressed bgr8", "bgr8; jpeg compressed bgr8", ""])
@pytest.mark.parametrize("kind", [bytes, lambda raw: array("B", raw), lambda raw: np.frombuffer(raw, np.uint8)])
def test_jpeg_is_read_as_rgb(form: str, kind: type) -> None:
    rgb = rgb_from_compressed(form, kind(JPEG))
    assert np.abs(rgb.astype(int) - smooth_picture()).max() <= 12
    assert np.abs(rgb.astype(int) - smooth_picture()).mean() <= 2
    assert rgb.flags.c_contiguous


@pytest.mark.parametrize("form", ["png", "rgb8; png compressed bgr8", "bgra8; png compressed bgr8"])
def test_png_is_exact(form: str) -> None:
    np.testing.assert_array_equal(rgb_from_compressed(form, PNG), smooth_picture())


@pytest.mark.parametrize("form", ["rgb8; png compressed ", "bgr8; png compressed rgb8"])
def test_colours_stored_exchanged_are_exchanged_back(form: str) -> None:
    np.testing.assert_array_equal(rgb_from_compressed(form, PNG), smooth_picture()[..., ::-1])


def test_grey_alpha_and_deep_pictures_become_rgb() -> None:
    picture = smooth_picture()
    grey = picture[..., 0]
    np.testing.assert_array_equal(
        rgb_from_compressed("mono8; png compressed ", encoded(".png", grey)), np.stack([grey] * 3, -1)
    )
    bgra = np.dstack([picture[..., ::-1], np.full_like(grey, 7)])
    np.testing.assert_array_equal(rgb_from_compressed("png", encoded(".png", bgra)), picture)
    deep = picture[..., ::-1].astype(np.uint16) * 256 + 255
    np.testing.assert_array_equal(rgb_from_compressed("png", encoded(".png", deep)), picture)


def test_a_compressed_mosaic_is_still_a_mosaic() -> None:
    mosaic = np.ascontiguousarray(smooth_picture()[..., 0])
    png = encoded(".png", mosaic)
    expected = rgb_from_fields("bayer_grbg8", 48, 64, 64, mosaic)
    np.testing.assert_array_equal(rgb_from_compressed("bayer_grbg8; png compressed ", png), expected)


def test_pictures_are_not_turned_as_exif_says() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # orientation 6: a quarter turn
    turned = JPEG[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + JPEG[2:]
    by_default = np.asarray(cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR))
    assert by_default.shape[:2] == (64, 48)  # OpenCV understood the tag
    assert rgb_from_compressed("jpeg", turned).shape[:2] == (48, 64)


@pytest.mark.parametrize("form", ["16UC1; png compressed", "16UC1; png compressed "])
def test_compressed_depth_is_depth_and_no_picture(form: str) -> None:
    depth_mm = np.array([[0, 1, 1500], [65535, 256, 0]], np.uint16)
    depth_m = depth_m_from_compressed(form, encoded(".png", depth_mm))
    np.testing.assert_array_equal(depth_m, np.array([[np.nan, 0.001, 1.5], [65.535, 0.256, np.nan]], np.float32))
    with pytest.raises(FrameError, match=r"16UC1.*measurements.*depth topic"):
        rgb_from_compressed(form, encoded(".png", depth_mm))
    with pytest.raises(FrameError, match=r"uint8 \(48, 64, 3\): expected 16-bit grey PNG"):
        depth_m_from_compressed("png", PNG)


@pytest.mark.parametrize("whole", [JPEG, PNG, WITH_THUMBNAIL], ids=["jpeg", "png", "jpeg with thumbnail"])
def test_truncated_pictures_are_refused_wherever_they_end(whole: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    assert rgb_from_compressed("any", whole).shape == (48, 64, 3)
    for end in (*range(0, len(whole), 13), len(whole) - 1):
        with pytest.raises(FrameError, match=f"of {end} bytes.*expected (a whole picture|JPEG or PNG)"):
            rgb_from_compressed("any", whole[:end])
    assert capfd.readouterr().err == ""  # at frame rate nobody wants OpenCV's warnings


def test_every_flipped_byte_of_a_png_is_noticed() -> None:
    for at in range(0, len(PNG), 17):
        with pytest.raises(FrameError, match="compressed image 'png'"):
            rgb_from_compressed("png", PNG[:at] + bytes([PNG[at] ^ 0x55]) + PNG[at + 1 :])


@given(st.binary(max_size=80), st.sampled_from([b"", JPEG[:2], JPEG[:200], PNG[:8], PNG[:40]]))
def test_noise_is_refused(noise: bytes, start: bytes) -> None:
    with pytest.raises(FrameError, match="compressed image 'jpeg'"):
        rgb_from_compressed("jpeg", start + noise)


@pytest.mark.parametrize("form", ["h264", "16UC1; compressedDepth png", "webp"])
def test_other_codecs_are_refused_by_name(form: str) -> None:
    with pytest.raises(FrameError, match=f"'{form}' of 24 bytes: expected JPEG or PNG; subscribe to the raw"):
        depth_m_from_compressed(form, b"\0\0\0\1" + bytes(20))


@pytest.mark.parametrize("size", [(1 << 20, 1 << 20), (MAX_PIXELS + 1, 1), (0, 5)])
def test_absurd_pictures_are_refused_before_they_are_decoded(size: tuple[int, int]) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    png = PNG[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")
    with pytest.raises(FrameError, match=f"claims {size[0]}x{size[1]} pixels: expected 1 to {MAX_PIXELS}"):
        rgb_from_compressed("png", png)
    at = JPEG.index(b"\xff\xc0")
    tall = JPEG[: at + 5] + b"\xff\xff\xff\xff" + JPEG[at + 9 :]
    with pytest.raises(FrameError, match="claims 65535x65535 pixels"):
        rgb_from_compressed("jpeg", tall)
