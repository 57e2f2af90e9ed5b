"""A role that several work under, one of whose sessions was stolen, and another role whose session goes on."""

from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError
from grounds import ACCOUNT, REGION

from agent.target import GLOBAL, Target, TargetKind
from tools.sandbox.engine import Credentials, Sandbox

ROLE, OTHER = "worker", "reader"
ARN = f"arn:aws:iam::{ACCOUNT}:role/team/{ROLE}"
_MAY = '{ all: { Version: "2012-10-17", Statement: [ { Effect: Allow, Action: "s3:*", Resource: "*" } ] } }'
_TRUST = (
    '{ Version: "2012-10-17", Statement: [ { Effect: Allow, Principal: { AWS: "*" }, Action: "sts:AssumeRole" } ] }'
)


def _taken(at: str, name: str, number: int, by: str, region: str = "us-east-1") -> str:
    return (
        f"    - {{ at: {at}, name: AssumeRole, source: sts, region: {region}, resources: [ '{ARN}' ], {by},\n"
        f"        request: {{ roleArn: '{ARN}', roleSessionName: {name} }},\n"
        f"        response: {{ credentials: {{ accessKeyId: ASIASESSION{number:05d}EXAMPLE }} }} }}\n"
    )


WORLD = f"""
now: 2026-11-20T12:00:00Z
account: {ACCOUNT}
region: {REGION}
iam:
  roles:
    - {{ name: {ROLE}, path: /team/, trust: {_TRUST}, policies: {_MAY} }}
    - {{ name: {OTHER}, trust: {_TRUST}, policies: {_MAY} }}
    - {{ name: AWSServiceRoleForExample, path: /aws-service-role/example.amazonaws.com/ }}
    - {{ name: AWSReservedSSO_Admin_0123456789abcdef, path: /aws-reserved/sso.amazonaws.com/ }}
cloudtrail:
  events:
{_taken("-3h", "over", 1, "user: bob")}{_taken("-50m", "job", 2, "user: bob")}{_taken("-40m", "job-2", 3, "user: bob")}\
{_taken("-30m", "job-3", 4, "user: eve", "eu-west-1")}{_taken("-5h", "i-0aa00000000000001", 5, "address: ec2.amazonaws.com")}\
{_taken("-6h", "sorter", 6, "address: lambda.amazonaws.com")}"""


def role(name: str = ROLE) -> Target:
    """A role of the scene."""
    return Target(kind=TargetKind.ROLE, id=name, account=ACCOUNT, region=GLOBAL)


def session(sandbox: Sandbox, arn: str = ARN, after: int = 0) -> Credentials:
    """A session of the role, issued that many seconds from now; the world's clock goes back again."""
    anchor = sandbox.clock.anchor
    sandbox.clock.anchor = anchor + timedelta(seconds=after)
    sts = sandbox.client("sts", ACCOUNT, REGION)
    made = sts.assume_role(RoleArn=arn, RoleSessionName="job")["Credentials"]
    sandbox.clock.anchor = anchor
    return Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])


def status(sandbox: Sandbox, who: Credentials) -> int:
    """What AWS answers to a call of the session: 200 or 403."""
    caller = sandbox.client("s3", REGION, access_key=who.access_key, secret=who.secret, token=who.token)
    try:
        return int(caller.list_buckets()["ResponseMetadata"]["HTTPStatusCode"])
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def look(sandbox: Sandbox) -> Any:
    """Every inline policy of every role that may have one."""
    iam = sandbox.client("iam", ACCOUNT, REGION)
    listed = {name: iam.list_role_policies(RoleName=name)["PolicyNames"] for name in (ROLE, OTHER)}
    return {
        name: {each: iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in policies}
        for name, policies in listed.items()
    }
