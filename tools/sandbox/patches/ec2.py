"""Network interfaces keep the security groups that they are given."""

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
    "NetworkInterfaceBackend.modify_network_interface_attribute",
    source="4f6c4782da6d",
    why="moto takes unknown and foreign groups",
)
def _modify(original: Any) -> Any:
    def modify(
        self: Any, eni_id: str, group_ids: list[str], source_dest_check: Any = None, description: Any = None
    ) -> None:
        eni = self.get_network_interface(eni_id)
        groups = [_group(self, group_id, eni.subnet.vpc_id) for group_id in group_ids]
        original(self, eni_id, group_ids, source_dest_check, description)
        if groups and eni.instance and eni.device_index == 0:
            eni.instance.security_groups = groups

    return modify


def _group(backend: Any, group_id: str, vpc_id: str) -> Any:
    from moto.ec2.exceptions import InvalidParameterValueError, InvalidSecurityGroupNotFoundError

    group = backend.get_security_group_from_id(group_id)
    if group is None:
        raise InvalidSecurityGroupNotFoundError(group_id)
    if group.vpc_id != vpc_id:
        raise InvalidParameterValueError(group_id)
    return group


@patch(
    "moto.ec2.models.instances",
    "InstanceBackend.modify_instance_security_groups",
    source="1581d16948b7",
    why="moto leaves the interfaces",
)
def _instance_groups(original: Any) -> Any:
    def modify(self: Any, instance_id: str, new_group_id_list: list[str]) -> Any:
        instance = original(self, instance_id, new_group_id_list)
        for eni in instance.nics.values():
            eni._group_set = list(instance.security_groups)
        return instance

    return modify
