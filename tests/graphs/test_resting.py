"""What looks benign, or is in place already, because of an effect of ours rests on it: it is said so, and read again."""

import json
from pathlib import Path
from typing import Any

from closing_desk import SHUT, low
from desk import BUCKET_WORLD, USER_WORLD, Desk, desk, event, world
from instance_desk import INSTANCE_WORLD

from agent.plan import Disposition
from agent.report import Report, Status
from agent.verdict import Mode
from graphs.reverify import reverify
from graphs.undo import undo_run

DEACTIVATE, DENY = "iam_deactivate_key", "iam_deny_user"
TAG, SNAPSHOTS, SESSIONS = "ec2_tag_instance", "ec2_snapshot_volumes", "iam_deny_instance_sessions"


def undone(at: Desk, run: Report, action: str | None = None) -> Report:
    came = undo_run(at.service, run.run_id, action, "rosa")
    assert isinstance(came, Report), came
    return came


def test_what_our_own_block_shut_is_contained_by_that_run_and_stays_open_and_undoing_it_names_the_run_that_rests_on_it(
    tmp_path: Path,
) -> None:
    at = desk(tmp_path, world(BUCKET_WORLD, *SHUT[1:]), event("macie_policy"), Mode.APPROVE)
    first = at.say("approve", at.deliver())
    assert first.status is Status.CONTAINED, first.reason
    at.arrives(low())
    second = at.deliver(low())
    said = f"s3_block_public_access, contained by {first.run_id}"
    assert (second.status, said in second.reason, second.actions) == (Status.NO_ACTION, True, []), second.reason
    assert (second.disposition, at.hub_finding()["Workflow"]["Status"]) == (Disposition.UNCERTAIN, "NEW")
    back = undone(at, first)
    assert (back.status, f"{second.run_id} (no action) found it in place" in back.reason) == (Status.UNDONE, True), (
        back.reason
    )


def another(at: Desk, body: Any) -> Report:
    """The run of another finding about the same."""
    made: Any = json.loads(json.dumps(body).replace(body["detail"]["id"], "f" * 32))
    at.arrives(made)
    return at.deliver(made)


def asked(run: Report, at: Desk) -> list[str]:
    request = at.service.ledger.request(run.run_id)
    return [] if request is None else [action.change.action for action in request.actions]


def approved_but(at: Desk, run: Report, *without: str) -> Report:
    """The run after it was approved without some of its actions."""
    return at.say("approve", run, only=[a.planned.id for a in run.actions if a.planned.change.action not in without])


def test_an_answer_to_a_card_whose_plan_rested_on_what_was_taken_back_since_asks_anew_about_that_too(
    tmp_path: Path,
) -> None:
    body = event("guardduty_credential_abuse")
    at = desk(tmp_path, USER_WORLD, body, Mode.APPROVE)
    first = approved_but(at, at.deliver(), DEACTIVATE)
    second = another(at, body)
    assert (asked(second, at), [one.by for one in second.dropped]) == ([DEACTIVATE], [[first.run_id]])
    back = undone(at, first)
    assert f"{second.run_id} found it in place and waits" in back.reason
    at.calls.clear()
    anew = at.say("approve", second)
    assert (anew.status, asked(anew, at), at.changes) == (Status.AWAITING_APPROVAL, [DENY, DEACTIVATE], []), anew.reason
    assert "not any more: iam_deny_user" in anew.reason
    done = at.say("approve", anew)
    assert (done.status, sorted(at.changes)) == (Status.CONTAINED, ["iam:PutUserPolicy", "iam:UpdateAccessKey"])


def test_a_tag_of_another_standing_run_is_left_as_it_is(tmp_path: Path) -> None:
    body = event("guardduty_c2")
    at = desk(tmp_path, INSTANCE_WORLD, body, Mode.APPROVE)
    first = approved_but(at, at.deliver(), SESSIONS, SNAPSHOTS)
    second = another(at, body)
    assert asked(second, at) == [SNAPSHOTS, SESSIONS]
    assert [one.by for one in second.dropped if one.action == TAG] == [[first.run_id]]
    done = at.say("approve", second)
    assert (done.status, reverify(at.service).lapsed) == (Status.CONTAINED, [])
    assert undone(at, first).status is Status.UNDONE
