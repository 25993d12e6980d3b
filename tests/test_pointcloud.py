"""Point clouds, read back with `struct` as the message definition says, without numpy's help."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import FrameError
from vb_perception.pointcloud import CloudFields, cloud_from_depth

FORMATS = {1: "b", 2: "B", 3: "h", 4: "H", 5: "i", 6: "I", 7: "f", 8: "d"}  # sensor_msgs/msg/PointField
CAMERA = CameraIntrinsics(5, 3, 4.0, 2.0, 2.0, 1.0)
DEPTH_M = np.arange(1, 16, dtype=np.float32).reshape(3, 5)
IMAGE = np.random.default_rng(3).integers(0, 256, (3, 5, 3), np.uint8)
LABELS = np.array([[0, 1, 2, 3, 65535]] * 3, np.uint16)


def points_of(cloud: CloudFields) -> list[list[dict[str, float]]]:
    """Rows of points, each a dictionary by field name."""
    raw = cloud.data.tobytes()
    assert len(raw) == cloud.row_step * cloud.height
    return [
        [
            {
                field.name: struct.unpack_from(
                    "<" + FORMATS[field.datatype], raw, v * cloud.row_step + at + field.offset
                )[0]
                for field in cloud.fields
            }
            for at in range(0, cloud.width * cloud.point_step, cloud.point_step)
        ]
        for v in range(cloud.height)
    ]


def test_points_lie_where_the_pinhole_says_row_by_row() -> None:
    cloud = cloud_from_depth(DEPTH_M, CAMERA)
    assert (cloud.height, cloud.width, cloud.point_step, cloud.row_step) == (3, 5, 12, 60)
    assert [f.name for f in cloud.fields] == ["x", "y", "z"]
    assert not cloud.is_dense
    assert cloud.data.ndim == 1
    assert cloud.data.dtype == np.uint8
    for v, row in enumerate(points_of(cloud)):
        for u, point in enumerate(row):
            z = float(DEPTH_M[v, u])
            assert point == {"x": (u - 2) / 4 * z, "y": (v - 1) / 2 * z, "z": z}


@pytest.mark.parametrize("with_rgb", [False, True])
@pytest.mark.parametrize("with_labels", [False, True])
def test_fields_follow_each_other_without_gaps(with_rgb: bool, with_labels: bool) -> None:  # noqa: FBT001 (parametrised)
    cloud = cloud_from_depth(DEPTH_M, CAMERA, IMAGE if with_rgb else None, LABELS if with_labels else None)
    names = ["x", "y", "z", *(["rgb"] if with_rgb else []), *(["label"] if with_labels else [])]
    assert [f.name for f in cloud.fields] == names
    assert [f.offset for f in cloud.fields] == list(range(0, 4 * len(names), 4))
    assert {f.name: FORMATS[f.datatype] for f in cloud.fields} == {n: "I" if n == "label" else "f" for n in names}
    assert all(f.count == 1 for f in cloud.fields)
    assert cloud.point_step == 4 * len(names)
    assert cloud.row_step == cloud.width * cloud.point_step
    for v, row in enumerate(points_of(cloud)):
        for u, point in enumerate(row):
            assert point["z"] == DEPTH_M[v, u]
            if with_labels:
                assert point["label"] == LABELS[v, u]


def test_colours_are_the_bits_of_a_float_as_pcl_packs_them() -> None:
    cloud = cloud_from_depth(DEPTH_M, CAMERA, IMAGE)
    raw = cloud.data.tobytes()
    for i, (r, g, b) in enumerate(IMAGE.reshape(-1, 3).tolist()):
        (packed,) = struct.unpack_from("<I", raw, i * cloud.point_step + 12)
        assert packed == r * 65536 + g * 256 + b


METRES = st.floats(-(2.0**100), 2.0**100, width=32) | st.sampled_from([math.nan, math.inf, -math.inf])


@given(st.lists(METRES, min_size=15, max_size=15))
def test_points_are_nan_exactly_where_depth_is_not_finite(values: list[float]) -> None:
    depth_m = np.array(values, np.float32).reshape(3, 5)
    cloud = cloud_from_depth(depth_m, CAMERA, IMAGE, LABELS)
    for v, row in enumerate(points_of(cloud)):
        for u, point in enumerate(row):
            xyz = [point[axis] for axis in "xyz"]
            finite = bool(np.isfinite(depth_m[v, u]))
            assert all(map(math.isfinite, xyz)) if finite else all(map(math.isnan, xyz))
            assert point["label"] == LABELS[v, u]


def test_depth_stays_as_it_was() -> None:
    depth_m = DEPTH_M.copy()
    depth_m[1, 1] = np.inf
    before = depth_m.copy()
    cloud = cloud_from_depth(depth_m, CAMERA)
    np.testing.assert_array_equal(depth_m, before)
    assert not np.shares_memory(cloud.data, depth_m)


def test_the_cloud_is_what_the_camera_unprojects() -> None:
    camera = CameraIntrinsics.from_fov(64, 48, 70.0)
    depth_m = np.random.default_rng(1).uniform(0.3, 50, (48, 64)).astype(np.float32)
    depth_m[::5, ::3] = np.nan
    xyz = cloud_from_depth(depth_m, camera).data.view("<f4").reshape(48, 64, 3)
    np.testing.assert_array_equal(xyz, camera.unproject(depth_m))


def test_a_camera_without_calibration_gets_no_cloud() -> None:
    with pytest.raises(FrameError, match="camera has none; calibrate it and publish its camera_info"):
        cloud_from_depth(DEPTH_M, None)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("depth_m", (DEPTH_M.T, CAMERA)),
        ("depth_m", (DEPTH_M.astype(np.float64), CAMERA)),
        ("depth_m", (DEPTH_M[..., None], CAMERA)),
        ("rgb", (DEPTH_M, CAMERA, IMAGE.transpose(1, 0, 2))),
        ("rgb", (DEPTH_M, CAMERA, IMAGE.astype(np.float32))),
        ("labels", (DEPTH_M, CAMERA, IMAGE, LABELS.T)),
        ("labels", (DEPTH_M, CAMERA, None, LABELS.astype(np.int16))),
    ],
)
def test_arrays_of_another_size_or_type_are_refused(name: str, arguments: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(FrameError, match=f"{name} for a point cloud: got .*expected .*resize"):
        cloud_from_depth(*arguments)  # type: ignore[arg-type]
