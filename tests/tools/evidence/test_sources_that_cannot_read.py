"""Failed is not absent, and neither is not yet: what a source says when AWS does not answer, or not all of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asking import (
    ACCOUNT,
    ATTACKER,
    BUCKET,
    FINDING,
    FLOWING,
    KEY,
    KEY_TARGET,
    OFFICE,
    USER,
    WORLD,
    ask,
    aws_for,
    built,
    changed,
    expected_names,
    gather,
    scene,
    told_names,
    values,
)  # fmt: skip

from agent.evidence import Standing
from tools.aws import Undeclared
from tools.gathering import Gathering
from tools.sandbox.faults import Fail, Hook, Lost, SandboxCall, fail_calls
from tools.source import Source, SourceSpec, sources

SOURCES = sorted(sources())
FOR_EVER = 999
LAGGING = "not_yet: cloudtrail_lag"
FAULTS: dict[str, Fail | Lost] = {
    "AccessDenied": Fail("AccessDenied", 403),
    "AccessDeniedException": Fail("AccessDeniedException", 403),
    "ThrottlingException": Fail("ThrottlingException", 400),
    "InternalFailure": Fail("InternalFailure", 500),
    "ConnectTimeoutError": Lost.CONNECT_TIMEOUT,
    "ReadTimeoutError": Lost.READ_TIMEOUT,
}
_EVERYBODY = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}]}
DOOR = changed("s3.buckets.0.access_points", [{"name": "door", "policy": _EVERYBODY, "block": {}}])
"""The bucket with an access point, so that every call about one is made."""
_TOOK = {
    "at": "-45m", "name": "AssumeRole", "source": "sts", "key": KEY, "user": USER, "address": OFFICE, "region": "us-east-1",
    "request": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/worker"}, "response": {"credentials": {"accessKeyId": "ASIAWORKERSESSION001"}},
}  # fmt: skip
_DID = {"at": "-40m", "name": "StopLogging", "key": "ASIAWORKERSESSION001", "role": "worker", "address": ATTACKER}
LED = changed("iam.roles", [{"name": "worker", "policies": {"own": {"Statement": []}}}])
LED["cloudtrail"]["events"] += [_TOOK, _DID]
"""The key was used to misuse a role, so that every call about one is made."""
UNUSUAL = {
    "ListUsers",
    "StopQuery",
    "StopQueryExecution",
    "GetPolicy",
    "GetPolicyVersion",
    "GetGroupPolicy",
    "GetUserPolicy",
}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore waits between its own repeats."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def fullest(name: str, base: dict[str, Any]) -> dict[str, Any]:
    """The source's world, with what makes it call all that it may."""
    if name == "cloudtrail_lookup":
        return LED
    return DOOR if base is WORLD else base


def calls_of(source: Source) -> list[str]:
    return sorted(call.name for call in source.CALLS if call.operation not in UNUSUAL)


@pytest.mark.parametrize("name", SOURCES)
def test_each_call_failing_in_any_way_makes_facts_failed_and_never_raises(name: str) -> None:
    source, (base, finding) = sources()[name], scene(name)
    full = fullest(name, base)
    # a public ACL, so that every layer of S3 counts
    sandbox, world = built(changed("s3.buckets.0.acl", "public-read", full) if base is WORLD else full)
    for call in calls_of(source):
        for code, fault in FAULTS.items():
            sandbox.faults.before[:] = [fail_calls(call, fault, FOR_EVER)]
            answered = gather(name, sandbox, world)
            failed = {fact.note for fact in answered.facts if fact.standing is Standing.FAILED}
            assert failed & {code, "macie_not_enabled"}, (call, code, values(answered))
            assert answered.standing == "failed"
            told, expected = told_names(answered), expected_names(source, finding)
            assert expected <= told
            assert {about for _, about in told - expected} <= {target.id for target in answered.targets}


@pytest.mark.parametrize("name", SOURCES)
def test_every_declared_call_is_made_or_is_for_a_case_of_its_own(name: str) -> None:
    base = scene(name)[0]
    full = fullest(name, base)
    sandbox, world = built(changed("iam.users.0.policies.more", {"Statement": []}, full) if base is WORLD else full)
    seen: set[str] = set()
    sandbox.faults.before.append(lambda call: seen.add(call.name))
    gather(name, sandbox, world)
    declared = {call.name for call in sources()[name].CALLS}
    assert seen <= declared
    assert {call.split(":")[1] for call in declared - seen} <= UNUSUAL


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_only_reads_and_only_what_it_declares(name: str) -> None:
    assert not any(call.writes for call in sources()[name].CALLS)
    for call in sources()[name].CALLS:
        with pytest.raises(Undeclared):
            aws_for(built(WORLD)[0], frozenset()).call(call)


def test_macie_switched_off_is_unknown_and_not_zero_findings() -> None:
    assert set(values(ask("macie", changed("macie", {"enabled": False}))).values()) == {"failed: macie_not_enabled"}


def test_no_source_ever_asks_for_occurrences_of_sensitive_data() -> None:
    assert not any("Occurrences" in call.operation for source in sources().values() for call in source.CALLS)


@pytest.mark.parametrize(
    ("source", "call", "fact", "value"),
    [
        ("s3_state", "s3:GetBucketAcl", f"bucket.public {BUCKET}", True),
        ("s3_state", "s3:GetBucketPolicyStatus", f"bucket.public {BUCKET}", "failed: AccessDenied"),
        ("s3_state", "s3:GetBucketAcl", f"bucket.public_by {BUCKET}", "failed: AccessDenied"),
        ("s3_state", "s3:GetBucketPolicy", f"bucket.public {BUCKET}", True),
        ("iam_state", "iam:ListGroupsForUser", f"user.admin {USER}", "failed: AccessDenied"),
        ("iam_state", "iam:GetAccessKeyLastUsed", f"key.active {KEY}", True),
        ("iam_state", "iam:ListAccessKeys", f"user.admin {USER}", False),
        ("macie", "macie2:GetResourceProfile", f"bucket.sensitive {BUCKET}", True),
        ("macie", "macie2:ListFindings", f"bucket.sensitive {BUCKET}", True),
    ],
)
def test_what_the_other_layers_settle_is_known_although_one_could_not_be_read(
    source: str, call: str, fact: str, value: Any
) -> None:
    sandbox, world = built(WORLD)
    sandbox.faults.before.append(fail_calls(call, Fail("AccessDenied", 403), FOR_EVER))
    assert values(gather(source, sandbox, world))[fact] == value


def test_a_complete_block_settles_that_a_bucket_is_not_public_whatever_else_is_unknown() -> None:
    sandbox, world = built(changed("s3.account_block", {"ignore_acls": True, "restrict": True}))
    for call in ("s3:GetBucketPolicyStatus", "s3:GetBucketAcl", "s3:GetPublicAccessBlock"):
        sandbox.faults.before.append(fail_calls(call, Fail("AccessDenied", 403), FOR_EVER))
    assert values(gather("s3_state", sandbox, world))[f"bucket.public {BUCKET}"] is False


def test_no_event_of_a_finding_seen_within_the_last_quarter_of_an_hour_is_not_yet() -> None:
    just_seen = FINDING.model_copy(update={"last_seen": WORLD["now"] - timedelta(minutes=14)})
    told = values(ask("cloudtrail_lookup", changed("cloudtrail.events", []), just_seen))
    assert set(told.values()) == {LAGGING}


def test_the_office_s_calls_clear_nobody_while_the_finding_s_own_call_may_still_be_on_its_way() -> None:
    just_seen = FINDING.model_copy(update={"last_seen": WORLD["now"] - timedelta(minutes=14)})
    of_office = changed("cloudtrail.events.0.address", OFFICE)
    told, later = values(ask("cloudtrail_lookup", of_office, just_seen)), values(ask("cloudtrail_lookup", of_office))
    assert told[f"key.only_trusted_addresses {KEY}"] == told[f"key.finding_address_seen {KEY}"] == LAGGING
    assert (later[f"key.only_trusted_addresses {KEY}"], later[f"key.finding_address_seen {KEY}"]) == (True, False)


def test_a_stranger_s_call_that_is_there_already_is_not_waited_for() -> None:
    just_seen = FINDING.model_copy(update={"last_seen": WORLD["now"] - timedelta(minutes=14)})
    told = values(ask("cloudtrail_lookup", WORLD, just_seen))
    assert (told[f"key.only_trusted_addresses {KEY}"], told[f"key.finding_address_seen {KEY}"]) == (False, True)


def test_a_key_that_the_finding_names_without_its_user_gets_the_user_whom_iam_names() -> None:
    alone = FINDING.model_copy(update={"targets": [KEY_TARGET.model_copy(update={"owner": None})]})
    answered = ask("iam_state", WORLD, alone)
    assert {(target.id, target.owner) for target in answered.targets} >= {(KEY, USER), (USER, None)}
    assert values(answered)[f"user.active_keys {USER}"] == 1


def test_no_event_of_a_finding_that_is_older_than_the_lag_means_that_there_was_none() -> None:
    told = values(ask("cloudtrail_lookup", changed("cloudtrail.events", [])))
    assert told[f"key.calls {KEY}"] == 0
    assert told[f"key.denied_share {KEY}"] == "absent: no_calls"
    assert told[f"key.only_trusted_addresses {KEY}"] is False
    assert told[f"bucket.opened_recently {BUCKET}"] is False


def fail_in(region: str) -> Hook:
    def hook(call: SandboxCall) -> Fail | None:
        return Fail("AccessDenied", 403) if call.region == region else None

    return hook


def test_an_unreadable_region_makes_counts_failed_but_keeps_what_was_seen() -> None:
    sandbox, world = built(WORLD)
    sandbox.faults.before.append(fail_in("eu-west-1"))
    told = values(gather("cloudtrail_lookup", sandbox, world))
    assert told[f"key.calls {KEY}"] == "failed: AccessDenied"
    assert told[f"key.finding_address_seen {KEY}"] is True
    assert told[f"key.only_trusted_addresses {KEY}"] is False


def test_an_unreadable_region_never_lets_the_rest_pass_for_all() -> None:
    sandbox, world = built(WORLD)
    sandbox.faults.before.append(fail_in("us-east-1"))
    told = values(gather("cloudtrail_lookup", sandbox, world))
    assert told[f"key.only_trusted_addresses {KEY}"] == "failed: AccessDenied"
    assert told[f"key.finding_address_seen {KEY}"] == "failed: AccessDenied"


def test_text_that_breaks_lines_is_counted_like_any_other_and_stays_on_its_line() -> None:
    answered = ask("cloudtrail_lookup", changed("cloudtrail.events.0.raw", {"userAgent": "a\u2028b\nc\x00d"}))
    assert values(answered)[f"key.calls {KEY}"] == 2
    assert [excerpt.text.text.count("\n") for excerpt in answered.excerpts] == [1]
    assert "by a b c d" in answered.excerpts[0].text.text


def test_no_flow_logs_is_absent_and_flow_logs_elsewhere_are_failed() -> None:
    assert set(values(ask("vpc_flow_logs", changed("flow_logs", []))).values()) == {"absent: no_flow_logs"}
    sandbox, world = built(WORLD)
    for one in _flow_logs(sandbox).values():
        one.log_destination_type, one.log_destination, one.log_group_name = "s3", "arn:aws:s3:::flow", None
    assert set(values(gather("vpc_flow_logs", sandbox, world)).values()) == {"failed: not_in_cloudwatch"}


@pytest.mark.parametrize("text", ["${srcaddr} ${dstaddr}", "${srcaddr},${dstaddr},${bytes},${action}", "all of it"])
def test_a_format_that_does_not_say_who_sent_what_is_failed_and_not_read_as_no_traffic(text: str) -> None:
    sandbox, world = built(WORLD)
    for one in _flow_logs(sandbox).values():
        one.log_format = text
    assert set(values(gather("vpc_flow_logs", sandbox, world)).values()) == {"failed: field_missing"}


def test_two_formats_in_one_log_group_cannot_be_told_apart() -> None:
    first = WORLD["flow_logs"][0]
    other = {**first, "interface": "eni-0123456789abcdef9", "format": ["srcaddr", "dstaddr", "bytes", "action"]}
    told = values(ask("vpc_flow_logs", changed("flow_logs", [first, other])))
    assert told[f"address.flows_rejected {ATTACKER}"] == "failed: mixed_formats"


def test_a_flow_log_of_rejects_says_nothing_about_what_was_accepted() -> None:
    world = changed("flow_logs.0.traffic", "REJECT")
    world["flow_logs"][0]["records"] = world["flow_logs"][0]["records"][2:3]
    told = values(ask("vpc_flow_logs", world))
    assert told[f"address.flows_rejected {ATTACKER}"] == 1
    assert told[f"address.seen_in_vpc {ATTACKER}"] is True
    assert told[f"address.flows_accepted {ATTACKER}"] == "absent: reject_only"
    assert told[f"address.bytes_out {ATTACKER}"] == "absent: reject_only"


def test_no_flow_in_the_minutes_after_the_finding_is_not_yet() -> None:
    fresh = FLOWING.model_copy(update={"last_seen": WORLD["now"]})
    told = values(ask("vpc_flow_logs", changed("flow_logs.0.records", []), fresh))
    assert set(told.values()) == {"not_yet: flow_log_lag"}


def test_a_network_in_the_place_of_an_address_is_not_asked_about() -> None:
    wide = FINDING.remote_addresses[0].model_copy(update={"id": "198.51.100.0/24"})
    told = values(ask("vpc_flow_logs", WORLD, FINDING.model_copy(update={"remote_addresses": [wide]})))
    assert set(told.values()) == {"failed: not_a_single_address"}


def _flow_logs(sandbox: Any) -> dict[str, Any]:
    from moto.backends import get_backend

    found: dict[str, Any] = get_backend("ec2")["111122223333"]["eu-west-1"].flow_logs
    return found


SPEC = SourceSpec("x", "", ("key.calls",), 1, 1, ())


@pytest.mark.parametrize("tell", [Gathering.absent, Gathering.failed, Gathering.not_yet])
def test_the_standing_of_an_answer_is_that_of_its_worst_fact(tell: Callable[..., None]) -> None:
    gathering = Gathering(SPEC, WORLD["now"])
    gathering.want(FINDING.targets[0], ["key.calls"])
    assert gathering.answered().standing == "failed"
    tell(gathering, "key.calls", FINDING.targets[0], "note")
    assert gathering.answered().standing == tell.__name__
    gathering.known("key.calls", FINDING.targets[0], 3)
    assert gathering.answered().standing == "known"


def test_a_fact_that_a_source_does_not_declare_cannot_be_told() -> None:
    with pytest.raises(KeyError, match="does not declare"):
        Gathering(SPEC, WORLD["now"]).known("user.mfa", FINDING.targets[1], True)
