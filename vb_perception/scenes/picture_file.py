"""Picture files -> pixels, read as compressed messages are: whole or not at all, and not turned by EXIF."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.compressed import decoded_pixels
from vb_perception.errors import BagError, FrameError


def stored_pixels(path: Path) -> NDArray[Any]:
    """The file's pixels in OpenCV's channel order, (H, W) or (H, W, 3 or 4), uint8 or uint16.

    Raises:
        BagError: It is missing, truncated, corrupt, or neither JPEG nor PNG.
    """
    try:
        return decoded_pixels(path.name, path.read_bytes())
    except OSError as error:
        msg = f"{path} is missing or cannot be read ({error.strerror}); expected a whole jpg or png"
        raise BagError(msg) from error
    except FrameError as error:
        msg = f"{path} cannot be read as an image ({error}); expected a whole jpg or png: copy it again"
        raise BagError(msg) from error


def stored_rgb(path: Path) -> NDArray[np.uint8]:
    """The file's colours (H, W, 3) in 8 bits: grey has three alike, of 16 bits the upper 8 are kept, alpha is not.

    Raises:
        BagError: As `stored_pixels`.
    """
    pixels = stored_pixels(path)
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    colours = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels[..., 2::-1]  # noqa: PLR2004 -- grey
    return np.ascontiguousarray(colours, np.uint8)
