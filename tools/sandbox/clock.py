"""The world's clock: fixed, so that two runs give the same bytes, or ticking from where it was set."""

import datetime as real
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Clock:
    """What time it is in the world."""

    anchor: real.datetime
    """Aware, in UTC."""
    ticking: bool = False
    _started: float = field(default_factory=time.monotonic)

    def now(self) -> real.datetime:
        """The world's time, aware, in UTC."""
        if not self.ticking:
            return self.anchor
        return self.anchor + real.timedelta(seconds=time.monotonic() - self._started)


_CURRENT: list[Callable[[], real.datetime]] = [lambda: real.datetime.now(real.UTC)]


def follow(clock: Clock) -> None:
    """Make moto read this clock from now on."""
    _CURRENT[0] = clock.now


def now() -> real.datetime:
    """The followed clock's time, aware, in UTC."""
    return _CURRENT[0]()


def utcnow() -> real.datetime:
    """The followed clock's time as moto keeps it: naive, in UTC."""
    return now().replace(tzinfo=None)


class _AnyDatetime(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, real.datetime)


class ClockedDatetime(real.datetime, metaclass=_AnyDatetime):
    """Stands for `datetime` in moto modules that ask it for the time themselves."""

    @classmethod
    def now(cls, tz: real.tzinfo | None = None) -> real.datetime:  # type: ignore[override]  # gives the plain class
        return now().astimezone(tz) if tz else utcnow()

    @classmethod
    def utcnow(cls) -> real.datetime:  # type: ignore[override]  # gives the plain class
        return utcnow()
