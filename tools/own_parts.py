"""The functions that Stanch is on AWS: which phases each works, and what each may do with the service's own parts."""

from dataclasses import dataclass
from enum import StrEnum

from agent.record import JsonObject
from tools.aws import Phase
from tools.ledger import tables

_LOG = "arn:{{partition}}:logs:{{region}}:{{account}}:log-group:${{{}}}:log-stream:*"


class Part(StrEnum):
    """A part of the stack, as the template writes its ARN."""

    LEDGER = "${LedgerTable.Arn}"
    LEDGER_INDEXES = "${LedgerTable.Arn}/index/*"
    CHECKPOINTS = "${CheckpointsTable.Arn}"
    INBOX = "${Inbox.Arn}"
    DEAD_LETTERS = "${DeadLetters.Arn}"
    CASE_FILES = "${CaseFiles.Arn}/*"
    TOPIC = "${Topic}"
    KEY = "${Key.Arn}"
    APPROVAL_KEY = "${ApprovalKey}"
    EVENTS_LOG = _LOG.format("EventsLog")
    EXECUTE_LOG = _LOG.format("ExecuteLog")
    APPROVALS_LOG = _LOG.format("ApprovalsLog")
    CLOCK_LOG = _LOG.format("ClockLog")
    EVENTS = "arn:{partition}:lambda:{region}:{account}:function:${AWS::StackName}-events"
    EXECUTE = "arn:{partition}:lambda:{region}:{account}:function:${AWS::StackName}-execute"


@dataclass(frozen=True)
class Grant:
    """What a function may do with one part."""

    part: Part
    permissions: tuple[str, ...]
    condition: JsonObject | None = None


LEDGER = (
    Grant(Part.LEDGER, tuple(tables.LEDGER.permissions)),
    Grant(Part.LEDGER_INDEXES, tuple(tables.LEDGER.index_permissions)),
)
CHECKPOINTS = Grant(Part.CHECKPOINTS, tuple(tables.CHECKPOINTS.permissions))
"""What keeping checkpoints calls: nothing is deleted, and no large state goes to a bucket."""
CRYPT = Grant(Part.KEY, ("kms:Decrypt", "kms:GenerateDataKey"))
KEEP_EVIDENCE = Grant(Part.CASE_FILES, ("s3:GetObjectRetention", "s3:PutObject"))
"""Adding to the case files and seeing that the lock holds; not reading them, and not undoing the lock."""
WORK = (*LEDGER, CHECKPOINTS, KEEP_EVIDENCE)
"""What every function needs that reads in the accounts served and says what it found."""
TELL = Grant(Part.TOPIC, ("sns:Publish",))
SIGN = Grant(Part.APPROVAL_KEY, ("secretsmanager:GetSecretValue",))
HAND_OVER = Grant(Part.EXECUTE, ("lambda:InvokeFunction",))
PLAN_ON = Grant(Part.EVENTS, ("lambda:InvokeFunction",))
GIVE_UP = Grant(Part.DEAD_LETTERS, ("sqs:SendMessage",))
"""Lambda itself puts an asynchronous invocation that failed for good there, with the function's own role."""
RECEIVE = Grant(Part.INBOX, ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"))


def _logging(part: Part) -> Grant:
    return Grant(part, ("logs:CreateLogStream", "logs:PutLogEvents"))


class Member(StrEnum):
    """The roles that a served account has for us, each for one function."""

    READ = "read"
    CONTAIN = "contain"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Function:
    """One Lambda function and everything that its role is made from."""

    name: str
    phases: frozenset[Phase]
    """What it may do in the accounts served. A phase that is not here is not granted."""
    member: Member | None
    """The role that it takes on in a member account."""
    grants: tuple[Grant, ...]
    does: str
    """One line for the docs."""


_LOOK = (Phase.READ, Phase.PLAN, Phase.VERIFY)

FUNCTIONS = (
    Function(
        "events",
        frozenset({Phase.READ, Phase.PLAN, Phase.MODEL}),
        Member.READ,
        (RECEIVE, *WORK, HAND_OVER, TELL, CRYPT, _logging(Part.EVENTS_LOG)),
        "takes a finding from the queue, gathers evidence, asks the model, judges, and hands over",
    ),
    Function(
        "execute",
        frozenset({*_LOOK, Phase.EXECUTE, Phase.TELL}),
        Member.CONTAIN,
        (*WORK, TELL, SIGN, GIVE_UP, CRYPT, _logging(Part.EXECUTE_LOG)),
        "does what is allowed or approved, verifies it and tells Security Hub",
    ),
    Function(
        "approvals",
        frozenset(),
        None,
        (*LEDGER, HAND_OVER, SIGN, CRYPT, _logging(Part.APPROVALS_LOG)),
        "shows what waits and takes people's signed answers",
    ),
    Function(
        "clock",
        frozenset({*_LOOK, Phase.UNDO, Phase.TELL}),
        Member.ROLLBACK,
        (*WORK, HAND_OVER, PLAN_ON, TELL, SIGN, GIVE_UP, CRYPT, _logging(Part.CLOCK_LOG)),
        "lets approvals expire, looks again, reads back, and takes back what was done for a time",
    ),
)


def own_names(caller: str, role_name: str | None) -> list[str]:
    """Our own identities: who we are, what we take on in accounts served, and what the stack's other functions do.

    The first and the last as ARNs, since in another account such a name is anybody's; what we take on, by its name, which it has
    in every account. `caller` is STS's `arn:...:assumed-role/NAME/SESSION` or `arn:...:user/path/NAME`; `role_name` may have a path.
    """
    where, _, said = caller.rpartition(":")
    parts = said.split("/")
    own = parts[1] if parts[0] == "assumed-role" and len(parts) > 1 else parts[-1]
    kind = "role" if parts[0] == "assumed-role" else parts[0]
    iam = where.replace(":sts:", ":iam:")
    named = [f"{iam}:{kind}/{name}" for name in _siblings(own, [function.name for function in FUNCTIONS])]
    if role_name:
        named += _siblings(role_name.rsplit("/", 1)[-1], [member.value for member in Member])
    return named


def _siblings(name: str, ends: list[str]) -> list[str]:
    """The name, and those that the template gives beside it: `prod-events` tells of `prod-execute`."""
    stem = next((name.removesuffix(f"-{end}") for end in ends if name.endswith(f"-{end}")), None)
    return [name] if stem is None else [f"{stem}-{end}" for end in ends]
