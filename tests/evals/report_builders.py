"""Reports made by hand: one of every status, in the shapes that the graph's reports have."""

from datetime import UTC, datetime, timedelta

from agent.plan import Change, Confidence, Disposition, Effect, Inapplicable, PlannedAction
from agent.receipt import Call, Outcome, Receipt, Verification
from agent.report import FindingSummary, Report, ReportedAction, SourceSummary, Status, Told
from agent.target import GLOBAL, Target, TargetKind
from agent.verdict import Approval, Facts, Known, Mode, Need, Ruling, Verdict

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
ACCOUNT = "111122223333"
KEY = Target(kind=TargetKind.ACCESS_KEY, id="AKIAIOSFODNN7EXAMPLE", account=ACCOUNT, region=GLOBAL, owner="deploy-bot")
USER = Target(kind=TargetKind.USER, id="deploy-bot", account=ACCOUNT, region=GLOBAL)
BUCKET = Target(kind=TargetKind.BUCKET, id="example-invoices", account=ACCOUNT, region="eu-west-1")
RUN = "run-5f2a9c01d3e4"
DENY_ALL = (
    '{"Version": "2012-10-17", "Statement": [{"Sid": "Stanch", "Effect": "Deny", "Action": "*", "Resource": "*"}]}'
)

CHANGES = {
    "iam_deny_user": Change(
        action="iam_deny_user",
        target=USER,
        before={"policy": None},
        after={"policy": DENY_ALL},
        blast_radius=[Effect(what="other active keys of the user", count=1), Effect(what="running jobs")],
    ),
    "iam_deactivate_key": Change(
        action="iam_deactivate_key", target=KEY, before={"Status": "Active"}, after={"Status": "Inactive"}
    ),
    "s3_block_public_access": Change(
        action="s3_block_public_access",
        target=BUCKET,
        before={"PublicAccessBlockConfiguration": None},
        after={"PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "RestrictPublicBuckets": True}},
        blast_radius=[Effect(what="cross-account readers", count=0)],
    ),
}
SUMMARIES = {
    "iam_deny_user": "Deny the user everything.",
    "iam_deactivate_key": "Deactivate the access key.",
    "s3_block_public_access": "Block public access to the bucket.",
}


def facts(change: Change, mode: Mode) -> Facts:
    """What policy saw of an action of these reports."""
    return Facts(
        action=change.action, target_kind=change.target.kind, target_key=change.target.key, mode=mode, sandbox=True, now=NOW,
        severity=80, confidence=2, disposition="true_positive", model_proposed=True, playbook_proposed=True,
        reversal="exact", disruption=1, sample=False, target_verified=True, target_in_slots=True, overflow=False,
        evidence_failed=False, evidence_not_yet=False, environment="dev", account_role="workload", protected=Known.NO,
        protecting_tag=False, break_glass=Known.NO, own_part=False, audit_store=Known.NO, intended_public=Known.NO,
        known_automation=Known.NO, outside_readers=Known.NO, shared_host=Known.NO, address_version=0, prefix_length=0,
        address_reserved=False, address_own=Known.NO, never_block=False, address_proxied=Known.NO, expired=False,
        undone_before=False,
        refused_before=Known.NO,
        predecessor_failed=False,
    )  # fmt: skip


def verdict(number: int, change: Change, ruling: Ruling, mode: Mode = Mode.AUTO) -> Verdict:
    """A verdict with one deciding policy."""
    words = {
        Ruling.ALLOW: (
            "auto-when-both-agree",
            "Model and playbook propose it independently, and it can be taken back.",
        ),
        Ruling.ASK: ("ask-in-approve-mode", "In approve mode every write asks."),
        Ruling.DENY: ("deny-protected", "The registry protects it."),
    }
    policy, why = words[ruling]
    return Verdict(
        action_id=f"A{number}",
        ruling=ruling,
        policies=[policy],
        why=[why],
        needs=[Need(count=1, roles=["oncall"])] if ruling is Ruling.ASK else [],
        mattered=["mode", "severity", "confidence", "protected"],
        otherwise={"auto": Ruling.ALLOW, "approve": Ruling.ASK} if mode is Mode.OBSERVE else {},
        facts=facts(change, mode),
    )


def receipt(number: int, change: Change, outcome: Outcome = Outcome.DONE, how: str = "observed") -> Receipt:
    """A receipt with its one call and what reading back showed."""
    checks = {
        "observed": "A call with the key was refused with InvalidClientTokenId.",
        "by_configuration": "The setting reads as wanted.",
        "unverified": "Reading back failed: iam:ListAccessKeys Throttling.",
    }
    return Receipt(
        run_id=RUN,
        action_id=f"A{number}",
        change=change,
        outcome=outcome,
        calls=[Call(operation="iam:UpdateAccessKey", request_id="7a62c49f-347e-4fc4-9331-6e8eEXAMPLE")],
        at=NOW + timedelta(seconds=4),
        verification=Verification(how=how, detail=checks[how], at=NOW + timedelta(seconds=6)),
    )


def action(
    number: int, name: str, ruling: Ruling | None, made: Receipt | None, mode: Mode = Mode.AUTO
) -> ReportedAction:
    """One action of a report."""
    change = CHANGES[name]
    return ReportedAction(
        planned=PlannedAction(
            id=f"A{number}", slot=f"T0{number}", change=change, proposed_by_model=True, proposed_by_playbook=True
        ),
        summary=SUMMARIES[name],
        verdict=verdict(number, change, ruling, mode) if ruling else None,
        receipt=made,
        undo=f"stanch undo {RUN} A{number}" if made else "Nothing was done: there is nothing to undo.",
    )


def evidence() -> list[SourceSummary]:
    """Four sources, with a fact in each standing."""
    key, user = KEY.key, USER.key
    return [
        SourceSummary(
            source="cloudtrail_lookup",
            standing="not_yet",
            facts={f"key.calls@{key}": 1412, f"key.denied_share@{key}": 38, f"key.only_trusted_addresses@{key}": False,
                   f"key.finding_address_seen@{key}": None},
            not_known={f"key.finding_address_seen@{key}": "not_yet: the last 15 minutes are not complete"},
            calls=7,
            pages=7,
        ),
        SourceSummary(
            source="iam_state",
            standing="known",
            facts={f"key.active@{key}": True, f"key.age_days@{key}": 412, f"user.admin@{user}": False,
                   f"user.active_keys@{user}": 2},
            calls=9,
        ),
        SourceSummary(
            source="macie", standing="absent", facts={}, not_known={f"bucket.sensitive@{BUCKET.key}": "absent: not_enabled"}, calls=1
        ),
        SourceSummary(
            source="vpc_flow_logs",
            standing="failed",
            facts={"address.flows_accepted@aws:111122223333:eu-west-1:address:198.51.100.7/32": None},
            not_known={"address.flows_accepted@aws:111122223333:eu-west-1:address:198.51.100.7/32": "failed: AccessDeniedException"},
            calls=2,
            note="AccessDeniedException",
        ),
    ]  # fmt: skip


def finding(**changes: object) -> FindingSummary:
    """A GuardDuty finding about an abused key."""
    known: dict[str, object] = {
        "key": "arn:aws:guardduty:eu-west-1:111122223333:detector/12abc34d567e8fa901bc2d34e56789f0/finding/aabbccdd",
        "type": "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
        "origin": "guardduty",
        "situation": "credential_abuse",
        "severity": 80,
        "account": ACCOUNT,
        "region": "eu-west-1",
        "title": "API GetCallerIdentity was invoked from an IP address on a custom threat list.",
        "targets": [KEY, USER],
        "named_resources": ["arn:aws:iam::111122223333:role/reporting"],
    }
    return FindingSummary.model_validate(known | changes)


def report(status: Status, **changes: object) -> Report:
    """A worked run of that status; `changes` replace whole fields."""
    known: dict[str, object] = {
        "run_id": RUN,
        "status": status,
        "reason": REASONS[status],
        "mode": Mode.AUTO,
        "sandbox": True,
        "event_digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "finding": finding(),
        "evidence": evidence(),
        "disposition": Disposition.TRUE_POSITIVE,
        "confidence": Confidence.HIGH,
        "rationale": "The key made 1,412 calls from an address on a threat list, over a third of them denied. "
        "Its owner's office was not among the callers.",
        "cites": ["key.calls", "key.denied_share"],
        "playbook_disposition": Disposition.TRUE_POSITIVE,
        "answered_by": "playbook over sandbox Converse",
        "leaves_open": ["Sessions issued before the key was deactivated last up to 36 hours."],
        "told": Told(outcome="not_kept_there", detail="GuardDuty keeps this finding itself."),
        "input_tokens": 2140,
        "output_tokens": 188,
        "calls": {
            "read": {"iam:ListAccessKeys": 3, "cloudtrail:LookupEvents": 7},
            "execute": {"iam:UpdateAccessKey": 1},
        },
        "started_at": NOW,
        "ended_at": NOW + timedelta(seconds=8),
    }
    return Report.model_validate(known | changes)


REASONS = {
    Status.REFUSED: "malformed: detail.severity: not a number: 'high'",
    Status.SKIPPED: "sample: a sample finding (lifecycle.sample)",
    Status.FAILED: "bug: KeyError: 'Statement' (iam_state.py:88)",
    Status.AWAITING_APPROVAL: "ask: ask-in-approve-mode",
    Status.PARTIALLY_CONTAINED: "partial: 1 of 2 actions was done",
    Status.UNVERIFIED: "unverified: reading back failed",
    Status.CONTAINED: "contained: 2 of 2 actions done and verified",
    Status.REJECTED: "rejected: by ana",
    Status.EXPIRED: "expired: nobody answered in time",
    Status.DENIED: "denied: deny-protected",
    Status.ESCALATED: "no_action_serves: no action serves this situation yet",
    Status.PROPOSED: "observe: what would have been done",
    Status.NO_ACTION: "benign: the owner's office used the key",
    Status.UNDONE: "undone: taken back by ana",
    Status.LAPSED: "lapsed: the key is active again",
}


def approval(decision: str) -> Approval:
    """One person's answer."""
    return Approval(
        run_id=RUN, digest="c0ffee" * 10 + "1234", decision=decision, action_ids=["A1"] if decision == "approve" else [], by="ana",
        role="oncall", reason="Checked with the team that owns it.", at=NOW, expires_at=NOW + timedelta(hours=1), nonce="n-1",
    )  # fmt: skip


def _actions(ruling: Ruling, *outcomes: tuple[Outcome, str] | None, mode: Mode = Mode.AUTO) -> list[ReportedAction]:
    names = ["iam_deny_user", "iam_deactivate_key"]
    return [
        action(n, name, ruling, receipt(n, CHANGES[name], *outcome) if outcome else None, mode)
        for n, (name, outcome) in enumerate(zip(names, outcomes, strict=True), start=1)
    ]


def every_status() -> dict[Status, Report]:
    """One report of each status."""
    done, config = (Outcome.DONE, "observed"), (Outcome.DONE, "by_configuration")
    nothing = {"evidence": [], "disposition": None, "confidence": None, "rationale": "", "cites": [], "answered_by": "",
               "playbook_disposition": None, "leaves_open": [], "told": None, "calls": {}}  # fmt: skip
    ask, deny, allow = Ruling.ASK, Ruling.DENY, Ruling.ALLOW
    fields: dict[Status, dict[str, object]] = {
        Status.REFUSED: nothing | {"finding": None},
        Status.SKIPPED: nothing,
        Status.FAILED: nothing,
        Status.AWAITING_APPROVAL: {"waits_for": "1 approval from oncall", "mode": Mode.APPROVE,
                                   "actions": _actions(ask, None, None, mode=Mode.APPROVE)},
        Status.PARTIALLY_CONTAINED: {"actions": _actions(allow, done, (Outcome.FAILED, "unverified"))},
        Status.UNVERIFIED: {"actions": _actions(allow, config, (Outcome.DONE, "unverified"))},
        Status.CONTAINED: {"actions": _actions(allow, config, done)},
        Status.REJECTED: {"mode": Mode.APPROVE, "actions": _actions(ask, None, None), "approvals": [approval("reject")]},
        Status.EXPIRED: {"mode": Mode.APPROVE, "actions": _actions(ask, None, None)},
        Status.DENIED: {"actions": _actions(deny, None, None)},
        Status.ESCALATED: {"dropped": [Inapplicable(action="iam_deactivate_key", target=KEY, reason="gone", detail="NoSuchEntity")]},
        Status.PROPOSED: {"mode": Mode.OBSERVE, "actions": _actions(ask, None, None, mode=Mode.OBSERVE)},
        Status.NO_ACTION: {"disposition": Disposition.BENIGN, "fallback_reason": "model: no answer in 20 s"},
        Status.UNDONE: {"actions": _actions(allow, (Outcome.UNDONE, "observed"), (Outcome.UNDONE, "observed"))},
        Status.LAPSED: {"actions": _actions(allow, done, done)},
    }  # fmt: skip
    made = {status: report(status, **fields[status]) for status in Status}
    bucket = action(1, "s3_block_public_access", ask, None)
    about = finding(origin="macie", type="Policy:IAMUser/S3BucketPublic", targets=[BUCKET])
    told = Told(outcome=Outcome.DONE, workflow="NOTIFIED", detail="1 finding updated")
    made[Status.EXPIRED] = report(Status.EXPIRED, finding=about, actions=[bucket], told=told)
    return made
