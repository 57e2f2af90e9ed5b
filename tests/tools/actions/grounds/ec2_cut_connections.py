"""An instance in quarantine, in two VPCs, whose connections go on; one that an earlier run cut; one left open by a dead run."""

from collections.abc import Callable

from instance_scene import (
    INSTANCE,
    LEFT_OPEN_WORLD,
    QUARANTINED_WORLD,
    SIBLINGS,
    TWO_IN_QUARANTINE_WORLD,
    ec2,
    look,
    reachable,
    target,
)

from agent.plan import Change
from grounds import Ground
from tools.sandbox.engine import Sandbox


def _cut_again(sandbox: Sandbox, change: Change) -> None:
    """Another run cuts."""
    ec2(sandbox).create_tags(Resources=[change.target.id], Tags=[{"Key": "stanch:cut", "Value": "another run"}])


def _terminate(sandbox: Sandbox, change: Change) -> None:
    """Nothing less stops an execution that finds interfaces open: it closes them first."""
    ec2(sandbox).terminate_instances(InstanceIds=[change.target.id])


def _ground(name: str, world: str, drift: Callable[[Sandbox, Change], None] = _cut_again, *, failing: bool) -> Ground:
    return Ground(
        name=name,
        world=world,
        target=target(INSTANCE),
        look=look,
        drift=drift,
        sibling=lambda sandbox: reachable(sandbox, SIBLINGS),
        failing=failing,
    )


GROUNDS = [
    _ground("in_quarantine", QUARANTINED_WORLD, failing=False),
    _ground("two_in_quarantine", TWO_IN_QUARANTINE_WORLD, failing=True),
    _ground("cut_before", QUARANTINED_WORLD.replace("Name: web-1", 'Name: web-1, "stanch:cut": r0'), failing=False),
    _ground("left_open_by_a_dead_run", LEFT_OPEN_WORLD, _terminate, failing=False),
]
