"""Keeps calls below a rate that AWS sets, where every tool of an account shares it."""

import threading
import time
from collections.abc import Callable


class Pacer:
    """A token bucket for each key: `burst` calls at once, then `rate` a second. Safe to share between threads."""

    def __init__(
        self,
        rate: float | None,
        burst: int = 2,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """A `rate` of None never waits."""
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at: dict[str, float] = {}

    def wait(self, key: str) -> None:
        """Sleep until one more call under this key keeps the rate."""
        if self._rate is None:
            return
        interval = 1 / self._rate
        with self._lock:
            now = self._clock()
            # when the bucket would be full again; each call moves it one interval on
            full_at = max(self._free_at.get(key, now), now) + interval
            self._free_at[key] = full_at
        delay = full_at - now - self._burst * interval
        if delay > 0:
            self._sleep(delay)


LOOKUP_EVENTS = Pacer(rate=2.0)
"""CloudTrail's LookupEvents: two calls a second for an account and a Region, shared with everybody there."""
