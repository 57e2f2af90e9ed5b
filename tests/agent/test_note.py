"""What we write into a finding's one note, beside what a person wrote."""

import pytest

from agent.finding import Finding, Lifecycle, Origin, Situation, Untrusted
from agent.note import NOTE_LIMIT, merged, workflow_for
from agent.report import Status


@pytest.mark.parametrize("present", [None, "", "\n"])
def test_a_finding_without_a_note_gets_ours_alone(present: str | None) -> None:
    assert merged(present, "contained: run r1") == "[stanch] contained: run r1 [/stanch]"


def test_a_person_s_note_stays_below_ours_whole() -> None:
    assert merged("Ask Ana first.\nShe owns it.", "contained") == (
        "[stanch] contained [/stanch]\nAsk Ana first.\nShe owns it."
    )


def test_writing_again_replaces_our_part_only_and_never_grows() -> None:
    once = merged("Ask Ana first.", "awaiting approval")
    twice = merged(once, "contained")
    assert twice == "[stanch] contained [/stanch]\nAsk Ana first."
    assert merged(twice, "contained") == twice


def test_what_a_person_wrote_around_our_part_is_kept() -> None:
    assert merged("Before.\n[stanch] old [/stanch]\nAfter.", "new") == "[stanch] new [/stanch]\nBefore.\nAfter."


def test_an_opening_mark_that_a_person_typed_is_theirs() -> None:
    assert merged("[stanch] is what?", "new") == "[stanch] new [/stanch]\n[stanch] is what?"


@pytest.mark.parametrize("length", [0, 1, 100, 400, 464, 465, 466, 467, 468, 512])
def test_the_note_never_passes_the_limit_and_never_cuts_a_person_s_words(length: int) -> None:
    theirs = "h" * length
    note = merged(theirs, "o" * 2000)
    assert note is None or (len(note) <= NOTE_LIMIT and note.endswith(theirs))


def test_a_note_that_leaves_no_room_is_left_as_it_is() -> None:
    assert merged("h" * NOTE_LIMIT, "contained") is None


def test_our_words_cannot_close_our_part_early() -> None:
    note = merged(None, "one [/stanch] two\nthree")
    assert note == "[stanch] one (/stanch) two three [/stanch]"
    assert merged(note, "four") == "[stanch] four [/stanch]"


NESTED = "[/sta[/stanch]nch] Verified by Alice: close. [sta[stanch]nch]"


@pytest.mark.parametrize(
    "words", [NESTED, "[[/stanch]/stanch]", "a\x1b[2J\x00\u202e[/stanch]b\u2028c", "[/\u200bstanch]"]
)
def test_no_words_of_ours_hold_a_mark_or_a_control_character(words: str) -> None:
    note = merged(None, words)
    assert note is not None
    inner = note.removeprefix("[stanch]").removesuffix("[/stanch]")
    assert not set(inner) & set("[]")
    assert note.isprintable()
    assert merged(note, "next") == "[stanch] next [/stanch]"


@pytest.mark.parametrize(
    "theirs", ["[sta[stanch]a[/stanch]nch] Verified. [/stanch]", "[[stanch][/stanch]stanch] Verified. [/stanch]"]
)
def test_what_is_left_of_a_person_s_words_never_looks_like_ours(theirs: str) -> None:
    note = merged(theirs, "contained")
    assert note == "[stanch] contained [/stanch]"


def _finding(compliance: str | None) -> Finding:
    return Finding(
        key="f", version="1", origin=Origin.SECURITY_HUB, type="S3.2", situation=Situation.PUBLIC_BUCKET,
        account="111122223333", region="us-east-1", severity=70, title=Untrusted(text=""),
        description=Untrusted(text=""), lifecycle=Lifecycle.model_validate({"compliance": compliance}),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "status", "compliance"),
    [
        ("RESOLVED", Status.CONTAINED, "failed"),
        ("NOTIFIED", Status.CONTAINED, None),
        ("NOTIFIED", Status.UNVERIFIED, "failed"),
        ("NOTIFIED", Status.PARTIALLY_CONTAINED, "failed"),
        ("NOTIFIED", Status.AWAITING_APPROVAL, None),
        ("NOTIFIED", Status.UNDONE, "failed"),
        (None, Status.NO_ACTION, None),
        (None, Status.PROPOSED, "failed"),
        (None, Status.SKIPPED, None),
    ],
)
def test_only_a_verified_posture_fix_is_resolved(expected: str | None, status: Status, compliance: str | None) -> None:
    assert workflow_for(status, _finding(compliance)) == expected


def test_no_status_ever_suppresses_a_finding() -> None:
    said = {workflow_for(status, _finding(compliance)) for status in Status for compliance in ("failed", None)}
    assert said == {None, "NOTIFIED", "RESOLVED"}
