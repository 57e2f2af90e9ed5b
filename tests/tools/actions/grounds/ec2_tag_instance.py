"""An instance without our tag, and one that an earlier run tagged."""

from typing import Any

from instance_scene import INSTANCE, SIBLING, STOPPED, WORLD, ec2, look, target

from agent.plan import Change
from grounds import Ground
from tools.sandbox.engine import Sandbox


def _retag(sandbox: Sandbox, change: Change) -> None:
    ec2(sandbox).create_tags(Resources=[change.target.id], Tags=[{"Key": "stanch:contained", "Value": "somebody else"}])


def _untagged(sandbox: Sandbox) -> bool:
    tags: list[Any] = ec2(sandbox).describe_tags(Filters=[{"Name": "resource-id", "Values": [SIBLING]}])["Tags"]
    return all(tag["Key"] != "stanch:contained" for tag in tags)


def _ground(name: str, instance: str) -> Ground:
    return Ground(
        name=name, world=WORLD, target=target(instance), look=look, drift=_retag, sibling=_untagged, failing=True
    )  # fmt: skip


GROUNDS = [_ground("no_such_tag", INSTANCE), _ground("tagged_by_an_earlier_run", STOPPED)]
