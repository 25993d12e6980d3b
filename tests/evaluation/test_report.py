"""The page is whole, opens without a network and escapes what it is given."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.evaluation.conftest import make_sample
from tests.evaluation.test_scores import perfect
from vb_perception.evaluation.charts import latency_chart
from vb_perception.evaluation.contact_sheet import write_contact_sheet
from vb_perception.evaluation.criteria import Criterion, Verdict
from vb_perception.evaluation.gallery import Showcase, make_gallery
from vb_perception.evaluation.replay import sample_frames
from vb_perception.evaluation.report import Report, topic_cells, write_report
from vb_perception.evaluation.scores import Scorer
from vb_perception.evaluation.traffic import StageFigures, TopicTraffic
from vb_perception.frame import Perception
from vb_perception.scenes.sample import Sample
from vb_perception.timing import StageTimes

NAN = float("nan")


@pytest.fixture(scope="module")
def seen(samples: list[Sample]) -> list[tuple[Perception, Sample | None]]:
    painted = {"depth": np.zeros((12, 16, 3), np.uint8)}
    return [(Perception(f, perfect(s), painted, StageTimes()), s) for f, s in sample_frames(samples)]


class Page(HTMLParser):
    """Tags that are open, and every address that the page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag, attrs  # closed where it opened

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_self_contained_and_well_formed(
    seen: list[tuple[Perception, Sample | None]], tmp_path: Path
) -> None:
    scorer = Scorer()
    for perception, truth in seen:
        assert truth is not None
        scorer.add(perception.predictions, truth)
    blind = make_sample()
    blind.depth_m[:] = NAN
    scorer.add(perfect(make_sample()), blind)
    path = tmp_path / "report.html"
    report = Report(
        title="A <title>",
        lead="lead & more",
        gallery=make_gallery(seen[:2]),
        facts=(("bag", "<b>x</b>"),),
        headline=(("frames", "2"),),
        stages=[StageFigures("infer", 1.0, 2.0, 3.0, 4.0), StageFigures("age", NAN, NAN, NAN, NAN)],
        ledger=(("received", 3, "taken"),),
        ledger_note="received 3 = processed 3",
        scores=scorer.scores(),
        topics=[TopicTraffic("/a", "std_msgs/msg/String", 1, NAN, NAN, NAN, NAN)],
        problems=("topic /b stayed silent",),
        verdicts=(Verdict(Criterion("depth.abs_rel", "<=", 0.1), 0.0, passed=True),),
        times_ms={"": [3.0, 4.0], "infer": [2.0, 3.0]},
        per_frame={"depth.abs_rel": [0.1, 0.2]},
        ranked=make_gallery(seen[:2], ("best", "worst"), with_errors=True),
    )
    write_report(path, report)
    text = path.read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.addresses
    assert all(address.startswith("data:image/jpeg;base64,") for address in page.addresses)
    assert not re.search(r"https?://|url\(|@import", text)
    assert "A &lt;title&gt;" in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text
    sections = ("Criteria", "Best, median and worst frames", "What it saw", "What the generator painted", "Plots")
    for section in (*sections, "Against the truth", "Where the time goes", "Topics"):
        assert f"<h2>{section}</h2>" in text
    for drawn in ("error of depth", "error of instances", "Depth error by distance", "Latency over time", "(worst)"):
        assert drawn in text
    assert 'class="chip bad"' in text
    assert "<td>AbsRel</td><td>0.000 (6 frames)</td>" in text
    assert "<td>table</td><td>1.000</td>" in text


def test_empty_sections_are_left_out(seen: list[tuple[Perception, Sample | None]], tmp_path: Path) -> None:
    write_report(tmp_path / "r.html", Report("t", "l", make_gallery(seen[:1])))
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert text.count("<h2>") == 2
    assert 'class="chip good"' in text


def test_titles_are_names_or_seconds(seen: list[tuple[Perception, Sample | None]]) -> None:
    assert make_gallery(seen).shots[1].title == "made/1"
    assert make_gallery([(perception, None) for perception, _ in seen]).shots[3].title == "0.20 s"


def test_truth_stands_under_the_answers_it_is_the_truth_of(seen: list[tuple[Perception, Sample | None]]) -> None:
    shot = make_gallery(seen[:1]).shots[0]
    assert shot.truth.keys() == {"depth", "normals", "segmentation", "instances", "cloud"}
    np.testing.assert_array_equal(shot.truth["depth"], shot.pictures["depth"])
    assert make_gallery([(seen[0][0], None)]).shots[0].truth == {}
    perception, sample = seen[0]
    assert sample is not None
    bare = replace(sample, class_ids=np.full_like(sample.class_ids, -1))
    assert "instances" in make_gallery([(perception, bare)]).shots[0].truth


@pytest.mark.parametrize("offered", [0, 1, 5, 6, 7, 100])
def test_a_showcase_keeps_evenly_spaced_frames(seen: list[tuple[Perception, Sample | None]], offered: int) -> None:
    showcase = Showcase(6)
    many = [Perception(seen[0][0].frame, {}, {}, StageTimes(age_ns=i)) for i in range(offered)]
    for perception in many:
        showcase.offer(perception, None)
    kept = [perception.times.age_ns for perception, _ in showcase.kept]
    assert len(kept) == offered if offered <= 6 else 3 <= len(kept) <= 6
    assert len(set(np.diff(kept))) <= 1


def test_the_contact_sheet_is_a_picture(seen: list[tuple[Perception, Sample | None]], tmp_path: Path) -> None:
    write_contact_sheet(tmp_path / "sheet.png", make_gallery(seen[:2]), "title", with_truth=True)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    assert sheet.shape[1] > 1500
    assert sheet.std() > 20


def test_the_latency_chart_orders_its_bars() -> None:
    chart = latency_chart([StageFigures("infer", 10.0, 20.0, 30.0, 40.0)])
    solid, light = (float(re.findall(rf'class="{c}"[^>]* width="([\d.]+)"', chart)[0]) for c in ("solid", "light"))
    assert light == pytest.approx(2 * solid, abs=0.2)
    assert latency_chart([]) == ""


def test_topic_cells_write_unknown_as_a_dash() -> None:
    row = TopicTraffic("/a", "std_msgs/msg/String", 1, NAN, 1.25, 2.0, 3.0)
    assert topic_cells([row]) == [("/a", "std_msgs/String", "1", "-", "1.2", "2.0", "3.0")]
