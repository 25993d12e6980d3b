"""What made the results: names of a mask's ids, and the prompts, codecs and digests, as latched messages."""

from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from std_msgs.msg import Header

import vb_perception.msg
from vb_perception.msg import ModelInfo, TaskInfo
from vb_perception.predictions import SegmentMap
from vb_perception.runtime.engine import FP32, Engine, EngineSpec
from vb_perception.tasks import InstanceSegmentation, MetricDepth, Task


@dataclass(frozen=True, slots=True)
class Maker:
    """What computes the answers at one moment: runtime, and the spec of its graph at the precision that really runs."""

    backend: str
    spec: EngineSpec


def maker_of(engine: Engine, model: EngineSpec) -> Maker:
    """What computes the answers now; `model` is the spec of the whole model, which lists every graph.

    The spec of an engine says how it was opened; a reduced precision may have been reloaded in fp32 since, and the CPU
    may run the graph of fp32 in another one, which has none of its own.
    """
    spec, precision = engine.spec, engine.computed
    own = any(graph.precision == precision for graph in model.graphs())
    graph = model.choose(precision if own else FP32, (spec.height, spec.width))
    return Maker(engine.backend, replace(spec.at(graph), precision=precision))


def label_types() -> tuple[type[Any], type[Any]]:
    """LabelInfo and VisionClass of vision_msgs where it is installed, else this package's own of the same shape."""
    try:
        messages: Any = import_module("vision_msgs.msg")
    except ImportError:
        messages = vb_perception.msg
    return messages.LabelInfo, messages.VisionClass


def names_of(task: Task) -> tuple[str, ...]:
    """What the ids of a task's answer mean, from 0; empty where it has none, or where they count instances."""
    if isinstance(task, InstanceSegmentation):
        return ()
    blank = task.decode(np.zeros((1, 1, 3), np.uint8))
    return blank.names if isinstance(blank, SegmentMap) else ()


def label_message(task: Task, header: Header) -> Any:  # noqa: ANN401 - of one of two packages
    """LabelInfo of a task's mask; instances are all of the one class that the task names."""
    label_info, vision_class = label_types()
    names = ("background", task.noun) if isinstance(task, InstanceSegmentation) else names_of(task)
    classes = [vision_class(class_id=i, class_name=name) for i, name in enumerate(names)]
    return label_info(header=header, class_map=classes, threshold=0.0)


def task_message(task: Task) -> TaskInfo:
    """What one task asks and how its answer is read."""
    if isinstance(task, MetricDepth):
        codec = repr(task.codec)
    elif isinstance(task, InstanceSegmentation):
        codec = f"instances(background={task.background})"
    else:
        codec = f"{type(task).__name__}: nearest colour" if names_of(task) else f"{type(task).__name__}: unit sphere"
    named = {token.phrase: token.colour for token in task.tokens if token.phrase}
    colours = [named.get(name) for name in names_of(task)]
    return TaskInfo(
        name=task.name,
        kind=type(task).__name__,
        prompt=task.prompt,
        codec=codec,
        names=list(names_of(task)),
        colours=["" if colour is None else "#{:02X}{:02X}{:02X}".format(*colour) for colour in colours],
    )


def model_message(stamp: Time, camera: str, maker: Maker, tasks: tuple[Task, ...]) -> ModelInfo:
    """ModelInfo that holds from `stamp` on."""
    spec = maker.spec
    return ModelInfo(
        header=Header(stamp=stamp),
        camera=camera,
        model=spec.name,
        precision=spec.precision,
        backend=maker.backend,
        weights_sha256=spec.weights_sha256,
        generator_sha256=spec.generator_sha256,
        text_sha256=spec.text_sha256,
        codec_version=spec.codec_version,
        tasks=[task_message(task) for task in tasks],
    )
