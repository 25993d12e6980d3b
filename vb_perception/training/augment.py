"""Views of one sample: crop and rescale with the intrinsics, flip, colour."""

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import Letterbox
from vb_perception.scenes.effects import camera_effects
from vb_perception.scenes.sample import Sample

MIN_CROP = 0.5
LETTERBOX_SHARE = 0.25
OTHER_ASPECTS = (16 / 9, 16 / 9, 16 / 10, 1.0)
GREY = 128
WHOLE_IMAGE_SHARE = 0.25


def augmented(sample: Sample, height: int, width: int, rng: np.random.Generator) -> Sample:
    """A random view of `sample` at (height, width), its truth and intrinsics moved along.

    The view has the output's aspect, or that of another camera, letterboxed as the pipeline does it.  Truth is sampled
    by nearest pixel: a mean over a depth edge belongs to nothing.
    """
    aspect = float(rng.choice(OTHER_ASPECTS)) if rng.random() < LETTERBOX_SHARE else width / height
    box = Letterbox(round(1000 * aspect), 1000, width, height)
    source_height, source_width = sample.rgb.shape[:2]
    largest = min(source_width / aspect, source_height)
    share = 1.0 if rng.random() < WHOLE_IMAGE_SHARE else float(rng.uniform(MIN_CROP, 1.0))
    crop_width, crop_height = round(largest * aspect * share), round(largest * share)
    left = int(rng.integers(source_width - crop_width + 1))
    top = int(rng.integers(source_height - crop_height + 1))
    view = _resized(sample, left, top, crop_width, crop_height, box.inner_width, box.inner_height)
    if rng.random() < 0.5:  # noqa: PLR2004
        view = mirrored(view)
    view = dataclasses.replace(view, rgb=camera_effects(view.rgb, rng))
    return view if (box.inner_width, box.inner_height) == (width, height) else _on_canvas(view, box)


def _on_canvas(view: Sample, box: Letterbox) -> Sample:
    """The view with grey margins, of which nothing is known."""

    def padded(array: NDArray[np.generic], margin: float) -> NDArray[np.generic]:
        out = np.full((box.height, box.width, *array.shape[2:]), margin, array.dtype)
        out[box.top : box.top + box.inner_height, box.left : box.left + box.inner_width] = array
        return out

    camera = view.intrinsics
    return Sample(
        view.name,
        padded(view.rgb, GREY).astype(np.uint8, copy=False),
        type(camera)(box.width, box.height, camera.fx, camera.fy, camera.cx + box.left, camera.cy + box.top),
        padded(view.depth_m, np.nan).astype(np.float32, copy=False),
        padded(view.normals, np.nan).astype(np.float32, copy=False),
        padded(view.class_ids, -1).astype(np.int16, copy=False),
        padded(view.instance_ids, -1).astype(np.int16, copy=False),
        view.class_names,
    )


def at_size(sample: Sample, height: int, width: int) -> Sample:
    """The largest centred view of the output's aspect, without augmentation."""
    source_height, source_width = sample.rgb.shape[:2]
    largest = min(source_width / width, source_height / height)
    crop_width, crop_height = round(width * largest), round(height * largest)
    left, top = (source_width - crop_width) // 2, (source_height - crop_height) // 2
    return _resized(sample, left, top, crop_width, crop_height, width, height)


def _resized(sample: Sample, left: int, top: int, crop_width: int, crop_height: int, width: int, height: int) -> Sample:
    window = (slice(top, top + crop_height), slice(left, left + crop_width))
    shrinks = crop_width > width
    rgb = cv2.resize(sample.rgb[window], (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)

    def nearest(array: NDArray[np.generic]) -> NDArray[np.generic]:
        rows = ((np.arange(height) + 0.5) * crop_height / height).astype(np.intp)
        columns = ((np.arange(width) + 0.5) * crop_width / width).astype(np.intp)
        return np.ascontiguousarray(array[window][rows[:, None], columns[None, :]])

    intrinsics = sample.intrinsics.cropped(left, top, crop_width, crop_height).resized(width, height)
    return Sample(
        sample.name,
        np.asarray(rgb, np.uint8),
        intrinsics,
        nearest(sample.depth_m).astype(np.float32, copy=False),
        nearest(sample.normals).astype(np.float32, copy=False),
        nearest(sample.class_ids).astype(np.int16, copy=False),
        nearest(sample.instance_ids).astype(np.int16, copy=False),
        sample.class_names,
    )


def mirrored(sample: Sample) -> Sample:
    """The view in a mirror: left and right change places."""
    camera = sample.intrinsics
    flipped = type(camera)(camera.width, camera.height, camera.fx, camera.fy, camera.width - 1 - camera.cx, camera.cy)
    normals = sample.normals[:, ::-1] * np.array((-1, 1, 1), np.float32)
    return Sample(
        sample.name,
        np.ascontiguousarray(sample.rgb[:, ::-1]),
        flipped,
        np.ascontiguousarray(sample.depth_m[:, ::-1]),
        np.ascontiguousarray(normals),
        np.ascontiguousarray(sample.class_ids[:, ::-1]),
        np.ascontiguousarray(sample.instance_ids[:, ::-1]),
        sample.class_names,
    )
