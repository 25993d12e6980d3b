import multiprocessing
import os
import time
from pathlib import Path

import pytest

from vb_perception.errors import EngineError
from vb_perception.runtime import cache
from vb_perception.runtime.cache import cache_directory, locked, write_whole


def test_the_directory_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "a" / "b"))
    assert cache_directory() == tmp_path / "a" / "b"
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    monkeypatch.delenv(cache.VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "vb_perception"


def test_a_directory_that_others_can_write_is_refused(empty_cache: Path) -> None:
    empty_cache.mkdir()
    empty_cache.chmod(0o777)
    with pytest.raises(EngineError, match=r"mode drwxrwxrwx, expected owner .*chmod go-w"):
        cache_directory()


def test_a_directory_of_somebody_else_is_refused(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache_directory()
    monkeypatch.setattr(os, "geteuid", lambda: empty_cache.stat().st_uid + 1)
    with pytest.raises(EngineError, match=r"has owner \d+ and mode"):
        cache_directory()


def test_a_directory_that_cannot_be_made_names_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no directory")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "cache"))
    with pytest.raises(EngineError, match=f"set {cache.VARIABLE}"):
        cache_directory()


def test_an_unknown_home_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, "~nobody_of_this_name/cache")
    with pytest.raises(EngineError, match=f"cache directory ~nobody_of_this_name/cache: .*; set {cache.VARIABLE}"):
        cache_directory()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "plan"
    write_whole(file, b"old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EngineError, match=r"plan \(0.0 MB\) cannot be written: .*No space left.*make room"):
        write_whole(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def _hold(folder: Path, taken: "multiprocessing.synchronize.Event", seconds: float) -> None:
    with locked(folder, 1.0):
        taken.set()
        time.sleep(seconds)


def test_the_lock_is_waited_for_and_dies_with_its_owner(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    context = multiprocessing.get_context("spawn")
    taken = context.Event()
    holder = context.Process(target=_hold, args=(tmp_path, taken, 600.0))
    holder.start()
    try:
        assert taken.wait(60)
        with pytest.raises(EngineError, match="another process has been building in"), locked(tmp_path, 0.3):
            pass
        assert "waiting for another process" in caplog.text
    finally:
        holder.kill()
        holder.join()
    with locked(tmp_path, 1.0):
        assert (tmp_path / ".lock").exists()
