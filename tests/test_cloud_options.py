"""Fields, filters and thinning of clouds; frames checked with a cube of known pose."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.codecs.depth import DepthCodec
from vb_perception.codecs.normals import encode_normals
from vb_perception.errors import ConfigError, FrameError
from vb_perception.frame import Frame
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.pointcloud import CloudFields, CloudLayers, CloudOptions, at_depth_edge, build_cloud
from vb_perception.predictions import DepthMap, NormalMap
from vb_perception.runtime.engine import Float
from vb_perception.runtime.fake import FakeEngine
from vb_perception.runtime.text import PromptEncoder
from vb_perception.runtime.toy_model import write_toy_model
from vb_perception.tasks import MetricDepth, SurfaceNormals

CAMERA = CameraIntrinsics.from_fov(160, 120, 60.0)
SIDE_M, CENTRE_M = 0.5, np.array([0.1, 0.05, 2.0])
BARE = CloudOptions(fields=())


def _turn(yaw_deg: float, pitch_deg: float) -> NDArray[np.float64]:
    a, b = math.radians(yaw_deg), math.radians(pitch_deg)
    about_y = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    turn: NDArray[np.float64] = about_x @ about_y
    return turn


TURN = _turn(30, -25)


def _cube(rays_xy: NDArray[np.float32] | None = None) -> CloudLayers:
    """Depth and normals of a turned cube, by exact intersection of each ray (2, H, W) with it; NaN beside it."""
    x, y = (CAMERA.rays() if rays_xy is None else rays_xy).astype(np.float64)
    rays = np.stack((x, y, np.ones_like(x)), -1)
    origin, directions = -CENTRE_M @ TURN, rays @ TURN  # in the cube's axes
    with np.errstate(divide="ignore"):
        one, other = (-SIDE_M / 2 - origin) / directions, (SIDE_M / 2 - origin) / directions
    enter, leave = np.minimum(one, other), np.maximum(one, other).min(-1)
    face = enter.argmax(-1)
    hit = enter.max(-1) < leave
    depth_m = np.where(hit, enter.max(-1), np.nan).astype(np.float32)
    inner = np.zeros_like(directions)
    np.put_along_axis(inner, face[..., None], -np.sign(np.take_along_axis(directions, face[..., None], -1)), -1)
    normals = np.where(hit[..., None], inner @ TURN.T, np.nan).astype(np.float32)
    return CloudLayers(depth_m, normals=normals, confidence=np.ones_like(depth_m))


def _points(cloud: CloudFields) -> dict[str, NDArray[np.float32]]:
    count = cloud.point_step // 4
    table = cloud.data.view("<f4").reshape(cloud.height, cloud.width, count)
    return {field.name: table[..., field.offset // 4] for field in cloud.fields}


def _xyz(cloud: CloudFields) -> NDArray[np.float32]:
    points = _points(cloud)
    return np.stack([points[axis] for axis in "xyz"], -1)


def test_the_clouds_points_lie_on_the_cube_and_its_normals_face_the_camera() -> None:
    cloud = build_cloud(_cube(), CAMERA, CloudOptions(fields=("normal",), organised=False))
    points = _points(cloud)
    xyz = _xyz(cloud)[0].astype(np.float64)
    assert len(xyz) > 500
    inside = (xyz - CENTRE_M) @ TURN
    off_m = np.abs(np.abs(inside).max(-1) - SIDE_M / 2)
    assert off_m.max() < 0.02
    normals = np.stack([points[f"normal_{axis}"] for axis in "xyz"], -1)[0]
    assert (np.einsum("nc,nc->n", normals, xyz) < 0).all()
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)


class CubePainter(FakeEngine):
    """Paints depth and normals of the cube, as a perfect generator that is told the rays would."""

    def _run(self, image: Float, rays: Float, prompts: Float) -> Float:  # noqa: ARG002 - it knows what it sees
        cube = _cube(rays[0])
        assert cube.normals is not None
        painted = np.stack([DepthCodec().encode(cube.depth_m), encode_normals(cube.normals)])
        return (painted.transpose(0, 3, 1, 2) / np.float32(127.5) - 1).astype(np.float32)


@pytest.mark.parametrize("size", [(640, 480), (640, 360), (300, 400)], ids=str)
def test_a_cube_that_was_painted_is_where_it_stands(tmp_path: Path, size: tuple[int, int]) -> None:
    """From the rays of the canvas through colours, margins and resizing to the points of the camera's own size."""
    write_toy_model(tmp_path, height=192, width=256)
    camera = CameraIntrinsics(*size, 620.0, 600.0, size[0] * 0.47, size[1] * 0.54)
    given = Frame(np.zeros((*size[::-1], 3), np.uint8), 1, "optical", camera)
    with CubePainter(tmp_path) as engine:
        pipeline = PerceptionPipeline(engine, PromptEncoder(tmp_path, engine.spec))
        seen = pipeline.perceive(given, (MetricDepth(), SurfaceNormals())).predictions
    depth, normals = seen["depth"], seen["normals"]
    assert isinstance(depth, DepthMap)
    assert isinstance(normals, NormalMap)
    cloud = build_cloud(
        CloudLayers(depth.depth_m, normals=normals.normals), camera, CloudOptions(("normal",), organised=False)
    )
    xyz = _xyz(cloud)[0].astype(np.float64)
    assert len(xyz) > 5000
    off_m = np.abs(np.abs((xyz - CENTRE_M) @ TURN).max(-1) - SIDE_M / 2)
    assert off_m.max() < 0.02
    facing = np.stack([_points(cloud)[f"normal_{axis}"] for axis in "xyz"], -1)[0]
    known = np.isfinite(facing).all(-1)
    assert known.mean() > 0.99
    assert (np.einsum("nc,nc->n", facing[known], xyz[known]) < 0).all()


def test_a_pose_puts_points_and_normals_into_another_frame() -> None:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = _turn(90, 10), (1.0, 2.0, 3.0)
    options = CloudOptions(fields=("normal",))
    before, after = (build_cloud(_cube(), CAMERA, options, p) for p in (None, pose))
    moved = _xyz(before) @ pose[:3, :3].T + pose[:3, 3]
    np.testing.assert_allclose(_xyz(after), moved, atol=1e-5)
    was, now = (np.stack([_points(c)[f"normal_{a}"] for a in "xyz"], -1) for c in (before, after))
    np.testing.assert_allclose(now, was @ pose[:3, :3].T, atol=1e-5)


def test_an_organised_and_a_compact_cloud_hold_the_same_points() -> None:
    organised = _xyz(build_cloud(_cube(), CAMERA, BARE)).reshape(-1, 3)
    compact = build_cloud(_cube(), CAMERA, replace(BARE, organised=False))
    np.testing.assert_array_equal(_xyz(compact)[0], organised[np.isfinite(organised[:, 2])])
    assert (compact.height, compact.is_dense) == (1, True)


def test_a_stride_keeps_every_nth_row_and_column() -> None:
    full, thin = (_xyz(build_cloud(_cube(), CAMERA, replace(BARE, stride=n))) for n in (1, 3))
    np.testing.assert_array_equal(thin, full[::3, ::3])


def test_one_point_a_voxel() -> None:
    compact = replace(BARE, organised=False)
    full = _xyz(build_cloud(_cube(), CAMERA, compact))[0]
    thin = _xyz(build_cloud(_cube(), CAMERA, replace(compact, voxel_m=0.05)))[0]
    cells = np.floor(thin / 0.05).astype(int)
    assert len(np.unique(cells, axis=0)) == len(thin) == len(np.unique(np.floor(full / 0.05).astype(int), axis=0))


def test_a_slope_is_no_edge_however_much_its_farther_side_is_off_its_nearer_one() -> None:
    """Neighbours along a slope of 6 % differ by less than 10 %, those on either side of a pixel by more."""
    slope_m = np.broadcast_to(np.float32(1.06) ** np.arange(8, dtype=np.float32), (5, 8))
    assert not at_depth_edge(slope_m, 0.1).any()
    assert at_depth_edge(slope_m, 0.05).all()
    far_m = np.full((4, 4), np.finfo(np.float32).max / 2, np.float32)
    assert not at_depth_edge(far_m, 0.1).any()


def test_points_that_fly_between_two_surfaces_are_left_out() -> None:
    depth_m = np.full((120, 160), 3.0, np.float32)
    depth_m[:, 80:] = 1.0
    depth_m[10, 10] = np.nan
    edges = at_depth_edge(depth_m, 0.1)
    assert set(np.nonzero(edges)[1]) == {79, 80}
    cloud = build_cloud(CloudLayers(depth_m), CAMERA, replace(BARE, edge_jump=0.1))
    np.testing.assert_array_equal(np.isfinite(_xyz(cloud)[..., 2]), ~edges & np.isfinite(depth_m))


def test_surfaces_seen_at_a_grazing_angle_are_left_out() -> None:
    cube = _cube()
    assert cube.normals is not None
    xyz = _xyz(build_cloud(cube, CAMERA, BARE))
    cosine = -np.einsum("hwc,hwc->hw", cube.normals, xyz) / np.linalg.norm(xyz, axis=-1)
    limit_deg = 55.0
    kept = np.isfinite(_xyz(build_cloud(cube, CAMERA, replace(BARE, grazing_deg=limit_deg)))[..., 2])
    expected = cosine > math.cos(math.radians(limit_deg))
    assert 0 < kept.sum() < np.isfinite(xyz[..., 2]).sum()
    np.testing.assert_array_equal(kept, expected)


def test_ranges_are_depths() -> None:
    z = _xyz(build_cloud(_cube(), CAMERA, replace(BARE, min_range_m=1.8, max_range_m=1.9)))[..., 2]
    known = z[np.isfinite(z)]
    assert 1.8 <= known.min() < known.max() <= 1.9


def test_curvature_is_zero_on_a_face_and_not_at_an_edge() -> None:
    curvature = _points(build_cloud(_cube(), CAMERA, CloudOptions(fields=("curvature",))))["curvature"]
    known = curvature[np.isfinite(curvature)]
    assert np.median(known) < 1e-4
    assert known.max() > 0.05


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"fields": ("rgb", "rgb")}, "each at most once"),
        ({"fields": ("colour",)}, "of rgb, label"),
        ({"voxel_m": 0.1}, "set cloud_organised to false"),
        ({"min_range_m": 2.0, "max_range_m": 1.0}, "the nearer one first"),
    ],
    ids=["twice", "unknown", "voxel", "range"],
)
def test_options_that_no_cloud_has_are_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        CloudOptions(**values)  # type: ignore[arg-type]


def test_a_field_without_its_layer_is_refused() -> None:
    with pytest.raises(FrameError, match="instances was asked for"):
        build_cloud(_cube(), CAMERA, CloudOptions(fields=("instance",)))
