"""An instance with two volumes, and a stopped one with one."""

from instance_scene import INSTANCE, SIBLING, STOPPED, WORLD, ec2, look, target

from agent.plan import Change
from grounds import Ground
from tools.sandbox.engine import Sandbox


def _replace(sandbox: Sandbox, change: Change) -> None:
    """A volume goes from the instance, and with it what was snapshot."""
    for snapshot in ec2(sandbox).describe_snapshots(OwnerIds=["self"])["Snapshots"]:
        ec2(sandbox).delete_snapshot(SnapshotId=snapshot["SnapshotId"])
    ec2(sandbox).detach_volume(VolumeId=next(iter(change.before)), InstanceId=change.target.id)


def _not_copied(sandbox: Sandbox) -> bool:
    filters = [{"Name": "tag:stanch:instance", "Values": [SIBLING]}]
    return not ec2(sandbox).describe_snapshots(OwnerIds=["self"], Filters=filters)["Snapshots"]


def _ground(name: str, instance: str) -> Ground:
    return Ground(
        name=name, world=WORLD, target=target(instance), look=look, drift=_replace, sibling=_not_copied, failing=name == "two_volumes"
    )  # fmt: skip


GROUNDS = [_ground("two_volumes", INSTANCE), _ground("stopped", STOPPED)]
