import dataclasses
import json
from pathlib import Path

import pytest

from vb_perception.errors import EngineMismatchError
from vb_perception.runtime.manifest import COMPILED, MANIFEST, BuildKey, CacheEntry, Manifest

KEY = BuildKey("onnx", "weights", "tensorrt 10.3.0", "Orin, compute capability 8.7", "12.6", "192x256, 1", "fp16")
pytestmark = pytest.mark.usefixtures("empty_cache")


def never() -> bytes:
    msg = "built again although the cache was good"
    raise AssertionError(msg)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(BuildKey)])
def test_everything_that_a_plan_depends_on_changes_its_place(field: str) -> None:
    other = dataclasses.replace(KEY, **{field: "another"})
    assert other.digest() != KEY.digest()
    assert CacheEntry("model", other).folder != CacheEntry("model", KEY).folder
    assert KEY.differs_from(other) == [f"{field} 'another', expected {getattr(KEY, field)!r}"]


def test_what_was_built_is_found_again() -> None:
    entry = CacheEntry("model", KEY)
    assert entry.load_or_build(lambda: b"plan") == b"plan"
    assert CacheEntry("model", KEY).load_or_build(never) == b"plan"
    manifest = Manifest.read(entry.folder / MANIFEST)
    assert manifest.key == KEY
    assert manifest.size_bytes == 4


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / COMPILED).write_bytes(b"pl"), "damaged or half written"),
        (lambda folder: (folder / COMPILED).write_bytes(b"evil"), "damaged or half written"),
        (lambda folder: (folder / MANIFEST).write_text("{"), "expected a manifest of this program"),
        (lambda folder: (folder / MANIFEST).unlink(), "expected a manifest of this program"),
    ],
)
def test_a_damaged_entry_is_built_again_with_a_reason(
    damage: "object", said: str, caplog: pytest.LogCaptureFixture
) -> None:
    entry = CacheEntry("model", KEY)
    entry.load_or_build(lambda: b"plan")
    damage(entry.folder)  # type: ignore[operator]
    with pytest.raises(EngineMismatchError, match=said):
        entry.load()
    assert entry.load_or_build(lambda: b"new plan") == b"new plan"
    assert said in caplog.text
    assert entry.load_or_build(never) == b"new plan"


def test_a_plan_for_another_gpu_in_the_same_place_is_refused_with_what_differs() -> None:
    entry = CacheEntry("model", KEY)
    entry.load_or_build(lambda: b"plan")
    stored = json.loads((entry.folder / MANIFEST).read_text())
    stored["key"]["device"] = "Thor, compute capability 11.0"
    (entry.folder / MANIFEST).write_text(json.dumps(stored))
    with pytest.raises(EngineMismatchError, match=r"device 'Thor, .*', expected 'Orin, .*'; build again"):
        entry.load()


def test_a_failed_build_leaves_nothing_that_looks_whole() -> None:
    entry = CacheEntry("model", KEY)

    def fails() -> bytes:
        msg = "out of memory"
        raise MemoryError(msg)

    with pytest.raises(MemoryError):
        entry.load_or_build(fails)
    assert entry.load_or_build(lambda: b"plan") == b"plan"


def test_what_is_discarded_is_built_again(tmp_path: Path) -> None:
    entry = CacheEntry("model", KEY)
    entry.load_or_build(lambda: b"plan")
    entry.discard("the runtime refuses it")
    assert entry.load_or_build(lambda: b"other") == b"other"
    assert entry.folder.is_relative_to(tmp_path)
