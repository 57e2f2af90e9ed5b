"""Deactivate a user's long-term access key."""

from functools import partial
from typing import Any, cast

from agent.catalogue import ActionSpec, Disruption, LeftOpen, Reversal
from agent.plan import Change, Effect, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject
from agent.target import Target, TargetKind
from tools import recent_use
from tools.aws import Aws, AwsCall, Gone, Phase
from tools.transition import Read, read_back, step

SPEC = ActionSpec(
    id="iam_deactivate_key",
    target=TargetKind.ACCESS_KEY,
    order=20,
    reversal=Reversal.EXACT,
    disruption=Disruption.ONE_PRINCIPAL,
    summary="Deactivate the access key.",
    disrupts="Whoever signs requests with this key.",
    leaves_open=[
        LeftOpen(
            text="Sessions that the key made (GetSessionToken, GetFederationToken) go on with the user's permissions.",
            closed_by=frozenset({"iam_deny_user"}),
        ),
        "Roles that the key assumed stay assumed until their sessions end.",
        LeftOpen(
            text="The user's other keys and console password.",
            closed_by=frozenset({"iam_deny_user"}),
        ),
    ],
    opens_again="the key {target} works again.",
)

_USERS = "arn:{partition}:iam::{account}:user/*"
_ALL = frozenset({Phase.PLAN, Phase.EXECUTE, Phase.VERIFY, Phase.UNDO})
LIST = AwsCall("iam", "ListAccessKeys", "iam:ListAccessKeys", _USERS, _ALL)
LAST_USED = AwsCall("iam", "GetAccessKeyLastUsed", "iam:GetAccessKeyLastUsed", _USERS, frozenset({Phase.PLAN}))
UPDATE = AwsCall(
    "iam", "UpdateAccessKey", "iam:UpdateAccessKey", _USERS, frozenset({Phase.EXECUTE, Phase.UNDO}), writes=True
)
CALLS = frozenset({LIST, LAST_USED, UPDATE, recent_use.LOOKUP})


def plan(aws: Aws, target: Target, params: JsonObject, run_id: str) -> Change | Inapplicable:
    """Before and after: `{"status": "Active" | "Inactive"}`. A key that is inactive already needs no change."""
    no = partial(Inapplicable, action=SPEC.id, target=target)
    if target.kind is not TargetKind.ACCESS_KEY:
        return no(reason="wrong_kind")
    if target.temporary:
        return no(reason="not_supported", detail="a temporary key cannot be deactivated")
    if target.owner is None:
        return no(reason="unverified_target", detail="the key's user is not known")
    try:
        status = _read(aws, target)()["status"]
        used = cast(dict[str, Any], aws.need(LAST_USED, AccessKeyId=target.id))
    except Gone as gone:
        return no(reason="gone", detail=f"{gone.call}: {gone.code}")
    if used.get("UserName") != target.owner:
        return no(reason="unverified_target", detail="the key belongs to somebody else")
    if status not in ("Active", "Inactive"):
        return no(reason="not_supported", detail=f"the key's status is {status}")
    return Change(
        action=SPEC.id,
        target=target,
        before={"status": status},
        after={"status": "Inactive"},
        blast_radius=_blast_radius(aws, target, used["AccessKeyLastUsed"]),
        leaves_open=SPEC.leaves_open,
    )


def execute(aws: Aws, change: Change) -> Executed | Drifted:
    """Set the status after, if it is still the status before."""
    return _set(aws, change, expected=change.before, wanted=change.after)


def verify(aws: Aws, change: Change) -> Verification:
    """By configuration only: we do not hold the secret, so we cannot try the key."""
    detail = f"ListAccessKeys reads {change.after['status']}, twice"
    return read_back(aws, _read(aws, change.target), change.after, detail)


def undo(aws: Aws, change: Change) -> Executed | Drifted:
    """Set the status before, if it is still the status after."""
    return _set(aws, change, expected=change.after, wanted=change.before)


def _set(aws: Aws, change: Change, *, expected: JsonObject, wanted: JsonObject) -> Executed | Drifted:
    target = change.target

    def write() -> None:
        aws.need(UPDATE, UserName=target.owner, AccessKeyId=target.id, Status=wanted["status"])

    return step(aws, _read(aws, target), write, expected=expected, wanted=wanted)


def _read(aws: Aws, target: Target) -> Read:
    def read() -> JsonObject:
        keys = cast(list[dict[str, Any]], aws.need(LIST, UserName=target.owner)["AccessKeyMetadata"])
        for key in keys:
            if key["AccessKeyId"] == target.id:
                return {"status": str(key["Status"])}
        raise Gone(LIST.name, "NoSuchAccessKey")

    return read


def _blast_radius(aws: Aws, target: Target, used: dict[str, Any]) -> list[Effect]:
    calls = recent_use.measured(aws, "AccessKeyId", target.id, "with this key", recent_use.regions_of([used]))
    return [_last_use(used), *calls]


def _last_use(used: dict[str, Any]) -> Effect:
    if "LastUsedDate" not in used:
        return Effect(what="This key was never used.")
    service, region = used.get("ServiceName", "N/A"), used.get("Region", "N/A")
    return Effect(what=f"This key was last used with {service} in {region} on {used['LastUsedDate']:%Y-%m-%d}.")
