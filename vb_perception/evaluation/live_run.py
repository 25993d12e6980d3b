"""A recorded live run judged: silent topics, the frame ledger, the scores, and the report that shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vb_perception.evaluation.bags import bag_topics
from vb_perception.evaluation.camera_topics import CameraTopics
from vb_perception.evaluation.contact_sheet import write_contact_sheet
from vb_perception.evaluation.gallery import Showcase, make_gallery
from vb_perception.evaluation.recorded import read_perceptions
from vb_perception.evaluation.report import Report, write_report
from vb_perception.evaluation.report_figures import headline
from vb_perception.evaluation.scores import Scorer, Scores
from vb_perception.evaluation.traffic import NodeAccount, TopicTraffic, node_account, topic_traffic

SHOWN_WITH_TRUTH, SHOWN_WITHOUT = 6, 6
CALIBRATED_OUTPUTS = ("depth/camera_info", "points")
OUTPUTS = (
    *("depth/image_rect", "depth/confidence", "generated/depth"),
    *("normals/image", "normals/view", "normals/confidence", "generated/normals"),
    *("segmentation/mask", "segmentation/view", "segmentation/confidence", "generated/segmentation"),
    *CALIBRATED_OUTPUTS,
    "latency",
)
"""Below the node's `~/output/`, with its default tasks; those in `CALIBRATED_OUTPUTS` need a calibrated camera."""


@dataclass(frozen=True, slots=True)
class LiveRun:
    """What was run: the recording, the names in it, and what the player says that it played, by topic."""

    recording: Path
    camera: CameraTopics
    output: str
    classes: Sequence[str]
    calibrated: bool
    played: Mapping[str, int]
    source: str

    @property
    def expected_topics(self) -> list[str]:
        """The outputs that may not stay silent."""
        return [f"{self.output}/{name}" for name in OUTPUTS if self.calibrated or name not in CALIBRATED_OUTPUTS]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of a live run; `problems` are sentences, none if all is well."""

    problems: tuple[str, ...]
    traffic: tuple[TopicTraffic, ...]
    account: NodeAccount | None
    lost: int
    scores: Scores


def judge(run: LiveRun, out: Path, trouble: Sequence[str] = ()) -> Judgement:
    """Judge a recording; writes report.html and contact_sheet.png into `out`.

    Args:
        run: What was run.
        out: An existing folder.
        trouble: Problems that were seen while it ran.

    Raises:
        BagError: The recording cannot be read.
    """
    account = node_account(run.recording, f"{run.output}/latency")
    played = run.played.get(run.camera.image, 0)
    scorer, with_truth, without = Scorer(), Showcase(SHOWN_WITH_TRUTH), Showcase(SHOWN_WITHOUT)
    unusable: list[str] = []
    for perception, truth in read_perceptions(run.recording, run.output, run.classes, run.camera, unusable.append):
        (without if truth is None else with_truth).offer(perception, truth)
        if truth is not None:
            scorer.add(perception.predictions, truth)
    gallery = make_gallery(with_truth.kept + without.kept)
    traffic = tuple(topic_traffic(run.recording))
    lost = played - account.ledger.received if account else played
    judgement = Judgement((*trouble, *problems_of(run)), traffic, account, lost, scorer.scores())
    write_contact_sheet(out / "contact_sheet.png", gallery, "vb_perception: what the node answered")
    report = Report(
        title="vb_perception demo",
        lead="Frames played over DDS into the real node; every output received and recorded by a third process.",
        gallery=gallery,
        facts=_facts(run, account, unusable),
        headline=_headline(account, played, judgement.scores),
        stages=account.stages if account else (),
        ledger=ledger_rows(account, played) if account else (),
        ledger_note=ledger_equation(account) if account else "",
        scores=judgement.scores,
        topics=traffic,
        problems=judgement.problems,
    )
    write_report(out / "report.html", report)
    return judgement


def ledger_equation(account: NodeAccount) -> str:
    """The ledger as the sum that must hold."""
    n = account.ledger
    return (
        f"received {n.received} = processed {n.processed} + overwritten {n.overwritten} + rejected {n.rejected} "
        f"+ failed {n.failed} + skipped {n.skipped} + aged {n.aged} + waiting {account.waiting}"
    )


def ledger_rows(account: NodeAccount, played: int) -> list[tuple[str, int, str]]:
    """Name, count and meaning of each column."""
    lost = played - account.ledger.received
    return [
        ("played", played, "images that the player published, by its own count"),
        ("lost in transport", lost, "published, but never seen by the node"),
        *node_rows(account),
    ]


def node_rows(account: NodeAccount) -> list[tuple[str, int, str]]:
    """The columns that the node itself counts."""
    n = account.ledger
    return [
        ("received", n.received, "images that the node took from the camera topic"),
        ("processed", n.processed, "answered and published"),
        ("overwritten", n.overwritten, "replaced by a newer image before their turn"),
        ("rejected", n.rejected, "unusable: encoding, size, stamp or camera_info"),
        ("failed", n.failed, "the engine or a decoder failed"),
        ("skipped", n.skipped, "not wanted: a rate limit, or no task due"),
        ("aged", n.aged, "too old when their turn came"),
        ("waiting", account.waiting, "still in the node when it last reported"),
    ]


def problems_of(run: LiveRun) -> list[str]:
    """What is wrong with a recording, a sentence each: silent topics and a ledger that does not add up.

    Raises:
        BagError: The recording cannot be read.
    """
    there = {topic: entry.messages for topic, entry in bag_topics(run.recording).items()}
    silent = [f"topic {topic} stayed silent" for topic in run.expected_topics if not there.get(topic)]
    account = node_account(run.recording, f"{run.output}/latency")
    return silent + _ledger_problems(account, run.played.get(run.camera.image, 0))


def _ledger_problems(account: NodeAccount | None, played: int) -> list[str]:
    if account is None:
        return ["the node never published its ledger"]
    out = []
    if not account.ledger.balances(account.waiting):
        out.append(f"the ledger does not balance: {ledger_equation(account)}")
    if account.waiting:
        out.append(f"{account.waiting} frames were still in the node when everything had been played")
    if account.ledger.received > played:
        out.append(f"the node received {account.ledger.received} images, but only {played} were played")
    if account.ledger.failed:
        out.append(f"{account.ledger.failed} frames failed in the engine or a decoder")
    return out


def _facts(run: LiveRun, account: NodeAccount | None, unusable: Sequence[str]) -> list[tuple[str, str]]:
    facts = [("frames from", run.source), ("camera", f"{run.camera.image} ({run.camera.msgtype.split('/')[-1]})")]
    if account:
        facts.append(("run by", account.backend))
    if unusable:
        facts.append(("unusable images", f"{len(unusable)}; the first: {unusable[0]}"))
    return [*facts, ("recording", str(run.recording))]


def _headline(account: NodeAccount | None, played: int, scores: Scores) -> list[tuple[str, str]]:
    out = []
    if account:
        out.append(("frames answered", f"{account.ledger.processed} of {played}"))
        out += [("age p50", f"{s.p50_ms:.0f} ms") for s in account.stages if s.stage == "age"]
    return [*out, *headline(scores)]
