"""Which backend is the fastest on this machine: each answers the golden question for a second, and the result is kept.

Every candidate runs in a process of its own, so that one that crashes, hangs or takes all memory only loses.  Those
that come near the best are heard once more: a choice that lasts may not hang on what else ran in one of the seconds.
"""

import argparse
import json
import logging
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vb_perception.errors import EngineError, EngineUnavailableError, VbPerceptionError
from vb_perception.runtime.cache import write_whole
from vb_perception.runtime.engine import Engine, EngineSpec, Float
from vb_perception.runtime.manifest import BuildKey, CacheEntry
from vb_perception.runtime.options import EngineOptions

_log = logging.getLogger(__name__)

TRIAL_S = 1.0
MIN_RUNS = 3
TIMEOUT_S = 180.0
NEAR = 2.0
"""Up to so many times the best candidate's time is near it."""
CHOICE = "choice.json"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A backend and the precision in which it would run."""

    backend: str
    precision: str

    def __str__(self) -> str:
        """As the log says it."""
        return f"{self.backend} {self.precision}"


def blank_question(spec: EngineSpec, prompts: int) -> tuple[Float, Float, Float]:
    """Image, rays and prompts of nothing, as `Engine.infer` takes them: what is computed does not change how long."""
    image = np.zeros((1, 3, spec.height, spec.width), np.float32)
    rays = np.zeros((1, 2, spec.height, spec.width), np.float32)
    return image, rays, np.zeros((prompts, spec.max_tokens, spec.token_dim), np.float32)


def fastest_ms(engine: Engine, prompts: int) -> float:
    """Least wall time of one answer in `TRIAL_S` seconds; the least, because other work only ever adds to it."""
    question = blank_question(engine.spec, prompts)
    engine.infer(*question)  # compile
    times_ms: list[float] = []
    until = time.perf_counter() + TRIAL_S
    while len(times_ms) < MIN_RUNS or time.perf_counter() < until:
        started = time.perf_counter()
        engine.infer(*question)
        times_ms.append((time.perf_counter() - started) * 1000)
    return min(times_ms)


def choose(model_dir: Path, candidates: Sequence[Candidate], key: BuildKey, threads: int, prompts: int) -> Candidate:
    """The fastest of `candidates` that passes its self-test; remembered under `key`.

    Raises:
        EngineUnavailableError: none of them runs; says why of each.
        EngineError: the cache directory cannot be trusted.
    """
    entry = CacheEntry("trial", key)
    known = _remembered(entry.folder / CHOICE, candidates)
    if known is not None:
        return known
    times_ms: dict[Candidate, float] = {}
    reasons = []

    def hear(some: Sequence[Candidate]) -> None:
        for candidate in some:
            try:
                took_ms = _tried(model_dir, candidate, key.profile, threads, prompts)
            except EngineError as error:  # noqa: PERF203 - a handful of candidates
                times_ms.pop(candidate, None)
                reasons.append(f"{candidate}: {error}")
                _log.warning("backend auto: %s is out: %s", candidate, error)
            else:
                times_ms[candidate] = min(took_ms, times_ms.get(candidate, took_ms))

    hear(candidates)
    near = [c for c, ms in times_ms.items() if ms <= NEAR * min(times_ms.values())]
    if len(near) > 1:
        hear(near)
    if not times_ms:
        msg = f"no backend runs this model: {'; '.join(reasons)}"
        raise EngineUnavailableError(msg)
    best = min(times_ms, key=lambda candidate: times_ms[candidate])
    measured = ", ".join(f"{candidate} {ms:.1f} ms" for candidate, ms in times_ms.items())
    _log.warning("backend auto: %s was chosen (%s for %d prompts); kept in %s", best, measured, prompts, entry.folder)
    figures = {str(candidate): round(ms, 2) for candidate, ms in times_ms.items()}
    content = json.dumps({"backend": best.backend, "precision": best.precision, "ms": figures}, indent=2) + "\n"
    write_whole(entry.folder / CHOICE, content.encode())
    return best


def _remembered(file: Path, candidates: Sequence[Candidate]) -> Candidate | None:
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        known = Candidate(stored["backend"], stored["precision"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("%s cannot be read (%s: %s): the backends are tried again", file, type(error).__name__, error)
        return None
    return known if known in candidates else None


def _tried(model_dir: Path, candidate: Candidate, size: str, threads: int, prompts: int) -> float:
    """Time one candidate in its own process; EngineError if it does not get that far."""
    command = [sys.executable, "-m", __spec__.name, str(model_dir), candidate.backend, candidate.precision]
    command += [size.split(",", maxsplit=1)[0], str(threads), str(prompts)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        msg = f"no answer in {TIMEOUT_S:.0f} s"
        raise EngineError(msg) from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        msg = f"its process ended with {done.returncode} and said: {said}"
        raise EngineError(msg)
    return float(done.stdout.split()[-1])


def main(argv: Sequence[str]) -> int:
    """One candidate's process: print its least time in milliseconds."""
    from vb_perception.runtime.build import open_candidate

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("backend")
    parser.add_argument("precision")
    parser.add_argument("size")
    parser.add_argument("threads", type=int)
    parser.add_argument("prompts", type=int)
    given = parser.parse_args(argv)
    height, width = map(int, given.size.split("x"))
    options = EngineOptions(precision=given.precision, size=(height, width), prompts=given.prompts)
    which = Candidate(given.backend, given.precision)
    try:
        with open_candidate(given.model_dir, which, given.threads, options) as engine:
            print(fastest_ms(engine, given.prompts))  # noqa: T201 - read by the process that asked
    except VbPerceptionError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
