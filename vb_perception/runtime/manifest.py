"""What a compiled network was built from and for: its cache key, and the proof that a file is that network."""

import dataclasses
import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vb_perception.errors import EngineMismatchError
from vb_perception.runtime.cache import cache_directory, locked, write_whole

_log = logging.getLogger(__name__)

MANIFEST, COMPILED = "manifest.json", "compiled.bin"
BUILD_TIMEOUT_S = 3600.0
KEY_DIGITS = 16


@dataclass(frozen=True, slots=True)
class BuildKey:
    """Everything that a compiled network depends on; two networks with one key are interchangeable."""

    onnx_sha256: str
    weights_sha256: str
    runtime: str
    """Flavour and full version, as "tensorrt 10.3.0"."""
    device: str
    """Name and compute capability of the GPU, or model and instruction sets of the CPU."""
    driver: str
    profile: str
    """Sizes that it was built for, as "192x256, 1 to 3 prompts"."""
    precision: str
    flags: str = ""

    def digest(self) -> str:
        """Name of the cache entry."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]

    def differs_from(self, other: "BuildKey") -> list[str]:
        """What is not the same, in words."""
        return [
            f"{item.name} {getattr(other, item.name)!r}, expected {getattr(self, item.name)!r}"
            for item in dataclasses.fields(self)
            if getattr(self, item.name) != getattr(other, item.name)
        ]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A key with what was built for it; lies beside the compiled network as JSON."""

    key: BuildKey
    sha256: str
    size_bytes: int
    build_s: float

    def to_json(self) -> str:
        """Serialise, one key a line."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        """Read what `to_json` wrote.

        Raises:
            EngineMismatchError: there is none, or it is damaged.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{**values, "key": BuildKey(**values["key"])})
        except (OSError, ValueError, TypeError, KeyError) as error:
            msg = f"{path}: {type(error).__name__} {error}; expected a manifest of this program; build again"
            raise EngineMismatchError(msg) from error


class CacheEntry:
    """The place of one compiled network in the cache."""

    def __init__(self, name: str, key: BuildKey) -> None:
        """`name` is only for the eyes of whoever lists the directory.  EngineError if the cache cannot be trusted."""
        self.key = key
        self.folder = cache_directory() / f"{name}-{key.digest()}"

    def load(self) -> bytes:
        """The compiled network.

        Raises:
            EngineMismatchError: there is none, or it is not the one that its manifest describes; says what differs.
        """
        manifest = Manifest.read(self.folder / MANIFEST)
        foreign = self.key.differs_from(manifest.key)
        if foreign:
            msg = f"{self.folder} was built for another key: {'; '.join(foreign)}; build again"
            raise EngineMismatchError(msg)
        file = self.folder / COMPILED
        try:
            content = file.read_bytes()
        except OSError as error:
            msg = f"{file}: {error}; build again"
            raise EngineMismatchError(msg) from error
        found = hashlib.sha256(content).hexdigest()
        if found != manifest.sha256:
            msg = (
                f"{file} has {len(content)} bytes with sha256 {found[:12]}..., its manifest says {manifest.size_bytes} "
                f"and {manifest.sha256[:12]}...; it is damaged or half written; build again"
            )
            raise EngineMismatchError(msg)
        return content

    def store(self, content: bytes, build_s: float) -> Manifest:
        """Write the compiled network, then the manifest that vouches for it.  EngineError if it cannot be written."""
        manifest = Manifest(self.key, hashlib.sha256(content).hexdigest(), len(content), round(build_s, 2))
        (self.folder / MANIFEST).unlink(missing_ok=True)
        write_whole(self.folder / COMPILED, content)
        write_whole(self.folder / MANIFEST, manifest.to_json().encode())
        return manifest

    def discard(self, why: str) -> None:
        """Forget the network because it failed; the next start builds it anew."""
        _log.warning("%s is discarded: %s", self.folder, why)
        for name in (MANIFEST, COMPILED):
            (self.folder / name).unlink(missing_ok=True)

    def load_or_build(self, build: Callable[[], bytes]) -> bytes:
        """What lies in the cache, or what `build` makes, which is then kept.

        Under the lock of the entry: a second process waits, and then finds what the first has built.

        Raises:
            EngineError: the lock or the directory cannot be had; and what `build` raises.
        """
        try:
            return self.load()
        except EngineMismatchError as error:
            if (self.folder / COMPILED).exists():
                _log.warning("%s", error)
        with locked(self.folder, BUILD_TIMEOUT_S):
            try:
                return self.load()
            except EngineMismatchError:
                started = time.monotonic()
                content = build()
                self.store(content, time.monotonic() - started)
                return content
