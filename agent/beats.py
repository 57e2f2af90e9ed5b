"""Whether contacts come at regular intervals, as a program's do that reports to its master."""

from collections.abc import Iterable
from itertools import pairwise
from statistics import median

LEAST = 6
"""Contacts. Fewer may be regular by chance."""
_SPREAD = 0.2
"""How far, as a share of the middle one, an interval may be from it."""
_SHARE = 0.8
"""How many intervals have to be that near: one missed beat makes a double one."""


def beats(spans: Iterable[tuple[int, int]], window: int) -> bool | None:
    """Whether connections, each from and until a second, come in a beat; None if they last too long to tell.

    A log cuts a lasting connection into records of at most `window` seconds. So what follows within one window is the
    same contact, and a beat that is faster than the log looks like one long contact: of that nothing is said.
    """
    contacts = _contacts(sorted(spans), window)
    if len(contacts) < LEAST:
        lasting = any(ended - began >= LEAST * window for began, ended in contacts)
        return None if lasting else False
    starts = [began for began, _ in contacts]
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    middle = median(gaps)
    near = sum(abs(gap - middle) <= _SPREAD * middle for gap in gaps)
    return near >= _SHARE * len(gaps)


def _contacts(spans: list[tuple[int, int]], window: int) -> list[tuple[int, int]]:
    contacts: list[tuple[int, int]] = []
    for began, ended in spans:
        if contacts and began - contacts[-1][1] <= window:
            contacts[-1] = (contacts[-1][0], max(contacts[-1][1], ended))
        else:
            contacts.append((began, ended))
    return contacts
