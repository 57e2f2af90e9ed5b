"""What we tell Security Hub: our words beside a person's in the one note a finding has, and the workflow status."""

import re
import unicodedata

from agent.finding import Finding
from agent.report import Status

OUR_NAME = "stanch"
"""Who we are in a finding's note: an update that carries it is our own echo."""

NOTE_LIMIT = 512
"""Characters of a Security Hub note (practice: the service model names no limit)."""

_OPEN, _CLOSE = f"[{OUR_NAME}]", f"[/{OUR_NAME}]"
_OURS = re.compile(rf"{re.escape(_OPEN)}.*?{re.escape(_CLOSE)}\n?", re.DOTALL)
_LEAST = 24
"""Fewer characters than this of ours say nothing: then the person's note stays alone."""


def merged(present: str | None, ours: str) -> str | None:
    """The note with our words first and a person's below, whole and unchanged. What we wrote before is replaced.

    None if there is no room for us beside them: then the note is to be left as it is.
    """
    theirs = _without_ours(present or "").strip("\n")
    room = NOTE_LIMIT - len(_OPEN) - len(_CLOSE) - 2 - (len(theirs) + 1 if theirs else 0)
    if room < _LEAST:
        return None
    words = " ".join(_plain(ours).split())
    if len(words) > room:
        words = words[: room - 1] + "…"
    block = f"{_OPEN} {words} {_CLOSE}"
    return f"{block}\n{theirs}" if theirs else block


def _without_ours(note: str) -> str:
    """The note without our part, also where taking one out leaves what looks like another."""
    while (left := _OURS.sub("", note)) != note:
        note = left
    return note


def _plain(text: str) -> str:
    """Text without square brackets and control characters: nothing in it can look like the end of our words."""
    return "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text).translate(str.maketrans("[]", "()"))


_OPEN_ENDS = {
    Status.AWAITING_APPROVAL,
    Status.PARTIALLY_CONTAINED,
    Status.UNVERIFIED,
    Status.REJECTED,
    Status.EXPIRED,
    Status.DENIED,
    Status.ESCALATED,
    Status.UNDONE,
    Status.LAPSED,
}


def workflow_for(status: Status, finding: Finding) -> str | None:
    """The workflow status that a run's end asks for; None leaves it as it is. Never SUPPRESSED: that is a person's.

    A verified containment resolves a failed posture check; a threat is only NOTIFIED: what it did before is still to be
    looked at.
    """
    if status is Status.CONTAINED:
        return "RESOLVED" if finding.lifecycle.compliance is not None else "NOTIFIED"
    return "NOTIFIED" if status in _OPEN_ENDS else None
