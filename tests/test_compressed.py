"""Compressed pictures and depth, and what a link may do to them."""

import struct
import zlib
from array import array

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_encodings import smooth_picture
from vb_perception.compressed import MAX_PIXELS
from vb_perception.encodings import (
    depth_m_from_compressed,
    rgb_from_compressed,
    rgb_from_fields,
)
from vb_perception.errors import FrameError


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
