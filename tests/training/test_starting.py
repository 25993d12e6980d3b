"""What a run says of the code and the machine that it began with."""

import subprocess
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from accelerate import Accelerator  # noqa: E402

from vb_perception.errors import ConfigError  # noqa: E402
from vb_perception.training.starting import commit, precision, together  # noqa: E402


def git(folder: Path, *arguments: str) -> str:
    named = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
    done = subprocess.run(["git", "-C", str(folder), *named, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A file of a repository of one commit."""
    git(tmp_path, "init", "--quiet")
    file = tmp_path / "code.py"
    file.write_text("1\n")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "--quiet", "--message", "code: one")
    return file


def test_the_commit_is_that_of_the_code_and_says_what_was_changed_since(
    code: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = git(code.parent, "rev-parse", "HEAD")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert commit(code) == head
    code.write_text("2\n")
    assert commit(code) == f"{head}-dirty"


def test_code_that_was_installed_below_another_repository_has_no_commit(code: Path) -> None:
    installed = code.parent / "site-packages" / "package.py"
    installed.parent.mkdir()
    installed.touch()
    assert commit(installed) == "unknown"


def test_without_git_the_commit_is_unknown(code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(code.parent))
    assert commit(code) == "unknown"


@pytest.mark.parametrize(("native", "expected"), [(True, "bf16"), (False, "no")])
def test_bf16_is_for_a_gpu_that_has_it_not_one_that_emulates_it(
    monkeypatch: pytest.MonkeyPatch,
    native: bool,  # noqa: FBT001 (a parameter of the test)
    expected: str,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: native or including_emulation)
    assert precision() == expected


def test_processes_that_would_each_train_alone_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    alone = Accelerator(cpu=True)
    assert together(alone) is alone
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match=r"2 processes were launched.*ACCELERATE_USE_CPU"):
        together(alone)
