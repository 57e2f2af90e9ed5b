"""An instance of a group that may shrink, and one that is in no group."""

from instance_scene import INSTANCE, SIBLING, SPOT, WORLD, lifecycles, look, target, targets

from agent.plan import Change
from grounds import ACCOUNT, REGION, Ground
from tools.sandbox.engine import Sandbox


def _leave(sandbox: Sandbox, change: Change) -> None:
    """Somebody takes the instance out of its group, or into it."""
    autoscaling = sandbox.client("autoscaling", ACCOUNT, REGION)
    if change.target.id in lifecycles(sandbox):
        autoscaling.detach_instances(
            InstanceIds=[change.target.id], AutoScalingGroupName="web", ShouldDecrementDesiredCapacity=False
        )
    else:
        autoscaling.attach_instances(InstanceIds=[change.target.id], AutoScalingGroupName="web")


def _serves(sandbox: Sandbox) -> bool:
    return lifecycles(sandbox)[SIBLING] == "InService" and (SIBLING, 443) in targets(sandbox)["web"]


def _served_by_instance(sandbox: Sandbox) -> bool:
    return (INSTANCE, 443) in targets(sandbox)["web"]


GROUNDS = [
    Ground(
        name="in_a_group_that_may_shrink",
        world=WORLD,
        target=target(),
        look=look,
        drift=_leave,
        sibling=_serves,
        attacker=_served_by_instance,
        failing=True,
    ),
    Ground(name="in_no_group", world=WORLD, target=target(SPOT), look=look, drift=_leave, sibling=_serves),
]
