import numpy as np
import pytest

from vb_perception.errors import ConfigError, EngineUnavailableError
from vb_perception.scenes.sample_run import RUN_FRAMES, RUN_HZ, RUN_OBJECTS, run_scenes, sample_run

pytest.importorskip("moderngl", reason="rendering needs moderngl: pip install moderngl")


def test_the_camera_moves_smoothly_from_rest_to_rest() -> None:
    poses = np.array([s.world_from_camera for s in run_scenes(64, 48)])
    assert len(poses) == RUN_FRAMES
    speed_m_s = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1) * RUN_HZ
    assert speed_m_s.max() < 1.5
    assert max(speed_m_s[0], speed_m_s[-1]) < 0.05
    assert np.abs(np.diff(speed_m_s)).max() * RUN_HZ < 5
    turn = np.degrees(
        np.arccos(np.clip(np.einsum("nij,nij->n", poses[1:, :3, :3], poses[:-1, :3, :3]) / 2 - 0.5, -1, 1))
    )
    assert turn.max() * RUN_HZ < 60


def test_the_run_ends_over_the_table_with_every_object_in_view() -> None:
    try:
        first, last = sample_run(160, 120, frames=2)
    except EngineUnavailableError as error:
        pytest.skip(str(error))
    assert first.name == "run/000"
    table = last.class_names.index("table")
    assert (first.class_ids == table).mean() < 0.3 < (last.class_ids == table).mean()
    assert set(np.unique(last.instance_ids)) >= set(range(1, RUN_OBJECTS + 1))
    assert np.median(last.depth_m) < 1.5 < np.median(first.depth_m)
    assert np.isfinite(first.depth_m).all()


def test_one_frame_is_no_run() -> None:
    with pytest.raises(ConfigError, match="at least 2"):
        next(run_scenes(64, 48, frames=1))
