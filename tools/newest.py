"""The newest page of a look-up, kept for a minute: planning asks what a source has just asked, and AWS answers two a second."""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from tools.aws import Aws, Clients

DAYS = 7
"""How far back a page that is kept was asked for, at least."""
FRESH = timedelta(minutes=1)

Page = dict[str, Any]
_Key = tuple[str, str, str, str]


@dataclass
class Newest:
    """By account, Region and attribute: the first page of LookupEvents, and when it was read."""

    _pages: dict[_Key, tuple[datetime, Page]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, aws: Aws, attribute: str, value: str, page: Page) -> None:
        """Keep it, and let go of what is no longer fresh."""
        now = aws.now()
        with self._lock:
            self._pages = {key: kept for key, kept in self._pages.items() if now - kept[0] <= FRESH}
            self._pages[aws.account, aws.region, attribute, value] = (now, page)

    def page(self, aws: Aws, attribute: str, value: str) -> Page | None:
        """The page, if it is fresh."""
        with self._lock:
            kept = self._pages.get((aws.account, aws.region, attribute, value))
        return kept[1] if kept is not None and aws.now() - kept[0] <= FRESH else None


_BY_CLIENTS: WeakKeyDictionary[Clients, Newest] = WeakKeyDictionary()
_LOCK = threading.Lock()


def newest(aws: Aws) -> Newest:
    """What these clients keep. Where there is no rate to save, nothing is kept: each reads for itself."""
    if not aws.clients.paced:
        return Newest()
    with _LOCK:
        return _BY_CLIENTS.setdefault(aws.clients, Newest())
