"""What no role of ours may ever do, and on which condition it may do the rest: what IAM can say beside policy and code."""

from collections.abc import Iterable
from dataclasses import dataclass

from agent.record import JsonObject
from tools import quarantine, untracked
from tools.actions import ec2_cut_connections, ec2_tag_instance
from tools.aws import AwsCall

OWN_PATH = "stanch"
"""The IAM path of every role and policy of ours, in the tooling account and in member accounts."""
BREAK_GLASS = "${BreakGlassName}"
"""The template parameter that names the identities that must always work; it may hold `*`."""


@dataclass(frozen=True)
class Narrowed:
    """Conditions on a write that is allowed. Several are alternatives: one of them has to hold."""

    permissions: frozenset[str]
    kind: str
    """What the resource's ARN has after its last colon, up to the slash; `*` for any."""
    conditions: tuple[JsonObject, ...]

    def concerns(self, permission: str, resource: str) -> bool:
        """Whether these conditions hold for the permission on that resource."""
        return permission in self.permissions and self.kind in ("*", resource.rsplit(":", 1)[-1].split("/")[0])


def _equals(key: str, value: str) -> JsonObject:
    return {"StringEquals": {key: value}}


def _tagged(tag: str) -> JsonObject:
    return _equals(f"aws:ResourceTag/{tag}", "true")


def _made_with(tag: str) -> JsonObject:
    return _equals(f"aws:RequestTag/{tag}", "true")


_QUARANTINE, _UNTRACKED = quarantine.TAG, untracked.TAG
_MARKS = [ec2_cut_connections.KEY, ec2_tag_instance.KEY]

WHEN_CONTAINING = (
    Narrowed(
        frozenset({"ec2:ModifyNetworkInterfaceAttribute"}),
        "security-group",
        (_tagged(_QUARANTINE), _tagged(_UNTRACKED)),
    ),
    Narrowed(
        frozenset({"ec2:CreateSecurityGroup"}), "security-group", (_made_with(_QUARANTINE), _made_with(_UNTRACKED))
    ),
    Narrowed(
        frozenset({"ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress", "ec2:DeleteSecurityGroup"}),
        "security-group",
        (_tagged(_UNTRACKED),),
    ),
    Narrowed(frozenset({"ec2:RevokeSecurityGroupEgress"}), "security-group", (_tagged(_QUARANTINE),)),
    Narrowed(frozenset({"ec2:CreateTags"}), "security-group", (_equals("ec2:CreateAction", "CreateSecurityGroup"),)),
    Narrowed(frozenset({"ec2:CreateTags"}), "snapshot", (_equals("ec2:CreateAction", "CreateSnapshots"),)),
)
"""Only containing is held to our own groups: giving an interface back its groups means any group."""

ALWAYS = (
    Narrowed(
        frozenset({"ec2:CreateTags", "ec2:DeleteTags"}),
        "instance",
        ({"ForAllValues:StringEquals": {"aws:TagKeys": [*_MARKS]}, "Null": {"aws:TagKeys": "false"}},),
    ),
    Narrowed(frozenset({"s3:PutBucketPublicAccessBlock"}), "*", (_equals("aws:ResourceAccount", "${AWS::AccountId}"),)),
)
"""The ARN of a bucket names no account, so that a condition has to."""


@dataclass(frozen=True)
class Never:
    """One explicit deny. It wins over everything that is allowed, here or by somebody else."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    condition: JsonObject | None = None
    all_but: bool = False
    """Deny everything except these actions."""


_IAM = "arn:{partition}:iam::*:"
_READING_IAM = ("iam:Get*", "iam:List*")

NEVER = (
    Never(
        "NeverOurselves",
        (*_READING_IAM, "sts:AssumeRole"),
        (f"{_IAM}role/{OWN_PATH}/*", f"{_IAM}policy/{OWN_PATH}/*"),
        all_but=True,
    ),
    Never(
        "NeverTheKeysOfTheHouse",
        _READING_IAM,
        (
            f"{_IAM}role/{BREAK_GLASS}", f"{_IAM}role/*/{BREAK_GLASS}",
            f"{_IAM}user/{BREAK_GLASS}", f"{_IAM}user/*/{BREAK_GLASS}",
            f"{_IAM}role/AWSControlTowerExecution", f"{_IAM}role/OrganizationAccountAccessRole",
            f"{_IAM}role/aws-service-role/*", f"{_IAM}role/aws-reserved/*",
        ),
        all_but=True,
    ),
    Never(
        "NeverEscalate",
        (
            "iam:AddUserToGroup", "iam:Attach*", "iam:Create*", "iam:Detach*", "iam:PassRole", "iam:*PermissionsBoundary",
            "iam:PutGroupPolicy", "iam:SetDefaultPolicyVersion", "iam:UpdateAssumeRolePolicy", "iam:UpdateLoginProfile",
            "account:*",
        ),
    ),
    Never(
        "NeverReorganise",
        tuple(
            f"organizations:{verb}*"
            for verb in (
                "Accept", "Attach", "Cancel", "Close", "Create", "Decline", "Delete", "Deregister", "Detach", "Disable",
                "Enable", "Invite", "Leave", "Move", "Put", "Register", "Remove", "Tag", "Terminate", "Untag", "Update",
            )
        ),
    ),
    Never(
        "NeverBlind",
        (
            "cloudtrail:StopLogging", "cloudtrail:Delete*", "cloudtrail:PutEventSelectors", "cloudtrail:UpdateTrail",
            "guardduty:Delete*", "guardduty:Disassociate*", "guardduty:StopMonitoringMembers",
            "config:StopConfigurationRecorder", "config:Delete*", "securityhub:Disable*", "securityhub:Disassociate*",
            "macie2:DisableMacie", "logs:Delete*",
        ),
    ),
    Never(
        "NeverDestroy",
        (
            "kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:PutKeyPolicy",
            "s3:DeleteBucket*", "s3:DeleteObject*", "s3:PutBucketPolicy",
            "ec2:TerminateInstances", "ec2:DeleteSnapshot", "ec2:DeleteVolume", "rds:Delete*", "dynamodb:DeleteTable",
            "wafv2:DeleteIPSet", "wafv2:UpdateWebACL", "wafv2:DisassociateWebACL",
        ),
    ),
    Never(
        "NeverForgeAProtection",
        ("ec2:CreateTags", "ec2:DeleteTags"),
        condition={
            "ForAnyValue:StringLike": {"aws:TagKeys": ["*protect*", "*Protect*", "*PROTECT*", "*touch*", "*Touch*"]}
        },
    ),
    Never(
        "NeverSuppress",
        ("securityhub:BatchUpdateFindings",),
        condition=_equals("securityhub:ASFFSyntaxPath/Workflow.Status", "SUPPRESSED"),
    ),
    Never(
        "NeverSuppressInOcsf",
        ("securityhub:BatchUpdateFindings",),
        condition=_equals("securityhub:OCSFSyntaxPath/StatusId", "3"),
    ),
    *(
        Never(
            f"NeverChange{name}",
            ("securityhub:BatchUpdateFindings",),
            condition={"Null": {f"securityhub:{syntax}SyntaxPath/{field}": "false"}},
        )
        for name, syntax, field in (
            ("Severity", "ASFF", "Severity.Label"), ("Criticality", "ASFF", "Criticality"),
            ("SeverityInOcsf", "OCSF", "SeverityId"),
        )
    ),
)  # fmt: skip

_WORLDWIDE = ("iam:", "wafv2:")
"""Services whose writes may go to us-east-1, whichever Regions are served."""


def elsewhere(calls: Iterable[AwsCall]) -> Never:
    """No write of ours in a Region that is not served."""
    writes = {call.permission for call in calls if call.writes and not call.permission.startswith(_WORLDWIDE)}
    return Never(
        "NeverElsewhere",
        tuple(sorted(writes)),
        condition={"StringNotEquals": {"aws:RequestedRegion": {"Ref": "ServedRegions"}}},
    )
