"""Deny the role sessions of one instance everything, and nobody else's of that role."""

from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from agent.catalogue import ActionSpec, Disruption, Reversal
from agent.plan import Change, Effect, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject, Record
from agent.target import Target, TargetKind
from tools import recent_use, role_policies
from tools.aws import Aws, AwsCall, Gone, Phase
from tools.instances import describing, find, subject
from tools.policy_names import names_for, place, unknown_name
from tools.transition import Read, read_back, step

SPEC = ActionSpec(
    id="iam_deny_instance_sessions",
    target=TargetKind.INSTANCE,
    order=150,
    reversal=Reversal.EXACT,
    disruption=Disruption.ONE_PRINCIPAL,
    summary="Deny the instance's own role sessions everything, by an inline policy on the role.",
    disrupts="Whatever the instance does with its role, Systems Manager included; others with the same role go on.",
    leaves_open=[
        "Roles that the instance assumed onward with its role: those sessions go on until they end.",
        "For the seconds until IAM has spread the policy, the credentials still work.",
        "Access keys and other credentials that lie on the instance.",
    ],
    opens_again="the role's credentials on the instance {target} work again.",
)

_PROFILES = "arn:{partition}:iam::{account}:instance-profile/*"
DESCRIBE = describing(Phase.PLAN, Phase.VERIFY)
PROFILE = AwsCall(
    "iam", "GetInstanceProfile", "iam:GetInstanceProfile", _PROFILES, frozenset({Phase.PLAN, Phase.VERIFY})
)  # fmt: skip
CALLS = role_policies.CALLS | {DESCRIBE, PROFILE, recent_use.LOOKUP}


class Params(Record):
    """What a change carries beside the state: made by `plan`, not chosen by anybody."""

    role: str | None
    """The role of the instance's profile. None: it has none, and there is nothing to do."""
    role_id: str | None
    """IAM's own id, which sessions carry: a role of the same name that was made later is another role."""
    policy_name: str
    """A second run finds the first one's policy by what is in it, and makes no second."""


def plan(aws: Aws, target: Target, params: JsonObject, run_id: str) -> Change | Inapplicable:
    """Before and after: `{"policy": null | document}`, null both times without a role. Other content is never overwritten.

    The role must be the target's owner, as the evidence has it: that name was held against the registry, and no other.
    """
    no = partial(Inapplicable, action=SPEC.id, target=target, reason="not_supported")
    instance = subject(aws, DESCRIBE, target, SPEC.id)
    if isinstance(instance, Inapplicable):
        return instance
    roles = _roles(aws, instance)
    if roles is None:
        return no(detail="the instance's profile was deleted, or made again under its name: its role is not known")
    role = next(iter(roles), None)
    if role is None:
        return _change(target, Params(role=None, role_id=None, policy_name=names_for(target)[0]), None, None)
    if why := role_policies.refusal(role):
        return no(detail=why)
    if role["RoleName"] != target.owner:
        detail = f"{role['RoleName']} is not the role that was looked up: nobody knows whether the registry guards it"
        return no(reason="read_failed", detail=detail)
    blank = Params(role=role["RoleName"], role_id=role["RoleId"], policy_name="")
    document = _document(target, role["RoleId"])
    there = role_policies.names(aws, role["RoleName"])
    names = [*names_for(target), unknown_name(names_for(target), target, aws.now(), params)]
    named = place(names, there, lambda name: _policy(aws, _named(blank, name)), document)
    if named is None:
        return no(detail="policies of all our names with other content are there")
    chosen, found = _named(blank, named[0]), named[1]
    if found is None and (room := role_policies.room(aws, role["RoleName"], there)) < role_policies.size(document):
        return no(detail=f"inline policies of the role leave {room} characters, too few for the deny")
    cut = recent_use.measured(aws, "Username", target.id, "as this instance", [target.region])
    return _change(target, chosen, found, document, cut)


def execute(aws: Aws, change: Change) -> Executed | Drifted:
    """Put the policy, if there is none of its name."""
    params = Params.model_validate(change.params)

    def write() -> None:
        role_policies.put(aws, params.role, params.policy_name, change.after["policy"])

    return step(aws, _read(aws, params), write, expected=change.before, wanted=change.after)


def verify(aws: Aws, change: Change) -> Verification:
    """By configuration: the policy reads as put, and the instance has no other role by now."""
    params = Params.model_validate(change.params)
    detail = f"GetRolePolicy reads the denying policy {params.policy_name}, twice"
    seen = read_back(aws, _read(aws, params), change.after, detail if params.role else "the instance has no role")
    if not seen.holds:
        return seen
    try:
        roles = _roles(aws, find(aws, DESCRIBE, change.target.id)) or []
    except Gone:
        return seen
    other = [role["RoleName"] for role in roles if role["RoleId"] != params.role_id]
    if other:
        return Verification(how="unverified", detail=f"the instance has another role now: {other[0]}", at=aws.now())
    return seen


def undo(aws: Aws, change: Change) -> Executed | Drifted:
    """Delete the policy, if it is still what this change put there."""
    params = Params.model_validate(change.params)

    def write() -> None:
        role_policies.delete(aws, params.role, params.policy_name)

    return step(aws, _read(aws, params), write, expected=change.after, wanted=change.before)


def _change(
    target: Target, params: Params, before: JsonObject | None, after: JsonObject | None, cut: Sequence[Effect] = ()
) -> Change:
    refused = Effect(what="Calls with the instance's role are refused, from anywhere.", count=1)
    effects = [] if before == after else [refused, *cut]
    return Change(
        action=SPEC.id,
        target=target,
        params=params.model_dump(mode="json"),
        before={"policy": before},
        after={"policy": after},
        blast_radius=effects,
        leaves_open=SPEC.leaves_open if params.role else [],
    )


def _document(target: Target, role_id: str) -> JsonObject:
    """EC2 names each instance's session after the instance: `<role id>:<instance id>`, now and whenever it is renewed."""
    who = {"StringLike": {"aws:userid": f"{role_id}:{target.id}"}}
    deny = {"Sid": "StanchDenyInstance", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": who}
    return cast(JsonObject, {"Version": "2012-10-17", "Statement": [deny]})


def _roles(aws: Aws, instance: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The role of the instance's profile, or none. None if the instance names a profile that is not there any more."""
    associated = instance.get("IamInstanceProfile")
    if not associated:
        return []
    name = associated["Arn"].rsplit("/", 1)[-1]
    answer = aws.call(PROFILE, absent={"NoSuchEntity"}, InstanceProfileName=name)
    profile = cast(dict[str, Any], (answer or {}).get("InstanceProfile", {}))
    same = profile.get("InstanceProfileId") == associated["Id"]
    return cast(list[dict[str, Any]], profile.get("Roles", [])) if same else None


def _read(aws: Aws, params: Params) -> Read:
    def read() -> JsonObject:
        if params.role is None:
            return {"policy": None}
        return {"policy": role_policies.document_of(aws, params.role, params.role_id, params.policy_name)}

    return read


def _policy(aws: Aws, params: Params) -> JsonObject | None:
    return cast(JsonObject | None, _read(aws, params)()["policy"])


def _named(params: Params, name: str) -> Params:
    return params.model_copy(update={"policy_name": name})
