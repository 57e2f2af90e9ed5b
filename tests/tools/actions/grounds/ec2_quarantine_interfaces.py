"""An instance with interfaces in two VPCs: without any quarantine group yet, with one, and in quarantine already."""

from instance_scene import (
    FIRST,
    INSTANCE,
    QUARANTINED_WORLD,
    SECOND,
    SIBLINGS,
    STOPPED,
    THIRD,
    WEB,
    WORLD,
    ec2,
    look,
    reachable,
    target,
)

from agent.plan import Change
from grounds import Ground
from tools.sandbox.engine import Sandbox

_INTERFACES = {INSTANCE: (FIRST, SECOND, THIRD), STOPPED: ("eni-0aa00000000000041",)}


def _regroup(sandbox: Sandbox, change: Change) -> None:
    """Somebody gives an interface a group that is neither what it had nor quarantine."""
    client = ec2(sandbox)
    group = client.create_security_group(GroupName="debug", Description="debug", VpcId="vpc-0aa00000000000001")[
        "GroupId"
    ]
    client.modify_network_interface_attribute(NetworkInterfaceId=min(change.before), Groups=[group, WEB])


def _ground(name: str, world: str, instance: str, *, open_: bool, failing: bool = False) -> Ground:
    return Ground(
        name=name,
        world=world,
        target=target(instance),
        look=look,
        drift=_regroup,
        sibling=lambda sandbox: reachable(sandbox, SIBLINGS),
        attacker=(lambda sandbox: reachable(sandbox, *_INTERFACES[instance])) if open_ else None,
        failing=failing,
    )


GROUNDS = [
    _ground("two_vpcs_no_quarantine_group_yet", WORLD, INSTANCE, open_=True, failing=True),
    _ground("stopped_and_a_group_that_serves_others", QUARANTINED_WORLD, STOPPED, open_=True),
    _ground("in_quarantine_already", QUARANTINED_WORLD, INSTANCE, open_=False),
]
