"""CUDA as the TensorRT engine needs it: the device, pinned and device memory, a stream, a captured graph.

NVIDIA's own bindings (cuda-python), which wrap the CUDA runtime one to one; every call's status is checked.
"""

import ctypes
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import EngineUnavailableError, InferenceError
from vb_perception.runtime.contract import Port

if TYPE_CHECKING:
    from typing_extensions import Self

NEEDED_CALLS = (
    "cudaDriverGetVersion",
    "cudaFree",
    "cudaFreeHost",
    "cudaGetDeviceCount",
    "cudaGetDeviceProperties",
    "cudaGraphDestroy",
    "cudaGraphExecDestroy",
    "cudaGraphInstantiate",
    "cudaGraphLaunch",
    "cudaHostAlloc",
    "cudaMalloc",
    "cudaMemcpyAsync",
    "cudaSetDevice",
    "cudaStreamBeginCapture",
    "cudaStreamCreateWithFlags",
    "cudaStreamDestroy",
    "cudaStreamEndCapture",
    "cudaStreamSynchronize",
)
"""Everything called here; a test looks them up in the real module."""
DEVICE = 0
NON_BLOCKING = 1
DEFAULT_FLAGS = 0


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU: name, compute capability as "8.9", driver as "13.0"."""

    name: str
    capability: str
    driver: str


def cuda_runtime() -> Any:  # noqa: ANN401 - a module without types
    """The bindings of the CUDA runtime.  EngineUnavailableError if they are not installed."""
    try:
        from cuda.bindings import runtime
    except ImportError:
        try:
            from cuda import cudart as runtime  # cuda-python before 12.8, as with JetPack 6
        except ImportError as error:
            msg = f"cuda-python cannot be imported ({error}); install it with `pip install cuda-python`"
            raise EngineUnavailableError(msg) from error
    return runtime


def find_device(cuda: Any) -> Device:  # noqa: ANN401 - a module without types
    """The first GPU.

    Raises:
        EngineUnavailableError: no GPU, no driver, or one that is too old for the installed CUDA runtime.
    """
    (_, driver), (status, count) = cuda.cudaDriverGetVersion(), cuda.cudaGetDeviceCount()
    if int(status) or not count:
        if not driver:
            cause = "no NVIDIA driver is loaded: install one (`ubuntu-drivers install`, or JetPack), and start again"
        elif status == cuda.cudaError_t.cudaErrorInsufficientDriver:
            cause = f"the NVIDIA driver speaks CUDA {_version(driver)}, which is too old for this runtime: update it"
        else:
            cause = "the driver sees no GPU: check `nvidia-smi` and CUDA_VISIBLE_DEVICES"
        msg = f"no GPU to run on ({status.name}): {cause}; or use backend openvino or onnxruntime"
        raise EngineUnavailableError(msg)
    status, found = cuda.cudaGetDeviceProperties(DEVICE)
    if int(status):
        msg = f"properties of the GPU: {status.name}; check `nvidia-smi`"
        raise EngineUnavailableError(msg)
    name = found.name.decode() if isinstance(found.name, bytes) else str(found.name)
    return Device(name.strip("\0"), f"{found.major}.{found.minor}", _version(driver))


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


class GraphRun:
    """Work of fixed shapes, ready to run: pinned and device memory, allocated once, and the work as a CUDA graph.

    The graph holds upload, networks and download, so that a frame costs one launch.
    """

    def __init__(
        self,
        cuda: Any,  # noqa: ANN401 - a module without types
        inputs: Mapping[str, Port],
        outputs: Mapping[str, Port],
        enqueue: Callable[[Mapping[str, int], int], bool],
        inner: Mapping[str, Port] | None = None,
        kept: Collection[str] = (),
    ) -> None:
        """`enqueue(addresses, stream)` puts the networks on the stream and says whether it could.

        `inner` is what one network hands to the next, which never leaves the device.  `kept` inputs stay there from
        frame to frame: one is uploaded when it is another array than the last time, or may have been written to since.

        Raises:
            InferenceError: the device is out of memory, or the work cannot be captured.
        """
        self._cuda = cuda
        self._free: list[Callable[[], object]] = []
        self._enqueue = enqueue
        self._sizes: dict[str, int] = {}
        self._device: dict[str, int] = {}
        self._host: dict[str, NDArray[np.generic]] = {}
        self._inputs, self._outputs, self._kept = tuple(inputs), tuple(outputs), frozenset(kept)
        self._there: dict[str, NDArray[np.generic]] = {}
        try:
            self._call("cudaSetDevice", DEVICE)
            self._stream = self._call("cudaStreamCreateWithFlags", NON_BLOCKING)
            self._free.append(lambda: cuda.cudaStreamDestroy(self._stream))
            for name, port in {**inputs, **outputs}.items():
                self._allocate(name, port, on_host=True)
            for name, port in (inner or {}).items():
                self._allocate(name, port, on_host=False)
            for name in inputs:  # memory is not cleared, and an index that leads out of bounds ends the whole context
                self._host[name].fill(0)
                self._upload(name)
            self._submit()  # once outside of a capture: the networks allocate what they need
            self._call("cudaStreamSynchronize", self._stream)
            self._graph = self._captured()
        except BaseException:
            self.close()
            raise

    def _allocate(self, name: str, port: Port, *, on_host: bool) -> None:
        dtype, shape = port
        sizes = tuple(size or 1 for size in shape)
        count = math.prod(sizes)
        size_bytes = self._sizes[name] = count * np.dtype(dtype).itemsize
        device = self._device[name] = int(self._call("cudaMalloc", size_bytes))
        self._free.append(lambda: self._cuda.cudaFree(device))
        if on_host:
            host = int(self._call("cudaHostAlloc", size_bytes, DEFAULT_FLAGS))
            self._free.append(lambda: self._cuda.cudaFreeHost(host))
            pinned = memoryview((ctypes.c_byte * size_bytes).from_address(host))
            self._host[name] = np.frombuffer(pinned, dtype, count).reshape(sizes)

    def _submit(self) -> None:
        for name in self._inputs:
            if name not in self._kept:
                self._upload(name)
        if not self._enqueue(self._device, int(self._stream)):
            msg = "TensorRT refused to run; see the lines that it logged"
            raise InferenceError(msg)
        for name in self._outputs:
            kind = self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost
            self._copy(self._address(name), self._device[name], name, kind)

    def _upload(self, name: str) -> None:
        self._copy(self._device[name], self._address(name), name, self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice)

    def _copy(self, target: int, source: int, name: str, kind: object) -> None:
        self._call("cudaMemcpyAsync", target, source, self._sizes[name], kind, self._stream)

    def _address(self, name: str) -> int:
        return int(self._host[name].ctypes.data)

    def _captured(self) -> object:
        mode = self._cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._call("cudaStreamBeginCapture", self._stream, mode)
        try:
            self._submit()
        except BaseException:
            self._cuda.cudaStreamEndCapture(self._stream)  # else nothing of this thread could be freed
            raise
        graph = self._call("cudaStreamEndCapture", self._stream)
        ready = self._call("cudaGraphInstantiate", graph, DEFAULT_FLAGS)
        self._call("cudaGraphDestroy", graph)
        self._free.append(lambda: self._cuda.cudaGraphExecDestroy(ready))
        return ready

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Upload, run, download; fresh arrays by name.  InferenceError if the device fails."""
        for name in self._inputs:
            array = inputs[name]
            if name not in self._kept:
                np.copyto(self._host[name], array)
            elif array is not self._there.get(name):
                self._there.pop(name, None)
                np.copyto(self._host[name], array)
                self._upload(name)
                if not array.flags.writeable:
                    self._there[name] = array
        self._call("cudaGraphLaunch", self._graph, self._stream)
        self._call("cudaStreamSynchronize", self._stream)
        return {name: self._host[name].copy() for name in self._outputs}

    def _call(self, name: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever the call gives
        status, *rest = getattr(self._cuda, name)(*arguments)
        if int(status):
            out_of_memory = status == self._cuda.cudaError_t.cudaErrorMemoryAllocation
            need = f"{sum(self._sizes.values()) / 1e6:.0f} MB of buffers and the network's own"
            remedy = f"free GPU memory ({need}) or ask for fewer prompts" if out_of_memory else "check `nvidia-smi`"
            msg = f"{name}: {status.name}; {remedy}"
            raise InferenceError(msg)
        return rest[0] if rest else None

    def close(self) -> None:
        """Free everything, the last taken first; a second call does nothing."""
        while self._free:
            self._free.pop()()

    def __enter__(self) -> "Self":
        """Enter the context."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()
