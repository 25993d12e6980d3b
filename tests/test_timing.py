"""Latency percentiles against numpy over the same times, and the ledger of frames."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vb_perception.errors import ConfigError
from vb_perception.timing import STAGES, FrameLedger, LatencySummary, LatencyWindow, StageTimes

NANOSECONDS = st.integers(0, 10**12)


def test_stages_are_named_after_the_fields() -> None:
    assert STAGES == ("receive", "prepare", "infer", "decode", "publish", "age")


@given(st.lists(NANOSECONDS, min_size=1, max_size=40), st.integers(1, 20))
def test_summary_covers_the_newest_frames_only(infer_ns: list[int], size: int) -> None:
    window = LatencyWindow(size)
    for ns in infer_ns:
        window.add(StageTimes(infer_ns=ns, age_ns=2 * ns))
    kept_ms = sorted(ns / 1e6 for ns in infer_ns[-size:])
    summary = window.summary("infer")
    assert summary.count == len(kept_ms)
    assert summary.max_ms == kept_ms[-1]
    assert summary.mean_ms == pytest.approx(math.fsum(kept_ms) / len(kept_ms))
    for percent, value in ((50, summary.p50_ms), (95, summary.p95_ms), (99, summary.p99_ms)):
        at = percent / 100 * (len(kept_ms) - 1)
        low, high = kept_ms[math.floor(at)], kept_ms[math.ceil(at)]
        assert value == pytest.approx(low + (at - math.floor(at)) * (high - low))
    assert window.summary("age").max_ms == pytest.approx(2 * summary.max_ms)
    assert window.summary("publish") == LatencySummary(summary.count, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_an_empty_window_has_no_numbers() -> None:
    window = LatencyWindow()
    window.add(StageTimes(infer_ns=5))
    window.clear()
    summary = window.summary("infer")
    assert summary.count == 0
    assert np.isnan([summary.mean_ms, summary.p50_ms, summary.p95_ms, summary.p99_ms, summary.max_ms]).all()


def test_bad_requests_say_what_is_expected() -> None:
    with pytest.raises(ConfigError, match="unknown stage 'inference': expected one of receive, prepare, infer"):
        LatencyWindow().summary("inference")
    with pytest.raises(ConfigError, match="0 frames: expected at least 1"):
        LatencyWindow(0)


@given(st.tuples(*[st.integers(0, 50)] * 4), st.integers(0, 9))
def test_ledger_balances_exactly_when_in_is_out(outcomes: tuple[int, int, int, int], waiting: int) -> None:
    ledger = FrameLedger(sum(outcomes) + waiting, *outcomes)
    assert ledger.in_flight == waiting
    assert ledger.balances(waiting)
    assert not ledger.balances(waiting + 1)
    ledger.rejected += 1
    assert not ledger.balances(waiting)
