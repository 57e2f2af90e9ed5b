"""Protect an instance against being terminated or stopped, and keep its volumes."""

from dataclasses import replace
from functools import partial
from typing import Any, cast

from agent.catalogue import ActionSpec, Disruption, Reversal
from agent.plan import Change, Effect, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject
from agent.target import Target, TargetKind
from tools.aws import Aws, AwsCall, Phase
from tools.instances import INSTANCES, describing, find, subject
from tools.transition import Part, Read, field_by_field, in_parts, read_back

SPEC = ActionSpec(
    id="ec2_protect_evidence",
    target=TargetKind.INSTANCE,
    order=100,
    reversal=Reversal.EXACT,
    disruption=Disruption.NONE,
    summary="Protect the instance against termination and stop, and keep its volumes.",
    disrupts="Whoever wants to stop or terminate the instance through the API: the protection must be lifted first.",
    leaves_open=[
        "Auto Scaling and AWS's scheduled events can still stop or terminate the instance.",
        "Whoever may modify the instance may lift the protection.",
        "A stop from inside loses memory and instance-store volumes.",
    ],
    opens_again="the instance {target} may be stopped and ended again, and its volumes with it.",
)

_UNPROTECTED = {
    "spot": "A Spot instance cannot be protected: AWS may take it back at two minutes' notice. Only its volumes are kept.",
    "instance-store": "An instance with an instance-store root cannot be stopped or protected against it.",
}
_TERMINATION, _STOP, _SHUTDOWN, _VOLUME = "termination_protection", "stop_protection", "shutdown", "volume "
_ATTRIBUTES = {
    _TERMINATION: ("disableApiTermination", "DisableApiTermination"),
    _STOP: ("disableApiStop", "DisableApiStop"),
    _SHUTDOWN: ("instanceInitiatedShutdownBehavior", "InstanceInitiatedShutdownBehavior"),
}
"""Our field: the attribute's name to ask for, and its name in requests and answers."""

_ALL = (Phase.PLAN, Phase.EXECUTE, Phase.VERIFY, Phase.UNDO)
DESCRIBE = describing(*_ALL)
GET = AwsCall("ec2", "DescribeInstanceAttribute", "ec2:DescribeInstanceAttribute", INSTANCES, frozenset(_ALL))
MODIFY = AwsCall(
    "ec2", "ModifyInstanceAttribute", "ec2:ModifyInstanceAttribute", INSTANCES,
    frozenset({Phase.EXECUTE, Phase.UNDO}), writes=True,
)  # fmt: skip
CALLS = frozenset({DESCRIBE, GET, MODIFY, replace(MODIFY, resource="arn:{partition}:ec2:{region}:{account}:volume/*")})


def plan(aws: Aws, target: Target, params: JsonObject, run_id: str) -> Change | Inapplicable:
    """Before and after: a field for each protection that the instance can have, and `volume vol-…` for each EBS volume."""
    instance = subject(aws, DESCRIBE, target, SPEC.id)
    if isinstance(instance, Inapplicable):
        return instance
    if instance.get("Operator", {}).get("Managed"):
        detail = f"the instance is run by {instance['Operator'].get('Principal', 'a service')}"
        return Inapplicable(action=SPEC.id, target=target, reason="not_supported", detail=detail)
    attributes, left_out = _protections(instance)
    before = _read(aws, target, [*attributes, *_volumes(instance)])()
    after = {name: _wanted(name, value) for name, value in before.items()}
    kept = sum(before[name] != after[name] for name in before if name.startswith(_VOLUME))
    return Change(
        action=SPEC.id,
        target=target,
        before=before,
        after=after,
        blast_radius=[Effect(what="Volumes stay, and cost, when the instance is gone.", count=kept)],
        leaves_open=[*left_out, *SPEC.leaves_open],
    )


def execute(aws: Aws, change: Change) -> Executed | Drifted:
    """Set what is not yet as wanted, one attribute a call: AWS takes no two at once."""
    return _set(aws, change, expected=change.before, wanted=change.after)


def verify(aws: Aws, change: Change) -> Verification:
    """By configuration: the attributes and the volumes' settings read as wanted."""
    detail = "DescribeInstanceAttribute and DescribeInstances read every protection on, twice"
    return read_back(aws, _read(aws, change.target, list(change.after)), change.after, detail)


def undo(aws: Aws, change: Change) -> Executed | Drifted:
    """Set what this change set back to what it was."""
    return _set(aws, change, expected=change.after, wanted=change.before)


def _set(aws: Aws, change: Change, *, expected: JsonObject, wanted: JsonObject) -> Executed | Drifted:
    def write(name: str) -> None:
        aws.need(MODIFY, InstanceId=change.target.id, **_request(name, wanted[name]))

    def todo(found: JsonObject) -> list[Part] | Drifted:
        return field_by_field(found, expected=expected, wanted=wanted, write=write)

    return in_parts(aws, _read(aws, change.target, list(wanted)), todo, expected=expected)


def _request(name: str, value: Any) -> dict[str, Any]:
    if not name.startswith(_VOLUME):
        return {_ATTRIBUTES[name][1]: {"Value": value}}
    ebs = {"VolumeId": name.removeprefix(_VOLUME), "DeleteOnTermination": value["delete_on_termination"]}
    return {"BlockDeviceMappings": [{"DeviceName": value["device"], "Ebs": ebs}]}


def _protections(instance: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The attributes that the instance can have, and what to say of those that it cannot."""
    if instance.get("InstanceLifecycle") == "spot":
        return [], [_UNPROTECTED["spot"]]
    if instance.get("RootDeviceType") == "instance-store":
        return [_TERMINATION], [_UNPROTECTED["instance-store"]]
    return list(_ATTRIBUTES), []


def _volumes(instance: dict[str, Any]) -> dict[str, JsonObject]:
    return {
        _VOLUME + mapping["Ebs"]["VolumeId"]: {
            "device": mapping["DeviceName"],
            "delete_on_termination": bool(mapping["Ebs"]["DeleteOnTermination"]),
        }
        for mapping in instance.get("BlockDeviceMappings", [])
        if "Ebs" in mapping
    }


def _wanted(name: str, value: Any) -> Any:
    if name.startswith(_VOLUME):
        return {**value, "delete_on_termination": False}
    return "stop" if name == _SHUTDOWN else True


def _read(aws: Aws, target: Target, names: list[str]) -> Read:
    """Reads these fields. A volume that is not attached any more is missing from the answer."""

    def read() -> JsonObject:
        volumes = _volumes(find(aws, DESCRIBE, target.id))
        attributes = {name: partial(_attribute, aws, target, name) for name in names if name in _ATTRIBUTES}
        return {name: attribute() for name, attribute in attributes.items()} | {
            name: volumes[name] for name in names if name in volumes
        }

    return read


def _attribute(aws: Aws, target: Target, name: str) -> Any:
    asked, answered = _ATTRIBUTES[name]
    answer = cast(dict[str, Any], aws.need(GET, InstanceId=target.id, Attribute=asked))
    return answer[answered]["Value"]
