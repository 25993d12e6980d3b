"""What is said of frames in a row: latency, flicker, the best and the worst; and the threads that bring them."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.evaluation.conftest import make_sample
from tests.evaluation.test_scores import perfect
from vb_perception.evaluation.ahead import ahead
from vb_perception.evaluation.judge import Judge, joined_latency
from vb_perception.evaluation.plots import histogram, line_plot, thinned
from vb_perception.evaluation.ranking import Ranking
from vb_perception.evaluation.scores import Scorer
from vb_perception.frame import Frame, Perception
from vb_perception.predictions import DepthMap
from vb_perception.scenes.sample import Sample
from vb_perception.timing import StageTimes


def _perception(sample: Sample, factor: float = 1.0, infer_ms: float = 10.0) -> Perception:
    depth = DepthMap((sample.depth_m * factor).astype(np.float32), np.ones_like(sample.depth_m))
    times = StageTimes(prepare_ns=1_000_000, infer_ns=round(infer_ms * 1e6))
    return Perception(Frame(sample.rgb, 0, "camera", sample.intrinsics), {"depth": depth}, {}, times)


def test_latency_by_stage() -> None:
    judge, sample = Judge(), make_sample()
    for ms in range(1, 102):
        judge.add(_perception(sample, infer_ms=float(ms)), None)
    latency = judge.latency()
    assert latency["infer_p50_ms"] == pytest.approx(51)
    assert latency["p95_ms"] == pytest.approx(97)
    assert latency["max_ms"] == pytest.approx(102)
    assert "decode_p50_ms" not in latency
    halves = [{"": list(judge.total_ms)[i::2], "infer": list(judge.stages_ms["infer"])[i::2]} for i in (0, 1)]
    assert joined_latency(halves)["infer_p95_ms"] == pytest.approx(latency["infer_p95_ms"])


def test_flicker_at_rest() -> None:
    judge, sample = Judge(), make_sample()
    assert "flicker" not in judge.add(_perception(sample), sample)
    assert judge.add(_perception(sample, 1.1), sample)["flicker"]["depth_static"] == pytest.approx(
        np.log(1.1) / np.sqrt(2), rel=1e-4
    )
    moved = replace(sample, rgb=255 - sample.rgb)
    assert "flicker" not in judge.add(_perception(moved), moved)
    assert judge.scorer.scores().figures["flicker"]["depth_static"] > 0


def test_flicker_along_the_true_motion() -> None:
    judge, sample = Judge(), replace(make_sample(), world_from_camera=np.eye(4))
    judge.add(_perception(sample), sample)
    row = judge.add(_perception(sample, 1.2), sample)
    assert row["flicker"] == {"depth_warped": pytest.approx(np.log(1.2), rel=1e-3)}


def test_the_best_the_median_and_the_worst() -> None:
    ranking, sample = Ranking(), make_sample()
    errors = np.random.default_rng(0).permutation(np.arange(101) / 100)
    for error in errors:
        ranking.offer({"depth": {"abs_rel": float(error)}}, _perception(sample, 1 + error), sample)
    ranking.offer({"normals": {"mean_deg": 1.0}}, _perception(sample), sample)  # not what the others are ranked by
    labels = [ranked.label for ranked in ranking.ranked()]
    assert [label.split(":")[0] for label in labels] == ["best", "best", "median", "worst", "worst"]
    assert "depth.abs_rel 0, rank 1 of 101" in labels[0]
    assert "depth.abs_rel 1, rank 101 of 101" in labels[-1]
    assert 35 <= int(labels[2].split("rank ")[1].split(" ")[0]) <= 67
    assert Ranking().ranked() == []


def test_few_frames_are_shown_once() -> None:
    ranking, sample = Ranking(), make_sample()
    for error in (0.3, 0.1):
        ranking.offer({"depth": {"abs_rel": error}}, _perception(sample), sample)
    labels = [ranked.label for ranked in ranking.ranked()]
    assert [label.split(":")[0] for label in labels] == ["best", "worst"]
    assert "0.1, rank 1 of 2" in labels[0]
    ranking.offer({"depth": {"abs_rel": 0.2}}, _perception(sample), sample)
    assert [ranked.label.split(":")[0] for ranked in ranking.ranked()] == ["best", "median", "worst"]


def test_parts_of_the_frames_join_to_the_whole(samples: list[Sample]) -> None:
    whole, parts = Scorer(), [Scorer(), Scorer()]
    for i, sample in enumerate(samples):
        whole.add(perfect(samples[i - 1]), sample)
        parts[i // 3].add(perfect(samples[i - 1]), sample)
    joined = Scorer()
    for part in parts:
        joined.merge(part.state())
    assert joined.scores().frames == whole.scores().frames
    for group, figures in whole.scores().figures.items():
        assert joined.scores().figures[group] == pytest.approx(figures, nan_ok=True), group


def test_one_thread_ahead_keeps_the_order_and_tells_what_failed() -> None:
    assert list(ahead(lambda: iter(range(50)))) == list(range(50))

    def breaks() -> Iterator[int]:
        yield 1
        msg = "broke"
        raise ValueError(msg)

    got: list[int] = []
    with pytest.raises(ValueError, match="broke"):
        got.extend(ahead(breaks))
    assert got in ([], [1])


def test_a_consumer_that_stops_ends_the_thread_and_closes_what_it_read() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    items = ahead(endless)
    assert next(items) == 0
    items.close()
    assert closed.is_set()
    assert not any(thread.name == "ahead" for thread in threading.enumerate())


def test_plots_draw_what_is_known() -> None:
    nan = float("nan")
    drawn = line_plot({"a & b": [(0, 1.0), (1, nan), (2, 3.0)]}, "x", "y", ["near", "mid", "far"])
    assert "a &amp; b" in drawn
    assert drawn.count("<circle") == 2
    assert line_plot({"a": [(0, nan)]}, "x", "y") == histogram([nan], "x") == ""
    assert histogram([0.1, 0.1, 0.3], "x").count("<rect") == 24
    peak = [(float(i), 9.0 if i == 501 else 0.0) for i in range(5000)]
    assert (501.0, 9.0) in thinned(peak)
    assert len(thinned(peak)) == 240
