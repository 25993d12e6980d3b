"""The parameters `tasks`, `classes` and `colours` -> the tasks of a camera."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import replace

from vb_perception.codecs.depth import DepthCodec
from vb_perception.codecs.palette import COLOUR_NAMES, Colour, distinct_colours
from vb_perception.errors import ConfigError
from vb_perception.instructions import task_from_text
from vb_perception.tasks import BLACK, MetricDepth, SemanticSegmentation, SurfaceNormals, Task


def tasks_from_parameters(
    texts: Sequence[str], classes: Sequence[str], colours: Sequence[str], codec: DepthCodec
) -> tuple[Task, ...]:
    """The tasks that `texts` name or order; `classes` and `colours` are the legend of the one called segmentation.

    Raises:
        ConfigError: says which parameter cannot be used and why.
    """
    if not texts:
        msg = "parameter tasks is empty: name at least one of depth, normals, segmentation, or an instruction"
        raise ConfigError(msg)
    legend = _legend(classes, colours)
    tasks = tuple(_task(text, legend, codec) for text in texts)
    names = [task.name for task in tasks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"parameter tasks asks twice for {', '.join(twice)}, on the same topics: run a second node for the other"
        raise ConfigError(msg)
    return tasks


def _legend(classes: Sequence[str], colours: Sequence[str]) -> tuple[tuple[str, Colour], ...]:
    if not any(colours):
        chosen = distinct_colours(len(classes), (BLACK,))
        return tuple(zip(classes, chosen, strict=True))
    if len(classes) != len(colours):
        msg = f"{len(classes)} classes {classes} but {len(colours)} colours {colours}: give one colour a class"
        raise ConfigError(msg)
    return tuple((phrase, _colour(text)) for phrase, text in zip(classes, colours, strict=True))


def _colour(text: str) -> Colour:
    if re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        red, green, blue = bytes.fromhex(text[1:])
        return red, green, blue
    known = COLOUR_NAMES.get(text.strip().lower())
    if known is None:
        near = difflib.get_close_matches(text.lower(), COLOUR_NAMES, 1, 0.0)[0]
        msg = f"colour {text!r} in parameter colours: expected #RRGGBB or a name; the nearest name is {near!r}"
        raise ConfigError(msg)
    return known


def _task(text: str, legend: tuple[tuple[str, Colour], ...], codec: DepthCodec) -> Task:
    if text == "depth":
        return MetricDepth(codec)
    if text == "normals":
        return SurfaceNormals()
    if text == "segmentation":
        return SemanticSegmentation(legend)
    task = task_from_text(text)
    if isinstance(task, MetricDepth):
        ours = replace(task.codec, max_range_m=codec.max_range_m, beyond=codec.beyond)
        return replace(task, codec=ours)
    return task
