"""Auto Scaling groups in a world, with the instances that they keep."""

from typing import Annotated

from pydantic import Field, model_validator

from agent.record import Record
from tools.sandbox.seeding.elbv2 import BalancerName, target_group_arn
from tools.sandbox.seeding.instances import InstanceId
from tools.sandbox.seeding.network import Tags
from tools.sandbox.seeding.place import Place

_GROUP_TAG = "aws:autoscaling:groupName"
Size = Annotated[int, Field(ge=0, le=1000)]


class AutoScalingGroup(Record):
    """An Auto Scaling group. Its instances are the world's; it launches none when it is made."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    min: Size = 0
    desired: Size | None = None
    """As many as it has in service, when not given."""
    max: Size | None = None
    """`desired` and one when not given."""
    instances: list[InstanceId] = []
    standby: list[InstanceId] = []
    """Those of `instances` that are in standby."""
    target_groups: list[BalancerName] = []
    """Names. Its instances are registered by the target groups themselves."""
    suspended: list[str] = []
    """Suspended processes."""
    region: str | None = None
    tags: Tags = {}

    @property
    def in_service(self) -> list[str]:
        """The instances that count for the desired capacity."""
        return [instance for instance in self.instances if instance not in self.standby]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Minimum, desired, maximum."""
        desired = len(self.in_service) if self.desired is None else self.desired
        return self.min, desired, desired + 1 if self.max is None else self.max

    @model_validator(mode="after")
    def _sizes_fit(self) -> "AutoScalingGroup":
        least, desired, most = self.sizes
        if not least <= desired <= most:
            raise ValueError(f"desired: {desired} is not between min {least} and max {most}")
        for number, instance in enumerate(self.standby):
            if instance not in self.instances:
                raise ValueError(f"standby[{number}]: not one of its instances")
        return self


class AutoScalingSection(Record):
    """The `autoscaling` key of a world."""

    groups: list[AutoScalingGroup] = []


def seed(place: Place, section: AutoScalingSection) -> None:
    """Put the groups into the account. What is there already stays as it is."""
    for group in section.groups:
        here = place.at(group.region)
        if group.name not in here.backend("autoscaling").autoscaling_groups:
            _create(here, group)


def _create(place: Place, group: AutoScalingGroup) -> None:
    """CreateAutoScalingGroup would launch instances of its own, so the group is made empty and given the world's."""
    from moto.autoscaling.models import InstanceState

    autoscaling, ec2 = place.client("autoscaling"), place.backend("ec2")
    instances = [ec2.get_instance(instance) for instance in group.instances]
    subnets = list(dict.fromkeys(one.subnet_id for one in instances if one.nics))
    where = {"VPCZoneIdentifier": ",".join(subnets)} if subnets else {"AvailabilityZones": [f"{place.region}a"]}
    autoscaling.create_launch_configuration(
        LaunchConfigurationName=group.name, ImageId="ami-0abcdef1234567890", InstanceType="t3.medium"
    )
    least, desired, most = group.sizes
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=group.name, LaunchConfigurationName=group.name, MinSize=0, MaxSize=most, DesiredCapacity=0,
        TargetGroupARNs=[target_group_arn(place, name) for name in group.target_groups],
        Tags=[{"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in group.tags.items()], **where,
    )  # fmt: skip
    made = place.backend("autoscaling").autoscaling_groups[group.name]
    for instance in instances:
        instance.add_tags({_GROUP_TAG: group.name})
        state = "Standby" if instance.id in group.standby else "InService"
        made.instance_states.append(InstanceState(instance, state, autoscaling_group=made))
    made.min_size, made.desired_capacity = least, desired
    made.suspended_processes = list(group.suspended)
