"""The files of one evaluation: written whole or not at all, report.json last."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import ConfigError
from vb_perception.evaluation.contact_sheet import write_contact_sheet
from vb_perception.evaluation.frames_log import read_frames_log
from vb_perception.evaluation.gallery import Showcase, make_gallery
from vb_perception.evaluation.junit import write_junit
from vb_perception.evaluation.outcome import Outcome, write_report_json
from vb_perception.evaluation.provenance import machine, versions
from vb_perception.evaluation.ranking import Ranking
from vb_perception.evaluation.report import Report, write_report
from vb_perception.evaluation.report_figures import headline
from vb_perception.evaluation.report_sections import HISTOGRAMS
from vb_perception.evaluation.scores import State

REPORT_JSON, REPORT_HTML, FRAMES, JUNIT = "report.json", "report.html", "frames.jsonl", "junit.xml"
CONTACT_SHEET, OUTPUTS, TALLIES = "contact_sheet.png", "outputs.mcap", "tallies.npz"
_ALL = (REPORT_JSON, REPORT_HTML, FRAMES, f"{FRAMES}.part", JUNIT, CONTACT_SHEET, OUTPUTS, TALLIES)
_LEADS = {
    "lock-step": "Every frame through the same pipeline that the node runs, in lock-step: none is dropped.",
    "recorded live run": "What the node published while it ran, recorded and judged by the same scorer.",
    "folder": "Several sources, each evaluated by itself; their frames are counted together.",
}


def refuse_to_lose(sources: Iterable[Path], out: Path) -> None:
    """Refuse an `out` in which a file has to make room that is read.

    Raises:
        ConfigError: One of the sources is, leads to, or holds a file that `clear` would take away.
    """
    taken = set(written_into(out))
    for source in sources:
        for piece in source.glob("*.mcap") if source.is_dir() else [source]:
            if {piece.parent.resolve() / piece.name, piece.resolve()} & taken:
                msg = (
                    f"{piece} is to be read, and would be deleted to make room for the results in {out}: "
                    "give another folder, or move the bag"
                )
                raise ConfigError(msg)


def written_into(out: Path) -> list[Path]:
    """Where an evaluation writes in its folder."""
    return [out.resolve() / name for name in _ALL]


def clear(out: Path, sources: Iterable[Path]) -> None:
    """Make the folder and take away what an earlier evaluation left: nothing old may look like this one's result.

    Raises:
        ConfigError: As `refuse_to_lose`, before anything is taken away.
    """
    refuse_to_lose(sources, out)
    out.mkdir(parents=True, exist_ok=True)
    for name in _ALL:
        (out / name).unlink(missing_ok=True)


def write_result(
    out: Path, outcome: Outcome, showcase: Showcase, ranking: Ranking, per_frame: dict[str, list[float]]
) -> None:
    """Write everything but frames.jsonl and outputs.mcap, which grew while the frames went by."""
    gallery = make_gallery(showcase.kept)
    title = f"vb_perception on {Path(outcome.source).name}"
    write_contact_sheet(out / CONTACT_SHEET, gallery, title, with_truth=True)
    ranked = ranking.ranked()
    first = next(iter(outcome.contestants.values()))
    report = Report(
        title="vb_perception evaluation",
        lead=_LEADS[outcome.mode],
        gallery=gallery,
        facts=facts(outcome),
        headline=(("frames scored", f"{outcome.counts.scored}"), *headline(first.scores)),
        ledger=(*outcome.counts.rows(), *((f"node: {name}", n, meaning) for name, n, meaning in outcome.node_ledger)),
        ledger_note=_ledger_note(outcome),
        scores=first.scores,
        problems=outcome.problems,
        verdicts=outcome.verdicts,
        contestants={name: one.figures() for name, one in outcome.contestants.items()},
        counts={name: one.scores.counts for name, one in outcome.contestants.items()},
        curves={name: (one.scores.coverage, one.scores.risk) for name, one in outcome.contestants.items()},
        times_ms=first.times_ms,
        per_frame=per_frame,
        ranked=make_gallery([r.seen for r in ranked], [r.label for r in ranked], with_errors=True),
    )
    write_report(out / REPORT_HTML, report)
    finish(out, outcome)


def finish(out: Path, outcome: Outcome) -> None:
    """The files that say how it ended: JUnit, the tallies by which parts are joined, and report.json."""
    write_junit(out / JUNIT, outcome.source, outcome.verdicts, outcome.problems, outcome.seconds)
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, one in outcome.contestants.items():
        arrays |= {f"{name}//{key}": value for key, value in one.state.items()}
        arrays |= {f"{name}//times/{stage}": np.asarray(ms, np.float32) for stage, ms in one.times_ms.items()}
    np.savez_compressed(out / TALLIES, **arrays)  # type: ignore[arg-type]
    write_report_json(out / REPORT_JSON, outcome)


def read_tallies(out: Path) -> dict[str, State]:
    """The tallies of a finished evaluation by contestant; those of the times are named "times/<stage>"."""
    states: dict[str, State] = {}
    with np.load(out / TALLIES, allow_pickle=False) as stored:
        for key in stored.files:
            name, _, rest = key.partition("//")
            states.setdefault(name, {})[rest] = stored[key]
    return states


def facts(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    """What the report says of where it comes from."""
    computer = machine()
    by = ", ".join(f"{name}: {one.run_by} {one.digest[:12]}".rstrip() for name, one in outcome.contestants.items())
    return (
        ("frames from", outcome.source),
        ("mode", outcome.mode),
        ("run by", by),
        ("machine", f"{computer['processor']}, {computer['cpus']} cores, {computer['memory_gib']} GiB"),
        ("versions", ", ".join(f"{library} {number}" for library, number in versions().items())),
        ("data", f"sha256 {outcome.data_sha256[:12]}, {outcome.data_bytes / 1e6:.1f} MB"),
        ("took", f"{outcome.seconds:.1f} s"),
        *(("note", note) for note in outcome.notes),
    )


def _ledger_note(outcome: Outcome) -> str:
    n = outcome.counts
    verdict = "balances" if outcome.balanced else "does not balance"
    sums = f"images {n.images} = answered {n.answered} + unusable {n.unusable} + dropped {n.dropped}"
    return f"{sums}; the ledger {verdict}."


def write_joint_html(out: Path, outcome: Outcome) -> None:
    """report.html of several sources together; their pictures are in the reports of the parts, which it names."""
    first = next(iter(outcome.contestants.values()))
    links = tuple((f"part {i}", f"parts/{name}/report.html") for i, name in enumerate(outcome.parts, start=1))
    report = Report(
        title="vb_perception evaluation",
        lead=_LEADS[outcome.mode],
        gallery=make_gallery([]),
        facts=facts(outcome),
        links=links,
        headline=(("frames scored", f"{outcome.counts.scored}"), *headline(first.scores)),
        ledger=outcome.counts.rows(),
        ledger_note=_ledger_note(outcome),
        scores=first.scores,
        problems=outcome.problems,
        verdicts=outcome.verdicts,
        contestants={name: one.figures() for name, one in outcome.contestants.items()},
        counts={name: one.scores.counts for name, one in outcome.contestants.items()},
        curves={name: (one.scores.coverage, one.scores.risk) for name, one in outcome.contestants.items()},
        times_ms=first.times_ms,
        per_frame=_per_frame(out / FRAMES, next(iter(outcome.contestants))),
    )
    write_report(out / REPORT_HTML, report)


def _per_frame(log: Path, who: str) -> dict[str, list[float]]:
    """The figures of every frame of one contestant that are drawn as histograms."""
    drawn: dict[str, list[float]] = {}
    for row in read_frames_log(log):
        for name in HISTOGRAMS:
            group, _, figure = name.partition(".")
            value = row["answers"][who].get(group, {}).get(figure)
            if value is not None:
                drawn.setdefault(name, []).append(value)
    return drawn
