"""Peak memory of one step above what stays allocated between steps.

On a GPU: the allocator's own high-water mark. On the CPU: the kernel's high-water mark of the process's
resident memory (VmHWM), set back before the step through /proc/self/clear_refs, with freed memory returned
to the system first. So it holds whatever a library allocates, not PyTorch's tensors alone.
"""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path

import torch

from benchmarks.harness.held import Step
from nni_darts.memory import high_water

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_HIGH_WATER = "5"

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
"""Of mallopt(3)."""
_SMALLEST_MAPPING = 64 * 1024


def peak_above_idle(step: Step, device: str, warm_up: bool = True) -> int | None:
    """Bytes; None on a CPU whose system keeps no high-water mark that can be set back.

    ``warm_up``: take the step once before it counts; on a GPU whoever calls has done so.
    """
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
        with high_water(device) as found:
            step()
            torch.cuda.synchronize(device)
        return found.bytes
    return _peak_resident(step, warm_up) if _CLEAR.exists() else None


def _peak_resident(step: Step, warm_up: bool) -> int:
    libc = ctypes.CDLL(None)
    # Tensors get mappings of their own, so that freed ones leave the process at once. Slow: time no step
    # after this.
    libc.mallopt(_MMAP_THRESHOLD, _SMALLEST_MAPPING)
    libc.mallopt(_TRIM_THRESHOLD, _SMALLEST_MAPPING)
    if warm_up:
        step()
    gc.collect()
    libc.malloc_trim(0)
    _CLEAR.write_text(_RESET_HIGH_WATER)
    idle = _status("VmRSS")
    step()
    return _status("VmHWM") - idle


def _status(field: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024
