"""The one way to call AWS: declared operations only, counted by phase, with errors typed by what to do next."""

import secrets
import time
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import botocore.exceptions
from botocore import xform_name
from botocore.parsers import ResponseParserError

from agent.casefile import Looked
from agent.receipt import Call
from agent.record import JsonObject
from tools.archive import capped, plain
from tools.made import Made, Passing


class Phase(StrEnum):
    """What a call is for. An operation may be called only in the phases that declare it."""

    READ = "read"
    PLAN = "plan"
    EXECUTE = "execute"
    VERIFY = "verify"
    UNDO = "undo"
    TELL = "tell"
    MODEL = "model"


@dataclass(frozen=True)
class AwsCall:
    """One operation that a unit declares: what is called is exactly this, and roles are made from it."""

    service: str
    """The boto3 client name."""
    operation: str
    """The API's own name, like `UpdateAccessKey`."""
    permission: str
    """The IAM action, like `iam:UpdateAccessKey`."""
    resource: str
    """The ARN pattern the permission needs, with {partition}, {account}, {region}; `*` where IAM has no resource level."""
    phases: frozenset[Phase]
    writes: bool = False
    unsigned: bool = False
    """Sent as a stranger would, with no credentials: it needs no permission, and tells what a stranger may do."""
    needs: tuple[str, ...] = ()
    """Further IAM actions that AWS checks when it answers this call, on any resource."""

    @property
    def name(self) -> str:
        """`iam:UpdateAccessKey`, as reports count it."""
        return f"{self.service}:{self.operation}"


class AwsError(Exception):
    """A call that did not give an answer. The subclass says what the caller should do."""

    def __init__(self, call: str, code: str, message: str = "") -> None:
        super().__init__(f"{call}: {code}")
        self.call = call
        self.code = code
        self.message = message[:300]


class Gone(AwsError):
    """The resource does not exist: stop, there is nothing to act on."""


class NotPermitted(AwsError):
    """Our role may not: say so, do not retry."""


class Throttled(AwsError):
    """AWS is busy and botocore's own retries are used up: nothing was done, try later."""


class Conflict(AwsError):
    """Somebody else changed it meanwhile: read again and recompute."""


class Unreachable(AwsError):
    """No answer came. A write may have happened: read before repeating."""


class Rejected(AwsError):
    """AWS refused the request as it is: a bug or a state that we did not expect."""


class Incomplete(AwsError):
    """There were more pages than the limit or the deadline allowed: what was read is true, the rest is unknown."""


class Undeclared(RuntimeError):
    """A unit called an operation that it does not declare for this phase: a bug."""


_GONE = {
    "NoSuchEntity", "NoSuchBucket", "NotFound", "404", "ResourceNotFoundException", "InvalidInstanceID.NotFound",
    "InvalidNetworkInterfaceID.NotFound", "InvalidGroup.NotFound", "TargetGroupNotFound", "WAFNonexistentItemException",
    "NotFoundException",
}  # fmt: skip
_NOT_PERMITTED = {
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "AuthFailure", "InvalidClientTokenId",
    "InvalidAccessKeyId", "ExpiredToken", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidAccessException",
}  # fmt: skip
_THROTTLED = {
    "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
    "SlowDown", "LimitExceededException", "SnapshotCreationPerVolumeRateExceeded", "RequestThrottled", "RequestThrottledException",
    "ProvisionedThroughputExceededException",
}  # fmt: skip
_CONFLICT = {
    "ConflictException", "OperationAborted", "ConcurrentModification", "ConcurrentModificationException",
    "WAFOptimisticLockException", "WAFUnavailableEntityException", "EntityTemporarilyUnmodifiable", "ResourceContention",
    "ConditionalCheckFailedException",
}  # fmt: skip
_UNREACHABLE = {"InternalError", "InternalFailure", "InternalServerError", "InternalServerException", "ServiceUnavailable",
                "WAFInternalErrorException",
                "ServiceUnavailableException", "500", "502", "503", "504"}  # fmt: skip


def classify(code: str) -> type[AwsError]:
    """The class of error that an AWS error code is."""
    for codes, error in (
        (_GONE, Gone), (_NOT_PERMITTED, NotPermitted), (_THROTTLED, Throttled), (_CONFLICT, Conflict),
        (_UNREACHABLE, Unreachable),
    ):  # fmt: skip
        if code in codes:
            return error
    return Rejected


NO_ROLE = "NoRole"
"""The code of every call in an account for which no role of ours is configured."""
NO_ANSWER = "no answer"
"""How the record of a call begins that was sent and not answered: it may have taken effect."""


def may_have_worked(call: Call) -> bool:
    """Whether a write took effect, as far as its own answer tells: it said so, or nothing said that it did not."""
    return call.error == "" or call.error.startswith(NO_ANSWER) or classify(call.error) is Unreachable


UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError)
"""What reading an answer raises that is not as its service promises. Caught around one action's method, one source, the
re-reading of one finding or the look at one target, and never around more."""


class Clients:
    """Port: makes boto3 clients for an account and a Region. The real one assumes a role; the sandbox's is embedded."""

    paced: bool = True
    """Whether AWS's own rate limits are to be kept. The embedded AWS has none."""

    def client(self, service: str, account: str, region: str) -> Any:
        raise NotImplementedError

    def anonymous(self, service: str, region: str) -> Any:
        """A client that signs nothing."""
        raise NotImplementedError


@dataclass
class Tally:
    """The calls that were made, by phase and operation, and the writes among them."""

    by_phase: dict[str, dict[str, int]] = field(default_factory=dict)
    writes: list[Call] = field(default_factory=list)

    def count(self, phase: Phase, name: str) -> None:
        """Count one call."""
        calls = self.by_phase.setdefault(phase.value, {})
        calls[name] = calls.get(name, 0) + 1

    def add(self, other: "Tally") -> None:
        """Count what another counted."""
        for phase, names in other.by_phase.items():
            calls = self.by_phase.setdefault(phase, {})
            for name, number in names.items():
                calls[name] = calls.get(name, 0) + number
        self.writes += other.writes


@dataclass(frozen=True)
class Aws:
    """AWS as one unit sees it in one phase: an account, a Region, and only what the unit declared."""

    clients: Clients
    account: str
    region: str
    partition: str
    phase: Phase
    declared: frozenset[AwsCall]
    tally: Tally = field(default_factory=Tally)
    timeout_at: Callable[[], bool] = lambda: False
    """Whether the unit's deadline has passed: paging stops there and says so."""
    sleep: Callable[[float], None] = time.sleep
    """Waits between two reads of what is eventually consistent, in seconds."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    before_write: Callable[[], None] = lambda: None
    """Called before each write leaves, so that a ledger can say that it may have taken effect."""
    looked: Callable[[Looked], None] | None = None
    """Told of every read and its answer, for the case file."""
    seen: dict[str, JsonObject | None] | None = None
    """The answers that a step has had, where it is one look at a world that it does not change: nothing is asked twice."""
    made: Made = field(default_factory=Passing)
    nonce: Callable[[], str] = lambda: secrets.token_hex(16)
    """A text that nobody can know beforehand."""

    def ours(self) -> Container[str]:
        """The ids of what we made in this account and Region and may use again."""
        return self.made.made(self._place)

    def keep(self, resource: str) -> None:
        """Say that we made it, for every later run."""
        self.made.keep_made(self._place, resource)

    @property
    def _place(self) -> str:
        return f"{self.account}:{self.region}"

    def at(self, region: str) -> "Aws":
        """The same, in another Region."""
        return replace(self, region=region)

    def of(self, account: str) -> "Aws":
        """The same, as our identity in another account."""
        return replace(self, account=account)

    def until(self, timeout_at: Callable[[], bool]) -> "Aws":
        """The same, with a deadline."""
        return replace(self, timeout_at=timeout_at)

    def call(
        self,
        call: AwsCall,
        *,
        absent: frozenset[str] | set[str] = frozenset(),
        **params: Any,
    ) -> JsonObject | None:
        """Call AWS. None if it answers one of the `absent` codes: "there is none" is an answer, not an error.

        Raises AwsError's subclasses, and Undeclared if the unit did not declare the call for this phase.
        """
        if call not in self.declared or self.phase not in call.phases:
            raise Undeclared(f"{call.name} is not declared for {self.phase}")
        if self.seen is None or call.writes:
            return self._asked(call, absent, params)
        # what is an answer to one asker is an error to another
        key = f"{call.name} {call.unsigned} {self.account} {self.region} {sorted(params.items())} {sorted(absent)}"
        if key not in self.seen:
            self.seen[key] = self._asked(call, absent, params)
        return self.seen[key]

    def _asked(self, call: AwsCall, absent: frozenset[str] | set[str], params: dict[str, Any]) -> JsonObject | None:
        if self.looked is None:
            return self._answer(call, absent, params)
        return self._told(call, absent, params, self.looked)

    def _told(
        self,
        call: AwsCall,
        absent: frozenset[str] | set[str],
        params: dict[str, Any],
        tell: Callable[[Looked], None],
    ) -> JsonObject | None:
        """The answer, told whatever it is."""
        asked = Looked(call=call.name, region=self.region, at=self.now(), params=plain(params))
        try:
            answer = self._answer(call, absent, params)
        except AwsError as error:
            tell(asked.model_copy(update={"error": error.code}))
            raise
        tell(asked.model_copy(update={"answer": capped(plain(answer)), "error": "" if answer else "absent"}))
        return answer

    def _answer(self, call: AwsCall, absent: frozenset[str] | set[str], params: dict[str, Any]) -> JsonObject | None:
        client = self._client(call)
        if call.writes:
            self.before_write()
        self.tally.count(self.phase, call.name)
        try:
            answer: dict[str, Any] = getattr(client, xform_name(call.operation))(**params)
        except botocore.exceptions.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "Unknown"))
            if code in absent:
                return None
            self._wrote(call, str(error.response.get("ResponseMetadata", {}).get("RequestId", "")), code)
            message = str(error.response.get("Error", {}).get("Message", ""))
            raise classify(code)(call.name, code, message) from error
        except botocore.exceptions.ParamValidationError as error:
            raise Rejected(call.name, "ParamValidation", str(error)) from error
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.HTTPClientError, ResponseParserError) as error:
            # what is not as the service writes its answers is none: some proxy may have eaten it
            self._wrote(call, "", f"{NO_ANSWER}: {type(error).__name__}")
            raise Unreachable(call.name, type(error).__name__, str(error)) from error
        self._wrote(call, str(answer.get("ResponseMetadata", {}).get("RequestId", "")), "")
        return answer

    def need(self, call: AwsCall, **params: Any) -> JsonObject:
        """Call AWS where there is always an answer or an error."""
        answer = self.call(call, **params)
        if answer is None:
            raise Undeclared(f"{call.name} answered nothing")
        return answer

    def pages(self, call: AwsCall, *, limit: int = 50, **params: Any) -> Iterator[JsonObject]:
        """Every page of an answer, by the operation's own page tokens. Raises Incomplete if the limit or deadline cut it."""
        keys = _page_keys(self._client(call), call)
        token: Mapping[str, Any] = {}
        for _ in range(limit):
            page = self.need(call, **params, **token)
            yield page
            following = {into: page[out] for out, into in keys.items() if page.get(out)}
            if not following:
                return
            if self.timeout_at():
                raise Incomplete(call.name, "deadline")
            token = following
        raise Incomplete(call.name, "page_limit")

    def _client(self, call: AwsCall) -> Any:
        """The client. Where our role cannot be taken on, that is the answer to every call."""
        try:
            if call.unsigned:
                return self.clients.anonymous(call.service, self.region)
            return self.clients.client(call.service, self.account, self.region)
        except botocore.exceptions.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "Unknown"))
            raise classify(code)(call.name, f"AssumeRole:{code}") from error
        except PermissionError as error:
            raise NotPermitted(call.name, NO_ROLE, str(error)) from error
        except botocore.exceptions.BotoCoreError as error:
            raise Unreachable(call.name, type(error).__name__, str(error)) from error

    def _wrote(self, call: AwsCall, request_id: str, error: str) -> None:
        if call.writes:
            self.tally.writes.append(Call(operation=call.name, request_id=request_id, error=error))


_PAGE_KEYS: dict[tuple[str, str], dict[str, str]] = {}


def _page_keys(client: Any, call: AwsCall) -> dict[str, str]:
    """Output token to input token, from botocore's own paginator model; NextToken where it has none."""
    known = (call.service, call.operation)
    if known not in _PAGE_KEYS:
        _PAGE_KEYS[known] = _page_keys_of(client, call)
    return _PAGE_KEYS[known]


def _page_keys_of(client: Any, call: AwsCall) -> dict[str, str]:
    operation = xform_name(call.operation)
    if client.can_paginate(operation):
        config = client.get_paginator(operation)._pagination_cfg  # noqa: SLF001 - botocore has no public accessor
        outs, ins = config["output_token"], config["input_token"]
        outs = [outs] if isinstance(outs, str) else outs
        ins = [ins] if isinstance(ins, str) else ins
        return dict(zip(outs, ins, strict=True))
    shape = client.meta.service_model.operation_model(call.operation).output_shape
    name = next(
        (n for n in ("NextToken", "nextToken", "NextMarker", "Marker") if shape and n in shape.members), "NextToken"
    )
    return {name: name}
