"""Snapshot all volumes of an instance at one moment, once for each run."""

from dataclasses import replace
from typing import Any, cast

from agent.catalogue import ActionSpec, Disruption, Reversal
from agent.plan import Change, Effect, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject, Record
from agent.target import Target, TargetKind
from tools.aws import Aws, AwsCall, Gone, Phase, Unreachable
from tools.instances import INSTANCES, describing, find, subject
from tools.transition import Part, field_by_field, in_parts, read_back

SPEC = ActionSpec(
    id="ec2_snapshot_volumes",
    target=TargetKind.INSTANCE,
    order=110,
    reversal=Reversal.FORWARD_ONLY,
    disruption=Disruption.NONE,
    summary="Start a snapshot of every volume of the instance.",
    disrupts="Nobody: the instance goes on; snapshots cost until somebody deletes them.",
    leaves_open=[
        "A snapshot takes up to hours to complete, and the volume must stay until then.",
        "Memory and instance-store volumes are not in a snapshot.",
        "Whoever may delete snapshots may delete these.",
    ],
    per_run=True,
)

RUN, INSTANCE = "stanch:run", "stanch:instance"
"""The tags by which a second attempt finds the first one's snapshots: CreateSnapshots knows no client token."""
_WAITS = (1.0, 2.0, 4.0)
"""Seconds until DescribeSnapshots shows what a call whose answer was lost may have started."""

_READING = (Phase.PLAN, Phase.EXECUTE, Phase.VERIFY)
DESCRIBE = describing(Phase.PLAN, Phase.EXECUTE)
LIST = AwsCall("ec2", "DescribeSnapshots", "ec2:DescribeSnapshots", "*", frozenset(_READING))
CREATE = AwsCall(
    "ec2", "CreateSnapshots", "ec2:CreateSnapshots", INSTANCES, frozenset({Phase.EXECUTE}), writes=True
)  # fmt: skip
_SNAPSHOTS = "arn:{partition}:ec2:{region}::snapshot/*"
CALLS = frozenset(
    {
        DESCRIBE,
        LIST,
        CREATE,
        replace(CREATE, resource="arn:{partition}:ec2:{region}:{account}:volume/*"),
        replace(CREATE, resource=_SNAPSHOTS),
        replace(CREATE, resource=_SNAPSHOTS, permission="ec2:CreateTags"),
    }
)


class Params(Record):
    """What a change carries beside the state: made by `plan`, not chosen by anybody."""

    run_id: str


class Given(Record):
    """What code may hand to `plan`: snapshots that an earlier run made, and left for this one to go on with."""

    made: list[str] = []


def plan(aws: Aws, target: Target, params: JsonObject, run_id: str) -> Change | Inapplicable:
    """Before and after: by volume, null or the run that has a snapshot of it. `already_so` if `made` has one of every volume."""
    instance = subject(aws, DESCRIBE, target, SPEC.id)
    if isinstance(instance, Inapplicable):
        return instance
    volumes = _volumes(instance)
    if not volumes:
        detail = "the instance has no EBS volume"
        return Inapplicable(action=SPEC.id, target=target, reason="not_supported", detail=detail)
    made = Given.model_validate({"made": params.get("made", [])}).made
    kept = _standing(aws, made) if made else {}
    if made and kept.keys() >= {*volumes}:
        told = ", ".join(f"{kept[volume]} of {volume}" for volume in volumes)
        return Inapplicable(
            action=SPEC.id, target=target, reason="already_so", detail=f"an earlier run's stand: {told}"
        )
    taken = _taken(aws, target, run_id)
    return Change(
        action=SPEC.id,
        target=target,
        params=Params(run_id=run_id).model_dump(mode="json"),
        before={volume: run_id if volume in taken else None for volume in volumes},
        after=dict.fromkeys(volumes, run_id),
        blast_radius=[Effect(what="Snapshots are kept, and cost, until somebody deletes them.", count=len(volumes))],
        leaves_open=SPEC.leaves_open,
    )


def execute(aws: Aws, change: Change) -> Executed | Drifted:
    """Snapshot, in one call and so at one moment, the volumes that this run has no snapshot of."""
    target, run_id = change.target, Params.model_validate(change.params).run_id
    started: dict[str, str] = {}

    def read() -> JsonObject:
        attached = _volumes(find(aws, DESCRIBE, target.id))
        taken = _taken(aws, target, run_id)
        return {one: run_id if one in taken else None for one in change.after if one in attached or one in taken}

    def todo(found: JsonObject) -> list[Part] | Drifted:
        parts = field_by_field(found, expected=change.before, wanted=change.after, write=lambda volume: None)
        if isinstance(parts, Drifted) or not parts:
            return parts
        there = [one for one in change.after if found[one] is not None]
        name = ", ".join(part.name for part in parts)
        return [Part(name, lambda: started.update(_create(aws, target, run_id, leaving_out=there)))]

    done = in_parts(aws, read, todo, expected=change.before)
    if isinstance(done, Drifted) or done.outcome != "done":
        return done
    missing = [one for one in change.after if one not in started and one not in _taken(aws, target, run_id)]
    if missing:
        return Executed(outcome="partial", calls=done.calls, detail=f"no snapshot was started of {', '.join(missing)}")
    told = ", ".join(f"{snapshot} of {volume}" for volume, snapshot in sorted(started.items()))
    return done.model_copy(update={"detail": done.detail or told, "made": sorted(started.values())})


def verify(aws: Aws, change: Change) -> Verification:
    """By configuration: every volume has a snapshot of this run that has not failed. It may still be pending."""
    run_id = Params.model_validate(change.params).run_id

    def read() -> JsonObject:
        taken = _taken(aws, change.target, run_id)
        return {volume: run_id if volume in taken else None for volume in change.after}

    return read_back(aws, read, change.after, "DescribeSnapshots reads a snapshot of every volume, twice")


def undo(aws: Aws, change: Change) -> Executed | Drifted:
    """Nothing: evidence is kept."""
    return Executed(outcome="already", detail="snapshots are evidence, and are kept")


def _volumes(instance: dict[str, Any]) -> list[str]:
    return sorted(one["Ebs"]["VolumeId"] for one in instance.get("BlockDeviceMappings", []) if "Ebs" in one)


def _standing(aws: Aws, made: list[str]) -> dict[str, str]:
    """Those of these snapshots that are there and did not fail, by volume: by their ids, since tags are anybody's to write."""
    filters = [{"Name": "snapshot-id", "Values": made}]
    return {
        str(snapshot["VolumeId"]): str(snapshot["SnapshotId"])
        for page in aws.pages(LIST, OwnerIds=["self"], Filters=filters)
        for snapshot in cast(list[dict[str, Any]], page.get("Snapshots", []))
        if snapshot.get("State") != "error"
    }


def _taken(aws: Aws, target: Target, run_id: str) -> set[str]:
    """Volumes of which this run has a snapshot that did not fail."""
    filters = [{"Name": f"tag:{RUN}", "Values": [run_id]}, {"Name": f"tag:{INSTANCE}", "Values": [target.id]}]
    return {
        str(snapshot["VolumeId"])
        for page in aws.pages(LIST, OwnerIds=["self"], Filters=filters)
        for snapshot in cast(list[dict[str, Any]], page.get("Snapshots", []))
        if snapshot.get("State") != "error"
    }


def _create(aws: Aws, target: Target, run_id: str, leaving_out: list[str]) -> dict[str, str]:
    """The started snapshots, by volume. Where the answer is lost, waits until what was started would show."""
    instance = find(aws, DESCRIBE, target.id)
    root = instance.get("RootDeviceName")
    roots = {
        one["Ebs"]["VolumeId"] for one in instance["BlockDeviceMappings"] if one["DeviceName"] == root and "Ebs" in one
    }
    which: dict[str, Any] = {"InstanceId": target.id, "ExcludeBootVolume": bool(roots & set(leaving_out))}
    data = [one for one in leaving_out if one not in roots]
    if data:
        which["ExcludeDataVolumeIds"] = data
    tags = [{"Key": RUN, "Value": run_id}, {"Key": INSTANCE, "Value": target.id}]
    try:
        answer = aws.need(
            CREATE, InstanceSpecification=which, Description=f"Stanch run {run_id}: evidence of {target.id}",
            TagSpecifications=[{"ResourceType": "snapshot", "Tags": tags}],
        )  # fmt: skip
    except (Unreachable, Gone):
        for wait in _WAITS:
            if _taken(aws, target, run_id):
                break
            aws.sleep(wait)
        raise
    return {str(one["VolumeId"]): str(one["SnapshotId"]) for one in cast(list[dict[str, Any]], answer["Snapshots"])}
