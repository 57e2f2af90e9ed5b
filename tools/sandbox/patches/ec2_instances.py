"""Instances: their attributes, what protection and Spot refuse, and what is left of them when they end."""

from typing import Any

from tools.sandbox.mechanism import patch

_MODEL, _RESPONSE = "moto.ec2.models.instances", "moto.ec2.responses.instances"
_FLAGS = {
    "DisableApiTermination": "disable_api_termination",
    "DisableApiStop": "disable_api_stop",
    "SourceDestCheck": "source_dest_check",
    "EbsOptimized": "ebs_optimized",
}
_SHUTDOWN = "InstanceInitiatedShutdownBehavior"
_OTHERS = ("InstanceType", "Kernel", "Ramdisk", "UserData", "EnaSupport", "SriovNetSupport")


@patch(
    f"{_RESPONSE}",
    "InstanceResponse.modify_instance_attribute",
    source="d8d8c7a889b5",
    why="moto takes several attributes at once, forgets the shutdown behaviour, and keeps flags as text",
)
def _attributes(original: Any) -> Any:
    def modify(self: Any) -> Any:
        from moto.core.responses import EmptyResult
        from moto.ec2.exceptions import EC2ClientError, InvalidParameterCombination

        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        asked = _asked(self)
        if len(asked) != 1:
            raise InvalidParameterCombination(
                "No attributes specified." if not asked else "Fields for multiple attribute types specified"
            )
        (name, value), *_ = asked.items()
        if hasattr(instance, "operator"):
            raise EC2ClientError("OperationNotPermitted", f"{instance.operator['Principal']} manages {instance.id}.")
        if name not in _FLAGS and name != _SHUTDOWN:
            return original(self)
        self.error_on_dryrun()
        _set(instance, name, value)
        return EmptyResult()

    return modify


def _asked(response: Any) -> dict[str, Any]:
    """The attributes that a request wants changed, whichever way it says so."""
    asked = {
        name: response._get_param(f"{name}.Value")
        for name in (*_FLAGS, _SHUTDOWN, *_OTHERS)
        if response._get_param(f"{name}.Value") is not None
    }
    for name in ("BlockDeviceMappings", "Groups"):
        if response._get_param(name, []):
            asked[name] = response._get_param(name)
    named = response._get_param("Attribute")
    if named is not None and not asked:
        asked[named[0].upper() + named[1:]] = response._get_param("Value")
    return asked


def _set(instance: Any, name: str, value: Any) -> None:
    from moto.ec2.exceptions import EC2ClientError, InvalidParameterValueError

    if name == _SHUTDOWN:
        if value not in ("stop", "terminate"):
            raise InvalidParameterValueError(value)
        instance.instance_initiated_shutdown_behavior = value
        return
    on = str(value).lower() == "true"
    if name == "DisableApiTermination" and on and instance.lifecycle == "spot":
        raise EC2ClientError(
            "UnsupportedOperation", f"Termination protection is not supported for the Spot Instance '{instance.id}'."
        )
    setattr(instance, _FLAGS[name], on)
    if name == "SourceDestCheck" and 0 in instance.nics:
        instance.nics[0].source_dest_check = on


@patch(
    _RESPONSE,
    "InstanceResponse._block_device_mapping_handler",
    source="83a54aa65537",
    why="moto fails on a device that is not there",
)
def _devices(original: Any) -> Any:
    def handle(self: Any) -> bool:
        from moto.ec2.exceptions import EC2ClientError

        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        for mapping in self._get_param("BlockDeviceMappings", []):
            if mapping.get("DeviceName") not in instance.block_device_mapping:
                raise EC2ClientError(
                    "InvalidInstanceAttributeValue",
                    f"No device is currently mapped at {mapping.get('DeviceName')}",
                )
        return bool(original(self))

    return handle


@patch(
    _MODEL,
    "InstanceBackend.stop_instances",
    source="122b72200b48",
    why="moto stops one-time Spot instances, and some where it should refuse all",
)
def _stop(original: Any) -> Any:
    def stop(self: Any, instance_ids: list[str]) -> Any:
        from moto.ec2.exceptions import EC2ClientError, OperationDisableApiStopNotPermitted

        for instance in self.get_multi_instances_by_id(instance_ids):
            if instance.disable_api_stop:
                raise OperationDisableApiStopNotPermitted(instance.id)
            if instance.lifecycle == "spot" and getattr(instance, "spot_request_type", "one-time") == "one-time":
                raise EC2ClientError(
                    "UnsupportedOperation",
                    f"You can't stop the Spot Instance '{instance.id}' because it is associated with a one-time Spot "
                    "Instance request. You can only stop Spot Instances associated with persistent Spot Instance requests.",
                )
        return original(self, instance_ids)

    return stop


@patch(
    _MODEL,
    "InstanceBackend.terminate_instances",
    source="00c52272f035",
    why="moto terminates some where it should refuse all",
)
def _terminate(original: Any) -> Any:
    def terminate(self: Any, instance_ids: list[str]) -> Any:
        from moto.ec2.exceptions import OperationNotPermitted4

        for instance in self.get_multi_instances_by_id(instance_ids):
            if instance.disable_api_termination:
                raise OperationNotPermitted4(instance.id)
        return original(self, instance_ids)

    return terminate


@patch(
    "moto.ec2.models.iam_instance_profile",
    "IamInstanceProfileAssociation.__init__",
    source="3643452f944b",
    why="moto gives the association's id as the profile's",
)
def _profile_id(original: Any) -> Any:
    def init(self: Any, ec2_backend: Any, association_id: str, instance: Any, iam_instance_profile: Any) -> None:
        original(self, ec2_backend, association_id, instance, iam_instance_profile)
        instance.iam_instance_profile = {"Arn": iam_instance_profile.arn, "Id": iam_instance_profile.id}

    return init


@patch(
    _MODEL, "Instance.terminate", source="b5e4ee68c414", why="moto leaves interfaces attached to a terminated instance"
)
def _ended(original: Any) -> Any:
    def terminate(self: Any) -> Any:
        previous = original(self)
        for eni in self.nics.values():
            eni.instance = eni.attachment_id = eni.attach_time = None
            eni.status = "available"
        return previous

    return terminate


@patch(_MODEL, "Instance.network_interfaces", source="5cb18a10ccfa", why="a terminated instance has none any more")
def _interfaces(original: Any) -> Any:
    return property(lambda self: [] if self.state == "terminated" else list(self.nics.values()))


@patch(
    _RESPONSE,
    "InstanceResponse.describe_instance_attribute",
    source="dce9c24828db",
    why="moto does not answer the block devices",
)
def _attribute(original: Any) -> Any:
    def describe(self: Any) -> Any:
        from moto.core.responses import ActionResult

        if self._get_param("Attribute") != "blockDeviceMapping":
            return original(self)
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        return ActionResult({"InstanceId": instance.id, "BlockDeviceMappings": instance.block_device_mappings})

    return describe
