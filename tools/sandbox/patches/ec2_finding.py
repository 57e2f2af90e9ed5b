"""What finds instances: filters, who manages them, and whether a thing that gets a tag is there."""

from typing import Any

from tools.sandbox.mechanism import patch
from tools.sandbox.patches.ec2 import hidden_too


@patch(
    "moto.ec2.responses.instances",
    "InstanceResponse.describe_instances",
    source="fa6a9013b378",
    why="moto shows managed resources to everybody",
)
def _managed(original: Any) -> Any:
    def describe(self: Any) -> Any:
        answer = original(self)
        if not hidden_too(self) and not self._get_param("InstanceIds", []):
            for reservation in answer.result["Reservations"]:
                reservation.instances = [one for one in reservation.instances if not hasattr(one, "operator")]
            answer.result["Reservations"] = [one for one in answer.result["Reservations"] if one.instances]
        return answer

    return describe


@patch("moto.ec2.utils", "passes_filter_dict", source="c38c30597680", why="moto lacks filters that ours need")
def _filters(original: Any) -> Any:
    def passes(instance: Any, filter_dict: dict[str, Any]) -> bool:
        rest = {}
        for name, wanted in filter_dict.items():
            if name not in _FOUND_BY:
                rest[name] = wanted
            elif not set(_FOUND_BY[name](instance)) & set(wanted):
                return False
        return bool(original(instance, rest))

    return passes


_FOUND_BY: dict[str, Any] = {
    "iam-instance-profile.arn": lambda one: [(one.iam_instance_profile or {}).get("Arn")],
    "iam-instance-profile.id": lambda one: [(one.iam_instance_profile or {}).get("Id")],
    "instance-lifecycle": lambda one: [one.lifecycle],
    "network-interface.network-interface-id": lambda one: [eni.id for eni in one.nics.values()],
    "network-interface.group-id": lambda one: [group.id for eni in one.nics.values() for group in eni.group_set],
    "network-interface.subnet-id": lambda one: [eni.subnet.id for eni in one.nics.values()],
    "network-interface.vpc-id": lambda one: [eni.subnet.vpc_id for eni in one.nics.values()],
    "network-interface.addresses.private-ip-address": lambda one: [
        address["PrivateIpAddress"] for eni in one.nics.values() for address in eni.private_ip_addresses
    ],
    "network-interface.addresses.association.public-ip": lambda one: [eni.public_ip for eni in one.nics.values()],
    "operator.managed": lambda one: [str(hasattr(one, "operator")).lower()],
    "spot-instance-request-id": lambda one: [getattr(one, "spot_instance_request_id", None)],
}


@patch(
    "moto.ec2.models",
    "EC2Backend.do_resources_exist",
    source="18f0de506190",
    why="moto tags instances that are not there",
)
def _there(original: Any) -> Any:
    def check(self: Any, resource_ids: list[str]) -> bool:
        for identity in resource_ids:
            if identity.startswith("i-"):
                self.get_instance(identity)
            elif identity.startswith("eni-"):
                self.get_network_interface(identity)
        return bool(original(self, resource_ids))

    return check
