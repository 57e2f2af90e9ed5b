"""A run that acted, and whose card became void, reads back what it did before it says how it ended."""

import copy
from pathlib import Path
from typing import Any

from desk import Desk, desk, event
from test_revoke_waits import OPERATOR_WORLD

from agent.report import Report, Status
from tools.sandbox.faults import Fail, fail_calls


def acted(folder: Path) -> tuple[Desk, Report]:
    """User and key are contained, and a person is asked about the role."""
    at = desk(folder, OPERATOR_WORLD, event("guardduty_credential_abuse"))
    first = at.deliver()
    assert (first.status, at.changes) == (Status.AWAITING_APPROVAL, ["iam:PutUserPolicy", "iam:UpdateAccessKey"])
    return at, first


def voided(at: Desk, first: Report) -> Report:
    """The run once a later version of its finding came."""
    newer: Any = copy.deepcopy(at.body)
    newer["detail"]["updatedAt"] = "2026-11-20T11:50:00.000Z"
    assert at.deliver(newer).run_id != first.run_id
    report = at.service.ledger.report(first.run_id)
    assert report is not None
    return report


def how(report: Report) -> list[str | None]:
    receipts = [action.receipt for action in report.actions]
    return [receipt and receipt.verification and receipt.verification.how for receipt in receipts]


def test_what_a_run_did_before_its_card_became_void_is_read_back(tmp_path: Path) -> None:
    at, first = acted(tmp_path)
    void = voided(at, first)
    assert (void.status, how(void)) == (Status.PARTIALLY_CONTAINED, ["by_configuration", "by_configuration", None])
    assert void.reason.startswith("what it asked is void: its finding changed while it waited; ")
    assert "iam_revoke_role_sessions on operator: not approved" in void.reason
    kept = [receipt.verification for receipt in at.service.ledger.receipts(first.run_id)]
    assert [one.holds for one in kept if one is not None] == [True, True]


def test_what_cannot_be_read_back_then_stays_unverified(tmp_path: Path) -> None:
    at, first = acted(tmp_path)
    at.sandbox.faults.before.append(fail_calls("iam:GetUserPolicy", Fail("AccessDenied", 403), 999))
    at.sandbox.faults.before.append(fail_calls("iam:ListAccessKeys", Fail("AccessDenied", 403), 999))
    void = voided(at, first)
    assert (void.status, how(void)) == (Status.UNVERIFIED, ["unverified", "unverified", None])
