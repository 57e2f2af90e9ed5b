"""Instances in a world: with their interfaces, volumes and profile."""

from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from agent.record import Record
from tools.sandbox.chosen import chosen
from tools.sandbox.seeding import network
from tools.sandbox.seeding.iam import Name, principal_id
from tools.sandbox.seeding.network import Interface, Tags
from tools.sandbox.seeding.place import Place
from tools.sandbox.seeding.when import When, resolve

InstanceId = Annotated[str, Field(pattern=r"^i-[0-9a-f]{8,17}$")]
VolumeId = Annotated[str, Field(pattern=r"^vol-[0-9a-f]{8,17}$")]
_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
_IMAGE = "ami-0abcdef1234567890"
_OPERATOR = {"Managed": True, "Principal": "operator.amazonaws.com"}


class InstanceProfile(Record):
    """An instance profile, with a role of the world's `iam`, or of the account."""

    name: Name
    role: Name | None = None


class Volume(Record):
    """A volume of an instance. The first is the root."""

    id: VolumeId
    size: Annotated[int, Field(ge=1, le=16384)] = 8
    delete_on_termination: bool = True
    device: str | None = None
    """/dev/xvda for the first, /dev/sdf and on for the others."""
    tags: Tags = {}


class Instance(Record):
    """An instance. Without volumes it has one, of 8 GiB."""

    id: InstanceId
    state: Literal["pending", "running", "shutting-down", "terminated", "stopping", "stopped"] = "running"
    type: str = "t3.medium"
    image: Annotated[str, Field(pattern=r"^ami-[0-9a-f]{8,17}$")] = _IMAGE
    launched: When = "-30d"
    interfaces: Annotated[list[Interface], Field(min_length=1)]
    profile: Name | None = None
    tags: Tags = {}
    volumes: list[Volume] | None = None
    spot: bool = False
    market: Literal["one-time", "persistent"] = "one-time"
    """Of the Spot request, when `spot`."""
    managed: bool = False
    """Operator.Managed: run by a service on the account's behalf."""
    termination_protection: bool = False
    stop_protection: bool = False
    shutdown: Literal["stop", "terminate"] = "stop"
    """What a shutdown from inside does."""

    @model_validator(mode="after")
    def _spot_has_no_protection(self) -> "Instance":
        if self.spot and self.termination_protection:
            raise ValueError("termination_protection: a Spot instance has none")
        return self


def create_profile(place: Place, profile: InstanceProfile) -> None:
    """Make an instance profile, unless the account has it."""
    iam = place.global_backend("iam")
    if profile.name in iam.instance_profiles:
        return
    client = place.client("iam")
    client.create_instance_profile(InstanceProfileName=profile.name)
    iam.instance_profiles[profile.name].id = principal_id("AIPA", profile.name)
    if profile.role is not None:
        client.add_role_to_instance_profile(InstanceProfileName=profile.name, RoleName=profile.role)


def create_instance(place: Place, instance: Instance) -> None:
    """Make an instance with everything that it has."""
    backend = place.backend("ec2")
    interfaces = [network.create_interface(place, interface) for interface in instance.interfaces]
    volumes = instance.volumes if instance.volumes is not None else [Volume(id=_volume_id(instance.id))]
    first = instance.interfaces[0]
    disks = [_disk(number, volume) for number, volume in enumerate(volumes)]
    with chosen(instance.id, *(volume.id for volume in volumes)):
        made = backend.run_instances(
            instance.image, 1, None, [], instance_type=instance.type, is_instance_type_default=True,
            region_name=place.region,
            nics=[{"DeviceIndex": number, "NetworkInterfaceId": one.id} for number, one in enumerate(interfaces)],
            security_group_ids=[group.id for group in interfaces[0]._group_set], tags={"instance": instance.tags},
            block_device_mappings=disks, disable_api_stop=instance.stop_protection,
            instance_initiated_shutdown_behavior=instance.shutdown,
            instance_market_options="spot" if instance.spot else None,
        ).instances[0]  # fmt: skip
    made._subnet_id, made._placement.zone = first.subnet, interfaces[0].availability_zone
    for one, interface in zip(interfaces, instance.interfaces, strict=True):
        one.public_ip_auto_assign = interface.public_address is not None
        one.delete_on_termination = one is interfaces[0]
    for volume in volumes:
        disk = backend.get_volume(volume.id)
        disk.add_tags(volume.tags)
        disk.zone = backend.get_zone_by_name(interfaces[0].availability_zone)
    made.root_device_name = disks[0]["DeviceName"] if disks else made.root_device_name
    made.disable_api_termination = instance.termination_protection
    made.launch_time = resolve(instance.launched, place.now).replace(tzinfo=None)
    made.source_dest_check = first.source_dest_check
    if instance.managed:
        made.operator = dict(_OPERATOR)
    if instance.spot:
        made.spot_instance_request_id = f"sir-{sha256(instance.id.encode()).hexdigest()[:8]}"
        made.spot_request_type = instance.market
    if instance.profile is not None:
        backend.associate_iam_instance_profile(instance.id, instance.profile)
    _bring_to(made, instance.state)


def _volume_id(instance: str) -> str:
    return f"vol-{sha256(instance.encode()).hexdigest()[:17]}"


def _disk(number: int, volume: Volume) -> dict[str, Any]:
    device = volume.device or ("/dev/xvda" if number == 0 else f"/dev/sd{chr(ord('f') + number - 1)}")
    return {
        "DeviceName": device,
        "Ebs": {"VolumeSize": volume.size, "VolumeType": "gp3", "DeleteOnTermination": volume.delete_on_termination},
    }


def _bring_to(made: Any, state: str) -> None:
    """A stopped instance has lost its public address, a terminated one its interfaces and volumes."""
    if state == "stopped":
        made.stop()
    elif state == "terminated":
        made.terminate()
    made._state.name, made._state.code = state, _CODES[state]
