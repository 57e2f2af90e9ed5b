"""An instance in three target groups: under the group's port, under two ports of its own, and by an address."""

from instance_scene import INSTANCE, SIBLING, WORLD, look, target, targets

from agent.plan import Change
from grounds import ACCOUNT, REGION, Ground
from tools.sandbox.engine import Sandbox


def _register(sandbox: Sandbox, change: Change) -> None:
    """Somebody registers it under a further port."""
    elbv2 = sandbox.client("elbv2", ACCOUNT, REGION)
    group = elbv2.describe_target_groups(Names=["admin"])["TargetGroups"][0]["TargetGroupArn"]
    elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": change.target.id, "Port": 8099}])


def _served(sandbox: Sandbox, instance: str) -> bool:
    return any(one == instance for listed in targets(sandbox).values() for one, _ in listed)


GROUNDS = [
    Ground(
        name="three_groups_four_ports",
        world=WORLD,
        target=target(),
        look=look,
        drift=_register,
        sibling=lambda sandbox: _served(sandbox, SIBLING),
        attacker=lambda sandbox: _served(sandbox, INSTANCE) or _served(sandbox, "10.0.2.11"),
        failing=True,
    )
]
