"""What a real camera does to a picture: exposure, white balance, blur, noise, JPEG.  The truth stays as it is."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.scenes.dice import chance


def camera_effects(rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A random camera's version of an image (H, W, 3) uint8; nothing in it moves, so the truth still fits.

    Each effect is drawn on its own: exposure within a stop, white balance, contrast, vignetting, saturation, a blur of
    at most 1.2 px, sensor noise with its shot part, JPEG of quality 40-95.
    """
    image: NDArray[np.float32] = (rgb.astype(np.float32) / np.float32(255)) ** np.float32(2.2)
    gain = np.exp(rng.normal(0, 0.25)) * np.exp(rng.normal(0, 0.06, 3))
    image *= gain.astype(np.float32)
    if chance(rng, 0.3):
        image *= _vignette(rgb.shape[0], rgb.shape[1], rng.uniform(0.05, 0.35))
    if chance(rng, 0.5):
        sigma_px = float(rng.uniform(0.3, 1.2)) * rgb.shape[1] / 320
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), min(sigma_px, 1.2)), np.float32)
    if chance(rng, 0.7):
        read, shot = rng.uniform(0, 0.004), rng.uniform(0, 0.02)
        noise = rng.standard_normal(image.shape, np.float32)
        image += noise * np.sqrt(np.float32(read**2) + np.float32(shot**2) * np.clip(image, 0, 1))
    grey = image.mean(axis=2, keepdims=True)
    image = grey + (image - grey) * np.float32(rng.uniform(0.5, 1.25))
    image = np.clip(image, 0, 1) ** np.float32(1 / 2.2)
    image = (image - np.float32(0.5)) * np.float32(np.exp(rng.normal(0, 0.1))) + np.float32(0.5 + rng.normal(0, 0.03))
    out = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    if chance(rng, 0.6):
        quality = int(rng.integers(40, 96))
        _, data = cv2.imencode(".jpg", np.ascontiguousarray(out[..., ::-1]), (cv2.IMWRITE_JPEG_QUALITY, quality))
        bgr = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
        out = np.ascontiguousarray(bgr[..., ::-1])
    return out


def _vignette(height: int, width: int, strength: float) -> NDArray[np.float32]:
    """Darkening towards the corners, (height, width, 1), 1 in the middle."""
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :, None]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None, None]
    return (1 - np.float32(strength / 2) * (x * x + y * y)).astype(np.float32)
