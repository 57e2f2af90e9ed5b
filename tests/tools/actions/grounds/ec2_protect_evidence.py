"""An instance that nothing protects, and a Spot instance of which only the volume can be kept."""

from instance_scene import INSTANCE, SIBLING, SPOT, WORLD, ec2, look, target

from agent.plan import Change
from grounds import Ground
from tools.sandbox.engine import Sandbox


def _detach(sandbox: Sandbox, change: Change) -> None:
    """A volume goes from the instance: its setting is neither on nor off any more."""
    volume = next(name.removeprefix("volume ") for name in change.before if name.startswith("volume "))
    ec2(sandbox).detach_volume(VolumeId=volume, InstanceId=change.target.id)


def _unprotected(sandbox: Sandbox) -> bool:
    answer = ec2(sandbox).describe_instance_attribute(InstanceId=SIBLING, Attribute="disableApiTermination")
    return not answer["DisableApiTermination"]["Value"]


def _ground(name: str, instance: str) -> Ground:
    return Ground(
        name=name, world=WORLD, target=target(instance), look=look, drift=_detach, sibling=_unprotected,
        failing=name == "nothing_protects_it",
    )  # fmt: skip


GROUNDS = [_ground("nothing_protects_it", INSTANCE), _ground("spot", SPOT)]
