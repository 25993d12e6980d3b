"""What came of an evaluation, and report.json, which holds it."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vb_perception.evaluation.criteria import Verdict
from vb_perception.evaluation.frame_scores import Figures
from vb_perception.evaluation.frames_log import plain
from vb_perception.evaluation.provenance import machine, versions
from vb_perception.evaluation.scores import Scores, State

SCHEMA = 1


@dataclass(frozen=True, slots=True, eq=False)
class FrameCounts:
    """What became of the images of a source, counted apart from the frames that came of them."""

    images: int
    answered: int
    scored: int
    unusable: int
    without_truth: int
    truth_without_image: int

    @property
    def dropped(self) -> int:
        """Images that were neither answered nor refused."""
        return self.images - self.answered - self.unusable

    def figures(self) -> Figures:
        """By the names of `figure_names.FRAME_COUNTS`."""
        names = ("images", "answered", "scored", "unusable", "without_truth", "truth_without_image", "dropped")
        return {name: float(getattr(self, name)) for name in names}

    def rows(self) -> list[tuple[str, int, str]]:
        """Name, count and meaning, for the report."""
        return [
            ("images", self.images, "camera images in the source"),
            ("answered", self.answered, "answered by every contestant"),
            ("scored", self.scored, "of these, with truth"),
            ("without truth", self.without_truth, "of these, nothing true was known of them"),
            ("unusable", self.unusable, "left out: the image, its camera_info or its truth could not be used"),
            ("dropped", self.dropped, "neither answered nor refused"),
            ("truth without an image", self.truth_without_image, "no image within the tolerance of its stamp"),
        ]


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """One contestant's result: what ran it, the digest of its weights, scores, latency, and how to join it to others.

    `times_ms`: by stage ("" the whole frame) of every frame.
    """

    run_by: str
    digest: str
    scores: Scores
    latency: Figures
    state: State
    times_ms: Mapping[str, Sequence[float]]

    def figures(self) -> dict[str, Figures]:
        """All figures by group."""
        return {**self.scores.figures, "latency": self.latency}


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """An evaluation; `problems` are sentences, none if the source was read whole.  The first contestant is judged.

    `node_ledger`: of a recording, what the node itself counted: name, count and meaning.  `notes` are sentences on what
    is no problem and yet good to know.  `models`: digests of what the contestants were made of, in their order.
    """

    source: str
    mode: str
    counts: FrameCounts
    balanced: bool
    contestants: Mapping[str, Answered]
    verdicts: tuple[Verdict, ...]
    problems: tuple[str, ...]
    seconds: float
    data_sha256: str
    data_bytes: int
    config: Mapping[str, object]
    fingerprint: str = ""
    node_ledger: tuple[tuple[str, int, str], ...] = ()
    parts: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all criteria are met and nothing went wrong."""
        return not self.problems and all(verdict.passed for verdict in self.verdicts)

    def as_json(self) -> dict[str, object]:
        """All of it, with the machine and the versions; numbers are not rounded."""
        contestants = {
            name: {
                "run_by": one.run_by,
                "digest": one.digest,
                "frames": one.scores.frames,
                "figures": one.figures(),
                "counts": one.scores.counts,
                "risk_coverage": [one.scores.coverage.tolist(), one.scores.risk.tolist()],
            }
            for name, one in self.contestants.items()
        }
        content = {
            "schema": SCHEMA,
            "source": self.source,
            "parts": list(self.parts),
            "mode": self.mode,
            "passed": self.passed,
            "problems": list(self.problems),
            "notes": list(self.notes),
            "criteria": [
                {"criterion": str(v.criterion), "value": v.value, "frames": v.frames, "passed": v.passed}
                for v in self.verdicts
            ],
            "frames": self.counts.figures(),
            "ledger_balances": self.balanced,
            "node_ledger": {name: count for name, count, _ in self.node_ledger},
            "contestants": contestants,
            "data": {"sha256": self.data_sha256, "bytes": self.data_bytes},
            "models": list(self.models),
            "config": dict(self.config),
            "fingerprint": self.fingerprint,
            "machine": machine(),
            "versions": versions(),
            "seconds": self.seconds,
        }
        return {key: plain(value) for key, value in content.items()}


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def write_report_json(path: Path, outcome: Outcome) -> None:
    """report.json; written last, so that where it lies all the rest is finished."""
    write_whole(path, json.dumps(outcome.as_json(), indent=1, allow_nan=False) + "\n")
