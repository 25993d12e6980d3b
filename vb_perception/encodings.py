"""Image encodings and arrays: the fields of `sensor_msgs/Image` and `CompressedImage` in, numpy arrays out, and back.

No ROS import: live topics and bags share this file.  Nothing is copied unless the pixels must change (other channel
order, other byte order, padded rows); an array that shares the message's bytes may be read-only.

8UC1, 8UC3 and 8UC4 do not say what their channels are; they are what cv_bridge's "passthrough" writes for OpenCV arrays
and are read as OpenCV (and RViz) would: mono, BGR, BGRA.  16UC1, 32FC1 and 32FC3 are measurements, not colours: as
cv_bridge does, we refuse to make RGB of them.
"""

from array import array
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.compressed import decoded_pixels
from vb_perception.errors import FrameError

RGB: TypeAlias = NDArray[np.uint8]
Bytes: TypeAlias = "bytes | bytearray | memoryview | array[int] | NDArray[Any]"  # array[int] is no object before 3.12

# encoding -> numpy type of one channel, channels.  Names: sensor_msgs/image_encodings.hpp.
_LAYOUTS: dict[str, tuple[str, int]] = {
    **dict.fromkeys(("rgb8", "bgr8", "8UC3"), ("u1", 3)),
    **dict.fromkeys(("rgba8", "bgra8", "8UC4"), ("u1", 4)),
    **dict.fromkeys(("mono8", "8UC1", "nv12", "nv21"), ("u1", 1)),
    **dict.fromkeys(("bayer_rggb8", "bayer_bggr8", "bayer_gbrg8", "bayer_grbg8"), ("u1", 1)),
    **dict.fromkeys(("rgb16", "bgr16"), ("u2", 3)),
    **dict.fromkeys(("rgba16", "bgra16"), ("u2", 4)),
    **dict.fromkeys(("bayer_rggb16", "bayer_bggr16", "bayer_gbrg16", "bayer_grbg16"), ("u2", 1)),
    **dict.fromkeys(("uyvy", "yuv422", "yuyv", "yuv422_yuy2"), ("u1", 2)),
    **dict.fromkeys(("mono16", "16UC1"), ("u2", 1)),
    "32FC1": ("f4", 1),
    "32FC3": ("f4", 3),
}

# encoding -> OpenCV conversion to RGB.  OpenCV names a Bayer pattern by the 2x2 block that starts at pixel (1, 1), ROS
# by the one at (0, 0): RGGB here is BayerBG there.
_TO_RGB: dict[str, int] = {
    **dict.fromkeys(("bgr8", "8UC3", "bgr16"), cv2.COLOR_BGR2RGB),
    **dict.fromkeys(("rgba8", "rgba16"), cv2.COLOR_RGBA2RGB),
    **dict.fromkeys(("bgra8", "8UC4", "bgra16"), cv2.COLOR_BGRA2RGB),
    **dict.fromkeys(("mono8", "8UC1", "mono16"), cv2.COLOR_GRAY2RGB),
    **dict.fromkeys(("bayer_rggb8", "bayer_rggb16"), cv2.COLOR_BayerBG2RGB),
    **dict.fromkeys(("bayer_bggr8", "bayer_bggr16"), cv2.COLOR_BayerRG2RGB),
    **dict.fromkeys(("bayer_gbrg8", "bayer_gbrg16"), cv2.COLOR_BayerGR2RGB),
    **dict.fromkeys(("bayer_grbg8", "bayer_grbg16"), cv2.COLOR_BayerGB2RGB),
    **dict.fromkeys(("uyvy", "yuv422"), cv2.COLOR_YUV2RGB_UYVY),
    **dict.fromkeys(("yuyv", "yuv422_yuy2"), cv2.COLOR_YUV2RGB_YUYV),
    "nv12": cv2.COLOR_YUV2RGB_NV12,
    "nv21": cv2.COLOR_YUV2RGB_NV21,
}
_PLANAR = ("nv12", "nv21")  # height rows of luma, then height / 2 rows of chroma
_MILLIMETRES = ("16UC1", "mono16")
_MEASUREMENTS = ("16UC1", "32FC1", "32FC3")
_BAYER_MIN_PX = 3  # OpenCV paints smaller mosaics black


@dataclass(frozen=True, slots=True, eq=False)
class ImageFields:
    """The fields of a `sensor_msgs/Image` but its header; `data` is flat bytes, `step` bytes a row."""

    height: int
    width: int
    encoding: str
    step: int
    data: Bytes
    is_bigendian: int = 0


def array_from_fields(
    encoding: str, height: int, width: int, step: int, data: Bytes, is_bigendian: int = 0
) -> NDArray[Any]:
    """The pixels as they were sent: (H, W) or (H, W, C) in the encoding's own type, native byte order, no channel swap.

    A view into `data` wherever the byte order allows; padded rows stay behind the strides.  NV12 and NV21 come as they
    lie in memory, (H * 3 / 2, W).  Raises FrameError on an unknown encoding, or where size, step and data disagree.
    """
    dtype, channels = _layout(encoding)
    height, width, step = int(height), int(width), int(step)
    if height <= 0 or width <= 0:
        msg = f"{encoding} image of {width}x{height} pixels: expected both above zero; check the camera driver"
        raise FrameError(msg)
    _check_grid(encoding, height, width)
    row_bytes = width * channels * dtype.itemsize
    if step < row_bytes:
        msg = (
            f"{encoding} image {width}x{height} with step {step}: expected at least {row_bytes} bytes a row; "
            "correct width, encoding or step in the camera driver"
        )
        raise FrameError(msg)
    rows = height * 3 // 2 if encoding in _PLANAR else height
    raw = _flat_bytes(data)
    if raw.size != step * rows:
        msg = (
            f"{encoding} image {width}x{height} with step {step} came with {raw.size} bytes: expected {step * rows} "
            f"({rows} rows); it is {'truncated' if raw.size < step * rows else 'too long'}, check driver and transport"
        )
        raise FrameError(msg)
    wire = dtype.newbyteorder(">" if is_bigendian else "<")
    strides = (step, channels * dtype.itemsize, dtype.itemsize)
    pixels: NDArray[Any] = np.ndarray((rows, width, channels), wire, raw, strides=strides)
    if channels == 1:
        pixels = pixels[..., 0]
    return pixels if pixels.dtype.isnative else pixels.astype(dtype)


def rgb_from_fields(encoding: str, height: int, width: int, step: int, data: Bytes, is_bigendian: int = 0) -> RGB:
    """The picture as (H, W, 3) uint8 RGB, C-contiguous; 16-bit channels keep their upper byte; alpha is dropped.

    YUV is read as OpenCV does, ITU-R BT.601 with luma 16..235.  Raises FrameError as `array_from_fields` does, and for
    encodings that are no pictures (16UC1, 32FC1, 32FC3).
    """
    if encoding in _MEASUREMENTS:
        msg = f"{encoding} holds measurements: expected a camera picture such as rgb8; is this a depth topic?"
        raise FrameError(msg)
    pixels = array_from_fields(encoding, height, width, step, data, is_bigendian)
    return _rgb(pixels, _TO_RGB.get(encoding))


def depth_m_from_fields(
    encoding: str, height: int, width: int, step: int, data: Bytes, is_bigendian: int = 0
) -> NDArray[np.float32]:
    """Depth (H, W) float32 in metres, NaN unknown, C-contiguous (REP-118; mono16 is taken for 16UC1).

    32FC1: metres; +inf (beyond range) stays; -inf (too close, REP-117), zero and negative values become NaN, since no
    surface lies there.  16UC1: millimetres, 0 unknown.  Raises FrameError as `array_from_fields` does, and on other
    encodings.
    """
    if encoding not in (*_MILLIMETRES, "32FC1"):
        msg = (
            f"{encoding!r} is no depth encoding: expected 32FC1 (metres) or 16UC1 (millimetres); is this a depth topic?"
        )
        raise FrameError(msg)
    pixels = array_from_fields(encoding, height, width, step, data, is_bigendian)
    return _depth_m(pixels)


def fields_from_array(pixels: NDArray[Any], encoding: str) -> ImageFields:
    """The fields that carry `pixels` (H, W[, C]) as it is; little-endian, rows unpadded, data a flat uint8 array.

    Shares the array's memory where it is contiguous.  Raises FrameError if type or shape are not the encoding's.
    """
    dtype, channels = _layout(encoding)
    if encoding in _PLANAR:
        msg = f"{encoding} cannot be written: expected an encoding that is not planar; convert to rgb8"
        raise FrameError(msg)
    fits = pixels.ndim == 2 if channels == 1 else pixels.ndim == 3 and pixels.shape[2] == channels  # noqa: PLR2004
    if pixels.dtype.newbyteorder("=") != dtype or not fits or 0 in pixels.shape:
        shape = "(height, width)" if channels == 1 else f"(height, width, {channels})"
        msg = f"{encoding} from an array {pixels.dtype} {pixels.shape}: expected {dtype} {shape}; name its encoding"
        raise FrameError(msg)
    height, width = pixels.shape[:2]
    _check_grid(encoding, height, width)
    flat = np.ascontiguousarray(pixels, dtype.newbyteorder("<")).reshape(-1).view(np.uint8)
    return ImageFields(height, width, encoding, width * channels * dtype.itemsize, flat)


def rgb_from_compressed(format: str, data: Bytes) -> RGB:  # noqa: A002 (the message's own word)
    """A JPEG or PNG picture as (H, W, 3) uint8 RGB; 16-bit channels keep their upper byte; EXIF rotation is ignored.

    `format` is what CompressedImage says: "jpeg", "png", or compressed_image_transport's "rgb8; jpeg compressed bgr8".
    As in that plugin, a colour source without "compressed bgr" behind the semicolon has red and blue exchanged.
    Raises FrameError on data that is empty, truncated, corrupt, too large, not JPEG or PNG, or a measurement (16UC1).
    """
    source, _, how = (part.strip() for part in format.partition(";"))
    if source in _MEASUREMENTS:
        msg = f"compressed image {format!r} holds measurements, not colours; is this a depth topic?"
        raise FrameError(msg)
    pixels = decoded_pixels(format, _flat_bytes(data).tobytes())
    if pixels.ndim == 2:  # noqa: PLR2004
        return _rgb(pixels, _TO_RGB[source] if source.startswith("bayer") and source in _TO_RGB else cv2.COLOR_GRAY2RGB)
    exchanged = source.startswith(("rgb", "bgr")) and "compressed bgr" not in how
    if pixels.shape[2] == 3:  # noqa: PLR2004
        return _rgb(pixels, None if exchanged else cv2.COLOR_BGR2RGB)
    return _rgb(pixels, cv2.COLOR_RGBA2RGB if exchanged else cv2.COLOR_BGRA2RGB)


def depth_m_from_compressed(format: str, data: Bytes) -> NDArray[np.float32]:  # noqa: A002 (the message's own word)
    """A 16-bit grey PNG ("16UC1; png compressed"), millimetres, as depth (H, W) float32 in metres; 0 becomes NaN."""
    pixels = decoded_pixels(format, _flat_bytes(data).tobytes())
    if pixels.dtype != np.uint16 or pixels.ndim != 2:  # noqa: PLR2004
        msg = f"compressed image {format!r} is {pixels.dtype} {pixels.shape}: expected 16-bit grey PNG in millimetres"
        raise FrameError(msg)
    return _depth_m(pixels)


def _layout(encoding: str) -> tuple[np.dtype[Any], int]:
    if encoding not in _LAYOUTS:
        msg = f"unsupported image encoding {encoding!r}: set the camera driver to one of {', '.join(_LAYOUTS)}"
        raise FrameError(msg)
    dtype, channels = _LAYOUTS[encoding]
    return np.dtype(dtype), channels


def _check_grid(encoding: str, height: int, width: int) -> None:
    if encoding in _PLANAR and (height % 2 or width % 2):
        need = "an even width and height"
    elif _LAYOUTS[encoding] == ("u1", 2) and width % 2:
        need = "an even width"
    elif encoding.startswith("bayer") and min(height, width) < _BAYER_MIN_PX:
        need = f"at least {_BAYER_MIN_PX} rows and columns"
    else:
        return
    msg = f"{encoding} image of {width}x{height} pixels: expected {need}; correct size or encoding in the camera driver"
    raise FrameError(msg)


def _flat_bytes(data: Bytes) -> NDArray[np.uint8]:
    try:
        return np.frombuffer(data, np.uint8)
    except (TypeError, ValueError, BufferError) as error:
        msg = (
            f"image data of type {type(data).__name__} ({error}): expected contiguous bytes (bytes, array.array, numpy)"
        )
        raise FrameError(msg) from error


def _rgb(pixels: NDArray[Any], code: int | None) -> RGB:
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    return np.ascontiguousarray(pixels if code is None else cv2.cvtColor(pixels, code), np.uint8)


def _depth_m(pixels: NDArray[Any]) -> NDArray[np.float32]:
    depth_m = np.require(pixels, np.float32, ("C", "A"))
    if pixels.dtype == np.uint16:
        depth_m /= np.float32(1000)
    nowhere = depth_m <= 0
    return np.where(nowhere, np.float32(np.nan), depth_m) if nowhere.any() else depth_m
