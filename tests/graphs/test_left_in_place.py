"""What a run left in place in part, or may have left, is never lost: it is listed, read, gone on with and taken back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from desk import ACCOUNT, BUCKET, BUCKET_WORLD, REGION, SPARE, USER_WORLD, Desk, Says, desk, event, world
from instance_desk import ATTACKER, INSTANCE_WORLD, PARTNER, WEB_WORLD, blocked, groups

from agent.receipt import Outcome
from agent.report import Report, Status
from agent.verdict import Mode
from graphs.reverify import reverify
from graphs.sweep import sweep
from graphs.undo import undo_run
from graphs.undo_lease import NothingToUndo
from tools.sandbox.faults import Fail, Lost, SandboxCall

ENTRY, OTHER = f"{ATTACKER}/32", f"{PARTNER}/32"
FREE = {"quay": [OTHER], "edge": []}
HALF = {"quay": sorted([OTHER, ENTRY]), "edge": []}
BLOCKED = {"quay": sorted([OTHER, ENTRY]), "edge": [ENTRY]}

Look = Callable[[Desk], object]
LOST: dict[str, tuple[str, str, str, Look]] = {
    "user": (USER_WORLD, "guardduty_credential_abuse", "iam:PutUserPolicy", lambda at: at.may_act(SPARE)),
    "bucket": (BUCKET_WORLD, "guardduty_s3_public", "s3:PutPublicAccessBlock", lambda at: at.block(BUCKET)),
}
"""A world, its event, a write, and what that write changes."""


class Killed(BaseException):
    """The process ends here, as SIGKILL would end it."""


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore waits between its own repeats."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def lose(at: Desk, write: str) -> None:
    """The write takes effect, its answer is lost, and its service answers nothing any more."""
    service, sent = write.partition(":")[0], []

    def after(call: SandboxCall) -> Lost | None:
        if call.name != write:
            return None
        sent.append(call.name)
        return Lost.READ_TIMEOUT

    def before(call: SandboxCall) -> Lost | None:
        return Lost.CONNECT_TIMEOUT if sent and call.service == service else None

    at.sandbox.faults.after.append(after)
    at.sandbox.faults.before.append(before)


def report_of(came: Report | NothingToUndo) -> Report:
    assert isinstance(came, Report), came
    return came


def contained(at: Desk) -> Report:
    """Deliver, and approve what is asked."""
    report = at.deliver()
    if report.status is Status.AWAITING_APPROVAL:
        report = report_of(at.say("approve", report))
    return report


@pytest.mark.parametrize("what", LOST)
def test_a_write_of_which_nobody_knows_is_never_said_to_be_nothing_and_can_be_taken_back(
    tmp_path: Path, what: str
) -> None:
    text, name, write, look = LOST[what]
    at = desk(tmp_path, text, event(name))
    before = look(at)
    lose(at, write)
    report = at.deliver()
    at.sandbox.faults.clear()
    assert look(at) != before
    assert (report.status, "nothing was changed" in report.reason) == (Status.UNVERIFIED, False)
    assert "may have taken effect" in report.reason
    assert Outcome.UNSURE in {each.outcome for each in at.service.ledger.standing()}
    assert report_of(undo_run(at.service, report.run_id, None, "rosa")).status is Status.UNDONE
    assert look(at) == before


@pytest.mark.parametrize("what", LOST)
def test_what_nobody_knew_of_is_said_to_be_done_once_it_is_read(tmp_path: Path, what: str) -> None:
    text, name, write, look = LOST[what]
    at = desk(tmp_path, text, event(name))
    before = look(at)
    lose(at, write)
    run = at.deliver()
    at.sandbox.faults.clear()
    reverify(at.service)
    report = at.service.ledger.report(run.run_id)
    assert report is not None
    assert "took effect: by configuration" in report.reason or "took effect: observed" in report.reason
    assert report.status is (Status.CONTAINED if what == "bucket" else Status.UNVERIFIED)
    assert report_of(undo_run(at.service, run.run_id, None, "rosa")).status is Status.UNDONE
    assert look(at) == before


def test_delivered_again_it_is_contained_and_undo_gives_back_what_was_there_before_the_first_run(
    tmp_path: Path,
) -> None:
    text, name, write, look = LOST["bucket"]
    model = Says(("s3_block_public_access", "T01"))
    at = desk(tmp_path, text, event(name), Mode.APPROVE, model=model)
    before = look(at)
    asked = at.deliver()
    lose(at, write)
    first = report_of(at.say("approve", asked))
    at.sandbox.faults.clear()
    second = contained(at)
    assert (first.status, second.status) == (Status.UNVERIFIED, Status.CONTAINED), second.reason
    (again,), (made,) = second.actions, first.actions
    assert again.receipt is not None
    assert (again.planned.change.before, again.receipt.outcome) == (made.planned.change.before, Outcome.DONE)
    assert first.run_id in again.receipt.detail
    assert report_of(undo_run(at.service, second.run_id, None, "rosa")).status is Status.UNDONE
    assert look(at) == before


def web(folder: Path, text: str = WEB_WORLD) -> Desk:
    return desk(folder, text, event("guardduty_web_attack"), Mode.APPROVE)


def deny_cloudfront(call: SandboxCall) -> Fail | None:
    return (
        Fail("AccessDeniedException", 403) if (call.name, call.region) == ("wafv2:UpdateIPSet", "us-east-1") else None
    )


def half_blocked(at: Desk) -> Report:
    at.sandbox.faults.before.append(deny_cloudfront)
    report = contained(at)
    at.sandbox.faults.clear()
    assert (report.status, blocked(at)) == (Status.PARTIALLY_CONTAINED, HALF)
    return report


def test_a_block_in_one_of_two_sets_is_listed_read_and_ends_with_its_time(tmp_path: Path) -> None:
    at = web(tmp_path)
    run = half_blocked(at)
    assert Outcome.PARTIAL in {each.outcome for each in at.service.ledger.standing() if each.run_id == run.run_id}
    seen = reverify(at.service)
    assert (len(seen.partly), seen.lapsed) == (1, [])
    at.wait(hours=48)
    (swept,) = sweep(at.service).reports
    assert (swept.status, blocked(at)) == (Status.UNDONE, FREE)
    assert sweep(at.service).reports == []


def test_a_block_that_a_later_run_completed_ends_in_both_sets(tmp_path: Path) -> None:
    at = web(tmp_path)
    first, second = half_blocked(at), contained(at)
    assert (second.status, blocked(at)) == (Status.CONTAINED, BLOCKED)
    refused = undo_run(at.service, first.run_id, None, "rosa")
    assert isinstance(refused, NothingToUndo)
    assert second.run_id in refused.detail
    at.wait(hours=48)
    (swept,) = sweep(at.service).reports
    assert (swept.run_id, swept.status, blocked(at)) == (second.run_id, Status.UNDONE, FREE)


def test_a_block_that_a_later_run_completed_can_be_taken_back_before_its_time(tmp_path: Path) -> None:
    at = web(tmp_path)
    half_blocked(at)
    undone = report_of(undo_run(at.service, contained(at).run_id, None, "rosa"))
    assert (undone.status, blocked(at)) == (Status.UNDONE, FREE)


def test_a_retry_that_fails_as_well_leaves_the_first_one_s_block_to_be_swept(tmp_path: Path) -> None:
    at = web(tmp_path)
    half_blocked(at)
    at.sandbox.faults.before.append(
        lambda call: Fail("AccessDeniedException", 403) if call.name == "wafv2:UpdateIPSet" else None
    )
    again = contained(at)
    at.sandbox.faults.clear()
    assert (again.status, blocked(at)) == (Status.PARTIALLY_CONTAINED, HALF)
    at.wait(hours=48)
    assert [report.status for report in sweep(at.service).reports] == [Status.UNDONE]
    assert blocked(at) == FREE


def test_a_retry_that_dies_leaves_the_first_one_s_block_listed_as_its_own(tmp_path: Path) -> None:
    at = web(tmp_path)
    first = half_blocked(at)
    asked = at.deliver()

    def kill(call: SandboxCall) -> None:
        if call.name == "wafv2:UpdateIPSet":
            raise Killed

    at.sandbox.faults.before.append(kill)
    with pytest.raises(Killed):
        at.say("approve", asked)
    at.sandbox.faults.clear()
    (left,) = [each for each in at.service.ledger.standing() if each.change.action == "wafv2_block_address"]
    assert (left.run_id, left.outcome) == (asked.run_id, Outcome.UNSURE)
    assert left.change.before == first.actions[0].planned.change.before


def act(at: Desk, action: str) -> None:
    """Let the rule of the Region's web ACL count what it blocked, or block again."""
    client = at.sandbox.client("wafv2", ACCOUNT, REGION)
    (one,) = client.list_web_acls(Scope="REGIONAL")["WebACLs"]
    found = client.get_web_acl(Name=one["Name"], Scope="REGIONAL", Id=one["Id"])
    acl = found["WebACL"]
    for rule in acl["Rules"]:
        if "IPSetReferenceStatement" in rule["Statement"]:
            rule["Action"] = {action: {}}
    kept = {name: acl[name] for name in ("Name", "Id", "DefaultAction", "Rules", "VisibilityConfig")}
    client.update_web_acl(Scope="REGIONAL", LockToken=found["LockToken"], **kept)


def test_a_block_that_lapsed_and_blocks_again_ends_with_its_time(tmp_path: Path) -> None:
    at = web(tmp_path)
    contained(at)
    act(at, "Count")
    assert [report.status for report in reverify(at.service).lapsed] == [Status.LAPSED]
    act(at, "Block")
    at.wait(hours=48)
    assert [report.status for report in sweep(at.service).reports] == [Status.UNDONE]
    assert (blocked(at), sweep(at.service).reports) == (FREE, [])


def test_a_block_that_lapsed_and_was_made_whole_by_a_later_run_ends_everywhere(tmp_path: Path) -> None:
    """Somebody took the address out of one set; the later run finds the other as the first left it."""
    at = web(tmp_path)
    contained(at)
    put(at, "CLOUDFRONT", [])
    assert len(reverify(at.service).lapsed) == 1
    again = contained(at)
    assert (again.status, blocked(at)) == (Status.CONTAINED, BLOCKED)
    at.wait(hours=48)
    sweep(at.service)
    assert blocked(at) == FREE


def test_what_somebody_took_back_whole_and_later_did_themselves_is_not_ours_to_sweep(tmp_path: Path) -> None:
    at = web(tmp_path)
    contained(at)
    put(at, "CLOUDFRONT", [])
    put(at, "REGIONAL", [OTHER])
    assert len(reverify(at.service).lapsed) == 1
    put(at, "REGIONAL", [OTHER, ENTRY])
    at.wait(hours=48)
    assert (sweep(at.service).reports, blocked(at)) == ([], HALF)


def test_a_block_that_was_never_verified_ends_with_its_time_although_it_lapsed(tmp_path: Path) -> None:
    at = web(tmp_path, world(WEB_WORLD, ("wafv2.web_acls.1.resources", [])))
    assert contained(at).status is Status.UNVERIFIED
    assert len(reverify(at.service).lapsed) == 1
    at.wait(hours=48)
    assert [report.status for report in sweep(at.service).reports] == [Status.UNDONE]
    assert blocked(at) == FREE


def put(at: Desk, scope: str, addresses: list[str]) -> None:
    client = at.sandbox.client("wafv2", ACCOUNT, "us-east-1" if scope == "CLOUDFRONT" else REGION)
    (one,) = client.list_ip_sets(Scope=scope)["IPSets"]
    token = client.get_ip_set(Name=one["Name"], Scope=scope, Id=one["Id"])["LockToken"]
    client.update_ip_set(Name=one["Name"], Scope=scope, Id=one["Id"], Addresses=addresses, LockToken=token)


def half_quarantined(at: Desk) -> Report:
    """The second of the interfaces is refused."""
    seen: list[SandboxCall] = []

    def refuse(call: SandboxCall) -> Fail | None:
        if call.name == "ec2:ModifyNetworkInterfaceAttribute":
            seen.append(call)
        return Fail("UnauthorizedOperation", 403) if len(seen) == 2 and call is seen[-1] else None

    at.sandbox.faults.before.append(refuse)
    report = contained(at)
    at.sandbox.faults.clear()
    assert report.status is Status.PARTIALLY_CONTAINED, report.reason
    return report


def action_of(report: Report, action: str) -> Any:
    return next(each for each in report.actions if each.planned.change.action == action)


def test_a_quarantine_in_part_stands_and_the_later_run_s_undo_gives_every_interface_its_groups_back(
    tmp_path: Path,
) -> None:
    at = desk(tmp_path, INSTANCE_WORLD, event("guardduty_c2"))
    before = groups(at)
    first = half_quarantined(at)
    standing = [each for each in at.service.ledger.standing() if each.change.action == "ec2_quarantine_interfaces"]
    assert [each.outcome for each in standing] == [Outcome.PARTIAL]
    assert [line for line in reverify(at.service).partly if line.startswith(first.run_id)]
    second = contained(at)
    assert (second.status, groups(at) == before) == (Status.CONTAINED, False)
    older = report_of(undo_run(at.service, first.run_id, None, "rosa"))
    assert f"{second.run_id} went on with it" in older.reason
    newer = action_of(second, "ec2_quarantine_interfaces")
    report_of(undo_run(at.service, second.run_id, newer.planned.id, "rosa"))
    assert groups(at) == before
