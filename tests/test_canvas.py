"""What the generator is given of a frame, and what its canvas means."""

import numpy as np

from vb_perception.camera import CameraIntrinsics, Letterbox
from vb_perception.canvas import image_input, rays_input, reduced_picture, rgb_images
from vb_perception.frame import Frame


def test_rays_pass_through_the_pixels_of_the_canvas() -> None:
    camera = CameraIntrinsics(400, 200, 320.0, 320.0, 180.0, 104.0)
    given = Frame(np.zeros((200, 400, 3), np.uint8), 123, "camera_optical", camera)
    rays = rays_input(given, Letterbox(400, 200, 100, 80), 60)
    assert rays.dtype == np.float32
    assert rays.shape == (1, 2, 80, 100)
    inner = camera.resized(100, 50).rays()
    assert np.allclose(rays[0, :, 15:65], inner, atol=1e-5)


def test_the_image_keeps_its_aspect_between_grey_margins() -> None:
    rgb = np.zeros((200, 400, 3), np.uint8)
    rgb[..., 1], rgb[:, 200:, 2] = 255, 51
    image = image_input(reduced_picture(rgb, Letterbox(400, 200, 100, 80)), Letterbox(400, 200, 100, 80))
    assert image.dtype == np.float32
    assert image.shape == (1, 3, 80, 100)
    assert not image[0, :, :15].any()
    assert not image[0, :, 65:].any()
    assert np.allclose(image[0, 0, 15:65], -1)
    assert np.allclose(image[0, 1, 15:65], 1)
    assert np.allclose(image[0, 2, 15:65, :50], -1)
    assert np.allclose(image[0, 2, 15:65, 50:], -0.6, atol=1e-6)


def test_shrinking_means_over_the_area() -> None:
    stripes = np.zeros((60, 80, 3), np.uint8)
    stripes[:, ::4] = 252
    assert np.allclose(
        image_input(reduced_picture(stripes, Letterbox(80, 60, 20, 15)), Letterbox(80, 60, 20, 15)),
        63 / 127.5 - 1,
        atol=1e-6,
    )


def test_growing_interpolates() -> None:
    halves = np.zeros((1, 2, 3), np.uint8)
    halves[:, 1] = 200
    row = image_input(reduced_picture(halves, Letterbox(2, 1, 8, 4)), Letterbox(2, 1, 8, 4))[0, 0, 0]
    assert np.allclose(row, np.array([0, 0, 25, 75, 125, 175, 200, 200]) / 127.5 - 1, atol=1e-6)


def test_colours_are_rounded_and_clipped() -> None:
    painted = np.array([-1.5, -1, -1 + 0.9 / 255, -1 + 1.1 / 255, 0.5, 1, 1.5], np.float32)
    (image,) = rgb_images(np.broadcast_to(painted, (1, 3, 2, 7)).copy())
    assert image.shape == (2, 7, 3)
    assert image[1, :, 2].tolist() == [0, 0, 0, 1, 191, 255, 255]


def test_channels_and_tasks_stay_in_order() -> None:
    painted = np.linspace(-1, 1, 2 * 3, dtype=np.float32).reshape(2, 3, 1, 1) * np.ones((1, 1, 4, 5), np.float32)
    images = rgb_images(painted)
    assert [image[3, 4].tolist() for image in images] == [[0, 51, 102], [153, 204, 255]]
