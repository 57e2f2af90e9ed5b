"""Changing one thing in a world changes exactly the facts that are about it."""

from typing import Any

import pytest
from asking import (
    ABOUT_AN_ATTACK,
    ABOUT_THE_ACCOUNT,
    ABOUT_THE_KEYLESS,
    ADDRESS_TARGET,
    ATTACKER,
    BUCKET,
    BUCKET_TARGET,
    FINDING,
    KEY,
    KEY_TARGET,
    OFFICE,
    OTHER_ACCOUNT,
    SECOND_KEY,
    STRANGER,
    USER,
    USER_TARGET,
    WORLD,
    ask,
    changed,
    expected_names,
    scene,
    told_names,
    values,
)  # fmt: skip

from agent.target import Target, TargetKind
from tools.flow_logs import FACTS as FLOW_FACTS
from tools.source import sources

ALL_ON = {"acls": True, "ignore_acls": True, "policy": True, "restrict": True}
EVERYTHING = {"Statement": {"Effect": "Allow", "Action": ["*"], "Resource": "*"}}
NOTHING = {"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
SOMETIMES = {"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"x": "true"}}}]}


def statement(principal: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}/*", **more}


def trail(name: str, **more: Any) -> dict[str, Any]:
    return {"at": "-45m", "name": name, "key": KEY, "user": USER, "address": OFFICE, "region": "us-east-1", **more}


def got(**more: Any) -> dict[str, Any]:
    """An object was got."""
    signed = {} if "key" in more else {"anonymous": True}
    read = {"at": "-40m", "name": "GetObject", "source": "s3", "resources": [BUCKET], "object": "b.csv", "bytes": 500}
    return {**read, "address": STRANGER, **signed, **more}


OF_STRANGER = {"userIdentity": {"type": "AssumedRole", "accountId": OTHER_ACCOUNT, "invokedBy": "athena.amazonaws.com"}}
"""A service that reads for somebody of another account."""
CUSTOM = ["version", "vpc-id", "dstaddr", "srcaddr", "dstport", "srcport", "start", "end", "bytes", "action", "pkt-srcaddr",
          "interface-id"]  # fmt: skip
TRAIL = "cloudtrail.events.5"
POLICY = "s3.buckets.0.policy.Statement.1"
FRONT, POINT = "s3.buckets.0.distributions", "s3.buckets.0.access_points"
CUT = {f"bucket.distributions {BUCKET}": 1, f"bucket.distribution_breaks {BUCKET}": True}
EVENT, FLOW = "cloudtrail.events.3", "flow_logs.0.records.4"
K, U, B, A = f" {KEY}", f" {USER}", f" {BUCKET}", f" {ATTACKER}"
ELB_DELIVERY = "logdelivery.elasticloadbalancing.amazonaws.com"
CLOUDFRONT = {"Service": "cloudfront.amazonaws.com"}
OF_ONE = {"StringEquals": {"AWS:SourceArn": "arn:aws:cloudfront::111122223333:distribution/EXAMPLE"}}

CASES: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("cloudtrail_lookup", EVENT, trail("ListRoles"), {"key.calls" + K: 3}),
    ("cloudtrail_lookup", EVENT, trail("ListRoles", region="eu-west-1"), {"key.calls" + K: 3}),
    ("cloudtrail_lookup", EVENT, trail("StopLogging"), {"key.calls" + K: 3, "key.sensitive_calls" + K: 1}),
    ("cloudtrail_lookup", EVENT, trail("ListRoles", address="192.0.2.9"), {"key.calls" + K: 3, "key.addresses" + K: 3}),
    ("cloudtrail_lookup", EVENT, trail("ListRoles", address="10.1.2.3"), {"key.calls" + K: 3}),
    ("cloudtrail_lookup", EVENT, trail("ListRoles", error="AccessDenied"), {"key.calls" + K: 3, "key.denied_share" + K: 33}),
    ("cloudtrail_lookup", EVENT, trail("ListRoles", error="Throttling"), {"key.calls" + K: 3}),
    ("cloudtrail_lookup", "cloudtrail.events.0.address", "203.0.113.99",
     {"key.only_trusted_addresses" + K: True, "key.finding_address_seen" + K: False}),
    ("cloudtrail_lookup", "registry.trusted_networks", ["203.0.113.0/24", "198.51.100.0/24"],
     {"key.only_trusted_addresses" + K: True, "key.finding_address_trusted" + K: True}),
    ("cloudtrail_lookup", "cloudtrail.events.0.address", "cloudformation.amazonaws.com",
     {"key.addresses" + K: 1, "key.finding_address_seen" + K: False}),
    ("cloudtrail_lookup", EVENT, trail("CreateAccessKey", key=None), {"user.created_keys" + U: 1}),
    ("cloudtrail_lookup", EVENT, trail("CreateAccessKey", key=None, user="admin", request={"userName": USER}),
     {"user.created_keys" + U: 1}),
    ("cloudtrail_lookup", EVENT, trail("CreateAccessKey", key=None, role="builders"), {}),
    ("cloudtrail_lookup", EVENT, trail("CreateAccessKey", key=None, error="AccessDenied"), {}),
    ("cloudtrail_lookup", EVENT, trail("ListRoles", at="-30h"), {}),
    ("cloudtrail_lookup", "cloudtrail.events.2.role", "deploy", {"bucket.opened_by_automation" + B: True}),
    ("cloudtrail_lookup", "cloudtrail.events.2.name", "GetBucketPolicy", {"bucket.opened_recently" + B: False}),
    ("cloudtrail_lookup", "cloudtrail.events.2.error", "AccessDenied", {"bucket.opened_recently" + B: False}),
    ("cloudtrail_lookup", "cloudtrail.events.2.request",
     {"bucketName": BUCKET, "bucketPolicy": {"Statement": [statement({"AWS": OTHER_ACCOUNT})]}},
     {"bucket.opened_recently" + B: False}),
    ("vpc_flow_logs", FLOW, {"at": "-20m", "src": ATTACKER, "dst": "10.0.0.6"}, {"address.flows_accepted" + A: 3}),
    ("vpc_flow_logs", FLOW, {"at": "-20m", "src": "10.0.0.6", "dst": ATTACKER, "bytes": 7},
     {"address.flows_accepted" + A: 3, "address.bytes_out" + A: 5007}),
    ("vpc_flow_logs", FLOW, {"at": "-20m", "src": ATTACKER, "dst": "10.0.0.9", "action": "REJECT", "count": 3},
     {"address.flows_rejected" + A: 4}),
    ("vpc_flow_logs", FLOW, {"at": "-20m", "src": "192.0.2.8", "dst": "10.0.0.9"}, {}),
    ("vpc_flow_logs", "flow_logs.0.records", [], {
        "address.flows_accepted" + A: 0, "address.flows_rejected" + A: 0, "address.bytes_out" + A: 0,
        "address.seen_in_vpc" + A: False, "address.ports" + A: "absent: no_flows", "address.others_spoke" + A: 0}),
    ("cloudtrail_athena", TRAIL, got(address=OFFICE, user=USER, key=KEY), {
        "key.trail_calls" + K: 6, "key.object_reads" + K: 4, "key.object_bytes" + K: 3500, "user.object_reads" + U: 4,
        "user.object_bytes" + U: 3500, "bucket.object_reads" + B: 5}),
    ("cloudtrail_athena", TRAIL, got(error="AccessDenied"), {}),
    ("cloudtrail_athena", TRAIL, got(address="198.51.100.10"), {
        "bucket.object_reads" + B: 5, "bucket.stranger_reads" + B: 2, "bucket.stranger_bytes" + B: 1000,
        "bucket.stranger_addresses" + B: 2}),
    ("cloudtrail_athena", TRAIL, got(address=OFFICE), {"bucket.object_reads" + B: 5}),
    ("cloudtrail_athena", TRAIL, got(resources=["another-bucket"]), {}),
    ("cloudtrail_athena", TRAIL, got(at="-30h"), {}),
    ("cloudtrail_athena", TRAIL, trail("ListRoles", error="AccessDenied"),
     {"key.trail_calls" + K: 6, "key.trail_denied_share" + K: 16}),
    ("cloudtrail_athena", TRAIL, got(raw={"userIdentity": {"accountId": OTHER_ACCOUNT}}), {
        "bucket.object_reads" + B: 5, "bucket.stranger_reads" + B: 2, "bucket.stranger_bytes" + B: 1000}),
    ("cloudtrail_athena", TRAIL, got(address=OFFICE, raw={"userIdentity": {"accountId": OTHER_ACCOUNT}}),
     {"bucket.object_reads" + B: 5, "bucket.reading_accounts" + B: 1}),
    ("cloudtrail_athena", TRAIL, got(raw={"userIdentity": {"accountId": None}}), {
        "bucket.object_reads" + B: 5, "bucket.stranger_reads" + B: 2, "bucket.stranger_bytes" + B: 1000}),
    ("cloudtrail_athena", TRAIL, got(anonymous=False, address="cloudfront.amazonaws.com"), {"bucket.object_reads" + B: 5}),
    ("cloudtrail_athena", TRAIL, got(address="athena.amazonaws.com", raw=OF_STRANGER), {
        "bucket.object_reads" + B: 5, "bucket.stranger_reads" + B: 2, "bucket.stranger_bytes" + B: 1000}),
    ("cloudtrail_athena", "cloudtrail.events.3.address", OFFICE,
     {}),
    ("cloudtrail_athena", "registry.trusted_networks", ["203.0.113.0/24", "198.51.100.0/24"], {
        "key.trail_only_trusted" + K: True, "key.trail_outsider_seen" + K: False, "bucket.stranger_reads" + B: 0,
        "bucket.stranger_bytes" + B: 0, "bucket.stranger_addresses" + B: 0}),
    ("flow_logs_athena", "flow_logs.0.files", "parquet", {}),
    ("flow_logs_athena", "flow_logs.0.records.0.dstport", 22, {"address.ports" + A: "22"}),
    ("flow_logs_athena", "flow_logs.0.records.0.every", 60, {"address.beats" + A: "absent: lasting"}),
    ("flow_logs_athena", "flow_logs.0.records.0.count", 5, {
        "address.flows_accepted" + A: 5, "address.bytes_out" + A: 50, "address.beats" + A: False}),
    ("flow_logs_athena", "flow_logs.0.traffic", "ALL", {}),
    ("flow_logs_athena", "flow_logs.0.format", ["srcaddr", "dstaddr", "bytes", "action", "log-status"], {
        "address.ports" + A: "absent: not_in_format", "address.beats" + A: "absent: not_in_format",
        "address.others_spoke" + A: "absent: not_in_format"}),
    ("flow_logs_athena", "flow_logs.0.format", ["srcaddr", "dstaddr"],
     dict.fromkeys((name + A for name in FLOW_FACTS), "failed: column_missing")),
    ("vpc_flow_logs", "flow_logs.0.format", CUSTOM, {}),
    ("vpc_flow_logs", "flow_logs.0.format", [*CUSTOM[2:], "flow-direction", "reject-reason", "ecs-task-id"], {}),
    ("vpc_flow_logs", "flow_logs.0.format", ["srcaddr", "dstaddr"],
     dict.fromkeys((name + A for name in FLOW_FACTS), "failed: field_missing")),
    ("macie", "macie.findings.1", {"bucket": BUCKET, "at": "-3h"}, {"bucket.sensitive_findings" + B: 2}),
    ("macie", "macie.findings.1", {"bucket": BUCKET, "type": "Policy:IAMUser/S3BucketPublic"}, {}),
    ("macie", "macie.findings.1", {"bucket": BUCKET, "object": "x", "archived": True}, {}),
    ("macie", "macie.findings.1", {"bucket": BUCKET, "object": "x", "sample": True}, {}),
    ("macie", "macie.findings.1", {"bucket": "another-bucket"}, {}),
    ("macie", "macie.buckets.0.sensitivity_score", 20, {"bucket.sensitivity_score" + B: 20}),
    ("macie", "macie.buckets.0.sensitivity_score", -1,
     {"bucket.sensitivity_score" + B: "failed: classification_error"}),
    ("macie", "macie.buckets.0.public", "UNKNOWN", {"bucket.macie_public" + B: "UNKNOWN"}),
    ("macie", "macie.buckets", [],
     {"bucket.macie_public" + B: "absent: not_in_inventory", "bucket.sensitivity_score" + B: "absent: no_profile"}),
    ("iam_state", "iam.users.0.keys.0.status", "Inactive", {"key.active" + K: False, "user.active_keys" + U: 0}),
    ("iam_state", "iam.users.0.keys.0.created", "-3d", {"key.age_days" + K: 3}),
    ("iam_state", "iam.users.0.keys.0.last_used", None, {"key.last_used_days" + K: "absent: never_used"}),
    ("iam_state", "iam.users.0.console_password", True, {"user.console_password" + U: True}),
    ("iam_state", "iam.users.0.mfa", True, {"user.mfa" + U: True}),
    ("iam_state", "iam.users.0.managed", ["AdministratorAccess"], {"user.admin" + U: True}),
    ("iam_state", "iam.groups.0.managed", ["AdministratorAccess"], {"user.admin" + U: True}),
    ("iam_state", "iam.groups.0.policies", {"all": EVERYTHING}, {"user.admin" + U: True}),
    ("iam_state", "iam.users.0.policies.all", EVERYTHING, {"user.admin" + U: True}),
    ("iam_state", "iam.users.0.policies.none", NOTHING, {"user.denied_already" + U: True}),
    ("iam_state", "iam.users.0.policies.none", SOMETIMES, {}),
    ("iam_state", "iam.users.0.managed", ["AWSDenyAll"], {"user.denied_already" + U: True}),
    ("iam_state", "iam.users.0.managed", ["AWSCompromisedKeyQuarantineV3"], {"user.quarantined_by_aws" + U: True}),
    ("iam_state", "iam.users.0.tags", {"Stanch:Protected": "no"}, {"user.protecting_tag" + U: True}),
    ("iam_state", "iam.users.0.tags", {"team": "do-not-touch"}, {}),
    ("s3_state", "s3.buckets.0.policy", None, {"bucket.public" + B: False, "bucket.public_by" + B: "none"}),
    ("s3_state", "s3.buckets.0.acl", "public-read", {"bucket.public_by" + B: "policy_and_acl"}),
    ("s3_state", "s3.buckets.0.acl", "authenticated-read", {"bucket.public_by" + B: "policy_and_acl"}),
    ("s3_state", "s3.buckets.0.block", ALL_ON,
     {"bucket.public" + B: False, "bucket.public_by" + B: "none", "bucket.block_complete" + B: True}),
    ("s3_state", "s3.account_block", ALL_ON,
     {"bucket.public" + B: False, "bucket.public_by" + B: "none", "account.block_complete" + B: True}),
    ("s3_state", "s3.buckets.0.block", {"restrict": True}, {"bucket.public" + B: False, "bucket.public_by" + B: "none"}),
    ("s3_state", "s3.buckets.0.block", {"acls": True, "policy": True}, {}),
    ("s3_state", "s3.buckets.0.website", True, {"bucket.website" + B: True}),
    ("s3_state", "s3.buckets.0.tags", {"do_not_tuch": ""}, {"bucket.protecting_tag" + B: True}),
    ("s3_state", POLICY, statement({"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:role/reader"}),
     {"bucket.cross_account_readers" + B: 1}),
    ("s3_state", POLICY, statement(CLOUDFRONT, Condition=OF_ONE), {"bucket.cloudfront" + B: True}),
    ("s3_state", POLICY, statement(CLOUDFRONT), {"bucket.cross_account_readers" + B: 1}),
    ("s3_state", POLICY, statement({"Service": ["cloudtrail.amazonaws.com"]}), {"bucket.audit_store" + B: True}),
    ("s3_state", POLICY, statement({"Service": ELB_DELIVERY}), {"bucket.audit_store" + B: True}),
    ("s3_state", "registry.audit_buckets", [f"arn:aws:s3:::{BUCKET}"], {"bucket.audit_store" + B: True}),
    ("s3_state", "s3.buckets.0.acl", "log-delivery-write", {"bucket.audit_store" + B: True}),
    ("cloudfront", FRONT, [{"id": "E1EXAMPLE"}], {"bucket.distributions" + B: 1}),
    ("cloudfront", FRONT, [{"id": "E1EXAMPLE", "enabled": False}], {}),
    ("cloudfront", FRONT, [{"id": "E1EXAMPLE", "access": "none"}], CUT),
    ("cloudfront", FRONT, [{"id": "E1EXAMPLE", "access": "identity"}], CUT),
    ("cloudfront", FRONT, [{"id": "E1EXAMPLE", "host": f"{BUCKET}.s3-website.eu-west-1.amazonaws.com"}], CUT),
    ("cloudfront", FRONT, [{"id": "E1EXAMPLE", "host": f"{BUCKET}-logs.s3.amazonaws.com", "access": "none"}], {}),
    ("s3_access_points", POINT, [{"name": "own"}], {"bucket.access_points" + B: 1}),
    ("s3_access_points", POINT, [{"name": "open", "policy": {"Statement": [statement("*")]}, "block": {}}],
     {"bucket.access_points" + B: 1, "bucket.open_access_points" + B: 1}),
    ("s3_access_points", POINT, [{"name": "shut", "policy": {"Statement": [statement("*")]}}],
     {"bucket.access_points" + B: 1}),
    ("s3_access_points", POINT, [{"name": "inside", "policy": {"Statement": [statement("*")]}, "block": {}, "vpc": "vpc-1"}],
     {"bucket.access_points" + B: 1}),
    ("s3_access_points", POINT, [{"name": "partner", "policy": {"Statement": [statement({"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"})]}}],
     {"bucket.access_points" + B: 1, "bucket.access_point_readers" + B: 1}),
]  # fmt: skip


@pytest.fixture(scope="module")
def before() -> dict[str, dict[str, Any]]:
    return {name: values(ask(name, scene(name)[0])) for name in {case[0] for case in CASES}}


@pytest.mark.parametrize(("source", "path", "value", "expected"), CASES)
def test_one_change_in_the_world_changes_exactly_the_facts_about_it(
    source: str, path: str, value: Any, expected: dict[str, Any], before: dict[str, dict[str, Any]]
) -> None:
    after = values(ask(source, changed(path, value, scene(source)[0])))
    assert {name: now for name, now in after.items() if before[source].get(name) != now} == expected
    assert after.keys() == before[source].keys()


@pytest.mark.parametrize("name", sorted(sources()))
def test_every_declared_fact_is_answered_about_every_target_of_its_kind(name: str) -> None:
    world, finding = scene(name)
    assert told_names(ask(name, world)) == expected_names(sources()[name], finding)


@pytest.mark.parametrize("name", sorted(set(sources()) - ABOUT_AN_ATTACK - ABOUT_THE_ACCOUNT - ABOUT_THE_KEYLESS))
def test_a_source_is_wanted_exactly_where_it_has_something_to_read(name: str) -> None:
    kinds = {fact.split(".")[0] for fact in sources()[name].SPEC.facts}
    for kind, target in {
        "key": KEY_TARGET,
        "user": USER_TARGET,
        "bucket": BUCKET_TARGET,
        "address": ADDRESS_TARGET,
    }.items():
        remote, targets = ([target], []) if kind == "address" else ([], [target])
        finding = FINDING.model_copy(update={"targets": targets, "remote_addresses": remote})
        # an access key names its user
        assert sources()[name].wanted(finding) is bool(({kind, "user"} if kind == "key" else {kind}) & kinds)


def test_the_same_world_gives_the_same_answer_twice() -> None:
    for name in sources():
        world, _ = scene(name)
        assert ask(name, world) == ask(name, world), name


def test_a_bucket_that_is_gone_is_known_not_to_exist_and_the_rest_is_absent() -> None:
    told = values(ask("s3_state", changed("s3.buckets", [])))
    assert told.pop("bucket.exists" + B) is False
    assert set(told.values()) == {"absent: no_bucket"}


def test_the_registry_keeps_calling_a_bucket_an_audit_store_when_it_is_gone() -> None:
    world = changed("registry.audit_buckets", [BUCKET])
    world["s3"]["buckets"] = []
    assert values(ask("s3_state", world))["bucket.audit_store" + B] is True


def test_a_user_that_is_gone_has_no_keys_and_no_state() -> None:
    told = values(ask("iam_state", changed("iam.users", [])))
    assert told["user.exists" + U] is False
    assert told["key.exists" + K] is False
    assert told["key.active" + K] is False
    assert told["user.admin" + U] == "absent: no_user"


def test_the_other_keys_of_the_user_become_targets_with_facts_of_their_own() -> None:
    answered = ask(
        "iam_state", changed("iam.users.0.keys.1", {"id": SECOND_KEY, "status": "Inactive", "created": "-5d"})
    )
    other = Target(
        kind=TargetKind.ACCESS_KEY, id=SECOND_KEY, account=USER_TARGET.account, region=USER_TARGET.region, owner=USER
    )
    told = values(answered)
    assert answered.targets == [other]
    assert (told[f"key.active {SECOND_KEY}"], told[f"key.age_days {SECOND_KEY}"]) == (False, 5)
    assert told["user.active_keys" + U] == 1


def test_the_owner_of_a_key_is_a_user_even_if_the_finding_names_only_the_key() -> None:
    answered = ask("iam_state", WORLD, FINDING.model_copy(update={"targets": [KEY_TARGET]}))
    assert answered.targets == [USER_TARGET]
    assert values(answered)["user.exists" + U] is True


def test_a_temporary_key_has_no_state_of_its_own() -> None:
    key = KEY_TARGET.model_copy(update={"id": "ASIAALICEEXAMPLE0001", "owner": "a-role"})
    told = values(ask("iam_state", WORLD, FINDING.model_copy(update={"targets": [key]})))
    assert set(told.values()) == {"absent: temporary_key"}


@pytest.mark.parametrize(
    ("score", "findings", "sensitive"),
    [
        (51, [], True), (100, [], True), (49, [], False), (2, [], False),
        (50, [], "absent: not_analysed"), (1, [], "absent: not_analysed"), (None, [], "absent: not_analysed"),
        (-1, [], "failed: classification_error"), (1, [{"bucket": BUCKET}], True), (-1, [{"bucket": BUCKET}], True),
    ],
)  # fmt: skip
def test_sensitive_is_said_only_of_what_macie_found_or_scored_and_not_sensitive_only_of_what_it_analysed(
    score: int | None, findings: list[Any], sensitive: Any
) -> None:
    world = changed("macie.buckets.0.sensitivity_score", score)
    world["macie"]["findings"] = findings
    assert values(ask("macie", world))["bucket.sensitive" + B] == sensitive
