"""The C library's allocator, told that this process lives long and memory is scarce.

Solving a head takes a few arrays of several MB for a moment. glibc gives the first of them pages of
its own, but on their release concludes that such sizes are common and takes later ones from its
heap, where small objects that outlive them pin the pages: measured with squares of 13 MB, 300 MB
instead of 170 after some hundred lessons. A fixed threshold keeps large arrays out of the heap for
good.
"""

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8  # names of mallopt's parameters
LARGE_BYTES = 256 * 1024  # from here on an array has pages of its own, returned when it goes
ARENAS = 2  # threads share them; by default each would keep a heap


def return_memory_early() -> None:
    """Fix the thresholds; without effect where the C library is another than glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(TRIM_THRESHOLD, LARGE_BYTES)
        mallopt(ARENA_MAX, ARENAS)
