"""One management event of CloudTrail, with what evidence needs of it."""

import json
import re
from typing import Any

from agent.iam_policy import opens_to_everyone, parse_document
from agent.record import Record

SENSITIVE = frozenset(
    {
        # a way to come back
        "CreateAccessKey", "CreateUser", "CreateLoginProfile", "UpdateLoginProfile", "CreateRole", "UpdateAssumeRolePolicy",
        "GetFederationToken", "GetSessionToken", "CreateKeyPair", "ImportKeyPair", "CreateServiceSpecificCredential",
        "ResetServiceSpecificCredential", "UploadSSHPublicKey", "DeactivateMFADevice", "CreateVirtualMFADevice",
        # more rights
        "AttachUserPolicy", "AttachRolePolicy", "AttachGroupPolicy", "PutUserPolicy", "PutRolePolicy", "PutGroupPolicy",
        "AddUserToGroup", "CreatePolicyVersion", "SetDefaultPolicyVersion", "DeleteUserPermissionsBoundary",
        "DeleteRolePermissionsBoundary", "DeleteUserPolicy", "DetachUserPolicy", "PutUserPermissionsBoundary",
        # blinding the audit
        "StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors", "DeleteFlowLogs", "DeleteDetector", "UpdateDetector",
        "DisassociateMembers", "DisassociateFromMasterAccount", "DisassociateFromAdministratorAccount", "LeaveOrganization",
        "StopConfigurationRecorder", "DeleteConfigurationRecorder", "DeleteDeliveryChannel", "DisableSecurityHub",
        "CreateFilter", "CreateIPSet", "DeleteLogGroup", "DeleteLogStream",
        # data out, or lost
        "GetSecretValue", "BatchGetSecretValue", "GetPasswordData", "ModifySnapshotAttribute", "ModifyImageAttribute",
        "ModifyDBSnapshotAttribute", "ModifyDBClusterSnapshotAttribute", "PutBucketPolicy", "PutBucketAcl",
        "DeleteBucketPublicAccessBlock", "PutKeyPolicy", "ScheduleKeyDeletion", "DisableKey",
        # running things
        "RunInstances", "SendCommand", "StartSession", "UpdateFunctionCode20150331v2", "CreateFunction20150331",
        "AuthorizeSecurityGroupIngress",
    }
)  # fmt: skip
"""Calls that intruders make and that most programs do not. Attempts count as well."""

OPENING = frozenset(
    {
        "PutBucketPolicy",
        "PutBucketAcl",
        "DeleteBucketPublicAccessBlock",
        "PutBucketPublicAccessBlock",
        "PutBucketWebsite",
    }
)
"""Calls by which a bucket becomes public."""

SESSIONS_AT_HOME = frozenset({"GetSessionToken", "GetFederationToken"})
"""Calls of STS whose session is the caller's own, in the caller's account."""

_PASSWORDS = frozenset({"CreateLoginProfile", "UpdateLoginProfile"})
_LONG_TERM = re.compile(r"AKIA[A-Z0-9]{12,28}")
_TEMPORARY = re.compile(r"ASIA[A-Z0-9]{12,28}")
_ROLE = re.compile(r"arn:aws[a-z-]{0,20}:iam::[0-9]{12}:role/(?:[\x21-\x7e]{1,512}/)?[\w+=,.@-]{1,64}", re.ASCII)
_FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


class Activity(Record):
    """Who did what from where. Every text in it may be somebody else's choice; all are short and printable JSON."""

    id: str
    at: str
    name: str
    source: str
    error: str
    address: str
    """An address, or the name of the service that called on the principal's behalf."""
    agent: str
    key: str
    actor_type: str
    actor: str
    """The user's name, or the role behind a session: never the session's name, which its holder chooses."""
    account: str
    about_user: str
    """The user that the request named."""
    opens_bucket: bool
    """The request could have made its bucket public, and was not refused."""
    session_key: str = ""
    """The temporary access key that AWS gave for it: the call made a session."""
    assumed_role: str = ""
    """The ARN of the role that the session was made in."""
    made_key: str = ""
    """The long-term access key that the call made."""
    made_for: str = ""
    """The user whom the call gave a key or a password: as AWS answered, or else as the request named them."""
    principal: str = ""
    """IAM's own id of who called, with a session's name behind a colon."""
    session_name: str = ""
    """What whoever made the session called it; EC2 and Lambda name it after the instance and the function."""
    service: str = ""
    """The service that called by itself, or on the principal's behalf."""
    session_made: str = ""
    """When the session that called was made, where the call was a session's and CloudTrail says so."""
    endpoint: str = ""
    """The VPC endpoint that the call came through: its address is then one of that VPC, whose networks its owner chooses."""
    endpoint_account: str = ""
    """The account that the endpoint is in, where CloudTrail says so."""

    @property
    def caller(self) -> str:
        """Who called, by what nobody can choose: a service's name, IAM's id of a user or role, or else the account."""
        by_itself = self.service if self.actor_type == "AWSService" else ""
        return by_itself or self.principal.partition(":")[0] or self.account

    @property
    def denied(self) -> bool:
        """Whether AWS said no for want of permission."""
        return "AccessDenied" in self.error or "Unauthorized" in self.error

    @property
    def makes_session(self) -> bool:
        """Whether AWS gave temporary credentials for it, whether or not the record says which."""
        named = self.name in SESSIONS_AT_HOME or self.name.startswith("Assume")
        return bool(self.session_key) or (named and self.source == "sts.amazonaws.com" and not self.error)

    def session_account(self, own: str) -> str:
        """The account whose history tells what the session did, of a call made in `own`; empty if the record does not say."""
        if self.name in SESSIONS_AT_HOME:
            return own
        return self.assumed_role.split(":")[4] if self.assumed_role else ""

    @property
    def line(self) -> str:
        """One line for a reader."""
        through = f" through {self.endpoint} of {self.endpoint_account or 'nobody named'}" if self.endpoint else ""
        came = f"from {self.address}{through}"
        return f"{self.at} {self.source} {self.name} {self.error or 'ok'} {came} by {self.agent}"[:320]


def activity(raw: object) -> Activity | None:
    """Parse a `CloudTrailEvent`, which is JSON in a string. None if it is not that."""
    event = parse_document(raw)
    if event is None:
        return None
    identity = _object(event, "userIdentity")
    session = _object(identity, "sessionContext")
    issuer = _object(session, "sessionIssuer")
    error = _text(event, "errorCode")
    return Activity(
        id=_text(event, "eventID"),
        at=_text(event, "eventTime"),
        name=_text(event, "eventName"),
        source=_text(event, "eventSource"),
        error=error,
        address=_text(event, "sourceIPAddress"),
        agent=_text(event, "userAgent"),
        key=_text(identity, "accessKeyId"),
        actor_type=_text(identity, "type"),
        actor=_text(issuer, "userName") or _text(identity, "userName"),
        account=_text(identity, "accountId"),
        about_user=_text(_object(event, "requestParameters"), "userName"),
        made_key="" if error else _made_key(event),
        made_for="" if error else _made_for(event),
        session_key="" if error else _session_key(event),
        assumed_role="" if error else _role_arn(event),
        principal=_text(identity, "principalId"),
        session_name=_text(_object(event, "requestParameters"), "roleSessionName"),
        service=_text(identity, "invokedBy"),
        session_made=_text(_object(session, "attributes"), "creationDate"),
        endpoint=_text(event, "vpcEndpointId"),
        endpoint_account=_text(event, "vpcEndpointAccountId"),
        opens_bucket=not error and _opens(_text(event, "eventName"), _object(event, "requestParameters")),
    )


def _made_key(event: dict[str, Any]) -> str:
    found = _text(_object(_object(event, "responseElements"), "accessKey"), "accessKeyId")
    return found if _text(event, "eventName") == "CreateAccessKey" and _LONG_TERM.fullmatch(found) else ""


def _made_for(event: dict[str, Any]) -> str:
    name, answer = _text(event, "eventName"), _object(event, "responseElements")
    if name != "CreateAccessKey" and name not in _PASSWORDS:
        return ""
    given = _object(answer, "accessKey") or _object(answer, "loginProfile")
    return _text(given, "userName") or _text(_object(event, "requestParameters"), "userName")


def _session_key(event: dict[str, Any]) -> str:
    found = _text(_object(_object(event, "responseElements"), "credentials"), "accessKeyId")
    return found if _TEMPORARY.fullmatch(found) else ""


def _role_arn(event: dict[str, Any]) -> str:
    if not _text(event, "eventName").startswith("AssumeRole"):
        return ""
    found = _text(_object(event, "requestParameters"), "roleArn")
    return found if _ROLE.fullmatch(found) else ""


def _opens(name: str, request: dict[str, Any]) -> bool:
    """Whether such a call could open a bucket. What its parameters do not settle, could."""
    if name == "PutBucketPolicy" and "bucketPolicy" in request:
        document = parse_document(request["bucketPolicy"])
        return document is None or opens_to_everyone(document)
    if name == "PutBucketPublicAccessBlock" and "PublicAccessBlockConfiguration" in request:
        flags = _object(request, "PublicAccessBlockConfiguration")
        return not all(flags.get(flag) is True for flag in _FLAGS)
    if name == "PutBucketAcl" and "x-amz-acl" in request:
        return json.dumps(request["x-amz-acl"]) not in {'"private"', '["private"]'}
    return name in OPENING


def _object(event: dict[str, Any], name: str) -> dict[str, Any]:
    found = event.get(name)
    return found if isinstance(found, dict) else {}


def _text(event: dict[str, Any], name: str) -> str:
    """A field as short, valid text on one line: JSON can carry half a character, and line breaks."""
    found = event.get(name)
    if not isinstance(found, str):
        return ""
    clean = found[:512].encode("utf-8", "replace").decode()
    return "".join(letter if letter.isprintable() else " " for letter in clean)
