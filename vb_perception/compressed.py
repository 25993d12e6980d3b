"""JPEG and PNG bytes, checked whole before OpenCV decodes them.

OpenCV alone is not enough: depending on its version a truncated picture comes back half grey instead of not at all, it
complains on stderr at frame rate, and a header of a few bytes can make it reserve gigabytes.
"""

import zlib
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import FrameError

MAX_PIXELS = 1 << 27
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_NO_FRAME_HEADER = (
    0xC4,
    0xC8,
    0xCC,
)  # Huffman tables, reserved, arithmetic coding: within SOF0..SOF15 but none of them


def decoded_pixels(label: str, content: bytes) -> NDArray[Any]:
    """The picture in OpenCV's channel order, (H, W) or (H, W, 3 or 4), uint8 or uint16; EXIF rotation is ignored.

    `label` names the picture in messages.  Raises FrameError on content that is empty, truncated, corrupt, larger than
    `MAX_PIXELS`, or neither JPEG nor PNG.  Flipped bits inside JPEG's entropy code go unnoticed: JPEG has no checksum.
    """
    if content.startswith(_PNG):
        size = _png_size(content)
    elif content.startswith(_JPEG):
        size = _jpeg_size(content)
    else:
        msg = f"compressed image {label!r} of {len(content)} bytes: expected JPEG or PNG; subscribe to the raw image"
        raise FrameError(msg)
    if size is None:
        msg = (
            f"compressed image {label!r} of {len(content)} bytes is truncated or corrupt: expected a whole picture; "
            "check camera and transport"
        )
        raise FrameError(msg)
    height, width = size
    if not 0 < height * width <= MAX_PIXELS:
        msg = f"compressed image {label!r} claims {width}x{height} pixels: expected 1 to {MAX_PIXELS}; check the camera"
        raise FrameError(msg)
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        msg = f"compressed image {label!r} cannot be decoded: {error}; check the camera driver"
        raise FrameError(msg) from error
    if pixels is None or pixels.shape[:2] != size:
        msg = (
            f"compressed image {label!r} of {len(content)} bytes cannot be decoded by OpenCV; use baseline JPEG or PNG"
        )
        raise FrameError(msg)
    return pixels


def _png_size(content: bytes) -> tuple[int, int] | None:
    """Height and width of a PNG whose chunks are all there with the right checksums; None otherwise."""
    at, size = len(_PNG), None
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        kind, end = content[at + 4 : at + 8], at + 8 + length
        if zlib.crc32(content[at + 4 : end]) != int.from_bytes(content[end : end + 4], "big") or end + 4 > len(content):
            return None
        if kind == b"IHDR":
            size = int.from_bytes(content[at + 12 : at + 16], "big"), int.from_bytes(content[at + 8 : at + 12], "big")
        if kind == b"IEND":
            return size
        at = end + 4
    return None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Height and width of a JPEG that has a frame header and, behind it, an end; None otherwise."""
    at = len(_JPEG)
    while at + 9 <= len(content) and content[at] == 0xFF:  # noqa: PLR2004 (every marker starts so)
        marker = content[at + 1]
        if marker == 0xFF:  # noqa: PLR2004 (fill byte before a marker)
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME_HEADER:  # noqa: PLR2004 (SOF0..SOF15)
            height, width = (int.from_bytes(content[at + i : at + i + 2], "big") for i in (5, 7))
            return (height, width) if content.find(_JPEG_END, at) > 0 else None
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return None
