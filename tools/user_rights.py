"""What an IAM user or a role may do: every policy that bears on it, a user's also through groups."""

from dataclasses import dataclass, field
from typing import Any

from agent.iam_policy import allows_everything, parse_document
from agent.record import JsonObject
from agent.target import Target
from tools.aws import Aws, AwsCall, Phase
from tools.gathering import Gathering, Read, attempt


def iam_read(operation: str, resource: str) -> AwsCall:
    """A reading call of IAM, whose permission has the operation's name."""
    arn = f"arn:{{partition}}:iam::{{account}}:{resource}/*"
    return AwsCall("iam", operation, permission=f"iam:{operation}", resource=arn, phases=frozenset({Phase.READ}))


ATTACHED = iam_read("ListAttachedUserPolicies", "user")
INLINE = iam_read("ListUserPolicies", "user")
INLINE_DOCUMENT = iam_read("GetUserPolicy", "user")
GROUPS = iam_read("ListGroupsForUser", "user")
GROUP_ATTACHED = iam_read("ListAttachedGroupPolicies", "group")
GROUP_INLINE = iam_read("ListGroupPolicies", "group")
GROUP_DOCUMENT = iam_read("GetGroupPolicy", "group")
POLICY = iam_read("GetPolicy", "policy")
POLICY_DOCUMENT = iam_read("GetPolicyVersion", "policy")
CALLS = frozenset(
    {
        ATTACHED, INLINE, INLINE_DOCUMENT, GROUPS, GROUP_ATTACHED, GROUP_INLINE, GROUP_DOCUMENT, POLICY, POLICY_DOCUMENT,
    }
)  # fmt: skip

ROLE_ATTACHED = iam_read("ListAttachedRolePolicies", "role")
ROLE_INLINE = iam_read("ListRolePolicies", "role")
ROLE_DOCUMENT = iam_read("GetRolePolicy", "role")
ROLE_CALLS = frozenset({ROLE_ATTACHED, ROLE_INLINE, ROLE_DOCUMENT, POLICY, POLICY_DOCUMENT})


@dataclass
class Rights:
    """The policies that bear on a principal, and why some may be missing."""

    attached: list[str] = field(default_factory=list)
    """ARNs of managed policies."""
    documents: list[JsonObject] = field(default_factory=list)
    gap: str = ""


def read(gathering: Gathering, aws: Aws, user: Target) -> Rights:
    """Every policy's document, but of AWS's own policies only the names: what they hold is known."""
    rights = Rights()
    named = {"UserName": user.id}
    rights.attached += _kept(
        rights, attempt(lambda: gathering.all(aws, ATTACHED, "AttachedPolicies", **named)), "PolicyArn"
    )
    for policy in _kept(rights, attempt(lambda: gathering.all(aws, INLINE, "PolicyNames", **named))):
        _keep(rights, _document(gathering, aws, INLINE_DOCUMENT, **named, PolicyName=policy))
    for group in _kept(rights, attempt(lambda: gathering.all(aws, GROUPS, "Groups", **named)), "GroupName"):
        _add_group(rights, gathering, aws, group)
    _add_managed(rights, gathering, aws)
    return rights


def read_role(gathering: Gathering, aws: Aws, role: Target) -> Rights:
    """The same of a role, which is in no group."""
    rights = Rights()
    named = {"RoleName": role.id}
    attached = attempt(lambda: gathering.all(aws, ROLE_ATTACHED, "AttachedPolicies", **named))
    rights.attached += _kept(rights, attached, "PolicyArn")
    for policy in _kept(rights, attempt(lambda: gathering.all(aws, ROLE_INLINE, "PolicyNames", **named))):
        _keep(rights, _document(gathering, aws, ROLE_DOCUMENT, **named, PolicyName=policy))
    _add_managed(rights, gathering, aws)
    return rights


def admin(rights: Rights, partition: str) -> bool:
    """Whether a policy that was read permits everything."""
    theirs = f"arn:{partition}:iam::aws:policy/AdministratorAccess"
    return theirs in rights.attached or any(map(allows_everything, rights.documents))


def _add_managed(rights: Rights, gathering: Gathering, aws: Aws) -> None:
    for arn in dict.fromkeys(rights.attached):
        if not arn.startswith(f"arn:{aws.partition}:iam::aws:"):
            _keep(rights, _managed(gathering, aws, arn))


def _add_group(rights: Rights, gathering: Gathering, aws: Aws, group: str) -> None:
    named = {"GroupName": group}
    attached = attempt(lambda: gathering.all(aws, GROUP_ATTACHED, "AttachedPolicies", **named))
    rights.attached += _kept(rights, attached, "PolicyArn")
    for policy in _kept(rights, attempt(lambda: gathering.all(aws, GROUP_INLINE, "PolicyNames", **named))):
        _keep(rights, _document(gathering, aws, GROUP_DOCUMENT, **named, PolicyName=policy))


def _kept(rights: Rights, read: Read[list[Any]], name: str = "") -> list[str]:
    rights.gap = rights.gap or read.gap
    return [item[name] if name else item for item in read.value or []]


def _keep(rights: Rights, read: Read[JsonObject]) -> None:
    if read.value is None:
        rights.gap = rights.gap or read.gap
    else:
        rights.documents.append(read.value)


def _document(gathering: Gathering, aws: Aws, call: AwsCall, **params: Any) -> Read[JsonObject]:
    read: Read[Any] = attempt(lambda: gathering.call(aws, call, **params))
    document = parse_document((read.value or {}).get("PolicyDocument"))
    return Read(document, read.gap or ("" if document is not None else "unreadable_policy"))


def _managed(gathering: Gathering, aws: Aws, arn: str) -> Read[JsonObject]:
    """The default version of a customer's own managed policy."""
    policy: Read[Any] = attempt(lambda: gathering.call(aws, POLICY, PolicyArn=arn))
    version = (policy.value or {}).get("Policy", {}).get("DefaultVersionId")
    if policy.gap or not version:
        return Read(None, policy.gap or "unreadable_policy")
    read: Read[Any] = attempt(lambda: gathering.call(aws, POLICY_DOCUMENT, PolicyArn=arn, VersionId=version))
    document = parse_document((read.value or {}).get("PolicyVersion", {}).get("Document"))
    return Read(document, read.gap or ("" if document is not None else "unreadable_policy"))
