"""Ids for notices."""

import os
import struct
import threading
import time
from collections.abc import Iterator


class TimeOrderedIds:
    """UUIDs of version 7 (RFC 9562): a later one of this process sorts after an earlier one.

    Notices made together then lie together in every index, which keeps inserts fast when there are millions.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millisecond = 0
        self._count = 0
        self._random: Iterator[tuple[int]] = iter(())

    def __call__(self) -> str:
        """A new id."""
        with self._lock:
            now = time.time_ns() // 1_000_000
            if now > self._millisecond:
                self._millisecond, self._count = now, 0
            else:
                # The clock stands still or went back: count on, and borrow the next millisecond if need be.
                self._count += 1
                if self._count > 0xFFF:
                    self._millisecond, self._count = self._millisecond + 1, 0
            millisecond, count = self._millisecond, self._count
            random = self._next_random() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        text = f"{millisecond:012x}7{count:03x}{random:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def _next_random(self) -> int:
        """64 random bits. Asking the system for many at once is far cheaper than for each."""
        for (number,) in self._random:
            return number
        self._random = struct.iter_unpack("Q", os.urandom(8 * 1024))
        return next(self._random)[0]
