"""The heap of a process whose every step frees megabytes and asks for them again."""

import ctypes

_M_TOP_PAD = -2  # of malloc.h
_KEPT_BYTES = 64 * 2**20


def keep_freed() -> bool:
    """Have glibc keep what is freed at a heap's end, whose pages the kernel would clear anew: a
    fifth of the processor time of training. It has to come before large arrays are made. False
    where the C library knows no `mallopt`.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_TOP_PAD, _KEPT_BYTES))
