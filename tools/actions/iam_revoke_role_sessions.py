"""Deny everything to the sessions of a role that were issued before a moment: the console's *Revoke active sessions*."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from agent.catalogue import ActionSpec, Disruption, Reversal
from agent.plan import Change, Effect, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject, Record
from agent.target import Target, TargetKind
from tools import role_policies, role_sessions
from tools.aws import Aws, Gone
from tools.policy_names import place, revoking_names, unknown_name
from tools.role_sessions import Role
from tools.transition import Read, read_back, step

SPEC = ActionSpec(
    id="iam_revoke_role_sessions",
    target=TargetKind.ROLE,
    order=40,
    reversal=Reversal.EXACT,
    disruption=Disruption.SHARED,
    summary="Revoke the role's sessions that were issued before this was planned, by an inline policy on the role.",
    disrupts="Everybody and everything that works under the role has to take it on again; instances and functions keep "
    "their refused credentials for hours, or until they are started anew.",
    leaves_open=[
        "Whoever can still take the role on gets a new session, which this does not cut.",
        "Sessions of other roles that were made from the role's own sessions go on until they end.",
        "For the seconds until IAM has spread the policy, the sessions still work, and may even remove it.",
    ],
    opens_again="sessions of the role {target} that were refused work again, as long as they last.",
)

CALLS = role_policies.CALLS | role_sessions.MEASURING
_WRITTEN = "%Y-%m-%dT%H:%M:%SZ"


class Params(Record):
    """What a change carries beside the state: made by `plan`, not chosen by anybody."""

    role_id: str
    """IAM's own id: a role of the same name that was made later is another role."""
    policy_name: str
    """Names the moment, so that two runs that revoke at different moments each have a policy, and take back their own."""
    moment: str
    """Sessions issued before it are cut, as UTC and whole seconds. It is when the change was first planned and stays so
    however long the approval takes: what runs is what was approved. What was issued since is counted and said."""


def plan(aws: Aws, target: Target, params: JsonObject, run_id: str) -> Change | Inapplicable:
    """Before and after: `{"policy": null | document}`. A policy with other content is never overwritten."""
    no = partial(Inapplicable, action=SPEC.id, target=target)
    if target.kind is not TargetKind.ROLE:
        return no(reason="wrong_kind")
    try:
        role = cast(dict[str, Any], aws.need(role_policies.GET_ROLE, RoleName=target.id)["Role"])
    except Gone as gone:
        return no(reason="gone", detail=f"{gone.call}: {gone.code}")
    if role["Arn"].split(":")[4] != target.account:
        return no(reason="unverified_target", detail="the role lives in another account")
    if why := role_policies.refusal(role):
        return no(reason="not_supported", detail=why)
    moment = str(params.get("moment") or _just_after(aws.now()))
    document = _document(moment)
    there = role_policies.names(aws, target.id)
    names = revoking_names(target, moment)
    names.append(unknown_name(names, target, aws.now(), params))
    named = place(names, there, lambda name: role_policies.document(aws, target.id, name), document)
    if named is None:
        return no(reason="not_supported", detail="policies of all our names with other content are there")
    chosen = Params(role_id=role["RoleId"], policy_name=named[0], moment=moment)
    if named[1] is None and (room := role_policies.room(aws, target.id, there)) < role_policies.size(document):
        detail = f"inline policies of the role leave {room} characters, too few for the deny"
        return no(reason="not_supported", detail=detail)
    return _change(aws, target, role, chosen, named[1], document)


def execute(aws: Aws, change: Change) -> Executed | Drifted:
    """Put the policy, if there is none of its name."""
    params = Params.model_validate(change.params)

    def write() -> None:
        role_policies.put(aws, change.target.id, params.policy_name, change.after["policy"])

    return step(aws, _read(aws, change.target, params), write, expected=change.before, wanted=change.after)


def verify(aws: Aws, change: Change) -> Verification:
    """By configuration only: we hold none of the role's sessions, so we cannot try."""
    params = Params.model_validate(change.params)
    detail = f"GetRolePolicy reads the policy {params.policy_name}, which denies sessions from before {params.moment}"
    return read_back(aws, _read(aws, change.target, params), change.after, f"{detail}, twice")


def undo(aws: Aws, change: Change) -> Executed | Drifted:
    """Delete the policy, if it is still what this change put there."""
    params = Params.model_validate(change.params)

    def write() -> None:
        role_policies.delete(aws, change.target.id, params.policy_name)

    return step(aws, _read(aws, change.target, params), write, expected=change.after, wanted=change.before)


def _change(
    aws: Aws, target: Target, role: dict[str, Any], params: Params, before: JsonObject | None, after: JsonObject
) -> Change:
    told = Role(target, role["Arn"], timedelta(seconds=int(role.get("MaxSessionDuration") or 3600)))
    seen = role_sessions.measured(aws, told, datetime.fromisoformat(params.moment))
    refused = Effect(what=f"Sessions of the role that were issued before {params.moment} are refused, from anywhere.")
    newer = f" CloudTrail shows {seen.newer} of them by now." if seen.newer else ""
    return Change(
        action=SPEC.id,
        target=target,
        params=params.model_dump(mode="json"),
        before={"policy": before},
        after={"policy": after},
        blast_radius=[refused, *seen.effects],
        leaves_open=[
            f"Sessions issued since {params.moment}, when this was planned, go on, however late it is done.{newer}",
            *SPEC.leaves_open,
        ],
    )


def _just_after(now: datetime) -> str:
    """The next whole second: a session's time of issue has no fractions, and the deny is of those before the moment."""
    return (now.replace(microsecond=0) + timedelta(seconds=1)).strftime(_WRITTEN)


def _document(moment: str) -> JsonObject:
    older: JsonObject = {"DateLessThan": {"aws:TokenIssueTime": moment}}
    deny: JsonObject = {
        "Sid": "StanchRevokeOlderSessions", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": older,
    }  # fmt: skip
    return {"Version": "2012-10-17", "Statement": [deny]}


def _read(aws: Aws, target: Target, params: Params) -> Read:
    def read() -> JsonObject:
        return {"policy": role_policies.document_of(aws, target.id, params.role_id, params.policy_name)}

    return read
