"""Photographed panoramas of the npm package @pmndrs/assets (OpenEXR in base64 in JavaScript) as ordinary pictures."""

import base64
import binascii
import re
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import ConfigError

SOURCE = Path("node_modules/@pmndrs/assets/hdri")
HEIGHT_PX = 256
_BRIGHTNESS = 0.22  # the linear light that the median becomes


def read_panoramas(folder: Path) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Every panorama in the package's folder `hdri`, sorted by name.

    Returns:
        (P, HEIGHT_PX, 2 HEIGHT_PX, 3) uint8 sRGB, bright parts rolled off, and names as "pmndrs/forest".

    Raises:
        ConfigError: The folder holds none, OpenEXR is missing, or a file cannot be read.
    """
    paths = sorted(folder.glob("*.exr.js"))
    if not paths:
        msg = f"{folder} holds no panoramas (*.exr.js); install them with `npm install @pmndrs/assets@1.7.0`"
        raise ConfigError(msg)
    return np.stack([_developed(_linear(p)) for p in paths]), tuple(f"pmndrs/{p.name.split('.')[0]}" for p in paths)


def _linear(path: Path) -> NDArray[np.float32]:
    """Linear RGB (H, W, 3) of one file."""
    try:
        import OpenEXR  # noqa: PLC0415
    except ImportError as error:
        install = "pip install --no-deps -r requirements/photos.txt"
        msg = f"reading {path} needs OpenEXR, but it cannot be imported ({error}); install it with `{install}`"
        raise ConfigError(msg) from error
    found = re.search(r"base64,([A-Za-z0-9+/=]+)", path.read_text(encoding="ascii"))
    try:
        content = base64.b64decode(found[1] if found else "", validate=True)
        with tempfile.NamedTemporaryFile(suffix=".exr") as file:
            file.write(content)
            file.flush()
            channels = OpenEXR.File(file.name).channels()
        pixels = channels["RGB" if "RGB" in channels else "RGBA"].pixels
    except (binascii.Error, RuntimeError, KeyError) as error:
        msg = f"{path} holds no readable OpenEXR picture ({error}); install the package anew"
        raise ConfigError(msg) from error
    return np.asarray(pixels[..., :3], np.float32)


def _developed(linear: NDArray[np.float32]) -> NDArray[np.uint8]:
    """As a camera would show it."""
    small = cv2.resize(np.nan_to_num(linear, posinf=1e4), (2 * HEIGHT_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA)
    light = np.clip(small, 0, 1e4) * np.float32(_BRIGHTNESS / max(float(np.median(small)), 1e-4))
    light = light * (1 + light / 36) / (1 + light)  # Reinhard et al. 2002, equation 4, white at 6
    return np.asarray(np.rint(np.clip(light * 1.25, 0, 1) ** (1 / 2.2) * 255), np.uint8)
