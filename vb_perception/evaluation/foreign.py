"""A model that is not ours, told by an adapter file, as a contestant beside ours."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter_ns

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import Letterbox
from vb_perception.errors import ConfigError
from vb_perception.evaluation.adapter import AdapterInput, AdapterOutput, read_adapter
from vb_perception.evaluation.provenance import digest
from vb_perception.frame import Frame, Perception
from vb_perception.predictions import DepthMap, NormalMap, Prediction, SegmentMap
from vb_perception.runtime.foreign_onnx import ForeignOnnx
from vb_perception.tasks import Task
from vb_perception.timing import StageTimes

Array = NDArray[np.generic]
Floats = NDArray[np.float32]
_LEAST = np.float32(1e-6)  # of an inverse depth in 1 / m: what is not above it lies beyond any range
_MAP, _PLANES = 2, 3
_DEPTH_MEANS = {"relative": "relative", "relative_inverse": "relative_inverse"}


class ForeignModel:
    """Answers every frame with all that the adapter names, whatever is asked."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        """Load the model of the adapter file at `path`.

        Raises:
            ConfigError: the adapter cannot be used, or does not fit the model's inputs and outputs.
            EngineError: the model cannot be loaded.
        """
        self._adapter = read_adapter(path)
        self._model = ForeignOnnx(self._adapter.model, threads)
        self.run_by, self.digest = self._model.backend, digest(self._adapter.model)
        depth = self._adapter.outputs.get("depth")
        self.depth_means = _DEPTH_MEANS.get(depth.means, "metric") if depth else "metric"
        self._input = self._adapter.input.name or next(iter(self._model.inputs))
        wanted = {output.name for output in self._adapter.outputs.values()}
        if {self._input} != set(self._model.inputs) or not wanted <= set(self._model.outputs):
            msg = (
                f"adapter {path}: takes {self._input}, answers {', '.join(sorted(wanted))}; the model takes "
                f"{', '.join(self._model.inputs)} and answers {', '.join(self._model.outputs)}: correct the names"
            )
            raise ConfigError(msg)

    def perceive(self, frame: Frame, _tasks: Sequence[Task]) -> Perception:
        """Its answers at the size of the frame's image; confidence is 1 everywhere, it has none.

        Raises:
            InferenceError: the network failed.
            ConfigError: an output has another shape than its meaning says.
        """
        shape = self._adapter.input
        box = Letterbox(frame.width, frame.height, shape.width, shape.height)
        started = perf_counter_ns()
        image = _image(frame.rgb, shape, box)
        prepared = perf_counter_ns()
        answers = self._model.run({self._input: image})
        inferred = perf_counter_ns()
        predictions = self._decoded(answers, frame, box)
        decoded = perf_counter_ns()
        times = StageTimes(prepare_ns=prepared - started, infer_ns=inferred - prepared, decode_ns=decoded - inferred)
        return Perception(frame, predictions, {}, times)

    def _decoded(self, answers: Mapping[str, Array], frame: Frame, box: Letterbox) -> dict[str, Prediction]:
        sure = np.ones((frame.height, frame.width), np.float32)
        out: dict[str, Prediction] = {}
        for task, output in self._adapter.outputs.items():
            planes = _planes(task, output, answers[output.name])
            if self._adapter.input.resize == "letterbox":
                planes = _without_margins(planes, box)
            if task == "depth":
                out[task] = DepthMap(_resized(_metres(planes[..., 0], output.means), frame, cv2.INTER_NEAREST), sure)
            elif task == "normals":
                out[task] = NormalMap(_unit(_resized(planes, frame, cv2.INTER_LINEAR), output.means), sure)
            else:
                ids = planes[..., 0] if output.means == "ids" else planes.argmax(-1)
                if not (ids >= 0).all() or ids.max() >= len(output.classes):
                    named = f"the adapter names {len(output.classes)} classes: name every id"
                    msg = f"output {output.name} holds ids {ids.min():g} to {ids.max():g}; {named}"
                    raise ConfigError(msg)
                ids = ids.astype(np.uint16)
                shown = cv2.resize(ids, (frame.width, frame.height), interpolation=cv2.INTER_NEAREST)
                out[task] = SegmentMap(np.asarray(shown, np.uint16), output.classes, sure)
        return out


def _image(rgb: NDArray[np.uint8], shape: AdapterInput, box: Letterbox) -> Floats:
    """The picture as the adapter says: (1, 3, H, W) or (1, H, W, 3) float32."""
    whole = shape.resize == "stretch"
    size = (shape.width, shape.height) if whole else (box.inner_width, box.inner_height)
    shrinks = size[0] < rgb.shape[1]
    inner = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    canvas = np.full((shape.height, shape.width, 3), 128, np.uint8)
    left, top = (0, 0) if whole else (box.left, box.top)
    canvas[top : top + size[1], left : left + size[0]] = inner
    levels = canvas if shape.channels == "rgb" else canvas[..., ::-1]
    image = (levels * np.float32(shape.scale) - np.array(shape.mean, np.float32)) / np.array(shape.std, np.float32)
    image = image.transpose(2, 0, 1) if shape.layout == "nchw" else image
    return np.ascontiguousarray(image[None], np.float32)


def _planes(task: str, output: AdapterOutput, answer: Array) -> Floats:
    """The answer as (H, W, C) float32, whichever way round it came."""
    flat: Floats = np.squeeze(answer).astype(np.float32)
    wanted = {"depth": 1, "normals": 3}.get(task, 1 if output.means == "ids" else len(output.classes))
    if flat.ndim == _MAP and wanted == 1:
        return flat[..., None]
    if flat.ndim == _PLANES and flat.shape[0] == wanted:
        return np.ascontiguousarray(flat.transpose(1, 2, 0))
    if flat.ndim == _PLANES and flat.shape[2] == wanted:
        return flat
    planes = f"{wanted} plane(s) of (H, W)"
    msg = f"output {output.name} has shape {answer.shape}; as {task} ({output.means}) it needs {planes}"
    raise ConfigError(msg)


def _without_margins(planes: Floats, box: Letterbox) -> Floats:
    """Cut off what the letterbox added, at whatever size the answer came."""
    down, along = planes.shape[0] / box.height, planes.shape[1] / box.width
    top, left = round(box.top * down), round(box.left * along)
    height, width = max(1, round(box.inner_height * down)), max(1, round(box.inner_width * along))
    return np.ascontiguousarray(planes[top : top + height, left : left + width])


def _metres(values: Floats, means: str) -> Floats:
    """Depth in metres (of a relative one: in its own unit), NaN where it means nothing.

    Where a relative inverse depth is 0 or below, it is infinite or below 0: how far that is tell scale and shift alone.
    """
    if means == "millimetres":
        return values / np.float32(1000)
    if means == "relative_inverse":
        with np.errstate(divide="ignore"):
            return np.where(np.isfinite(values), np.reciprocal(values), np.float32(np.nan))
    if means == "inverse_metres":
        return np.divide(1, values, out=np.full_like(values, np.nan), where=values > _LEAST)
    return values


def _unit(normals: Floats, means: str) -> Floats:
    if means == "opengl":
        normals = normals * np.array((1, -1, -1), np.float32)
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    unit: Floats = np.divide(normals, length, out=np.full_like(normals, np.nan), where=length > _LEAST)
    return unit


def _resized(planes: Floats, frame: Frame, how: int) -> Floats:
    return np.asarray(cv2.resize(planes, (frame.width, frame.height), interpolation=how), np.float32)
