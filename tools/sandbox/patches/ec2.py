"""Network interfaces keep the security groups that they are given, and take no others than their VPC's."""

from typing import Any

from tools.sandbox.mechanism import patch

_ENI = "moto.ec2.models.elastic_network_interfaces"


@patch(
    _ENI,
    "NetworkInterface.group_set",
    source="6a603bb54df8",
    why="moto adds the instance's old groups to the interface's new ones",
)
def _own_groups(original: Any) -> Any:
    return property(lambda self: self._group_set or list(self.instance.security_groups if self.instance else []))


@patch(
    _ENI,
    "NetworkInterfaceBackend.create_network_interface",
    source="d6c69450e83b",
    why="moto makes up groups that are not there",
)
def _create(original: Any) -> Any:
    def create(
        self: Any, subnet: Any, address: Any, addresses: Any = None, group_ids: Any = None, *rest: Any, **more: Any
    ) -> Any:
        vpc_id = (self.get_subnet(subnet) if isinstance(subnet, str) else subnet).vpc_id
        for group_id in group_ids or ():
            group_of(self, group_id, vpc_id)
        return original(self, subnet, address, addresses, group_ids, *rest, **more)

    return create


@patch(
    _ENI,
    "NetworkInterfaceBackend.modify_network_interface_attribute",
    source="4f6c4782da6d",
    why="moto takes unknown and foreign groups, none at all, several attributes at once, and a service's interface",
)
def _modify(original: Any) -> Any:
    def modify(
        self: Any, eni_id: str, group_ids: list[str], source_dest_check: Any = None, description: Any = None
    ) -> None:
        from moto.ec2.exceptions import InvalidParameterCombination

        eni = self.get_network_interface(eni_id)
        asked = sum((bool(group_ids), source_dest_check is not None, description is not None))
        if asked != 1:
            raise InvalidParameterCombination(
                "No attributes specified." if asked == 0 else "Fields for multiple attribute types specified"
            )
        _ours_to_change(eni)
        groups = [group_of(self, group_id, eni.subnet.vpc_id) for group_id in dict.fromkeys(group_ids)]
        original(self, eni_id, [group.id for group in groups], source_dest_check, description)
        _tell_the_instance(eni, groups, source_dest_check)

    return modify


def _ours_to_change(eni: Any) -> None:
    from moto.ec2.exceptions import EC2ClientError

    if eni.requester_managed:
        raise EC2ClientError("AuthFailure", "You do not have permission to access the specified resource.")
    if hasattr(eni, "operator"):
        raise EC2ClientError(
            "OperationNotPermitted", f"The operation is not permitted: {eni.operator['Principal']} manages {eni.id}."
        )


def _tell_the_instance(eni: Any, groups: list[Any], source_dest_check: Any) -> None:
    """An instance shows what its primary interface has."""
    if eni.instance is None or eni.device_index != 0:
        return
    if groups:
        eni.instance.security_groups = groups
    if source_dest_check is not None:
        eni.instance.source_dest_check = source_dest_check


def group_of(backend: Any, group_id: str, vpc_id: str) -> Any:
    """The group with that id, which must be of that VPC."""
    from moto.ec2.exceptions import InvalidParameterValueError, InvalidSecurityGroupNotFoundError

    group = backend.get_security_group_from_id(group_id)
    if group is None:
        raise InvalidSecurityGroupNotFoundError(group_id)
    if group.vpc_id != vpc_id:
        raise InvalidParameterValueError(group_id)
    return group


@patch(
    _ENI,
    "NetworkInterface.get_filter_value",
    source="8522d5e15c0e",
    why="moto lacks filters that ours need, and answers a zone wrongly",
)
def _filters(original: Any) -> Any:
    def value(self: Any, filter_name: str, method_name: str | None = None) -> Any:
        known = {
            "association.public-ip": self.public_ip,
            "addresses.association.public-ip": self.public_ip,
            "addresses.private-ip-address": [one["PrivateIpAddress"] for one in self.private_ip_addresses],
            "attachment.status": "attached" if self.attachment_id else "detached",
            "availability-zone": self.subnet.availability_zone,
            "group-id": [group.id for group in self.group_set],
            "interface-type": self.interface_type,
            "ipv6-addresses.ipv6-address": list(self.ipv6_addresses),
            "operator.managed": str(hasattr(self, "operator")).lower(),
            "requester-managed": str(self.requester_managed).lower(),
            "source-dest-check": str(self.source_dest_check).lower(),
            "status": self.status,
        }
        return known[filter_name] if filter_name in known else original(self, filter_name, method_name)

    return value


@patch(
    "moto.ec2.responses.elastic_network_interfaces",
    "ElasticNetworkInterfaces.describe_network_interfaces",
    source="b08ae5fb1e2f",
    why="moto shows managed resources to whoever does not ask for them",
)
def _managed(original: Any) -> Any:
    def describe(self: Any) -> Any:
        answer = original(self)
        if not hidden_too(self) and not self._get_param("NetworkInterfaceIds", []):
            shown = [eni for eni in answer.result["NetworkInterfaces"] if not hasattr(eni, "operator")]
            answer.result["NetworkInterfaces"] = shown
        return answer

    return describe


def hidden_too(response: Any) -> bool:
    """Whether a Describe call asks for what a service manages as well."""
    return bool(response._get_bool_param("IncludeManagedResources", False))


@patch(
    "moto.ec2.models.instances",
    "InstanceBackend.modify_instance_security_groups",
    source="1581d16948b7",
    why="moto leaves the interfaces, and takes an instance that has several",
)
def _instance_groups(original: Any) -> Any:
    def modify(self: Any, instance_id: str, new_group_id_list: list[str]) -> Any:
        from moto.ec2.exceptions import EC2ClientError

        instance = self.get_instance(instance_id)
        if len(instance.nics) > 1:
            raise EC2ClientError(
                "InvalidInstanceID",
                f"There are multiple interfaces attached to instance '{instance_id}'. "
                "Please specify an interface ID for the operation instead.",
            )
        for eni in instance.nics.values():
            eni._group_set = [group_of(self, group_id, eni.subnet.vpc_id) for group_id in new_group_id_list]
        return original(self, instance_id, new_group_id_list)

    return modify
