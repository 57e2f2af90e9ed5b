"""What we put right in moto: each symbol is still the one we know, and each correction shows from outside."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from engine_scene import (
    ACCOUNT,
    ALLOW_ALL,
    DENY_ALL,
    NOW,
    OTHER_ACCOUNT,
    REGION,
    code_of,
    fresh,
    public_read,
    user_with_key,
)

import tools.sandbox.patches  # noqa: F401 - fills the table
from tools.sandbox.engine import Credentials, Sandbox
from tools.sandbox.mechanism import PATCHES, Patch, fingerprint, original

BLOCK_ALL = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: f"{patch.module}.{patch.symbol}")
def test_the_patched_symbol_is_as_it_was_when_we_patched_it(patch: Patch) -> None:
    """If this fails after an upgrade: read moto's new version, adapt or drop the patch, then note the new fingerprint."""
    assert fingerprint(original(patch.module, patch.symbol)) == patch.source


def test_an_inactive_key_is_refused_and_a_siblings_key_is_not() -> None:
    sandbox = fresh()
    key, sibling = user_with_key(sandbox, "alice"), user_with_key(sandbox, "bob")
    iam = sandbox.client("iam", ACCOUNT, REGION)
    for status, works in (("Active", True), ("Inactive", False), ("Active", True)):
        iam.update_access_key(UserName="alice", AccessKeyId=key["access_key"], Status=status)
        assert _works(sandbox, key) is works
        assert _works(sandbox, sibling)


def test_an_inline_deny_on_the_user_wins_over_its_other_rights() -> None:
    sandbox = fresh()
    key, sibling = user_with_key(sandbox, "alice"), user_with_key(sandbox, "bob")
    iam = sandbox.client("iam", ACCOUNT, REGION)
    iam.put_user_policy(UserName="alice", PolicyName="quarantine", PolicyDocument=json.dumps(DENY_ALL))
    with pytest.raises(ClientError) as refused:
        sandbox.client("iam", REGION, **key).list_users()
    assert code_of(refused) == "AccessDenied"
    assert _works(sandbox, sibling)
    iam.delete_user_policy(UserName="alice", PolicyName="quarantine")
    assert _works(sandbox, key)


def test_a_wrong_secret_is_refused() -> None:
    sandbox = fresh()
    key = user_with_key(sandbox)
    with pytest.raises(ClientError) as refused:
        sandbox.client("iam", REGION, access_key=key["access_key"], secret="wrong").list_users()
    assert code_of(refused) == "SignatureDoesNotMatch"


def test_a_renamed_users_key_names_the_user_as_it_is_called_now_and_works_on() -> None:
    sandbox = fresh()
    key, iam = user_with_key(sandbox, "alice"), sandbox.client("iam", ACCOUNT, REGION)
    iam.update_user(UserName="alice", NewUserName="carol")
    assert iam.get_access_key_last_used(AccessKeyId=key["access_key"])["UserName"] == "carol"
    assert [each["UserName"] for each in iam.list_access_keys(UserName="carol")["AccessKeyMetadata"]] == ["carol"]
    assert _works(sandbox, key)


@pytest.mark.parametrize("service", ["guardduty", "macie2", "scheduler"])
def test_a_request_without_a_body_is_signed_right(service: str) -> None:
    reads: dict[str, Callable[[Any], Any]] = {
        "guardduty": lambda client: client.list_detectors(),
        "macie2": lambda client: client.list_members(),
        "scheduler": lambda client: client.list_schedules(),
    }
    answer = reads[service](fresh().client(service, ACCOUNT, REGION))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_sessions_older_than_the_revocation_are_refused_and_newer_ones_are_not() -> None:
    sandbox = fresh()
    iam = sandbox.client("iam", ACCOUNT, REGION)
    trust = {
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/alice"}, "Action": "sts:AssumeRole"}
        ]
    }
    key = user_with_key(sandbox)
    role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", **trust}))[
        "Role"
    ]
    iam.put_role_policy(RoleName="deploy", PolicyName="rights", PolicyDocument=json.dumps(ALLOW_ALL))

    def session() -> Credentials:
        sts = sandbox.client("sts", REGION, **key)
        made = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session")["Credentials"]
        return Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])

    old = session()
    condition = {"DateLessThan": {"aws:TokenIssueTime": (NOW + timedelta(minutes=1)).isoformat()}}
    revoke = {"Version": "2012-10-17", "Statement": [DENY_ALL["Statement"][0] | {"Condition": condition}]}  # type: ignore[operator]
    iam.put_role_policy(RoleName="deploy", PolicyName="AWSRevokeOlderSessions", PolicyDocument=json.dumps(revoke))
    sandbox.clock.anchor = NOW + timedelta(minutes=2)
    new = session()
    assert [
        _works(sandbox, {"access_key": s.access_key, "secret": s.secret, "token": s.token}) for s in (old, new)
    ] == [False, True]


def test_a_revocation_by_issue_time_does_nothing_to_a_long_term_key() -> None:
    sandbox = fresh()
    condition = {"DateLessThan": {"aws:TokenIssueTime": (NOW + timedelta(days=1)).isoformat()}}
    revoke = [ALLOW_ALL["Statement"][0], DENY_ALL["Statement"][0] | {"Condition": condition}]  # type: ignore[operator]
    assert _works(sandbox, user_with_key(sandbox, policy={"Version": "2012-10-17", "Statement": revoke}))


@pytest.mark.parametrize(
    ("condition", "works"),
    [
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, True),
        ({"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}, False),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, False),
        ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}, True),
        ({"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}, False),
    ],
)
def test_a_condition_of_an_allow_must_be_met(condition: dict[str, Any], works: bool) -> None:
    sandbox = fresh()
    statement = {"Effect": "Allow", "Action": "iam:*", "Resource": "*", "Condition": condition}
    assert _works(sandbox, user_with_key(sandbox, policy={"Version": "2012-10-17", "Statement": [statement]})) is works


def test_inline_policies_of_a_user_have_a_common_quota() -> None:
    sandbox = fresh()
    user_with_key(sandbox)
    iam = sandbox.client("iam", ACCOUNT, REGION)
    long = DENY_ALL | {"Statement": [DENY_ALL["Statement"][0] | {"Action": [f"s3:Get{i:04}" for i in range(200)]}]}  # type: ignore[operator]
    with pytest.raises(ClientError) as refused:
        iam.put_user_policy(UserName="alice", PolicyName="more", PolicyDocument=json.dumps(long))
    assert code_of(refused) == "LimitExceeded"
    iam.put_user_policy(UserName="alice", PolicyName="rights", PolicyDocument=json.dumps(DENY_ALL))


def test_a_role_session_must_say_whose_key_it_changes() -> None:
    sandbox = fresh()
    key = user_with_key(sandbox)
    with pytest.raises(ClientError) as refused:
        sandbox.client("iam", ACCOUNT, REGION).update_access_key(AccessKeyId=key["access_key"], Status="Inactive")
    assert code_of(refused) == "ValidationError"


def test_an_account_sees_only_its_own_keys() -> None:
    sandbox = fresh()
    key = user_with_key(sandbox)
    with pytest.raises(ClientError) as refused:
        sandbox.client("iam", OTHER_ACCOUNT, REGION).get_access_key_last_used(AccessKeyId=key["access_key"])
    assert code_of(refused) == "NoSuchEntity"


def _bucket(sandbox: Sandbox, name: str = "data", **put: Any) -> Any:
    s3 = sandbox.client("s3", ACCOUNT, "us-east-1")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a b.txt", Body=b"x", **put)
    return s3


@pytest.mark.parametrize("level", ["bucket", "account"])
@pytest.mark.parametrize("public_by", ["policy", "acl"])
def test_a_public_access_block_shuts_strangers_out_and_nobody_else(level: str, public_by: str) -> None:
    sandbox = fresh()
    s3 = _bucket(sandbox, "data", **({"ACL": "public-read"} if public_by == "acl" else {}))
    _bucket(sandbox, "sibling", ACL="public-read")
    if public_by == "policy":
        s3.put_bucket_policy(Bucket="data", Policy=public_read("data"))
    control = sandbox.client("s3control", ACCOUNT, "us-east-1")
    assert sandbox.anonymous_get("data", "a b.txt") == 200
    if level == "bucket":
        s3.put_public_access_block(Bucket="data", PublicAccessBlockConfiguration=BLOCK_ALL)
    else:
        control.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=BLOCK_ALL)
    assert sandbox.anonymous_get("data", "a b.txt") == 403
    assert sandbox.anonymous_get("sibling", "a b.txt") == (200 if level == "bucket" else 403)
    assert s3.get_object(Bucket="data", Key="a b.txt")["Body"].read() == b"x"
    if level == "bucket":
        s3.delete_public_access_block(Bucket="data")
    else:
        control.delete_public_access_block(AccountId=ACCOUNT)
    assert sandbox.anonymous_get("data", "a b.txt") == 200


def test_no_public_access_block_is_an_error_of_its_own() -> None:
    s3 = _bucket(fresh())
    with pytest.raises(ClientError) as absent:
        s3.get_public_access_block(Bucket="data")
    assert code_of(absent) == "NoSuchPublicAccessBlockConfiguration"


@pytest.mark.parametrize(
    ("flag", "still"),
    [("BlockPublicAcls", 200), ("IgnorePublicAcls", 403), ("BlockPublicPolicy", 200), ("RestrictPublicBuckets", 200)],
)
def test_only_ignoring_acls_undoes_an_acl_that_is_there(flag: str, still: int) -> None:
    sandbox = fresh()
    s3 = _bucket(sandbox, ACL="public-read")
    s3.put_public_access_block(Bucket="data", PublicAccessBlockConfiguration={flag: True})
    assert sandbox.anonymous_get("data", "a b.txt") == still


@pytest.mark.parametrize(
    "put",
    [
        lambda s3: s3.put_bucket_policy(Bucket="data", Policy=public_read("data")),
        lambda s3: s3.put_bucket_acl(Bucket="data", ACL="public-read"),
        lambda s3: s3.put_object(Bucket="data", Key="b", Body=b"", ACL="public-read"),
        lambda s3: s3.put_object_acl(Bucket="data", Key="a b.txt", ACL="public-read"),
        lambda s3: s3.put_bucket_acl(Bucket="data", GrantRead='uri="http://acs.amazonaws.com/groups/global/AllUsers"'),
    ],
    ids=["policy", "bucket ACL", "new object", "object ACL", "grant"],
)
def test_new_public_grants_are_refused_under_a_block(put: Callable[[Any], Any]) -> None:
    s3 = _bucket(fresh())
    put(s3)
    s3.put_public_access_block(Bucket="data", PublicAccessBlockConfiguration=BLOCK_ALL)
    with pytest.raises(ClientError) as refused:
        put(s3)
    assert code_of(refused) == "AccessDenied"


def test_under_ignored_acls_the_answered_acl_is_the_effective_one() -> None:
    s3 = _bucket(fresh())
    s3.put_bucket_acl(Bucket="data", ACL="public-read")
    assert len(s3.get_bucket_acl(Bucket="data")["Grants"]) == 2
    s3.put_public_access_block(Bucket="data", PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    assert [grant["Permission"] for grant in s3.get_bucket_acl(Bucket="data")["Grants"]] == ["FULL_CONTROL"]


@pytest.mark.parametrize(
    ("principal", "condition", "status"),
    [
        ("*", None, 200),
        ({"AWS": "*"}, None, 200),
        ({"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"}, None, 403),
        ({"Service": "cloudfront.amazonaws.com"}, None, 403),
        ("*", {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, 403),
        ("*", {"StringEquals": {"aws:PrincipalOrgID": "o-example"}}, 403),
    ],
)
def test_a_stranger_may_only_what_a_statement_for_everybody_allows(principal: Any, condition: Any, status: int) -> None:
    sandbox = fresh()
    s3 = _bucket(sandbox)
    policy = json.loads(public_read("data", condition))
    policy["Statement"][0]["Principal"] = principal
    s3.put_bucket_policy(Bucket="data", Policy=json.dumps(policy))
    assert sandbox.anonymous_get("data", "a b.txt") == status
    assert s3.get_object(Bucket="data", Key="a b.txt")["Body"].read() == b"x"


@pytest.mark.parametrize(
    ("condition", "public"),
    [
        (None, True),
        ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, False),
        ({"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}, True),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-example"}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
    ],
)
def test_a_policy_is_public_unless_a_fixed_value_narrows_it(condition: Any, public: bool) -> None:
    s3 = _bucket(fresh())
    s3.put_bucket_policy(Bucket="data", Policy=public_read("data", condition))
    assert s3.get_bucket_policy_status(Bucket="data")["PolicyStatus"]["IsPublic"] is public


def test_a_policy_that_is_no_json_is_refused() -> None:
    with pytest.raises(ClientError) as refused:
        _bucket(fresh()).put_bucket_policy(Bucket="data", Policy="{")
    assert code_of(refused) == "MalformedPolicy"


@pytest.mark.parametrize(
    "call",
    [
        lambda s3: s3.get_bucket_acl(Bucket="data", ExpectedBucketOwner=OTHER_ACCOUNT),
        lambda s3: s3.delete_public_access_block(Bucket="data", ExpectedBucketOwner=OTHER_ACCOUNT),
        lambda s3: s3.get_object(Bucket="data", Key="a b.txt", ExpectedBucketOwner=OTHER_ACCOUNT),
    ],
)
def test_another_owner_than_expected_is_refused(call: Callable[[Any], Any]) -> None:
    with pytest.raises(ClientError) as refused:
        call(_bucket(fresh()))
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_the_public_access_block_has_permissions_of_its_own() -> None:
    sandbox = fresh()
    s3 = _bucket(sandbox)
    only = {"Effect": "Allow", "Action": ["s3:PutBucketPublicAccessBlock"], "Resource": "*"}
    key = user_with_key(sandbox, policy={"Version": "2012-10-17", "Statement": [only]})
    theirs = sandbox.client("s3", "us-east-1", **key)
    theirs.put_public_access_block(Bucket="data", PublicAccessBlockConfiguration=BLOCK_ALL)
    assert s3.get_public_access_block(Bucket="data")["PublicAccessBlockConfiguration"] == BLOCK_ALL
    theirs.delete_public_access_block(Bucket="data")
    with pytest.raises(ClientError) as refused:
        theirs.create_bucket(Bucket="another")
    assert code_of(refused) == "AccessDenied"


def test_an_interface_keeps_exactly_the_groups_that_it_is_given() -> None:
    sandbox = fresh()
    ec2 = sandbox.client("ec2", ACCOUNT, "us-east-1")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    quarantine = ec2.create_security_group(GroupName="quarantine", Description="none", VpcId=vpc)["GroupId"]
    instance = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]
    eni = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
    ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, Groups=[quarantine])
    read = ec2.describe_instances(InstanceIds=[instance["InstanceId"]])["Reservations"][0]["Instances"][0]
    groups = [group["GroupId"] for group in read["SecurityGroups"]]
    on_interface = [group["GroupId"] for group in read["NetworkInterfaces"][0]["Groups"]]
    assert groups == on_interface == [quarantine]
    with pytest.raises(ClientError) as unknown:
        ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, Groups=["sg-0123456789abcdef0"])
    assert code_of(unknown) == "InvalidGroup.NotFound"


def _works(sandbox: Sandbox, key: dict[str, Any]) -> bool:
    try:
        sandbox.client("iam", "us-east-1", **key).list_users()
    except ClientError:
        return False
    return True


@pytest.mark.parametrize(
    ("path", "refused"), [("/", False), ("/aws-service-role/", True), ("/aws-reserved/sso.amazonaws.com/", True)]
)
def test_a_role_of_awss_own_takes_no_policy_from_us(path: str, refused: bool) -> None:
    iam = fresh().client("iam", ACCOUNT, REGION)
    iam.create_role(RoleName="worker", Path=path, AssumeRolePolicyDocument=json.dumps(ALLOW_ALL))
    named = {"RoleName": "worker", "PolicyName": "deny"}
    if not refused:
        iam.put_role_policy(**named, PolicyDocument=json.dumps(DENY_ALL))
        iam.delete_role_policy(**named)
        return
    for call, more in ((iam.put_role_policy, {"PolicyDocument": json.dumps(DENY_ALL)}), (iam.delete_role_policy, {})):
        with pytest.raises(ClientError) as caught:
            call(**named, **more)
        assert code_of(caught) == "UnmodifiableEntity"


def test_a_roles_inline_policies_have_a_quota_together() -> None:
    iam = fresh().client("iam", ACCOUNT, REGION)
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(ALLOW_ALL))
    long = json.dumps({**DENY_ALL, "Id": "x" * 6000})
    iam.put_role_policy(RoleName="worker", PolicyName="first", PolicyDocument=long)
    iam.put_role_policy(RoleName="worker", PolicyName="first", PolicyDocument=long)
    with pytest.raises(ClientError) as caught:
        iam.put_role_policy(RoleName="worker", PolicyName="second", PolicyDocument=long)
    assert code_of(caught) == "LimitExceeded"
