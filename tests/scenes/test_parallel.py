import os
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from vb_perception.errors import ConfigError, EngineUnavailableError
from vb_perception.scenes.parallel import parallel_stream
from vb_perception.scenes.stream import scene_stream

pytest.importorskip("moderngl", reason="rendering needs moderngl: pip install moderngl")


def test_several_processes_yield_what_one_yields() -> None:
    kinds = ("tabletop", "corridor", "room")
    try:
        serial = list(islice(scene_stream(8, 64, 48, kinds, 2), 5))
    except EngineUnavailableError as error:
        pytest.skip(str(error))
    stream = parallel_stream(8, 64, 48, kinds, 2, workers=2)
    parallel = list(islice(stream, 5))
    stream.close()
    assert [s.name for s in parallel] == [s.name for s in serial]
    for one, other in zip(serial, parallel, strict=True):
        assert np.array_equal(one.rgb, other.rgb)
        assert np.array_equal(one.depth_m, other.depth_m)
        assert np.array_equal(one.instance_ids, other.instance_ids)


def test_what_fails_in_a_process_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"furniture\.npz is missing"):
        next(parallel_stream(1, 32, 24, workers=1, assets_dir=tmp_path))
    with pytest.raises(ConfigError, match="at least 1"):
        next(parallel_stream(1, 32, 24, workers=0))


# Its name keeps the workers, which import it too, from doing the same.
KILLED_WHILE_READING = """
import multiprocessing, os, signal
from vb_perception.scenes.parallel import parallel_stream
if __name__ == "__main__":
    stream = parallel_stream(8, 64, 48, ("corridor",), workers=1)
    next(stream)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_ends_when_its_reader_was_killed(tmp_path: Path) -> None:
    try:
        next(scene_stream(8, 64, 48, ("corridor",)))
    except EngineUnavailableError as error:
        pytest.skip(str(error))
    script = tmp_path / "reader.py"
    script.write_text(KILLED_WHILE_READING)
    with (tmp_path / "said").open("w+") as said:
        reader = subprocess.run([sys.executable, str(script)], stdout=said, check=False)
        said.seek(0)
        (worker,) = said.read().split()
    assert reader.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while Path(f"/proc/{worker}").exists():
        if time.monotonic() > deadline:
            os.kill(int(worker), signal.SIGKILL)
            pytest.fail("the worker goes on")
        time.sleep(0.1)
