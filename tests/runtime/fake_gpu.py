"""A GPU that is not there: CUDA's calls on host memory, and a TensorRT whose plans are run by ONNX Runtime.

Its names are those that `test_tensorrt_plan.py` looks up in the real modules.  What is captured is recorded and runs at
each launch, as on the device; memory that is not freed, or used after, is an error.
"""

# ruff: noqa: N802, N815, ANN401 - the names are CUDA's, and its values have no types

import ctypes
import json
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime as ort


class Status(IntEnum):
    cudaSuccess = 0
    cudaErrorMemoryAllocation = 2
    cudaErrorInsufficientDriver = 35
    cudaErrorNoDevice = 100


class FakeCuda:
    """`cuda.bindings.runtime` as far as it is called."""

    cudaError_t = Status
    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)
    cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal=1)

    def __init__(self, *, count: int = 1, driver: int = 13000, memory: int = 2**30) -> None:
        self.count, self.driver, self.free_bytes = count, driver, memory
        self.held: dict[int, Any] = {}
        self.recording: list[Callable[[], None]] | None = None
        self.launches = 0

    def enqueue(self, work: Callable[[], None]) -> None:
        if self.recording is None:
            work()
        else:
            self.recording.append(work)

    def cudaDriverGetVersion(self) -> tuple[Status, int]:
        return Status.cudaSuccess, self.driver

    def cudaGetDeviceCount(self) -> tuple[Status, int | None]:
        if self.count:
            return Status.cudaSuccess, self.count
        return (Status.cudaErrorInsufficientDriver if self.driver < 13000 else Status.cudaErrorNoDevice), None

    def cudaGetDeviceProperties(self, _device: int) -> tuple[Status, Any]:
        return Status.cudaSuccess, SimpleNamespace(name=b"NVIDIA Imaginary", major=8, minor=9)

    def cudaSetDevice(self, _device: int) -> tuple[Status]:
        return (Status.cudaSuccess,)

    def cudaStreamCreateWithFlags(self, _flags: int) -> tuple[Status, int]:
        return Status.cudaSuccess, 7

    def cudaStreamDestroy(self, _stream: int) -> tuple[Status]:
        return (Status.cudaSuccess,)

    def cudaStreamSynchronize(self, _stream: int) -> tuple[Status]:
        return (Status.cudaSuccess,)

    def cudaMalloc(self, size: int) -> tuple[Status, int | None]:
        if size > self.free_bytes:
            return Status.cudaErrorMemoryAllocation, None
        self.free_bytes -= size
        block = (ctypes.c_byte * size)(*b"\x5a" * size)  # nobody clears it
        self.held[ctypes.addressof(block)] = block
        return Status.cudaSuccess, ctypes.addressof(block)

    def cudaHostAlloc(self, size: int, _flags: int) -> tuple[Status, int | None]:
        return self.cudaMalloc(size)

    def cudaFree(self, address: int) -> tuple[Status]:
        self.free_bytes += len(self.held.pop(address))
        return (Status.cudaSuccess,)

    cudaFreeHost = cudaFree

    def cudaMemcpyAsync(self, target: int, source: int, size: int, _kind: int, _stream: int) -> tuple[Status]:
        assert {target, source} <= self.held.keys()

        def copy() -> None:
            ctypes.memmove(target, source, size)

        self.enqueue(copy)
        return (Status.cudaSuccess,)

    def cudaStreamBeginCapture(self, _stream: int, _mode: int) -> tuple[Status]:
        self.recording = []
        return (Status.cudaSuccess,)

    def cudaStreamEndCapture(self, _stream: int) -> tuple[Status, Any]:
        recorded, self.recording = self.recording, None
        return Status.cudaSuccess, recorded

    def cudaGraphInstantiate(self, graph: Any, _flags: int) -> tuple[Status, Any]:
        return Status.cudaSuccess, list(graph)

    def cudaGraphDestroy(self, _graph: Any) -> tuple[Status]:
        return (Status.cudaSuccess,)

    cudaGraphExecDestroy = cudaGraphDestroy

    def cudaGraphLaunch(self, graph: Any, _stream: int) -> tuple[Status]:
        self.launches += 1
        for work in graph:
            work()
        return (Status.cudaSuccess,)


TYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(int32)": np.int32}


class FakeContext:
    """An IExecutionContext.  `before` and `after` each run a test may put something of its own."""

    before: Callable[["FakeContext"], None] = staticmethod(lambda _: None)
    after: Callable[["FakeContext"], None] = staticmethod(lambda _: None)

    def __init__(self, cuda: FakeCuda, session: ort.InferenceSession, most: int, shapes: Any) -> None:
        self._cuda, self._session, self._most = cuda, session, most
        self.shapes: dict[str, tuple[int, ...]] = dict(shapes)
        self.addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        assert name in {port.name for port in self._session.get_inputs()}
        assert name != "prompts" or shape[0] <= self._most
        self.shapes[name] = shape
        return True

    def set_tensor_address(self, name: str, address: int) -> bool:
        assert name in {port.name for port in (*self._session.get_inputs(), *self._session.get_outputs())}
        self.addresses[name] = address
        return True

    def execute_async_v3(self, _stream: int) -> bool:
        self._cuda.enqueue(self._run)
        return True

    def _run(self) -> None:
        type(self).before(self)
        feeds = {}
        for port in self._session.get_inputs():
            shape, kind = self.shapes.get(port.name, port.shape), TYPES[port.type]
            raw = ctypes.string_at(self.addresses[port.name], int(np.prod(shape)) * np.dtype(kind).itemsize)
            feeds[port.name] = np.frombuffer(raw, kind).reshape(shape)
        for port, answer in zip(self._session.get_outputs(), self._session.run(None, feeds), strict=True):
            content = np.ascontiguousarray(answer).tobytes()
            ctypes.memmove(self.addresses[port.name], content, len(content))
        type(self).after(self)


class FakeRuntime:
    """A Runtime: a plan is the path of the ONNX file, the most prompts that it takes and the shapes it is built for."""

    cuda: FakeCuda
    refuse = 0

    def __init__(self, logger: Any) -> None:
        self._logger = logger

    def deserialize_cuda_engine(self, plan: bytes) -> Any:
        if FakeRuntime.refuse:
            FakeRuntime.refuse -= 1
            self._logger.errors = ["plan not compatible"]
            return None
        path, most, shapes = json.loads(plan)
        session = ort.InferenceSession(Path(path), providers=["CPUExecutionProvider"])
        return SimpleNamespace(create_execution_context=lambda: FakeContext(self.cuda, session, most, shapes))
