"""What does not read as we left it: what reads otherwise is said, with the ways out, and a person may let it go."""

import json
from pathlib import Path

import pytest
from command import command
from desk import ACCOUNT, REGION, USER, USER_WORLD, Desk, desk, event

from agent.receipt import Outcome
from agent.report import Report, Status
from graphs.bootstrap import SANDBOX
from graphs.letting_go import let_go
from graphs.reverify import reverify
from graphs.sandbox_home import held
from graphs.undo import undo_run
from graphs.undo_lease import NothingToUndo
from tools.sandbox.faults import Fail, fail_calls

TOKEN = "ghp_" + "a1B2" * 9
ALLOWS = {"Version": "2012-10-17", "Statement": [{"Sid": TOKEN, "Effect": "Allow", "Action": "*", "Resource": "*"}]}


def contained(folder: Path) -> tuple[Desk, Report]:
    at = desk(folder, USER_WORLD, event("guardduty_credential_abuse"))
    report = at.deliver()
    assert report.status is Status.CONTAINED
    return at, report


def overwritten(at: Desk, report: Report) -> None:
    """Somebody puts another policy in place of the deny."""
    name = report.actions[0].planned.change.params["policy_name"]
    iam = at.sandbox.client("iam", ACCOUNT, REGION)
    iam.put_user_policy(UserName=USER, PolicyName=name, PolicyDocument=json.dumps(ALLOWS))
    at.calls.clear()


def drifted(folder: Path) -> tuple[Desk, Report]:
    at, report = contained(folder)
    overwritten(at, report)
    undone = undo_run(at.service, report.run_id, "A1", "rosa")
    assert isinstance(undone, Report)
    return at, undone


def test_an_undo_that_stops_at_drift_says_what_it_read_without_secrets_and_the_ways_out(tmp_path: Path) -> None:
    (tmp_path / SANDBOX).mkdir()
    _, report = drifted(tmp_path / SANDBOX)
    receipt = report.actions[0].undone
    assert receipt is not None
    assert receipt.outcome is Outcome.DRIFTED
    assert '"Allow"' in json.dumps(receipt.found["policy"])
    assert TOKEN not in report.model_dump_json()
    said = command(tmp_path, "standing")[1]
    assert "an undo stopped 2026-11-20 12:00 UTC: reads otherwise: policy" in said
    for way in ("standing --check", f"undo {report.run_id} A1 --let-go --reason WHY"):
        assert way in said
    explained = command(tmp_path, "explain", report.run_id)[1]
    assert 'policy reads {"Version"' in explained
    assert 'policy was put as {"Version"' in explained


def test_reading_back_says_what_a_lapsed_containment_reads_now(tmp_path: Path) -> None:
    (tmp_path / SANDBOX).mkdir()
    at, report = contained(tmp_path / SANDBOX)
    overwritten(at, report)
    (lapsed,) = reverify(at.service).lapsed
    seen = lapsed.actions[0].lapsed
    assert seen is not None
    assert '"Allow"' in json.dumps(seen.found["policy"])
    assert "holds no more (reads otherwise: policy)" in command(tmp_path, "explain", report.run_id)[1]
    assert "iam_deny_user" not in command(tmp_path, "standing")[1]


def test_what_drifted_is_let_go_by_a_person_with_a_reason_and_nothing_is_written(tmp_path: Path) -> None:
    at, report = drifted(tmp_path)
    at.calls.clear()
    gone = let_go(at.service, report.run_id, "A1", "rosa", "we run this policy ourselves")
    assert isinstance(gone, Report)
    assert (gone.status, at.changes) == (Status.PARTIALLY_CONTAINED, [])
    assert gone.reason.startswith("A1 iam_deny_user was let go: by rosa: we run this policy ourselves; reads otherwise")
    assert gone.leaves_open[0].startswith("Since A1 was let go, unless something else prevents it: the user build-bot")
    assert [one.action_id for one in at.service.ledger.standing()] == ["A2"]
    assert gone.approvals[-1].signature
    assert isinstance(undo_run(at.service, report.run_id, "A1", "rosa"), NothingToUndo)


def test_once_let_go_the_same_finding_asks_before_it_contains_again(tmp_path: Path) -> None:
    at, report = drifted(tmp_path)
    let_go(at.service, report.run_id, "A1", "rosa", "ours")
    at.calls.clear()
    assert (at.deliver().status, at.changes) == (Status.AWAITING_APPROVAL, [])


@pytest.mark.parametrize(
    ("action", "by", "why"),
    [
        ("A2", "rosa", "reads as we put it"),
        ("A9", "rosa", "nothing of A9 stands"),
        ("A1", USER, "named in the finding"),
    ],
)
def test_letting_go_is_refused(action: str, by: str, why: str, tmp_path: Path) -> None:
    at, report = drifted(tmp_path)
    refused = let_go(at.service, report.run_id, action, by, "because")
    assert isinstance(refused, NothingToUndo)
    assert why in refused.detail
    assert len(at.service.ledger.standing()) == 2


def test_what_could_not_be_read_is_not_let_go_and_stays_ours_to_take_back(tmp_path: Path) -> None:
    at, report = contained(tmp_path)
    at.sandbox.faults.before.append(fail_calls("iam:GetUser", Fail("AccessDenied", 403), times=1))
    refused = let_go(at.service, report.run_id, "A1", "rosa", "cannot read it")
    assert isinstance(refused, NothingToUndo)
    assert ("nobody can tell" in refused.detail, "AccessDenied" in refused.detail) == (True, True), refused.detail
    back = undo_run(at.service, report.run_id, "A1", "rosa")
    assert isinstance(back, Report)
    assert [one.action_id for one in at.service.ledger.standing()] == ["A2"]


def test_what_is_gone_is_let_go(tmp_path: Path) -> None:
    at, report = contained(tmp_path)
    iam = at.sandbox.client("iam", ACCOUNT, REGION)
    for key in iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"])
    for name in iam.list_user_policies(UserName=USER)["PolicyNames"]:
        iam.delete_user_policy(UserName=USER, PolicyName=name)
    for one in iam.list_attached_user_policies(UserName=USER)["AttachedPolicies"]:
        iam.detach_user_policy(UserName=USER, PolicyArn=one["PolicyArn"])
    iam.delete_user(UserName=USER)
    gone = let_go(at.service, report.run_id, "A1", "rosa", "we deleted the user")
    assert isinstance(gone, Report)
    assert "A1" not in [one.action_id for one in at.service.ledger.standing()]


def test_standing_check_reads_back_and_says_what_lapsed(tmp_path: Path) -> None:
    path = Path(__file__).parents[1] / "data" / "events" / "guardduty_credential_abuse.json"
    world = tmp_path / "world.yaml"
    world.write_text(USER_WORLD, encoding="utf-8")
    home = tmp_path / "home"
    how = ("--sandbox", "--world", str(world), "--mode", "auto", "--json")
    code, said = command(home, "run", str(path), *how)
    assert code == 0
    (report,) = json.loads(said)
    assert command(home, "standing", "--check")[1].startswith("2 read back and in place in the sandbox")
    name = report["actions"][0]["planned"]["change"]["params"]["policy_name"]
    deleted(home, name)
    code, said = command(home, "standing", "--check")
    assert code == 1
    assert f"{report['run_id']} lapsed in the sandbox" in said
    assert "holds no more" in said
    assert "1 read back and in place" in said
    assert (
        "--let-go is about one action, and needs a --reason" in command(home, "undo", report["run_id"], "--let-go")[1]
    )


def deleted(home: Path, policy: str) -> None:
    with held(home / SANDBOX) as (sandbox, _):
        sandbox.client("iam", ACCOUNT, REGION).delete_user_policy(UserName=USER, PolicyName=policy)
