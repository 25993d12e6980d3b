import errno
import os
import pickle
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vb_perception.errors import ConfigError
from vb_perception.scenes.sample import Sample
from vb_perception.training.corpus import Corpus, write_corpus

MakeSample = Callable[[int, int, int], Sample]


def test_what_was_written_is_read_again(tmp_path: Path, random_sample: MakeSample) -> None:
    write_corpus(iter([random_sample(0, 12, 16), random_sample(1, 12, 16)]), 2, tmp_path)
    corpus = Corpus(tmp_path)
    assert len(corpus) == 2
    truth, read = random_sample(1, 12, 16), corpus[1]
    assert read.name == "s1"
    assert read.intrinsics == truth.intrinsics
    assert read.class_names == truth.class_names
    for field in ("rgb", "class_ids", "instance_ids"):
        np.testing.assert_array_equal(getattr(read, field), getattr(truth, field))
    np.testing.assert_allclose(read.depth_m, truth.depth_m, rtol=5e-4)
    assert np.isnan(read.normals[0, 0]).all()
    cosine = (read.normals * truth.normals).sum(-1).ravel()[1:]
    assert cosine.min() > 0.9999


def test_the_sky_stays_without_end_and_what_is_unknown_unknown(tmp_path: Path, random_sample: MakeSample) -> None:
    sample = random_sample(0, 12, 16)
    sample.depth_m[0, :3] = np.inf, np.nan, 1e5
    write_corpus(iter([sample]), 1, tmp_path)
    read = Corpus(tmp_path)[0].depth_m
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read[0, :3], [np.inf, np.nan, np.inf])
    assert np.isfinite(read[1:]).all()


def test_an_older_corpus_has_the_largest_number_for_the_sky(tmp_path: Path, random_sample: MakeSample) -> None:
    write_corpus(iter([random_sample(0, 12, 16)]), 1, tmp_path)
    depth = np.load(tmp_path / "depth.npy")
    depth[0, 0, 0] = 65504
    np.save(tmp_path / "depth.npy", depth)
    assert Corpus(tmp_path)[0].depth_m[0, 0] == np.inf


def test_another_process_maps_it_for_itself(tmp_path: Path, random_sample: MakeSample) -> None:
    write_corpus(iter([random_sample(i, 48, 64) for i in range(3)]), 3, tmp_path)
    sent = pickle.dumps(Corpus(tmp_path).first(2))
    assert len(sent) < 2000
    received = pickle.loads(sent)  # noqa: S301 (its own)
    assert len(received) == 2
    np.testing.assert_array_equal(received[1].rgb, random_sample(1, 48, 64).rgb)


def test_a_corpus_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="0 frames"):
        write_corpus(iter([]), 0, tmp_path)


def test_a_disk_without_room_for_all_is_refused_before_anything_is_written(
    tmp_path: Path, random_sample: MakeSample, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written through a mapping, a page without room would kill this process."""
    room = 2 * 12 * 16 * 4 + 128  # bytes that a file may take, less than the colours need

    def as_a_full_disk(_descriptor: int, offset: int, length: int) -> None:
        if offset + length > room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", as_a_full_disk)
    samples = [random_sample(i, 12, 16) for i in range(3)]
    with pytest.raises(ConfigError, match=r"no room for rgb\[3, 12, 16, 3\].*No space left.*fewer frames"):
        write_corpus(iter(samples), 3, tmp_path)
    assert not any(tmp_path.iterdir())


def test_a_file_that_may_not_grow_so_large_is_refused(tmp_path: Path, random_sample: MakeSample) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(ConfigError, match=r"no room for rgb.*File too large"):
            write_corpus(iter([random_sample(0, 48, 64)]), 1, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_interrupted_corpus_is_refused(tmp_path: Path, random_sample: MakeSample) -> None:
    with pytest.raises(StopIteration):
        write_corpus(iter([random_sample(0, 12, 16)]), 2, tmp_path)
    with pytest.raises(ConfigError, match="no finished corpus"):
        Corpus(tmp_path)


@pytest.mark.parametrize("damage", ["absent", "cut", "empty", "of another"])
def test_a_corpus_whose_arrays_are_not_whole_is_refused(tmp_path: Path, random_sample: MakeSample, damage: str) -> None:
    write_corpus(iter([random_sample(i, 12, 16) for i in range(2)]), 2, tmp_path)
    file = tmp_path / "normals.npy"
    if damage == "absent":
        file.unlink()
    elif damage == "of another":
        np.save(file, np.load(file)[:1])
    else:
        file.write_bytes(file.read_bytes()[: -100 if damage == "cut" else 0])
    with pytest.raises(ConfigError, match=r"no finished corpus|of 2 frames: normals\.npy has 1"):
        Corpus(tmp_path)


@pytest.mark.parametrize("index", ["[]", "{}"])
def test_an_index_that_is_none_is_refused(tmp_path: Path, random_sample: MakeSample, index: str) -> None:
    write_corpus(iter([random_sample(0, 12, 16)]), 1, tmp_path)
    (tmp_path / "index.json").write_text(index)
    with pytest.raises(ConfigError, match="no finished corpus"):
        Corpus(tmp_path)
