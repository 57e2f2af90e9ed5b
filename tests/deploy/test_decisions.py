"""What each role may do to what, in which circumstances: a table of decisions, the expected one first."""

import pytest
from authorizing import Context, decided
from stack import MEMBER, REGION, REGISTRY_ACCOUNT, TOOLING, roles

GROUP = f"arn:aws:ec2:{REGION}:{MEMBER}:security-group/sg-1"
INSTANCE = f"arn:aws:ec2:{REGION}:{MEMBER}:instance/i-1"
IAM = f"arn:aws:iam::{MEMBER}:"
HUB = f"arn:aws:securityhub:{REGION}:{MEMBER}:hub/default"
HUB_V2 = f"arn:aws:securityhub:{REGION}:{MEMBER}:hubv2/1"
QUARANTINE, UNTRACKED = "aws:ResourceTag/stanch:quarantine", "aws:ResourceTag/stanch:untracked"

MEMBERS: list[tuple[str, str, str, str, Context]] = [
    ("allowed", "ContainRole", "iam:PutUserPolicy", f"{IAM}user/ann", {}),
    ("not allowed", "ReadRole", "iam:PutUserPolicy", f"{IAM}user/ann", {}),
    ("not allowed", "RollbackRole", "iam:PutUserPolicy", f"{IAM}user/ann", {}),
    ("allowed", "RollbackRole", "iam:DeleteUserPolicy", f"{IAM}user/ann", {}),
    ("not allowed", "ContainRole", "iam:DeleteUserPolicy", f"{IAM}user/ann", {}),
    ("denied", "ContainRole", "iam:PutUserPolicy", f"{IAM}user/break-glass-1", {}),
    ("denied", "ContainRole", "iam:UpdateAccessKey", f"{IAM}user/ops/break-glass-1", {}),
    ("denied", "ContainRole", "iam:PutRolePolicy", f"{IAM}role/stanch/stanch-contain", {}),
    ("denied", "ContainRole", "iam:PutRolePolicy", f"{IAM}role/OrganizationAccountAccessRole", {}),
    ("denied", "RollbackRole", "iam:DeleteRolePolicy", f"{IAM}role/aws-reserved/sso.amazonaws.com/some", {}),
    ("allowed", "ReadRole", "iam:GetUser", f"{IAM}user/break-glass-1", {}),
    ("allowed", "ReadRole", "iam:GetRole", f"{IAM}role/stanch/stanch-contain", {}),
    ("denied", "ContainRole", "iam:CreateAccessKey", f"{IAM}user/ann", {}),
    ("denied", "ContainRole", "iam:PassRole", f"{IAM}role/app", {}),
    ("allowed", "ContainRole", "ec2:ModifyNetworkInterfaceAttribute", GROUP, {QUARANTINE: "true"}),
    ("allowed", "ContainRole", "ec2:ModifyNetworkInterfaceAttribute", GROUP, {UNTRACKED: "true"}),
    ("not allowed", "ContainRole", "ec2:ModifyNetworkInterfaceAttribute", GROUP, {}),
    ("allowed", "RollbackRole", "ec2:ModifyNetworkInterfaceAttribute", GROUP, {}),
    ("not allowed", "ContainRole", "ec2:AuthorizeSecurityGroupIngress", GROUP, {QUARANTINE: "true"}),
    ("allowed", "ContainRole", "ec2:AuthorizeSecurityGroupIngress", GROUP, {UNTRACKED: "true"}),
    ("not allowed", "ContainRole", "ec2:DeleteSecurityGroup", GROUP, {}),
    ("not allowed", "ContainRole", "ec2:CreateTags", GROUP, {"aws:TagKeys": ["stanch:quarantine"]}),
    ("allowed", "ContainRole", "ec2:CreateTags", GROUP, {"ec2:CreateAction": "CreateSecurityGroup"}),
    ("denied", "ContainRole", "ec2:ModifyNetworkInterfaceAttribute", GROUP, {"aws:RequestedRegion": "us-west-2"}),
    ("allowed", "ContainRole", "iam:PutUserPolicy", f"{IAM}user/ann", {"aws:RequestedRegion": "us-east-1"}),
    (
        "allowed", "ContainRole", "wafv2:UpdateIPSet", f"arn:aws:wafv2:us-east-1:{MEMBER}:global/ipset/block/1",
        {"aws:RequestedRegion": "us-east-1"},
    ),
    ("allowed", "ContainRole", "ec2:CreateTags", INSTANCE, {"aws:TagKeys": ["stanch:contained"]}),
    ("not allowed", "ContainRole", "ec2:CreateTags", INSTANCE, {"aws:TagKeys": ["Name"]}),
    ("not allowed", "ContainRole", "ec2:CreateTags", INSTANCE, {"aws:TagKeys": ["stanch:contained", "Name"]}),
    ("not allowed", "ContainRole", "ec2:CreateTags", INSTANCE, {}),
    ("denied", "RollbackRole", "ec2:DeleteTags", INSTANCE, {"aws:TagKeys": ["stanch:protected"]}),
    ("denied", "ContainRole", "ec2:TerminateInstances", INSTANCE, {}),
    ("allowed", "ContainRole", "securityhub:BatchUpdateFindings", HUB, {"securityhub:ASFFSyntaxPath/Workflow.Status": "NOTIFIED"}),
    ("denied", "ContainRole", "securityhub:BatchUpdateFindings", HUB, {"securityhub:ASFFSyntaxPath/Workflow.Status": "SUPPRESSED"}),
    ("denied", "RollbackRole", "securityhub:BatchUpdateFindings", HUB, {"securityhub:ASFFSyntaxPath/Severity.Label": "LOW"}),
    ("not allowed", "ReadRole", "securityhub:BatchUpdateFindings", HUB, {}),
    ("allowed", "ContainRole", "securityhub:BatchUpdateFindings", HUB_V2, {"securityhub:OCSFSyntaxPath/StatusId": "2"}),
    ("allowed", "RollbackRole", "securityhub:BatchUpdateFindings", HUB_V2, {"securityhub:OCSFSyntaxPath/StatusId": "1"}),
    ("denied", "ContainRole", "securityhub:BatchUpdateFindings", HUB_V2, {"securityhub:OCSFSyntaxPath/StatusId": "3"}),
    ("denied", "RollbackRole", "securityhub:BatchUpdateFindings", HUB_V2, {"securityhub:OCSFSyntaxPath/SeverityId": "2"}),
    ("not allowed", "ReadRole", "securityhub:BatchUpdateFindings", HUB_V2, {}),
    ("allowed", "ContainRole", "s3:PutBucketPublicAccessBlock", "arn:aws:s3:::reports", {"aws:ResourceAccount": MEMBER}),
    ("not allowed", "ContainRole", "s3:PutBucketPublicAccessBlock", "arn:aws:s3:::theirs", {"aws:ResourceAccount": TOOLING}),
]  # fmt: skip

REGISTRY = f"arn:aws:dynamodb:{REGION}:{REGISTRY_ACCOUNT}:table/stanch-registry"
_ORG = {"aws:ResourceOrgID": "o-abcdefghij", "aws:ResourceAccount": MEMBER}
FUNCTIONS: list[tuple[str, str, str, str, Context]] = [
    ("allowed", "EventsRole", "sts:AssumeRole", f"{IAM}role/stanch/stanch-read", {**_ORG}),
    ("not allowed", "EventsRole", "sts:AssumeRole", f"{IAM}role/stanch/stanch-read", {"aws:ResourceOrgID": "o-zzzzzzzzzz"}),
    ("not allowed", "EventsRole", "sts:AssumeRole", f"{IAM}role/stanch/stanch-contain", {**_ORG}),
    ("allowed", "ExecuteRole", "sts:AssumeRole", f"{IAM}role/stanch/stanch-contain", {**_ORG}),
    ("denied", "ExecuteRole", "sts:AssumeRole", f"{IAM}role/stanch/stanch-contain", {**_ORG, "aws:ResourceAccount": "123456789012"}),
    ("denied", "ClockRole", "sts:AssumeRole", f"{IAM}role/stanch/stanch-rollback", {**_ORG, "aws:ResourceAccount": "123456789012"}),
    ("not allowed", "ApprovalsRole", "sts:AssumeRole", f"{IAM}role/stanch/stanch-contain", {**_ORG}),
    ("not allowed", "EventsRole", "iam:PutUserPolicy", f"arn:aws:iam::{TOOLING}:user/ann", {}),
    ("allowed", "EventsRole", "lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{TOOLING}:function:stanch-execute", {}),
    ("not allowed", "EventsRole", "lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{TOOLING}:function:payroll", {}),
    ("allowed", "ClockRole", "lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{TOOLING}:function:stanch-events", {}),
    ("not allowed", "ApprovalsRole", "sns:Publish", f"arn:aws:sns:{REGION}:{TOOLING}:Topic", {}),
    ("denied", "ExecuteRole", "dynamodb:DeleteTable", f"arn:aws:dynamodb:{REGION}:{TOOLING}:table/LedgerTable", {}),
    ("allowed", "ExecuteRole", "dynamodb:PutItem", f"arn:aws:dynamodb:{REGION}:{TOOLING}:table/LedgerTable", {}),
    ("allowed", "ApprovalsRole", "dynamodb:GetItem", REGISTRY, {}),
    ("not allowed", "ClockRole", "dynamodb:PutItem", REGISTRY, {}),
    ("not allowed", "EventsRole", "dynamodb:Scan", REGISTRY, {}),
    ("not allowed", "ExecuteRole", "sqs:ReceiveMessage", f"arn:aws:sqs:{REGION}:{TOOLING}:Inbox", {}),
]  # fmt: skip


def _id(case: object) -> str | None:
    return case.rsplit(":", 1)[-1] if isinstance(case, str) else None


@pytest.mark.parametrize(("expected", "role", "action", "resource", "context"), MEMBERS, ids=_id)
def test_a_member_role_may(expected: str, role: str, action: str, resource: str, context: Context) -> None:
    asked = {"aws:RequestedRegion": REGION, **context}
    assert decided(roles("member")[role], action, resource, asked) == expected


@pytest.mark.parametrize(("expected", "role", "action", "resource", "context"), FUNCTIONS, ids=_id)
def test_a_function_may(expected: str, role: str, action: str, resource: str, context: Context) -> None:
    asked = {"aws:RequestedRegion": REGION, **context}
    made = roles("template", NeverActAccounts="123456789012", ServeThisAccount="false")
    assert decided(made[role], action, resource, asked) == expected
