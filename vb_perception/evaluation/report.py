"""The report: one self-contained HTML page that opens anywhere, without a network."""

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np

from vb_perception.evaluation.charts import latency_chart
from vb_perception.evaluation.criteria import Verdict
from vb_perception.evaluation.frame_scores import Figures
from vb_perception.evaluation.gallery import Gallery, Shot
from vb_perception.evaluation.outcome import write_whole
from vb_perception.evaluation.pictures import RGB, class_colours, depth_colours
from vb_perception.evaluation.report_sections import (
    Counts,
    contest_section,
    plots_section,
    section,
    verdict_section,
)
from vb_perception.evaluation.scores import Scores
from vb_perception.evaluation.traffic import StageFigures, TopicTraffic
from vb_perception.metrics.calibration import Curve

_STYLE = (Path(__file__).with_name("report.css")).read_text(encoding="utf-8")
_PICTURE_WIDTH_PX = 480
_GALLERY_NOTE = (
    "Depth on one scale for all frames; the cloud is seen from a second place, up and to the right of the camera."
)
_RANKED_NOTE = (
    "Error of depth: |p - g| / g, dark to bright from 0 to 25 %; of normals: the angle, from 0 to 45 degrees; of "
    "masks: what differs from the truth.  The median frame is the nearest to the median among those kept on the way."
)


@dataclass(frozen=True, slots=True)
class Report:
    """What the page tells; a section without content is left out.

    `facts`, `links` (to files beside it) and `headline` are (name, value) pairs; `ledger` rows are (name, count, what
    it means); `problems` are sentences, none if all is well.  `contestants`: figures of each (none: those of `scores`),
    `counts` over how many frames, `curves` their coverage and risk; `times_ms` by stage of every frame; `per_frame`
    figures of every frame; `ranked` the best to the worst.
    """

    title: str
    lead: str
    gallery: Gallery
    facts: Sequence[tuple[str, str]] = ()
    links: Sequence[tuple[str, str]] = ()
    headline: Sequence[tuple[str, str]] = ()
    stages: Sequence[StageFigures] = ()
    ledger: Sequence[tuple[str, int, str]] = ()
    ledger_note: str = ""
    scores: Scores | None = None
    topics: Sequence[TopicTraffic] = ()
    problems: Sequence[str] = ()
    verdicts: Sequence[Verdict] = ()
    contestants: Mapping[str, Mapping[str, Figures]] = field(default_factory=dict)
    counts: Mapping[str, Counts] = field(default_factory=dict)
    curves: Mapping[str, tuple[Curve, Curve]] = field(default_factory=dict)
    times_ms: Mapping[str, Sequence[float]] = field(default_factory=dict)
    per_frame: Mapping[str, Sequence[float]] = field(default_factory=dict)
    ranked: Gallery | None = None


def write_report(path: Path, report: Report) -> None:
    """Write the page."""
    scores = report.scores
    contestants = report.contestants or ({"": scores.figures} if scores else {})
    counts = report.counts or ({"": scores.counts} if scores else {})
    curves = report.curves or ({"": (scores.coverage, scores.risk)} if scores else {})
    sections = [
        _header(report),
        verdict_section(report.verdicts),
        _gallery(report.ranked, "Best, median and worst frames", _RANKED_NOTE) if report.ranked else "",
        _gallery(report.gallery, "What it saw", _GALLERY_NOTE),
        _generated(report.gallery),
        contest_section(contestants, scores.frames if scores else 0, counts),
        plots_section(contestants, curves, report.times_ms, report.per_frame),
        _latency(report.stages),
        _ledger(report.ledger, report.ledger_note),
        _topics(report.topics),
    ]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    head += f"<title>{escape(report.title)}</title><style>{_STYLE}</style>"
    body = f"<main>{''.join(sections)}</main>"
    page = f'<!doctype html><html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'
    write_whole(path, page)


def _header(report: Report) -> str:
    failed = report.problems or not all(verdict.passed for verdict in report.verdicts)
    verdict = '<span class="chip bad">failed</span>' if failed else '<span class="chip good">ok</span>'
    problems = "".join(f"<li>{escape(problem)}</li>" for problem in report.problems)
    cards = "".join(f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for name, value in report.headline)
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in report.facts)
    links = (f'<dt>{escape(name)}</dt><dd><a href="{quote(to)}">{escape(to)}</a></dd>' for name, to in report.links)
    facts += "".join(links)
    return (
        f"<header><h1>{escape(report.title)} {verdict}</h1><p>{escape(report.lead)}</p>"
        + (f'<ul class="problems">{problems}</ul>' if problems else "")
        + f'<div class="cards">{cards}</div><dl>{facts}</dl></header>'
    )


def _gallery(gallery: Gallery, title: str, note: str) -> str:
    stops = ", ".join("rgb({}, {}, {})".format(*colour) for colour in depth_colours(16))
    near, far = gallery.range_m
    legend = "".join(
        f'<span class="key"><i style="background: rgb{colour}"></i>{escape(name)}</span>'
        for name, colour in list(zip(gallery.classes, class_colours(len(gallery.classes)), strict=True))[1:]
    )
    paint = f'<i class="ramp" style="background: linear-gradient(90deg, {stops})"></i>'
    ramp = f'<span class="key">{near:g} m {paint} {far:g} m</span>'
    rows = "".join(_shot(shot, gallery.columns) for shot in gallery.shots)
    return section(title, note, f'<div class="keys">{ramp}{legend}</div>{rows}' if rows else "")


def _shot(shot: Shot, columns: Sequence[str]) -> str:
    style = f'style="grid-template-columns: repeat({len(columns)}, 1fr)"'
    answers = "".join(_figure(column, shot.pictures.get(column)) for column in columns)
    out = f'<h3>{escape(shot.title)}</h3><div class="row" {style}>{answers}</div>'
    if shot.errors:
        errors = "".join(_figure(f"error of {column}", shot.errors.get(column)) for column in columns)
        out += f'<div class="row" {style}>{errors}</div>'
    if shot.truth:
        truths = "".join(_figure(f"true {column}", shot.truth.get(column)) for column in columns)
        out += f'<details><summary>truth</summary><div class="row" {style}>{truths}</div></details>'
    return out


def _generated(gallery: Gallery) -> str:
    shot = next((shot for shot in gallery.shots if shot.generated), None)
    if shot is None:
        return ""
    pictures = {"input": shot.pictures["input"], **shot.generated}
    style = f'style="grid-template-columns: repeat({max(4, len(pictures))}, 1fr)"'
    body = "".join(_figure(name, picture) for name, picture in pictures.items())
    note = (
        "The network answers every task by painting a picture; the codecs read metres, directions and classes back "
        "from its colours, and how far a colour lies from one that means something is the confidence."
    )
    return section("What the generator painted", note, f'<div class="row" {style}>{body}</div>')


def _figure(caption: str, picture: RGB | None) -> str:
    if picture is None:
        return "<figure></figure>"
    height, width = picture.shape[:2]
    if width > _PICTURE_WIDTH_PX:
        size = (_PICTURE_WIDTH_PX, round(height * _PICTURE_WIDTH_PX / width))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    jpeg = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])[1]
    text = base64.b64encode(jpeg.tobytes()).decode()
    label = escape(caption)
    return f'<figure><img alt="{label}" src="data:image/jpeg;base64,{text}"><figcaption>{label}</figcaption></figure>'


def _latency(stages: Sequence[StageFigures]) -> str:
    chart = latency_chart(stages)
    note = "Solid: p50, light: p95, tick: p99.  Age: from the camera's stamp to published.  Numbers: p50 / p95."
    return section("Where the time goes", note, f'<figure class="chart">{chart}</figure>' if chart else "")


def _ledger(rows: Sequence[tuple[str, int, str]], note: str) -> str:
    body = "".join(
        f"<tr><td>{escape(name)}</td><td>{count}</td><td>{escape(meaning)}</td></tr>" for name, count, meaning in rows
    )
    head = "<thead><tr><th>frames</th><th>count</th><th>what became of them</th></tr></thead>"
    return section(
        "Frame ledger", escape(note), f"<table class=wide>{head}<tbody>{body}</tbody></table>" if body else ""
    )


def _topics(topics: Sequence[TopicTraffic]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>" for cells in topic_cells(topics))
    head = "".join(f"<th>{name}</th>" for name in TOPIC_HEAD)
    table = f'<table class="wide topics"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    note = "As a third process received them.  Age: from the header's stamp to the arrival there."
    return section("Topics", note, f'<div class="scroll">{table}</div>' if body else "")


TOPIC_HEAD = ("topic", "type", "messages", "rate [Hz]", "age p50 [ms]", "p95", "p99")


def topic_cells(topics: Iterable[TopicTraffic]) -> list[tuple[str, ...]]:
    """The topics table as text, one tuple a row under `TOPIC_HEAD`."""

    def number(value: float) -> str:
        return "-" if math.isnan(value) else f"{value:.1f}"

    return [
        (
            *(t.topic, t.msgtype.replace("/msg/", "/"), str(t.messages)),
            *map(number, (t.rate_hz, t.p50_ms, t.p95_ms, t.p99_ms)),
        )
        for t in topics
    ]
