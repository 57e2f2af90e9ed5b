"""Put an inline policy on a user that denies everything."""

import json
from functools import partial
from typing import Any, cast

from agent.catalogue import ActionSpec, Disruption, Reversal
from agent.plan import Change, Effect, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject, Record
from agent.target import Target, TargetKind
from tools import recent_use
from tools.aws import Aws, AwsCall, AwsError, Gone, Phase
from tools.policy_names import names_for, place, unknown_name
from tools.transition import Read, read_back, step

SPEC = ActionSpec(
    id="iam_deny_user",
    target=TargetKind.USER,
    order=10,
    reversal=Reversal.EXACT,
    disruption=Disruption.ONE_PRINCIPAL,
    summary="Deny the user everything, by an inline policy.",
    disrupts="Whoever works as this user: all its keys, its console sign-in and the sessions that its keys made.",
    leaves_open=[
        "Roles that the user assumed before: their sessions go on until they end.",
        "For the seconds until IAM has spread the policy, the user may still act, and may even remove it.",
        "Other principals that the user may have made.",
    ],
    opens_again="the user {target} can act again, with every key, session and password that works.",
)

DENY_ALL: JsonObject = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "StanchDenyAll", "Effect": "Deny", "Action": "*", "Resource": "*"}],
}
_INLINE_LIMIT = 2048
"""IAM's quota for all inline policies of one user together, in characters without white space."""

_USERS = "arn:{partition}:iam::{account}:user/*"
_PLAN = frozenset({Phase.PLAN})
_ALL = frozenset({Phase.PLAN, Phase.EXECUTE, Phase.VERIFY, Phase.UNDO})
GET_USER = AwsCall("iam", "GetUser", "iam:GetUser", _USERS, _ALL)
GET = AwsCall("iam", "GetUserPolicy", "iam:GetUserPolicy", _USERS, _ALL)
LIST = AwsCall("iam", "ListUserPolicies", "iam:ListUserPolicies", _USERS, _PLAN)
KEYS = AwsCall("iam", "ListAccessKeys", "iam:ListAccessKeys", _USERS, _PLAN)
LAST_USED = AwsCall("iam", "GetAccessKeyLastUsed", "iam:GetAccessKeyLastUsed", _USERS, _PLAN)
LOGIN = AwsCall("iam", "GetLoginProfile", "iam:GetLoginProfile", _USERS, _PLAN)
PUT = AwsCall("iam", "PutUserPolicy", "iam:PutUserPolicy", _USERS, frozenset({Phase.EXECUTE}), writes=True)
DELETE = AwsCall("iam", "DeleteUserPolicy", "iam:DeleteUserPolicy", _USERS, frozenset({Phase.UNDO}), writes=True)
CALLS = frozenset({GET_USER, GET, LIST, KEYS, LAST_USED, LOGIN, PUT, DELETE, recent_use.LOOKUP})


class Params(Record):
    """What a change carries beside the state: made by `plan`, not chosen by anybody."""

    user_id: str
    """IAM's own id: a user of the same name that was made later is another user."""
    policy_name: str
    """A second run finds the first one's policy by what is in it, and makes no second."""


def plan(aws: Aws, target: Target, params: JsonObject, run_id: str) -> Change | Inapplicable:
    """Before and after: `{"policy": null | document}`. A policy with other content is never overwritten."""
    no = partial(Inapplicable, action=SPEC.id, target=target)
    if target.kind is not TargetKind.USER:
        return no(reason="wrong_kind")
    try:
        user = cast(dict[str, Any], aws.need(GET_USER, UserName=target.id)["User"])
    except Gone as gone:
        return no(reason="gone", detail=f"{gone.call}: {gone.code}")
    if user["Arn"].split(":")[4] != target.account:
        return no(reason="unverified_target", detail="the user lives in another account")
    if target.unique_id not in (None, user["UserId"]):
        return no(reason="unverified_target", detail="another user has this name now")
    if user["Path"].startswith(("/aws-reserved/", "/aws-service-role/")):
        return no(reason="not_supported", detail="the user belongs to an AWS service")
    blank = Params(user_id=user["UserId"], policy_name="")
    there = _names(aws, target)
    names = [*names_for(target), unknown_name(names_for(target), target, aws.now(), params)]
    named = place(names, there, lambda name: _policy(aws, target, _named(blank, name)), DENY_ALL)
    if named is None:
        return no(reason="not_supported", detail="policies of all our names with other content are there")
    chosen, found = _named(blank, named[0]), named[1]
    if found is None and (room := _INLINE_LIMIT - _inline_size(aws, target, there)) < _size(DENY_ALL):
        return no(reason="not_supported", detail=f"inline policies leave {room} characters: attach AWSDenyAll by hand")
    return Change(
        action=SPEC.id,
        target=target,
        params=chosen.model_dump(mode="json"),
        before={"policy": found},
        after={"policy": DENY_ALL},
        blast_radius=_blast_radius(aws, target),
        leaves_open=SPEC.leaves_open,
    )


def execute(aws: Aws, change: Change) -> Executed | Drifted:
    """Put the policy, if there is none of its name."""
    params, target = Params.model_validate(change.params), change.target

    def write() -> None:
        document = json.dumps(change.after["policy"], separators=(",", ":"))
        aws.need(PUT, UserName=target.id, PolicyName=params.policy_name, PolicyDocument=document)

    return step(aws, _read(aws, target, params), write, expected=change.before, wanted=change.after)


def verify(aws: Aws, change: Change) -> Verification:
    """By configuration only: we hold none of the user's credentials, so we cannot try."""
    params = Params.model_validate(change.params)
    detail = f"GetUserPolicy reads the denying policy {params.policy_name}, twice"
    return read_back(aws, _read(aws, change.target, params), change.after, detail)


def undo(aws: Aws, change: Change) -> Executed | Drifted:
    """Delete the policy, if it is still what this change put there."""
    params, target = Params.model_validate(change.params), change.target

    def write() -> None:
        aws.need(DELETE, UserName=target.id, PolicyName=params.policy_name)

    return step(aws, _read(aws, target, params), write, expected=change.after, wanted=change.before)


def _read(aws: Aws, target: Target, params: Params) -> Read:
    def read() -> JsonObject:
        user = cast(dict[str, Any], aws.need(GET_USER, UserName=target.id)["User"])
        if user["UserId"] != params.user_id:
            raise Gone(GET_USER.name, "AnotherUserOfThisName")
        answer = aws.call(GET, absent={"NoSuchEntity"}, UserName=target.id, PolicyName=params.policy_name)
        return {"policy": answer["PolicyDocument"] if answer else None}

    return read


def _policy(aws: Aws, target: Target, params: Params) -> JsonObject | None:
    return cast(JsonObject | None, _read(aws, target, params)()["policy"])


def _named(params: Params, name: str) -> Params:
    return params.model_copy(update={"policy_name": name})


def _size(document: Any) -> int:
    text = document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))
    return len("".join(text.split()))


def _names(aws: Aws, target: Target) -> list[str]:
    return [name for page in aws.pages(LIST, UserName=target.id) for name in cast(list[str], page["PolicyNames"])]


def _inline_size(aws: Aws, target: Target, names: list[str]) -> int:
    answers = [aws.call(GET, absent={"NoSuchEntity"}, UserName=target.id, PolicyName=name) for name in names]
    return sum(_size(answer["PolicyDocument"]) for answer in answers if answer)


def _blast_radius(aws: Aws, target: Target) -> list[Effect]:
    try:
        keys = cast(list[dict[str, Any]], aws.need(KEYS, UserName=target.id)["AccessKeyMetadata"])
        password = aws.call(LOGIN, absent={"NoSuchEntity"}, UserName=target.id)
        active = [key["AccessKeyId"] for key in keys if key["Status"] == "Active"]
        uses = [_used(aws, key) for key in active]
    except AwsError as error:
        return [Effect(what=f"What uses this user could not be read ({error.code}).", count=None)]
    return [
        Effect(what="Active access keys stop working.", count=len(active)),
        Effect(what="Console sign-ins stop working.", count=1 if password else 0),
        *map(_last_use, uses),
        *recent_use.measured(aws, "Username", target.id, "as this user", recent_use.regions_of(uses)),
    ]


def _used(aws: Aws, key_id: str) -> dict[str, Any]:
    return cast(dict[str, Any], aws.need(LAST_USED, AccessKeyId=key_id)["AccessKeyLastUsed"])


def _last_use(used: dict[str, Any]) -> Effect:
    if "LastUsedDate" not in used:
        return Effect(what="An active key was never used.")
    service, region = used.get("ServiceName", "N/A"), used.get("Region", "N/A")
    return Effect(what=f"An active key was last used with {service} in {region} on {used['LastUsedDate']:%Y-%m-%d}.")
