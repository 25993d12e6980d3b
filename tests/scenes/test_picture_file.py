"""Pictures as files: whole or refused, and as they are stored."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.scenes.test_folder import write_frame as write_in_folder
from tests.scenes.test_osd import write_frame as write_in_osd
from vb_perception.errors import BagError
from vb_perception.scenes.folder import read_folder
from vb_perception.scenes.osd import read_osd
from vb_perception.scenes.picture_file import stored_pixels, stored_rgb
from vb_perception.scenes.sample import Sample

# APP1 of a picture that is to be turned by 90 degrees: TIFF, little-endian, one entry: orientation (0x0112) = 6.
EXIF_TURN = (
    b"\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00"
    b"\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"
)


def _in_folder(directory: Path) -> Iterator[Sample]:
    write_in_folder(directory, "001", suffix="jpg")
    return read_folder(directory)


def _in_osd(directory: Path) -> Iterator[Sample]:
    write_in_osd(directory, "001")
    return read_osd(directory)


@pytest.mark.parametrize("written", [_in_folder, _in_osd])
@pytest.mark.parametrize("name", ["001_rgb.jpg", "001_depth.png", "001_label.png"])
def test_a_truncated_picture_is_no_frame(
    tmp_path: Path, written: Callable[[Path], Iterator[Sample]], name: str
) -> None:
    frames = written(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(BagError, match=f"{name} .*truncated or corrupt.*expected a whole jpg or png"):
        next(frames)


def test_exif_turns_no_picture(tmp_path: Path) -> None:
    picture = tmp_path / "x_rgb.jpg"
    cv2.imwrite(str(picture), np.zeros((48, 64, 3), np.uint8))
    content = picture.read_bytes()
    picture.write_bytes(content[:2] + EXIF_TURN + content[2:])
    turned = cv2.imread(str(picture))  # OpenCV by itself does
    assert turned is not None
    assert turned.shape == (64, 48, 3)
    (sample,) = read_folder(tmp_path)
    assert sample.rgb.shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("stored", "rgb"),
    [
        (np.full((2, 3), 7, np.uint8), (7, 7, 7)),
        (np.full((2, 3, 3), (1, 2, 3), np.uint8), (3, 2, 1)),
        (np.full((2, 3, 4), (1, 2, 3, 9), np.uint8), (3, 2, 1)),
        (np.full((2, 3, 3), (256, 513, 1023), np.uint16), (3, 2, 1)),
    ],
)
def test_colours_are_three_of_eight_bits(tmp_path: Path, stored: np.ndarray, rgb: tuple[int, int, int]) -> None:
    cv2.imwrite(str(tmp_path / "x.png"), stored)
    np.testing.assert_array_equal(stored_pixels(tmp_path / "x.png"), stored)
    colours = stored_rgb(tmp_path / "x.png")
    assert colours.dtype == np.uint8
    np.testing.assert_array_equal(colours, np.broadcast_to(rgb, (2, 3, 3)))
