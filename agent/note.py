"""What we tell Security Hub: our words beside a person's in the one note a finding has, and the workflow status."""

import re
import unicodedata
from datetime import datetime

from agent.finding import Finding
from agent.report import Status

OUR_NAME = "stanch"
"""Who we are in a finding's note: an update that carries it is our own echo."""

NOTE_LIMIT = 512
"""Characters of a Security Hub note: for the newer Security Hub's comments its reference says so, else it is practice."""

_OPEN, _CLOSE = f"[{OUR_NAME}]", f"[/{OUR_NAME}]"
_OURS = re.compile(rf"{re.escape(_OPEN)}.*?{re.escape(_CLOSE)}\n?", re.DOTALL)
_LEAST = 24
"""Fewer characters than this of ours say nothing: then the person's note stays alone."""


def merged(present: str | None, ours: str) -> str | None:
    """The note with our words first and a person's below, whole and unchanged. What we wrote before is replaced.

    None if there is no room for us beside them: then the note is to be left as it is.
    """
    theirs = theirs_in(present or "")
    room = NOTE_LIMIT - len(_OPEN) - len(_CLOSE) - 2 - (len(theirs) + 1 if theirs else 0)
    if room < _LEAST:
        return None
    words = " ".join(_plain(ours).split())
    if len(words) > room:
        words = words[: room - 1] + "…"
    block = f"{_OPEN} {words} {_CLOSE}"
    return f"{block}\n{theirs}" if theirs else block


def begins_as_ours(note: str) -> bool:
    """Whether it looks like what `merged` writes. Anybody who may update the finding can write the same."""
    return _OURS.match(note) is not None


def is_unsigned(finding: Finding) -> bool:
    """Whether its note looks like ours and says neither who wrote it nor when, as a comment of the newer Security Hub."""
    life = finding.lifecycle
    return life.note is not None and life.note_by is None and begins_as_ours(life.note.text)


def signed(finding: Finding, at: datetime) -> Finding:
    """The finding with a note that we wrote then."""
    lifecycle = finding.lifecycle.model_copy(update={"note_by": OUR_NAME, "note_at": at})
    return finding.model_copy(update={"lifecycle": lifecycle})


def theirs_in(note: str) -> str:
    """What somebody else wrote, beside our words or without them."""
    return _without_ours(note).strip("\n")


def _without_ours(note: str) -> str:
    """The note without our part, also where taking one out leaves what looks like another."""
    while (left := _OURS.sub("", note)) != note:
        note = left
    return note


def _plain(text: str) -> str:
    """Text without square brackets and control characters: nothing in it can look like the end of our words."""
    return "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text).translate(str.maketrans("[]", "()"))


REOPENED = merged(None, "Open again: what closed it was taken back.")
"""What stands where there was no note before: Security Hub replaces a note or comment, and never takes one away. It reads as none."""

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
