"""The plan follows the evidence: one fact changed in the world changes what is planned, and four sources are really read."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from desk import (
    BUCKET,
    BUCKET_WORLD,
    KEY,
    OFFICE,
    SPARE,
    USER,
    USER_WORLD,
    WEBSITE,
    Desk,
    about,
    bedrock,
    desk,
    event,
    world,
)

from agent.case import build
from agent.event import Event
from agent.evidence import Evidence
from agent.masking import Masker
from agent.playbook import answer
from agent.report import Report, Status
from agent.slots import assign
from agent.verdict import Mode
from graphs.state import Arrived, Context
from tools.action import catalogue
from tools.sandbox.faults import Fail, fail_calls

GUARDDUTY, HUB, MACIE = "guardduty_credential_abuse", "securityhub_s3_public", "macie_policy"
OFFICE_ONLY = [{"at": "-2h", "name": "ListUsers", "key": KEY, "user": USER, "address": OFFICE, "region": "us-east-1"}]
BOTH = ["iam_deny_user build-bot", f"iam_deactivate_key {KEY}"]
BLOCK = [f"s3_block_public_access {BUCKET}"]
OPENED_BY_PIPELINE = [
    {"at": "-151m", "name": "PutBucketPolicy", "source": "s3", "role": "deployer", "resources": [BUCKET]}
]
NEW_KEY_MADE = {
    "at": "-2h", "name": "CreateAccessKey", "key": KEY, "user": USER, "address": "198.51.100.23",
    "request": {"userName": USER}, "response": {"accessKey": {"accessKeyId": SPARE, "userName": USER}},
}  # fmt: skip

HELPDESK = {"name": "helpdesk", "keys": [{"id": "AKIAHELPDESKEXAMPLE1", "created": "-2h"}]}
MADE_FOR_OTHERS = [
    NEW_KEY_MADE | {
        "request": {"userName": "helpdesk"},
        "response": {"accessKey": {"accessKeyId": "AKIAHELPDESKEXAMPLE1", "userName": "helpdesk"}},
    },
    NEW_KEY_MADE | {"name": "CreateLoginProfile", "request": {"userName": "archivist"}, "response": None},
]  # fmt: skip

SESSION = {
    "at": "-118m", "name": "AssumeRole", "source": "sts", "key": KEY, "user": USER, "address": OFFICE, "region": "us-east-1",
    "request": {"roleArn": "arn:aws:iam::111122223333:role/operator"},
    "response": {"credentials": {"accessKeyId": "ASIAOPERATORSESSION1"}},
}  # fmt: skip
SESSION_AT_WORK = {
    "at": "-110m", "name": "StopLogging", "source": "cloudtrail", "key": "ASIAOPERATORSESSION1", "role": "operator",
    "address": "192.0.2.99", "read_only": False,
}  # fmt: skip
OFFICES = ["203.0.113.0/24", "198.51.100.0/24"]
"""The owner's own networks, with the finding's address in them."""

PARTNER = {
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "s3:GetObject", "Resource": "*"}]
}
# the event, what is changed in its world, and then: disposition, planned actions, rulings, status
CHANGED_FACTS = [
    pytest.param(GUARDDUTY, [], "true_positive", BOTH, ["allow", "allow"], Status.CONTAINED, id="as-it-is"),
    pytest.param(
        GUARDDUTY, [("cloudtrail.events", OFFICE_ONLY)], "uncertain", BOTH, ["ask", "ask"], Status.AWAITING_APPROVAL,
        id="used-by-the-office-only-and-yet-the-finding-saw-another",
    ),
    pytest.param(
        GUARDDUTY, [("cloudtrail.events", OFFICE_ONLY), ("registry.trusted_networks", OFFICES)], "benign", [], [],
        Status.NO_ACTION, id="used-by-the-office-only",
    ),
    pytest.param(
        GUARDDUTY, [("cloudtrail.events", [*OFFICE_ONLY, SESSION]), ("registry.trusted_networks", OFFICES)], "benign", [],
        [], Status.NO_ACTION, id="used-by-the-office-only-which-took-on-a-role",
    ),
    pytest.param(
        GUARDDUTY,
        [("cloudtrail.events", [*OFFICE_ONLY, SESSION, SESSION_AT_WORK]), ("registry.trusted_networks", OFFICES),
         ("iam.roles", [{"name": "operator"}])],
        "true_positive", [*BOTH, "iam_revoke_role_sessions operator"], ["allow", "allow", "ask"],
        Status.AWAITING_APPROVAL, id="and-the-role-s-session-works-from-elsewhere",
    ),
    pytest.param(
        GUARDDUTY, [("cloudtrail.events.3", SESSION), ("cloudtrail.events.4", SESSION_AT_WORK)], "true_positive", BOTH,
        ["allow", "allow"], Status.CONTAINED, id="a-session-worked-from-elsewhere-in-a-role-that-is-gone-by-now",
    ),
    pytest.param(
        GUARDDUTY, [("iam.users.0.keys.0.status", "Inactive")], "true_positive", BOTH[:1], ["allow"], Status.CONTAINED,
        id="key-inactive-already",
    ),
    pytest.param(
        GUARDDUTY, [("cloudtrail.events.3", NEW_KEY_MADE), ("iam.users.0.keys.1.created", "-2h")], "true_positive",
        [*BOTH, f"iam_deactivate_key {SPARE}"], ["allow"] * 3, Status.CONTAINED, id="another-key-was-made",
    ),
    pytest.param(
        GUARDDUTY, [("cloudtrail.events", [])], "true_positive", BOTH, ["ask", "ask"], Status.AWAITING_APPROVAL,
        id="cloudtrail-shows-nothing-yet",
    ),
    pytest.param(
        GUARDDUTY, [("iam.users.0.tags", {"do-not-touch": "yes"})], "true_positive", BOTH, ["ask", "ask"],
        Status.AWAITING_APPROVAL, id="a-tag-asks-to-be-left-alone",
    ),
    pytest.param(
        GUARDDUTY, [("registry.automation", [USER])], "true_positive", BOTH, ["ask", "ask"], Status.AWAITING_APPROVAL,
        id="a-pipeline-uses-it",
    ),
    pytest.param(
        GUARDDUTY, [("registry.break_glass", [USER])], "true_positive", BOTH, ["deny", "deny"], Status.DENIED,
        id="break-glass",
    ),
    pytest.param(HUB, [], "true_positive", BLOCK, ["allow"], Status.CONTAINED, id="public-and-sensitive"),
    pytest.param(
        HUB, [("s3.buckets.0.distributions", [{"id": "E1EXAMPLE", "access": "none"}])], "uncertain", BLOCK, ["ask"],
        Status.AWAITING_APPROVAL, id="a-distribution-stops-with-the-block",
    ),
    pytest.param(
        HUB, [("s3.buckets.0.distributions", [{"id": "E1EXAMPLE"}])], "true_positive", BLOCK, ["allow"],
        Status.CONTAINED, id="a-distribution-goes-on-after-the-block",
    ),
    pytest.param(
        HUB, [("s3.buckets.0.access_points", [{"name": "partner", "policy": PARTNER}])], "true_positive", BLOCK, ["ask"],
        Status.AWAITING_APPROVAL, id="another-account-comes-in-by-an-access-point",
    ),
    pytest.param(
        HUB, [("macie.findings", []), ("macie.buckets.0.sensitivity_score", 10)], "true_positive", BLOCK, ["ask"],
        Status.AWAITING_APPROVAL, id="public-and-not-sensitive",
    ),
    pytest.param(
        HUB, [("s3.buckets.0.website", True)], "uncertain", BLOCK, ["ask"], Status.AWAITING_APPROVAL, id="a-website"
    ),
    pytest.param(
        HUB, [("macie.enabled", False)], "true_positive", BLOCK, ["ask"], Status.AWAITING_APPROVAL, id="macie-is-off"
    ),
    pytest.param(
        HUB,
        [
            ("cloudtrail.events", OPENED_BY_PIPELINE), ("registry.automation", ["deployer"]), ("macie.findings", []),
            ("macie.buckets.0.sensitivity_score", 10),
        ],
        "uncertain", BLOCK, ["ask"], Status.AWAITING_APPROVAL, id="a-pipeline-opened-it",
    ),
    pytest.param(
        HUB, [("s3.buckets.0.policy", None)], "true_positive", BLOCK, ["ask"], Status.AWAITING_APPROVAL,
        id="not-public-but-unprotected",
    ),
    pytest.param(
        HUB, [("registry.audit_buckets", [BUCKET])], "uncertain", [], [], Status.ESCALATED, id="audit-logs-go-there"
    ),
    pytest.param(
        HUB, [("s3.buckets.0.block", {"acls": True, "ignore_acls": True, "policy": True, "restrict": True})], "benign",
        [], [], Status.NO_ACTION, id="closed-already",
    ),
]  # fmt: skip


def planned(report: Report) -> list[str]:
    return [f"{a.planned.change.action} {a.planned.change.target.id}" for a in report.actions]


def rulings(report: Report) -> list[Any]:
    return [a.verdict.ruling.value if a.verdict else None for a in report.actions]


def opened(folder: Path, name: str, changes: list[Any], mode: Mode = Mode.AUTO) -> Desk:
    return desk(folder, world(USER_WORLD if name == GUARDDUTY else BUCKET_WORLD, *changes), event(name), mode)


@pytest.mark.parametrize(("name", "changes", "disposition", "actions", "ruled", "status"), CHANGED_FACTS)
def test_one_fact_of_the_world_changes_the_plan(
    tmp_path: Path, name: str, changes: list[Any], disposition: str, actions: list[str], ruled: list[str], status: str
) -> None:
    report = opened(tmp_path, name, changes).deliver()
    assert report.disposition == disposition, report.rationale
    assert (sorted(planned(report)), rulings(report), report.status) == (sorted(actions), ruled, status)


@pytest.mark.parametrize(
    ("name", "call", "source"),
    [
        (GUARDDUTY, "cloudtrail:LookupEvents", "cloudtrail_lookup"),
        (GUARDDUTY, "logs:StartQuery", "vpc_flow_logs"),
        (GUARDDUTY, "iam:ListAttachedUserPolicies", "iam_state"),
        (HUB, "macie2:ListFindings", "macie"),
        (HUB, "s3:GetBucketAcl", "s3_state"),
        (HUB, "securityhub:GetFindings", "intake"),
    ],
)
def test_a_source_that_is_denied_is_said_and_makes_policy_ask(
    tmp_path: Path, name: str, call: str, source: str
) -> None:
    at = opened(tmp_path, name, [])
    at.sandbox.faults.before.append(fail_calls(call, Fail("AccessDeniedException", 403), times=99))
    report = at.deliver()
    assert {s.source: s.standing for s in report.evidence}[source] == "failed"
    assert (set(rulings(report)), report.status, at.writes) == ({"ask"}, Status.AWAITING_APPROVAL, [])
    decided = {policy for a in report.actions if a.verdict for policy in a.verdict.policies}
    assert "evidence-failed" in decided


def test_sources_are_read_by_pages_and_side_by_side(tmp_path: Path) -> None:
    at = opened(tmp_path, MACIE, [], Mode.OBSERVE)
    report = at.deliver()
    read = {s.source: s for s in report.evidence if s.source != "intake"}
    asked = {"cloudtrail_lookup", "macie", "s3_state", "vpc_flow_logs"}
    assert {name: read[name].standing for name in asked} == dict.fromkeys(asked, "known")
    operations = Counter(call.name for call in at.calls)
    # sixty-one events are two pages; a query is started and then asked for until it has ended
    assert (read["cloudtrail_lookup"].pages, operations["cloudtrail:LookupEvents"]) == (2, 2)
    assert operations["logs:GetQueryResults"] >= 1
    assert read["macie"].pages >= 2
    assert {"s3:GetPublicAccessBlock", "s3:GetBucketAcl", "s3control:GetPublicAccessBlock"} <= set(operations)


@pytest.mark.parametrize("name", [GUARDDUTY, HUB, MACIE])
def test_every_source_is_a_task_of_its_own_in_one_superstep(tmp_path: Path, name: str) -> None:
    at = opened(tmp_path, name, [], Mode.OBSERVE)
    asked = [source.source for source in at.deliver().evidence if source.source != "intake"]
    assert len(asked) >= 3
    assert supersteps(at)[:3] == [["intake"], ["investigate"] * len(asked), ["propose"]]


def supersteps(at: Desk) -> list[list[str]]:
    """The tasks of each superstep of the run, first to last, as the checkpoints have them."""
    (run,) = at.service.ledger.runs()
    history = at.runs._graph.get_state_history({"configurable": {"thread_id": run.run_id}})
    steps = [sorted(task.name for task in snapshot.tasks) for snapshot in history][::-1]
    return [step for step in steps if step and step != ["__start__"]]


@pytest.mark.parametrize("name", [GUARDDUTY, HUB, MACIE])
def test_other_slots_for_the_same_targets_change_nothing_but_the_slots(tmp_path: Path, name: str) -> None:
    at = opened(tmp_path, name, [], Mode.OBSERVE)
    at.deliver()
    (run,) = at.service.ledger.runs()
    state = at.runs._graph.get_state({"configurable": {"thread_id": run.run_id}}).values
    evidence, slots = Evidence(answers=state["evidence"]), state["slots"]
    verified = {slot.target.key: slot.verified for slot in slots.filled}
    places = list(range(len(slots.filled)))[::-1]
    other = assign(state["finding"], evidence, verified, places)
    assert {slot.name for slot in other.filled} == {slot.name for slot in slots.filled}
    said = [meant(state, each, bedrock(at.sandbox)) for each in (slots, other)]
    assert said[0] == said[1]
    assert said[0][0]["proposals"]


def meant(state: Any, slots: Any, model: Any) -> list[dict[str, Any]]:
    """What playbook and model propose, with targets in the place of slots."""
    case = build(state["finding"], Evidence(answers=state["evidence"]), slots, Masker(nonce="test"))
    return [
        {
            "disposition": said.disposition,
            "confidence": said.confidence,
            "rationale": said.rationale,
            "proposals": {(p.action, slots.get(p.slot).target.key) for p in said.proposals},
        }
        for said in (answer(case, catalogue()), model.ask(case).answer)
    ]


def test_a_finding_about_another_bucket_reads_that_bucket_alone(tmp_path: Path) -> None:
    at = desk(tmp_path, BUCKET_WORLD, about(WEBSITE, event(HUB)), Mode.OBSERVE)
    report = at.deliver()
    assert {fact.partition("@")[2].rsplit(":", 1)[-1] for s in report.evidence for fact in s.facts} <= {WEBSITE, ""}


def test_the_graph_can_be_entered_without_a_ledger_s_run(tmp_path: Path) -> None:
    """As Studio does: an event and nothing else."""
    at = opened(tmp_path, HUB, [], Mode.OBSERVE)
    event_ = Event(body=at.body, received_at=at.sandbox.now(), via="studio")
    values = at.runs._graph.invoke(
        Arrived(event=event_, run_id="run-of-studio"),
        {"configurable": {"thread_id": "studio"}},
        context=Context(mode=Mode.OBSERVE),
    )
    assert values["report"].status is Status.PROPOSED
    assert at.writes == []


def test_a_key_that_an_intruder_made_for_another_user_is_asked_about_and_what_was_made_is_said_to_stay_open(
    tmp_path: Path,
) -> None:
    made = [(f"cloudtrail.events.{3 + n}", event) for n, event in enumerate(MADE_FOR_OTHERS)]
    report = opened(tmp_path, GUARDDUTY, [("iam.users.2", HELPDESK), *made]).deliver()
    ruled = dict(zip(planned(report), rulings(report), strict=True))
    assert ruled == {BOTH[0]: "allow", BOTH[1]: "allow", "iam_deactivate_key AKIAHELPDESKEXAMPLE1": "ask"}
    assert [line for line in report.leaves_open if "archivist" in line or "helpdesk" in line] == [
        "The access key AKIAHELPDESKEXAMPLE1, which was made for the user helpdesk by somebody else, still works.",
        "The user archivist may sign in by what somebody else set; nothing was done about that user.",
    ]
