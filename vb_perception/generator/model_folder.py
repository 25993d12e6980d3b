"""The folder of a model, which is replaced when the new one is whole and has passed its checks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from vb_perception.errors import ExportError

SPEC = "spec.json"


@contextmanager
def in_place_of(out: Path) -> Iterator[Path]:
    """A folder beside `out`, whose files go there at the end; if that is not reached `out` stays as it was.

    What `out` has and the new model has not, as a model card, stays.

    Raises:
        ExportError: `out` is a file.
    """
    if out.exists() and not out.is_dir():
        msg = f"--out {out} is a file, expected a folder, or a name that is free"
        raise ExportError(msg)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{out.name}.", suffix=".partial", dir=out.parent) as partial:
        yield Path(partial)
        out.mkdir(exist_ok=True)
        # The spec comes last: what it names by digest is there then, and a reader in between refuses what is mixed.
        for file in sorted(Path(partial).iterdir(), key=lambda f: f.name == SPEC):
            file.replace(out / file.name)
