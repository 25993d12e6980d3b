"""What the machine says of itself: processor, memory, temperature and, where NVIDIA's library is there, the GPU."""

import ctypes
import math
import os
import time
from pathlib import Path

from vb_perception.msg import MachineLoad

PROC = Path("/proc")
THERMAL = Path("/sys/class/thermal")
MIB = 1024 * 1024
NVML_TEMPERATURE_GPU = 0


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class MachineMeter:
    """Reads the load since the reading before; what cannot be read is NaN."""

    def __init__(self) -> None:
        self._before = self._counters()
        self._zones = sorted(THERMAL.glob("thermal_zone*/temp"))
        self._nvml, self._gpu = _open_nvml()

    def read(self) -> MachineLoad:
        """The load now."""
        now, before = self._counters(), self._before
        self._before = now
        wall_s, own_s, busy, ticks = (a - b for a, b in zip(now, before, strict=True))
        memory_free_mib = _meminfo_mib("MemAvailable")
        gpu_percent, gpu_memory_mib, gpu_deg = self._read_gpu()
        return MachineLoad(
            process_cpu_percent=100 * own_s / wall_s if wall_s > 0 else math.nan,
            machine_cpu_percent=100 * busy / ticks if ticks > 0 else math.nan,
            process_memory_mib=_resident_mib(),
            machine_memory_free_mib=memory_free_mib,
            temperature_deg=max((_temperature_deg(zone) for zone in self._zones), default=math.nan),
            gpu_percent=gpu_percent,
            gpu_memory_used_mib=gpu_memory_mib,
            gpu_temperature_deg=gpu_deg,
        )

    def _counters(self) -> tuple[float, float, float, float]:
        """Wall clock [s], our processor time [s], busy and all ticks of the machine."""
        own = os.times()
        try:
            line = (PROC / "stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
        except OSError:
            return time.monotonic(), own.user + own.system, math.nan, math.nan
        ticks = [int(value) for value in line]
        idle = ticks[3] + ticks[4]
        return time.monotonic(), own.user + own.system, sum(ticks) - idle, sum(ticks)

    def _read_gpu(self) -> tuple[float, float, float]:
        if self._nvml is None:
            return math.nan, math.nan, math.nan
        use, memory, degrees = _Utilization(), _Memory(), ctypes.c_uint()
        answers = (
            self._nvml.nvmlDeviceGetUtilizationRates(self._gpu, ctypes.byref(use)),
            self._nvml.nvmlDeviceGetMemoryInfo(self._gpu, ctypes.byref(memory)),
            self._nvml.nvmlDeviceGetTemperature(self._gpu, NVML_TEMPERATURE_GPU, ctypes.byref(degrees)),
        )
        values = (float(use.gpu), memory.used / MIB, float(degrees.value))
        known = [math.nan if answer else value for answer, value in zip(answers, values, strict=True)]
        return known[0], known[1], known[2]


def _open_nvml() -> tuple[ctypes.CDLL | None, ctypes.c_void_p]:
    """NVIDIA's management library and its first GPU; None where there is no driver."""
    gpu = ctypes.c_void_p()
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None, gpu
    if nvml.nvmlInit_v2() or nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(gpu)):
        return None, gpu
    return nvml, gpu


def _temperature_deg(zone: Path) -> float:
    try:
        return int(zone.read_text(encoding="ascii")) / 1000
    except (OSError, ValueError):
        return -math.inf  # a zone that cannot be read is not the hottest


def _resident_mib() -> float:
    try:
        pages = int((PROC / "self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return math.nan
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def _meminfo_mib(key: str) -> float:
    try:
        lines = (PROC / "meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return math.nan
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{key}:")), math.nan)
