"""What a result was made of: a change of it is noticed, and never booked under another name."""

from pathlib import Path

import pytest

from vb_perception.evaluation import provenance
from vb_perception.evaluation.settings import Settings


def test_other_code_is_another_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Path(provenance.__file__) in provenance._PACKAGE.rglob("*.py")  # noqa: SLF001 -- it is this package
    prints = [Settings().fingerprint()]
    for name, code in (("a", "x = 1"), ("b", "x = 1"), ("c", "x = 2")):
        (tmp_path / name / "room").mkdir(parents=True)
        (tmp_path / name / "room" / "file.py").write_text(code, encoding="utf-8")
        (tmp_path / name / "room" / f"{name}.pyc").write_bytes(b"")  # no source
        monkeypatch.setattr(provenance, "_PACKAGE", tmp_path / name)
        prints.append(Settings().fingerprint())
    assert prints[1] == prints[2]
    assert len(set(prints)) == 3
