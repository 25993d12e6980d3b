"""The report: one self-contained HTML page that opens anywhere, without a network."""

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import cv2
import numpy as np

from vb_perception.evaluation.charts import latency_chart, risk_chart
from vb_perception.evaluation.gallery import Gallery, Shot
from vb_perception.evaluation.pictures import RGB, class_colours, depth_colours
from vb_perception.evaluation.scores import KEPT, Scores
from vb_perception.evaluation.traffic import StageFigures, TopicTraffic

_STYLE = (Path(__file__).with_name("report.css")).read_text(encoding="utf-8")
_PICTURE_WIDTH_PX = 480
_LABELS = {
    "abs_rel": "AbsRel", "sq_rel": "SqRel [m]", "rmse": "RMSE [m]", "rmse_log": "RMSE log", "si_log": "SIlog",
    "delta1": "δ < 1.25", "delta2": "δ < 1.25²", "delta3": "δ < 1.25³", "coverage": "pixels answered",
    "mean_deg": "mean [deg]", "median_deg": "median [deg]", "share_11_25": "within 11.25°",
    "share_22_5": "within 22.5°", "share_30": "within 30°",
    "overlap_p": "overlap precision", "overlap_r": "overlap recall",
    "overlap_f": "overlap F",
    "boundary_p": "boundary precision", "boundary_r": "boundary recall", "boundary_f": "boundary F",
    "share_75": "objects with F > 0.75", "abs_rel_all": "AbsRel, all pixels",
    "abs_rel_surest_80": "AbsRel, surest 80 %", "lower_by": "lower by", "ause": "AUSE",
}  # fmt: skip
_GROUPS = {
    "depth": "Depth", "normals": "Surface normals", "classes": "Classes: IoU", "objects": "Objects",
    "confidence": "Confidence",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Report:
    """What the page tells; a section without content is left out.

    `facts` and `headline` are (name, value) pairs; `ledger` rows are (name, count, what it means); `problems` are
    sentences, none if all is well.
    """

    title: str
    lead: str
    gallery: Gallery
    facts: Sequence[tuple[str, str]] = ()
    headline: Sequence[tuple[str, str]] = ()
    stages: Sequence[StageFigures] = ()
    ledger: Sequence[tuple[str, int, str]] = ()
    ledger_note: str = ""
    scores: Scores | None = None
    topics: Sequence[TopicTraffic] = ()
    problems: Sequence[str] = field(default=())


def write_report(path: Path, report: Report) -> None:
    """Write the page."""
    sections = [
        _header(report),
        _gallery(report.gallery),
        _generated(report.gallery),
        _scores(report.scores),
        _latency(report.stages),
        _ledger(report.ledger, report.ledger_note),
        _topics(report.topics),
    ]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    head += f"<title>{escape(report.title)}</title><style>{_STYLE}</style>"
    body = f"<main>{''.join(sections)}</main>"
    page = f'<!doctype html><html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'
    path.write_text(page, encoding="utf-8")


def _section(title: str, note: str, body: str) -> str:
    lead = f'<p class="note">{note}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{lead}{body}</section>" if body else ""


def _header(report: Report) -> str:
    verdict = '<span class="chip bad">failed</span>' if report.problems else '<span class="chip good">ok</span>'
    problems = "".join(f"<li>{escape(problem)}</li>" for problem in report.problems)
    cards = "".join(f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for name, value in report.headline)
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in report.facts)
    return (
        f"<header><h1>{escape(report.title)} {verdict}</h1><p>{escape(report.lead)}</p>"
        + (f'<ul class="problems">{problems}</ul>' if problems else "")
        + f'<div class="cards">{cards}</div><dl>{facts}</dl></header>'
    )


def _gallery(gallery: Gallery) -> str:
    stops = ", ".join("rgb({}, {}, {})".format(*colour) for colour in depth_colours(16))
    near, far = gallery.range_m
    legend = "".join(
        f'<span class="key"><i style="background: rgb{colour}"></i>{escape(name)}</span>'
        for name, colour in list(zip(gallery.classes, class_colours(len(gallery.classes)), strict=True))[1:]
    )
    paint = f'<i class="ramp" style="background: linear-gradient(90deg, {stops})"></i>'
    ramp = f'<span class="key">{near:g} m {paint} {far:g} m</span>'
    rows = "".join(_shot(shot, gallery.columns) for shot in gallery.shots)
    note = (
        "Depth on one scale for all frames; the cloud is seen from a second place, up and to the right of the camera."
    )
    return _section("What it saw", note, f'<div class="keys">{ramp}{legend}</div>{rows}' if rows else "")


def _shot(shot: Shot, columns: Sequence[str]) -> str:
    style = f'style="grid-template-columns: repeat({len(columns)}, 1fr)"'
    answers = "".join(_figure(column, shot.pictures.get(column)) for column in columns)
    out = f'<h3>{escape(shot.title)}</h3><div class="row" {style}>{answers}</div>'
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
    return _section("What the generator painted", note, f'<div class="row" {style}>{body}</div>')


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


def _scores(scores: Scores | None) -> str:
    if scores is None or not scores.figures:
        return ""
    tables = "".join(_score_table(_GROUPS[group], figures) for group, figures in scores.figures.items())
    curve = risk_chart(scores.coverage, scores.risk, KEPT)
    caption = "<figcaption>Risk and coverage of depth</figcaption>"
    drawn = f'<figure class="chart half">{curve}{caption}</figure>' if curve else ""
    note = f"Mean over the {scores.frames} frames with truth; pixels without a label or true depth do not count."
    return _section("Against the truth", note, f'<div class="scores">{tables}{drawn}</div>')


def _score_table(title: str, figures: Mapping[str, float]) -> str:
    rows = "".join(
        f"<tr><td>{escape(_LABELS.get(name, name))}</td><td>{_figure_text(name, value)}</td></tr>"
        for name, value in figures.items()
    )
    return f"<table><thead><tr><th colspan=2>{escape(title)}</th></tr></thead><tbody>{rows}</tbody></table>"


def _figure_text(name: str, value: float) -> str:
    if math.isnan(value):
        return "&ndash;"
    if name.endswith("_deg"):
        return f"{value:.1f}"
    return f"{value:.1%}" if name == "lower_by" else f"{value:.3f}"


def _latency(stages: Sequence[StageFigures]) -> str:
    chart = latency_chart(stages)
    note = "Solid: p50, light: p95, tick: p99.  Age: from the camera's stamp to published.  Numbers: p50 / p95."
    return _section("Where the time goes", note, f'<figure class="chart">{chart}</figure>' if chart else "")


def _ledger(rows: Sequence[tuple[str, int, str]], note: str) -> str:
    body = "".join(
        f"<tr><td>{escape(name)}</td><td>{count}</td><td>{escape(meaning)}</td></tr>" for name, count, meaning in rows
    )
    head = "<thead><tr><th>frames</th><th>count</th><th>what became of them</th></tr></thead>"
    return _section(
        "Frame ledger", escape(note), f"<table class=wide>{head}<tbody>{body}</tbody></table>" if body else ""
    )


def _topics(topics: Sequence[TopicTraffic]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>" for cells in topic_cells(topics))
    head = "".join(f"<th>{name}</th>" for name in TOPIC_HEAD)
    table = f'<table class="wide topics"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    note = "As a third process received them.  Age: from the header's stamp to the arrival there."
    return _section("Topics", note, f'<div class="scroll">{table}</div>' if body else "")


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
