"""The heap of a process whose every step frees megabytes and asks for them again."""

import ctypes

# Of malloc.h, and what they are set to.
_KEPT = {
    "M_TRIM_THRESHOLD": (-1, 2**30),
    "M_TOP_PAD": (-2, 256 * 2**20),
    "M_MMAP_THRESHOLD": (-3, 32 * 2**20),  # the most that it takes
}


def keep_freed() -> bool:
    """Have glibc keep what is freed, whose pages the kernel would clear anew at the next step: a
    fifth of the processor time of training. It has to come before large arrays are made. False
    where the C library knows no `mallopt`.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(*option) for option in _KEPT.values())
